package cardfile

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"citycard"
)

const privateFile = 0o600

var rejectColumns = []string{"line", "column", "reason"}

// Rejects is the list of rows that were not imported: line, column and reason, no values.
type Rejects struct {
	path string
	file *os.File
	last int64
	// Count is how many rows are on the list. A row may have several entries, one after the other.
	Count int
}

// OpenRejects begins the list, or goes on with one that an interrupted import left: what it says of lines up
// to the given one stays, the rest is written anew. The file is there once it has an entry.
func OpenRejects(path string, upTo int64) (*Rejects, error) {
	kept, err := readRejects(path, upTo)
	if err != nil {
		return nil, fmt.Errorf("open list of rejects: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("open list of rejects: %w", err)
	}
	r := &Rejects{path: path}
	return r, r.Add(kept)
}

func readRejects(path string, upTo int64) ([]citycard.RowProblem, error) {
	if upTo == 0 {
		return nil, nil
	}
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var kept []citycard.RowProblem
	reader := csv.NewReader(file)
	for {
		fields, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return kept, nil
		}
		if err != nil || len(fields) != len(rejectColumns) {
			return kept, nil // the last entry was being written when the import ended
		}
		line, err := strconv.ParseInt(fields[0], 10, 64)
		if err == nil && line <= upTo {
			kept = append(kept, citycard.RowProblem{Line: line, Column: fields[1], Reason: fields[2]})
		}
	}
}

// Add writes problems down.
func (r *Rejects) Add(problems []citycard.RowProblem) error {
	if len(problems) == 0 {
		return nil
	}
	begin := r.file == nil
	if begin {
		file, err := os.OpenFile(r.path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, privateFile)
		if err != nil {
			return fmt.Errorf("write list of rejects: %w", err)
		}
		r.file = file
	}
	writer := csv.NewWriter(r.file)
	if begin {
		_ = writer.Write(rejectColumns) // Error tells below
	}
	for _, problem := range problems {
		_ = writer.Write([]string{strconv.FormatInt(problem.Line, 10), problem.Column, problem.Reason})
		if problem.Line != r.last {
			r.last = problem.Line
			r.Count++
		}
	}
	writer.Flush()
	if err := writer.Error(); err != nil {
		return fmt.Errorf("write list of rejects: %w", err)
	}
	return nil
}

// Close ends the list.
func (r *Rejects) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}
