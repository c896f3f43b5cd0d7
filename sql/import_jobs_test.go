package sql_test

import (
	"bytes"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql"
)

func upload(id string) citycard.ImportJob {
	return citycard.ImportJob{
		ID: id, State: citycard.ImportReceiving, Reason: citycard.ImportOfBureau, Note: "case seven", UploadedBy: "id-amy",
		UploadedAt: now.UTC(),
	}
}

// received stores an upload with two pieces that waits for its check.
func received(t *testing.T, store *sql.Store) citycard.ImportJob {
	t.Helper()
	const id, digest = "job-1", "d1"
	job := upload(id)
	require.NoError(t, store.AddImport(t.Context(), job))
	require.NoError(t, store.AddImportPiece(t.Context(), id, 0, []byte("region,name\n")))
	require.NoError(t, store.AddImportPiece(t.Context(), id, 1, []byte("320100,secretive\n")))
	job.State, job.Digest, job.Size, job.Pieces = citycard.ImportWaiting, digest, 29, 2
	by := action("import_upload", id)
	moved, err := store.MoveImport(t.Context(), citycard.ImportReceiving, job, &by)
	require.NoError(t, err)
	require.True(t, moved)
	return job
}

// importing is what every engine must do with uploaded files.
var importing = []struct {
	name string
	run  func(t *testing.T, e engine)
}{
	{"a file comes back piece by piece, lies sealed, and goes when the job is final", importPieces},
	{"one file has one open upload", importOnce},
	{"of fifty workers over two replicas one gets a job, until its lease ends", importClaims},
	{"a batch, its progress and its rejects are stored together, and only under the claim", importAdvance},
	{"abandoned uploads are found", importAbandoned},
}

func TestImporting(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		for _, c := range importing {
			t.Run(e.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t, e)
			})
		}
	}
}

func importPieces(t *testing.T, e engine) {
	store, address := migrated(t, e)
	job := received(t, store)
	found, err := store.Import(t.Context(), "job-1")
	require.NoError(t, err)
	assert.Equal(t, job, found)
	second, err := store.ImportPiece(t.Context(), "job-1", 1)
	require.NoError(t, err)
	assert.Equal(t, "320100,secretive\n", string(second))
	_, err = store.ImportPiece(t.Context(), "job-1", 2)
	require.Error(t, err)
	_, err = store.Import(t.Context(), "job-2")
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))

	job.State, job.Good, job.Bad, job.Preview = citycard.ImportChecked, 1, 2, []citycard.ImportPreview{{Line: 2, NameMasked: "*三"}}
	moved, err := store.MoveImport(t.Context(), citycard.ImportWaiting, job, nil)
	require.NoError(t, err)
	require.True(t, moved)
	moved, err = store.MoveImport(t.Context(), citycard.ImportWaiting, job, nil)
	require.NoError(t, err)
	assert.False(t, moved, "it is no longer in that state")
	found, err = store.Import(t.Context(), "job-1")
	require.NoError(t, err)
	assert.Equal(t, job.Preview, found.Preview)

	if e.name == "sqlite" {
		for _, suffix := range []string{"", "-wal"} {
			file, err := os.ReadFile(address[len("sqlite:"):] + suffix)
			require.NoError(t, err)
			for _, plain := range []string{"secretive", "case seven", "*三"} {
				assert.False(t, bytes.Contains(file, []byte(plain)), plain)
			}
		}
	}
	job.State, job.FinishedAt = citycard.ImportCanceled, now.UTC()
	moved, err = store.MoveImport(t.Context(), citycard.ImportChecked, job, nil)
	require.NoError(t, err)
	require.True(t, moved)
	_, err = store.ImportPiece(t.Context(), "job-1", 0)
	require.Error(t, err, "the file is gone")
	found, err = store.Import(t.Context(), "job-1")
	require.NoError(t, err)
	assert.Empty(t, found.Preview)
	assert.Equal(t, int64(2), found.Bad)
	list, err := store.Actions(t.Context(), "", 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.Equal(t, "import_upload", list[0].Action)
}

func importOnce(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	first := received(t, store)
	second := upload("job-2")
	require.NoError(t, store.AddImport(t.Context(), second))
	second.State, second.Digest = citycard.ImportWaiting, "d1"
	_, err := store.MoveImport(t.Context(), citycard.ImportReceiving, second, nil)
	require.Equal(t, citycard.CodeRequestInProgress, citycard.CodeOf(err))
	var refused *citycard.Error
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, map[string]any{"import": "job-1"}, refused.Members)
	first.State = citycard.ImportCanceled
	_, err = store.MoveImport(t.Context(), citycard.ImportWaiting, first, nil)
	require.NoError(t, err)
	moved, err := store.MoveImport(t.Context(), citycard.ImportReceiving, second, nil)
	require.NoError(t, err)
	assert.True(t, moved, "a file that was given up may come again")
	jobs, err := store.Imports(t.Context(), "", 1)
	require.NoError(t, err)
	require.Len(t, jobs, 1)
	assert.Equal(t, "job-2", jobs[0].ID)
	jobs, err = store.Imports(t.Context(), "job-2", 10)
	require.NoError(t, err)
	require.Len(t, jobs, 1)
	assert.Equal(t, "job-1", jobs[0].ID)
}

