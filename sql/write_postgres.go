package sql

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jmoiron/sqlx"
)

// storeTogether writes a whole round with one statement: data-modifying common table expressions over arrays,
// one array for each column. It stores everything or nothing: where a card or an activation is no longer as it
// was loaded, the statement fails by a division by zero, which is errRaced.
func storeTogether(ctx context.Context, q sqlx.ExecerContext, r *rows) error {
	st := &statement{}
	st.updateCards(r.cards)
	st.insertCards(r.newCards)
	st.insertTransitions(r.transitions)
	st.insertActivations(r.newActs)
	st.updateActivations(r.acts)
	st.others(r)
	st.insertReissues(r.reissues)
	st.insertActions(r.actions)
	st.noteCovered(r.notes())
	_, err := q.ExecContext(ctx, st.text(), st.args...)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "22012" {
		return errRaced
	}
	if err != nil {
		return fmt.Errorf("write round: %w", err)
	}
	return nil
}

// statement is one statement in the making.
type statement struct {
	parts  []string
	checks []string
	args   []any
}

func (st *statement) text() string {
	checks := strings.Join(append(st.checks, "true"), " AND ")
	return "WITH " + strings.Join(st.parts, ",\n") + "\nSELECT 1 / CASE WHEN " + checks + " THEN 1 ELSE 0 END"
}

// addf adds one part; its one verb stands for the rows made of the columns.
func (st *statement) addf(format string, columns ...any) {
	st.parts = append(st.parts, fmt.Sprintf(format, st.unnest(columns)))
}

// expect makes the statement fail unless the part named changed n rows.
func (st *statement) expect(part string, n int) {
	st.args = append(st.args, n)
	st.checks = append(st.checks, fmt.Sprintf("(SELECT count(*) FROM %s) = $%d::bigint", part, len(st.args)))
}

// unnest makes rows of arrays, one array a column.
func (st *statement) unnest(columns []any) string {
	params := make([]string, len(columns))
	for i, column := range columns {
		st.args = append(st.args, column)
		kind := "text"
		switch column.(type) {
		case []int64:
			kind = "bigint"
		case []bool:
			kind = "boolean"
		}
		params[i] = fmt.Sprintf("$%d::%s[]", len(st.args), kind)
	}
	return "unnest(" + strings.Join(params, ", ") + ")"
}

// column collects one value of every row.
func column[R, V any](list []R, value func(*R) V) []V {
	values := make([]V, len(list))
	for i := range list {
		values[i] = value(&list[i])
	}
	return values
}

func (st *statement) updateCards(list []updatedCard) {
	if len(list) == 0 {
		return
	}
	text := func(value func(*updatedCard) string) []string { return column(list, value) }
	number := func(value func(*updatedCard) int64) []int64 { return column(list, value) }
	st.addf(`updated_card AS (UPDATE card c SET fulfilment = i.fulfilment, social = i.social, financial = i.financial,
 password = i.password, social_before = i.social_before, social_held = i.social_held,
 financial_before = i.financial_before, account_last4 = i.account_last4, received_on = i.received_on, valid_to = i.valid_to, replaced_by = i.replaced_by,
 fulfilment_since = i.fulfilment_since, social_since = i.social_since, financial_since = i.financial_since,
 password_since = i.password_since, password_unlocks = i.password_unlocks, head = i.head, head_at = i.head_at, version = i.version
 FROM %s AS i (ref, was, fulfilment, social, financial, password, social_before, social_held, financial_before,
 account_last4, received_on, valid_to, replaced_by, fulfilment_since, social_since, financial_since, password_since,
 password_unlocks, head, head_at, version, place)
 WHERE c.ctid = nullif(i.place, '')::tid AND c.ref = i.ref AND c.version = i.was RETURNING 1)`,
		text(func(r *updatedCard) string { return r.Ref }), number(func(r *updatedCard) int64 { return r.Was }),
		text(func(r *updatedCard) string { return r.Fulfilment }), text(func(r *updatedCard) string { return r.Social }),
		text(func(r *updatedCard) string { return r.Financial }), text(func(r *updatedCard) string { return r.Password }),
		text(func(r *updatedCard) string { return r.SocialBefore }), text(func(r *updatedCard) string { return r.SocialHeld }),
		text(func(r *updatedCard) string { return r.FinancialBefore }), text(func(r *updatedCard) string { return r.AccountLast4 }),
		text(func(r *updatedCard) string { return r.ReceivedOn }), text(func(r *updatedCard) string { return r.ValidTo }),
		text(func(r *updatedCard) string { return r.ReplacedBy }),
		number(func(r *updatedCard) int64 { return r.FulfilmentSince }), number(func(r *updatedCard) int64 { return r.SocialSince }),
		number(func(r *updatedCard) int64 { return r.FinancialSince }), number(func(r *updatedCard) int64 { return r.PasswordSince }),
		number(func(r *updatedCard) int64 { return r.PasswordUnlocks }),
		text(func(r *updatedCard) string { return r.Head }), number(func(r *updatedCard) int64 { return r.HeadAt }),
		number(func(r *updatedCard) int64 { return r.Version }),
		text(func(r *updatedCard) string { return r.Place }))
	st.expect("updated_card", len(list))
}

