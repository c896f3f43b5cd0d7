package main_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"citycard"
	"citycard/integrations/signing"
	server "citycard/server"
)

const ourApp = "9021000123456789"

// till is one payment order that remembers what was taken for it.
type till struct {
	brokenStore

	taken map[string]citycard.Once
}

func (s *till) PaymentOrder(_ context.Context, number string) (citycard.PaymentOrder, error) {
	if number != "FEE20261122000002" {
		return citycard.PaymentOrder{}, &citycard.Error{Code: citycard.CodeNotFound}
	}
	return citycard.PaymentOrder{Number: number, AmountFen: 2000}, nil
}

func (s *till) TakeNotice(_ context.Context, once citycard.Once, _ *citycard.Payment) (bool, error) {
	before, taken := s.taken[once.Key]
	if taken && before.Fingerprint != once.Fingerprint {
		return false, &citycard.Error{Code: citycard.CodeEventIDReused}
	}
	s.taken[once.Key] = once
	return taken, nil
}

// notifyBench sends notifications to the partner plane.
type notifyBench struct {
	service string
	till    *till
	// taken is how many notifications were taken.
	taken   func() int
	counted []citycard.CallbackKind
	made    int
}

func newNotifyBench(t *testing.T) *notifyBench {
	t.Helper()
	b := &notifyBench{till: &till{taken: map[string]citycard.Once{}}}
	own, err := signing.GenerateKey(signing.KeyRSA2)
	require.NoError(t, err)
	handler, err := server.PartnerListener{
		Store: b.till, SellerID: "2088000000000001", PlatformKey: privateKey(t, "platform_rsa").Public(), AppID: ourApp, OwnKey: own,
		Count: func(k citycard.CallbackKind) { b.counted = append(b.counted, k) },
		Clock: func() time.Time { return vectorNow(t) },
	}.Handler()
	require.NoError(t, err)
	listening := httptest.NewServer(handler)
	t.Cleanup(listening.Close)
	b.service = listening.URL
	b.taken = func() int { return len(b.till.taken) }
	return b
}

// newNotifyProcess is a running service that knows the platform's key and has one order, in a database of its own.
func newNotifyProcess(t *testing.T, address string) *notifyBench {
	t.Helper()
	folder := t.TempDir()
	own, err := signing.GenerateKey(signing.KeyRSA2)
	require.NoError(t, err)
	private, err := own.PEM()
	require.NoError(t, err)
	ownFile, platformFile := filepath.Join(folder, "own.pem"), filepath.Join(folder, "platform.pem")
	require.NoError(t, os.WriteFile(ownFile, private, 0o600))
	require.NoError(t, os.WriteFile(platformFile, privateKey(t, "platform_rsa").Public().PEM(), 0o600))
	town := &partnerTown{environment: append(environment(address, folder), "CITYCARD_NOW="+vectorClock,
		"CITYCARD_ALIPAY_GATEWAY=http://127.0.0.1:9/gateway.do", "CITYCARD_ALIPAY_APP_ID="+ourApp,
		"CITYCARD_ALIPAY_PRIVATE_KEY_FILE="+ownFile, "CITYCARD_ALIPAY_PUBLIC_KEY_FILE="+platformFile)}
	runCommand(t, town.environment, "migrate")
	db := writable(t, address)
	db.MustExec(`INSERT INTO reissue (id, old_card, ordinal, reason, waiver, fee_fen, note, opened_by, opened_at)
 VALUES ('FEE20261122000002', 'card-1', 1, 'lost', '', 2000, '', 'staff-1', 1)`)
	return &notifyBench{service: town.startAtVectors(t).service, taken: func() int {
		var kept, paid int
		require.NoError(t, db.Get(&kept, "SELECT count(*) FROM idempotency WHERE request LIKE 'platform:%'"))
		require.NoError(t, db.Get(&paid, "SELECT count(*) FROM payment WHERE amount_fen = 2000 AND order_id = 'FEE20261122000002'"))
		require.Equal(t, kept, paid, "a payment and its number are stored together")
		return paid
	}}
}

var tradeType = signing.NotifyType{Names: []string{"out_trade_no", "seller_id", "total_amount", "trade_no", "trade_status", "subject"}}

