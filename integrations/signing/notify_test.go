package signing_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"citycard/integrations/signing"
)

// notifyValues are a payment notification, but sign_type and sign.
func notifyValues(charset string) map[string]string {
	return map[string]string{
		"app_id": "2026000000000002", "charset": charset, "version": "1.0", "notify_type": "trade_status_sync",
		"notify_id": "2026112200222093000000000000000002", "notify_time": "2026-11-22 09:30:00",
		"out_trade_no": "FEE20261122000002", "seller_id": "2088000000000001", "total_amount": "20.00",
		"trade_no": "2026112222001400000000000002", "trade_status": "TRADE_SUCCESS", "subject": "社保卡补换工本费 €",
		"fund_bill_list": `[{"amount":"20.00","fundChannel":"ALIPAYACCOUNT"}]`,
	}
}

// withSignType is the same type with sign_type left in the canonical string.
var withSignType = signing.NotifyType{Names: tradeStatusSync.Names, SignTypeSigned: true}

func notifyDraft(tb testing.TB, values map[string]string, notifyType signing.NotifyType) *draft {
	tb.Helper()
	body, err := signing.SignNotify(values, notifyType, privateKey(tb, "platform_rsa"))
	require.NoError(tb, err)
	return &draft{body: decodePairs(body), header: formHeader()}
}

func judgeNotify(tb testing.TB, d *draft, notifyType signing.NotifyType) outcome {
	tb.Helper()
	types := map[string]signing.NotifyType{"trade_status_sync": notifyType}
	notification, err := signing.ParseNotify(types, encodePairs(d.query), []byte(encodePairs(d.body)), d.header)
	if err == nil {
		err = notification.Verify(platformKeys(tb), now)
	}
	if err == nil {
		return outcome{}
	}
	refusal := requireRefusal(tb, err)
	assert.Equal(tb, http.StatusBadRequest, refusal.Status)
	return outcome{refusal.Row, refusal.SubCode}
}

func TestNotifyCharsetsAndVariants(t *testing.T) {
	t.Parallel()
	for _, charset := range []string{"utf-8", "UTF-8", "GBK", "gbk"} {
		for name, notifyType := range map[string]signing.NotifyType{"without sign_type": tradeStatusSync, "with sign_type": withSignType} {
			t.Run(charset+" "+name, func(t *testing.T) {
				t.Parallel()
				d := notifyDraft(t, notifyValues(charset), notifyType)
				types := map[string]signing.NotifyType{"trade_status_sync": notifyType}
				notification, err := signing.ParseNotify(types, "", []byte(encodePairs(d.body)), d.header)
				require.NoError(t, err)
				require.NoError(t, notification.Verify(platformKeys(t), now))
				for name, value := range notifyValues(charset) {
					assert.Equal(t, value, notification.Value(name), name)
				}
				assert.Equal(t, "trade_status_sync", notification.Type)
				assert.Equal(t, notifyType.SignTypeSigned, strings.Contains(string(notification.Canonical()), "&sign_type=RSA2&"))
				assert.Equal(t, !strings.EqualFold(charset, "gbk"), strings.Contains(string(notification.Canonical()), "社保卡"))

				other := tradeStatusSync
				if !notifyType.SignTypeSigned {
					other = withSignType
				}
				assert.Equal(t, badSignature, judgeNotify(t, d, other), "the other variant is another string")
			})
		}
	}
}

// The platform's own Content-Type is no media type; it must not cost a payment.
func TestNotifyContentTypes(t *testing.T) {
	t.Parallel()
	good := notifyDraft(t, notifyValues("utf-8"), tradeStatusSync)
	for contentType, want := range map[string]outcome{
		"application/x-www-form-urlencoded":                           {},
		"application/x-www-form-urlencoded; charset=GBK":              {},
		"application/x-www-form-urlencoded; text/html; charset=utf-8": {},
		"Application/X-WWW-Form-URLencoded":                           {},
		"application/json":                                            {signing.RowMediaType, ""},
		"text/html; application/x-www-form-urlencoded":                {signing.RowMediaType, ""},
		"": {signing.RowMediaType, ""},
	} {
		d := good.clone()
		d.header.Set("Content-Type", contentType)
		assert.Equal(t, want, judgeNotify(t, d, tradeStatusSync), contentType)
	}
}

