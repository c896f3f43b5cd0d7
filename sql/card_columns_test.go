package sql_test

import (
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
