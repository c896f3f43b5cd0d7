package sql_test

import (
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// approving is what every engine must do for requests that need a second person.
var approving = []struct {
	name string
	run  func(t *testing.T, e engine)
}{
	{"a request comes back as it was stored, what staff wrote sealed", storedApproval},
	{"a numbered request is stored once", numberedApproval},
	{"of fifty who decide over two replicas one does", decidedOnce},
	{"requests are chosen by state, kind, age and asker, newest first", chosenApprovals},
}

func TestApprovals(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		for _, c := range approving {
			t.Run(e.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t, e)
			})
		}
	}
}

func request(id string) citycard.Approval {
	return citycard.Approval{
		ID: id, Kind: citycard.ApproveFreeze, Object: "c1", Request: []byte(`{"evidence":"case-SECRET"}`), Reason: "fraud_hold",
		Note: "called at noon", RequestedBy: "s1", RequestedAt: now.UTC(), State: citycard.ApprovalOpen,
	}
}

func storedApproval(t *testing.T, e engine) {
	store, address := migrated(t, e)
	stored, err := store.AddApproval(t.Context(), request("a1"), action("ask_approval", "a1"))
	require.NoError(t, err)
	assert.Equal(t, request("a1"), stored)
	decided := stored
	decided.State, decided.DecidedBy, decided.DecidedAt = citycard.ApprovalDone, "s2", now.UTC()
	decided.DecisionNote, decided.Outcome = "seen at noon", "frozen"
	moved, err := store.MoveApproval(t.Context(), stored, decided, action("approve", "a1"))
	require.NoError(t, err)
	assert.True(t, moved)
	found, err := open(t, address).Approval(t.Context(), "a1")
	require.NoError(t, err)
	assert.Equal(t, decided, found)
	_, err = store.Approval(t.Context(), "a2")
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
	if e.name != "sqlite" {
		return
	}
	for _, suffix := range []string{"", "-wal"} {
		file, err := os.ReadFile(address[len("sqlite:"):] + suffix)
		require.NoError(t, err)
		for _, secret := range []string{"case-SECRET", "called at noon", "seen at noon"} {
			assert.NotContains(t, string(file), secret)
		}
	}
}

func numberedApproval(t *testing.T, e engine) {
	store, address := migrated(t, e)
	replica := open(t, address)
	var ids atomic.Int64
	assert.Equal(t, int64(1), count(t, func() (bool, error) {
		a := request(newID())
		a.Once, a.Fingerprint = "staff:s1/12345678", "f"
		stored, err := []citycard.Approvals{store, replica}[ids.Add(1)%2].AddApproval(t.Context(), a, action("ask_approval", a.ID))
		return stored.ID == a.ID, err
	}))
	actions, err := store.Actions(t.Context(), "", 100)
	require.NoError(t, err)
	assert.Len(t, actions, 1)
}

func decidedOnce(t *testing.T, e engine) {
	store, address := migrated(t, e)
	replica := open(t, address)
	asked, err := store.AddApproval(t.Context(), request("a1"), action("ask_approval", "a1"))
	require.NoError(t, err)
	var turn atomic.Int64
	assert.Equal(t, int64(1), count(t, func() (bool, error) {
		to := asked
		to.State, to.DecidedBy, to.DecidedAt = citycard.ApprovalApproved, newID(), now
		return []citycard.Approvals{store, replica}[turn.Add(1)%2].MoveApproval(t.Context(), asked, to, action("approve", "a1"))
	}))
	actions, err := store.Actions(t.Context(), "", 100)
	require.NoError(t, err)
	assert.Len(t, actions, 2, "one asked, one approved")
}

func chosenApprovals(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	for i, change := range []func(*citycard.Approval){
		func(*citycard.Approval) {},
		func(a *citycard.Approval) { a.RequestedBy = "s2" },
		func(a *citycard.Approval) { a.Kind = citycard.ApproveExport },
		func(a *citycard.Approval) { a.State = citycard.ApprovalDone },
		func(a *citycard.Approval) { a.RequestedAt = now.Add(-time.Hour) },
	} {
		a := request("a" + string(rune('1'+i)))
		change(&a)
		_, err := store.AddApproval(t.Context(), a, action("ask_approval", a.ID))
		require.NoError(t, err)
	}
	kinds, open := []citycard.ApprovalKind{citycard.ApproveFreeze}, []citycard.ApprovalState{citycard.ApprovalOpen}
	for name, c := range map[string]struct {
		query citycard.ApprovalQuery
		want  []string
	}{
		"open":    {citycard.ApprovalQuery{Kinds: kinds, States: open}, []string{"a5", "a2", "a1"}},
		"older":   {citycard.ApprovalQuery{Kinds: kinds, States: open, Before: "a5"}, []string{"a2", "a1"}},
		"others'": {citycard.ApprovalQuery{Kinds: kinds, States: open, NotBy: "s1"}, []string{"a2"}},
		"fresh":   {citycard.ApprovalQuery{Kinds: kinds, States: open, After: now.Add(-time.Hour)}, []string{"a2", "a1"}},
		"lapsed":  {citycard.ApprovalQuery{Kinds: kinds, States: open, Until: now.Add(-time.Hour)}, []string{"a5"}},
		"nothing": {citycard.ApprovalQuery{}, nil},
	} {
		c.query.Limit = 10
		found, err := store.Approvals(t.Context(), c.query)
		require.NoError(t, err, name)
		var ids []string
		for _, a := range found {
			ids = append(ids, a.ID)
		}
		assert.Equal(t, c.want, ids, name)
		if c.query.Before == "" {
			n, err := store.CountApprovals(t.Context(), c.query)
			require.NoError(t, err, name)
			assert.Equal(t, len(c.want), n, name)
		}
	}
}