func importClaims(t *testing.T, e engine) {
	first, address := migrated(t, e)
	stores := []*sql.Store{first, open(t, address)}
	received(t, first)
	var won atomic.Int64
	for _, err := range together(50, func(i int) error {
		_, found, err := stores[i%2].ClaimImport(t.Context(), newID(), now, now.Add(time.Minute))
		if found {
			won.Add(1)
		}
		return err
	}) {
		require.NoError(t, err)
	}
	assert.Equal(t, int64(1), won.Load())
	job, found, err := first.ClaimImport(t.Context(), "late", now.Add(time.Minute), now.Add(2*time.Minute))
	require.NoError(t, err)
	require.True(t, found, "the lease has ended")
	assert.Equal(t, "late", job.Claim)
	held, err := first.ProgressImport(t.Context(), job, []citycard.RowProblem{{Line: 3, Column: "name", Reason: "the field is empty"}})
	require.NoError(t, err)
	assert.True(t, held)
	job.Claim = "earlier"
	held, err = first.ProgressImport(t.Context(), job, nil)
	require.NoError(t, err)
	assert.False(t, held)
	job.State = citycard.ImportChecked
	moved, err := first.MoveImport(t.Context(), citycard.ImportWaiting, job, nil)
	require.NoError(t, err)
	assert.False(t, moved, "the claim is somebody else's")
}

func importAdvance(t *testing.T, e engine) {
	store, address := migrated(t, e)
	job := received(t, store)
	job.State, job.ConfirmedBy = citycard.ImportConfirmed, "id-bob"
	_, err := store.MoveImport(t.Context(), citycard.ImportWaiting, job, nil)
	require.NoError(t, err)
	job, found, err := store.ClaimImport(t.Context(), "claim", now, now.Add(time.Minute))
	require.NoError(t, err)
	require.True(t, found)
	other := cardRow(1)
	other.Name = citycard.RestoreName("李四")
	batch := citycard.ImportBatch{
		File: "d1", LastLine: 5, Rows: []citycard.CardRow{cardRow(0), cardRow(1), other}, Job: "job-1", Claim: "claim", Done: 0.5,
		Problems: []citycard.RowProblem{{Line: 4, Column: "name", Reason: "the field is empty"}, {Line: 4, Reason: "the line is too long"}},
	}
	count, err := store.ImportCards(t.Context(), batch)
	require.NoError(t, err)
	require.Len(t, count.Refused, 1)
	_, err = store.ImportCards(t.Context(), batch)
	assert.Equal(t, citycard.CodeVersionConflict, citycard.CodeOf(err), "the batch is stored already")
	batch.LastLine, batch.Claim = 9, "another"
	_, err = store.ImportCards(t.Context(), batch)
	assert.Equal(t, citycard.CodeVersionConflict, citycard.CodeOf(err))
	stored, err := store.Import(t.Context(), job.ID)
	require.NoError(t, err)
	assert.Equal(t, []int64{2, 0, 3, 5}, []int64{stored.Added, stored.Unchanged, stored.Rejected, stored.Line})
	assert.InDelta(t, 0.5, stored.Done, 0)

	all, err := store.ImportRejects(t.Context(), "job-1", citycard.RowProblem{}, 10)
	require.NoError(t, err)
	require.Len(t, all, 3)
	rest, err := store.ImportRejects(t.Context(), "job-1", all[0], 1)
	require.NoError(t, err)
	assert.Equal(t, all[1:2], rest)
	driver, name := "pgx", address
	if e.name == "sqlite" {
		driver, name = "sqlite", address[len("sqlite:"):]
	}
	db, err := sqlx.Open(driver, name)
	require.NoError(t, err)
	defer db.Close()
	var cards int
	require.NoError(t, db.Get(&cards, "SELECT count(*) FROM card"))
	assert.Equal(t, 2, cards)
}

func importAbandoned(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	received(t, store)
	require.NoError(t, store.AddImport(t.Context(), upload("job-2")))
	list, err := store.AbandonedImports(t.Context(), citycard.ImportReceiving, now.Add(time.Second))
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.Equal(t, "job-2", list[0].ID)
	list, err = store.AbandonedImports(t.Context(), citycard.ImportReceiving, now)
	require.NoError(t, err)
	assert.Empty(t, list)
}