func (st *statement) insertCards(list []cardRow) {
	if len(list) == 0 {
		return
	}
	text := func(value func(*cardRow) string) []string { return column(list, value) }
	number := func(value func(*cardRow) int64) []int64 { return column(list, value) }
	st.addf(`inserted_card AS (INSERT INTO card (ref, person_id, region, card_number, identification_code, bank_code,
 account_index, account_last4, fulfilment, social, financial, password, social_before, social_held, financial_before,
 received_on, valid_to, replacement_for, replaced_by, fulfilment_since, social_since, financial_since, password_since,
 head, head_at, version, holder_name) SELECT i.*, p.name FROM %s AS i (ref, person_id) JOIN person p ON p.id = i.person_id)`,
		text(func(r *cardRow) string { return r.Ref }), text(func(r *cardRow) string { return r.PersonID }),
		text(func(r *cardRow) string { return r.Region }), text(func(r *cardRow) string { return r.CardNumber }),
		column(list, func(r *cardRow) *string { return nullable(r.IdentificationCode) }),
		text(func(r *cardRow) string { return r.BankCode }), text(func(r *cardRow) string { return r.AccountIndex }),
		text(func(r *cardRow) string { return r.AccountLast4 }), text(func(r *cardRow) string { return r.Fulfilment }),
		text(func(r *cardRow) string { return r.Social }), text(func(r *cardRow) string { return r.Financial }),
		text(func(r *cardRow) string { return r.Password }), text(func(r *cardRow) string { return r.SocialBefore }),
		text(func(r *cardRow) string { return r.SocialHeld }), text(func(r *cardRow) string { return r.FinancialBefore }),
		text(func(r *cardRow) string { return r.ReceivedOn }), text(func(r *cardRow) string { return r.ValidTo }),
		text(func(r *cardRow) string { return r.ReplacementFor }), text(func(r *cardRow) string { return r.ReplacedBy }),
		number(func(r *cardRow) int64 { return r.FulfilmentSince }), number(func(r *cardRow) int64 { return r.SocialSince }),
		number(func(r *cardRow) int64 { return r.FinancialSince }), number(func(r *cardRow) int64 { return r.PasswordSince }),
		text(func(r *cardRow) string { return r.Head }), number(func(r *cardRow) int64 { return r.HeadAt }),
		number(func(r *cardRow) int64 { return r.Version }))
}

func nullable(text stdsql.NullString) *string {
	if !text.Valid {
		return nil
	}
	return &text.String
}

