package sql_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql"
)

func TestWorkLists(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			store, _ := migrated(t, e)
			refs := seed(t, store, 5)
			today := citycard.DateOf(now)
			require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: refs[1]}, func(ch *citycard.Change) error {
				_, err := ch.Card.ActivateOnline(citycard.Policy{FinancialActivation: citycard.OnlineFull}, citycard.Proof{}, cause("e"), now)
				return err
			}))
			query := citycard.ReceivedQuery{Day: today.AddDays(-10), States: []citycard.FinancialState{citycard.FinancialInactive}, Limit: 3}
			var seen []string
			for range 2 {
				held, err := store.CardsReceived(t.Context(), query)
				require.NoError(t, err)
				for _, h := range held {
					seen = append(seen, h.Card.Ref)
					assert.True(t, h.Person.Known())
					query.After = h.Card.Ref
				}
			}
			assert.Equal(t, []string{refs[0], refs[2], refs[3], refs[4]}, seen)

			limit := citycard.AttemptLimit{Kind: citycard.AttemptByNumber, Subject: "hash", Max: 10, WindowStart: today.Start(), WindowEnd: today.End()}
			other := limit
			other.Subject = "once"
			for range 3 {
				require.NoError(t, store.ReserveAttempt(t.Context(), []citycard.AttemptLimit{limit}, now))
			}
			require.NoError(t, store.ReserveAttempt(t.Context(), []citycard.AttemptLimit{other}, now))
			least := map[citycard.AttemptKind]int{citycard.AttemptByNumber: 2, citycard.AttemptByCitizen: 1}
			used, err := store.AttemptsUsed(t.Context(), least, now, 10)
			require.NoError(t, err)
			assert.Equal(t, []citycard.AttemptUse{{Kind: citycard.AttemptByNumber, Subject: "hash", Used: 3, WindowEnd: today.End().UTC()}}, used)
			used, err = store.AttemptsUsed(t.Context(), least, today.End(), 10)
			require.NoError(t, err)
			assert.Empty(t, used, "the window has ended")

			result := citycard.ReconciliationResult{AppID: "2026000000000001", Day: today, Same: 5, OnlyOurs: 1, ComparedAt: now.UTC()}
			require.NoError(t, store.KeepReconciliation(t.Context(), citycard.Comparison{ReconciliationResult: result}, nil))
			found, err := store.ReconciliationDifferences(t.Context(), today.AddDays(-7))
			require.NoError(t, err)
			assert.Equal(t, []citycard.ReconciliationResult{result}, found)
			result.OnlyOurs, result.ComparedAt = 0, now.Add(time.Hour)
			require.NoError(t, store.KeepReconciliation(t.Context(), citycard.Comparison{ReconciliationResult: result}, nil))
			found, err = store.ReconciliationDifferences(t.Context(), today.AddDays(-7))
			require.NoError(t, err)
			assert.Empty(t, found, "a later comparison shows none")

			keepLines(t, store, today)

			open, err := store.CountCorrections(t.Context())
			require.NoError(t, err)
			assert.Zero(t, open)
		})
	}
}

// keepLines holds that a comparison takes the place of an earlier one whole, and that who made it is on record with it.
func keepLines(t *testing.T, store *sql.Store, on citycard.Date) {
	t.Helper()
	const app = "2026000000000001"
	by := citycard.StaffAction{ID: "a-1", StaffID: "s-1", Role: citycard.RoleOperator, Action: "reconciliation_compare", Object: app, Reason: on.String(), At: now}
	first := citycard.Comparison{
		ReconciliationResult: citycard.ReconciliationResult{AppID: app, Day: on, Same: 1, OnlyOurs: 2, OnlyTheirs: 3, Differs: 4, ComparedAt: now.UTC()},
		Lines:                map[citycard.DifferenceKind][]byte{citycard.DifferenceOurs: {0, 1, 255}, citycard.DifferenceTheirs: {2}},
	}
	require.NoError(t, store.KeepReconciliation(t.Context(), first, &by))
	found, err := store.FindReconciliation(t.Context(), app, on)
	require.NoError(t, err)
	assert.Equal(t, first.ReconciliationResult, found)
	lines, err := store.ReconciliationLines(t.Context(), app, on, citycard.DifferenceOurs)
	require.NoError(t, err)
	assert.Equal(t, []byte{0, 1, 255}, lines)
	recorded, err := store.FindActions(t.Context(), citycard.ActionQuery{Action: "reconciliation_compare", Limit: 5})
	require.NoError(t, err)
	require.Len(t, recorded, 1)
	assert.Equal(t, on.String(), recorded[0].Reason)

	second := citycard.Comparison{
		ReconciliationResult: first.ReconciliationResult, Lines: map[citycard.DifferenceKind][]byte{citycard.DifferenceTold: {7}},
	}
	require.NoError(t, store.KeepReconciliation(t.Context(), second, nil))
	for kind, want := range map[citycard.DifferenceKind][]byte{citycard.DifferenceOurs: nil, citycard.DifferenceTheirs: nil, citycard.DifferenceTold: {7}} {
		lines, err := store.ReconciliationLines(t.Context(), app, on, kind)
		require.NoError(t, err)
		assert.Equal(t, want, lines, kind)
	}
	_, err = store.FindReconciliation(t.Context(), app, on.AddDays(-1))
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
}
