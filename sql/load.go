package sql

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"citycard"
)

// finder is what finds a person's cards: by which way and which value.
type finder struct {
	way   *way
	value string
}

// way is one path from a column to a person's cards. Found is the column's value as finders name it, which for
// card numbers, unique in their region only, holds the region too.
type way struct {
	from  string
	where string
	found string
}

var (
	byNumber = &way{"person_number n JOIN card c ON c.person_id = n.person_id", "n.number_index", "n.number_index"}
	byPerson = &way{"card c", "c.person_id", "c.person_id"}
	byRef    = &way{fromCard, "k.ref", "k.ref"}
	byCode   = &way{fromCard, "k.identification_code", "k.identification_code"}
	byPrint  = &way{fromCard, "k.card_number", "k.card_number || '/' || k.region"}
)

const fromCard = "card k JOIN card c ON c.person_id = k.person_id"

func (s *Store) finder(subject citycard.Subject) finder {
	switch {
	case !subject.Number.IsZero():
		return finder{byNumber, s.numberIndex(subject.Number)}
	case subject.PersonID != "":
		return finder{byPerson, subject.PersonID}
	case subject.Ref != "":
		return finder{byRef, subject.Ref}
	case subject.CardNumber != "":
		return finder{byPrint, string(subject.CardNumber) + "/" + subject.Region}
	}
	return finder{byCode, subject.IdentificationCode}
}

// compared is the value that the way's column holds.
func (f finder) compared() string {
	if f.way == byPrint {
		number, _, _ := strings.Cut(f.value, "/")
		return number
	}
	return f.value
}

// foundRow is a card with its person and the value that found it.
type foundRow struct {
	Found string `db:"found"`
	cardRow
}

func (r *foundRow) fields() []any {
	return append([]any{&r.Found, &r.PersonName}, r.cardRow.fields()...)
}

// load reads everything the units name. Locked takes the cards for update.
func (s *Store) load(ctx context.Context, q sqlx.QueryerContext, units []*unit, locked bool) (*round, error) {
	r := newRound()
	wanted := map[*way][]string{}
	var once []string
	var acts []string
	for _, u := range units {
		if _, asked := r.found[u.by]; !asked {
			r.found[u.by] = ""
			wanted[u.by.way] = append(wanted[u.by.way], u.by.compared())
		}
		if key := u.subject.Once; key.Key != "" {
			once = append(once, requestHash(key))
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

// wantedCards is a list of values looked for by one way, taken for update where locked.
type wantedCards struct {
	by     *way
	values []string
	locked bool
}

func (s *Store) holdingQuery(wanted wantedCards) string {
	by := wanted.by
	query := "SELECT " + by.found + " AS found, p.name AS person_name, " + cardColumns +
		" FROM " + by.from + " JOIN person p ON p.id = c.person_id WHERE " + s.dialect.in(by.where)
	if wanted.locked {
		query += s.dialect.lock("c")
	}
	return query
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
	h.cards = append(h.cards, card)
	return nil
}

// onceRow is a row of idempotency. Request is the scope and the key, joined by a slash that keys cannot hold. Records are
// found by its hash, which keeps the index that every change extends at a random place small.
type onceRow struct {
	RequestHash string `db:"request_hash"`
	Request     string `db:"request"`
	Fingerprint string `db:"fingerprint"`
	Result      string `db:"result"`
	RecordedAt  int64  `db:"recorded_at"`
}

const onceColumns = `request_hash, request, fingerprint, result, recorded_at`

func (r *onceRow) fields() []any {
	return []any{&r.RequestHash, &r.Request, &r.Fingerprint, &r.Result, &r.RecordedAt}
}

func requestOf(key citycard.OnceKey) string { return key.Scope + "/" + key.Key }

// requestHash is the first 96 bits of the request's SHA-256, in hex.
func requestHash(key citycard.OnceKey) string {
	sum := sha256.Sum256([]byte(requestOf(key)))
	return hex.EncodeToString(sum[:12])
}

func onceRowOf(o *citycard.Once) onceRow {
	return onceRow{requestHash(o.OnceKey), requestOf(o.OnceKey), o.Fingerprint, o.Result, millis(o.RecordedAt)}
}

func (r *onceRow) once() *citycard.Once {
	slash := strings.LastIndexByte(r.Request, '/')
	return &citycard.Once{
		OnceKey:     citycard.OnceKey{Scope: r.Request[:slash], Key: r.Request[slash+1:]},
		Fingerprint: r.Fingerprint, Result: r.Result, RecordedAt: instant(r.RecordedAt),
	}
}

func (s *Store) onceQuery() string {
	return "SELECT " + onceColumns + " FROM idempotency WHERE " + s.dialect.in("request_hash")
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
