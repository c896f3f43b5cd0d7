package sql_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql"
)

// partnership is what every engine must do for partners.
var partnership = []struct {
	name string
	run  func(t *testing.T, e engine)
}{
	{"partners and keys come back as they were stored, on every replica", partners},
	{"a key is registered once, whoever tries and however many at once", keysOnce},
	{"fifty duplicates over two replicas have one effect and equal answers", duplicateEvents},
	{"an event whose reply got lost is answered with the stored reply", lostReply},
	{"two cards are joined over two replicas", twoCards},
	{"a nonce or a query is let through once", replays},
	{"callbacks are counted over all replicas", callbackCounts},
	{"the daily list is read page by page", dailyList},
}

func TestPartnership(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		for _, c := range partnership {
			t.Run(e.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t, e)
			})
		}
	}
}

const bankApp, shopApp = "2026000000000001", "2026000000000002"

func partner(appID string, kind citycard.PartnerKind) citycard.Partner {
	p := citycard.Partner{
		AppID: appID, Kind: kind, Name: "示范机构", Regions: []string{"320100", "330100"}, Methods: citycard.MethodsOf(kind),
		State: citycard.PartnerActive, AddedBy: "s1", AddedAt: now.UTC(),
	}
	if kind == citycard.PartnerBank {
		p.Bank = "102"
	}
	return p
}

func partnerKey(id, fingerprint string) citycard.PartnerKey {
	return citycard.PartnerKey{
		PublicKey: citycard.PublicKey{Type: citycard.KeyRSA2, PEM: "pem of " + fingerprint, Fingerprint: fingerprint},
		ID:        id, NotBefore: now.UTC(), NotAfter: now.UTC().AddDate(1, 0, 0),
	}
}

var operator = citycard.Registrar{ID: "root", CommandLine: true}

func partners(t *testing.T, e engine) {
	store, address := migrated(t, e)
	replica := open(t, address)
	list, err := replica.Partners(t.Context())
	require.NoError(t, err)
	assert.Empty(t, list)
	bank, shop := partner(bankApp, citycard.PartnerBank), partner(shopApp, citycard.PartnerPharmacy)
	require.NoError(t, store.AddPartner(t.Context(), shop))
	require.NoError(t, store.AddPartner(t.Context(), bank))
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(store.AddPartner(t.Context(), bank)))
	var keys []citycard.PartnerKey
	require.NoError(t, store.ChangePartner(t.Context(), bankApp, func(r *citycard.PartnerRecord) error {
		if err := r.AddKey(partnerKey("rsa2-a", "aaaa"), operator, now.UTC()); err != nil {
			return err
		}
		if err := r.AddKey(partnerKey("rsa2-b", "bbbb"), citycard.Registrar{ID: "s1"}, now.UTC()); err != nil {
			return err
		}
		keys = r.Keys
		return r.ApproveKey("rsa2-b", citycard.Registrar{ID: "s2"}, now.UTC())
	}))
	refusal := &citycard.Error{Code: citycard.CodeSecondPersonRequired}
	require.ErrorIs(t, store.ChangePartner(t.Context(), bankApp, func(r *citycard.PartnerRecord) error {
		r.State, r.Keys = citycard.PartnerSuspended, nil
		return refusal
	}), refusal)
	list, err = replica.Partners(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []citycard.PartnerRecord{{Partner: bank, Keys: keys}, {Partner: shop}}, list)
	require.NoError(t, store.ChangePartner(t.Context(), bankApp, func(r *citycard.PartnerRecord) error {
		r.State = citycard.PartnerSuspended
		return r.RevokeKey("rsa2-a", operator, now.UTC())
	}))
	list, err = replica.Partners(t.Context())
	require.NoError(t, err)
	assert.Equal(t, citycard.PartnerSuspended, list[0].State)
	assert.Equal(t, citycard.KeyRevoked, list[0].Keys[0].State)
	assert.Equal(t, citycard.KeyActive, list[0].Keys[1].State)
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(store.ChangePartner(t.Context(), "2026000000000009", func(*citycard.PartnerRecord) error { return nil })))
}

