package sql

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Of two settings of the same name the driver follows the one whose text sorts later, whichever was meant.
func TestEverySQLiteConnectionIsSetAsMeant(t *testing.T) {
	t.Parallel()
	s := &Store{}
	require.NoError(t, s.openSQLite(filepath.Join(t.TempDir(), "card.db")))
	t.Cleanup(func() {
		for _, db := range []*sqlx.DB{s.db, s.writer} {
			require.NoError(t, db.Close())
		}
		require.NoError(t, s.checkpoints.close())
	})
	const full, memory = 2, 2
	for _, c := range []struct {
		name      string
		db        *sqlx.DB
		queryOnly int
	}{
		{"writing", s.writer, 0},
		{"reading", s.db, 1},
		{"moving the log", s.checkpoints.aside, 0},
	} {
		for setting, want := range map[string]int{
			"query_only": c.queryOnly, "cache_size": -4000, "temp_store": memory, "synchronous": full, "foreign_keys": 1,
		} {
			var is int
			require.NoError(t, c.db.GetContext(t.Context(), &is, "PRAGMA "+setting))
			assert.Equal(t, want, is, "%s: %s", c.name, setting)
		}
	}
}

func TestLongMovesOfTheLogComeSooner(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ every, took, next time.Duration }{
		{time.Second, 20 * time.Millisecond, time.Second},
		{time.Second, 21 * time.Millisecond, time.Second / 2},
		{time.Second / 8, time.Second, time.Second / 16},
		{time.Second / 16, time.Second, time.Second / 16},
		{time.Second / 16, 5 * time.Millisecond, time.Second / 16},
		{time.Second / 16, 4 * time.Millisecond, time.Second / 8},
		{time.Second, 0, time.Second},
	} {
		assert.Equal(t, c.next, nextMove(c.every, c.took), "every %v, took %v", c.every, c.took)
	}
}
