package sql

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"citycard"
)

// keepSessions is how long a two-card session is kept: any city's window ended long before.
const keepSessions = 24 * time.Hour

// twoCardRow is a row of two_card_session.
type twoCardRow struct {
	AppID           string `db:"app_id"`
	InstitutionCode string `db:"institution_code"`
	TerminalID      string `db:"terminal_id"`
	PersonID        string `db:"person_id"`
	EventID         string `db:"event_id"`
	OccurredAt      int64  `db:"occurred_at"`
	OpenedAt        int64  `db:"opened_at"`
}

const (
	upsertTwoCards = `INSERT INTO two_card_session (app_id, institution_code, terminal_id, person_id, event_id, occurred_at, opened_at)
 VALUES (:app_id, :institution_code, :terminal_id, :person_id, :event_id, :occurred_at, :opened_at)
 ON CONFLICT (app_id, institution_code, terminal_id) DO UPDATE SET person_id = excluded.person_id,
 event_id = excluded.event_id, occurred_at = excluded.occurred_at, opened_at = excluded.opened_at
 WHERE two_card_session.occurred_at <= excluded.occurred_at`
	findTwoCards = `SELECT app_id, institution_code, terminal_id, person_id, event_id, occurred_at, opened_at
 FROM two_card_session WHERE app_id = ? AND institution_code = ? AND terminal_id = ?`
	oldTwoCards = `DELETE FROM two_card_session WHERE (app_id, institution_code, terminal_id) IN
 (SELECT app_id, institution_code, terminal_id FROM two_card_session WHERE opened_at < ? LIMIT 100`
)

// unlocked closes the subquery of a deletion of old rows; others that delete the same ones are not waited for.
func (d dialect) unlocked() string {
	if d == postgres {
		return " FOR UPDATE SKIP LOCKED)"
	}
	return ")"
}

// OpenTwoCards implements citycard.TwoCardSessions.
func (s *Store) OpenTwoCards(ctx context.Context, opened citycard.TwoCards, now time.Time) error {
	row := twoCardRow{
		AppID: opened.AppID, InstitutionCode: opened.InstitutionCode, TerminalID: opened.TerminalID,
		PersonID: opened.PersonID, EventID: opened.EventID, OccurredAt: millis(opened.Occurred), OpenedAt: millis(now),
	}
	return s.fail("open two-card session", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		forget := tx.Rebind(oldTwoCards + s.dialect.unlocked())
		if _, err := tx.ExecContext(ctx, forget, millis(now.Add(-keepSessions))); err != nil {
			return fmt.Errorf("forget two-card sessions: %w", err)
		}
		_, err := tx.NamedExecContext(ctx, upsertTwoCards, row)
		return err
	}))
}

// TwoCards implements citycard.TwoCardSessions.
func (s *Store) TwoCards(ctx context.Context, at citycard.Terminal) (citycard.TwoCards, error) {
	var row twoCardRow
	err := s.db.GetContext(ctx, &row, s.db.Rebind(findTwoCards), at.AppID, at.InstitutionCode, at.TerminalID)
	if notFound(err) {
		return citycard.TwoCards{}, nil
	}
	if err != nil {
		return citycard.TwoCards{}, s.fail("find two-card session", err)
	}
	return citycard.TwoCards{Terminal: at, PersonID: row.PersonID, EventID: row.EventID, Occurred: instant(row.OccurredAt)}, nil
}

const (
	// reserveMark takes a mark that nobody has, or whose time is over; otherwise it changes no row.
	reserveMark = `INSERT INTO replay (app_id, mark, expires_at) VALUES (?, ?, ?)
 ON CONFLICT (app_id, mark) DO UPDATE SET expires_at = excluded.expires_at WHERE replay.expires_at <= ?`
	oldMarks = `DELETE FROM replay WHERE (app_id, mark) IN
 (SELECT app_id, mark FROM replay WHERE expires_at <= ? LIMIT 100`
)

