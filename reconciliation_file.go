package citycard

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

// MaxReconciliation is the most bytes an uploaded list may have: about 200,000 rows with every column of ours, or a
// million bare numbers.
const MaxReconciliation = 32 << 20

// mostCompared bounds how many rows a list may have.
const mostCompared = 1_000_000

// The columns of the daily list that are compared.
const (
	columnNumber   = "out_request_no"
	columnMethod   = "method"
	columnResult   = "result"
	columnMasked   = "card_number_masked"
	columnOccurred = "occurred_at"
)

// toldColumns are the columns beside the number that a partner's list may have, in the order in which differences are
// shown.
var toldColumns = [...]string{columnMethod, columnResult, columnRegion, columnMasked, columnOccurred}

// told is what a partner's row says under toldColumns, empty where it says nothing.
type told [len(toldColumns)]string

// ToldOther stands for a text of a partner's list that is none of the kind its column holds: it is shown to nobody,
// since it may be anything.
const ToldOther = "?"

// ReconciliationProblem is what keeps a partner's list from being read. It is the cause of the refusal.
type ReconciliationProblem struct{ RowProblem }

// Error names line and column, and says what to do.
func (p *ReconciliationProblem) Error() string {
	if p.Column == "" {
		return fmt.Sprintf("line %d: %s", p.Line, p.Reason)
	}
	return fmt.Sprintf("line %d, column %s: %s", p.Line, p.Column, p.Reason)
}

func unreadableList(line int, column, reason string) error {
	problem := &ReconciliationProblem{RowProblem{int64(line), column, reason}}
	return &Error{
		Code: CodeInvalidPayload, Field: "file", Message: problem.Error(), Cause: problem,
		Members: map[string]any{"line": line, "column": column},
	}
}

// partnerList is a partner's list: each row's text under toldColumns by the event's number. A row is one string, of
// which the number is the beginning.
type partnerList struct {
	reader *csv.Reader
	number int
	places [len(toldColumns)]int
	rows   map[string]string
}

// toldBreak parts what a row tells; no value that is kept holds it.
const toldBreak = "\x00"

func (l *partnerList) told(number string) (told, bool) {
	text, listed := l.rows[number]
	var values told
	if text != "" {
		copy(values[:], strings.Split(text, toldBreak)[1:])
	}
	return values, listed
}

// readPartnerList reads CSV (RFC 4180) in UTF-8, with a byte order mark or without, or in GB18030: whatever is compared
// is ASCII, and no byte of a longer character is a comma, a quote or a line's end in either. Lines without any text are
// left out.
func readPartnerList(list io.Reader) (*partnerList, error) {
	text, err := beginList(list)
	if err != nil {
		return nil, err
	}
	read := &partnerList{reader: csv.NewReader(text), rows: map[string]string{}}
	read.reader.ReuseRecord = true
	if err := read.readHeader(); err != nil {
		return nil, err
	}
	for {
		fields, err := read.reader.Read()
		switch {
		case errors.Is(err, io.EOF):
			return read, nil
		case err != nil:
			return nil, unreadableLine(err)
		case !slices.ContainsFunc(fields, func(field string) bool { return strings.TrimSpace(field) != "" }):
			continue
		}
		if err := read.add(fields); err != nil {
			return nil, err
		}
	}
}

// beginList looks at a list's first bytes: what no CSV begins with is refused.
func beginList(list io.Reader) (io.Reader, error) {
	const byteOrderMark = "\ufeff"
	text := bufio.NewReader(list)
	start, err := text.Peek(len(sheetMark))
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, unreadableLine(err)
	case bytes.HasPrefix(start, []byte{0xFF, 0xFE}), bytes.HasPrefix(start, []byte{0xFE, 0xFF}):
		return nil, unreadableList(1, "", "the file is in UTF-16; save it as CSV in UTF-8 or GB18030")
	case string(start) == sheetMark:
		return nil, unreadableList(1, "", "the file is a spreadsheet; save it as CSV")
	case strings.HasPrefix(string(start), byteOrderMark):
		_, _ = text.Discard(len(byteOrderMark))
	}
	return text, nil
}

