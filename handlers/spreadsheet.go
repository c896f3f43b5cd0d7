package handlers

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// spreadsheet writes CSV (RFC 4180) that people open with a spreadsheet program: in UTF-8 with the mark those programs
// know it by, and without a field that they would take for a formula.
type spreadsheet struct{ out *csv.Writer }

const utf8Mark = "\ufeff"

// newSpreadsheet begins an answer that browsers keep as a file of that name.
func newSpreadsheet(c echo.Context, name string, header ...string) (spreadsheet, error) {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
	h.Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"`)
	if _, err := c.Response().Write([]byte(utf8Mark)); err != nil {
		return spreadsheet{}, fmt.Errorf("write file: %w", err)
	}
	s := spreadsheet{csv.NewWriter(c.Response())}
	s.out.UseCRLF = true
	return s, s.write(header...)
}

// write writes a row.
func (s spreadsheet) write(fields ...string) error {
	for i, field := range fields {
		fields[i] = inert(field)
	}
	if err := s.out.Write(fields); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	return nil
}

// end sends what is left.
func (s spreadsheet) end() error {
	s.out.Flush()
	if err := s.out.Error(); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	return nil
}

// inert keeps spreadsheet programs from reading a text as a formula (CWE-1236): an apostrophe goes before whatever one
// may begin with, in full width too and behind spaces.
func inert(field string) string {
	if strings.ContainsAny(field, "\t\r\n") || strings.IndexAny(strings.TrimLeft(field, " \u00a0\u3000"), "=+-@＝＋－＠") == 0 {
		return "'" + field
	}
	return field
}

// streamSheet answers with a file whose rows come one by one. It begins with the first of them, so that a refusal before
// is one. What fails later breaks the connection off: half a file must not pass for a whole one.
func streamSheet(c echo.Context, name string, header []string, each func(row func(fields ...string) error) error) error {
	var sheet spreadsheet
	begin := func() (err error) {
		if sheet.out == nil {
			sheet, err = newSpreadsheet(c, name, header...)
		}
		return err
	}
	err := each(func(fields ...string) error {
		if err := begin(); err != nil {
			return err
		}
		return sheet.write(fields...)
	})
	if err == nil {
		err = begin()
	}
	if err == nil {
		return sheet.end()
	}
	if c.Response().Committed {
		_ = http.NewResponseController(c.Response()).SetWriteDeadline(time.Unix(1, 0))
	}
	return err
}
