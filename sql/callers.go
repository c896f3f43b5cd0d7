package sql

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var _ citycard.Callers = (*Store)(nil)

// identificationRow is a row of identification.
type identificationRow struct {
	ID      string `db:"id"`
	StaffID string `db:"staff_id"`
	CardRef string `db:"card_ref"`
	Passed  bool   `db:"passed"`
	At      int64  `db:"at"`
}

const (
	insertIdentification = `INSERT INTO identification (id, staff_id, card_ref, passed, at) VALUES (:id, :staff_id, :card_ref, :passed, :at)`
	findIdentification   = `SELECT id, staff_id, card_ref, passed, at FROM identification WHERE id = ?`
)

// KeepIdentification implements citycard.Callers.
func (s *Store) KeepIdentification(ctx context.Context, i citycard.Identification, by citycard.StaffAction) error {
	row := identificationRow{i.ID, i.StaffID, i.CardRef, i.Passed, millis(i.At)}
	return s.fail("keep identification", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.NamedExecContext(ctx, insertIdentification, row); err != nil {
			return fmt.Errorf("insert identification: %w", err)
		}
		return s.appendAction(ctx, tx, by)
	}))
}

// Identification implements citycard.Callers.
func (s *Store) Identification(ctx context.Context, id string) (citycard.Identification, error) {
	var row identificationRow
	err := s.db.GetContext(ctx, &row, s.db.Rebind(findIdentification), id)
	if notFound(err) {
		return citycard.Identification{}, &citycard.Error{Code: citycard.CodeNotFound, Message: "there is no such identification"}
	}
	if err != nil {
		return citycard.Identification{}, s.fail("find identification", err)
	}
	return citycard.Identification{ID: row.ID, StaffID: row.StaffID, CardRef: row.CardRef, Passed: row.Passed, At: instant(row.At)}, nil
}
