package cardfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxLine is the most bytes a line may have: thirteen short fields need a few hundred.
const maxLine = 64 << 10

// csvRows reads CSV (RFC 4180) line by line. No field of a card file holds a line break, so a line is a row and
// a forgotten quote spoils one row, not the rest of the file.
type csvRows struct {
	file   io.ReadCloser
	read   int64
	size   int64
	lines  *bufio.Reader
	line   int64
	fields []string
}

func newCSV(file io.ReadCloser, seen sight) (*csvRows, error) {
	c := &csvRows{file: file, size: seen.size}
	text, err := decode(counted{file, &c.read}, seen)
	if err != nil {
		return nil, err
	}
	c.lines = bufio.NewReaderSize(text, maxLine)
	return c, nil
}

type counted struct {
	io.Reader

	sum *int64
}

func (c counted) Read(into []byte) (int, error) {
	n, err := c.Reader.Read(into)
	*c.sum += int64(n)
	return n, err
}

func (c *csvRows) done() float64 { return float64(c.read) / float64(max(1, c.size)) }

func (c *csvRows) close() error { return c.file.Close() }

func (c *csvRows) next() (Row, error) {
	for {
		text, err := c.nextLine()
		if err != nil {
			return Row{}, err
		}
		if strings.Trim(text, ", \t\"") == "" {
			continue
		}
		if c.fields, err = splitCSV(text, c.fields[:0]); err != nil {
			return Row{}, &RowError{c.line, err.Error()}
		}
		return Row{c.line, c.fields}, nil
	}
}

// nextLine gives the next line without its end.
func (c *csvRows) nextLine() (string, error) {
	line, err := c.lines.ReadSlice('\n')
	c.line++
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = c.lines.ReadSlice('\n')
		}
		return "", &RowError{c.line, "the line is too long"}
	case errors.Is(err, io.EOF) && len(line) > 0:
	case errors.Is(err, io.EOF):
		return "", io.EOF
	case err != nil:
		return "", fmt.Errorf("read card file: %w", err)
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	return string(line), nil
}

var (
	errQuoteInside = errors.New("a quote stands inside a field that does not begin with one")
	errAfterQuote  = errors.New("something follows a closing quote")
	errQuoteOpen   = errors.New("a quote is not closed on its line")
)

// splitCSV appends a line's fields. Fields may be quoted, quotes inside them doubled.
func splitCSV(line string, fields []string) ([]string, error) {
	for {
		if !strings.HasPrefix(line, `"`) {
			field, rest, more := strings.Cut(line, ",")
			if strings.Contains(field, `"`) {
				return fields, errQuoteInside
			}
			fields = append(fields, field)
			if !more {
				return fields, nil
			}
			line = rest
			continue
		}
		field, rest, err := cutQuoted(line[1:])
		if err != nil {
			return fields, err
		}
		fields = append(fields, field)
		if rest == "" {
			return fields, nil
		}
		if rest[0] != ',' {
			return fields, errAfterQuote
		}
		line = rest[1:]
	}
}

// cutQuoted reads a quoted field behind its opening quote.
func cutQuoted(line string) (field, rest string, err error) {
	for from := 0; ; {
		end := strings.IndexByte(line[from:], '"')
		if end < 0 {
			return "", "", errQuoteOpen
		}
		end += from
		if !strings.HasPrefix(line[end+1:], `"`) {
			return strings.ReplaceAll(line[:end], `""`, `"`), line[end+1:], nil
		}
		from = end + 2
	}
}
