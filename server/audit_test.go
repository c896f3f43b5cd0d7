package main_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/integrations/keyfile"
	"citycard/integrations/ledger"
	server "citycard/server"
	"citycard/sql"
)

// recorded is a database with a history, and what is needed to check it.
type recorded struct {
	address string
	keys    string
	store   *sql.Store
	log     *ledger.Log
}

var recordedAt = time.Date(2026, 11, 22, 1, 30, 0, 0, time.UTC)

func auditID() string { return strings.ReplaceAll(uuid.Must(uuid.NewV7()).String(), "-", "") }

// onRecord makes a database in which cards were changed and staff did things.
func onRecord(tb testing.TB, address string) *recorded {
	tb.Helper()
	r := &recorded{address: address, keys: filepath.Join(tb.TempDir(), "keys")}
	ring, err := keyfile.Generate(r.keys, keyfile.Options{Suite: keyfile.SuiteAES, Development: true, Now: recordedAt})
	require.NoError(tb, err)
	r.log, err = server.LedgerLog(ring)
	require.NoError(tb, err)
	r.store, err = sql.Open(tb.Context(), address, sql.Options{Keys: ring, Clock: func() time.Time { return recordedAt }, NewID: auditID})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, r.store.Close()) })
	require.NoError(tb, r.store.Migrate(tb.Context()))
	return r
}

func (r *recorded) environment() []string {
	return []string{"CITYCARD_DATABASE_URL=" + r.address, "CITYCARD_KEYS_DIR=" + r.keys}
}

// cards adds cards and gives their refs.
func (r *recorded) cards(t *testing.T, from, count int) []string {
	t.Helper()
	rows := make([]citycard.CardRow, count)
	for i := range rows {
		n := from + i
		rows[i] = citycard.CardRow{
			Line: int64(i + 2), Name: citycard.RestoreName(fmt.Sprintf("王小%d", n)),
			Number: citycard.RestoreIDNumber(fmt.Sprintf("3201001990%08d", n)),
			Card: citycard.Card{
				Region: "320100", Number: citycard.CardNumber(fmt.Sprintf("A%08d", n)), Bank: "102",
				Fulfilment: citycard.FulfilmentCollected, Social: citycard.SocialSealed, Financial: citycard.FinancialInactive,
				Password: citycard.PasswordInitial, ReceivedOn: citycard.DateOf(recordedAt).AddDays(-10),
			},
		}
	}
	_, err := r.store.ImportCards(t.Context(), citycard.ImportBatch{File: fmt.Sprint("cards ", from), LastLine: int64(count + 1), Rows: rows})
	require.NoError(t, err)
	refs := make([]string, count)
	for i := range rows {
		found, err := r.store.Holding(t.Context(), citycard.Subject{Number: rows[i].Number})
		require.NoError(t, err)
		refs[i] = found.Cards[0].Ref
	}
	return refs
}

// lose reports a card lost and found again, with the action that belongs to it: two transitions.
func (r *recorded) lose(t *testing.T, ref string) {
	t.Helper()
	policy := citycard.Policy{TempLossDays: 7}
	cause := citycard.Cause{
		Actor: citycard.Actor{Kind: citycard.ActorStaff, ID: "s1"}, Channel: citycard.ChannelCounter, Reason: citycard.ReasonLost,
		Evidence: "place=320100-01", Occurred: recordedAt.Add(-time.Minute), EventID: "e" + ref[:8],
	}
	require.NoError(t, r.store.Update(context.WithoutCancel(t.Context()), citycard.Subject{Ref: ref}, func(ch *citycard.Change) error {
		ch.Actions = append(ch.Actions, citycard.StaffAction{
			ID: auditID(), StaffID: "s1", Role: citycard.RoleClerk, Action: "loss", Object: ref, Reason: "lost", Note: "by telephone",
			RequestID: "r1", At: recordedAt,
		})
		if _, err := ch.Card.LoseTemporarily(policy, cause, recordedAt); err != nil {
			return err
		}
		return ch.Card.Restore(policy, citycard.Cause{
			Actor: cause.Actor, Channel: cause.Channel, Reason: citycard.ReasonFound, Occurred: recordedAt,
		}, recordedAt)
	}))
}

