package sql_test

import (
	"context"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql"
)

// staffing is what every engine must do for staff.
var staffing = []struct {
	name string
	run  func(t *testing.T, e engine)
}{
	{"an account comes back as it was stored, its secret sealed", staffAccounts},
	{"a code's step is taken once, by one of fifty, and never an earlier one", codeSteps},
	{"a recovery code is taken once", recoveryCodes},
	{"a session shows its account as it is now, on every replica", staffSessions},
	{"a reset and a disabled account end every session", endedSessions},
	{"fifty reissues of one card over two replicas are one", reissuedOnce},
	{"a change, its action and its conclusion are stored together", actionUnit},
	{"what staff did is only ever appended", appendOnly},
}

func TestStaffing(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		for _, c := range slices.Concat(staffing, passkeys) {
			t.Run(e.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t, e)
			})
		}
	}
}

func member() citycard.Staff {
	return citycard.Staff{
		ID: "id-amy", Account: "amy", Name: "王店员", Role: citycard.RoleClerk, State: citycard.StaffActive,
		PasswordHash: "hash", CodeSecret: "SECRET", FirstPassword: true, AddedAt: now.UTC(),
	}
}

func action(what, object string) citycard.StaffAction {
	return citycard.StaffAction{
		ID: newID(), StaffID: "s1", Role: citycard.RoleClerk, Action: what, Object: object, Reason: "lost",
		Note: "called at noon", RequestID: "r1", At: now.UTC(),
	}
}

func staffAccounts(t *testing.T, e engine) {
	store, address := migrated(t, e)
	require.NoError(t, store.AddStaff(t.Context(), member(), []string{"d1"}, action("staff_add", "amy")))
	again := open(t, address)
	found, err := again.StaffByAccount(t.Context(), "amy")
	require.NoError(t, err)
	assert.Equal(t, member(), found)
	err = again.AddStaff(t.Context(), member(), nil, action("staff_add", "amy"))
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err))
	_, err = again.StaffByAccount(t.Context(), "bob")
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
	err = again.DisableStaff(t.Context(), "bob", action("staff_disable", "bob"))
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
	if e.name == "sqlite" {
		for _, suffix := range []string{"", "-wal"} {
			file, err := os.ReadFile(address[len("sqlite:"):] + suffix)
			require.NoError(t, err)
			assert.NotContains(t, string(file), "SECRET")
			assert.NotContains(t, string(file), "called at noon")
		}
	}
}

// count runs fifty callers at once and counts those that got it.
func count(t *testing.T, try func() (bool, error)) int64 {
	t.Helper()
	var got atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			taken, err := try()
			assert.NoError(t, err)
			if taken {
				got.Add(1)
			}
		})
	}
	all.Wait()
	return got.Load()
}

func codeSteps(t *testing.T, e engine) {
	store, address := migrated(t, e)
	replica := open(t, address)
	require.NoError(t, store.AddStaff(t.Context(), member(), nil, action("staff_add", "amy")))
	assert.Equal(t, int64(1), count(t, func() (bool, error) { return replica.UseCodeStep(t.Context(), "id-amy", 100) }))
	for step, want := range map[int64]bool{99: false, 100: false} {
		taken, err := store.UseCodeStep(t.Context(), "id-amy", step)
		require.NoError(t, err)
		assert.Equal(t, want, taken)
	}
	taken, err := store.UseCodeStep(t.Context(), "id-amy", 101)
	require.NoError(t, err)
	assert.True(t, taken)
}

func recoveryCodes(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	require.NoError(t, store.AddStaff(t.Context(), member(), []string{"d1", "d2"}, action("staff_add", "amy")))
	use := func(digest string) func() (bool, error) {
		return func() (bool, error) { return store.UseRecoveryCode(t.Context(), "id-amy", digest, now) }
	}
	assert.Equal(t, int64(1), count(t, use("d1")))
	assert.Equal(t, int64(0), count(t, use("d3")))
	require.NoError(t, store.ResetStaff(t.Context(), member(), []string{"d4"}, action("staff_reset", "amy")))
	assert.Equal(t, int64(0), count(t, use("d2")))
	assert.Equal(t, int64(1), count(t, use("d4")))
}

func openStaffSession(t *testing.T, store *sql.Store, id string) {
	t.Helper()
	require.NoError(t, store.OpenStaffSession(t.Context(), citycard.StaffSession{
		ID: id, Staff: member(), IssuedAt: now, SeenAt: now, ExpiresAt: now.Add(time.Hour),
	}, action("log_in", "")))
}

func staffSessions(t *testing.T, e engine) {
	store, address := migrated(t, e)
	replica := open(t, address)
	require.NoError(t, store.AddStaff(t.Context(), member(), nil, action("staff_add", "amy")))
	openStaffSession(t, store, "x1")
	found, err := replica.StaffSession(t.Context(), "x1")
	require.NoError(t, err)
	assert.Equal(t, citycard.StaffSession{
		ID: "x1", Staff: member(), IssuedAt: now.UTC(), SeenAt: now.UTC(), ExpiresAt: now.Add(time.Hour).UTC(),
	}, found)
	require.NoError(t, replica.TouchStaffSession(t.Context(), "x1", now.Add(time.Minute)))
	require.NoError(t, store.RevokeStaffSession(t.Context(), "x1", action("log_out", "")))
	found, err = replica.StaffSession(t.Context(), "x1")
	require.NoError(t, err)
	assert.True(t, now.Add(time.Minute).Equal(found.SeenAt))
	assert.False(t, found.RevokedAt.IsZero())
	_, err = store.StaffSession(t.Context(), "x2")
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
}

