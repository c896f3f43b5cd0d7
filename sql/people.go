package sql

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var _ citycard.People = (*Store)(nil)

const (
	findPerson = `SELECT id, name, phone, created_at FROM person WHERE id = ?`
	findBorn   = `SELECT DISTINCT person_id FROM person_number WHERE name_birth = ? AND name_birth <> '' ORDER BY person_id LIMIT ?`

	unmarkedNumbers = `SELECT n.number_index, n.person_id, n.number, p.name FROM person_number n JOIN person p ON p.id = n.person_id
 WHERE n.name_birth IS NULL ORDER BY n.number_index LIMIT ?`
	markNumber  = `UPDATE person_number SET name_birth = :name_birth WHERE number_index = :number_index AND name_birth IS NULL`
	markNumbers = `UPDATE person_number n SET name_birth = i.name_birth FROM unnest($1::text[], $2::text[]) AS i (number_index, name_birth)
 WHERE n.number_index = i.number_index AND n.name_birth IS NULL`

	// markedAtOnce is how many numbers are marked in one transaction.
	markedAtOnce = 1000
)

var findPersonNumbers = map[dialect]string{
	postgres: "SELECT number_index, person_id, number, name_birth FROM person_number WHERE person_id = ?",
	sqlite: "SELECT i.number_index, i.person_id, i.number, i.name_birth FROM person p JOIN person_number i ON " + liesWith("p.n", "i") +
		" AND i.person_id = p.id WHERE p.id = ?",
}

// nameBirth is the blind index of a name and a day of birth; empty where there is no day.
func (s *Store) nameBirth(name citycard.Name, born citycard.Date) string {
	if born.IsZero() {
		return ""
	}
	return s.keys.Index(indexNameBirth, name.Folded().Reveal()+"\x00"+born.String())
}

// PersonRecord implements citycard.People.
func (s *Store) PersonRecord(ctx context.Context, id string) (citycard.PersonRecord, error) {
	var row personRow
	err := s.db.GetContext(ctx, &row, s.db.Rebind(findPerson), id)
	if notFound(err) {
		return citycard.PersonRecord{}, &citycard.Error{Code: citycard.CodeNotFound, Message: "there is no such person"}
	}
	if err != nil {
		return citycard.PersonRecord{}, s.fail("find person", err)
	}
	name, err := s.open("person.name", row.ID, row.Name)
	if err != nil {
		return citycard.PersonRecord{}, err
	}
	phone, err := s.open("person.phone", row.ID, row.Phone)
	if err != nil {
		return citycard.PersonRecord{}, err
	}
	record := citycard.PersonRecord{
		Person: citycard.Person{ID: row.ID, Name: citycard.RestoreName(name)}, Phone: citycard.RestorePhone(phone),
	}
	var numbers []numberRow
	if err := s.db.SelectContext(ctx, &numbers, s.db.Rebind(findPersonNumbers[s.dialect]), id); err != nil {
		return citycard.PersonRecord{}, s.fail("find numbers", err)
	}
	for _, n := range numbers {
		number, err := s.open("person_number.number", n.NumberIndex, n.Number)
		if err != nil {
			return citycard.PersonRecord{}, err
		}
		record.Numbers = append(record.Numbers, citycard.RestoreIDNumber(number))
	}
	return record, nil
}

// PeopleBorn implements citycard.People.
func (s *Store) PeopleBorn(ctx context.Context, name citycard.Name, born citycard.Date, limit int) ([]string, error) {
	var ids []string
	err := s.db.SelectContext(ctx, &ids, s.db.Rebind(findBorn), s.nameBirth(name, born), limit)
	return ids, s.fail("find people", err)
}

// unmarkedRow is a number that was stored before it was found by name and day of birth.
type unmarkedRow struct {
	NumberIndex string `db:"number_index"`
	PersonID    string `db:"person_id"`
	Number      string `db:"number"`
	Name        string `db:"name"`
}

// markNames gives every number that has none yet the blind index of its name and day of birth, in batches of their own
// transactions: what was interrupted goes on where it stopped, and two processes at once do no harm.
func (s *Store) markNames(ctx context.Context) error {
	for {
		marked := 0
		err := again(ctx, func() error {
			return s.transact(ctx, func(tx *sqlx.Tx) (err error) {
				marked, err = s.markSome(ctx, tx)
				return err
			})
		})
		if err != nil {
			return fmt.Errorf("mark names: %w", err)
		}
		if marked < markedAtOnce {
			return nil
		}
	}
}

func (s *Store) markSome(ctx context.Context, tx *sqlx.Tx) (int, error) {
	var unmarked []unmarkedRow
	if err := tx.SelectContext(ctx, &unmarked, tx.Rebind(unmarkedNumbers), markedAtOnce); err != nil {
		return 0, fmt.Errorf("find numbers: %w", err)
	}
	marks := make([]numberRow, len(unmarked))
	for i, row := range unmarked {
		name, err := s.open("person.name", row.PersonID, row.Name)
		if err != nil {
			return 0, err
		}
		number, err := s.open("person_number.number", row.NumberIndex, row.Number)
		if err != nil {
			return 0, err
		}
		mark := s.nameBirth(citycard.RestoreName(name), citycard.RestoreIDNumber(number).BirthDate())
		marks[i] = numberRow{NumberIndex: row.NumberIndex, NameBirth: &mark}
	}
	if s.dialect == postgres {
		_, err := tx.ExecContext(ctx, markNumbers, column(marks, func(r *numberRow) string { return r.NumberIndex }),
			column(marks, func(r *numberRow) string { return *r.NameBirth }))
		return len(marks), err
	}
	for i := range marks {
		if _, err := tx.NamedExecContext(ctx, markNumber, &marks[i]); err != nil {
			return 0, err
		}
	}
	return len(marks), nil
}
