package sql_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

func TestStatistics(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			store, _ := migrated(t, e)
			refs := seed(t, store, 6)
			today := citycard.DateOf(now)
			policy := citycard.Policy{FinancialActivation: citycard.OnlineFull, SocialOnlineAllowed: true}
			for i, ref := range refs[:4] {
				by := cause("e")
				by.Channel, by.Actor = citycard.ChannelH5, citycard.Actor{Kind: citycard.ActorCitizen, ID: "citizen-" + ref}
				if i == 3 {
					by.Channel, by.Actor = citycard.ChannelCallback, citycard.Actor{Kind: citycard.ActorHospital, ID: "2026000000000009"}
				}
				require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: ref}, func(ch *citycard.Change) error {
					if i < 2 {
						ch.Activation = finished(newID(), ref)
					}
					if i == 3 {
						_, err := ch.Card.ActivateSocial(policy, by, now)
						return err
					}
					_, err := ch.Card.ActivateOnline(citycard.Policy{FinancialActivation: citycard.OnlineFull}, citycard.Proof{}, by, now)
					return err
				}))
			}
			require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: refs[0]}, toggle("freeze")))
			require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: refs[0]}, toggle("release")))

			counts, err := store.CountDay(t.Context(), today.Start(), today.End())
			require.NoError(t, err)
			assert.Equal(t, []citycard.EnabledCount{
				{Machine: citycard.MachineFinancial, State: "active", Channel: citycard.ChannelH5, Count: 3},
				{Machine: citycard.MachineSocial, State: "active", Channel: citycard.ChannelCallback, Partner: "2026000000000009", Count: 1},
			}, counts.Enabled, "citizens are no partners, and a hold that ends enables nothing")
			require.Len(t, counts.Requests, 1)
			assert.Equal(t, int64(2), counts.Requests[0].Count)
			other, err := store.CountDay(t.Context(), today.End(), today.End().Add(time.Hour))
			require.NoError(t, err)
			assert.Empty(t, other.Enabled)
			assert.Empty(t, other.Requests)

			counts.Day = today
			require.NoError(t, store.KeepDay(t.Context(), counts, now))
			kept, err := store.KeptDays(t.Context(), today.AddDays(-3), today)
			require.NoError(t, err)
			assert.Equal(t, []citycard.DayCounts{counts}, kept)

			received := today.AddDays(-10)
			groups, err := store.CountReceived(t.Context(), received, []citycard.FinancialState{citycard.FinancialInactive})
			require.NoError(t, err)
			assert.Equal(t, []citycard.ReceivedGroup{
				{Region: "320100", Social: citycard.SocialActive, Financial: citycard.FinancialInactive, Cards: 1},
				{Region: "320100", Social: citycard.SocialSealed, Financial: citycard.FinancialInactive, Cards: 2},
			}, groups)
			for _, at := range []time.Time{now, now.Add(time.Minute)} {
				require.NoError(t, store.KeepReceived(t.Context(), citycard.ReceivedCounts{Day: received, Groups: groups, CountedAt: at}))
			}
			found, err := store.KeptReceived(t.Context(), received, today)
			require.NoError(t, err)
			assert.Equal(t, []citycard.ReceivedCounts{{Day: received, Groups: groups, CountedAt: now.Add(time.Minute).UTC()}}, found)
		})
	}
}
