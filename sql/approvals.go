package sql

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var _ citycard.Approvals = (*Store)(nil)

// approvalRow is a row of approval. Once is NULL where the caller sent no number.
type approvalRow struct {
	ID           string  `db:"id"`
	Kind         string  `db:"kind"`
	Object       string  `db:"object"`
	Request      string  `db:"request"`
	Reason       string  `db:"reason"`
	Note         string  `db:"note"`
	RequestedBy  string  `db:"requested_by"`
	RequestedAt  int64   `db:"requested_at"`
	Once         *string `db:"once"`
	Fingerprint  string  `db:"fingerprint"`
	State        string  `db:"state"`
	DecidedBy    string  `db:"decided_by"`
	DecidedAt    int64   `db:"decided_at"`
	DecisionNote string  `db:"decision_note"`
	Outcome      string  `db:"outcome"`
}

// movedApproval is a row and the decision it replaces.
type movedApproval struct {
	approvalRow
	FromState string `db:"from_state"`
	FromAt    int64  `db:"from_at"`
}

const (
	approvalColumns = `id, kind, object, request, reason, note, requested_by, requested_at, once, fingerprint, state,
 decided_by, decided_at, decision_note, outcome`

	insertApproval = `INSERT INTO approval (` + approvalColumns + `) VALUES (:id, :kind, :object, :request, :reason, :note,
 :requested_by, :requested_at, :once, :fingerprint, :state, :decided_by, :decided_at, :decision_note, :outcome)
 ON CONFLICT (once) DO NOTHING`
	moveApproval = `UPDATE approval SET state = :state, decided_by = :decided_by, decided_at = :decided_at,
 decision_note = :decision_note, outcome = :outcome WHERE id = :id AND state = :from_state AND decided_at = :from_at`

	findApproval       = `SELECT ` + approvalColumns + ` FROM approval WHERE id = ?`
	findApprovalByOnce = `SELECT ` + approvalColumns + ` FROM approval WHERE once = ?`
)

func (s *Store) approvalRow(a citycard.Approval) (approvalRow, error) {
	row := approvalRow{
		ID: a.ID, Kind: string(a.Kind), Object: a.Object, Reason: a.Reason, RequestedBy: a.RequestedBy,
		RequestedAt: millis(a.RequestedAt), Fingerprint: a.Fingerprint, State: string(a.State), DecidedBy: a.DecidedBy,
		DecidedAt: millis(a.DecidedAt), Outcome: a.Outcome,
	}
	if a.Once != "" {
		row.Once = &a.Once
	}
	for _, field := range []struct {
		column, text string
		into         *string
	}{
		{"approval.request", string(a.Request), &row.Request}, {"approval.note", a.Note, &row.Note},
		{"approval.decision_note", a.DecisionNote, &row.DecisionNote},
	} {
		var err error
		if *field.into, err = s.seal(field.column, a.ID, field.text); err != nil {
			return approvalRow{}, err
		}
	}
	return row, nil
}

func (s *Store) approval(r approvalRow) (citycard.Approval, error) {
	a := citycard.Approval{
		ID: r.ID, Kind: citycard.ApprovalKind(r.Kind), Object: r.Object, Reason: r.Reason, RequestedBy: r.RequestedBy,
		RequestedAt: instant(r.RequestedAt), Fingerprint: r.Fingerprint, State: citycard.ApprovalState(r.State),
		DecidedBy: r.DecidedBy, DecidedAt: instant(r.DecidedAt), Outcome: r.Outcome,
	}
	if r.Once != nil {
		a.Once = *r.Once
	}
	request, err := s.open("approval.request", r.ID, r.Request)
	if err != nil {
		return a, err
	}
	a.Request = []byte(request)
	if a.Note, err = s.open("approval.note", r.ID, r.Note); err != nil {
		return a, err
	}
	a.DecisionNote, err = s.open("approval.decision_note", r.ID, r.DecisionNote)
	return a, err
}