// draft is a payment as the platform notifies of it; changes are pairs of name and value, an empty one removes.
func (b *notifyBench) draft(t *testing.T, kind signing.NotifyType, changes ...string) *formDraft {
	t.Helper()
	b.made++
	values := map[string]string{
		"app_id": ourApp, "charset": "utf-8", "version": "1.0", "notify_type": "trade_status_sync",
		"notify_id": fmt.Sprintf("notify-%06d", b.made), "notify_time": "2026-11-22 09:30:00",
		"out_trade_no": "FEE20261122000002", "seller_id": "2088000000000001", "total_amount": "20.00",
		"trade_no": "2026112222001400000000000002", "trade_status": "TRADE_SUCCESS", "subject": "社保卡补换工本费",
	}
	for i := 1; i < len(changes); i += 2 {
		values[changes[i-1]] = changes[i]
	}
	maps.DeleteFunc(values, func(_, value string) bool { return value == "" })
	body, err := signing.SignNotify(values, kind, privateKey(t, "platform_rsa"))
	require.NoError(t, err)
	return &formDraft{
		method: http.MethodPost, path: "/callbacks/alipay", body: pairsOf(body),
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; text/html; charset=utf-8"}},
	}
}

func (b *notifyBench) good(t *testing.T, changes ...string) *formDraft {
	t.Helper()
	d := b.draft(t, tradeType, changes...)
	answer := d.send(t, newClient(""), b.service)
	require.Equal(t, http.StatusOK, answer.status)
	require.Equal(t, "success", answer.body)
	return d
}

func TestPlatformNotificationsInBothCharsetsAreTakenOnce(t *testing.T) {
	t.Parallel()
	b := newNotifyBench(t)
	for _, charset := range []string{"utf-8", "UTF-8", "GBK", "gbk"} {
		taken := len(b.till.taken)
		d := b.good(t, "charset", charset)
		if strings.EqualFold(charset, "gbk") {
			encoded, err := simplifiedchinese.GBK.NewEncoder().String("社保卡补换工本费")
			require.NoError(t, err)
			assert.Equal(t, encoded, d.plain("subject"))
		}
		again := d.send(t, newClient(""), b.service)
		assert.Equal(t, "success", again.body, "a repetition")
		assert.Len(t, b.till.taken, taken+1, charset)
	}
	assert.Equal(t, citycard.CallbackKind{Profile: citycard.ProfileNotify, Outcome: citycard.CallbackAccepted}, b.counted[0])
}

// notifyForgeries are the kinds that forms have in general, and those of notifications.
func notifyForgeries(t *testing.T) []forgery {
	t.Helper()
	answers := map[string][4]string{}
	for _, name := range []string{
		"app_id", "notify_type", "notify_id", "notify_time", "sign", "sign_type", "version", "charset", "out_trade_no",
		"seller_id", "total_amount", "trade_no", "trade_status",
	} {
		answers[name] = [4]string{}
	}
	list := parameterForgeries(answers)
	for _, f := range valueForgeries(privateKey(t, "partner_rsa"), privateKey(t, "platform_sm2")) {
		if !strings.HasPrefix(f.name, "another ") && !strings.HasPrefix(f.name, "timestamp ") {
			list = append(list, f)
		}
	}
	for _, changed := range [][2]string{
		{"out_trade_no", "FEE20261122000001"}, {"total_amount", "0.01"}, {"trade_status", "TRADE_CLOSED"}, {"seller_id", "2088000000000009"},
		{"notify_id", "another-notify-id"}, {"notify_type", "refund_sync"}, {"notify_time", "2026-11-22 09:35:01"}, {"version", "2.0"}, {"charset", "big5"},
	} {
		list = append(list, forgery{name: "another " + changed[0], mangle: func(d *formDraft) { d.setPlain(changed[0], changed[1]) }})
	}
	return append(list,
		forgery{name: "an unknown parameter", mangle: func(d *formDraft) { d.body = append(d.body, pair{"extra", "1"}) }},
		forgery{name: "a query", mangle: func(d *formDraft) { d.query = []pair{{"a", "1"}} }},
		forgery{name: "the trade's status in the query", mangle: func(d *formDraft) {
			moved := []pair{{"trade_status", d.value("trade_status")}}
			d.remove("trade_status")
			d.query = moved
		}},
		forgery{name: "all in the query", mangle: func(d *formDraft) { d.query, d.body = d.body, nil }},
		forgery{name: "nothing", mangle: func(d *formDraft) { d.body = nil }},
		forgery{name: "over 64 KiB", mangle: func(d *formDraft) { d.setPlain("subject", strings.Repeat("a", 64<<10)) }},
		forgery{name: "JSON", mangle: func(d *formDraft) { d.header.Set("Content-Type", "application/json") }},
		forgery{name: "compressed", mangle: func(d *formDraft) { d.header.Set("Content-Encoding", "gzip") }},
		forgery{name: "the sign over sign_type too", mangle: func(d *formDraft) {
			signature, err := privateKey(t, "platform_rsa").Sign([]byte(d.canonical()))
			require.NoError(t, err)
			d.setPlain("sign", base64.StdEncoding.EncodeToString(signature))
		}},
	)
}

