package main_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
)

// coveredTable is a table that somebody with the database's password may edit.
type coveredTable struct {
	name    string
	keys    []string
	texts   []string
	numbers []string
	bytes   string
}

var coveredTables = []coveredTable{
	{name: "transition", keys: []string{"card_ref", "seq"}, texts: []string{
		"card_ref", "machine", "from_state", "to_state", "actor_kind", "actor_id", "channel", "reason", "evidence_ref",
		"event_id", "prev_hash", "hash",
	}, numbers: []string{"seq", "occurred_at", "recorded_at"}},
	{name: "staff_action", keys: []string{"id"}, texts: []string{
		"id", "staff_id", "role", "action", "object", "reason", "note", "request_id",
	}, numbers: []string{"at"}},
	{name: "ledger_entry", keys: []string{"position"}, texts: []string{"source", "object", "sum"}, numbers: []string{"position", "seq"}},
	{name: "ledger_pending", keys: []string{"source", "object", "seq"}, texts: []string{"source", "object", "content"}, numbers: []string{"seq"}},
	{name: "ledger_tile", keys: []string{"level", "number"}, numbers: []string{"level", "number"}, bytes: "hashes"},
	{name: "ledger_head", keys: []string{"id"}, texts: []string{"checkpoint"}, numbers: []string{"size"}},
	{name: "policy_version", keys: []string{"id"}, texts: []string{
		"id", "region", "valid_from", "valid_to", "record", "requested_by", "approved_by",
	}, numbers: []string{"number", "approved_at"}},
}

// editor edits a database behind the service's back, as its owner can: triggers and keys between tables do not hold.
type editor struct {
	t      *testing.T
	db     *sqlx.DB
	engine string
	draw   *rand.Rand
}

