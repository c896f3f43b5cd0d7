package citycard_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// till has one order, and remembers what was taken.
type till struct {
	findErr, takeErr error
	taken            []*citycard.Payment
	once             []citycard.Once
}

func (s *till) PaymentOrder(_ context.Context, number string) (citycard.PaymentOrder, error) {
	if number != "FEE20261122000002" && s.findErr == nil {
		return citycard.PaymentOrder{}, &citycard.Error{Code: citycard.CodeNotFound}
	}
	return citycard.PaymentOrder{Number: number, AmountFen: 2000}, s.findErr
}

func (s *till) TakeNotice(_ context.Context, once citycard.Once, p *citycard.Payment) (bool, error) {
	s.taken, s.once = append(s.taken, p), append(s.once, once)
	return len(s.taken) > 1, s.takeErr
}

const seller = "2088000000000001"

func takeNotice(t *testing.T, s *till, sellerID, kind string, changes ...string) (repeated bool, err error) {
	t.Helper()
	values := map[string]string{
		"app_id": "9021000123456789", "seller_id": seller, "out_trade_no": "FEE20261122000002", "total_amount": "20.00",
		"trade_no": "2026112222001400000000000002", "trade_status": "TRADE_SUCCESS",
	}
	for i := 1; i < len(changes); i += 2 {
		values[changes[i-1]] = changes[i]
	}
	desk := &citycard.PlatformDesk{
		Payments: s, AppID: "9021000123456789", SellerID: sellerID, Clock: func() time.Time { return noon(day(t, "2026-11-22")) },
	}
	return desk.Take(t.Context(), citycard.PlatformNotice{
		ID: "notify-0001", Type: kind, AppID: values["app_id"], Digest: "digest", Value: func(name string) string { return values[name] },
	})
}

func TestAPaymentOfOurOrderIsTakenUnderItsNotifyID(t *testing.T) {
	t.Parallel()
	s := &till{}
	repeated, err := takeNotice(t, s, seller, citycard.NoticeTrade)
	require.NoError(t, err)
	assert.False(t, repeated)
	assert.Equal(t, []*citycard.Payment{{
		Order: "FEE20261122000002", Trade: "2026112222001400000000000002", Status: "TRADE_SUCCESS", AmountFen: 2000,
	}}, s.taken)
	assert.Equal(t, []citycard.Once{{
		OnceKey:     citycard.OnceKey{Scope: "platform:9021000123456789", Key: "notify-0001"},
		Fingerprint: "digest", Result: citycard.NoticeTrade, RecordedAt: noon(day(t, "2026-11-22")),
	}}, s.once)
	repeated, err = takeNotice(t, s, seller, citycard.NoticeTrade)
	require.NoError(t, err)
	assert.True(t, repeated)
}

func TestAnAuthorisationIsAboutNoOrder(t *testing.T) {
	t.Parallel()
	s := &till{}
	_, err := takeNotice(t, s, "", "open_app_auth_notify", "out_trade_no", "", "seller_id", "", "total_amount", "")
	require.NoError(t, err)
	assert.Equal(t, []*citycard.Payment{nil}, s.taken)
	assert.Equal(t, "notify-0001", s.once[0].Key)
	_, err = takeNotice(t, s, seller, "open_app_auth_notify", "app_id", "2026000000000002")
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err))
	assert.Len(t, s.taken, 1)
}

func TestAPaymentThatDoesNotAgreeIsNotTaken(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		seller        string
		changed, text string
		code          citycard.Code
	}{
		"another application":         {seller, "app_id", "2026000000000002", "invalid_payload"},
		"another seller":              {seller, "seller_id", "2088000000000002", "invalid_payload"},
		"no seller":                   {seller, "seller_id", "", "invalid_payload"},
		"no seller, and none of ours": {"", "seller_id", "", "invalid_payload"},
		"an unknown order":            {seller, "out_trade_no", "FEE20261122000003", "not_found"},
		"no order":                    {seller, "out_trade_no", "", "not_found"},
		"one fen less":                {seller, "total_amount", "19.99", "invalid_payload"},
		"an amount without fen":       {seller, "total_amount", "20", "invalid_payload"},
		"an amount with a tail":       {seller, "total_amount", "20.000", "invalid_payload"},
		"a negative amount":           {seller, "total_amount", "-20.00", "invalid_payload"},
		"an amount with a zero more":  {seller, "total_amount", "020.00", "invalid_payload"},
		"a status that is none":       {seller, "trade_status", "TRADE_WON", "invalid_payload"},
		"no number of the trade":      {seller, "trade_no", "", "invalid_payload"},
	} {
		s := &till{}
		_, err := takeNotice(t, s, one.seller, citycard.NoticeTrade, one.changed, one.text)
		assert.Equal(t, one.code, citycard.CodeOf(err), name)
		assert.Empty(t, s.taken, name)
	}
	down := &citycard.Error{Code: citycard.CodeStorageUnavailable}
	for _, s := range []*till{{findErr: down}, {takeErr: down}} {
		_, err := takeNotice(t, s, seller, citycard.NoticeTrade)
		assert.Equal(t, citycard.CodeStorageUnavailable, citycard.CodeOf(err))
	}
}
