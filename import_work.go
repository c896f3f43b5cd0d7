package citycard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// importLease is how long a worker that says nothing keeps its job.
	importLease = 15 * time.Second
	// previewRows is how many rows are shown before a file is confirmed.
	previewRows = 20
)

// errLostClaim ends the work on a job that another worker has taken over.
var errLostClaim = errors.New("another worker goes on with this upload")

// Work checks or imports one file, where one waits; worked is false where none does. It may be stopped at any moment:
// a check begins anew, an import goes on behind the last batch that was stored.
func (d *ImportDesk) Work(ctx context.Context) (worked bool, err error) {
	now := d.LeaseClock()
	job, found, err := d.Jobs.ClaimImport(ctx, d.NewID(), now, now.Add(importLease))
	if err != nil || !found {
		return false, err
	}
	from := job.State
	rows, err := d.Open(d.file(ctx, job))
	if err == nil {
		if from == ImportWaiting {
			err = d.check(ctx, &job, rows)
		} else {
			err = d.run(ctx, &job, rows)
		}
		err = errors.Join(err, rows.Close())
	}
	return true, d.conclude(ctx, from, job, err)
}

// conclude stores how the work on a job ended. After a failure of ours the job is let go, for the next worker.
func (d *ImportDesk) conclude(ctx context.Context, from ImportState, job ImportJob, err error) error {
	var header *HeaderError
	var coded *Error
	switch {
	case errors.Is(err, errLostClaim):
		return nil
	case errors.As(err, &header):
		if _, err := d.Jobs.ProgressImport(ctx, job, header.Problems); err != nil {
			return err
		}
		job.State, job.Failure = ImportFailed, header.Error()
	case errors.As(err, &coded) && coded.Code == CodeInvalidPayload:
		job.State, job.Failure = ImportFailed, coded.Message
	case err != nil:
		job.ClaimedUntil = time.Time{}
		_, letGo := d.Jobs.ProgressImport(context.WithoutCancel(ctx), job, nil)
		return firstError(err, letGo)
	case from == ImportWaiting:
		job.State, job.Done = ImportChecked, 1
	default:
		job.State, job.Done = ImportDone, 1
	}
	var by *StaffAction
	if job.State.Final() {
		job.FinishedAt = d.Clock()
		owner := StaffSession{Staff: Staff{ID: firstOf(job.ConfirmedBy, job.UploadedBy), Role: RoleSupervisor}}
		action := d.action(ctx, owner, "import_"+string(job.State), job)
		by = &action
	}
	_, err = d.Jobs.MoveImport(ctx, from, job, by)
	return err
}

func firstOf(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// check judges every row by itself and stores none.
func (d *ImportDesk) check(ctx context.Context, job *ImportJob, rows CardRows) error {
	job.Good, job.Bad, job.Preview = 0, 0, nil
	reading := ImportRun{Rules: d.Rules(), Store: func(ctx context.Context, batch ImportBatch, done float64) error {
		for _, row := range batch.Rows[:min(len(batch.Rows), previewRows-len(job.Preview))] {
			job.Preview = append(job.Preview, row.preview())
		}
		job.Good += int64(len(batch.Rows))
		job.Bad += linesOf(batch.Problems)
		job.Done, job.ClaimedUntil = done, d.LeaseClock().Add(importLease)
		held, err := d.Jobs.ProgressImport(ctx, *job, batch.Problems)
		if err == nil && !held {
			return errLostClaim
		}
		return err
	}}
	return reading.Read(ctx, rows, ImportBatch{File: job.Digest})
}

// linesOf counts the lines that have problems; those of a line stand side by side.
func linesOf(problems []RowProblem) int64 {
	lines, last := int64(0), int64(0)
	for _, problem := range problems {
		if problem.Line != last {
			lines, last = lines+1, problem.Line
		}
	}
	return lines
}

// run imports the rows that no earlier run has stored.
func (d *ImportDesk) run(ctx context.Context, job *ImportJob, rows CardRows) error {
	reading := ImportRun{Rules: d.Rules(), Store: func(ctx context.Context, batch ImportBatch, done float64) error {
		if err := d.Admit(ctx, batch); err != nil {
			return err
		}
		batch.Done = done
		count, err := d.Cards.ImportCards(ctx, batch)
		if CodeOf(err) == CodeVersionConflict {
			return errLostClaim
		}
		if err != nil {
			return err
		}
		job.Added, job.Unchanged = job.Added+int64(count.Added), job.Unchanged+int64(count.Unchanged)
		job.Rejected += int64(len(batch.Problems) + len(count.Refused))
		job.Line = batch.LastLine
		job.ClaimedUntil = d.LeaseClock().Add(importLease)
		held, err := d.Jobs.ProgressImport(ctx, *job, nil)
		if err == nil && !held {
			return errLostClaim
		}
		return err
	}}
	return reading.Read(ctx, rows, ImportBatch{File: job.Digest, Job: job.ID, Claim: job.Claim, LastLine: job.Line})
}

// Sweep cancels uploads that broke off, and checked files that nobody confirmed in time, so that they do not stay.
func (d *ImportDesk) Sweep(ctx context.Context) error {
	now := d.Clock()
	for state, patience := range map[ImportState]time.Duration{ImportReceiving: uploadPatience, ImportChecked: importPatience} {
		jobs, err := d.Jobs.AbandonedImports(ctx, state, now.Add(-patience))
		if err != nil {
			return err
		}
		for _, job := range jobs {
			job.State, job.FinishedAt = ImportCanceled, now
			owner := StaffSession{Staff: Staff{ID: job.UploadedBy, Role: RoleSupervisor}}
			action := d.action(ctx, owner, "import_expired", job)
			if _, err := d.Jobs.MoveImport(ctx, state, job, &action); err != nil {
				return err
			}
		}
	}
	return nil
}

// Run works at every tick and whenever it is woken, until there is nothing more to do, and until ctx ends. Failures go
// to failed; the job goes on at a later tick.
func (d *ImportDesk) Run(ctx context.Context, ticks <-chan time.Time, woken <-chan struct{}, failed func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			if err := d.Sweep(ctx); err != nil && ctx.Err() == nil {
				failed(err)
			}
		case <-woken:
		}
		for {
			worked, err := d.Work(ctx)
			if err != nil && ctx.Err() == nil {
				failed(err)
			}
			if !worked || err != nil {
				break
			}
		}
	}
}

// file reads a job's pieces one after the other. It can be read again from its start, and no other place.
func (d *ImportDesk) file(ctx context.Context, job ImportJob) io.ReadSeeker {
	return &pieces{count: job.Pieces, read: func(piece int64) ([]byte, error) { return d.Jobs.ImportPiece(ctx, job.ID, piece) }}
}

// pieces are a file in pieces.
type pieces struct {
	count int64
	read  func(piece int64) ([]byte, error)
	next  int64
	rest  []byte
}

// Read implements io.Reader.
func (p *pieces) Read(into []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.next == p.count {
			return 0, io.EOF
		}
		data, err := p.read(p.next)
		if err != nil {
			return 0, fmt.Errorf("read piece %d: %w", p.next, err)
		}
		p.rest, p.next = data, p.next+1
	}
	n := copy(into, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// Seek goes back to the start.
func (p *pieces) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekStart {
		return 0, errors.New("a file in pieces can only be read from its start")
	}
	p.next, p.rest = 0, nil
	return 0, nil
}
