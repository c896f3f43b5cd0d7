package sql

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var _ citycard.Corrections = (*Store)(nil)

// correctionRow is a row of correction. Once is NULL where the caller sent no number.
type correctionRow struct {
	ID          string  `db:"id"`
	CardRef     string  `db:"card_ref"`
	PersonID    string  `db:"person_id"`
	Kind        string  `db:"kind"`
	Description string  `db:"description"`
	OpenedBy    string  `db:"opened_by"`
	OpenedAt    int64   `db:"opened_at"`
	Once        *string `db:"once"`
	Fingerprint string  `db:"fingerprint"`
	State       string  `db:"state"`
	ResolvedBy  string  `db:"resolved_by"`
	ResolvedAt  int64   `db:"resolved_at"`
	Resolution  string  `db:"resolution"`
}

const (
	correctionColumns = `id, card_ref, person_id, kind, description, opened_by, opened_at, once, fingerprint, state,
 resolved_by, resolved_at, resolution`

	insertCorrection = `INSERT INTO correction (` + correctionColumns + `) VALUES (:id, :card_ref, :person_id, :kind, :description,
 :opened_by, :opened_at, :once, :fingerprint, :state, :resolved_by, :resolved_at, :resolution) ON CONFLICT (once) DO NOTHING`
	resolveCorrection = `UPDATE correction SET state = :state, resolved_by = :resolved_by, resolved_at = :resolved_at,
 resolution = :resolution WHERE id = :id AND state = 'open'`

	findCorrection       = `SELECT ` + correctionColumns + ` FROM correction WHERE id = ?`
	findCorrectionByOnce = `SELECT ` + correctionColumns + ` FROM correction WHERE once = ?`
)

func (s *Store) correctionRow(c citycard.Correction) (correctionRow, error) {
	row := correctionRow{
		ID: c.ID, CardRef: c.CardRef, PersonID: c.PersonID, Kind: string(c.Kind), OpenedBy: c.OpenedBy,
		OpenedAt: millis(c.OpenedAt), Fingerprint: c.Fingerprint, State: string(c.State), ResolvedBy: c.ResolvedBy,
		ResolvedAt: millis(c.ResolvedAt),
	}
	if c.Once != "" {
		row.Once = &c.Once
	}
	var err error
	if row.Description, err = s.seal("correction.description", c.ID, c.Description); err != nil {
		return row, err
	}
	row.Resolution, err = s.seal("correction.resolution", c.ID, c.Resolution)
	return row, err
}

func (s *Store) correction(r correctionRow) (citycard.Correction, error) {
	c := citycard.Correction{
		ID: r.ID, CardRef: r.CardRef, PersonID: r.PersonID, Kind: citycard.CorrectionKind(r.Kind), OpenedBy: r.OpenedBy,
		OpenedAt: instant(r.OpenedAt), Fingerprint: r.Fingerprint, State: citycard.CorrectionState(r.State),
		ResolvedBy: r.ResolvedBy, ResolvedAt: instant(r.ResolvedAt),
	}
	if r.Once != nil {
		c.Once = *r.Once
	}
	var err error
	if c.Description, err = s.open("correction.description", r.ID, r.Description); err != nil {
		return c, err
	}
	c.Resolution, err = s.open("correction.resolution", r.ID, r.Resolution)
	return c, err
}

// OpenCorrection implements citycard.Corrections.
func (s *Store) OpenCorrection(ctx context.Context, c citycard.Correction, by citycard.StaffAction) (citycard.Correction, error) {
	row, err := s.correctionRow(c)
	if err != nil {
		return citycard.Correction{}, err
	}
	err = s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		result, err := tx.NamedExecContext(ctx, insertCorrection, row)
		if err != nil {
			return fmt.Errorf("insert correction: %w", err)
		}
		n, err := result.RowsAffected()
		switch {
		case err != nil:
			return err
		case n == 0:
			return tx.GetContext(ctx, &row, tx.Rebind(findCorrectionByOnce), row.Once)
		}
		return s.appendAction(ctx, tx, by)
	})
	if err != nil {
		return citycard.Correction{}, s.fail("open correction", err)
	}
	return s.correction(row)
}

// Correction implements citycard.Corrections.
func (s *Store) Correction(ctx context.Context, id string) (citycard.Correction, error) {
	var row correctionRow
	err := s.db.GetContext(ctx, &row, s.db.Rebind(findCorrection), id)
	if notFound(err) {
		return citycard.Correction{}, &citycard.Error{Code: citycard.CodeNotFound, Message: "there is no such case"}
	}
	if err != nil {
		return citycard.Correction{}, s.fail("find correction", err)
	}
	return s.correction(row)
}

// Corrections implements citycard.Corrections.
func (s *Store) Corrections(ctx context.Context, q citycard.CorrectionQuery) ([]citycard.Correction, error) {
	conditions, args := []string{"1 = 1"}, []any{}
	also := func(value, condition string) {
		if value != "" {
			conditions, args = append(conditions, condition), append(args, value)
		}
	}
	also(string(q.State), "state = ?")
	also(q.CardRef, "card_ref = ?")
	also(q.Before, "id < ?")
	query := "SELECT " + correctionColumns + " FROM correction WHERE " + strings.Join(conditions, " AND ") + " ORDER BY id DESC LIMIT ?"
	var rows []correctionRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(query), append(args, q.Limit)...); err != nil {
		return nil, s.fail("list corrections", err)
	}
	list := make([]citycard.Correction, len(rows))
	for i, row := range rows {
		var err error
		if list[i], err = s.correction(row); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// ResolveCorrection implements citycard.Corrections.
func (s *Store) ResolveCorrection(ctx context.Context, c citycard.Correction, by citycard.StaffAction) (bool, error) {
	row, err := s.correctionRow(c)
	if err != nil {
		return false, err
	}
	resolved := false
	err = s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		result, err := tx.NamedExecContext(ctx, resolveCorrection, row)
		if err != nil {
			return fmt.Errorf("resolve correction: %w", err)
		}
		n, err := result.RowsAffected()
		if resolved = n == 1; err != nil || !resolved {
			return err
		}
		return s.appendAction(ctx, tx, by)
	})
	return resolved, s.fail("resolve correction", err)
}
