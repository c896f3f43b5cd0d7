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
