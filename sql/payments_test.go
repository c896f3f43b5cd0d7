package sql_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql"
)

func TestPayments(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			payments(t, e)
		})
	}
}

func notice(number, digest string) citycard.Once {
	return citycard.Once{
		OnceKey: citycard.OnceKey{Scope: "platform:9021000123456789", Key: number}, Fingerprint: digest, Result: citycard.NoticeTrade, RecordedAt: now,
	}
}

// payments: the fee of a reissue is an order under the reissue's id, and of fifty equal notifications to two replicas
// one is stored.
func payments(t *testing.T, e engine) {
	store, address := migrated(t, e)
	stores := []*sql.Store{store, open(t, address)}
	ref := seed(t, store, 1)[0]
	require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: ref}, reissue(citycard.ReissueLost)))
	made, err := store.Reissues(t.Context(), ref)
	require.NoError(t, err)
	order, err := store.PaymentOrder(t.Context(), made[0].ID)
	require.NoError(t, err)
	assert.Equal(t, citycard.PaymentOrder{Number: made[0].ID, AmountFen: 2000}, order)
	_, err = store.PaymentOrder(t.Context(), ref)
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err), "no reissue")

	paid := &citycard.Payment{Order: order.Number, Trade: "2026112222001400000000000002", Status: "TRADE_SUCCESS", AmountFen: 2000}
	var first, again atomic.Int64
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			repeated, err := stores[i%2].TakeNotice(context.Background(), notice("notify-0001", "digest"), paid)
			assert.NoError(t, err)
			if repeated {
				again.Add(1)
			} else {
				first.Add(1)
			}
		})
	}
	all.Wait()
	assert.Equal(t, [2]int64{1, 49}, [2]int64{first.Load(), again.Load()})
	made, err = store.Reissues(t.Context(), ref)
	require.NoError(t, err)
	assert.Equal(t, now.UTC(), made[0].PaidAt)

	_, err = store.TakeNotice(t.Context(), notice("notify-0001", "another"), paid)
	assert.Equal(t, citycard.CodeEventIDReused, citycard.CodeOf(err))
	repeated, err := store.TakeNotice(t.Context(), notice("notify-0002", "digest"), nil)
	require.NoError(t, err)
	assert.False(t, repeated)
	repeated, err = stores[1].TakeNotice(t.Context(), notice("notify-0002", "digest"), nil)
	require.NoError(t, err)
	assert.True(t, repeated)
}
