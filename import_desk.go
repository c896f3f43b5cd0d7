package citycard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"time"
)

const (
	// MaxUpload is the most bytes an uploaded card file may have: a million rows take about 170 MB.
	MaxUpload = 256 << 20
	// MaxUploadedSheet is the most bytes of an uploaded spreadsheet, which is unfolded in memory.
	MaxUploadedSheet = 16 << 20
	// uploadPiece is how many bytes are sealed as one piece.
	uploadPiece = 256 << 10
	// uploadPatience is how long an upload may take; importPatience how long a checked file waits to be confirmed.
	uploadPatience = time.Hour
	importPatience = 24 * time.Hour
)

// sheetMark is what a spreadsheet (a ZIP archive) begins with.
const sheetMark = "PK\x03\x04"

// ImportDesk is what staff does with uploaded card files. Files are imported by the same run as the command's.
type ImportDesk struct {
	Jobs  ImportJobs
	Cards CardImports
	// Open begins to read a file's bytes as a card file. What is wrong with the file itself is invalid_payload.
	Open func(file io.ReadSeeker) (CardRows, error)
	// Admit refuses rows that must not come into this database: invalid_payload. It may store that they came.
	Admit func(ctx context.Context, batch ImportBatch) error
	// Rules gives the rules of the day.
	Rules func() CardRules
	// Wake tells the worker that there is something to do.
	Wake  func()
	NewID func() string
	Clock func() time.Time
	// LeaseClock is what leases run by: never set back or held still.
	LeaseClock func() time.Time
	Records    StaffRecords
}

// ImportUpload is what staff uploads.
type ImportUpload struct {
	Reason ImportReason
	Note   string
	File   io.Reader
}

// Receive takes a file in, piece by piece, and leaves it to be checked. A file that is too large is body_too_large; one
// that is being imported already request_in_progress.
func (d *ImportDesk) Receive(ctx context.Context, s StaffSession, u ImportUpload) (ImportJob, error) {
	if !slices.Contains(ImportReasons(), u.Reason) {
		return ImportJob{}, refuseField(CodeInvalidPayload, "reason", "say where the file comes from")
	}
	if err := checkNote(u.Note); err != nil {
		return ImportJob{}, err
	}
	job := ImportJob{
		ID: d.NewID(), State: ImportReceiving, Reason: u.Reason, Note: u.Note, UploadedBy: s.Staff.ID, UploadedAt: d.Clock(),
	}
	if err := d.Jobs.AddImport(ctx, job); err != nil {
		return ImportJob{}, err
	}
	err := d.receive(ctx, &job, u.File)
	if err == nil && job.Size == 0 {
		err = errEmptyFile
	}
	if err == nil {
		job.State = ImportWaiting
		action := d.action(ctx, s, "import_upload", job)
		action.Note = job.Note
		_, err = d.Jobs.MoveImport(ctx, ImportReceiving, job, &action)
	}
	if err != nil {
		job.State, job.FinishedAt = ImportCanceled, d.Clock()
		_, canceled := d.Jobs.MoveImport(context.WithoutCancel(ctx), ImportReceiving, job, nil)
		return ImportJob{}, firstError(err, canceled)
	}
	d.Wake()
	return job, nil
}

// receive stores the file's pieces and fills in digest and size.
func (d *ImportDesk) receive(ctx context.Context, job *ImportJob, file io.Reader) error {
	sum, piece := sha256.New(), make([]byte, uploadPiece)
	most := int64(MaxUpload)
	for {
		n, err := io.ReadFull(file, piece)
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return unreadableUpload(err)
		}
		if job.Pieces == 0 && n >= len(sheetMark) && string(piece[:len(sheetMark)]) == sheetMark {
			most = MaxUploadedSheet
		}
		if job.Size += int64(n); job.Size > most {
			return refuse(CodeBodyTooLarge, "a CSV file may have 256 MB, a spreadsheet 16 MB")
		}
		if n > 0 {
			sum.Write(piece[:n])
			if err := d.Jobs.AddImportPiece(ctx, job.ID, job.Pieces, piece[:n]); err != nil {
				return err
			}
			job.Pieces++
		}
		if ended {
			job.Digest = hex.EncodeToString(sum.Sum(nil))
			return nil
		}
	}
}

