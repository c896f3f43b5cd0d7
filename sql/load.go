package sql

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"citycard"
)

// load reads everything the units name. Locked takes the cards for update.
func (s *Store) load(ctx context.Context, q sqlx.QueryerContext, units []*unit, locked bool) (*round, error) {
	r := newRound()
	wanted := map[way][]string{}
	var once []string
	var acts []string
	for _, u := range units {
		if _, asked := r.found[u.by]; !asked {
			r.found[u.by] = ""
			wanted[u.by.way] = append(wanted[u.by.way], u.by.compared())
		}
		if key := u.subject.Once; key.Key != "" {
			once = append(once, requestKey(key))
		}
		if id := u.subject.ActivationID; id != "" {
			acts = append(acts, id)
		}
	}
	var questions []question
	for by, values := range wanted {
		questions = append(questions, s.askHoldings(r, wantedCards{by, values, locked}))
	}
	if len(once) > 0 {
		questions = append(questions, s.askOnce(r, once))
	}
	if len(acts) > 0 {
		questions = append(questions, s.askActivations(r, acts))
	}
	if err := s.read(ctx, q, questions...); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	r.sort()
	return r, nil
}

func (s *Store) askHoldings(r *round, wanted wantedCards) question {
	return question{s.holdingQuery(wanted), s.dialect.list(wanted.values), func(rows answer) error {
		return scan(rows, (*foundRow).fields, func(row *foundRow) error { return s.place(r, finder{wanted.by, row.Found}, row) })
	}}
}

// place puts one loaded card into the round.
func (s *Store) place(r *round, by finder, row *foundRow) error {
	card, err := row.card()
	if err != nil {
		return err
	}
	h := r.people[row.PersonID]
	if h == nil {
		name, err := s.open("person.name", row.PersonID, row.PersonName)
		if err != nil {
			return err
		}
		h = &holding{person: citycard.Person{ID: row.PersonID, Name: citycard.RestoreName(name)}}
		r.people[row.PersonID] = h
	}
	r.found[by] = row.PersonID
	for _, there := range h.cards {
		if there.Ref == card.Ref {
			return nil
		}
	}
	h.cards, r.writes.places[card.Ref] = append(h.cards, card), row.Place
	return nil
}

// onceRow is a row of idempotency. Request is the scope and the key, joined by a slash that keys cannot hold. Records are
// found by what requestKey makes of both, which keeps the index that every change extends small.
type onceRow struct {
	RequestKey  string `db:"request_key"`
	Request     string `db:"request"`
	Fingerprint string `db:"fingerprint"`
	Result      string `db:"result"`
	RecordedAt  int64  `db:"recorded_at"`
}

const onceColumns = `request_key, request, fingerprint, result, recorded_at`

func (r *onceRow) fields() []any {
	return []any{&r.RequestKey, &r.Request, &r.Fingerprint, &r.Result, &r.RecordedAt}
}

func requestOf(key citycard.OnceKey) string { return key.Scope + "/" + key.Key }

// keyHead is how many characters of a key tell its time, where keys do: of a UUID of version 7 in letters, and of a form's number.
const keyHead = 13

// requestKey is how the key begins, and behind it the first 96 bits of the request's SHA-256, in hex. Records whose keys begin
// with their time are found side by side, so that those of one round are few pages of the index.
func requestKey(key citycard.OnceKey) string {
	sum := sha256.Sum256([]byte(requestOf(key)))
	return fmt.Sprintf("%.*s%x", keyHead, key.Key, sum[:12])
}

func onceRowOf(o *citycard.Once) onceRow {
	return onceRow{requestKey(o.OnceKey), requestOf(o.OnceKey), o.Fingerprint, o.Result, millis(o.RecordedAt)}
}

func (r *onceRow) once() *citycard.Once {
	slash := strings.LastIndexByte(r.Request, '/')
	return &citycard.Once{
		OnceKey:     citycard.OnceKey{Scope: r.Request[:slash], Key: r.Request[slash+1:]},
		Fingerprint: r.Fingerprint, Result: r.Result, RecordedAt: instant(r.RecordedAt),
	}
}

func (s *Store) onceQuery() string {
	return "SELECT " + onceColumns + " FROM idempotency WHERE " + s.dialect.in("request_key")
}

func (s *Store) activationQuery() string {
	return "SELECT " + activationColumns + " FROM activation WHERE " + s.dialect.in("id")
}

func (s *Store) askOnce(r *round, hashes []string) question {
	return question{s.onceQuery(), s.dialect.list(hashes), func(rows answer) error {
		return scan(rows, (*onceRow).fields, func(row *onceRow) error {
			once := row.once()
			r.once[once.OnceKey] = once
			return nil
		})
	}}
}

func (s *Store) askActivations(r *round, ids []string) question {
	return question{s.activationQuery(), s.dialect.list(ids), func(rows answer) error {
		return scan(rows, (*activationRow).fields, func(row *activationRow) error {
			act, err := s.activation(*row)
			if err != nil {
				return err
			}
			r.acts[act.ID] = &act
			return nil
		})
	}}
}