func keysOnce(t *testing.T, e engine) {
	first, address := migrated(t, e)
	stores := []*sql.Store{first, open(t, address)}
	require.NoError(t, first.AddPartner(t.Context(), partner(bankApp, citycard.PartnerBank)))
	require.NoError(t, first.AddPartner(t.Context(), partner(shopApp, citycard.PartnerPharmacy)))
	add := func(store *sql.Store, app string, key citycard.PartnerKey) error {
		return store.ChangePartner(t.Context(), app, func(r *citycard.PartnerRecord) error {
			return r.AddKey(key, operator, now.UTC())
		})
	}
	var added atomic.Int64
	for i, err := range together(20, func(i int) error {
		err := add(stores[i%2], []string{bankApp, shopApp}[i/2%2], partnerKey(fmt.Sprint("key-", i), "the same"))
		if err == nil {
			added.Add(1)
		}
		return err
	}) {
		if err != nil {
			assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err), "key %d: %v", i, err)
		}
	}
	assert.Equal(t, int64(1), added.Load(), "one key under one app")
	require.NoError(t, add(first, bankApp, partnerKey("mine", "m1")))
	err := add(first, shopApp, partnerKey("mine", "m2"))
	require.ErrorContains(t, err, "id is registered already")
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err))
	added.Store(0)
	sm2 := func(i int) citycard.PartnerKey {
		key := partnerKey(fmt.Sprint("sm2-", i), fmt.Sprint("sm2-", i))
		key.Type = citycard.KeySM2
		return key
	}
	for _, err := range together(10, func(i int) error {
		err := add(stores[i%2], bankApp, sm2(i))
		if err == nil {
			added.Add(1)
		}
		return err
	}) {
		if err != nil {
			assert.Equal(t, citycard.CodeInvalidTransition, citycard.CodeOf(err))
		}
	}
	assert.Equal(t, int64(2), added.Load(), "two keys of one type in use")
}

// desk is a partner desk on a store.
func desk(t *testing.T, store *sql.Store, at time.Time) *citycard.PartnerDesk {
	t.Helper()
	file, err := os.Open("../static/policy.json")
	require.NoError(t, err)
	defer file.Close()
	policies, err := citycard.ParsePolicies(file)
	require.NoError(t, err)
	return &citycard.PartnerDesk{
		Cards: store, Sessions: store, Policies: policies, Clock: func() time.Time { return at },
		Decode: func(data []byte, into any) error {
			reader := json.NewDecoder(bytes.NewReader(data))
			reader.DisallowUnknownFields()
			return reader.Decode(into)
		},
	}
}

func event(p citycard.Partner, method citycard.Method, number, more string) citycard.PartnerRequest {
	content := `{"out_request_no":"` + number + `","occurred_at":"2026-11-22T09:29:58+08:00","region":"320100","card_number":"A00000000"` + more + `}`
	return citycard.PartnerRequest{Partner: p, Profile: citycard.ProfileGateway, Method: method, Content: []byte(content)}
}

func visit(number string) citycard.PartnerRequest {
	return event(partner(shopApp, citycard.PartnerHospital), citycard.MethodSocialActivate, number, `,"event":"payment","institution_code":"H001"`)
}

func duplicateEvents(t *testing.T, e engine) {
	first, address := migrated(t, e)
	ref := seed(t, first, 1)[0]
	desks := []*citycard.PartnerDesk{desk(t, first, now), desk(t, open(t, address), now.Add(time.Second))}
	replies := make([]citycard.PartnerReply, 50)
	var effects atomic.Int64
	for _, err := range together(50, func(i int) error {
		reply, err := desks[i%2].Report(t.Context(), visit("HOSPITAL-0001"))
		if !reply.Repeated {
			effects.Add(1)
		}
		reply.Repeated = false
		replies[i] = reply
		return err
	}) {
		require.NoError(t, err)
	}
	assert.Equal(t, int64(1), effects.Load())
	for _, reply := range replies {
		assert.Equal(t, replies[0], reply)
	}
	assert.True(t, replies[0].Changed)
	list := history(t, first, ref)
	requireAll(t, list, 1)
	assert.Equal(t, citycard.ReasonActHospitalPayment, list[0].Cause.Reason)
	other := visit("HOSPITAL-0001")
	other.Content = bytes.Replace(other.Content, []byte("payment"), []byte("registration"), 1)
	_, err := desks[1].Report(t.Context(), other)
	assert.Equal(t, citycard.CodeEventIDReused, citycard.CodeOf(err))
	another := visit("HOSPITAL-0001")
	another.Partner = partner(bankApp, citycard.PartnerHospital)
	reply, err := desks[1].Report(t.Context(), another)
	require.NoError(t, err, "numbers are each app's own")
	assert.False(t, reply.Repeated)
	assert.False(t, reply.Changed)
}

