package sql

import (
	"strings"

	"citycard"
)

// finder is what finds a person's cards: by which way and which value.
type finder struct {
	way   way
	value string
}

// way is what people and their cards are found by.
type way int

const (
	byNumber way = iota
	byPerson
	byRef
	byCode
	byPrint
)

// path is how an engine follows a way, from a column to the cards c of the person. Found is the column's value as finders
// name it, which for card numbers, unique in their region only, holds the region too.
type path struct {
	from, where, found string
}

// From a card to all cards of its holder: on PostgreSQL, and on SQLite.
const sameHolder = "card k JOIN card c ON c.person_id = k.person_id"

var sameHolderByPlace = "card k JOIN card c ON " + liesWith("(k.n >> 16)", "c") + " AND +c.person_id = k.person_id"

// paths are the same on both engines but for what joins a person and their cards: the person's id, and on SQLite the numbers
// under which rows lie. Those lead there; the plus keeps SQLite from searching by the card's id of its person. Cards and ID numbers are their person's
// by their place, which stands in the index of numbers: neither the number's row nor the person's is read.
var paths = map[dialect]map[way]path{
	postgres: {
		byNumber: {"person_number i JOIN card c ON c.person_id = i.person_id", "i.number_index", "i.number_index"},
		byPerson: {"card c", "c.person_id", "c.person_id"},
		byRef:    {sameHolder, "k.ref", "k.ref"},
		byCode:   {sameHolder, "k.identification_code", "k.identification_code"},
		byPrint:  {sameHolder, "k.card_number", "k.card_number || '/' || k.region"},
	},
	sqlite: {
		byNumber: {"person_number i JOIN card c ON " + liesWith("(i.n >> 16)", "c"), "i.number_index", "i.number_index"},
		byPerson: {"person i JOIN card c ON " + liesWith("i.n", "c") + " AND +c.person_id = i.id", "i.id", "i.id"},
		byRef:    {sameHolderByPlace, "k.ref", "k.ref"},
		byCode:   {sameHolderByPlace, "k.identification_code", "k.identification_code"},
		byPrint:  {sameHolderByPlace, "k.card_number", "k.card_number || '/' || k.region"},
	},
}

// liesWith is the condition that cards or ID numbers lie with the person of a number, on SQLite: theirs is the person's times
// 65536, and how many the person had before.
func liesWith(person, row string) string {
	return row + ".n BETWEEN " + person + " << 16 AND (" + person + " << 16) + 65535"
}

// nextPlace is where a further row of :person_id comes to lie on SQLite.
func nextPlace(table string) string {
	return "(SELECT coalesce(max(k.n) + 1, q.n << 16) FROM person q LEFT JOIN " + table + " k ON " + liesWith("q.n", "k") + " WHERE q.id = :person_id)"
}

// holders is the condition for a card's person, and the place where the card lies: SQLite's number or PostgreSQL's ctid, either as text.
var holders = map[dialect]struct{ person, place string }{
	postgres: {"p.id = c.person_id", "c.ctid::text"},
	sqlite:   {"p.n = c.n >> 16", "c.n"},
}

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

// foundRow is a card with its person, the value that found it, and where it lies.
type foundRow struct {
	Found string `db:"found"`
	cardRow

	Place string `db:"place"`
}

func (r *foundRow) fields() []any {
	return append(append([]any{&r.Found, &r.PersonName}, r.cardRow.fields()...), &r.Place)
}

// wantedCards is a list of values looked for by one way, taken for update where locked.
type wantedCards struct {
	by     way
	values []string
	locked bool
}

func (s *Store) holdingQuery(wanted wantedCards) string {
	by, holder := paths[s.dialect][wanted.by], holders[s.dialect]
	name := "coalesce(c.holder_name, (SELECT p.name FROM person p WHERE " + holder.person + "))" // cards of before have none
	query := "SELECT " + by.found + " AS found, " + name + " AS person_name, " + cardColumns + ", " + holder.place + " AS place" +
		" FROM " + by.from + " WHERE " + s.dialect.in(by.where)
	if wanted.locked {
		query += s.dialect.lock("c")
	}
	return query
}