func (st *statement) insertTransitions(list []transitionRow) {
	if len(list) == 0 {
		return
	}
	text := func(value func(*transitionRow) string) []string { return column(list, value) }
	number := func(value func(*transitionRow) int64) []int64 { return column(list, value) }
	st.addf(`inserted_transition AS (INSERT INTO transition (`+transitionColumns+`) SELECT * FROM %s
 RETURNING card_ref, seq, recorded_at)`,
		text(func(r *transitionRow) string { return r.CardRef }), number(func(r *transitionRow) int64 { return r.Seq }),
		text(func(r *transitionRow) string { return r.Machine }), text(func(r *transitionRow) string { return r.From }),
		text(func(r *transitionRow) string { return r.To }), text(func(r *transitionRow) string { return r.ActorKind }),
		text(func(r *transitionRow) string { return r.ActorID }), text(func(r *transitionRow) string { return r.Channel }),
		text(func(r *transitionRow) string { return r.Reason }), text(func(r *transitionRow) string { return r.Evidence }),
		number(func(r *transitionRow) int64 { return r.OccurredAt }), number(func(r *transitionRow) int64 { return r.RecordedAt }),
		text(func(r *transitionRow) string { return r.EventID }), number(func(r *transitionRow) int64 { return r.PrevAt }),
		text(func(r *transitionRow) string { return r.PrevHash }), text(func(r *transitionRow) string { return r.Hash }))
	st.parts = append(st.parts, `inserted_event AS (INSERT INTO outgoing_event (card_ref, seq, created_at)
 SELECT card_ref, seq, recorded_at FROM inserted_transition)`)
}

func (st *statement) insertActivations(list []activationRow) {
	if len(list) == 0 {
		return
	}
	text := func(value func(*activationRow) string) []string { return column(list, value) }
	number := func(value func(*activationRow) int64) []int64 { return column(list, value) }
	st.addf(`inserted_activation AS (INSERT INTO activation (`+activationColumns+`) SELECT * FROM %s)`,
		text(func(r *activationRow) string { return r.ID }), text(func(r *activationRow) string { return r.CitizenID }),
		text(func(r *activationRow) string { return r.Channel }), text(func(r *activationRow) string { return r.Name }),
		text(func(r *activationRow) string { return r.Number }), text(func(r *activationRow) string { return r.Method }),
		text(func(r *activationRow) string { return r.CheckID }), text(func(r *activationRow) string { return r.Status }),
		text(func(r *activationRow) string { return r.Failure }), text(func(r *activationRow) string { return r.CardRef }),
		column(list, func(r *activationRow) bool { return r.Changed }), text(func(r *activationRow) string { return r.Receipt }),
		text(func(r *activationRow) string { return r.Dedup }), text(func(r *activationRow) string { return r.AttemptCitizen }),
		text(func(r *activationRow) string { return r.AttemptNumber }), text(func(r *activationRow) string { return r.AttemptAddress }),
		number(func(r *activationRow) int64 { return r.StartedAt }), number(func(r *activationRow) int64 { return r.ExpiresAt }),
		number(func(r *activationRow) int64 { return r.FinishedAt }), number(func(r *activationRow) int64 { return r.ClaimedUntil }))
}

func (st *statement) updateActivations(list []activationRow) {
	if len(list) == 0 {
		return
	}
	text := func(value func(*activationRow) string) []string { return column(list, value) }
	st.addf(`updated_activation AS (UPDATE activation a SET name = i.name, number = i.number, check_id = i.check_id,
 status = i.status, failure = i.failure, card_ref = i.card_ref, changed = i.changed, receipt = i.receipt,
 finished_at = i.finished_at, claimed_until = i.claimed_until
 FROM %s AS i (id, name, number, check_id, status, failure, card_ref, changed, receipt, finished_at, claimed_until)
 WHERE a.id = i.id AND a.status = 'awaiting_identity' RETURNING 1)`,
		text(func(r *activationRow) string { return r.ID }), text(func(r *activationRow) string { return r.Name }),
		text(func(r *activationRow) string { return r.Number }), text(func(r *activationRow) string { return r.CheckID }),
		text(func(r *activationRow) string { return r.Status }), text(func(r *activationRow) string { return r.Failure }),
		text(func(r *activationRow) string { return r.CardRef }), column(list, func(r *activationRow) bool { return r.Changed }),
		text(func(r *activationRow) string { return r.Receipt }),
		column(list, func(r *activationRow) int64 { return r.FinishedAt }),
		column(list, func(r *activationRow) int64 { return r.ClaimedUntil }))
	st.expect("updated_activation", len(list))
}

