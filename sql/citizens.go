package sql

import (
	"context"
	stdsql "database/sql"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"citycard"
)

// citizenRow is a row of citizen with the person bound to it.
type citizenRow struct {
	ID          string            `db:"id"`
	AppID       string            `db:"app_id"`
	OpenIDIndex string            `db:"open_id_index"`
	OpenID      string            `db:"open_id"`
	UserID      stdsql.NullString `db:"user_id"`
	UnionID     stdsql.NullString `db:"union_id"`
	SeenAt      int64             `db:"seen_at"`
	PersonID    stdsql.NullString `db:"person_id"`
}

const (
	upsertCitizen = `INSERT INTO citizen (id, app_id, open_id_index, open_id, user_id, union_id, seen_at)
 VALUES (:id, :app_id, :open_id_index, :open_id, :user_id, :union_id, :seen_at)
 ON CONFLICT (app_id, open_id_index) DO UPDATE SET seen_at = excluded.seen_at`
	findCitizen = `SELECT c.id, c.app_id, c.open_id_index, c.open_id, c.user_id, c.union_id, c.seen_at, b.person_id
 FROM citizen c LEFT JOIN binding b ON b.citizen_id = c.id WHERE c.app_id = ? AND c.open_id_index = ?`
	noteUserIDs = `UPDATE citizen SET user_id = COALESCE(user_id, :user_id), union_id = COALESCE(union_id, :union_id)
 WHERE id = :id`
)

// SeeCitizen implements citycard.Citizens.
func (s *Store) SeeCitizen(ctx context.Context, c citycard.Citizen) (citycard.Citizen, error) {
	row, err := s.citizenRow(c)
	if err != nil {
		return citycard.Citizen{}, err
	}
	var stored citizenRow
	err = s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.NamedExecContext(ctx, upsertCitizen, row); err != nil {
			return fmt.Errorf("store citizen: %w", err)
		}
		if err := tx.GetContext(ctx, &stored, tx.Rebind(findCitizen), row.AppID, row.OpenIDIndex); err != nil {
			return fmt.Errorf("load citizen: %w", err)
		}
		return s.noteIDs(ctx, tx, c, &stored)
	})
	if err != nil {
		return citycard.Citizen{}, s.fail("see citizen", err)
	}
	return s.citizen(stored)
}

// noteIDs adds user id and union id once the platform tells them; they are sealed for the stored row's id.
func (s *Store) noteIDs(ctx context.Context, tx *sqlx.Tx, c citycard.Citizen, stored *citizenRow) error {
	if (c.UserID == "" || stored.UserID.Valid) && (c.UnionID == "" || stored.UnionID.Valid) {
		return nil
	}
	user, err := s.sealNull("citizen.user_id", stored.ID, c.UserID)
	if err != nil {
		return err
	}
	union, err := s.sealNull("citizen.union_id", stored.ID, c.UnionID)
	if err != nil {
		return err
	}
	note := citizenRow{ID: stored.ID, UserID: user, UnionID: union}
	if _, err := tx.NamedExecContext(ctx, noteUserIDs, note); err != nil {
		return fmt.Errorf("note user ids: %w", err)
	}
	if !stored.UserID.Valid {
		stored.UserID = user
	}
	if !stored.UnionID.Valid {
		stored.UnionID = union
	}
	return nil
}

func (s *Store) sealNull(column, row, text string) (stdsql.NullString, error) {
	sealed, err := s.seal(column, row, text)
	return stdsql.NullString{String: sealed, Valid: sealed != ""}, err
}

func (s *Store) citizenRow(c citycard.Citizen) (citizenRow, error) {
	openID, err := s.seal("citizen.open_id", c.ID, c.OpenID)
	return citizenRow{
		ID: c.ID, AppID: c.AppID, OpenID: openID, SeenAt: millis(c.SeenAt),
		OpenIDIndex: s.keys.Index(indexOpenID, c.AppID+"/"+c.OpenID),
	}, err
}

func (s *Store) citizen(r citizenRow) (citycard.Citizen, error) {
	c := citycard.Citizen{ID: r.ID, AppID: r.AppID, PersonID: r.PersonID.String, SeenAt: instant(r.SeenAt)}
	var err error
	if c.OpenID, err = s.open("citizen.open_id", r.ID, r.OpenID); err != nil {
		return citycard.Citizen{}, err
	}
	if c.UserID, err = s.open("citizen.user_id", r.ID, r.UserID.String); err != nil {
		return citycard.Citizen{}, err
	}
	c.UnionID, err = s.open("citizen.union_id", r.ID, r.UnionID.String)
	return c, err
}

// sessionRow is a row of session; its person is the one bound to its citizen, empty where there is none.
type sessionRow struct {
	ID        string `db:"id"`
	Audience  string `db:"audience"`
	Channel   string `db:"channel"`
	CitizenID string `db:"citizen_id"`
	IssuedAt  int64  `db:"issued_at"`
	ExpiresAt int64  `db:"expires_at"`
	RevokedAt int64  `db:"revoked_at"`
	PersonID  string `db:"person_id"`
}