// Redelivery goes on for days with the same bytes; only a notification from the future is refused.
func TestNotifyClock(t *testing.T) {
	t.Parallel()
	d := notifyDraft(t, notifyValues("utf-8"), tradeStatusSync)
	types := map[string]signing.NotifyType{"trade_status_sync": tradeStatusSync}
	notification, err := signing.ParseNotify(types, "", []byte(encodePairs(d.body)), d.header)
	require.NoError(t, err)
	require.NoError(t, notification.Verify(platformKeys(t), now.Add(7*24*time.Hour)))
	require.NoError(t, notification.Verify(platformKeys(t), now.Add(-300*time.Second)))
	refusal := requireRefusal(t, notification.Verify(platformKeys(t), now.Add(-301*time.Second)))
	assert.Equal(t, signing.RowTime, refusal.Row)
}

func TestNotifyKeys(t *testing.T) {
	t.Parallel()
	d := notifyDraft(t, notifyValues("utf-8"), tradeStatusSync)
	types := map[string]signing.NotifyType{"trade_status_sync": tradeStatusSync}
	notification, err := signing.ParseNotify(types, "", []byte(encodePairs(d.body)), d.header)
	require.NoError(t, err)
	own := platformKeys(t)[0]
	other := signing.VerifyingKey{ID: "other", Key: publicKey(t, "partner_rsa")}
	sm2Key := signing.VerifyingKey{ID: "sm2", Key: publicKey(t, "platform_sm2")}
	require.NoError(t, notification.Verify([]signing.VerifyingKey{sm2Key, other, own}, now), "current and next")
	for _, keys := range [][]signing.VerifyingKey{nil, {other}, {sm2Key}, {other, other, own}} {
		assert.Equal(t, signing.RowSignature, requireRefusal(t, notification.Verify(keys, now)).Row)
	}
}

func TestSignNotifyIsByteIdentical(t *testing.T) {
	t.Parallel()
	for _, charset := range []string{"utf-8", "GBK"} {
		first := notifyDraft(t, notifyValues(charset), tradeStatusSync)
		assert.Equal(t, first, notifyDraft(t, notifyValues(charset), tradeStatusSync))
	}
}

func TestSignNotifyRefusals(t *testing.T) {
	t.Parallel()
	key := privateKey(t, "platform_rsa")
	for name, change := range map[string]func(map[string]string){
		"a name off the list":              func(v map[string]string) { v["buyer_name"] = "x" },
		"a value that could be two":        func(v map[string]string) { v["subject"] = "a&b" },
		"a character that GBK has not":     func(v map[string]string) { v["charset"], v["subject"] = "GBK", "😀" },
		"an unknown charset":               func(v map[string]string) { v["charset"] = "big5" },
		"an empty value":                   func(v map[string]string) { v["subject"] = "" },
		"a line feed":                      func(v map[string]string) { v["subject"] = "a\nb" },
		"a time that is none":              func(v map[string]string) { delete(v, "notify_time") },
		"sign_type given":                  func(v map[string]string) { v["sign_type"] = "RSA2" },
		"a value that is not UTF-8":        func(v map[string]string) { v["subject"] = "\xff" },
		"notify_type that is no such name": func(v map[string]string) { v["notify_type"] = "Trade Status" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := notifyValues("utf-8")
			change(values)
			_, err := signing.SignNotify(values, tradeStatusSync, key)
			assert.Error(t, err)
		})
	}
	_, err := signing.SignNotify(notifyValues("utf-8"), tradeStatusSync, privateKey(t, "platform_sm2"))
	assert.Error(t, err, "sign_type must be RSA2")
}