func (l *partnerList) readHeader() error {
	header, err := l.reader.Read()
	switch {
	case errors.Is(err, io.EOF):
		return unreadableList(1, "", "the file is empty; its first line names the columns")
	case err != nil:
		return unreadableLine(err)
	}
	names := make([]string, len(header))
	for i, name := range header {
		names[i] = strings.ToLower(plainField(name))
	}
	l.number = slices.Index(names, columnNumber)
	if l.number < 0 && len(names) == 1 && strings.ContainsAny(names[0], ";\t") {
		return unreadableList(1, "", "the columns must be parted by commas; save the file as CSV with commas")
	}
	if l.number < 0 {
		return unreadableList(1, columnNumber, "the column is missing; the first line names the columns as our own list does")
	}
	for i, name := range toldColumns {
		l.places[i] = slices.Index(names, name)
	}
	for i, name := range names {
		if (name == columnNumber || slices.Contains(toldColumns[:], name)) && slices.Contains(names[:i], name) {
			return unreadableList(1, name, "a column is there twice")
		}
	}
	return nil
}

var (
	// roundedForm is what spreadsheet programs make of long numbers.
	roundedForm = regexp.MustCompile(`^[0-9](\.[0-9]+)?[Ee]\+?[0-9]+$`)
	toldForm    = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	maskedForm  = regexp.MustCompile(`^[A-Z0-9]{3}\*{4}[A-Z0-9]{2}$`)
)

func (l *partnerList) add(fields []string) error {
	line, _ := l.reader.FieldPos(0)
	number := plainField(fields[l.number])
	switch {
	case number == "":
		return unreadableList(line, columnNumber, "the field is empty; give the event's number or remove the line")
	case roundedForm.MatchString(number):
		return unreadableList(line, columnNumber, "a spreadsheet program has rounded this number; format the column as text and save the list anew")
	case !outRequestForm.MatchString(number):
		return unreadableList(line, columnNumber, "this is no event number of 8 to 64 letters, digits, - and _; correct or remove the line")
	case len(l.rows) == mostCompared:
		return unreadableList(line, "", "the list has more than a million lines; is it of one day only?")
	}
	if _, twice := l.rows[number]; twice {
		return unreadableList(line, columnNumber, "this number is on the list twice; remove one of the lines")
	}
	row := append(make([]string, 0, 1+len(toldColumns)), number)
	said := false
	for i, place := range l.places {
		value := ""
		if place >= 0 {
			value = plainField(fields[place])
		}
		value, err := tellable(toldColumns[i], value)
		if err != nil {
			return unreadableList(line, toldColumns[i], err.Error())
		}
		said = said || value != ""
		row = append(row, value)
	}
	if !said {
		l.rows[strings.Clone(number)] = ""
		return nil
	}
	text := strings.Join(row, toldBreak)
	l.rows[text[:len(number)]] = text
	return nil
}

var errNoTime = errors.New("this is no time; write it as 2026-11-22T11:59:00+08:00 or 2026-11-22 11:59:00")

// tellable brings a value into the form in which it is compared, kept and shown.
func tellable(column, value string) (string, error) {
	switch {
	case value == "":
		return "", nil
	case column == columnOccurred:
		at, err := parseListed(value)
		if err != nil {
			return "", err
		}
		return at.In(Shanghai).Format(time.RFC3339), nil
	case column == columnMasked:
		upper := strings.ToUpper(value)
		if maskedForm.MatchString(upper) {
			return upper, nil
		}
		number, err := ParseCardNumber(upper)
		if err != nil {
			return ToldOther, nil //nolint:nilerr // a text that is no card number differs from every card number
		}
		return number.Mask(), nil
	case !toldForm.MatchString(value):
		return ToldOther, nil
	}
	return value, nil
}

// parseListed reads a time as lists have it: RFC 3339, or as spreadsheet programs write it in Asia/Shanghai.
func parseListed(value string) (time.Time, error) {
	for _, form := range []string{time.RFC3339, time.DateTime, "2006/1/2 15:04:05", "2006-01-02 15:04", "2006/1/2 15:04"} {
		if at, err := time.ParseInLocation(form, value, Shanghai); err == nil {
			return at, nil
		}
	}
	return time.Time{}, errNoTime
}

// plainField is a field without spaces around it, and without the apostrophe that our own lists put before what a
// spreadsheet program would take for a formula.
func plainField(field string) string {
	return strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(field), "'"))
}

// unreadableLine is what is said of a line that is no CSV; an error that has a code keeps it.
func unreadableLine(err error) error {
	var broken *csv.ParseError
	switch {
	case !errors.As(err, &broken):
		return fmt.Errorf("read reconciliation list: %w", err)
	case errors.Is(broken.Err, csv.ErrFieldCount):
		return unreadableList(broken.Line, "", "the line has more or fewer columns than the first line")
	}
	return unreadableList(broken.StartLine, "", "a quote is not closed, or stands inside a field that does not begin with one")
}