// approve puts a policy in force, with the action that belongs to it.
func (r *recorded) approve(t *testing.T, from string) {
	t.Helper()
	day, err := citycard.ParseDate(from)
	require.NoError(t, err)
	require.NoError(t, r.store.AddPolicyVersion(t.Context(), citycard.PolicyVersion{
		ID: auditID(), Record: []byte(nanjing(t, map[string]any{"valid_from": from})), Region: "320100", ValidFrom: day,
		RequestedBy: "s1", ApprovedBy: "s2", ApprovedAt: recordedAt,
	}, citycard.StaffAction{ID: auditID(), StaffID: "s2", Role: citycard.RoleSupervisor, Action: "apply_policy", At: recordedAt}))
}

// sequence lets everything that waits enter the ledger, in batches of a size, and gives the checkpoint.
func (r *recorded) sequence(tb testing.TB, batch int) string {
	tb.Helper()
	for {
		n, err := r.store.ExtendLedger(tb.Context(), batch, r.log.Grow)
		require.NoError(tb, err)
		if n == 0 {
			break
		}
	}
	head, err := r.store.LedgerHead(tb.Context())
	require.NoError(tb, err)
	return head.Checkpoint
}

// check gives the findings.
func (r *recorded) check(t *testing.T, kept ...string) ([]citycard.AuditFinding, citycard.AuditCount) {
	t.Helper()
	var findings []citycard.AuditFinding
	check := citycard.AuditCheck{Rows: r.store, Log: r.log}
	count, err := check.Run(t.Context(), kept, func(f citycard.AuditFinding) error {
		findings = append(findings, f)
		return nil
	})
	require.NoError(t, err)
	return findings, count
}

func TestTwoHundredEditsBySQLAreAllFound(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r := onRecord(t, fresh(t))
			refs := r.cards(t, 0, 110)
			for _, ref := range refs[:100] {
				r.lose(t, ref)
			}
			for _, from := range []string{"2026-12-01", "2027-01-01"} {
				r.approve(t, from)
			}
			kept := r.sequence(t, 77)
			for _, ref := range refs[90:] {
				r.lose(t, ref)
			}
			findings, count := r.check(t, kept)
			require.Empty(t, findings, "an untouched database verifies")
			require.Equal(t, citycard.AuditCount{Entries: 304, Waiting: 60, Transitions: 240}, count)

			e := openEditor(t, r.address, engine)
			e.backUp()
			edits := append(columnEdits(), rowEdits()...)
			for n := range 200 {
				chosen := edits[n%len(edits)]
				if n >= len(edits) {
					chosen = edits[e.draw.IntN(len(edits))]
				}
				chosen.do(e)
				findings, _ := r.check(t, kept)
				assert.NotEmpty(t, findings, "edit %d was not found: %s", n, chosen.name)
				e.restore()
			}
			findings, _ = r.check(t, kept)
			require.Empty(t, findings, "what was restored verifies again")
		})
	}
}

func TestAuditVerifyNamesTheRowAndExitsWithOne(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r := onRecord(t, fresh(t))
			environ := r.environment()
			empty := command(t, environ, "audit", "verify")
			require.Equal(t, 0, empty.code, empty.stderr)
			assert.Equal(t, "0 entries of the ledger and 0 rows that wait to enter it were checked, among them 0 transitions; 0 older checkpoints; 0 findings\n", empty.stdout)
			refs := r.cards(t, 0, 3)
			for _, ref := range refs {
				r.lose(t, ref)
			}
			older := filepath.Join(t.TempDir(), "older.txt")
			made := command(t, environ, "audit", "checkpoint", "--out", older)
			require.Equal(t, 0, made.code, made.stderr)
			assert.Equal(t, 2, command(t, environ, "audit", "checkpoint", "--out", older).code, "nothing is written over")
			printed := command(t, environ, "audit", "checkpoint")
			kept, err := os.ReadFile(older)
			require.NoError(t, err)
			assert.Equal(t, string(kept), printed.stdout)
			r.lose(t, r.cards(t, 3, 1)[0])
			sound := command(t, environ, "audit", "verify", "--checkpoint", older, "--public-key", r.log.Public()[0])
			require.Equal(t, 0, sound.code, sound.stderr)
			assert.Equal(t, "9 entries of the ledger and 3 rows that wait to enter it were checked, among them 8 transitions; 1 older checkpoints; 0 findings\n", sound.stdout)

			e := openEditor(t, r.address, engine)
			e.backUp()
			e.one("UPDATE transition SET reason = 'stolen' WHERE card_ref = ? AND seq = 2", refs[1])
			altered := command(t, environ, "audit", "verify")
			assert.Equal(t, 1, altered.code)
			assert.Contains(t, altered.stdout, "altered: transition "+refs[1]+"-2: its hash is not that of its fields\n")
			assert.Contains(t, altered.stdout, "; 1 findings\n")
			assert.Equal(t, "citycard: audit verify: the records are not as the service left them\n", altered.stderr)
			e.restore()

			var action string
			require.NoError(t, e.db.Get(&action, "SELECT object FROM ledger_entry WHERE source = 'staff_action' ORDER BY position LIMIT 1"))
			e.one("DELETE FROM staff_action WHERE id = ?", action)
			removed := command(t, environ, "audit", "verify")
			assert.Equal(t, 1, removed.code)
			assert.Contains(t, removed.stdout, "removed: staff_action "+action+": ")
			e.restore()

			other := command(t, environ, "audit", "verify", "--checkpoint", os.Args[0])
			assert.Equal(t, 2, other.code)
			assert.Contains(t, other.stderr, "--checkpoint: "+os.Args[0])
		})
	}
}