var notifyAnswers = map[string]answers{
	"app_id":         {missing("app-id"), missing("app-id"), badParameter, badParameter},
	"charset":        {missing("charset"), missing("charset"), badCharset, badCharset},
	"version":        {missing("version"), missing("version"), badVersion, badVersion},
	"notify_type":    {outcome{signing.RowUnknownName, "isv.unknown-parameter"}, outcome{signing.RowUnknownName, "isv.unknown-parameter"}, outcome{signing.RowUnknownName, "isv.unknown-parameter"}, outcome{signing.RowUnknownName, "isv.unknown-parameter"}},
	"notify_id":      {missing("notify-id"), missing("notify-id"), badSignature, badParameter},
	"notify_time":    {missing("notify-time"), missing("notify-time"), badTime, badTime},
	"sign":           {missing("signature"), missing("signature"), badSignature, badSignature},
	"sign_type":      {missing("signature-type"), missing("signature-type"), badType, badType},
	"out_trade_no":   {badSignature, badParameter, badSignature, badParameter},
	"seller_id":      {badSignature, badParameter, badSignature, badParameter},
	"total_amount":   {badSignature, badParameter, badSignature, badParameter},
	"trade_no":       {badSignature, badParameter, badSignature, badParameter},
	"trade_status":   {badSignature, badParameter, badSignature, badParameter},
	"subject":        {badSignature, badParameter, badSignature, badParameter},
	"fund_bill_list": {badSignature, badParameter, badSignature, badParameter},
}

// notifyKinds mangle a notification in ways that its own rules speak of.
func notifyKinds(t *testing.T) []kind {
	t.Helper()
	unknown := outcome{signing.RowUnknownName, "isv.unknown-parameter"}
	kinds := []kind{
		{"a query parameter", func(d *draft) { d.query = []pair{{"a", "1"}} }, unknown},
		{"a signed parameter in the query", func(d *draft) { d.move("total_amount") }, unknown},
		{"everything in the query", func(d *draft) { d.query, d.body = d.body, nil }, unknown},
		{"a name of another type", func(d *draft) { d.body = append(d.body, pair{"refund_fee", "1"}) }, unknown},
		{"a name of the gateway", func(d *draft) { d.body = append(d.body, pair{"method", "x"}) }, unknown},
		{"another type", func(d *draft) { d.set("notify_type", "batch_refund_notify") }, unknown},
		{"no parameters", func(d *draft) { d.body = nil }, missing("app-id")},
		{"more money", func(d *draft) { d.set("total_amount", "2000.00") }, badSignature},
		{"another order", func(d *draft) { d.set("out_trade_no", "FEE20261122000003") }, badSignature},
		{"another status", func(d *draft) { d.set("trade_status", "TRADE_CLOSED") }, badSignature},
		{"another event", func(d *draft) { d.set("notify_id", "2026112200222093000000000000000003") }, badSignature},
		{"charset GBK over UTF-8 bytes", func(d *draft) { d.set("charset", "GBK"); d.set("subject", "a") }, badSignature},
		{"charset GB18030", func(d *draft) { d.set("charset", "GB18030") }, badCharset},
		{"an empty optional parameter", func(d *draft) { d.body = append(d.body, pair{"body", ""}) }, badParameter},
		{"biz_content over 32 KiB", func(d *draft) {
			d.body = append(d.body, pair{"biz_content", strings.Repeat("a", 32<<10+1)})
		}, badParameter},
		{"body over 64 KiB", func(d *draft) { d.set("subject", strings.Repeat("a", 64<<10)) }, outcome{signing.RowSize, ""}},
		{"33 parameters", func(d *draft) {
			for len(d.body) <= 32 {
				d.body = append(d.body, pair{"a", "1"})
			}
		}, outcome{signing.RowSize, ""}},
		{"a Content-Encoding", func(d *draft) { d.header.Set("Content-Encoding", "gzip") }, outcome{signing.RowMediaType, ""}},
		{"signed by a partner", func(d *draft) {
			d.sign(t, privateKey(t, "partner_rsa"), d.canonical("sign", "sign_type"))
		}, badSignature},
		{"signed with SM2", func(d *draft) {
			d.sign(t, privateKey(t, "platform_sm2"), d.canonical("sign", "sign_type"))
		}, badSignature},
		{"signed with sign_type", func(d *draft) {
			d.sign(t, privateKey(t, "platform_rsa"), d.canonical("sign"))
		}, badSignature},
		{"a time of next year, signed", func(d *draft) {
			d.setDecoded("notify_time", "2027-11-22 09:30:00")
			d.sign(t, privateKey(t, "platform_rsa"), d.canonical("sign", "sign_type"))
		}, badTime},
		// The canonical string stays the same: one parameter has swallowed the next.
		{"two parameters joined into one", func(d *draft) {
			d.setDecoded("total_amount", d.decoded("total_amount")+"&trade_no="+d.decoded("trade_no"))
			d.remove("trade_no")
		}, badParameter},
	}
	for _, signType := range []string{"RSA", "SM2", "rsa2", "MD5", "RSA2 "} {
		kinds = append(kinds, kind{"sign_type " + signType, func(d *draft) { d.setDecoded("sign_type", signType) }, badType})
	}
	return kinds
}