// others writes idempotency records, bindings and attempts taken back.
func (st *statement) others(r *rows) {
	if len(r.once) > 0 {
		st.addf(`inserted_once AS (INSERT INTO idempotency (`+onceColumns+`) SELECT * FROM %s)`,
			column(r.once, func(o *onceRow) string { return o.RequestKey }),
			column(r.once, func(o *onceRow) string { return o.Request }), column(r.once, func(o *onceRow) string { return o.Fingerprint }),
			column(r.once, func(o *onceRow) string { return o.Result }), column(r.once, func(o *onceRow) int64 { return o.RecordedAt }))
	}
	if len(r.bindings) > 0 {
		st.addf(`bound AS (INSERT INTO binding (citizen_id, person_id, method, bound_at) SELECT * FROM %s
 ON CONFLICT (citizen_id) DO UPDATE
 SET person_id = excluded.person_id, method = excluded.method, bound_at = excluded.bound_at)`,
			column(r.bindings, func(b *bindingRow) string { return b.CitizenID }), column(r.bindings, func(b *bindingRow) string { return b.PersonID }),
			column(r.bindings, func(b *bindingRow) string { return b.Method }), column(r.bindings, func(b *bindingRow) int64 { return b.BoundAt }))
		st.addf(`bound_session AS (UPDATE session s SET person_id = i.person_id FROM %s AS i (citizen_id, person_id)
 WHERE s.citizen_id = i.citizen_id AND s.person_id <> i.person_id)`,
			column(r.bindings, func(b *bindingRow) string { return b.CitizenID }), column(r.bindings, func(b *bindingRow) string { return b.PersonID }))
	}
	if len(r.returned) > 0 {
		st.addf(`returned_attempt AS (UPDATE attempt a SET used = greatest(a.used - i.count, 0)
 FROM %s AS i (kind, subject, window_start, count)
 WHERE a.kind = i.kind AND a.subject = i.subject AND a.window_start = i.window_start)`,
			column(r.returned, func(l *returnedRow) string { return l.Kind }), column(r.returned, func(l *returnedRow) string { return l.Subject }),
			column(r.returned, func(l *returnedRow) int64 { return l.WindowStart }), column(r.returned, func(l *returnedRow) int64 { return l.Count }))
	}
}

// storeImported adds what an import found, with one statement for each table.
func storeImported(ctx context.Context, q sqlx.ExecerContext, found *imported) error {
	if len(found.numbers) == 0 && len(found.cards) == 0 {
		return nil
	}
	people, numbers, cards := &statement{}, &statement{}, &statement{}
	people.addf(`added AS (INSERT INTO person (id, name, phone, created_at) SELECT * FROM %s)`,
		column(found.people, func(p *personRow) string { return p.ID }), column(found.people, func(p *personRow) string { return p.Name }),
		column(found.people, func(p *personRow) string { return p.Phone }), column(found.people, func(p *personRow) int64 { return p.CreatedAt }))
	numbers.addf(`added AS (INSERT INTO person_number (number_index, person_id, number, name_birth) SELECT * FROM %s)`,
		column(found.numbers, func(n *numberRow) string { return n.NumberIndex }),
		column(found.numbers, func(n *numberRow) string { return n.PersonID }), column(found.numbers, func(n *numberRow) string { return n.Number }),
		column(found.numbers, func(n *numberRow) *string { return n.NameBirth }))
	cards.insertCards(found.cards)
	for _, st := range []*statement{people, numbers, cards} {
		if len(st.parts) == 0 {
			continue
		}
		if _, err := q.ExecContext(ctx, st.text(), st.args...); err != nil {
			return fmt.Errorf("add imported rows: %w", err)
		}
	}
	return nil
}