func endedSessions(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	require.NoError(t, store.AddStaff(t.Context(), member(), nil, action("staff_add", "amy")))
	openStaffSession(t, store, "x1")
	require.NoError(t, store.ResetStaff(t.Context(), member(), nil, action("staff_reset", "amy")))
	openStaffSession(t, store, "x2")
	require.NoError(t, store.DisableStaff(t.Context(), "amy", action("staff_disable", "amy")))
	for _, id := range []string{"x1", "x2"} {
		found, err := store.StaffSession(t.Context(), id)
		require.NoError(t, err)
		assert.False(t, found.RevokedAt.IsZero(), id)
		assert.Equal(t, citycard.StaffDisabled, found.Staff.State)
	}
}

var city = citycard.Policy{ReissueFeeFen: 2000, TempLossDays: 7}

func reissue(reason citycard.ReissueReason) func(*citycard.Change) error {
	return func(ch *citycard.Change) error {
		order := citycard.ReissueOrder{Reason: reason, Note: "note", Ref: newID(), Number: citycard.CardNumber("N" + newID()[24:])}
		if _, err := ch.OpenReissue(city, order, cause(""), now); err != nil {
			return err
		}
		ch.Actions = append(ch.Actions, action("reissue", ch.Card.Ref))
		return nil
	}
}

// reissuedOnce replaces a damaged card: nothing of the old card changes, so that only the reissue itself can tell
// two of them apart.
func reissuedOnce(t *testing.T, e engine) {
	store, address := migrated(t, e)
	stores := []*sql.Store{store, open(t, address)}
	ref := seed(t, store, 1)[0]
	var done, refused atomic.Int64
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			err := stores[i%2].Update(context.Background(), citycard.Subject{Ref: ref}, reissue(citycard.ReissueDamaged))
			switch citycard.CodeOf(err) {
			case "":
				done.Add(1)
			case citycard.CodeReissueOpen:
				refused.Add(1)
			default:
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
	assert.Equal(t, int64(1), done.Load())
	assert.Equal(t, int64(49), refused.Load())
	made, err := store.Reissues(t.Context(), ref)
	require.NoError(t, err)
	require.Len(t, made, 1)
	found, err := store.Holding(t.Context(), citycard.Subject{Ref: made[0].ID})
	require.NoError(t, err)
	require.Len(t, found.Cards, 2)
	assert.Equal(t, ref, found.Card.ReplacementFor)
	actions, err := store.Actions(t.Context(), "", 100)
	require.NoError(t, err)
	assert.Len(t, actions, 1)
}

func actionUnit(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	ref := seed(t, store, 1)[0]
	require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: ref}, reissue(citycard.ReissueLost)))
	made, err := store.Reissues(t.Context(), ref)
	require.NoError(t, err)
	require.Len(t, made, 1)
	assert.Equal(t, citycard.Reissue{
		ID: made[0].ID, OldCard: ref, Ordinal: 1, Reason: citycard.ReissueLost, FeeFen: 2000, Note: "note",
		OpenedBy: "s1", OpenedAt: now.UTC(),
	}, made[0])
	for _, step := range []citycard.Step{citycard.StepReview, citycard.StepAccept, citycard.StepProduce} {
		require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: made[0].ID}, func(ch *citycard.Change) error {
			ch.Actions = append(ch.Actions, action(string(step), ch.Card.Ref))
			return ch.Card.Fulfil(step, cause(""), now)
		}))
	}
	found, err := store.Holding(t.Context(), citycard.Subject{Ref: ref})
	require.NoError(t, err)
	assert.Equal(t, citycard.SocialCanceled, found.Card.Social)
	assert.Equal(t, citycard.FulfilmentReplaced, found.Card.Fulfilment)
	assert.Equal(t, made[0].ID, found.Card.ReplacedBy)
	requireChain(t, history(t, store, ref))
	requireChain(t, history(t, store, made[0].ID))

	refused := &citycard.Error{Code: citycard.CodeCardFrozen}
	err = store.Update(t.Context(), citycard.Subject{Ref: ref}, func(ch *citycard.Change) error {
		ch.Actions = append(ch.Actions, action("freeze", ref))
		return refused
	})
	require.ErrorIs(t, err, refused)
	actions, err := store.Actions(t.Context(), "", 100)
	require.NoError(t, err)
	require.Len(t, actions, 4)
	assert.Equal(t, "produce", actions[0].Action)
	assert.Equal(t, "called at noon", actions[0].Note)
	older, err := store.Actions(t.Context(), actions[2].ID, 100)
	require.NoError(t, err)
	assert.Equal(t, actions[3:], older)
}

func appendOnly(t *testing.T, e engine) {
	store, address := migrated(t, e)
	require.NoError(t, store.RecordAction(t.Context(), action("search", "p1")))
	db := connect(t, address)
	for _, statement := range []string{"UPDATE staff_action SET staff_id = 's2'", "DELETE FROM staff_action"} {
		_, err := db.ExecContext(t.Context(), statement)
		assert.ErrorContains(t, err, "only ever appended", statement)
	}
}
