package signing_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

const bizContent = `{"out_request_no":"BANK-20261122-000003","region":"320100","note":"社保卡 a&b=c; 100%"}`

// gatewayValues are all the parameters a gateway request can carry, but sign_type and sign.
func gatewayValues() map[string]string {
	return map[string]string{
		"app_id": "2026000000000001", "method": "citycard.financial.activate", "format": "JSON", "charset": "UTF-8",
		"timestamp": "2026-11-22 09:30:00", "version": "1.0", "biz_content": bizContent, "nonce": "q1Zk3mY8tVw0RrXb2LpE7A",
		"key_id": rsaKeyID, "app_cert_sn": "0a1b", "alipay_root_cert_sn": "687b59193f3f462dd5336e5abf83c5d8_02941eef3187dddf",
		"alipay_sdk": "alipay-sdk-nodejs-4.14.0",
	}
}

// gatewayDraft signs values as a partner would.
func gatewayDraft(tb testing.TB, values map[string]string, key *signing.PrivateKey) *draft {
	tb.Helper()
	query, body, err := signing.SignGateway(values, key)
	require.NoError(tb, err)
	return &draft{query: decodePairs(query), body: decodePairs(body), header: formHeader()}
}

// judgeGateway reads a draft as the service would and returns how it is answered.
func judgeGateway(tb testing.TB, d *draft, sender signing.Sender) outcome {
	tb.Helper()
	request, err := signing.ParseGateway(encodePairs(d.query), []byte(encodePairs(d.body)), d.header)
	if err == nil {
		_, err = request.Verify(sender, now)
	}
	if err == nil {
		return outcome{}
	}
	refusal := requireRefusal(tb, err)
	if refusal.Code != "" {
		assert.Equal(tb, http.StatusOK, refusal.Status)
		assert.Equal(tb, refusal.Row == signing.RowMissing, refusal.Code == "40001")
		assert.Equal(tb, refusal.Row != signing.RowMissing, refusal.Code == "40002")
	}
	return outcome{refusal.Row, refusal.SubCode}
}

func TestGatewayAcceptsEverySplit(t *testing.T) {
	t.Parallel()
	for name, keyID := range map[string]string{"partner_rsa": rsaKeyID, "partner_sm2": sm2KeyID} {
		values := gatewayValues()
		values["key_id"] = keyID
		good := gatewayDraft(t, values, privateKey(t, name))
		require.Equal(t, outcome{}, judgeGateway(t, good, bank(t)), name)
		for parameter := range values {
			if parameter != "biz_content" {
				moved := good.clone()
				moved.move(parameter)
				assert.Equal(t, outcome{}, judgeGateway(t, moved, bank(t)), "%s with %s in the other part", name, parameter)
			}
		}
		for _, parameter := range []string{"nonce", "format", "key_id", "app_cert_sn", "alipay_root_cert_sn", "alipay_sdk"} {
			fewer := gatewayValues()
			fewer["key_id"] = keyID
			delete(fewer, parameter)
			assert.Equal(t, outcome{}, judgeGateway(t, gatewayDraft(t, fewer, privateKey(t, name)), bank(t)), "without %s", parameter)
		}
	}
}

func TestGatewayCanonicalString(t *testing.T) {
	t.Parallel()
	d := gatewayDraft(t, gatewayValues(), privateKey(t, "partner_rsa"))
	request, err := signing.ParseGateway(encodePairs(d.query), []byte(encodePairs(d.body)), d.header)
	require.NoError(t, err)
	assert.Equal(t, d.canonical("sign"), string(request.Canonical()))
	assert.True(t, strings.HasPrefix(string(request.Canonical()), "alipay_root_cert_sn=687b"))
	assert.Contains(t, string(request.Canonical()), "&sign_type=RSA2&")
	assert.Equal(t, d.decoded("biz_content"), string(request.BizContent))
	assert.Equal(t, signing.Envelope{Method: "citycard.financial.activate", SignType: signing.KeyRSA2}, request.Envelope)
}

