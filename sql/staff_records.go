package sql

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var _ citycard.StaffRecords = (*Store)(nil)

// reissueRow is a row of reissue.
type reissueRow struct {
	ID       string `db:"id"`
	OldCard  string `db:"old_card"`
	Ordinal  int64  `db:"ordinal"`
	Reason   string `db:"reason"`
	Waiver   string `db:"waiver"`
	FeeFen   int64  `db:"fee_fen"`
	Note     string `db:"note"`
	OpenedBy string `db:"opened_by"`
	OpenedAt int64  `db:"opened_at"`
	// PaidAt is when the platform first said that the fee was paid; it is read only.
	PaidAt int64 `db:"paid_at"`
}

// actionRow is a row of staff_action.
type actionRow struct {
	ID        string `db:"id"`
	StaffID   string `db:"staff_id"`
	Role      string `db:"role"`
	Action    string `db:"action"`
	Object    string `db:"object"`
	Reason    string `db:"reason"`
	Note      string `db:"note"`
	RequestID string `db:"request_id"`
	At        int64  `db:"at"`
}

const (
	reissueColumns = `id, old_card, ordinal, reason, waiver, fee_fen, note, opened_by, opened_at`
	actionColumns  = `id, staff_id, role, action, object, reason, note, request_id, at`

	insertReissue = `INSERT INTO reissue (` + reissueColumns + `)
 VALUES (:id, :old_card, :ordinal, :reason, :waiver, :fee_fen, :note, :opened_by, :opened_at)`
	insertAction = `INSERT INTO staff_action (` + actionColumns + `)
 VALUES (:id, :staff_id, :role, :action, :object, :reason, :note, :request_id, :at)`

	readReissue = `SELECT ` + reissueColumns + `, (SELECT coalesce(min(recorded_at), 0) FROM payment
 WHERE order_id = reissue.id AND status IN ('TRADE_SUCCESS', 'TRADE_FINISHED')) AS paid_at FROM reissue`
	findReissue  = readReissue + ` WHERE id = ?`
	listReissues = readReissue + ` WHERE id = ? OR old_card = ? ORDER BY opened_at, id`
)

func (s *Store) reissueRows(list []*citycard.Reissue) ([]reissueRow, error) {
	var rows []reissueRow
	for _, r := range list {
		note, err := s.seal("reissue.note", r.ID, r.Note)
		if err != nil {
			return nil, err
		}
		rows = append(rows, reissueRow{
			ID: r.ID, OldCard: r.OldCard, Ordinal: int64(r.Ordinal), Reason: string(r.Reason), Waiver: string(r.Waiver),
			FeeFen: int64(r.FeeFen), Note: note, OpenedBy: r.OpenedBy, OpenedAt: millis(r.OpenedAt),
		})
	}
	return rows, nil
}

func (s *Store) reissue(r reissueRow) (citycard.Reissue, error) {
	note, err := s.open("reissue.note", r.ID, r.Note)
	return citycard.Reissue{
		ID: r.ID, OldCard: r.OldCard, Ordinal: int(r.Ordinal), Reason: citycard.ReissueReason(r.Reason),
		Waiver: citycard.Reason(r.Waiver), FeeFen: int(r.FeeFen), Note: note, OpenedBy: r.OpenedBy, OpenedAt: instant(r.OpenedAt),
		PaidAt: instant(r.PaidAt),
	}, err
}

func (s *Store) actionRows(list []citycard.StaffAction) ([]actionRow, error) {
	var rows []actionRow
	for _, a := range list {
		note, err := s.seal("staff_action.note", a.ID, a.Note)
		if err != nil {
			return nil, err
		}
		rows = append(rows, actionRow{
			ID: a.ID, StaffID: a.StaffID, Role: string(a.Role), Action: a.Action, Object: a.Object, Reason: a.Reason,
			Note: note, RequestID: a.RequestID, At: millis(a.At),
		})
	}
	return rows, nil
}