// TestAnEarlierStateOfTheWholeDatabaseIsFoundByACheckpointKeptElsewhere puts everything back to an earlier backup,
// which is sound by itself.
func TestAnEarlierStateOfTheWholeDatabaseIsFoundByACheckpointKeptElsewhere(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r := onRecord(t, fresh(t))
			refs := r.cards(t, 0, 4)
			r.lose(t, refs[0])
			first := r.sequence(t, 100)
			e := openEditor(t, r.address, engine)
			e.backUp()
			r.lose(t, refs[1])
			kept := r.sequence(t, 100)
			findings, _ := r.check(t, first, kept)
			require.Empty(t, findings)

			e.restore()
			findings, _ = r.check(t, first)
			require.Empty(t, findings, "nothing in the database tells")
			findings, _ = r.check(t, first, kept)
			assert.Equal(t, []citycard.AuditFinding{{
				Kind: citycard.FindingRemoved, Row: "ledger_entry", Detail: "the ledger has 3 entries, the checkpoint kept elsewhere 6",
			}}, findings)

			r.lose(t, refs[2])
			r.sequence(t, 100)
			findings, _ = r.check(t, first, kept)
			assert.Equal(t, []citycard.AuditFinding{{
				Kind: citycard.FindingBroken, Row: "ledger_entry", Detail: "the first 6 entries are not those of the checkpoint kept elsewhere",
			}}, findings, "another history of the same length")
		})
	}
}

func TestTheServiceSequencesByItself(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, environ []string) {
		t.Helper()
		running := start(t, environ)
		addStaff(t, append(append(os.Environ(), asProgram+"=1"), environ...), "auditor")
		db := database(t, strings.TrimPrefix(environ[0], "CITYCARD_DATABASE_URL="))
		require.Eventually(t, func() bool {
			var entries, waiting int
			return db.Get(&entries, "SELECT count(*) FROM ledger_entry") == nil &&
				db.Get(&waiting, "SELECT count(*) FROM ledger_pending") == nil && entries == 1 && waiting == 0
		}, patience, moment)
		require.Equal(t, 0, running.stop())
		assert.Equal(t, 0, command(t, environ, "audit", "verify").code)
	})
}

func textOf(row map[string]any, column string) string {
	value, _ := row[column].(string)
	return value
}

func numberOf(row map[string]any, column string) int64 {
	value, _ := row[column].(int64)
	return value
}

// rowHash is what the service would have written as the hash of a transition's row.
func rowHash(row map[string]any) string {
	return citycard.Transition{
		CardRef: textOf(row, "card_ref"), Seq: numberOf(row, "seq"), Machine: citycard.Machine(textOf(row, "machine")),
		From: textOf(row, "from_state"), To: textOf(row, "to_state"),
		Cause: citycard.Cause{
			Actor:   citycard.Actor{Kind: citycard.ActorKind(textOf(row, "actor_kind")), ID: textOf(row, "actor_id")},
			Channel: citycard.Channel(textOf(row, "channel")), Reason: citycard.Reason(textOf(row, "reason")),
			Evidence: textOf(row, "evidence_ref"), Occurred: time.UnixMilli(numberOf(row, "occurred_at")), EventID: textOf(row, "event_id"),
		},
		RecordedAt: time.UnixMilli(numberOf(row, "recorded_at")), PrevHash: textOf(row, "prev_hash"),
	}.Sum()
}
