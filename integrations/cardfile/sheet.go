package cardfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

const (
	// maxUnzipped bounds what a workbook may unfold to; a million card rows take about 1 GB.
	maxUnzipped = 2 << 30
	// maxInMemory is how much of a sheet is held in memory; more goes through a temporary file.
	maxInMemory = 64 << 20
)

// dateColumns are the columns whose numbers are days of the spreadsheet's calendar.
var dateColumns = []string{"received_on", "valid_to"}

// sheetRows reads the first sheet of a workbook. Cells count as they are stored, so that a number shown as
// 3.2E+17 is not taken for what it seems to be; only dates are turned into text.
type sheetRows struct {
	book  *excelize.File
	rows  *excelize.Rows
	line  int64
	total int64
	dates []int
	later bool // the workbook counts its days from 1904
}

func newSheet(file *os.File) (*sheetRows, error) {
	book, err := excelize.OpenFile(file.Name(), excelize.Options{
		RawCellValue: true, UnzipSizeLimit: maxUnzipped, UnzipXMLSizeLimit: maxInMemory,
	})
	if err != nil {
		return nil, fmt.Errorf("read spreadsheet: %w", err)
	}
	s, err := firstSheet(book)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read spreadsheet: %w", err), book.Close())
	}
	return s, file.Close()
}

func firstSheet(book *excelize.File) (*sheetRows, error) {
	name := book.GetSheetName(0)
	rows, err := book.Rows(name)
	if err != nil {
		return nil, err
	}
	s := &sheetRows{book: book, rows: rows}
	if properties, err := book.GetWorkbookProps(); err == nil && properties.Date1904 != nil {
		s.later = *properties.Date1904
	}
	if dimension, err := book.GetSheetDimension(name); err == nil {
		_, last, _ := strings.Cut(dimension, ":")
		if _, row, err := excelize.CellNameToCoordinates(last); err == nil {
			s.total = int64(row)
		}
	}
	return s, nil
}

func (s *sheetRows) done() float64 {
	if s.total == 0 {
		return 0
	}
	return min(1, float64(s.line)/float64(s.total))
}

func (s *sheetRows) close() error { return errors.Join(s.rows.Close(), s.book.Close()) }

func (s *sheetRows) next() (Row, error) {
	for s.rows.Next() {
		s.line++
		fields, err := s.rows.Columns(excelize.Options{RawCellValue: true})
		if err != nil {
			return Row{}, &RowError{s.line, "the row cannot be read"}
		}
		if !slices.ContainsFunc(fields, func(field string) bool { return strings.TrimSpace(field) != "" }) {
			continue
		}
		if s.dates == nil {
			s.dates = []int{}
			for i, field := range fields {
				if slices.Contains(dateColumns, strings.ToLower(strings.TrimSpace(field))) {
					s.dates = append(s.dates, i)
				}
			}
		}
		s.writeDates(fields)
		return Row{s.line, fields}, nil
	}
	if err := s.rows.Error(); err != nil {
		return Row{}, fmt.Errorf("read spreadsheet: %w", err)
	}
	return Row{}, io.EOF
}

// writeDates turns numbers in the date columns into days.
func (s *sheetRows) writeDates(fields []string) {
	for _, i := range s.dates {
		if i >= len(fields) {
			continue
		}
		number, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			continue
		}
		if day, err := excelize.ExcelDateToTime(number, s.later); err == nil {
			fields[i] = day.Format(time.DateOnly)
		}
	}
}
