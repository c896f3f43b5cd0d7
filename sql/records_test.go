package sql_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql"
)

// records is what every engine must do beside the cards.
var records = []struct {
	name string
	run  func(t *testing.T, e engine)
}{
	{"a session is found until it is revoked, on every replica", sessions},
	{"many log-ins under one number open one session", numberedSessions},
	{"a citizen's sessions tell who the citizen was confirmed to be", sessionsTell},
	{"sessions of before the migration tell it, too", sessionsAfterMigration},
	{"of many takers of a log-in state one gets it", loginStates},
	{"attempts are counted over all replicas", attempts},
	{"an activation that awaits is opened once", openedOnce},
	{"an opened activation keeps to its once-key", onceKey},
	{"one caller at a time claims an activation", claims},
	{"a file imported twice changes nothing, and contradictions are refused", imports},
	{"a card carries its person's name", holderNames},
	{"nothing personal is readable in the database", unreadable},
}

func TestRecords(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		for _, c := range records {
			t.Run(e.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t, e)
			})
		}
	}
}

// connect opens the database without the store.
func connect(t *testing.T, address string) *sqlx.DB {
	t.Helper()
	driver, name := "pgx", address
	if file, ok := strings.CutPrefix(address, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+file+"?_pragma=busy_timeout(5000)"
	}
	db, err := sqlx.Open(driver, name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func insert(t *testing.T, address, statement string) {
	t.Helper()
	_, err := connect(t, address).ExecContext(t.Context(), statement)
	require.NoError(t, err)
}

func waiting(id, citizen string) citycard.Activation {
	return citycard.Activation{
		ID: id, CitizenID: citizen, Channel: citycard.ChannelH5, Name: citycard.RestoreName("王小0"),
		Number: citycard.RestoreIDNumber("320100199001010000"), Method: citycard.IdentityCertdoc,
		Status: citycard.ActivationAwaitingIdentity, Dedup: "same request",
		Attempts:  map[citycard.AttemptKind]string{citycard.AttemptByCitizen: "x"},
		StartedAt: now, ExpiresAt: now.Add(time.Hour),
	}
}

func limitsOf(most int) []citycard.AttemptLimit {
	return []citycard.AttemptLimit{
		{Kind: citycard.AttemptByCitizen, Subject: "x", Max: most, WindowStart: now, WindowEnd: now.Add(time.Hour)},
		{Kind: citycard.AttemptByNumber, Subject: "x", Max: 1000, WindowStart: now, WindowEnd: now.Add(24 * time.Hour)},
	}
}

func loginStates(t *testing.T, e engine) {
	first, address := migrated(t, e)
	stores := []*sql.Store{first, open(t, address)}
	state := citycard.LoginState{StateHash: "s", BrowserHash: "b", ReturnTo: "/h5/", ExpiresAt: now.UTC().Add(time.Minute)}
	require.NoError(t, first.KeepLoginState(t.Context(), state))
	_, err := first.TakeLoginState(t.Context(), "s", "another browser", now)
	require.Equal(t, citycard.CodeLoginCodeInvalid, citycard.CodeOf(err))
	var taken atomic.Int64
	for _, err := range together(20, func(i int) error {
		got, err := stores[i%2].TakeLoginState(t.Context(), "s", "b", now)
		if err == nil {
			assert.Equal(t, state, got)
			taken.Add(1)
			return nil
		}
		return err
	}) {
		if err != nil {
			assert.Equal(t, citycard.CodeLoginCodeInvalid, citycard.CodeOf(err))
		}
	}
	assert.Equal(t, int64(1), taken.Load())
	require.NoError(t, first.KeepLoginState(t.Context(), state))
	_, err = first.TakeLoginState(t.Context(), "s", "b", now.Add(2*time.Minute))
	assert.Equal(t, citycard.CodeLoginCodeInvalid, citycard.CodeOf(err))
}

func attempts(t *testing.T, e engine) {
	first, address := migrated(t, e)
	stores := []*sql.Store{first, open(t, address)}
	var allowed atomic.Int64
	for _, err := range together(30, func(i int) error {
		err := stores[i%2].ReserveAttempt(t.Context(), limitsOf(5), now.Add(time.Minute))
		if err == nil {
			allowed.Add(1)
		}
		return err
	}) {
		if err == nil {
			continue
		}
		var locked *citycard.Error
		require.ErrorAs(t, err, &locked)
		assert.Equal(t, citycard.CodeAttemptsLocked, locked.Code)
		assert.Equal(t, 59*time.Minute, locked.RetryAfter)
	}
	assert.Equal(t, int64(5), allowed.Load())
	require.NoError(t, first.ReturnAttempt(t.Context(), limitsOf(5)))
	require.NoError(t, first.ReserveAttempt(t.Context(), limitsOf(5), now))
	require.Error(t, first.ReserveAttempt(t.Context(), limitsOf(5), now))
}

func openedOnce(t *testing.T, e engine) {
	first, address := migrated(t, e)
	stores := []*sql.Store{first, open(t, address)}
	var created atomic.Int64
	ids := make([]string, 20)
	for _, err := range together(20, func(i int) error {
		act, fresh, err := stores[i%2].OpenActivation(t.Context(), waiting(newID(), "c"), nil)
		if fresh {
			created.Add(1)
		}
		ids[i] = act.ID
		return err
	}) {
		require.NoError(t, err)
	}
	assert.Equal(t, int64(1), created.Load())
	for _, id := range ids {
		assert.Equal(t, ids[0], id)
	}
	late := waiting("late", "c")
	late.StartedAt, late.ExpiresAt = now.Add(2*time.Hour), now.Add(3*time.Hour)
	_, fresh, err := first.OpenActivation(t.Context(), late, nil)
	require.NoError(t, err)
	assert.True(t, fresh, "one that expired is no longer in the way")
	forgotten, err := first.Activation(t.Context(), ids[0])
	require.NoError(t, err)
	assert.Equal(t, citycard.ActivationFailed, forgotten.Status)
	assert.True(t, forgotten.Name.IsZero(), "and its name is forgotten")
}

func onceKey(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	once := &citycard.Once{OnceKey: citycard.OnceKey{Scope: "citizen:c", Key: "key-0001"}, Fingerprint: "f", RecordedAt: now}
	first := waiting("first", "c")
	once.Result = first.ID
	_, fresh, err := store.OpenActivation(t.Context(), first, once)
	require.NoError(t, err)
	require.True(t, fresh)
	done := *finished("first", "")
	require.NoError(t, store.SaveActivation(t.Context(), done))
	again := waiting("again", "c")
	once.Result = again.ID
	act, fresh, err := store.OpenActivation(t.Context(), again, once)
	require.NoError(t, err)
	assert.False(t, fresh)
	assert.Equal(t, "first", act.ID)
	assert.Equal(t, citycard.ActivationActivated, act.Status)
	once.Fingerprint = "other"
	_, _, err = store.OpenActivation(t.Context(), again, once)
	assert.Equal(t, citycard.CodeEventIDReused, citycard.CodeOf(err))
}

func claims(t *testing.T, e engine) {
	first, address := migrated(t, e)
	stores := []*sql.Store{first, open(t, address)}
	_, _, err := first.OpenActivation(t.Context(), waiting("act", "c"), nil)
	require.NoError(t, err)
	var claimed atomic.Int64
	for _, err := range together(20, func(i int) error {
		got, err := stores[i%2].ClaimActivation(t.Context(), "act", now, now.Add(20*time.Second))
		if got {
			claimed.Add(1)
		}
		return err
	}) {
		require.NoError(t, err)
	}
	assert.Equal(t, int64(1), claimed.Load())
	got, err := first.ClaimActivation(t.Context(), "act", now.Add(20*time.Second), now.Add(time.Minute))
	require.NoError(t, err)
	assert.True(t, got, "the lease of who died runs out")
	act, err := first.Activation(t.Context(), "act")
	require.NoError(t, err)
	require.NoError(t, first.SaveActivation(t.Context(), act))
	got, err = first.ClaimActivation(t.Context(), "act", now, now.Add(time.Minute))
	require.NoError(t, err)
	assert.True(t, got, "saving ends the claim")
	require.NoError(t, first.SaveActivation(t.Context(), *finished("act", "")))
	got, err = first.ClaimActivation(t.Context(), "act", now.Add(time.Hour), now.Add(2*time.Hour))
	require.NoError(t, err)
	assert.False(t, got, "a final one is not claimed")
}

func imports(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	rows := []citycard.CardRow{cardRow(0), cardRow(1), cardRow(2)}
	load := func(file string, line int64, rows ...citycard.CardRow) citycard.ImportCount {
		count, err := store.ImportCards(t.Context(), citycard.ImportBatch{File: file, LastLine: line, Rows: rows})
		require.NoError(t, err)
		return count
	}
	assert.Equal(t, citycard.ImportCount{Added: 3}, load("f", 4, rows...))
	assert.Equal(t, citycard.ImportCount{Unchanged: 3}, load("g", 4, rows...))
	line, err := store.ImportedLine(t.Context(), "f")
	require.NoError(t, err)
	assert.Equal(t, int64(4), line)
	other := cardRow(3)
	other.Name = rows[0].Name
	other.Card.Number, other.Card.IdentificationCode = rows[0].Card.Number, rows[0].Card.IdentificationCode
	assert.Equal(t, citycard.ImportCount{Added: 1}, load("h", 2, other), "a second number of the same person")
	found, err := store.Holding(t.Context(), citycard.Subject{Number: other.Number})
	require.NoError(t, err)
	require.Len(t, found.Cards, 1)
	assert.Equal(t, rows[0].Card.Number, found.Cards[0].Number)
	renamed, stolen, doubled := cardRow(1), cardRow(4), cardRow(5)
	renamed.Name = citycard.RestoreName("李四")
	stolen.Card.Number = rows[2].Card.Number
	doubled.Card.IdentificationCode = rows[2].Card.IdentificationCode
	count := load("i", 4, renamed, stolen, doubled)
	assert.Zero(t, count.Added)
	require.Len(t, count.Refused, 3)
	assert.Equal(t, "name", count.Refused[0].Column)
	assert.Equal(t, "card_number", count.Refused[1].Column)
	assert.Equal(t, "card_identification_code", count.Refused[2].Column)
	second := cardRow(6)
	second.Number, second.Name = rows[1].Number, rows[1].Name
	assert.Equal(t, citycard.ImportCount{Added: 1}, load("j", 2, second), "a further card of a known person")
	found, err = store.Holding(t.Context(), citycard.Subject{Number: rows[1].Number})
	require.NoError(t, err)
	assert.Len(t, found.Cards, 2)
}

func unreadable(t *testing.T, e engine) {
	store, address := migrated(t, e)
	seed(t, store, 5)
	_, _, err := store.OpenActivation(t.Context(), waiting("act", "c"), nil)
	require.NoError(t, err)
	_, err = store.SeeCitizen(t.Context(), citycard.Citizen{ID: "c", AppID: "app", OpenID: "open-id-1", UserID: "user-id-1", SeenAt: now})
	require.NoError(t, err)
	db := connect(t, address)
	for _, table := range []string{"person", "person_number", "card", "activation", "citizen"} {
		seen := 0
		for _, value := range everyValue(t, db, table) {
			text, _ := value.(string)
			for _, secret := range []string{"王小", "3201001990", "1380000", "open-id-1", "user-id-1"} {
				assert.NotContains(t, text, secret, table)
			}
			seen++
		}
		assert.Positive(t, seen, table)
	}
}

// everyValue is what all columns of all rows of a table hold.
func everyValue(t *testing.T, db *sqlx.DB, table string) (all []any) {
	t.Helper()
	rows, err := db.QueryxContext(t.Context(), "SELECT * FROM "+table)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		values, err := rows.SliceScan()
		require.NoError(t, err)
		all = append(all, values...)
	}
	require.NoError(t, rows.Err())
	return all
}