// fields are the places of sessionQuery's columns.
func (r *sessionRow) fields() []any {
	return []any{&r.ID, &r.Audience, &r.Channel, &r.CitizenID, &r.IssuedAt, &r.ExpiresAt, &r.RevokedAt, &r.PersonID}
}

// sessionFound is the answer to a look-up of a session.
type sessionFound struct {
	session citycard.Session
	found   bool
}

const (
	insertSession = `INSERT INTO session (id, audience, channel, citizen_id, issued_at, expires_at, revoked_at, person_id)
 VALUES (:id, :audience, :channel, :citizen_id, :issued_at, :expires_at, :revoked_at,
 coalesce((SELECT b.person_id FROM binding b WHERE b.citizen_id = :citizen_id), ''))`
	sessionQuery   = `SELECT id, audience, channel, citizen_id, issued_at, expires_at, revoked_at, person_id FROM session WHERE `
	forgetSessions = `DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_at < ? LIMIT 100)`
)

// keepEnded is how long an ended session or log-in state is kept, so that its token is still answered with
// "expired" rather than "unknown".
const keepEnded = 24 * time.Hour

// OpenSession implements citycard.Citizens; sessions long ended are forgotten on the way.
func (s *Store) OpenSession(ctx context.Context, session citycard.Session, once *citycard.Once) (citycard.Session, error) {
	row := sessionRow{
		ID: session.ID, Audience: string(session.Audience), Channel: string(session.Channel), CitizenID: session.CitizenID,
		IssuedAt: millis(session.IssuedAt), ExpiresAt: millis(session.ExpiresAt),
	}
	id := ""
	open := func() error {
		return s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
			if _, err := tx.ExecContext(ctx, tx.Rebind(forgetSessions), millis(session.IssuedAt.Add(-keepEnded))); err != nil {
				return fmt.Errorf("forget sessions: %w", err)
			}
			var err error
			id, err = takeOnce(ctx, tx, once, func() (string, error) {
				_, err := tx.NamedExecContext(ctx, insertSession, row)
				return row.ID, err
			})
			return err
		})
	}
	err := open()
	if duplicate(err) {
		err = open() // another process stored the same record first: now it is found
	}
	if err != nil || id == session.ID {
		return session, s.fail("open session", err)
	}
	return s.Session(ctx, id)
}

// Earlier implements citycard.Citizens.
func (s *Store) Earlier(ctx context.Context, key citycard.OnceKey) (*citycard.Once, error) {
	var kept onceRow
	err := s.db.GetContext(ctx, &kept, s.db.Rebind(findOnce), requestKey(key))
	if notFound(err) {
		return nil, nil //nolint:nilnil // nothing was recorded, as the interface says
	}
	if err != nil {
		return nil, s.fail("find idempotency record", err)
	}
	return kept.once(), nil
}

// Session implements citycard.Citizens; concurrent calls share one query.
func (s *Store) Session(ctx context.Context, id string) (citycard.Session, error) {
	answer, err := ask(ctx, s.sessions, &lookup[sessionFound]{id: id})
	if err == nil && !answer.found {
		err = &citycard.Error{Code: citycard.CodeNotFound, Message: "there is no such session"}
	}
	return answer.session, err
}

func (s *Store) findSessions(asked []*lookup[sessionFound]) {
	ctx, cancel := s.roundContext()
	defer cancel()
	ids := make([]string, len(asked))
	for i, l := range asked {
		ids[i] = l.id
	}
	found := make(map[string]citycard.Session, len(asked))
	err := s.read(ctx, s.db, question{sessionQuery + s.dialect.in("id"), s.dialect.list(ids), func(rows answer) error {
		return scan(rows, (*sessionRow).fields, func(r *sessionRow) error {
			found[r.ID] = citycard.Session{
				ID: r.ID, Audience: citycard.Audience(r.Audience), Channel: citycard.Channel(r.Channel),
				CitizenID: r.CitizenID, PersonID: r.PersonID,
				IssuedAt: instant(r.IssuedAt), ExpiresAt: instant(r.ExpiresAt), RevokedAt: instant(r.RevokedAt),
			}
			return nil
		})
	}})
	for _, l := range asked {
		session, ok := found[l.id]
		l.value = sessionFound{session, ok}
		l.done <- s.fail("find session", err)
	}
}

// RevokeSession implements citycard.Citizens.
func (s *Store) RevokeSession(ctx context.Context, id string, now time.Time) error {
	return s.fail("revoke session", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, tx.Rebind("UPDATE session SET revoked_at = ? WHERE id = ? AND revoked_at = 0"), millis(now), id)
		return err
	}))
}
