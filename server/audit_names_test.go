package main_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// namings are edits, and all that the check says of each. R is a card whose two transitions are the entries Q and P of the ledger, W one
// whose transitions wait with what staff did (A); N is the id of a note.
var namings = []struct {
	name  string
	edit  func(e *editor, r, w string)
	finds []string
}{
	{"what happened", func(e *editor, r, _ string) {
		e.one("UPDATE transition SET reason = 'stolen' WHERE card_ref = ? AND seq = 2", r)
	}, []string{"altered: transition R-2: its hash is not that of its fields"}},
	{"what happened, with a right hash", func(e *editor, r, _ string) {
		row := e.transitions(r)[1]
		row["reason"] = "stolen"
		e.one("UPDATE transition SET reason = 'stolen', hash = ? WHERE card_ref = ? AND seq = 2", rowHash(row), r)
	}, []string{
		"altered: transition R-2: it is not what entry P of the ledger covers",
		"broken: card R: its version is 2, its last transition number 2",
		"broken: card R: it was changed, but the latest transition that it names is not there",
	}},
	{"the first transition of a card", func(e *editor, r, _ string) {
		e.one("DELETE FROM transition WHERE card_ref = ? AND seq = 1", r)
	}, []string{
		"removed: transition R-1: entry Q of the ledger covers it",
		"removed: transition R-2: it follows number 0 of its card",
	}},
	{"the last transition of a card", func(e *editor, r, _ string) {
		e.one("DELETE FROM transition WHERE card_ref = ? AND seq = 2", r)
	}, []string{
		"removed: transition R-2: entry P of the ledger covers it",
		"broken: card R: its version is 2, its last transition number 1",
		"broken: card R: it was changed, but the latest transition that it names is not there",
	}},
	{"when the transition before was recorded", func(e *editor, r, _ string) {
		e.one("UPDATE transition SET prev_at = prev_at + 1 WHERE card_ref = ? AND seq = 2", r)
	}, []string{"altered: transition R-2: it does not hold when the transition before it was recorded"}},
	{"when a card's latest transition was recorded", func(e *editor, r, _ string) {
		e.one("UPDATE card SET head_at = head_at + 1 WHERE ref = ?", r)
	}, []string{"broken: card R: it was changed, but the latest transition that it names is not there"}},
	{"a card's version", func(e *editor, r, _ string) {
		e.one("UPDATE card SET version = 0 WHERE ref = ?", r)
	}, []string{"broken: card R: its version is 0, its last transition number 2"}},
	{"a transition that did not happen", func(e *editor, r, _ string) {
		row := e.transitions(r)[1]
		row["seq"], row["prev_hash"], row["prev_at"] = int64(3), row["hash"], row["recorded_at"]
		row["hash"] = rowHash(row)
		e.insert("transition", row)
	}, []string{"inserted: transition R-3: the ledger does not know it"}},
	{"that the transitions of a card wait", func(e *editor, _, w string) {
		e.one("DELETE FROM ledger_pending WHERE entries LIKE ?", "%"+w+"%")
	}, []string{
		"inserted: transition W-1: the ledger does not know it",
		"inserted: transition W-2: the ledger does not know it",
		"inserted: staff_action A: the ledger does not know it",
	}},
	{"a transition that waits", func(e *editor, _, w string) {
		e.one("DELETE FROM transition WHERE card_ref = ? AND seq = 2", w)
	}, []string{
		"removed: transition W-2: it waited to enter the ledger",
		"broken: card W: its version is 2, its last transition number 1",
		"broken: card W: it was changed, but the latest transition that it names is not there",
	}},
	{"that a transition waits once more", func(e *editor, _, w string) {
		row := e.transitions(w)[1]
		e.wait(citycard.LedgerKey{Source: citycard.LedgerTransitions, Object: w, Seq: 2}, textOf(row, "hash"))
	}, []string{"inserted: ledger_pending N: transition W-2 waits twice"}},
	{"that an entered transition waits", func(e *editor, r, _ string) {
		row := e.transitions(r)[1]
		e.wait(citycard.LedgerKey{Source: citycard.LedgerTransitions, Object: r, Seq: 2}, textOf(row, "hash"))
	}, []string{"inserted: ledger_pending, transition R-2: it has entered the ledger already"}},
	{"what staff did", func(e *editor, _, w string) {
		e.one("UPDATE staff_action SET note = 'x' WHERE object = ?", w)
	}, []string{"altered: staff_action A: it is not what waits to enter the ledger"}},
	{"a note", func(e *editor, _, w string) {
		e.one("UPDATE ledger_pending SET id = 'x' WHERE entries LIKE ?", "%"+w+"%")
	}, []string{
		"altered: ledger_pending x: it is no note that the service made",
		"inserted: transition W-1: the ledger does not know it",
		"inserted: transition W-2: the ledger does not know it",
		"inserted: staff_action A: the ledger does not know it",
	}},
	{"the card", func(e *editor, r, _ string) {
		e.one("DELETE FROM card WHERE ref = ?", r)
	}, []string{"removed: card R: it has transitions, but the card is gone"}},
}

var noteID = regexp.MustCompile(`ledger_pending [0-9a-f]{64}:`)

func TestTheCheckNamesWhatWasDone(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r := onRecord(t, fresh(t))
			refs := r.cards(t, 0, 4)
			for _, ref := range refs[:3] {
				r.lose(t, ref)
			}
			kept := r.sequence(t, 100)
			r.lose(t, refs[3])
			e := openEditor(t, r.address, engine)
			e.backUp()
			names := strings.NewReplacer(
				"transition R-", "transition "+refs[1]+"-", "card R:", "card "+refs[1]+":",
				"transition W-", "transition "+refs[3]+"-", "card W:", "card "+refs[3]+":",
				"entry P ", fmt.Sprint("entry ", e.position(refs[1], 2), " "), "entry Q ", fmt.Sprint("entry ", e.position(refs[1], 1), " "),
				"staff_action A", "staff_action "+textOf(e.list("SELECT id FROM staff_action WHERE object = ?", refs[3])[0], "id"),
			)
			for _, c := range namings {
				c.edit(e, refs[1], refs[3])
				var finds []string
				findings, _ := r.check(t, kept)
				for _, f := range findings {
					finds = append(finds, noteID.ReplaceAllString(fmt.Sprintf("%s: %s: %s", f.Kind, f.Row, f.Detail), "ledger_pending N:"))
				}
				want := make([]string, len(c.finds))
				for i, line := range c.finds {
					want[i] = names.Replace(line)
				}
				slices.Sort(want)
				slices.Sort(finds)
				assert.Equal(t, want, finds, c.name)
				e.restore()
			}
			findings, _ := r.check(t, kept)
			require.Empty(t, findings, "what was restored verifies again")
		})
	}
}

// position is where the ledger has a transition.
func (e *editor) position(ref string, seq int) int64 {
	return numberOf(e.list("SELECT position FROM ledger_entry WHERE object = ? AND seq = ?", ref, seq)[0], "position")
}