// AddApproval implements citycard.Approvals.
func (s *Store) AddApproval(ctx context.Context, a citycard.Approval, by citycard.StaffAction) (citycard.Approval, error) {
	row, err := s.approvalRow(a)
	if err != nil {
		return citycard.Approval{}, err
	}
	err = s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		result, err := tx.NamedExecContext(ctx, insertApproval, row)
		if err != nil {
			return fmt.Errorf("keep approval: %w", err)
		}
		n, err := result.RowsAffected()
		if err != nil || n == 1 {
			return firstOf(func() error { return err }, func() error { return s.appendAction(ctx, tx, by) })
		}
		return tx.GetContext(ctx, &row, tx.Rebind(findApprovalByOnce), row.Once)
	})
	if err != nil {
		return citycard.Approval{}, s.fail("add approval", err)
	}
	return s.approval(row)
}

// Approval implements citycard.Approvals.
func (s *Store) Approval(ctx context.Context, id string) (citycard.Approval, error) {
	var row approvalRow
	err := s.db.GetContext(ctx, &row, s.db.Rebind(findApproval), id)
	if notFound(err) {
		return citycard.Approval{}, &citycard.Error{Code: citycard.CodeNotFound, Message: "there is no such request"}
	}
	if err != nil {
		return citycard.Approval{}, s.fail("find approval", err)
	}
	return s.approval(row)
}

// chosen is the condition of a query with its arguments.
func (s *Store) chosen(q citycard.ApprovalQuery) (where string, args []any) {
	conditions := []string{s.dialect.in("state"), s.dialect.in("kind")}
	args = []any{s.dialect.list(texts(q.States)), s.dialect.list(texts(q.Kinds))}
	also := func(holds bool, condition string, value any) {
		if holds {
			conditions, args = append(conditions, condition), append(args, value)
		}
	}
	also(q.NotBy != "", "requested_by <> ?", q.NotBy)
	also(!q.After.IsZero(), "requested_at > ?", millis(q.After))
	also(!q.Until.IsZero(), "requested_at <= ?", millis(q.Until))
	return strings.Join(conditions, " AND "), args
}

func texts[T ~string](list []T) []string {
	plain := make([]string, len(list))
	for i, value := range list {
		plain[i] = string(value)
	}
	return plain
}

// Approvals implements citycard.Approvals.
func (s *Store) Approvals(ctx context.Context, q citycard.ApprovalQuery) ([]citycard.Approval, error) {
	where, args := s.chosen(q)
	if q.Before != "" {
		where, args = where+" AND id < ?", append(args, q.Before)
	}
	query := "SELECT " + approvalColumns + " FROM approval WHERE " + where + " ORDER BY id DESC LIMIT ?"
	var rows []approvalRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(query), append(args, q.Limit)...); err != nil {
		return nil, s.fail("list approvals", err)
	}
	list := make([]citycard.Approval, len(rows))
	for i, row := range rows {
		var err error
		if list[i], err = s.approval(row); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// CountApprovals implements citycard.Approvals.
func (s *Store) CountApprovals(ctx context.Context, q citycard.ApprovalQuery) (int, error) {
	where, args := s.chosen(q)
	var n int
	if err := s.db.GetContext(ctx, &n, s.db.Rebind("SELECT count(*) FROM approval WHERE "+where), args...); err != nil {
		return 0, s.fail("count approvals", err)
	}
	return n, nil
}

// MoveApproval implements citycard.Approvals.
func (s *Store) MoveApproval(ctx context.Context, from, to citycard.Approval, by citycard.StaffAction) (bool, error) {
	row, err := s.approvalRow(to)
	if err != nil {
		return false, err
	}
	moved := false
	err = s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		result, err := tx.NamedExecContext(ctx, moveApproval, movedApproval{row, string(from.State), millis(from.DecidedAt)})
		if err != nil {
			return fmt.Errorf("move approval: %w", err)
		}
		n, err := result.RowsAffected()
		if moved = n == 1; err != nil || !moved {
			return err
		}
		return s.appendAction(ctx, tx, by)
	})
	if err != nil {
		return false, s.fail("decide approval", err)
	}
	return moved, nil
}
