package main_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
)

// editor edits a database behind the service's back, as its owner can: triggers and keys between tables do not hold.
type editor struct {
	t      *testing.T
	db     *sqlx.DB
	engine string
	draw   *rand.Rand
}

func openEditor(t *testing.T, address, engine string) *editor {
	t.Helper()
	e := &editor{t, writable(t, address), engine, rand.New(rand.NewPCG(5, 8))}
	if engine == "postgres" {
		for _, table := range coveredTables {
			e.run("ALTER TABLE " + table.name + " DISABLE TRIGGER ALL")
		}
		return e
	}
	var triggers []string
	require.NoError(t, e.db.Select(&triggers, "SELECT name FROM sqlite_master WHERE type = 'trigger'"))
	for _, trigger := range triggers {
		e.run("DROP TRIGGER " + trigger)
	}
	return e
}

// run runs a statement and tells how many rows it changed.
func (e *editor) run(statement string, args ...any) int64 {
	e.t.Helper()
	result, err := e.db.Exec(e.db.Rebind(statement), args...)
	require.NoError(e.t, err, statement)
	n, err := result.RowsAffected()
	require.NoError(e.t, err)
	return n
}

// one runs a statement that must change one row.
func (e *editor) one(statement string, args ...any) {
	e.t.Helper()
	require.Equal(e.t, int64(1), e.run(statement, args...), "%s %v", statement, args)
}

// backedUp are the tables that restore brings back.
func backedUp() []string {
	names := []string{"card"}
	for _, table := range coveredTables {
		names = append(names, table.name)
	}
	return names
}

func (e *editor) backUp() {
	for _, name := range backedUp() {
		e.run("CREATE TABLE kept_" + name + " AS SELECT * FROM " + name)
	}
}

func (e *editor) restore() {
	for _, name := range backedUp() {
		e.run("DELETE FROM " + name)
		e.run("INSERT INTO " + name + " SELECT * FROM kept_" + name)
	}
}

// row picks a row and gives its columns.
func (e *editor) row(table coveredTable) map[string]any {
	e.t.Helper()
	var count int
	require.NoError(e.t, e.db.Get(&count, "SELECT count(*) FROM "+table.name))
	require.Positive(e.t, count, table.name)
	list := e.list(fmt.Sprintf("SELECT * FROM %s ORDER BY %s LIMIT 1 OFFSET ?", table.name, strings.Join(table.keys, ", ")), e.draw.IntN(count))
	require.Len(e.t, list, 1)
	return list[0]
}

// where names a row by its keys.
func (table coveredTable) where(row map[string]any) (string, []any) {
	var args []any
	for _, key := range table.keys {
		args = append(args, row[key])
	}
	return " WHERE " + strings.Join(table.keys, " = ? AND ") + " = ?", args
}

func (e *editor) insert(table string, row map[string]any) {
	var columns, marks []string
	var args []any
	for column, value := range row {
		columns, marks, args = append(columns, column), append(marks, "?"), append(args, value)
	}
	e.one("INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(marks, ", ")+")", args...)
}

// list reads rows with all their columns.
func (e *editor) list(query string, args ...any) []map[string]any {
	e.t.Helper()
	rows, err := e.db.Queryx(e.db.Rebind(query), args...) //nolint:sqlclosecheck // closed below, with a check
	require.NoError(e.t, err)
	defer func() { require.NoError(e.t, rows.Close()) }()
	var list []map[string]any
	for rows.Next() {
		row := map[string]any{}
		require.NoError(e.t, rows.MapScan(row))
		list = append(list, row)
	}
	require.NoError(e.t, rows.Err())
	return list
}
