package citycard

import "context"

// CardRow is one card record from the bureau or a card maker: a person and one of their cards in the states
// the file gives. Account is the full number; the store keeps its keyed hash and last four digits.
type CardRow struct {
	Line    int64
	Name    Name
	Number  IDNumber
	Phone   Phone
	Account AccountNumber
	Card    Card
}

// RowProblem says what is wrong with one row: the line of the file (the header is line 1), the column and why;
// the column is empty where the row as a whole is meant. It never repeats a value.
type RowProblem struct {
	Line   int64
	Column string
	Reason string
}

// ImportBatch is a run of rows of one file, stored as one durable unit together with how far the file is done.
type ImportBatch struct {
	// File is the SHA-256 in hex of the file's bytes: the same file continues where it stopped.
	File string
	// LastLine is the last line of the file that this batch covers, good rows and bad.
	LastLine int64
	Rows     []CardRow
	// Problems are those of the rows that the batch leaves out.
	Problems []RowProblem
	// Job is the upload that the batch belongs to, empty for the command. Its progress and its rejects become durable
	// with the batch, as long as Claim holds the job; otherwise nothing is stored.
	Job   string
	Claim string
	// Done is the part of the file that was read, from 0 to 1.
	Done float64
}

// ImportCount tells what a batch did. Unchanged rows were there already; Refused ones contradict what is there.
type ImportCount struct {
	Added     int
	Unchanged int
	Refused   []RowProblem
}

// CardImports is the store's door for card files.
type CardImports interface {
	// ImportCards stores a batch; rows already there change nothing.
	ImportCards(ctx context.Context, batch ImportBatch) (ImportCount, error)
	// ImportedLine is the last line of the file already covered, 0 where it is new.
	ImportedLine(ctx context.Context, file string) (int64, error)
}