func lostReply(t *testing.T, e engine) {
	address := e.fresh(t)
	first, err := sql.Open(t.Context(), address, options())
	require.NoError(t, err)
	require.NoError(t, first.Migrate(t.Context()))
	ref := seed(t, first, 1)[0]
	told, err := desk(t, first, now).Report(t.Context(), visit("HOSPITAL-0001"))
	require.NoError(t, err)
	require.NoError(t, first.Close(), "the process ends before it answers")
	second := open(t, address)
	again, err := desk(t, second, now.Add(time.Hour)).Report(t.Context(), visit("HOSPITAL-0001"))
	require.NoError(t, err)
	assert.True(t, again.Repeated)
	again.Repeated = false
	assert.Equal(t, told, again)
	requireAll(t, history(t, second, ref), 1)
}

func twoCards(t *testing.T, e engine) {
	first, address := migrated(t, e)
	second := open(t, address)
	ref := seed(t, first, 1)[0]
	shop := partner(shopApp, citycard.PartnerPharmacy)
	insert := func(store *sql.Store, method citycard.Method, number, terminal string) (citycard.PartnerReply, error) {
		return desk(t, store, now).Report(t.Context(), event(shop, method, number, `,"terminal_id":"`+terminal+`","institution_code":"P001"`))
	}
	_, err := insert(second, citycard.MethodNewInsert, "PHARMACY-0001", "T1")
	assert.Equal(t, citycard.CodeTwoCardOrder, citycard.CodeOf(err))
	reply, err := insert(first, citycard.MethodOriginalInsert, "PHARMACY-0002", "T1")
	require.NoError(t, err)
	assert.Contains(t, reply.Hint.EN, "new card")
	again, err := insert(second, citycard.MethodOriginalInsert, "PHARMACY-0002", "T1")
	require.NoError(t, err)
	assert.True(t, again.Repeated)
	assert.Equal(t, reply.Hint, again.Hint)
	_, err = insert(second, citycard.MethodNewInsert, "PHARMACY-0003", "T2")
	assert.Equal(t, citycard.CodeTwoCardOrder, citycard.CodeOf(err))
	reply, err = insert(second, citycard.MethodNewInsert, "PHARMACY-0001", "T1")
	require.NoError(t, err)
	assert.True(t, reply.Changed)
	list := history(t, first, ref)
	requireAll(t, list, 1)
	assert.Equal(t, citycard.ReasonActPharmacyTwoCard, list[0].Cause.Reason)

	at := citycard.Terminal{AppID: shopApp, InstitutionCode: "P001", TerminalID: "T1"}
	older := citycard.TwoCards{Terminal: at, PersonID: "p", EventID: "older", Occurred: now.Add(-time.Hour).UTC()}
	newer := citycard.TwoCards{Terminal: at, PersonID: "p", EventID: "newer", Occurred: now.Add(time.Hour).UTC()}
	require.NoError(t, first.OpenTwoCards(t.Context(), older, now))
	kept, err := second.TwoCards(t.Context(), at)
	require.NoError(t, err)
	assert.Equal(t, "PHARMACY-0002", kept.EventID, "an older one does not push out a newer one")
	require.NoError(t, first.OpenTwoCards(t.Context(), newer, now))
	kept, err = second.TwoCards(t.Context(), at)
	require.NoError(t, err)
	assert.Equal(t, newer, kept)
	elsewhere := older
	elsewhere.TerminalID = "T9"
	require.NoError(t, first.OpenTwoCards(t.Context(), elsewhere, now.Add(25*time.Hour)))
	kept, err = second.TwoCards(t.Context(), at)
	require.NoError(t, err)
	assert.Zero(t, kept, "yesterday's are forgotten")
}

func replays(t *testing.T, e engine) {
	first, address := migrated(t, e)
	stores := []*sql.Store{first, open(t, address)}
	reserve := func(store *sql.Store, r citycard.Replay, at time.Time) citycard.Code {
		return citycard.CodeOf(store.ReserveReplay(t.Context(), r, at))
	}
	var through atomic.Int64
	for i, err := range together(30, func(i int) error {
		err := stores[i%2].ReserveReplay(t.Context(), citycard.Replay{AppID: bankApp, Nonce: "n-1", Digest: "d-1"}, now)
		if err == nil {
			through.Add(1)
		}
		return err
	}) {
		if err != nil {
			assert.Equal(t, citycard.CodeNonceReused, citycard.CodeOf(err), "caller %d: %v", i, err)
		}
	}
	assert.Equal(t, int64(1), through.Load())
	assert.Equal(t, citycard.CodeNonceReused, reserve(first, citycard.Replay{AppID: bankApp, Nonce: "n-2", Digest: "d-1"}, now))
	assert.Empty(t, reserve(first, citycard.Replay{AppID: bankApp, Nonce: "n-2"}, now), "the refused one reserved nothing")
	assert.Empty(t, reserve(first, citycard.Replay{AppID: shopApp, Nonce: "n-1"}, now), "nonces are each app's own")
	assert.Empty(t, reserve(first, citycard.Replay{AppID: bankApp, Digest: "n-1"}, now), "a digest is no nonce")
	almost := now.Add(citycard.ReplayMemory - time.Millisecond)
	assert.Equal(t, citycard.CodeNonceReused, reserve(stores[1], citycard.Replay{AppID: bankApp, Nonce: "n-1"}, almost))
	assert.Empty(t, reserve(stores[1], citycard.Replay{AppID: bankApp, Nonce: "n-1"}, now.Add(citycard.ReplayMemory)))
	var kept int
	require.NoError(t, connect(t, address).GetContext(t.Context(), &kept, "SELECT count(*) FROM replay"))
	assert.Equal(t, 1, kept, "what is over is forgotten")
}

