package citycard

import (
	"context"
	"errors"
	"io"
	"strings"
)

// RawRow is one row of a card file as it was split: its line (the first is 1) and its fields, good until the next row is
// read. A row that cannot be split has a Problem and no fields.
type RawRow struct {
	Line    int64
	Fields  []string
	Problem string
}

// CardRows is a card file while it is read.
type CardRows interface {
	// NextRow gives the next row that is not blank; after the last row it is io.EOF.
	NextRow() (RawRow, error)
	// Done is the part of the file that was read, from 0 to 1.
	Done() float64
	// Close ends reading.
	Close() error
}

// BatchLines is how many lines of a file are stored as one durable unit. Batches are always cut at the same lines, so
// that a run that is interrupted and continued stores what one run would.
const BatchLines = 5000

// HeaderError says that a file's first row is no header of a card file.
type HeaderError struct{ Problems []RowProblem }

// Error names the first problem.
func (e *HeaderError) Error() string {
	return "the header is wrong: " + strings.TrimSpace(e.Problems[0].Column+" "+e.Problems[0].Reason)
}

var errEmptyFile = refuseField(CodeInvalidPayload, "file", "the file is empty")

// ImportRun reads a card file in batches. The command and the uploads of staff import by it alike.
type ImportRun struct {
	Rules CardRules
	// Store takes a batch with the problems of its rows; done is the part of the file that was read.
	Store func(ctx context.Context, batch ImportBatch, done float64) error
}

// Read reads the rows behind the batch's last line to the end of the file, which the caller closes. A wrong header is a
// *HeaderError.
func (r *ImportRun) Read(ctx context.Context, rows CardRows, batch ImportBatch) error {
	header, err := rows.NextRow()
	if errors.Is(err, io.EOF) {
		return errEmptyFile
	}
	if err != nil {
		return err
	}
	if header.Problem != "" {
		return &HeaderError{[]RowProblem{{Line: header.Line, Reason: header.Problem}}}
	}
	parser, problems := r.Rules.Header(header.Fields)
	if len(problems) > 0 {
		return &HeaderError{problems}
	}
	done := batch.LastLine
	for {
		row, err := rows.NextRow()
		if errors.Is(err, io.EOF) {
			return r.flush(ctx, &batch, rows.Done())
		}
		if err != nil {
			return err
		}
		if row.Line <= done {
			continue
		}
		if (row.Line-1)/BatchLines != (batch.LastLine-1)/BatchLines {
			if err := r.flush(ctx, &batch, rows.Done()); err != nil {
				return err
			}
		}
		batch.take(parser, row)
	}
}

// take puts one row into the batch.
func (b *ImportBatch) take(parser *CardRowParser, row RawRow) {
	b.LastLine = row.Line
	if row.Problem != "" {
		b.Problems = append(b.Problems, RowProblem{Line: row.Line, Reason: row.Problem})
		return
	}
	good, problems := parser.Parse(row.Line, row.Fields)
	if len(problems) > 0 {
		b.Problems = append(b.Problems, problems...)
		return
	}
	b.Rows = append(b.Rows, good)
}

func (r *ImportRun) flush(ctx context.Context, batch *ImportBatch, done float64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(batch.Rows)+len(batch.Problems) == 0 {
		return nil
	}
	if err := r.Store(ctx, *batch, done); err != nil {
		return err
	}
	batch.Rows, batch.Problems = nil, nil
	return nil
}
