package sql

import (
	"context"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var _ citycard.Reconciliations = (*Store)(nil)

// reconciliationRow is a row of reconciliation_result.
type reconciliationRow struct {
	AppID      string `db:"app_id"`
	Day        string `db:"day"`
	Same       int64  `db:"same"`
	OnlyOurs   int64  `db:"only_ours"`
	OnlyTheirs int64  `db:"only_theirs"`
	Different  int64  `db:"different"`
	ComparedAt int64  `db:"compared_at"`
}

const (
	reconciliationColumns = `app_id, day, same, only_ours, only_theirs, different, compared_at`

	keepReconciliation = `INSERT INTO reconciliation_result (` + reconciliationColumns + `)
 VALUES (:app_id, :day, :same, :only_ours, :only_theirs, :different, :compared_at)
 ON CONFLICT (app_id, day) DO UPDATE SET same = excluded.same, only_ours = excluded.only_ours,
 only_theirs = excluded.only_theirs, different = excluded.different, compared_at = excluded.compared_at`
	findReconciliation      = `SELECT ` + reconciliationColumns + ` FROM reconciliation_result WHERE app_id = ? AND day = ?`
	dropReconciliationLines = `DELETE FROM reconciliation_lines WHERE app_id = ? AND day = ?`
	keepReconciliationLines = `INSERT INTO reconciliation_lines (app_id, day, kind, lines) VALUES (?, ?, ?, ?)`
	findReconciliationLines = `SELECT lines FROM reconciliation_lines WHERE app_id = ? AND day = ? AND kind = ?`
)

func (r reconciliationRow) result() (citycard.ReconciliationResult, error) {
	day, err := citycard.ParseDate(r.Day)
	return citycard.ReconciliationResult{
		AppID: r.AppID, Day: day, Same: r.Same, OnlyOurs: r.OnlyOurs, OnlyTheirs: r.OnlyTheirs, Differs: r.Different,
		ComparedAt: instant(r.ComparedAt),
	}, err
}

// KeepReconciliation implements citycard.Reconciliations. Two at once for one partner and day wait for each other at the
// result's row, so that what stays is all of one comparison.
func (s *Store) KeepReconciliation(ctx context.Context, c citycard.Comparison, by *citycard.StaffAction) error {
	row := reconciliationRow{c.AppID, c.Day.String(), c.Same, c.OnlyOurs, c.OnlyTheirs, c.Differs, millis(c.ComparedAt)}
	return s.fail("keep reconciliation", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.NamedExecContext(ctx, keepReconciliation, row); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, tx.Rebind(dropReconciliationLines), row.AppID, row.Day); err != nil {
			return err
		}
		for kind, lines := range c.Lines {
			if _, err := tx.ExecContext(ctx, tx.Rebind(keepReconciliationLines), row.AppID, row.Day, string(kind), lines); err != nil {
				return err
			}
		}
		if by == nil {
			return nil
		}
		return s.appendAction(ctx, tx, *by)
	}))
}

// FindReconciliation implements citycard.Reconciliations.
func (s *Store) FindReconciliation(ctx context.Context, appID string, day citycard.Date) (citycard.ReconciliationResult, error) {
	var row reconciliationRow
	err := s.db.GetContext(ctx, &row, s.db.Rebind(findReconciliation), appID, day.String())
	if notFound(err) {
		return citycard.ReconciliationResult{}, &citycard.Error{Code: citycard.CodeNotFound, Message: "no list of this day was compared"}
	}
	if err != nil {
		return citycard.ReconciliationResult{}, s.fail("find reconciliation", err)
	}
	return row.result()
}

// ReconciliationLines implements citycard.Reconciliations.
func (s *Store) ReconciliationLines(ctx context.Context, appID string, day citycard.Date, kind citycard.DifferenceKind) ([]byte, error) {
	var lines []byte
	err := s.db.GetContext(ctx, &lines, s.db.Rebind(findReconciliationLines), appID, day.String(), string(kind))
	if notFound(err) {
		return nil, nil
	}
	return lines, s.fail("find reconciliation lines", err)
}
