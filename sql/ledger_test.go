package sql_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql"
)

// auditing is what every engine must do for the ledger.
var auditing = []struct {
	name string
	run  func(t *testing.T, e engine)
}{
	{"what is stored waits, and enters once whoever sequences", entersOnce},
	{"a change that commits late is not skipped", commitsLate},
	{"a batch that cannot grow stays waiting", staysWaiting},
	{"what a schema without the ledger held waits after the migration", waitsAfterMigration},
	{"covered rows are only ever appended", coveredAppendOnly},
	{"edited notes keep nothing else from entering", editedNotes},
}

func TestAuditing(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		for _, c := range auditing {
			t.Run(e.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t, e)
			})
		}
	}
}

// growth counts what enters: the tree itself is not this package's.
type growth struct {
	mu      sync.Mutex
	entered []citycard.LedgerEntry
}

func (g *growth) grow(b citycard.LedgerBatch) (citycard.LedgerGrowth, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if int64(len(g.entered)) != b.Size {
		return citycard.LedgerGrowth{}, fmt.Errorf("the ledger has %d entries, %d entered", b.Size, len(g.entered))
	}
	before, err := b.Tile(0, 0)
	if err != nil || len(before) != len(g.entered) {
		return citycard.LedgerGrowth{}, fmt.Errorf("the tile has %d bytes: %w", len(before), err)
	}
	g.entered = append(g.entered, b.Entries...)
	return citycard.LedgerGrowth{
		Checkpoint: fmt.Sprint("size ", len(g.entered)),
		Tiles:      []citycard.LedgerTile{{Hashes: make([]byte, len(g.entered))}},
	}, nil
}

func (g *growth) drain(t *testing.T, store *sql.Store, most int) {
	t.Helper()
	for {
		n, err := store.ExtendLedger(context.WithoutCancel(t.Context()), most, g.grow)
		if !assert.NoError(t, err) || n == 0 {
			return
		}
	}
}

func loseAndFind(store *sql.Store, ref string) error {
	return store.Update(context.Background(), citycard.Subject{Ref: ref}, func(ch *citycard.Change) error {
		ch.Actions = append(ch.Actions, action("loss", ref))
		if _, err := ch.Card.LoseTemporarily(city, cause(""), now); err != nil {
			return err
		}
		return ch.Card.Restore(city, cause(""), now)
	})
}

// entersOnce writes over two replicas while three sequence.
func entersOnce(t *testing.T, e engine) {
	store, address := migrated(t, e)
	refs := seed(t, store, 40)
	stores := []*sql.Store{store, open(t, address), open(t, address)}
	g, written := &growth{}, make(chan struct{})
	var writers, sequencers sync.WaitGroup
	for i, ref := range refs {
		writers.Go(func() {
			for range 3 {
				assert.NoError(t, loseAndFind(stores[i%2], ref))
			}
			assert.NoError(t, stores[i%2].RecordAction(context.Background(), action("view", ref)))
		})
	}
	for i := range stores {
		sequencers.Go(func() {
			for done := false; !done; {
				select {
				case <-written:
					done = true
				default:
				}
				g.drain(t, stores[i], 7)
			}
		})
	}
	writers.Wait()
	close(written)
	sequencers.Wait()
	g.drain(t, store, 7)

	seen := map[citycard.LedgerKey]bool{}
	for _, entered := range g.entered {
		assert.False(t, seen[entered.LedgerKey], "%s entered twice", entered)
		seen[entered.LedgerKey] = true
	}
	const transitions, actions = 40 * 3 * 2, 40 * 4
	assert.Len(t, seen, transitions+actions)
	for _, ref := range refs {
		for _, made := range history(t, store, ref) {
			assert.True(t, seen[citycard.LedgerKey{Source: citycard.LedgerTransitions, Object: ref, Seq: made.Seq}])
		}
	}
	head, err := store.LedgerHead(t.Context())
	require.NoError(t, err)
	assert.Equal(t, citycard.LedgerHead{Size: 400, Checkpoint: "size 400", Last: 399, Tiles: 1}, head)
	covered := 0
	require.NoError(t, store.LedgerSnapshot(t.Context(), func(rows citycard.LedgerRows) error {
		require.NoError(t, rows.EachNote(t.Context(), func(n citycard.LedgerNote) error { return errors.New(n.ID) }))
		return rows.EachEntry(t.Context(), func(e citycard.PlacedEntry) error {
			assert.Equal(t, int64(covered), e.Position)
			assert.Equal(t, g.entered[covered], e.LedgerEntry)
			covered++
			return nil
		})
	}))
	assert.Equal(t, 400, covered)
	requireStored(t, store, g.entered)
}

// requireStored compares entries with the transitions and staff's actions that are stored.
func requireStored(t *testing.T, store *sql.Store, entries []citycard.LedgerEntry) {
	t.Helper()
	var stored []citycard.LedgerEntry
	require.NoError(t, store.LedgerSnapshot(t.Context(), func(rows citycard.LedgerRows) error {
		return errors.Join(
			rows.EachLink(t.Context(), func(l citycard.LedgerLink) error {
				assert.False(t, l.Foreign)
				stored = append(stored, l.LedgerEntry())
				return nil
			}),
			rows.EachCovered(t.Context(), citycard.LedgerStaffActions, func(e citycard.LedgerEntry) error {
				stored = append(stored, e)
				return nil
			}),
		)
	}))
	require.ElementsMatch(t, entries, stored)
}

