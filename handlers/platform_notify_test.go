package handlers_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"

	"citycard"
	"citycard/handlers"
)

// till stands in for our payment orders.
type till struct {
	findErr, takeErr error
	taken            []handlers.Payment
	once             []citycard.Once
}

func (s *till) PaymentOrder(_ context.Context, number string) (handlers.PaymentOrder, error) {
	if number != "FEE20261122000002" && s.findErr == nil {
		return handlers.PaymentOrder{}, &citycard.Error{Code: citycard.CodeNotFound}
	}
	return handlers.PaymentOrder{Number: number, SellerID: "2088000000000001", AmountFen: 2000}, s.findErr
}

func (s *till) TakePayment(_ context.Context, p handlers.Payment, once citycard.Once) error {
	s.taken, s.once = append(s.taken, p), append(s.once, once)
	return s.takeErr
}

func notify(t *testing.T, s *till, values map[string]string, proveErr, refused error) (*httptest.ResponseRecorder, citycard.CallbackKind) {
	t.Helper()
	var counted citycard.CallbackKind
	h := handlers.PlatformNotify{
		Prove: func(*http.Request, []byte) (handlers.Notice, error) {
			return handlers.Notice{
				ID: "notify-0001", Type: "trade_status_sync", AppID: values["app_id"], Digest: "digest",
				Value: func(name string) string { return values[name] },
			}, proveErr
		},
		Flood: &partnerWorld{refused: refused}, AppID: "9021000123456789", Orders: s,
		Count: func(k citycard.CallbackKind) { counted = k },
		Clock: func() time.Time { return now },
	}
	e := echo.New()
	e.POST("/callbacks/alipay", h.Receive)
	recorder := httptest.NewRecorder()
	e.ServeHTTP(recorder, newRequest(http.MethodPost, "/callbacks/alipay", "any"))
	return recorder, counted
}

func payment(changes ...string) map[string]string {
	values := map[string]string{
		"app_id": "9021000123456789", "seller_id": "2088000000000001", "out_trade_no": "FEE20261122000002",
		"total_amount": "20.00", "trade_no": "2026112222001400000000000002", "trade_status": "TRADE_SUCCESS",
	}
	for i := 1; i < len(changes); i += 2 {
		values[changes[i-1]] = changes[i]
	}
	return values
}

func TestAPaymentOfOurOrderIsTakenUnderItsNotifyID(t *testing.T) {
	t.Parallel()
	s := &till{}
	got, counted := notify(t, s, payment(), nil, nil)
	assert.Equal(t, http.StatusOK, got.Code)
	assert.Equal(t, "success", got.Body.String())
	assert.Equal(t, []handlers.Payment{{Order: "FEE20261122000002", Trade: "2026112222001400000000000002", Status: "TRADE_SUCCESS"}}, s.taken)
	assert.Equal(t, []citycard.Once{{
		OnceKey:     citycard.OnceKey{Scope: "platform:9021000123456789", Key: "notify-0001"},
		Fingerprint: "digest", Result: "TRADE_SUCCESS", RecordedAt: now,
	}}, s.once)
	assert.Equal(t, citycard.CallbackKind{Profile: citycard.ProfileNotify, Outcome: citycard.CallbackAccepted}, counted)
}

func TestEverythingElseOfThePlatformIsAFailure(t *testing.T) {
	t.Parallel()
	storage := &citycard.Error{Code: citycard.CodeStorageUnavailable}
	for name, one := range map[string]struct {
		till              till
		values            map[string]string
		proveErr, refused error
		status            int
		code              string
	}{
		"another application":        {values: payment("app_id", "2026000000000002"), status: 400, code: "invalid_payload"},
		"another seller":             {values: payment("seller_id", "2088000000000002"), status: 400, code: "invalid_payload"},
		"no seller":                  {values: payment("seller_id", ""), status: 400, code: "invalid_payload"},
		"an unknown order":           {values: payment("out_trade_no", "FEE20261122000003"), status: 400, code: "not_found"},
		"no order":                   {values: payment("out_trade_no", ""), status: 400, code: "not_found"},
		"one fen less":               {values: payment("total_amount", "19.99"), status: 400, code: "invalid_payload"},
		"an amount without fen":      {values: payment("total_amount", "20"), status: 400, code: "invalid_payload"},
		"an amount with a tail":      {values: payment("total_amount", "20.000"), status: 400, code: "invalid_payload"},
		"a negative amount":          {values: payment("total_amount", "-20.00"), status: 400, code: "invalid_payload"},
		"an amount with a zero more": {values: payment("total_amount", "020.00"), status: 400, code: "invalid_payload"},
		"another one of that number": {values: payment(), till: till{takeErr: &citycard.Error{Code: citycard.CodeEventIDReused}}, status: 400, code: "event_id_reused"},
		"storage down":               {values: payment(), till: till{takeErr: storage}, status: 503, code: "storage_unavailable"},
		"orders out of reach":        {values: payment(), till: till{findErr: storage}, status: 503, code: "storage_unavailable"},
		"a forgery":                  {values: payment(), proveErr: &handlers.Unproven{Status: 400, Code: "isv.invalid-signature"}, status: 400, code: "isv.invalid-signature"},
		"a flood":                    {values: payment(), proveErr: &handlers.Unproven{Status: 400, Code: "isv.invalid-signature"}, refused: &citycard.Error{Code: citycard.CodeRateLimited}, status: 503, code: "rate_limited"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, counted := notify(t, &one.till, one.values, one.proveErr, one.refused)
			assert.Equal(t, one.status, got.Code)
			assert.Equal(t, "failure", got.Body.String())
			assert.Equal(t, citycard.CallbackKind{Profile: citycard.ProfileNotify, Outcome: citycard.CallbackRefused, Code: one.code}, counted)
			if one.till.takeErr == nil {
				assert.Empty(t, one.till.taken)
			}
		})
	}
}
