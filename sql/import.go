package sql

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"citycard"
)

// personRow is a row of person.
type personRow struct {
	ID        string `db:"id"`
	Name      string `db:"name"`
	Phone     string `db:"phone"`
	CreatedAt int64  `db:"created_at"`
}

// numberRow is a row of person_number.
type numberRow struct {
	NumberIndex string `db:"number_index"`
	PersonID    string `db:"person_id"`
	Number      string `db:"number"`
	// NameBirth is the blind index of name and day of birth; NULL where it was not made yet.
	NameBirth *string `db:"name_birth"`
}

const (
	insertPerson = `INSERT INTO person (id, name, phone, created_at) VALUES (:id, :name, :phone, :created_at)`
	markImport   = `INSERT INTO import_file (digest, line, updated_at) VALUES (?, ?, ?)
 ON CONFLICT (digest) DO UPDATE SET line = excluded.line, updated_at = excluded.updated_at`
)

// insertNumber lets an ID number lie behind those that its person has.
var insertNumber = `INSERT INTO person_number (n, number_index, person_id, number, name_birth)
 VALUES (` + nextPlace("person_number") + `, :number_index, :person_id, :number, :name_birth)`

// ImportedLine implements citycard.CardImports.
func (s *Store) ImportedLine(ctx context.Context, file string) (int64, error) {
	var line int64
	err := s.db.GetContext(ctx, &line, s.db.Rebind("SELECT line FROM import_file WHERE digest = ?"), file)
	if notFound(err) {
		return 0, nil
	}
	return line, s.fail("find import", err)
}

// ImportCards implements citycard.CardImports.
func (s *Store) ImportCards(ctx context.Context, batch citycard.ImportBatch) (citycard.ImportCount, error) {
	var count citycard.ImportCount
	err := again(ctx, func() error {
		return s.transact(ctx, func(tx *sqlx.Tx) error {
			known, err := s.onRecord(ctx, tx, batch.Rows)
			if err != nil {
				return err
			}
			found, err := s.judgeImport(known, batch.Rows)
			if err != nil {
				return err
			}
			count = found.count
			if err := s.storeImport(ctx, tx, found); err != nil {
				return err
			}
			if batch.Job != "" {
				if err := s.advance(ctx, tx, batch, count); err != nil {
					return err
				}
			}
			_, err = tx.ExecContext(ctx, tx.Rebind(markImport), batch.File, batch.LastLine, millis(s.clock()))
			return err
		})
	})
	return count, s.fail("import cards", err)
}

// record is what is stored of the people and cards that a batch names.
type record struct {
	numbers map[string]citycard.Person // by blind index
	holders map[string]citycard.Person // by region and card number
	codes   map[string]bool
}

func (s *Store) onRecord(ctx context.Context, tx *sqlx.Tx, batch []citycard.CardRow) (*record, error) {
	known := &record{map[string]citycard.Person{}, map[string]citycard.Person{}, map[string]bool{}}
	numbers, cards := make([]string, 0, len(batch)), make([]string, 0, len(batch))
	var codes []string
	for i := range batch {
		numbers = append(numbers, s.numberIndex(batch[i].Number))
		cards = append(cards, string(batch[i].Card.Number))
		if code := batch[i].Card.IdentificationCode; code != "" {
			codes = append(codes, code)
		}
	}
	err := s.knownPeople(ctx, tx, known.numbers, knownQuery{
		"SELECT n.number_index AS found, p.id, p.name FROM person_number n JOIN person p ON p.id = n.person_id WHERE ",
		"n.number_index", numbers,
	})
	if err != nil {
		return nil, err
	}
	err = s.knownPeople(ctx, tx, known.holders, knownQuery{
		"SELECT c.region || '/' || c.card_number AS found, p.id, p.name FROM card c JOIN person p ON p.id = c.person_id WHERE ",
		"c.card_number", cards,
	})
	if err != nil {
		return nil, err
	}
	var taken []string
	query := "SELECT identification_code FROM card WHERE " + s.dialect.in("identification_code")
	if err := tx.SelectContext(ctx, &taken, tx.Rebind(query), s.dialect.list(codes)); err != nil {
		return nil, fmt.Errorf("find identification codes: %w", err)
	}
	for _, code := range taken {
		known.codes[code] = true
	}
	return known, nil
}

