package sql_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql"
	"citycard/sql/sqltest"
)

const benchBatch = 5000

// importTables are the tables an import fills, in the order of their references.
var importTables = []string{"person", "person_number", "card"}

// BenchmarkImport stores new cards in batches, encrypted and indexed, and then the very same rows again, as
// they are, into another database: with COPY on PostgreSQL, with many-row INSERT statements on SQLite.
func BenchmarkImport(b *testing.B) {
	for name, fresh := range map[string]func() string{
		"sqlite":   func() string { return "sqlite:" + filepath.Join(b.TempDir(), "card.db") },
		"postgres": func() string { return sqltest.Start(b, "fsync=on").Database(b) },
	} {
		var filled string
		b.Run(name+"/import", func(b *testing.B) {
			filled = fresh()
			store := empty(b, filled)
			rows := make([]citycard.CardRow, b.N)
			for i := range rows {
				rows[i] = scatteredRow(i)
			}
			b.ResetTimer()
			for start := 0; start < len(rows); start += benchBatch {
				_, err := store.ImportCards(b.Context(), citycard.ImportBatch{File: "bench", Rows: rows[start:min(start+benchBatch, len(rows))]})
				require.NoError(b, err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
			require.NoError(b, store.Close())
		})
		b.Run(name+"/bare", func(b *testing.B) {
			bare := fresh()
			require.NoError(b, empty(b, bare).Close())
			tables := map[string]*table{}
			for _, name := range importTables {
				tables[name] = read(b, filled, name, b.N)
			}
			b.ResetTimer()
			if name == "postgres" {
				copyTables(b, bare, tables)
			} else {
				insertTables(b, bare, tables)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func empty(b *testing.B, address string) *sql.Store {
	b.Helper()
	store, err := sql.Open(b.Context(), address, options())
	require.NoError(b, err)
	require.NoError(b, store.Migrate(b.Context()))
	return store
}

// table is a table's columns and rows.
type table struct {
	columns []string
	rows    [][]any
}

func (t *table) batch(start int) [][]any {
	return t.rows[min(start, len(t.rows)):min(start+benchBatch, len(t.rows))]
}

func read(b *testing.B, address, name string, n int) *table {
	b.Helper()
	driver, source := "pgx", address
	if file, ok := strings.CutPrefix(address, "sqlite:"); ok {
		driver, source = "sqlite", "file:"+file
	}
	db, err := sqlx.Open(driver, source)
	require.NoError(b, err)
	defer db.Close()
	order := "person_id"
	if name == "person" {
		order = "id"
	}
	found, err := db.QueryxContext(b.Context(), fmt.Sprintf("SELECT * FROM %s ORDER BY %s LIMIT %d", name, order, n))
	require.NoError(b, err)
	defer found.Close()
	columns, err := found.Columns()
	require.NoError(b, err)
	t := &table{columns: columns}
	for found.Next() {
		row, err := found.SliceScan()
		require.NoError(b, err)
		t.rows = append(t.rows, row)
	}
	require.NoError(b, found.Err())
	return t
}

func copyTables(b *testing.B, address string, tables map[string]*table) {
	b.Helper()
	connection, err := pgx.Connect(b.Context(), address)
	require.NoError(b, err)
	for start := 0; start < b.N; start += benchBatch {
		tx, err := connection.Begin(b.Context())
		require.NoError(b, err)
		for _, name := range importTables {
			t := tables[name]
			_, err := tx.CopyFrom(b.Context(), pgx.Identifier{name}, t.columns, pgx.CopyFromRows(t.batch(start)))
			require.NoError(b, err)
		}
		require.NoError(b, tx.Commit(b.Context()))
	}
	require.NoError(b, connection.Close(b.Context()))
}

func insertTables(b *testing.B, address string, tables map[string]*table) {
	b.Helper()
	const together = 50
	file := strings.TrimPrefix(address, "sqlite:")
	db, err := sqlx.Open("sqlite", "file:"+file+"?_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=cache_size(-8000)")
	require.NoError(b, err)
	db.SetMaxOpenConns(1)
	for start := 0; start < b.N; start += benchBatch {
		tx, err := db.BeginTxx(b.Context(), nil)
		require.NoError(b, err)
		for _, name := range importTables {
			t := tables[name]
			batch := t.batch(start)
			for len(batch) > 0 {
				part := batch[:min(together, len(batch))]
				batch = batch[len(part):]
				one := "(?" + strings.Repeat(", ?", len(t.columns)-1) + ")"
				var values []any
				for _, row := range part {
					values = append(values, row...)
				}
				_, err := tx.ExecContext(b.Context(), fmt.Sprintf("INSERT INTO %s VALUES %s%s", name, one, strings.Repeat(", "+one, len(part)-1)), values...)
				require.NoError(b, err)
			}
		}
		require.NoError(b, tx.Commit())
	}
	require.NoError(b, db.Close())
}

// scatteredRow is a card whose numbers lie anywhere in their indexes, as real ones do.
func scatteredRow(n int) citycard.CardRow {
	row := benchRow(int64(n))
	row.Card.Number = citycard.CardNumber(fmt.Sprintf("B%08d", (n*7919)%100_000_000))
	row.Card.IdentificationCode = fmt.Sprintf("320100%026X", (n*104729)%1_000_000_007)
	return row
}