func TestGatewayClock(t *testing.T) {
	t.Parallel()
	d := gatewayDraft(t, gatewayValues(), privateKey(t, "partner_rsa"))
	request, err := signing.ParseGateway(encodePairs(d.query), []byte(encodePairs(d.body)), d.header)
	require.NoError(t, err)
	for _, test := range []struct {
		skew time.Duration
		good bool
	}{
		{0, true}, {300 * time.Second, true}, {-300 * time.Second, true},
		{300*time.Second + 1, false}, {-300*time.Second - 1, false}, {8 * time.Hour, false}, {-8 * time.Hour, false},
		{365 * 24 * time.Hour, false},
	} {
		_, err := request.Verify(bank(t), now.Add(test.skew))
		if test.good {
			assert.NoError(t, err, test.skew)
			continue
		}
		refusal := requireRefusal(t, err)
		assert.Equal(t, outcome{signing.RowTime, "isv.invalid-timestamp"}, outcome{refusal.Row, refusal.SubCode}, test.skew)
	}
}

// What the registry says decides rows 9, 10 and 13, in that order.
func TestGatewayRegistry(t *testing.T) {
	t.Parallel()
	values := gatewayValues()
	delete(values, "key_id")
	d := gatewayDraft(t, values, privateKey(t, "partner_rsa"))
	own := signing.VerifyingKey{ID: rsaKeyID, Key: publicKey(t, "partner_rsa")}
	other := signing.VerifyingKey{ID: "other", Key: publicKey(t, "platform_rsa")}
	sm2Key := signing.VerifyingKey{ID: sm2KeyID, Key: publicKey(t, "partner_sm2")}
	rsaOnly := []signing.KeyType{signing.KeyRSA2}
	tests := map[string]struct {
		sender signing.Sender
		want   outcome
	}{
		"unknown app":               {signing.Sender{}, outcome{signing.RowApp, "isv.invalid-app-id"}},
		"disabled app":              {signing.Sender{Types: rsaOnly, Keys: []signing.VerifyingKey{own}}, outcome{signing.RowApp, "isv.invalid-app-id"}},
		"no type registered":        {signing.Sender{Active: true, Keys: []signing.VerifyingKey{own}}, outcome{signing.RowSignType, "isv.invalid-signature-type"}},
		"only SM2 registered":       {signing.Sender{Active: true, Types: []signing.KeyType{signing.KeySM2}, Keys: []signing.VerifyingKey{own}}, outcome{signing.RowSignType, "isv.invalid-signature-type"}},
		"no key in force":           {signing.Sender{Active: true, Types: rsaOnly}, outcome{signing.RowSignature, "isv.invalid-signature"}},
		"another app's key":         {signing.Sender{Active: true, Types: rsaOnly, Keys: []signing.VerifyingKey{other}}, outcome{signing.RowSignature, "isv.invalid-signature"}},
		"a key of another type":     {signing.Sender{Active: true, Types: rsaOnly, Keys: []signing.VerifyingKey{sm2Key}}, outcome{signing.RowSignature, "isv.invalid-signature"}},
		"the next key, two at once": {signing.Sender{Active: true, Types: rsaOnly, Keys: []signing.VerifyingKey{sm2Key, other, own}}, outcome{}},
		"a third key is not tried":  {signing.Sender{Active: true, Types: rsaOnly, Keys: []signing.VerifyingKey{other, other, own}}, outcome{signing.RowSignature, "isv.invalid-signature"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, judgeGateway(t, d, test.sender))
		})
	}
	request, err := signing.ParseGateway(encodePairs(d.query), []byte(encodePairs(d.body)), d.header)
	require.NoError(t, err)
	_, err = request.Verify(signing.Sender{}, now)
	assert.Equal(t, request.Envelope, requireRefusal(t, err).Envelope, "the refusal says how to answer")

	named := gatewayDraft(t, gatewayValues(), privateKey(t, "partner_rsa"))
	both := signing.Sender{Active: true, Types: rsaOnly, Keys: []signing.VerifyingKey{other, other, own}}
	assert.Equal(t, outcome{}, judgeGateway(t, named, both), "key_id picks the key")
	renamed := signing.Sender{Active: true, Types: rsaOnly, Keys: []signing.VerifyingKey{{ID: "new", Key: own.Key}}}
	assert.Equal(t, outcome{signing.RowSignature, "isv.invalid-signature"}, judgeGateway(t, named, renamed), "key_id of no key")
}

