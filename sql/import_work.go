package sql

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jmoiron/sqlx"

	"citycard"
)

// rejectRow is a row of import_reject.
type rejectRow struct {
	JobID  string `db:"job_id"`
	Line   int64  `db:"line"`
	Column string `db:"column_name"`
	Reason string `db:"reason"`
}

// MoveImport implements citycard.ImportJobs.
func (s *Store) MoveImport(
	ctx context.Context, from citycard.ImportState, job citycard.ImportJob, by *citycard.StaffAction,
) (bool, error) {
	row, err := s.importJobRow(job)
	if err != nil {
		return false, err
	}
	change := struct {
		importJobRow
		From string `db:"from_state"`
	}{row, string(from)}
	moved := false
	err = s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		result, err := tx.NamedExecContext(ctx, moveImportJob, change)
		if err != nil {
			return fmt.Errorf("move: %w", err)
		}
		n, err := result.RowsAffected()
		if moved = n == 1; err != nil || !moved {
			return err
		}
		if job.State.Final() {
			if _, err := tx.ExecContext(ctx, tx.Rebind(dropImportPieces), job.ID); err != nil {
				return fmt.Errorf("remove file: %w", err)
			}
		}
		if by == nil {
			return nil
		}
		return s.appendAction(ctx, tx, *by)
	})
	if duplicate(err) {
		return false, s.openImport(ctx, job.Digest)
	}
	return moved && err == nil, s.fail("move import", err)
}

// openImport is the refusal of a second upload of a file; it names the first.
func (s *Store) openImport(ctx context.Context, digest string) error {
	var id string
	if err := s.db.GetContext(ctx, &id, s.db.Rebind(openImportJob), digest); err != nil && !notFound(err) {
		return s.fail("find open import", err)
	}
	return &citycard.Error{
		Code: citycard.CodeRequestInProgress, Message: "this file is being imported already", Members: map[string]any{"import": id},
	}
}

// ClaimImport implements citycard.ImportJobs.
func (s *Store) ClaimImport(
	ctx context.Context, claim string, now, leaseUntil time.Time,
) (job citycard.ImportJob, found bool, err error) {
	var row importJobRow
	err = s.db.GetContext(ctx, &row, s.db.Rebind(nextImportJob), millis(now))
	if notFound(err) {
		return job, false, nil
	}
	if err != nil {
		return job, false, s.fail("find next import", err)
	}
	err = s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		result, err := tx.ExecContext(ctx, tx.Rebind(claimImportJob), claim, millis(leaseUntil), row.ID, row.State, millis(now))
		if err != nil {
			return fmt.Errorf("claim: %w", err)
		}
		n, err := result.RowsAffected()
		if found = n == 1; err != nil || !found {
			return err
		}
		// The row is read again: another worker may have gone on before this one got it.
		return tx.GetContext(ctx, &row, tx.Rebind(findImportJob), row.ID)
	})
	if err != nil || !found {
		return job, false, s.fail("claim import", err)
	}
	job, err = s.importJob(row)
	return job, err == nil, err
}

// ProgressImport implements citycard.ImportJobs.
func (s *Store) ProgressImport(ctx context.Context, job citycard.ImportJob, problems []citycard.RowProblem) (bool, error) {
	row, err := s.importJobRow(job)
	if err != nil {
		return false, err
	}
	held := false
	err = s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		result, err := tx.NamedExecContext(ctx, progressImport, row)
		if err != nil {
			return fmt.Errorf("move lease: %w", err)
		}
		n, err := result.RowsAffected()
		if held = n == 1; err != nil || !held {
			return err
		}
		return addRejects(ctx, tx, job.ID, problems)
	})
	return held && err == nil, s.fail("progress import", err)
}

// rejectsAtOnce bounds the parameters of one statement.
const rejectsAtOnce = 1000

func addRejects(ctx context.Context, tx *sqlx.Tx, id string, problems []citycard.RowProblem) error {
	rows := make([]rejectRow, len(problems))
	for i, problem := range problems {
		rows[i] = rejectRow{id, problem.Line, problem.Column, problem.Reason}
	}
	for start := 0; start < len(rows); start += rejectsAtOnce {
		if _, err := tx.NamedExecContext(ctx, insertReject, rows[start:min(start+rejectsAtOnce, len(rows))]); err != nil {
			return fmt.Errorf("add rejects: %w", err)
		}
	}
	return nil
}

// advance makes an upload's progress and rejects durable with the batch, unless somebody else has its claim.
func (s *Store) advance(ctx context.Context, tx *sqlx.Tx, batch citycard.ImportBatch, count citycard.ImportCount) error {
	rejected := len(batch.Problems) + len(count.Refused)
	result, err := tx.ExecContext(ctx, tx.Rebind(advanceImport), count.Added, count.Unchanged, rejected, batch.LastLine,
		int64(math.Round(batch.Done*thousand)), batch.Job, batch.Claim, batch.LastLine)
	if err != nil {
		return fmt.Errorf("advance import: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if n == 0 {
		return &citycard.Error{Code: citycard.CodeVersionConflict, Message: "another worker goes on with this upload"}
	}
	if err := addRejects(ctx, tx, batch.Job, batch.Problems); err != nil {
		return err
	}
	return addRejects(ctx, tx, batch.Job, count.Refused)
}

// ImportRejects implements citycard.ImportJobs.
func (s *Store) ImportRejects(ctx context.Context, id string, after citycard.RowProblem, limit int) ([]citycard.RowProblem, error) {
	var rows []rejectRow
	err := s.db.SelectContext(ctx, &rows, s.db.Rebind(listRejects), id, after.Line, after.Column, after.Reason, limit)
	if err != nil {
		return nil, s.fail("list rejects", err)
	}
	problems := make([]citycard.RowProblem, len(rows))
	for i, row := range rows {
		problems[i] = citycard.RowProblem{Line: row.Line, Column: row.Column, Reason: row.Reason}
	}
	return problems, nil
}
