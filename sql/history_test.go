package sql_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// histories is what every engine must do with the transitions of cards.
var histories = []struct {
	name string
	run  func(t *testing.T, e engine)
}{
	{"what was stored before transitions lay in the order of time is found after the migration", foundAfterMigration},
	{"a page of a history ends and goes on anywhere", pagesOfHistory},
	{"what a card no longer leads to is there for the check of the ledger", checkedAstray},
}

func TestHistories(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		for _, c := range histories {
			t.Run(e.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t, e)
			})
		}
	}
}

func foundAfterMigration(t *testing.T, e engine) {
	address := e.fresh(t)
	store := open(t, address)
	db := connect(t, address)
	older(t, db, e, 29)
	_, err := db.Exec("INSERT INTO person (id, name, phone, created_at) VALUES ('p', '', '', 0)")
	require.NoError(t, err)
	_, err = db.Exec("INSERT INTO person_number (number_index, person_id, number) VALUES ('i', 'p', ''), ('j', 'p', '')")
	require.NoError(t, err)
	card := &citycard.Card{Ref: "c1", Fulfilment: citycard.FulfilmentCollected, Social: citycard.SocialActive}
	for _, step := range []func(citycard.Cause, time.Time) error{card.Freeze, card.Release} {
		require.NoError(t, step(cause("event"), now.Add(time.Duration(card.Version)*time.Hour)))
	}
	made := card.Fresh()
	require.Len(t, made, 2)
	for _, s := range made {
		_, err := db.Exec(db.Rebind(`INSERT INTO transition (card_ref, seq, machine, from_state, to_state, actor_kind, actor_id, channel, reason,
 evidence_ref, occurred_at, recorded_at, event_id, prev_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
			s.CardRef, s.Seq, s.Machine, s.From, s.To, s.Cause.Actor.Kind, s.Cause.Actor.ID, s.Cause.Channel, s.Cause.Reason,
			s.Cause.Evidence, s.Cause.Occurred.UnixMilli(), s.RecordedAt.UnixMilli(), s.Cause.EventID, s.PrevHash, s.Hash)
		require.NoError(t, err)
	}
	insert := db.Rebind(`INSERT INTO card (ref, person_id, region, card_number, bank_code, account_index, account_last4, fulfilment, social, financial,
 password, social_before, social_held, financial_before, received_on, valid_to, replacement_for, replaced_by, fulfilment_since,
 social_since, financial_since, password_since, head, version)
 VALUES (?, 'p', '320100', ?, '102', '', '', 'collected', 'active', 'inactive', 'initial', '', '', '', '', '', '', '', 0, 0, 0, 0, ?, ?)`)
	for _, row := range [][]any{{"c1", "A1", made[1].Hash, 2}, {"c2", "A2", "", 0}} {
		_, err := db.Exec(insert, row...)
		require.NoError(t, err)
	}
	keys := []citycard.OnceKey{
		{Scope: "citizen:王", Key: "12345678"}, {Scope: "citizen:王", Key: "0192f3a4-5b6c-7d8e-9f00-112233445566"},
		{Scope: "staff:a/b", Key: "0192f3a4-5b6c"}, {Scope: "platform:1", Key: "通知20261127-00001"},
	}
	for _, key := range keys {
		_, err = db.Exec(db.Rebind("INSERT INTO idempotency (request, fingerprint, result, recorded_at) VALUES (?, 'f', 'r', 1)"), key.Scope+"/"+key.Key)
		require.NoError(t, err)
	}

	require.NoError(t, store.Migrate(t.Context()))
	requirePlaces(t, e, db, 2)
	found := history(t, store, "c1")
	requireChain(t, found)
	require.Len(t, found, 2)
	assert.Equal(t, made[1].Hash, found[1].Hash)
	assert.Empty(t, history(t, store, "c2"))
	for _, key := range keys {
		kept, err := store.Earlier(t.Context(), key)
		require.NoError(t, err)
		require.NotNil(t, kept, key)
		assert.Equal(t, citycard.Once{OnceKey: key, Fingerprint: "f", Result: "r", RecordedAt: time.UnixMilli(1).UTC()}, *kept)
	}

	require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: "c1"}, toggle("after")))
	found = history(t, store, "c1")
	requireChain(t, found)
	assert.Len(t, found, 3)
}

func pagesOfHistory(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	ref := seed(t, store, 1)[0]
	for range 7 {
		require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: ref}, toggle("event")))
	}
	all := history(t, store, ref)
	require.Len(t, all, 7)
	for after := range 8 {
		page, err := store.History(t.Context(), ref, int64(after), 3)
		require.NoError(t, err)
		assert.Equal(t, append([]citycard.Transition{}, all[after:min(7, after+3)]...), page)
	}
}

func checkedAstray(t *testing.T, e engine) {
	store, address := migrated(t, e)
	refs := seed(t, store, 2)
	for _, ref := range refs {
		require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: ref}, toggle("event")))
	}
	g := new(growth)
	g.drain(t, store, 10)
	require.Len(t, g.entered, 2)
	db := connect(t, address)
	_, err := db.Exec(db.Rebind("UPDATE card SET head_at = head_at + 1 WHERE ref = ?"), refs[0])
	require.NoError(t, err)

	assert.Empty(t, history(t, store, refs[0]))
	assert.Len(t, history(t, store, refs[1]), 1)
	requireStored(t, store, g.entered)
	heads := map[string]string{}
	require.NoError(t, store.LedgerSnapshot(t.Context(), func(rows citycard.LedgerRows) error {
		return rows.EachHead(t.Context(), func(h citycard.CardHead) error {
			heads[h.Ref] = h.HeadAt.Sub(now).String()
			return nil
		})
	}))
	assert.Equal(t, map[string]string{refs[0]: "1ms", refs[1]: "0s"}, heads)
}