// unreadableUpload is what is said of an upload that broke off; an error that has a code keeps it.
func unreadableUpload(err error) error {
	var coded *Error
	if errors.As(err, &coded) {
		return err
	}
	return &Error{Code: CodeMalformedRequest, Message: "the file did not arrive whole", Cause: err}
}

func (d *ImportDesk) action(ctx context.Context, s StaffSession, what string, job ImportJob) StaffAction {
	return StaffAction{
		ID: d.NewID(), StaffID: s.Staff.ID, Role: s.Staff.Role, Action: what, Object: job.ID, Reason: string(job.Reason),
		RequestID: RequestIDOf(ctx), At: d.Clock(),
	}
}

// Find shows an upload; not_found where there is none.
func (d *ImportDesk) Find(ctx context.Context, id string) (ImportJob, error) {
	return d.Jobs.Import(ctx, id)
}

// List shows uploads, newest first, at most limit of them older than the one with the id before.
func (d *ImportDesk) List(ctx context.Context, before string, limit int) ([]ImportJob, error) {
	return d.Jobs.Imports(ctx, before, limit)
}

// Rejects lists what is wrong with the rows of an upload, at most limit of them behind the given one, and records that
// somebody looked where it is the zero RowProblem.
func (d *ImportDesk) Rejects(ctx context.Context, s StaffSession, id string, after RowProblem, limit int) ([]RowProblem, error) {
	job, err := d.Jobs.Import(ctx, id)
	if err != nil {
		return nil, err
	}
	problems, err := d.Jobs.ImportRejects(ctx, id, after, limit)
	if err != nil || after != (RowProblem{}) {
		return problems, err
	}
	return problems, d.Records.RecordAction(ctx, d.action(ctx, s, "import_rejects", job))
}

// Confirm lets a checked file be imported. Confirming it again changes nothing.
func (d *ImportDesk) Confirm(ctx context.Context, s StaffSession, id string) (ImportJob, error) {
	return d.decide(ctx, s, id, func(job *ImportJob) (string, error) {
		switch {
		case job.State == ImportConfirmed || job.State == ImportDone:
			return "", nil
		case job.State != ImportChecked:
			return "", refuse(CodeInvalidTransition, "the file is "+string(job.State)+"; only a checked one can be confirmed")
		case job.Good == 0:
			return "", refuse(CodeInvalidTransition, "no row of the file can be imported")
		}
		job.State, job.ConfirmedBy, job.ConfirmedAt, job.Done = ImportConfirmed, s.Staff.ID, d.Clock(), 0
		return "import_confirm", nil
	})
}

// Cancel gives a file up that was not confirmed, and removes it. Canceling it again changes nothing.
func (d *ImportDesk) Cancel(ctx context.Context, s StaffSession, id string) (ImportJob, error) {
	return d.decide(ctx, s, id, func(job *ImportJob) (string, error) {
		switch job.State {
		case ImportCanceled:
			return "", nil
		case ImportWaiting, ImportChecked:
		default:
			return "", refuse(CodeInvalidTransition, "the file is "+string(job.State)+" and can no longer be canceled")
		}
		job.State, job.FinishedAt = ImportCanceled, d.Clock()
		return "import_cancel", nil
	})
}

// decide moves a job by hand; decision names the action, or nothing where there is nothing to do.
func (d *ImportDesk) decide(ctx context.Context, s StaffSession, id string, decision func(*ImportJob) (string, error)) (ImportJob, error) {
	for try := 1; ; try++ {
		job, err := d.Jobs.Import(ctx, id)
		if err != nil {
			return ImportJob{}, err
		}
		from := job.State
		what, err := decision(&job)
		if err != nil || what == "" {
			return job, err
		}
		action := d.action(ctx, s, what, job)
		moved, err := d.Jobs.MoveImport(ctx, from, job, &action)
		if err != nil {
			return ImportJob{}, err
		}
		if moved {
			d.Wake()
			return job, nil
		}
		if try == maxRaces {
			return ImportJob{}, refuse(CodeVersionConflict, "the upload changed meanwhile")
		}
	}
}

// maxRaces is how often a lost race is judged again.
const maxRaces = 3
