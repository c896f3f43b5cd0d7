package sql_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

func accountTold(t *testing.T, e engine) {
	store, address := migrated(t, e)
	ref := seed(t, store, 2)[1]
	require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: ref}, func(ch *citycard.Change) error {
		_, err := ch.Card.ActivateByBank(citycard.Policy{}, citycard.BankReport{Bank: "102", Last4: "4321"}, cause("e1"), now)
		return err
	}))
	found, err := open(t, address).Holding(t.Context(), citycard.Subject{Ref: ref})
	require.NoError(t, err)
	assert.Equal(t, citycard.Account{Last4: "4321"}, found.Card.Account)
	assert.Equal(t, citycard.FinancialActive, found.Card.Financial)
}

func unlocksCounted(t *testing.T, e engine) {
	store, address := migrated(t, e)
	ref := seed(t, store, 2)[1]
	for i, step := range []citycard.Step{citycard.StepSet, citycard.StepLock, citycard.StepUnlock} {
		require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: ref}, func(ch *citycard.Change) error {
			at := now.Add(time.Duration(i) * time.Minute)
			by := cause("e1")
			by.Occurred = at
			_, err := ch.Card.ReportPassword(citycard.Policy{PasswordRetry: 3}, step, by, at)
			return err
		}))
	}
	found, err := open(t, address).Holding(t.Context(), citycard.Subject{Ref: ref})
	require.NoError(t, err)
	assert.Equal(t, 1, found.Card.PasswordUnlocks)
}

// receiptKept lets cards be collected while something else happens to them in the same rounds.
func receiptKept(t *testing.T, e engine) {
	store, address := migrated(t, e)
	rows := make([]citycard.CardRow, 40)
	for i := range rows {
		rows[i] = cardRow(i)
		rows[i].Card.Fulfilment, rows[i].Card.ReceivedOn = citycard.FulfilmentReadyForPickup, citycard.Date{}
	}
	_, err := store.ImportCards(t.Context(), citycard.ImportBatch{File: "seed", Rows: rows})
	require.NoError(t, err)
	day := citycard.DateOf(now).AddDays(-1)
	var all sync.WaitGroup
	for _, row := range rows {
		subject := citycard.Subject{Number: row.Number}
		all.Go(func() {
			assert.NoError(t, store.Update(context.Background(), subject, func(ch *citycard.Change) error {
				_, err := ch.Cards[0].Collect(day, cause("e1"), now)
				return err
			}))
		})
		all.Go(func() {
			assert.NoError(t, store.Update(context.Background(), subject, func(ch *citycard.Change) error {
				_, err := ch.Cards[0].ReportPassword(citycard.Policy{PasswordRetry: 3}, citycard.StepSet, cause("e2"), now)
				return err
			}))
		})
	}
	all.Wait()
	replica := open(t, address)
	for _, row := range rows {
		found, err := replica.Holding(t.Context(), citycard.Subject{Number: row.Number})
		require.NoError(t, err)
		assert.Equal(t, day, found.Cards[0].ReceivedOn)
		assert.Equal(t, citycard.FulfilmentCollected, found.Cards[0].Fulfilment)
	}
}
