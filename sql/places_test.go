package sql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// requirePlaces holds that so many cards, and each number of a person, lead to their person by the numbers that SQLite keeps.
func requirePlaces(t *testing.T, e engine, db *sqlx.DB, cards int) {
	t.Helper()
	if e.name != "sqlite" {
		return
	}
	var found int
	require.NoError(t, db.Get(&found, "SELECT count(*) FROM card c JOIN person p ON p.n = c.n >> 16 AND p.id = c.person_id"))
	assert.Equal(t, cards, found)
	require.NoError(t, db.Get(&found, `SELECT count(*) FROM person_number i LEFT JOIN person p ON p.n = i.n >> 16 AND p.id = i.person_id
 WHERE p.id IS NULL`))
	assert.Zero(t, found)
}

func TestCardsLieWithTheirPerson(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			cardsTogether(t, e)
		})
	}
}

func cardsTogether(t *testing.T, e engine) {
	store, address := migrated(t, e)
	db := connect(t, address)
	add := func(file string, rows ...citycard.CardRow) error {
		_, err := store.ImportCards(t.Context(), citycard.ImportBatch{File: file, LastLine: rows[len(rows)-1].Line, Rows: rows})
		return err
	}
	again := func(n int) citycard.CardRow { // a further card of the first person
		row, other := cardRow(1), cardRow(n)
		row.Line, row.Card = other.Line, other.Card
		return row
	}
	require.NoError(t, add("a", cardRow(1), cardRow(2), again(3)))
	require.NoError(t, add("b", again(4)))
	requirePlaces(t, e, db, 4)
	found, err := store.Holding(t.Context(), citycard.Subject{Number: cardRow(1).Number})
	require.NoError(t, err)
	require.Len(t, found.Cards, 3)
	for _, card := range found.Cards {
		require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: card.Ref}, toggle("event")))
		again, err := store.Holding(t.Context(), citycard.Subject{PersonID: card.PersonID})
		require.NoError(t, err)
		assert.Len(t, again.Cards, 3)
	}
	if e.name != "sqlite" {
		return
	}
	for _, move := range []string{"n = n + (1 << 16) + 7", "person_id = (SELECT id FROM person WHERE name <> '' LIMIT 1)"} {
		_, err = db.Exec("UPDATE card SET "+move+" WHERE ref = ?", found.Cards[2].Ref)
		require.ErrorContains(t, err, "a card stays with its person")
	}
	copied := "INSERT INTO card SELECT %s, ref || 'x', person_id, region, card_number || 'x', NULL, %s FROM card WHERE ref = ?"
	rest := strings.Join(columnsAfter(t, db, "identification_code"), ", ")
	_, err = db.Exec(fmt.Sprintf(copied, "n + (1 << 16) + 7", rest), found.Cards[2].Ref)
	require.ErrorContains(t, err, "a card lies with its person")
	_, err = db.Exec(fmt.Sprintf(copied, "n | 65534", rest), found.Cards[2].Ref)
	require.NoError(t, err)
	require.Error(t, add("c", again(5)), "no card comes to lie with the next person's")
	requirePlaces(t, e, db, 5)
}

func columnsAfter(t *testing.T, db *sqlx.DB, column string) (after []string) {
	t.Helper()
	require.NoError(t, db.Select(&after, `SELECT name FROM pragma_table_info('card') WHERE cid > (SELECT cid FROM pragma_table_info('card') WHERE name = ?)`, column))
	return after
}

// holderNames: whoever finds a new card reads its person's name from the card, and of one from before from the person.
func holderNames(t *testing.T, e engine) {
	store, address := migrated(t, e)
	refs := seed(t, store, 2)
	require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: refs[0]}, reissue(citycard.ReissueLost)))
	db := connect(t, address)
	_, err := db.Exec("UPDATE card SET holder_name = NULL WHERE ref = '" + refs[1] + "'")
	require.NoError(t, err)
	var named int
	require.NoError(t, db.Get(&named, "SELECT count(*) FROM card c JOIN person p ON p.id = c.person_id AND p.name = c.holder_name"))
	assert.Equal(t, 2, named, "the card and its replacement")
	for n := range refs {
		found, err := store.Holding(t.Context(), citycard.Subject{Number: cardRow(n).Number})
		require.NoError(t, err)
		assert.Equal(t, cardRow(n).Name, found.Person.Name)
	}
	_, err = db.Exec("UPDATE card SET holder_name = '' WHERE holder_name IS NOT NULL")
	require.NoError(t, err)
	found, err := store.Holding(t.Context(), citycard.Subject{Number: cardRow(0).Number})
	require.NoError(t, err)
	assert.True(t, found.Person.Name.IsZero(), "a card's name is the one it carries")
	_, err = db.Exec("UPDATE person SET name = name")
	require.NoError(t, err)
	found, err = store.Holding(t.Context(), citycard.Subject{Number: cardRow(0).Number})
	require.NoError(t, err)
	assert.Equal(t, cardRow(0).Name, found.Person.Name, "cards follow their person's name")
}

// Cards that were added side by side are changed for the first time on the pages where they lie. PostgreSQL's fill factor is for that.
func TestFirstChangesSplitNoPage(t *testing.T) {
	t.Parallel()
	e := engines()[0]
	store, address := migrated(t, e)
	refs := seed(t, store, 200)
	db := connect(t, address)
	pages := func() (count int) {
		require.NoError(t, db.Get(&count, "SELECT count(*) FROM dbstat WHERE name = 'card'"))
		return count
	}
	before := pages()
	require.Greater(t, before, 10)
	for _, ref := range refs {
		require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: ref}, toggle("event")))
	}
	assert.Equal(t, before, pages())
}

// Between loading and writing PostgreSQL may have moved a card, even to where another one lay.
func TestACardThatMovedIsStillChanged(t *testing.T) {
	t.Parallel()
	store, address := migrated(t, engines()[1])
	refs := seed(t, store, 3)
	db := connect(t, address)
	place := func() (ctid string) {
		require.NoError(t, db.Get(&ctid, "SELECT ctid::text FROM card WHERE ref = $1", refs[1]))
		return ctid
	}
	for _, ref := range refs { // what was there before is left behind
		require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: ref}, toggle("event")))
	}
	before, judged := place(), 0
	require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: refs[1]}, func(ch *citycard.Change) error {
		if judged++; judged == 1 {
			_, err := db.Exec("VACUUM FULL card")
			assert.NoError(t, err)
			assert.NotEqual(t, before, place())
		}
		return toggle("event")(ch)
	}))
	assert.Equal(t, 2, judged, "it was loaded again")
	assert.Len(t, history(t, store, refs[1]), 2)
	assert.Len(t, history(t, store, refs[2]), 1)
}
