package sql_test

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// outages take the database away between the moment in which a round is judged and its commit. Each gives what brings it
// back, if it can be.
var outages = map[string]func(t *testing.T, address string) (back func()){
	"sqlite":   garble,
	"postgres": disconnect,
}

// garble overwrites every page of the file but the first: what the round has not read yet is no database any more.
func garble(t *testing.T, address string) func() {
	t.Helper()
	file, err := os.OpenFile(strings.TrimPrefix(address, "sqlite:"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer file.Close()
	info, err := file.Stat()
	require.NoError(t, err)
	const page = 4096
	_, err = file.WriteAt(bytes.Repeat([]byte{0xff}, int(info.Size())-page), page)
	require.NoError(t, err)
	return nil
}

// disconnect lets statements that store transitions wait, and ends their connections while they do.
func disconnect(t *testing.T, address string) func() {
	t.Helper()
	db := connect(t, address)
	tx, err := db.Beginx()
	require.NoError(t, err)
	_, err = tx.Exec("LOCK TABLE transition IN ACCESS EXCLUSIVE MODE")
	require.NoError(t, err)
	var ended sync.WaitGroup
	ended.Go(func() {
		assert.Eventually(t, func() bool {
			var gone int
			err := db.Get(&gone, `SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock') AS ended`)
			return err == nil && gone > 0
		}, 30*time.Second, 5*time.Millisecond)
		assert.NoError(t, tx.Rollback())
	})
	return ended.Wait
}

// databaseGone takes the database away under a round of many callers.
func databaseGone(t *testing.T, e engine) {
	first, address := migrated(t, e)
	refs := seed(t, first, 30)
	require.NoError(t, first.Close()) // so that the next store has read nothing yet, and SQLite's file is whole
	store := open(t, address)
	var once sync.Once
	var back func()
	errs := together(len(refs), func(i int) error {
		return store.Update(t.Context(), citycard.Subject{Ref: refs[i]}, func(ch *citycard.Change) error {
			once.Do(func() { back = outages[e.name](t, address) })
			return toggle("before")(ch)
		})
	})
	if back == nil { // for good: nobody was told that something is stored
		for i, err := range errs {
			assert.Equal(t, citycard.CodeStorageUnavailable, citycard.CodeOf(err), "update %d", i)
		}
		return
	}
	back()
	failed := 0
	for i, err := range errs {
		if err == nil {
			require.Len(t, history(t, store, refs[i]), 1, "update %d was answered", i)
			continue
		}
		failed++
		assert.Equal(t, citycard.CodeStorageUnavailable, citycard.CodeOf(err), "update %d", i)
		assert.Empty(t, history(t, store, refs[i]), "update %d was not answered", i)
	}
	assert.Positive(t, failed)
	for _, ref := range refs {
		require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: ref}, toggle("after")))
	}
}
