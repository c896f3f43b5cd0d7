package sql

import (
	"context"
	"strings"

	"citycard"
)

var _ citycard.AuditRecords = (*Store)(nil)

// FindActions implements citycard.AuditRecords.
func (s *Store) FindActions(ctx context.Context, q citycard.ActionQuery) ([]citycard.StaffAction, error) {
	where, args := []string{}, []any{}
	for _, condition := range []struct {
		text  string
		value any
		holds bool
	}{
		{"staff_id = ?", q.StaffID, q.StaffID != ""},
		{"action = ?", q.Action, q.Action != ""},
		{"object = ?", q.Object, q.Object != ""},
		{"at >= ?", millis(q.From), !q.From.IsZero()},
		{"at < ?", millis(q.Until), !q.Until.IsZero()},
		{"id < ?", q.Before, q.Before != ""},
	} {
		if condition.holds {
			where, args = append(where, condition.text), append(args, condition.value)
		}
	}
	query := "SELECT " + actionColumns + " FROM staff_action"
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	var rows []actionRow
	err := s.db.SelectContext(ctx, &rows, s.db.Rebind(query+" ORDER BY id DESC LIMIT ?"), append(args, q.Limit)...)
	if err != nil {
		return nil, s.fail("find actions", err)
	}
	list := make([]citycard.StaffAction, len(rows))
	for i, row := range rows {
		if list[i], err = s.staffAction(row); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Actions lists the record, newest first, at most limit lines older than the one with the id before (empty for the
// newest).
func (s *Store) Actions(ctx context.Context, before string, limit int) ([]citycard.StaffAction, error) {
	return s.FindActions(ctx, citycard.ActionQuery{Before: before, Limit: limit})
}