// knownQuery finds people by a list of values in one column.
type knownQuery struct {
	query  string
	column string
	values []string
}

func (s *Store) knownPeople(ctx context.Context, tx *sqlx.Tx, into map[string]citycard.Person, q knownQuery) error {
	var rows []struct {
		Found string `db:"found"`
		ID    string `db:"id"`
		Name  string `db:"name"`
	}
	if err := tx.SelectContext(ctx, &rows, tx.Rebind(q.query+s.dialect.in(q.column)), s.dialect.list(q.values)); err != nil {
		return fmt.Errorf("find people: %w", err)
	}
	for _, row := range rows {
		name, err := s.open("person.name", row.ID, row.Name)
		if err != nil {
			return err
		}
		into[row.Found] = citycard.Person{ID: row.ID, Name: citycard.RestoreName(name)}
	}
	return nil
}

// imported is what a batch adds.
type imported struct {
	people  []personRow
	numbers []numberRow
	cards   []cardRow
	count   citycard.ImportCount
}

func (s *Store) judgeImport(known *record, batch []citycard.CardRow) (*imported, error) {
	found := &imported{}
	for i := range batch {
		row := &batch[i]
		index := s.numberIndex(row.Number)
		place := row.Card.Region + "/" + string(row.Card.Number)
		on := citycard.ImportRecord{
			Person: known.numbers[index], Holder: known.holders[place], CodeTaken: known.codes[row.Card.IdentificationCode],
		}
		verdict, problem := on.Verdict(*row)
		switch verdict {
		case citycard.ImportUnchanged:
			found.count.Unchanged++
			continue
		case citycard.ImportRefused:
			found.count.Refused = append(found.count.Refused, problem)
			continue
		case citycard.ImportAlias:
			on.Person = on.Holder
		}
		if err := s.addImported(known, found, newImport{row, index, on.Person, verdict}); err != nil {
			return nil, err
		}
		found.count.Added++
	}
	return found, nil
}

// newImport is a row to add, the blind index of its number, and its person where already known.
type newImport struct {
	row     *citycard.CardRow
	index   string
	person  citycard.Person
	verdict citycard.ImportVerdict
}

func (s *Store) addImported(known *record, found *imported, n newImport) error {
	if !n.person.Known() {
		n.person = citycard.Person{ID: s.newID(), Name: n.row.Name}
		name, err := s.seal("person.name", n.person.ID, n.row.Name.Reveal())
		if err != nil {
			return err
		}
		phone, err := s.seal("person.phone", n.person.ID, n.row.Phone.Reveal())
		if err != nil {
			return err
		}
		found.people = append(found.people, personRow{n.person.ID, name, phone, millis(s.clock())})
	}
	if !known.numbers[n.index].Known() {
		number, err := s.seal("person_number.number", n.index, n.row.Number.Reveal())
		if err != nil {
			return err
		}
		nameBirth := s.nameBirth(n.person.Name, n.row.Number.BirthDate())
		found.numbers = append(found.numbers, numberRow{n.index, n.person.ID, number, &nameBirth})
		known.numbers[n.index] = n.person
	}
	if n.verdict == citycard.ImportAlias {
		return nil
	}
	card := n.row.Card
	card.Ref, card.PersonID = s.newID(), n.person.ID
	if account := n.row.Account.Reveal(); account != "" {
		card.Account = citycard.Account{Index: s.keys.Index(indexAccount, account), Last4: n.row.Account.Last4()}
	}
	found.cards = append(found.cards, rowOf(&card))
	known.holders[card.Region+"/"+string(card.Number)] = n.person
	if card.IdentificationCode != "" {
		known.codes[card.IdentificationCode] = true
	}
	return nil
}

func (s *Store) storeImport(ctx context.Context, tx *sqlx.Tx, found *imported) error {
	if s.dialect == postgres {
		return storeImported(ctx, tx, found)
	}
	w := rowWriter{s, ctx, tx}
	return firstOf(
		func() error { return writeRows(w, insertPerson, found.people, anyCount) },
		func() error { return writeRows(w, insertNumber, found.numbers, anyCount) },
		func() error { return writeRows(w, insertCard, found.cards, anyCount) },
	)
}
