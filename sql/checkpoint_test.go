package sql_test

import (
	stdsql "database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql"
)

// What is committed comes to lie in SQLite's file itself while the store is open and nobody checkpoints by hand: the log
// next to it does not grow until a writer has to wait.
func TestCommitsAreMovedOutOfTheLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "card.db")
	store := open(t, "sqlite:"+path)
	require.NoError(t, store.Migrate(t.Context()))
	_, err := store.ImportCards(t.Context(), citycard.ImportBatch{File: "f", LastLine: 1, Rows: []citycard.CardRow{cardRow(1)}})
	require.NoError(t, err)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Equal(c, 1, cardsWithoutLog(c, path, filepath.Join(t.TempDir(), "copy.db")))
	}, 10*time.Second, 50*time.Millisecond)
	_, err = store.ImportCards(t.Context(), citycard.ImportBatch{File: "g", LastLine: 1, Rows: []citycard.CardRow{cardRow(2)}})
	require.NoError(t, err, "the store goes on")
	require.NoError(t, store.Close())
	require.NoError(t, store.Close(), "closing it again changes nothing")
}

func TestAFailedCheckpointIsToldOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "card.db")
	told := make(chan error, 100)
	settings := options()
	settings.CheckpointFailed = func(err error) { told <- err }
	store, err := sql.Open(t.Context(), "sqlite:"+path, settings)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	require.NoError(t, store.Migrate(t.Context()))
	require.NoError(t, os.Rename(path, path+".away")) // the writer holds it open
	require.NoError(t, os.Mkdir(path, 0o700))
	commit := func() { require.NoError(t, store.RecordAction(t.Context(), action("view", "c1"))) }
	commit()
	select {
	case err := <-told:
		require.ErrorContains(t, err, "checkpoint")
	case <-time.After(10 * time.Second):
		require.Fail(t, "nothing was told")
	}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for range 35 { // as long as three more attempts
		<-ticker.C
		commit()
	}
	assert.Empty(t, told, "told again")
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Rename(path+".away", path))
}

// cardsWithoutLog counts the cards of a copy of the file alone.
func cardsWithoutLog(c *assert.CollectT, path, to string) (cards int) {
	content, err := os.ReadFile(path)
	if !assert.NoError(c, err) || !assert.NoError(c, os.WriteFile(to, content, 0o600)) {
		return 0
	}
	db, err := stdsql.Open("sqlite", "file:"+to+"?immutable=1&mode=ro")
	if !assert.NoError(c, err) {
		return 0
	}
	defer db.Close()
	assert.NoError(c, db.QueryRow("SELECT count(*) FROM card").Scan(&cards))
	return cards
}