// ReserveReplay implements citycard.Replays.
func (s *Store) ReserveReplay(ctx context.Context, r citycard.Replay, now time.Time) error {
	var marks []string
	if r.Digest != "" {
		marks = append(marks, "digest:"+r.Digest)
	}
	if r.Nonce != "" {
		marks = append(marks, "nonce:"+r.Nonce)
	}
	return s.fail("reserve nonce", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, tx.Rebind(oldMarks+s.dialect.unlocked()), millis(now)); err != nil {
			return fmt.Errorf("forget nonces: %w", err)
		}
		for _, mark := range marks {
			result, err := tx.ExecContext(ctx, tx.Rebind(reserveMark), r.AppID, mark, millis(now.Add(citycard.ReplayMemory)), millis(now))
			if err != nil {
				return fmt.Errorf("reserve: %w", err)
			}
			if n, err := result.RowsAffected(); err != nil {
				return fmt.Errorf("reserve: %w", err)
			} else if n == 0 {
				return &citycard.Error{Code: citycard.CodeNonceReused, Message: "this request, or its nonce, was received before"}
			}
		}
		return nil
	}))
}

// callbackCountRow is a row of callback_count.
type callbackCountRow struct {
	Day       string `db:"day"`
	AppID     string `db:"app_id"`
	Profile   string `db:"profile"`
	Outcome   string `db:"outcome"`
	Code      string `db:"code"`
	Callbacks int64  `db:"callbacks"`
}

const (
	addCallbackCount = `INSERT INTO callback_count (day, app_id, profile, outcome, code, callbacks)
 VALUES (:day, :app_id, :profile, :outcome, :code, :callbacks)
 ON CONFLICT (day, app_id, profile, outcome, code) DO UPDATE SET callbacks = callback_count.callbacks + excluded.callbacks`
	listCallbackCounts = `SELECT day, app_id, profile, outcome, code, callbacks FROM callback_count
 WHERE day >= ? AND day <= ? ORDER BY day, app_id, profile, outcome, code`
)

// AddCallbackCounts implements citycard.CallbackCounts.
func (s *Store) AddCallbackCounts(ctx context.Context, counts []citycard.CallbackCount) error {
	rows := make([]callbackCountRow, len(counts))
	for i, c := range counts {
		rows[i] = callbackCountRow{c.Day.String(), c.AppID, string(c.Profile), string(c.Outcome), c.Code, c.Count}
	}
	// One order for all processes, so that two of them never wait for each other's rows.
	slices.SortFunc(rows, compareCounts)
	return s.fail("count callbacks", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		for _, row := range rows {
			if _, err := tx.NamedExecContext(ctx, addCallbackCount, row); err != nil {
				return fmt.Errorf("add count: %w", err)
			}
		}
		return nil
	}))
}

func compareCounts(a, b callbackCountRow) int {
	return slices.Compare(
		[]string{a.Day, a.AppID, a.Profile, a.Outcome, a.Code}, []string{b.Day, b.AppID, b.Profile, b.Outcome, b.Code})
}

// CallbackCounts implements citycard.CallbackCounts.
func (s *Store) CallbackCounts(ctx context.Context, from, to citycard.Date) ([]citycard.CallbackCount, error) {
	var rows []callbackCountRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(listCallbackCounts), from.String(), to.String()); err != nil {
		return nil, s.fail("list callback counts", err)
	}
	counts := make([]citycard.CallbackCount, len(rows))
	for i, row := range rows {
		on, err := citycard.ParseDate(row.Day)
		if err != nil {
			return nil, err
		}
		counts[i] = citycard.CallbackCount{Count: row.Callbacks, CallbackKind: citycard.CallbackKind{
			AppID: row.AppID, Day: on, Profile: citycard.Profile(row.Profile),
			Outcome: citycard.CallbackOutcome(row.Outcome), Code: row.Code,
		}}
	}
	return counts, nil
}

// pageOnce reads along the index of partners' records; its second condition is that index's own.
const pageOnce = `SELECT ` + onceColumns + ` FROM idempotency
 WHERE request LIKE ? AND request LIKE 'partner:%' AND (recorded_at, request) > (?, ?) AND recorded_at < ?
 ORDER BY recorded_at, request LIMIT ?`

// PartnerRecords implements citycard.OnceRecords.
func (s *Store) PartnerRecords(ctx context.Context, p citycard.OncePage) ([]citycard.Once, error) {
	last := onceRow{RecordedAt: millis(p.From)}
	if p.After != nil {
		last = onceRowOf(p.After)
	}
	var rows []onceRow
	err := s.db.SelectContext(ctx, &rows, s.db.Rebind(pageOnce),
		p.Scope+"/%", last.RecordedAt, last.Request, millis(p.To), p.Limit)
	if err != nil {
		return nil, s.fail("list partner records", err)
	}
	list := make([]citycard.Once, len(rows))
	for i, row := range rows {
		list[i] = *row.once()
	}
	return list, nil
}