func callbackCounts(t *testing.T, e engine) {
	first, address := migrated(t, e)
	stores := []*sql.Store{first, open(t, address)}
	today := citycard.DateOf(now)
	kinds := []citycard.CallbackKind{
		{Day: today, Profile: citycard.ProfileGateway, Outcome: citycard.CallbackRefused, Code: "isv.invalid-app-id"},
		{AppID: bankApp, Day: today, Profile: citycard.ProfileGateway, Outcome: citycard.CallbackAccepted},
		{AppID: bankApp, Day: today, Profile: citycard.ProfileMessage, Outcome: citycard.CallbackStale},
	}
	for _, err := range together(20, func(i int) error {
		var counts []citycard.CallbackCount
		for j := range kinds {
			counts = append(counts, citycard.CallbackCount{CallbackKind: kinds[(i+j)%len(kinds)], Count: 2})
		}
		return stores[i%2].AddCallbackCounts(t.Context(), counts)
	}) {
		require.NoError(t, err)
	}
	list, err := first.CallbackCounts(t.Context(), today, today)
	require.NoError(t, err)
	require.Len(t, list, 3)
	for i, count := range list {
		assert.Equal(t, citycard.CallbackCount{CallbackKind: kinds[i], Count: 40}, count)
	}
	list, err = first.CallbackCounts(t.Context(), today.AddDays(1), today.AddDays(2))
	require.NoError(t, err)
	assert.Empty(t, list)
}

func dailyList(t *testing.T, e engine) {
	store, address := migrated(t, e)
	seed(t, store, 1)
	today := desk(t, store, now)
	for i := range 5 {
		_, err := today.Report(t.Context(), visit(fmt.Sprintf("HOSPITAL-%04d", i)))
		require.NoError(t, err)
	}
	_, err := desk(t, store, now.AddDate(0, 0, 1)).Report(t.Context(), visit("HOSPITAL-9999"))
	require.NoError(t, err)
	_, _, err = store.OpenActivation(t.Context(), waiting("act", "c"), &citycard.Once{
		OnceKey: citycard.OnceKey{Scope: "citizen:c", Key: "HOSPITAL-7777"}, RecordedAt: now, Result: "act",
	})
	require.NoError(t, err)
	date := citycard.DateOf(now)
	page := citycard.OncePage{Scope: "partner:" + shopApp, From: date.Start(), To: date.End(), Limit: 2}
	var read []string
	for {
		records, err := store.PartnerRecords(t.Context(), page)
		require.NoError(t, err)
		for _, once := range records {
			read = append(read, once.Key)
		}
		if len(records) < page.Limit {
			break
		}
		page.After = &records[len(records)-1]
	}
	assert.Equal(t, []string{"HOSPITAL-0000", "HOSPITAL-0001", "HOSPITAL-0002", "HOSPITAL-0003", "HOSPITAL-0004"}, read)
	var list bytes.Buffer
	require.NoError(t, (&citycard.Reconciliation{Records: store}).WriteList(t.Context(), &list, shopApp, date))
	assert.Equal(t, 6, strings.Count(list.String(), "\n"))
	assert.Contains(t, list.String(), "HOSPITAL-0000,citycard.social.activate,APPLIED,true,320100,A00****00,")
	if file, isFile := strings.CutPrefix(address, "sqlite:"); isFile {
		var plan []struct {
			ID, Parent, NotUsed int
			Detail              string
		}
		require.NotEmpty(t, file)
		require.NoError(t, connect(t, address).SelectContext(t.Context(), &plan,
			"EXPLAIN QUERY PLAN SELECT request FROM idempotency WHERE request LIKE 'x/%' AND request LIKE 'partner:%' AND (recorded_at, request) > (1, '') AND recorded_at < 2 ORDER BY recorded_at, request"))
		require.NotEmpty(t, plan)
		assert.Contains(t, plan[0].Detail, "idempotency_partner")
	}
}
