package sql_test

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql"
)

// desking is what every engine must do for what staff looks up of people.
var desking = []struct {
	name string
	run  func(t *testing.T, e engine)
}{
	{"a person's record comes back whole", personRecord},
	{"people are found by name and day of birth", peopleBorn},
	{"people stored before are marked, by two processes at once, in batches", markedLater},
	{"an identification comes back as it was stored", identifications},
	{"a case is opened once, resolved once, and sealed", corrections},
}

func TestDesk(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		for _, c := range desking {
			t.Run(e.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t, e)
			})
		}
	}
}

func born(t *testing.T, text string) citycard.Date {
	t.Helper()
	day, err := citycard.ParseDate(text)
	require.NoError(t, err)
	return day
}

func personRecord(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	ref := seed(t, store, 1)[0]
	found, err := store.Holding(t.Context(), citycard.Subject{Ref: ref})
	require.NoError(t, err)
	record, err := store.PersonRecord(t.Context(), found.Person.ID)
	require.NoError(t, err)
	assert.Equal(t, "王小0", record.Name.Reveal())
	assert.Equal(t, "13800000000", record.Phone.Reveal())
	require.Len(t, record.Numbers, 1)
	assert.Equal(t, "320100199001010000", record.Numbers[0].Reveal())
	_, err = store.PersonRecord(t.Context(), "nobody")
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
}

func peopleBorn(t *testing.T, e engine) {
	store, address := migrated(t, e)
	rows := []citycard.CardRow{cardRow(0), cardRow(1), cardRow(2), cardRow(3)}
	rows[0].Name, rows[1].Name = citycard.RestoreName("买买提·艾力"), citycard.RestoreName("买买提·艾力")
	rows[2].Name = citycard.RestoreName("买买提艾力")
	rows[3].Name, rows[3].Number = citycard.RestoreName("买买提·艾力"), citycard.RestoreIDNumber("320100199112310034")
	_, err := store.ImportCards(t.Context(), citycard.ImportBatch{File: "f", LastLine: 5, Rows: rows})
	require.NoError(t, err)
	for name, want := range map[string]int{"买买提·艾力": 2, "买买提 · 艾力": 2, "买买提•艾力": 2, "买买提": 0, "": 0} {
		ids, err := store.PeopleBorn(t.Context(), citycard.RestoreName(name), born(t, "1990-01-01"), 10)
		require.NoError(t, err)
		assert.Len(t, ids, want, name)
	}
	ids, err := store.PeopleBorn(t.Context(), rows[0].Name, born(t, "1990-01-01"), 1)
	require.NoError(t, err)
	assert.Len(t, ids, 1)
	ids, err = store.PeopleBorn(t.Context(), rows[0].Name, citycard.Date{}, 10)
	require.NoError(t, err)
	assert.Empty(t, ids, "no day finds nobody")
	if e.name == "sqlite" {
		file, err := os.ReadFile(address[len("sqlite:"):] + "-wal")
		require.NoError(t, err)
		assert.NotContains(t, string(file), "1990-01-01")
		assert.NotContains(t, string(file), "艾力")
	}
}

func markedLater(t *testing.T, e engine) {
	store, address := migrated(t, e)
	const people = 2300
	rows := make([]citycard.CardRow, people)
	for i := range rows {
		rows[i] = cardRow(i)
	}
	_, err := store.ImportCards(t.Context(), citycard.ImportBatch{File: "f", LastLine: people + 1, Rows: rows})
	require.NoError(t, err)
	db := connect(t, address)
	_, err = db.ExecContext(t.Context(), "UPDATE person_number SET name_birth = NULL")
	require.NoError(t, err)
	var all sync.WaitGroup
	for _, s := range []*sql.Store{store, open(t, address)} {
		all.Go(func() { assert.NoError(t, s.Migrate(context.WithoutCancel(t.Context()))) })
	}
	all.Wait()
	var unmarked int
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM person_number WHERE name_birth IS NULL").Scan(&unmarked))
	assert.Zero(t, unmarked)
	for _, i := range []int{0, 1200, people - 1} {
		ids, err := store.PeopleBorn(t.Context(), rows[i].Name, born(t, "1990-01-01"), 10)
		require.NoError(t, err)
		assert.Len(t, ids, 1, rows[i].Line)
	}
}

func identifications(t *testing.T, e engine) {
	store, address := migrated(t, e)
	made := citycard.Identification{ID: "i1", StaffID: "s1", CardRef: "c1", Passed: true, At: now.UTC()}
	require.NoError(t, store.KeepIdentification(t.Context(), made, action("identify_caller", "c1")))
	found, err := open(t, address).Identification(t.Context(), "i1")
	require.NoError(t, err)
	assert.Equal(t, made, found)
	_, err = store.Identification(t.Context(), "i2")
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
	actions, err := store.Actions(t.Context(), "", 10)
	require.NoError(t, err)
	assert.Len(t, actions, 1)
}

func corrections(t *testing.T, e engine) {
	store, address := migrated(t, e)
	opened := citycard.Correction{
		ID: "k1", CardRef: "c1", PersonID: "p1", Kind: citycard.CorrectName, Description: "名字写错了 SECRET", OpenedBy: "s1",
		OpenedAt: now.UTC(), Once: "staff:s1/12345678", Fingerprint: "f", State: citycard.CorrectionOpen,
	}
	stored, err := store.OpenCorrection(t.Context(), opened, action("open_correction", "c1"))
	require.NoError(t, err)
	assert.Equal(t, opened, stored)
	again := opened
	again.ID = "k2"
	stored, err = store.OpenCorrection(t.Context(), again, action("open_correction", "c1"))
	require.NoError(t, err)
	assert.Equal(t, opened, stored, "the number was used")
	other := citycard.Correction{
		ID: "k3", CardRef: "c2", PersonID: "p2", Kind: citycard.CorrectBank, Description: "x", OpenedBy: "s1", OpenedAt: now.UTC(),
		State: citycard.CorrectionOpen,
	}
	_, err = store.OpenCorrection(t.Context(), other, action("open_correction", "c2"))
	require.NoError(t, err)

	resolved := opened
	resolved.State, resolved.ResolvedBy, resolved.ResolvedAt, resolved.Resolution = citycard.CorrectionResolved, "s2", now.UTC(), "改好了"
	assert.Equal(t, int64(1), count(t, func() (bool, error) {
		return store.ResolveCorrection(t.Context(), resolved, action("resolve_correction", "c1"))
	}))
	found, err := open(t, address).Correction(t.Context(), "k1")
	require.NoError(t, err)
	assert.Equal(t, resolved, found)
	_, err = store.Correction(t.Context(), "k2")
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
	for query, want := range map[citycard.CorrectionQuery][]citycard.Correction{
		{Limit: 10}:                {other, resolved},
		{Limit: 1}:                 {other},
		{Limit: 10, Before: "k3"}:  {resolved},
		{Limit: 10, CardRef: "c1"}: {resolved},
		{Limit: 10, State: citycard.CorrectionOpen}: {other},
	} {
		list, err := store.Corrections(t.Context(), query)
		require.NoError(t, err)
		assert.Equal(t, want, list, query)
	}
	if e.name == "sqlite" {
		file, err := os.ReadFile(address[len("sqlite:"):] + "-wal")
		require.NoError(t, err)
		assert.NotContains(t, string(file), "SECRET")
	}
}