func (s *Store) staffAction(r actionRow) (citycard.StaffAction, error) {
	note, err := s.open("staff_action.note", r.ID, r.Note)
	return citycard.StaffAction{
		ID: r.ID, StaffID: r.StaffID, Role: citycard.StaffRole(r.Role), Action: r.Action, Object: r.Object,
		Reason: r.Reason, Note: note, RequestID: r.RequestID, At: instant(r.At),
	}, err
}

func (st *statement) insertReissues(list []reissueRow) {
	if len(list) == 0 {
		return
	}
	text := func(value func(*reissueRow) string) []string { return column(list, value) }
	number := func(value func(*reissueRow) int64) []int64 { return column(list, value) }
	st.addf(`inserted_reissue AS (INSERT INTO reissue (`+reissueColumns+`) SELECT * FROM %s)`,
		text(func(r *reissueRow) string { return r.ID }), text(func(r *reissueRow) string { return r.OldCard }),
		number(func(r *reissueRow) int64 { return r.Ordinal }), text(func(r *reissueRow) string { return r.Reason }),
		text(func(r *reissueRow) string { return r.Waiver }), number(func(r *reissueRow) int64 { return r.FeeFen }),
		text(func(r *reissueRow) string { return r.Note }), text(func(r *reissueRow) string { return r.OpenedBy }),
		number(func(r *reissueRow) int64 { return r.OpenedAt }))
}

func (st *statement) insertActions(list []actionRow) {
	if len(list) == 0 {
		return
	}
	text := func(value func(*actionRow) string) []string { return column(list, value) }
	st.addf(`inserted_action AS (INSERT INTO staff_action (`+actionColumns+`) SELECT * FROM %s)`,
		text(func(r *actionRow) string { return r.ID }), text(func(r *actionRow) string { return r.StaffID }),
		text(func(r *actionRow) string { return r.Role }), text(func(r *actionRow) string { return r.Action }),
		text(func(r *actionRow) string { return r.Object }), text(func(r *actionRow) string { return r.Reason }),
		text(func(r *actionRow) string { return r.Note }), text(func(r *actionRow) string { return r.RequestID }),
		column(list, func(r *actionRow) int64 { return r.At }))
}

// RecordAction implements citycard.StaffRecords.
func (s *Store) RecordAction(ctx context.Context, a citycard.StaffAction) error {
	return s.fail("record action", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		return s.appendAction(ctx, tx, a)
	}))
}

// appendAction records an action within a transaction.
func (s *Store) appendAction(ctx context.Context, tx *sqlx.Tx, a citycard.StaffAction) error {
	rows, err := s.actionRows([]citycard.StaffAction{a})
	if err != nil {
		return err
	}
	if _, err = tx.NamedExecContext(ctx, insertAction, rows[0]); err != nil {
		return fmt.Errorf("append action: %w", err)
	}
	_, err = tx.NamedExecContext(ctx, insertNote, noteOf(rows[0].entry()))
	return err
}

// Reissue implements citycard.StaffRecords.
func (s *Store) Reissue(ctx context.Context, id string) (citycard.Reissue, error) {
	var row reissueRow
	err := s.db.GetContext(ctx, &row, s.db.Rebind(findReissue), id)
	if notFound(err) {
		return citycard.Reissue{}, &citycard.Error{Code: citycard.CodeNotFound, Message: "there is no such reissue"}
	}
	if err != nil {
		return citycard.Reissue{}, s.fail("find reissue", err)
	}
	return s.reissue(row)
}

// Reissues implements citycard.StaffRecords.
func (s *Store) Reissues(ctx context.Context, cardRef string) ([]citycard.Reissue, error) {
	var rows []reissueRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(listReissues), cardRef, cardRef); err != nil {
		return nil, s.fail("list reissues", err)
	}
	list := make([]citycard.Reissue, len(rows))
	for i, row := range rows {
		var err error
		if list[i], err = s.reissue(row); err != nil {
			return nil, err
		}
	}
	return list, nil
}
