package cardfile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"citycard"
)

var _ citycard.CardRows = (*File)(nil)

// RowError says that one row cannot be split into fields; the rows after it can still be read.
type RowError struct {
	Line   int64
	Reason string
}

// Error names the line and what is wrong.
func (e *RowError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// Row is one row of a file: its line (the first is 1) and its fields, good until the next row is read.
type Row struct {
	Line   int64
	Fields []string
}

// File is a card file while it is read.
type File struct {
	// Digest is the SHA-256 in hex of the file's bytes: the same file is the same import.
	Digest string

	rows  rows
	ended bool
}

// rows is what the two formats have in common.
type rows interface {
	next() (Row, error)
	done() float64
	close() error
}

// Open opens a file by its ending, .csv or .xlsx. It reads it once to the end, for the digest and, in CSV, for
// the encoding: what is not UTF-8 is GB18030.
func Open(path string) (*File, error) {
	file, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("open card file: %w", err)
	}
	return file, nil
}

func open(path string) (*File, error) {
	opened, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	rows, digest, err := openRows(opened)
	if err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return &File{Digest: digest, rows: rows}, nil
}

func openRows(opened *os.File) (rows, string, error) {
	seen, err := look(opened)
	if err != nil {
		return nil, "", err
	}
	switch strings.ToLower(filepath.Ext(opened.Name())) {
	case ".csv":
		found, err := newCSV(opened, seen)
		return found, seen.digest, err
	case ".xlsx":
		found, err := newSheet(opened)
		return found, seen.digest, err
	}
	return nil, "", fmt.Errorf("%s: the ending must be .csv or .xlsx", filepath.Base(opened.Name()))
}

// Next gives the next row that is not blank. A row that cannot be split is a *RowError, and the next call goes
// on behind it; after the last row it is io.EOF.
func (f *File) Next() (Row, error) {
	row, err := f.rows.next()
	f.ended = errors.Is(err, io.EOF)
	return row, err
}

// NextRow implements citycard.CardRows.
func (f *File) NextRow() (citycard.RawRow, error) {
	row, err := f.Next()
	var broken *RowError
	if errors.As(err, &broken) {
		return citycard.RawRow{Line: broken.Line, Problem: broken.Reason}, nil
	}
	return citycard.RawRow{Line: row.Line, Fields: row.Fields}, err
}

// Done is the part of the file that was read, from 0 to 1.
func (f *File) Done() float64 {
	if f.ended {
		return 1
	}
	return f.rows.done()
}

// Close ends reading.
func (f *File) Close() error { return f.rows.close() }

// sight is what one pass over the bytes tells.
type sight struct {
	digest string
	size   int64
	utf8   bool
	start  []byte
}

// look reads the whole file and returns to its start.
func look(file io.ReadSeeker) (sight, error) {
	digest, encoding := sha256.New(), &encodingWatch{}
	start := &firstBytes{}
	size, err := io.Copy(io.MultiWriter(digest, encoding, start), file)
	if err != nil {
		return sight{}, fmt.Errorf("read file: %w", err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return sight{}, fmt.Errorf("read file again: %w", err)
	}
	return sight{hex.EncodeToString(digest.Sum(nil)), size, encoding.isUTF8(), start.bytes}, nil
}

// firstBytes keeps the first four bytes written to it.
type firstBytes struct{ bytes []byte }

func (f *firstBytes) Write(part []byte) (int, error) {
	f.bytes = append(f.bytes, part[:min(len(part), 4-len(f.bytes))]...)
	return len(part), nil
}