// Whatever else is wrong with a request, the lowest row answers. Each step adds a fault of a lower row.
func TestGatewayFirstRowAnswers(t *testing.T) {
	t.Parallel()
	d := gatewayDraft(t, gatewayValues(), privateKey(t, "partner_rsa"))
	sender := bank(t)
	steps := []struct {
		fault func()
		want  outcome
	}{
		{func() { d.set("sign", "AAAA") }, outcome{signing.RowSignature, "isv.invalid-signature"}},
		{func() { d.set("timestamp", "yesterday") }, outcome{signing.RowTime, "isv.invalid-timestamp"}},
		{func() { d.set("sign_type", "RSA") }, outcome{signing.RowSignType, "isv.invalid-signature-type"}},
		{func() { sender.Active = false }, outcome{signing.RowApp, "isv.invalid-app-id"}},
		{func() { d.set("nonce", "short") }, outcome{signing.RowPattern, "isv.invalid-parameter"}},
		{func() { d.set("version", "2.0") }, outcome{signing.RowPattern, "isv.invalid-version"}},
		{func() { d.set("charset", "GBK") }, outcome{signing.RowPattern, "isv.invalid-charset"}},
		{func() { d.set("format", "XML") }, outcome{signing.RowPattern, "isv.invalid-format"}},
		{func() { d.remove("biz_content") }, outcome{signing.RowMissing, "isv.missing-biz-content"}},
		{func() { d.remove("charset") }, outcome{signing.RowMissing, "isv.missing-charset"}},
		{func() { d.set("version", "") }, outcome{signing.RowMissing, "isv.missing-version"}},
		{func() { d.remove("timestamp") }, outcome{signing.RowMissing, "isv.missing-timestamp"}},
		{func() { d.remove("sign_type") }, outcome{signing.RowMissing, "isv.missing-signature-type"}},
		{func() { d.set("sign", "") }, outcome{signing.RowMissing, "isv.missing-signature"}},
		{func() { d.remove("method") }, outcome{signing.RowMissing, "isv.missing-method"}},
		{func() { d.set("app_id", "") }, outcome{signing.RowMissing, "isv.missing-app-id"}},
		{func() { d.query = append(d.query, pair{"notify_url", "x"}) }, outcome{signing.RowUnknownName, "isv.unknown-parameter"}},
		{func() { d.body = append(d.body, pair{"nonce", "x"}) }, outcome{signing.RowDuplicate, "isv.duplicate-parameter"}},
		{func() { d.body = append(d.body, pair{"format", "%G0"}) }, outcome{signing.RowEncoding, "isv.invalid-encoding"}},
		{func() { d.header.Set("Content-Type", "text/plain") }, outcome{signing.RowMediaType, ""}},
		{func() { d.body = append(d.body, pair{"a", strings.Repeat("a", 64<<10)}) }, outcome{signing.RowSize, ""}},
	}
	for _, step := range steps {
		step.fault()
		require.Equal(t, step.want, judgeGateway(t, d, sender))
	}
}

// A refusal says how to answer as far as the request was readable, and no further.
func TestGatewayRefusalEnvelope(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		query string
		want  signing.Envelope
	}{
		"a good method beside a bad pair": {"method=citycard.card.ready&a=%", signing.Envelope{Method: "citycard.card.ready", SignType: signing.KeyRSA2}},
		"SM2 named":                       {"method=citycard.card.ready&sign_type=SM2", signing.Envelope{Method: "citycard.card.ready", SignType: signing.KeySM2}},
		"unknown sign_type":               {"method=citycard.card.ready&sign_type=MD5", signing.Envelope{Method: "citycard.card.ready", SignType: signing.KeyRSA2}},
		"method missing":                  {"sign_type=SM2", signing.Envelope{SignType: signing.KeySM2}},
		"method twice":                    {"method=citycard.card.ready&method=citycard.card.ready", signing.Envelope{SignType: signing.KeyRSA2}},
		"method malformed":                {"method=Citycard.card%22", signing.Envelope{SignType: signing.KeyRSA2}},
		"method of one word":              {"method=citycard", signing.Envelope{SignType: signing.KeyRSA2}},
		"nothing at all":                  {"", signing.Envelope{SignType: signing.KeyRSA2}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := signing.ParseGateway(test.query, nil, formHeader())
			assert.Equal(t, test.want, requireRefusal(t, err).Envelope)
		})
	}
}

func TestSignGatewayRefusesWhatItCouldNotRead(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(map[string]string){
		"a missing parameter": func(v map[string]string) { delete(v, "version") },
		"an unknown one":      func(v map[string]string) { v["notify_url"] = "https://a.example" },
		"sign given":          func(v map[string]string) { v["sign"] = "AAAA" },
		"sign_type given":     func(v map[string]string) { v["sign_type"] = "RSA2" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := gatewayValues()
			change(values)
			_, _, err := signing.SignGateway(values, privateKey(t, "partner_rsa"))
			assert.Error(t, err)
		})
	}
}