func openEditor(t *testing.T, address, engine string) *editor {
	t.Helper()
	driver, name := "pgx", address
	if file, ok := strings.CutPrefix(address, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+file+"?_pragma=busy_timeout(5000)"
	}
	db, err := sqlx.Open(driver, name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	e := &editor{t, db, engine, rand.New(rand.NewPCG(5, 8))}
	if engine == "postgres" {
		for _, table := range coveredTables {
			e.run("ALTER TABLE " + table.name + " DISABLE TRIGGER ALL")
		}
		return e
	}
	var triggers []string
	require.NoError(t, db.Select(&triggers, "SELECT name FROM sqlite_master WHERE type = 'trigger'"))
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

// edit is one thing done to the database.
type edit struct {
	name string
	do   func(e *editor)
}

// columnEdits changes every column of every table once.
func columnEdits() []edit {
	var edits []edit
	for _, table := range coveredTables {
		for _, text := range table.texts {
			edits = append(edits, edit{"change " + table.name + "." + text, func(e *editor) { e.changeText(table, text) }})
		}
		for _, number := range table.numbers {
			edits = append(edits, edit{"change " + table.name + "." + number, func(e *editor) { e.changeNumber(table, number) }})
		}
		if table.bytes != "" {
			edits = append(edits, edit{"change " + table.name + "." + table.bytes, func(e *editor) { e.changeBytes(table) }})
		}
	}
	return edits
}

func (e *editor) changeText(table coveredTable, column string) {
	row := e.row(table)
	where, args := table.where(row)
	now, _ := row[column].(string)
	changed := now + "x"
	switch choice := e.draw.IntN(4); {
	case now == "" || choice == 0:
	case choice == 1:
		changed = ""
	case choice == 2: // one bit of one character
		at := e.draw.IntN(len(now))
		changed = now[:at] + string(rune(now[at]^1)) + now[at+1:]
	case choice == 3:
		changed = now[:len(now)-1]
	}
	e.one("UPDATE "+table.name+" SET "+column+" = ?"+where, append([]any{changed}, args...)...)
}

func (e *editor) changeNumber(table coveredTable, column string) {
	where, args := table.where(e.row(table))
	by := []int64{-100_000, 100_000, 1 << 40}[e.draw.IntN(3)]
	if column == "occurred_at" || column == "recorded_at" || column == "at" {
		by = []int64{-1, 1, 60_000}[e.draw.IntN(3)]
	}
	e.one("UPDATE "+table.name+" SET "+column+" = "+column+" + ?"+where, append([]any{by}, args...)...)
}

func (e *editor) changeBytes(table coveredTable) {
	row := e.row(table)
	where, args := table.where(row)
	now, _ := row[table.bytes].([]byte)
	changed := append([]byte{}, now...)
	switch e.draw.IntN(3) {
	case 0:
		changed[e.draw.IntN(len(changed))] ^= 1 << e.draw.IntN(8)
	case 1:
		changed = changed[:len(changed)-1]
	default:
		changed = append(changed, 7)
	}
	e.one("UPDATE "+table.name+" SET "+table.bytes+" = ?"+where, append([]any{changed}, args...)...)
}

// rowEdits removes, adds, copies, swaps and cuts rows.
func rowEdits() []edit {
	edits := []edit{
		{"swap two transitions of one card", (*editor).swapOfOneCard},
		{"move a transition to another card", (*editor).moveTransition},
		{"swap two entries", (*editor).swapEntries},
		{"cut a card's last transition and make the card agree", (*editor).cutCard},
		{"cut a waiting transition, and that it waits", (*editor).cutWaiting},
		{"cut the ledger's end and the rows it covers", (*editor).cutLedger},
		{"forge a transition with a right hash and let it wait", (*editor).forge},
		{"alter a row and its entry together", (*editor).alterBoth},
		{"begin the ledger anew", (*editor).forget},
	}
	for _, table := range coveredTables {
		edits = append(edits, edit{"remove a row of " + table.name, func(e *editor) {
			where, args := table.where(e.row(table))
			e.one("DELETE FROM "+table.name+where, args...)
		}})
		if table.name == "ledger_head" {
			continue
		}
		edits = append(edits, edit{"copy a row of " + table.name, func(e *editor) { e.copy(table) }})
		if table.name != "ledger_pending" && table.name != "ledger_tile" {
			edits = append(edits, edit{"swap two rows of " + table.name, func(e *editor) { e.swap(table) }})
		}
	}
	return edits
}

// copy adds a row like another under a key of its own.
func (e *editor) copy(table coveredTable) {
	row := e.row(table)
	switch table.name {
	case "transition":
		row["seq"] = int64(100_000)
	case "policy_version":
		row["id"], row["number"] = "f"+textOf(row, "id")[1:], int64(100_000)
	case "staff_action":
		row["id"] = "f" + textOf(row, "id")[1:]
	case "ledger_entry":
		row["position"], row["seq"] = numberOf(row, "position")+100_000, int64(100_000)
	case "ledger_pending":
		row["seq"] = int64(100_000)
	case "ledger_tile":
		row["number"] = int64(100_000)
	}
	e.insert(table.name, row)
}

func (e *editor) insert(table string, row map[string]any) {
	var columns, marks []string
	var args []any
	for column, value := range row {
		columns, marks, args = append(columns, column), append(marks, "?"), append(args, value)
	}
	e.one("INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(marks, ", ")+")", args...)
}

// swap exchanges everything but the keys of two rows.
func (e *editor) swap(table coveredTable) {
	if table.name == "policy_version" { // its numbers are unique
		table.keys = append(table.keys, "number")
	}
	e.swapRows(table, e.row(table), e.row(table))
}

func (e *editor) swapRows(table coveredTable, a, b map[string]any) {
	changed := false
	for _, pair := range [][2]map[string]any{{a, b}, {b, a}} {
		var set []string
		var args []any
		for column, value := range pair[1] {
			isKey := false
			for _, key := range table.keys {
				isKey = isKey || key == column
			}
			if !isKey && !(table.name == "ledger_entry" && column != "sum") {
				changed = changed || value != pair[0][column]
				set, args = append(set, column+" = ?"), append(args, value)
			}
		}
		where, keys := table.where(pair[0])
		e.one("UPDATE "+table.name+" SET "+strings.Join(set, ", ")+where, append(args, keys...)...)
	}
	if !changed { // the same row twice
		e.swap(table)
	}
}

func (e *editor) transitions(ref any) []map[string]any {
	return e.list("SELECT * FROM transition WHERE card_ref = ? ORDER BY seq", ref)
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

func (e *editor) swapOfOneCard() {
	list := e.transitions(e.row(coveredTables[0])["card_ref"])
	e.swapRows(coveredTables[0], list[0], list[len(list)-1])
}

func (e *editor) moveTransition() {
	from, to := e.row(coveredTables[0]), e.row(coveredTables[0])
	e.one("UPDATE transition SET card_ref = ?, seq = 50 WHERE card_ref = ? AND seq = ?", to["card_ref"], from["card_ref"], from["seq"])
}

func (e *editor) swapEntries() {
	a, b := e.row(coveredTables[2]), e.row(coveredTables[2])
	for a["position"] == b["position"] {
		b = e.row(coveredTables[2])
	}
	e.one("UPDATE ledger_entry SET position = -1 WHERE position = ?", a["position"])
	e.one("UPDATE ledger_entry SET position = ? WHERE position = ?", a["position"], b["position"])
	e.one("UPDATE ledger_entry SET position = ? WHERE position = -1", b["position"])
}

func (e *editor) cutCard() {
	list := e.transitions(e.row(coveredTables[0])["card_ref"])
	last := list[len(list)-1]
	e.one("DELETE FROM transition WHERE card_ref = ? AND seq = ?", last["card_ref"], last["seq"])
	e.one("UPDATE card SET version = ?, head = ? WHERE ref = ?", numberOf(last, "seq")-1, last["prev_hash"], last["card_ref"])
}

func (e *editor) cutWaiting() {
	var waits struct {
		Object string
		Seq    int64
	}
	require.NoError(e.t, e.db.Get(&waits, "SELECT object, seq FROM ledger_pending WHERE source = 'transition' ORDER BY object, seq DESC LIMIT 1"))
	e.one("DELETE FROM ledger_pending WHERE source = 'transition' AND object = ? AND seq = ?", waits.Object, waits.Seq)
	e.one("DELETE FROM transition WHERE card_ref = ? AND seq = ?", waits.Object, waits.Seq)
}

// cutLedger takes the last entry with the row it covers out, and makes the ledger's number of entries agree.
func (e *editor) cutLedger() {
	var last struct {
		Position int64
		Source   string
		Object   string
		Seq      int64
	}
	require.NoError(e.t, e.db.Get(&last, "SELECT position, source, object, seq FROM ledger_entry ORDER BY position DESC LIMIT 1"))
	e.one("DELETE FROM ledger_entry WHERE position = ?", last.Position)
	if last.Source == "transition" {
		e.one("DELETE FROM transition WHERE card_ref = ? AND seq = ?", last.Object, last.Seq)
	} else {
		e.one("DELETE FROM staff_action WHERE id = ?", last.Object)
	}
	e.one("UPDATE ledger_head SET size = ?", last.Position)
}

// forge appends a transition as the service would have made it, but leaves the card as it is.
func (e *editor) forge() {
	list := e.transitions(e.row(coveredTables[0])["card_ref"])
	forged := list[len(list)-1]
	forged["seq"], forged["prev_hash"] = numberOf(forged, "seq")+1, forged["hash"]
	forged["hash"] = rowHash(forged)
	e.insert("transition", forged)
	e.insert("ledger_pending", map[string]any{"source": "transition", "object": forged["card_ref"], "seq": forged["seq"], "content": forged["hash"]})
}

// alterBoth changes what staff is said to have done, and the entry that covers it.
func (e *editor) alterBoth() {
	var entry struct {
		Position int64
		Object   string
	}
	require.NoError(e.t, e.db.Get(&entry, "SELECT position, object FROM ledger_entry WHERE source = 'staff_action' ORDER BY position LIMIT 1"))
	e.one("UPDATE staff_action SET reason = 'other' WHERE id = ?", entry.Object)
	e.one("UPDATE ledger_entry SET sum = ? WHERE position = ?", strings.Repeat("ab", 32), entry.Position)
}

// forget makes the ledger as if nothing had entered yet.
func (e *editor) forget() {
	e.run("DELETE FROM ledger_entry")
	e.run("DELETE FROM ledger_tile")
	e.one("UPDATE ledger_head SET size = 0, checkpoint = ''")
}
