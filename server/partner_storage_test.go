package main_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/integrations/signing"
	server "citycard/server"
)

// brokenStore is a database that answers nothing, from the registry on or only behind it.
type brokenStore struct {
	citycard.Cards
	citycard.TwoCardSessions
	citycard.Attempts
	citycard.Payments

	records []citycard.PartnerRecord
}

var errDown = &citycard.Error{Code: citycard.CodeStorageUnavailable}

func (brokenStore) AddPartner(context.Context, citycard.Partner) error { return errDown }

func (brokenStore) ChangePartner(context.Context, string, func(*citycard.PartnerRecord) error) error {
	return errDown
}

func (s brokenStore) Partners(context.Context) ([]citycard.PartnerRecord, error) {
	if s.records == nil {
		return nil, errDown
	}
	return s.records, nil
}

func (brokenStore) ReserveReplay(context.Context, citycard.Replay, time.Time) error { return errDown }

func (brokenStore) Update(context.Context, citycard.Subject, func(*citycard.Change) error) error {
	return errDown
}

// knownBank is the bank as the registry has it.
func knownBank(t *testing.T) citycard.PartnerRecord {
	t.Helper()
	key := privateKey(t, "partner_rsa").Public()
	return citycard.PartnerRecord{
		Partner: citycard.Partner{
			AppID: bankApp, Kind: citycard.PartnerBank, Bank: townBank, Regions: []string{townRegion}, State: citycard.PartnerActive,
			Methods: []citycard.Method{citycard.MethodFinancialActivate},
		},
		Keys: []citycard.PartnerKey{{
			PublicKey: citycard.PublicKey{Type: citycard.KeyRSA2, PEM: string(key.PEM()), Fingerprint: key.Fingerprint()},
			AppID:     bankApp, ID: bankRSA, State: citycard.KeyActive, ApprovedAt: vectorNow(t).Add(-time.Hour),
			NotBefore: vectorNow(t).Add(-time.Hour), NotAfter: vectorNow(t).Add(time.Hour),
		}},
	}
}

func TestWithoutItsDatabaseThePlaneSaysThatTheOutcomeIsUnknown(t *testing.T) {
	t.Parallel()
	own, err := signing.GenerateKey(signing.KeyRSA2)
	require.NoError(t, err)
	card := record{"region": townRegion, "card_number": "A12345678", "account_number": "6222020000005007893"}
	for name, records := range map[string][]citycard.PartnerRecord{"no registry": nil, "no cards": {knownBank(t)}} {
		var counted []citycard.CallbackKind
		handler, err := server.PartnerListener{
			Store: brokenStore{records: records}, PlatformKey: privateKey(t, "platform_rsa").Public(), AppID: ourApp, OwnKey: own,
			Count: func(k citycard.CallbackKind) { counted = append(counted, k) },
			Clock: func() time.Time { return vectorNow(t) },
		}.Handler()
		require.NoError(t, err)
		listening := httptest.NewServer(handler)
		t.Cleanup(listening.Close)

		draft := gatewayEvent{privateKey(t, "partner_rsa"), bankRSA, "", activate, jsonOf(t, card.activation("DOWN-0001", vectorNow(t)))}.draft(t, vectorNow(t))
		answer := draft.send(t, newClient(""), listening.URL)
		assert.Equal(t, http.StatusServiceUnavailable, answer.status, name)
		inner, err := signing.OpenReply([]byte(answer.body), signing.Envelope{Method: activate, SignType: signing.KeyRSA2}, own.Public())
		require.NoError(t, err, answer.body)
		assert.Contains(t, string(inner), `"code":"20000","msg":"Service Currently Unavailable","sub_code":"isp.unknow-error"`, name)

		b := &messageBench{
			town:    &partnerTown{keys: map[string]*signing.PrivateKey{bankRSA: privateKey(t, "partner_rsa")}, cards: []record{card}},
			running: &process{service: listening.URL}, client: newClient(""), keyID: bankRSA,
		}
		requireProblem(t, name, b.send(t, b.event(t, "DOWN")), http.StatusServiceUnavailable, "storage_unavailable")
		assert.Equal(t, "isp.unknow-error", counted[0].Code, name)
		assert.Equal(t, "storage_unavailable", counted[1].Code, name)
	}
}

// TestAFloodOfForgeriesIsHeldBackByItsAddress: 1000 may fail at once, the answers beyond the first hundred are held for a
// moment, and what a partner signed gets through from the same address all the while.
func TestAFloodOfForgeriesIsHeldBackByItsAddress(t *testing.T) {
	t.Parallel()
	own, err := signing.GenerateKey(signing.KeyRSA2)
	require.NoError(t, err)
	held := map[time.Duration]int{}
	handler, err := server.PartnerListener{
		Store: brokenStore{records: []citycard.PartnerRecord{knownBank(t)}}, PlatformKey: privateKey(t, "platform_rsa").Public(),
		AppID: ourApp, OwnKey: own, Count: func(citycard.CallbackKind) {}, Clock: func() time.Time { return vectorNow(t) },
		Ticks: func() time.Time { return vectorNow(t) }, Pause: func(d time.Duration) { held[d]++ },
	}.Handler()
	require.NoError(t, err)
	good := gatewayEvent{privateKey(t, "partner_rsa"), bankRSA, "", activate, "{}"}.draft(t, vectorNow(t))
	forged := gatewayEvent{privateKey(t, "platform_rsa"), bankRSA, "", activate, "{}"}.draft(t, vectorNow(t))
	from := func(address string, d *formDraft) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(context.Background(), d.method, d.path+"?"+encode(d.query), bytes.NewReader([]byte(encode(d.body))))
		r.RemoteAddr, r.Header = address+":1", d.header
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		return recorder
	}
	refused := 0
	for i := range 1500 {
		answer := from("192.0.2.1", forged)
		switch answer.Code {
		case http.StatusTooManyRequests:
			refused++
			assert.Equal(t, "1", answer.Header().Get("Retry-After"))
			if refused%100 == 0 {
				assert.Equal(t, http.StatusOK, from("192.0.2.1", good).Code, "a partner behind the same address")
			}
		default:
			assert.Contains(t, answer.Body.String(), "isv.invalid-signature", i)
		}
	}
	assert.Positive(t, refused)
	assert.Equal(t, refused, held[200*time.Millisecond])
	assert.Equal(t, 1500-refused-100, held[20*time.Millisecond], "the first hundred are answered at once")
	assert.Len(t, held, 2)
	assert.Equal(t, http.StatusOK, from("192.0.2.2", good).Code, "others are not held back")
	for range 2000 {
		assert.Equal(t, http.StatusOK, from("192.0.2.3", forged).Code, "good ones in between make good")
		assert.Equal(t, http.StatusOK, from("192.0.2.3", good).Code)
	}
}