func TestNoForgedNotificationIsTaken(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			newNotifyProcess(t, fresh(t)).forge(t)
		})
	}
}

// forge sends every kind of forged notification, with good ones in between.
func (b *notifyBench) forge(t *testing.T) {
	t.Helper()
	c := newClient("")
	forgeries := notifyForgeries(t)
	require.GreaterOrEqual(t, len(forgeries), 60)
	for _, f := range forgeries {
		d, taken := b.draft(t, tradeType), b.taken()
		f.mangle(d)
		answer := d.send(t, c, b.service)
		assert.Equal(t, http.StatusBadRequest, answer.status, f.name)
		assert.Equal(t, "failure", answer.body, f.name)
		assert.Equal(t, taken, b.taken(), f.name)
		b.good(t)
	}
	for name, changes := range map[string][]string{
		"for another application": {"app_id", "2026000000000002"}, "of another seller": {"seller_id", "2088000000000002"}, "of no seller": {"seller_id", ""},
		"of an unknown order": {"out_trade_no", "FEE20261122000003"}, "of no order": {"out_trade_no", ""}, "of one fen more": {"total_amount", "20.01"},
		"of no amount": {"total_amount", ""}, "from the future": {"notify_time", "2026-11-22 09:35:01"}, "under a number in use": {"notify_id", "notify-000002", "trade_status", "TRADE_FINISHED"},
	} {
		taken := b.taken()
		answer := b.draft(t, tradeType, changes...).send(t, c, b.service)
		assert.Equal(t, "400 failure", fmt.Sprint(answer.status, " ", answer.body), name)
		assert.Equal(t, taken, b.taken(), name)
		b.good(t)
	}
	t.Logf("%d kinds", len(forgeries)+9)
}

// TestSignTypeIsSignedForTheTypesThatDoSo: the other variant's canonical string has sign_type in it. An authorisation is
// about no order.
func TestSignTypeIsSignedForTheTypesThatDoSo(t *testing.T) {
	t.Parallel()
	b := newNotifyBench(t)
	bare := []string{"notify_type", "open_app_auth_notify", "status", "execute_auth"}
	for _, name := range tradeType.Names {
		bare = append(bare, name, "")
	}
	without := signing.NotifyType{Names: []string{"status"}}
	with := signing.NotifyType{SignTypeSigned: true, Names: without.Names}
	for _, c := range []struct {
		variant      signing.NotifyType
		answer, code string
		outcome      citycard.CallbackOutcome
	}{
		{without, "400 failure", "isv.invalid-signature", citycard.CallbackRefused},
		{with, "200 success", "", citycard.CallbackAccepted},
	} {
		draft := b.draft(t, c.variant, bare...)
		answer := draft.send(t, newClient(""), b.service)
		assert.Equal(t, c.answer, fmt.Sprint(answer.status, " ", answer.body))
		assert.Equal(t, citycard.CallbackKind{Profile: citycard.ProfileNotify, Outcome: c.outcome, Code: c.code}, b.counted[len(b.counted)-1])
		if c.outcome == citycard.CallbackAccepted {
			assert.Equal(t, "success", draft.send(t, newClient(""), b.service).body)
			assert.Equal(t, citycard.CallbackRepeated, b.counted[len(b.counted)-1].Outcome)
		}
	}
}
