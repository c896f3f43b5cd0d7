package sql_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// governing is what every engine must do for city policies.
var governing = []struct {
	name string
	run  func(t *testing.T, e engine)
}{
	{"versions are numbered without a gap, each id once", numberedVersions},
	{"a dry run comes back as it was stored", storedTrials},
	{"every card of a region is visited once", visitedCards},
}

func TestGoverning(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		for _, c := range governing {
			t.Run(e.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t, e)
			})
		}
	}
}

func numberedVersions(t *testing.T, e engine) {
	store, address := migrated(t, e)
	replica := open(t, address)
	version := func(id string) citycard.PolicyVersion {
		return citycard.PolicyVersion{
			ID: id, Record: []byte(`{"region":"320100"}`), Region: "320100", ValidFrom: citycard.DateOf(now), RequestedBy: "s1", ApprovedBy: "s2",
			ApprovedAt: now.UTC(),
		}
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			on := store
			if i%2 == 1 {
				on = replica
			}
			// Each is carried out twice: only one of them stores it.
			assert.NoError(t, on.AddPolicyVersion(context.Background(), version(fmt.Sprint("v", i/2)), action("apply_policy", "v")))
		})
	}
	all.Wait()
	newest, err := replica.NewestPolicy(t.Context())
	require.NoError(t, err)
	assert.Equal(t, int64(4), newest)
	versions, err := store.PolicyVersions(t.Context())
	require.NoError(t, err)
	require.Len(t, versions, 4)
	for i, found := range versions {
		want := version(found.ID)
		want.Number = int64(i + 1)
		assert.Equal(t, want, found)
	}
	actions, err := store.Actions(t.Context(), "", 100)
	require.NoError(t, err)
	assert.Len(t, actions, 4)
}

func storedTrials(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	trial := citycard.PolicyTrial{
		ID: "t1", Record: []byte(`{"region":"320100"}`), Region: "320100", ValidFrom: citycard.DateOf(now), On: citycard.DateOf(now),
		State: citycard.TrialRunning, Counts: map[citycard.TrialKind]int64{}, RequestedBy: "s1", StartedAt: now.UTC(), SeenAt: now.UTC(),
	}
	require.NoError(t, store.AddTrial(t.Context(), trial, action("try_policy", "t1")))
	trial.State, trial.Judged, trial.Counts[citycard.TrialLost] = citycard.TrialDone, 7, 2
	trial.Found = []citycard.TrialCard{{Ref: "c1", Kind: citycard.TrialLost}}
	require.NoError(t, store.SaveTrial(t.Context(), trial))
	found, err := store.Trial(t.Context(), "t1")
	require.NoError(t, err)
	assert.Equal(t, trial, found)
	_, err = store.Trial(t.Context(), "t2")
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
}

func visitedCards(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	refs := seed(t, store, 2100) // more than a page
	seen := map[string]int{}
	require.NoError(t, store.EachCard(t.Context(), "320100", func(card *citycard.Card) error {
		seen[card.Ref]++
		return nil
	}))
	assert.Len(t, seen, len(refs))
	for _, ref := range refs {
		assert.Equal(t, 1, seen[ref])
	}
	require.NoError(t, store.EachCard(t.Context(), "440100", func(card *citycard.Card) error { return fmt.Errorf("%s", card.Ref) }))
}