// commitsLate holds a transaction with an older row open while newer ones enter; SQLite's one writer has no such
// transaction.
func commitsLate(t *testing.T, e engine) {
	store, address := migrated(t, e)
	g := &growth{}
	late := action("view", "late")
	db := connect(t, address)
	commit := func() error { return store.RecordAction(t.Context(), late) }
	if e.name == "postgres" {
		tx, err := db.BeginTxx(t.Context(), nil)
		require.NoError(t, err)
		_, err = tx.Exec(`INSERT INTO staff_action VALUES ($1, 's1', 'clerk', 'view', 'late', '', '', 'r1', 1)`, late.ID)
		require.NoError(t, err)
		note := citycard.LedgerRecords([]citycard.LedgerEntry{{
			LedgerKey: citycard.LedgerKey{Source: citycard.LedgerStaffActions, Object: late.ID}, Sum: citycard.LedgerSum("content"),
		}})
		_, err = tx.Exec(`INSERT INTO ledger_pending VALUES ($1, $2)`, citycard.LedgerSum(note), note)
		require.NoError(t, err)
		commit = tx.Commit
	}
	for range 5 {
		require.NoError(t, store.RecordAction(t.Context(), action("view", "early")))
		g.drain(t, store, 100)
	}
	require.Len(t, g.entered, 5)
	require.NoError(t, commit())
	g.drain(t, store, 100)
	require.Len(t, g.entered, 6)
	assert.Equal(t, late.ID, g.entered[5].Object)
}

func staysWaiting(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	require.NoError(t, store.RecordAction(t.Context(), action("view", "c1")))
	_, err := store.ExtendLedger(t.Context(), 10, func(citycard.LedgerBatch) (citycard.LedgerGrowth, error) {
		return citycard.LedgerGrowth{}, driver.ErrBadConn
	})
	require.Error(t, err)
	head, err := store.LedgerHead(t.Context())
	require.NoError(t, err)
	assert.Equal(t, citycard.LedgerHead{Last: -1}, head)
	g := &growth{}
	g.drain(t, store, 10)
	assert.Len(t, g.entered, 1)
}

// older brings a database to a version of the schema.
func older(t *testing.T, db *sqlx.DB, e engine, version int64) {
	t.Helper()
	dialect := goose.DialectSQLite3
	if e.name == "postgres" {
		dialect = goose.DialectPostgres
	}
	provider, err := goose.NewProvider(dialect, db.DB, os.DirFS("migrations/"+e.name))
	require.NoError(t, err)
	_, err = provider.UpTo(t.Context(), version)
	require.NoError(t, err)
}

func waitsAfterMigration(t *testing.T, e engine) {
	address := e.fresh(t)
	db := connect(t, address)
	older(t, db, e, 3)
	for _, row := range []string{
		`'a1', 's1', 'clerk', 'loss', 'c1', 'lost', 'v1.aes.k1.x:y', 'r1', 1795000000000`,
		`'a2', '王', '', 'log_in', '', '', '', '', -5`,
	} {
		_, err := db.Exec(`INSERT INTO staff_action (id, staff_id, role, action, object, reason, note, request_id, at) VALUES (` + row + `)`)
		require.NoError(t, err)
	}
	made := citycard.Transition{
		CardRef: "c1", Seq: 1, Machine: citycard.MachineSocial, From: "sealed", To: "active",
		Cause: cause("event"), RecordedAt: now,
	}
	made.Hash = made.Sum()
	_, err := db.Exec(db.Rebind(`INSERT INTO transition (card_ref, seq, machine, from_state, to_state, actor_kind, actor_id, channel, reason,
 evidence_ref, occurred_at, recorded_at, event_id, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
		made.CardRef, made.Seq, made.Machine, made.From, made.To, made.Cause.Actor.Kind, made.Cause.Actor.ID, made.Cause.Channel,
		made.Cause.Reason, made.Cause.Evidence, made.Cause.Occurred.UnixMilli(), made.RecordedAt.UnixMilli(), made.Cause.EventID, "", made.Hash)
	require.NoError(t, err)

	store := open(t, address)
	require.NoError(t, store.Migrate(t.Context()))
	var waiting []citycard.LedgerEntry
	require.NoError(t, store.LedgerSnapshot(t.Context(), func(rows citycard.LedgerRows) error {
		return rows.EachNote(t.Context(), func(n citycard.LedgerNote) error {
			waiting = append(waiting, n.Entries...)
			return nil
		})
	}))
	assert.Len(t, waiting, 3)
	requireStored(t, store, waiting)
}

func coveredAppendOnly(t *testing.T, e engine) {
	store, address := migrated(t, e)
	ref := seed(t, store, 1)[0]
	require.NoError(t, loseAndFind(store, ref))
	new(growth).drain(t, store, 10)
	db := connect(t, address)
	for _, statement := range []string{
		"UPDATE transition SET reason = 'x'", "DELETE FROM transition", "UPDATE ledger_entry SET sum = 'x'", "DELETE FROM ledger_entry",
	} {
		_, err := db.ExecContext(t.Context(), statement)
		assert.ErrorContains(t, err, "only ever appended", statement)
	}
}

func editedNotes(t *testing.T, e engine) {
	store, address := migrated(t, e)
	db := connect(t, address)
	for i := range 200 { // before every sum, and more than are read at a time
		_, err := db.Exec(db.Rebind("INSERT INTO ledger_pending (id, entries) VALUES (?, 'edited')"), fmt.Sprintf("!%03d", i))
		require.NoError(t, err)
	}
	require.NoError(t, store.RecordAction(t.Context(), action("view", "c1")))
	g := &growth{}
	g.drain(t, store, 10)
	assert.Len(t, g.entered, 1)
	edited := 0
	require.NoError(t, store.LedgerSnapshot(t.Context(), func(rows citycard.LedgerRows) error {
		return rows.EachNote(t.Context(), func(n citycard.LedgerNote) error {
			assert.Nil(t, n.Entries)
			edited++
			return nil
		})
	}))
	assert.Equal(t, 200, edited)
}
