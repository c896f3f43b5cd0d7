package main_test

import (
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"citycard"
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
	{name: "transition", keys: []string{"recorded_at", "hash"}, texts: []string{
		"card_ref", "machine", "from_state", "to_state", "actor_kind", "actor_id", "channel", "reason", "evidence_ref",
		"event_id", "prev_hash", "hash",
	}, numbers: []string{"seq", "occurred_at", "recorded_at", "prev_at"}},
	{name: "staff_action", keys: []string{"id"}, texts: []string{
		"id", "staff_id", "role", "action", "object", "reason", "note", "request_id",
	}, numbers: []string{"at"}},
	{name: "ledger_entry", keys: []string{"position"}, texts: []string{"source", "object", "sum"}, numbers: []string{"position", "seq"}},
	{name: "ledger_pending", keys: []string{"id"}, texts: []string{"id", "entries"}},
	{name: "ledger_tile", keys: []string{"level", "number"}, numbers: []string{"level", "number"}, bytes: "hashes"},
	{name: "ledger_head", keys: []string{"id"}, texts: []string{"checkpoint"}, numbers: []string{"size"}},
	{name: "policy_version", keys: []string{"id"}, texts: []string{
		"id", "region", "valid_from", "valid_to", "record", "requested_by", "approved_by",
	}, numbers: []string{"number", "approved_at"}},
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
	if strings.HasSuffix(column, "at") {
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
		{"let a card name another moment of its last transition", (*editor).misleadCard},
		{"cut a waiting transition, and that it waits", (*editor).cutWaiting},
		{"cut the ledger's end and the rows it covers", (*editor).cutLedger},
		{"forge a transition with a right hash and let it wait", (*editor).forge},
		{"let a row wait that has entered", (*editor).waitAgain},
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
		row["seq"], row["recorded_at"] = int64(100_000), numberOf(row, "recorded_at")+1
	case "policy_version":
		row["id"], row["number"] = "f"+textOf(row, "id")[1:], int64(100_000)
	case "staff_action":
		row["id"] = "f" + textOf(row, "id")[1:]
	case "ledger_entry":
		row["position"], row["seq"] = numberOf(row, "position")+100_000, int64(100_000)
	case "ledger_pending":
		row["id"] = "x" + textOf(row, "id")[1:]
	case "ledger_tile":
		row["number"] = int64(100_000)
	}
	e.insert(table.name, row)
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
	e.one("UPDATE card SET version = ?, head = ?, head_at = ? WHERE ref = ?",
		numberOf(last, "seq")-1, last["prev_hash"], last["prev_at"], last["card_ref"])
}

func (e *editor) misleadCard() {
	e.one("UPDATE card SET head_at = head_at + 1 WHERE ref = ?", e.row(coveredTables[0])["card_ref"])
}

func (e *editor) cutWaiting() {
	note := e.list("SELECT * FROM ledger_pending WHERE entries LIKE '%transition%' ORDER BY id LIMIT 1")[0]
	entries, err := citycard.ReadLedgerRecords(textOf(note, "entries"))
	require.NoError(e.t, err)
	e.one("DELETE FROM ledger_pending WHERE id = ?", note["id"])
	cut := slices.IndexFunc(entries, func(entry citycard.LedgerEntry) bool { return entry.Source == citycard.LedgerTransitions })
	e.one("DELETE FROM transition WHERE card_ref = ? AND seq = ?", entries[cut].Object, entries[cut].Seq)
	if rest := citycard.LedgerRecords(slices.Delete(entries, cut, cut+1)); rest != "" {
		e.insert("ledger_pending", map[string]any{"id": citycard.LedgerSum(rest), "entries": rest})
	}
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
	forged["seq"], forged["prev_hash"], forged["prev_at"] = numberOf(forged, "seq")+1, forged["hash"], forged["recorded_at"]
	forged["hash"] = rowHash(forged)
	e.insert("transition", forged)
	e.wait(citycard.LedgerKey{Source: citycard.LedgerTransitions, Object: textOf(forged, "card_ref"), Seq: numberOf(forged, "seq")}, textOf(forged, "hash"))
}

// wait lets a row wait with the note that the service would have made.
func (e *editor) wait(key citycard.LedgerKey, content string) {
	note := citycard.LedgerRecords([]citycard.LedgerEntry{{LedgerKey: key, Sum: citycard.LedgerSum(content)}})
	e.insert("ledger_pending", map[string]any{"id": citycard.LedgerSum(note), "entries": note})
}

// waitAgain lets a row wait that has entered the ledger already.
func (e *editor) waitAgain() {
	entry := e.list("SELECT * FROM ledger_entry WHERE source = 'transition' ORDER BY position LIMIT 1")[0]
	row := e.list("SELECT * FROM transition WHERE card_ref = ? AND seq = ?", entry["object"], entry["seq"])[0]
	e.wait(citycard.LedgerKey{Source: citycard.LedgerTransitions, Object: textOf(row, "card_ref"), Seq: numberOf(row, "seq")}, textOf(row, "hash"))
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
