package citycard

import (
	"context"
	"time"
)

// ImportState is how far an uploaded card file is.
type ImportState string

// The states. Done, failed and canceled are final; the file itself is gone then.
const (
	// ImportReceiving: the upload is under way.
	ImportReceiving ImportState = "receiving"
	// ImportWaiting: the file is here and waits to be checked.
	ImportWaiting ImportState = "waiting"
	// ImportChecked: every row was checked, nothing is stored; somebody must confirm.
	ImportChecked ImportState = "checked"
	// ImportConfirmed: the rows are being imported, or are about to be.
	ImportConfirmed ImportState = "confirmed"
	ImportDone      ImportState = "done"
	// ImportFailed: the file cannot be read as a card file.
	ImportFailed   ImportState = "failed"
	ImportCanceled ImportState = "canceled"
)

// Final tells whether nothing more happens to the upload.
func (s ImportState) Final() bool {
	return s == ImportDone || s == ImportFailed || s == ImportCanceled
}

// ImportReason says where an uploaded file comes from.
type ImportReason string

// The reasons.
const (
	ImportOfBureau     ImportReason = "bureau_file"
	ImportOfCardMaker  ImportReason = "card_maker_file"
	ImportOfCorrection ImportReason = "corrected_rows"
)

// ImportReasons lists the reasons.
func ImportReasons() []ImportReason {
	return []ImportReason{ImportOfBureau, ImportOfCardMaker, ImportOfCorrection}
}

// ImportJob is an uploaded card file on its way into the database. The file is kept in sealed pieces, so that every
// replica can go on with it and no plain text of it lies anywhere.
type ImportJob struct {
	ID    string
	State ImportState
	// Digest is the SHA-256 in hex of the file's bytes, Size their number, Pieces how many pieces they are kept in.
	Digest string
	Size   int64
	Pieces int64
	Reason ImportReason
	// Note is what staff wrote; it may hold personal data.
	Note        string
	UploadedBy  string
	UploadedAt  time.Time
	ConfirmedBy string
	ConfirmedAt time.Time
	FinishedAt  time.Time

	// Good and Bad count the rows as they were checked.
	Good, Bad int64
	// Added and Unchanged count the rows of the run, Rejected the problems it met.
	Added, Unchanged, Rejected int64
	// Line is the last line of the file that the run has stored.
	Line int64
	// Done is the part of the check, or of the run, that is over, from 0 to 1.
	Done float64
	// Preview are the first good rows, masked.
	Preview []ImportPreview
	// Failure says why the file cannot be read; empty where it can. Its header's problems are among the rejects.
	Failure string

	// Claim names who works on it now, until ClaimedUntil.
	Claim        string
	ClaimedUntil time.Time
}

// ImportPreview is one row of a file as staff sees it before it is imported.
type ImportPreview struct {
	Line           int64  `json:"line"`
	Region         string `json:"region"`
	IDNumberMasked string `json:"id_number_masked"`
	NameMasked     string `json:"name_masked"`
	CardMasked     string `json:"card_number_masked"`
	Bank           Bank   `json:"bank_code"`
	AccountLast4   string `json:"account_last4"`
	Fulfilment     string `json:"fulfilment"`
	ReceivedOn     Date   `json:"received_on"`
	ValidTo        Date   `json:"valid_to"`
	Social         string `json:"social"`
	Financial      string `json:"financial"`
}

// preview masks a row.
func (r CardRow) preview() ImportPreview {
	return ImportPreview{
		Line: r.Line, Region: r.Card.Region, IDNumberMasked: r.Number.Mask(), NameMasked: r.Name.Mask(),
		CardMasked: r.Card.Number.Mask(), Bank: r.Card.Bank, AccountLast4: r.Account.Last4(), Fulfilment: string(r.Card.Fulfilment),
		ReceivedOn: r.Card.ReceivedOn, ValidTo: r.Card.ValidTo, Social: string(r.Card.Social), Financial: string(r.Card.Financial),
	}
}

// ImportJobs is the store of uploaded card files.
type ImportJobs interface {
	// AddImport stores a new upload.
	AddImport(ctx context.Context, job ImportJob) error
	// AddImportPiece seals one piece of its file; pieces count from 0.
	AddImportPiece(ctx context.Context, id string, piece int64, data []byte) error
	// ImportPiece gives a piece.
	ImportPiece(ctx context.Context, id string, piece int64) ([]byte, error)

	// Import finds an upload; not_found where there is none.
	Import(ctx context.Context, id string) (ImportJob, error)
	// Imports lists uploads, newest first, at most limit of them older than the one with the id before.
	Imports(ctx context.Context, before string, limit int) ([]ImportJob, error)
	// ImportRejects lists what is wrong with the rows, by line, column and reason, at most limit of them behind the given
	// one; the zero RowProblem is before the first.
	ImportRejects(ctx context.Context, id string, after RowProblem, limit int) ([]RowProblem, error)

	// MoveImport stores a job that is still in the state from and under the claim it had, with the action where one is
	// given: false where somebody was first. A second open upload of the same file is request_in_progress, with
	// the member import. The file's pieces are removed where the job becomes final, and with them its preview.
	MoveImport(ctx context.Context, from ImportState, job ImportJob, by *StaffAction) (bool, error)
	// ClaimImport gives the oldest job that waits for its check or its run and that nobody works on, and lets claim
	// work on it until the lease ends; found is false where there is none.
	ClaimImport(ctx context.Context, claim string, now, leaseUntil time.Time) (job ImportJob, found bool, err error)
	// ProgressImport stores how far the check is and the problems it found, and moves the lease; false where the claim
	// is somebody else's by now.
	ProgressImport(ctx context.Context, job ImportJob, problems []RowProblem) (bool, error)
	// AbandonedImports lists jobs in a state that were uploaded before a moment.
	AbandonedImports(ctx context.Context, state ImportState, before time.Time) ([]ImportJob, error)
}