func TestNotifyRefusesMangledNotifications(t *testing.T) {
	t.Parallel()
	var names []string
	for name := range notifyAnswers {
		names = append(names, name)
	}
	kinds := append(encodingKinds(names), nameKinds(names)...)
	kinds = append(kinds, valueKinds(notifyAnswers)...)
	kinds = append(kinds, notifyKinds(t)...)
	kinds = append(kinds, base64Kinds()...)
	good := notifyDraft(t, notifyValues("utf-8"), tradeStatusSync)
	runKinds(t, good, kinds, func(d *draft) outcome { return judgeNotify(t, d, tradeStatusSync) })
}

func TestNotifyRefusesMangledGBK(t *testing.T) {
	t.Parallel()
	encoding := outcome{signing.RowEncoding, "isv.invalid-encoding"}
	good := notifyDraft(t, notifyValues("GBK"), tradeStatusSync)
	for name, test := range map[string]struct {
		subject string
		want    outcome
	}{
		"another character":            {"%C9%E7", badSignature},
		"the euro sign's other bytes":  {strings.Replace(good.value("subject"), "%80", "%A2%E3", 1), badSignature},
		"a lead byte at the end":       {"%C9", encoding},
		"a lead byte before ASCII":     {"%C9%20", encoding},
		"a byte that GBK has not":      {"%FF", encoding},
		"a GB18030 character":          {"%81%30%81%30", encoding},
		"a pair that GBK has not":      {"%A2%A0%FE%FF", encoding},
		"a NUL":                        {"%00", encoding},
		"a line feed":                  {"%0A", encoding},
		"UTF-8 under GBK, cut odd":     {"%E7%A4%BE", encoding},
		"a raw lead byte, then a pair": {"\xc9", encoding},
	} {
		d := good.clone()
		d.set("subject", test.subject)
		require.NotEqual(t, good, d, name)
		assert.Equal(t, test.want, judgeNotify(t, d, tradeStatusSync), name)
	}
	// The same text in UTF-8 under charset=GBK is another text.
	d := good.clone()
	utf8, err := url.QueryUnescape(good.value("subject"))
	require.NoError(t, err)
	text, err := simplifiedchinese.GBK.NewDecoder().String(utf8)
	require.NoError(t, err)
	d.setDecoded("subject", text)
	assert.NotEqual(t, outcome{}, judgeNotify(t, d, tradeStatusSync))
}

// A signature that base64 decodes in one more way must not count as another message.
func TestDecodeBase64(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"AA==": true, "AAA=": true, "AAAA": true, "+/+/": true, base64.StdEncoding.EncodeToString([]byte("signature")): true,
		"": false, "A": false, "AA": false, "AA=": false, "AAA": false, "AB==": false, "AAB=": false, "AA==\n": false,
		"AA\n==": false, "AAAA\r\n": false, "\tAAAA": false, "AA==AA==": false, "-_-_": false, "AAAA=": false, "====": false,
	} {
		_, ok := signing.DecodeBase64(text)
		assert.Equal(t, good, ok, "%q", text)
	}
}
