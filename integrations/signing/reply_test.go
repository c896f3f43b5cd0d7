package signing_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

func newReplier(tb testing.TB) *signing.Replier {
	tb.Helper()
	replier, err := signing.NewReplier(privateKey(tb, "platform_rsa"), privateKey(tb, "platform_sm2"))
	require.NoError(tb, err)
	return replier
}

func TestReplyIsSignedWithTheRequestsType(t *testing.T) {
	t.Parallel()
	replier := newReplier(t)
	inner := []byte(`{"code":"10000","msg":"Success","note":"社保卡 <&> \"sign\":\"x\""}`)
	for signType, key := range map[signing.KeyType]string{signing.KeyRSA2: "platform_rsa", signing.KeySM2: "platform_sm2"} {
		envelope := signing.Envelope{Method: "citycard.card.ready", SignType: signType}
		body, err := replier.Reply(envelope, inner)
		require.NoError(t, err)
		var reply map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(body, &reply))
		assert.Equal(t, string(inner), string(reply["citycard_card_ready_response"]), "byte for byte")
		assert.Len(t, reply, 2)
		opened, err := signing.OpenReply(body, envelope, publicKey(t, key))
		require.NoError(t, err)
		assert.Equal(t, inner, opened)
	}
}

func TestOpenReplyRefusesWhatThePlatformDidNotSay(t *testing.T) {
	t.Parallel()
	envelope := signing.Envelope{Method: "citycard.card.ready", SignType: signing.KeyRSA2}
	key := publicKey(t, "platform_rsa")
	good, err := newReplier(t).Reply(envelope, []byte(`{"code":"10000","msg":"Success"}`))
	require.NoError(t, err)
	_, err = signing.OpenReply(append(good, '\n'), envelope, key)
	require.NoError(t, err, "a line feed at the end is nobody's")
	for name, body := range map[string]string{
		"another code":       strings.Replace(string(good), "10000", "40004", 1),
		"another method":     strings.Replace(string(good), "ready", "failed", 1),
		"a space more":       strings.Replace(string(good), `,"msg"`, `, "msg"`, 1),
		"a member more":      strings.Replace(string(good), `,"sign"`, `,"a":1,"sign"`, 1),
		"a member behind":    strings.TrimSuffix(string(good), "}") + `,"alipay_cert_sn":"1"}`,
		"no signature":       `{"citycard_card_ready_response":{"code":"10000","msg":"Success"}}`,
		"an empty signature": `{"citycard_card_ready_response":{"code":"10000","msg":"Success"},"sign":""}`,
		"nothing":            "",
	} {
		_, err := signing.OpenReply([]byte(body), envelope, key)
		assert.Error(t, err, name)
	}
	_, err = signing.OpenReply(good, envelope, publicKey(t, "platform_sm2"))
	assert.Error(t, err, "another key")
}

// Every refusal before authentication has one body per key, whose signature is made once.
func TestConstantRefusals(t *testing.T) {
	t.Parallel()
	replier := newReplier(t)
	require.GreaterOrEqual(t, len(signing.ConstantSubCodes()), 19)
	for subCode, code := range signing.ConstantSubCodes() {
		for signType, key := range map[signing.KeyType]string{signing.KeyRSA2: "platform_rsa", signing.KeySM2: "platform_sm2"} {
			envelope := signing.Envelope{Method: "citycard.financial.close", SignType: signType}
			refusal := &signing.Refusal{Code: code, SubCode: subCode, Subject: "app_id", Envelope: envelope}
			first, err := replier.Refuse(refusal)
			require.NoError(t, err)
			inner, err := signing.OpenReply(first, envelope, publicKey(t, key))
			require.NoError(t, err)
			assert.JSONEq(t, `{"code":"`+code+`","msg":"`+signing.CodeMessage(code)+`","sub_code":"`+subCode+`"}`, string(inner))
			assert.NotEmpty(t, signing.CodeMessage(code))

			second, err := replier.Refuse(refusal)
			require.NoError(t, err)
			assert.Equal(t, first, second, "%s is signed once: SM2 would differ", subCode)
			refusal.Envelope.Method = ""
			unnamed, err := replier.Refuse(refusal)
			require.NoError(t, err)
			assert.Equal(t, strings.Replace(string(first), "citycard_financial_close_response", "error_response", 1), string(unnamed),
				"the signature does not depend on the method")
		}
	}
}

// Every row that the gateway answers with a body before authentication has one.
func TestEveryGatewayRefusalHasItsBody(t *testing.T) {
	t.Parallel()
	replier := newReplier(t)
	for _, kinds := range [][]kind{
		encodingKinds([]string{"app_id"}), nameKinds([]string{"app_id"}), gatewayValueKinds(), transportKinds(),
	} {
		for _, kind := range kinds {
			d := gatewayDraft(t, gatewayValues(), privateKey(t, "partner_rsa"))
			kind.mangle(d)
			request, err := signing.ParseGateway(encodePairs(d.query), []byte(encodePairs(d.body)), d.header)
			if err == nil {
				_, err = request.Verify(bank(t), now)
			}
			refusal := requireRefusal(t, err)
			body, err := replier.Refuse(refusal)
			if refusal.Code == "" {
				assert.Error(t, err, "answered by its status alone")
				assert.Contains(t, []int{http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge, http.StatusUnsupportedMediaType}, refusal.Status)
				continue
			}
			require.NoError(t, err, kind.name)
			_, err = signing.OpenReply(body, refusal.Envelope, publicKey(t, "platform_rsa"))
			if refusal.Envelope.SignType == signing.KeyRSA2 {
				assert.NoError(t, err, kind.name)
			}
			assert.NotContains(t, string(body), "320100", "nothing of the request")
		}
	}
}

func TestUnavailable(t *testing.T) {
	t.Parallel()
	envelope := signing.Envelope{Method: "citycard.card.ready", SignType: signing.KeyRSA2}
	refusal := signing.Unavailable(envelope)
	assert.Equal(t, http.StatusServiceUnavailable, refusal.Status)
	assert.Equal(t, "storage_unavailable", refusal.Problem)
	body, err := newReplier(t).Refuse(refusal)
	require.NoError(t, err)
	assert.Contains(t, string(body), `{"code":"20000","msg":"Service Currently Unavailable","sub_code":"isp.unknow-error"}`)
}

func TestReplierKeys(t *testing.T) {
	t.Parallel()
	rsaKey, sm2Key := privateKey(t, "platform_rsa"), privateKey(t, "platform_sm2")
	for name, keys := range map[string][]*signing.PrivateKey{
		"none": nil, "no RSA2": {sm2Key}, "two of a type": {rsaKey, rsaKey}, "no sign_type": {rsaKey, privateKey(t, "partner_ed25519")},
	} {
		_, err := signing.NewReplier(keys...)
		assert.Error(t, err, name)
	}
	replier, err := signing.NewReplier(rsaKey)
	require.NoError(t, err)
	envelope := signing.Envelope{Method: "citycard.card.ready", SignType: signing.KeySM2}
	body, err := replier.Reply(envelope, []byte("{}"))
	require.NoError(t, err)
	_, err = signing.OpenReply(body, envelope, rsaKey.Public())
	require.NoError(t, err, "without an SM2 key RSA2 answers")
	for _, inner := range []string{"", "[]", "{", "{}{}", " {}", `"a"`} {
		_, err := replier.Reply(envelope, []byte(inner))
		assert.Error(t, err, inner)
	}
}

// signedReply is a reply to a signed request, both as they travel.
func signedReply(tb testing.TB, key *signing.PrivateKey) (*signing.Reply, *signing.Message) {
	tb.Helper()
	request := signedMessage(tb, ed25519KeyID, privateKey(tb, "partner_ed25519"))
	reply := &signing.Reply{
		Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"result":"APPLIED"}`),
	}
	require.NoError(tb, signing.SignReply(reply, request, signing.SignatureParams{KeyID: "platform-2026a", Created: now}, key))
	return reply, request
}

func TestSignedReplyIsBoundToItsRequest(t *testing.T) {
	t.Parallel()
	reply, request := signedReply(t, privateKey(t, "platform_rsa"))
	keys := platformKeys(t)
	assert.Equal(t, `sig1=("@status" "content-type" "content-digest" "@method";req "@path";req "content-digest";req "idempotency-key";req)`+
		`;created=1795311000;keyid="platform-2026a";tag="citycard-platform-v1"`, reply.Header.Get("Signature-Input"))
	require.NoError(t, signing.VerifyReply(reply, request, keys, now))

	for name, mangle := range map[string]func(reply *signing.Reply, request *signing.Message){
		"another status":         func(r *signing.Reply, _ *signing.Message) { r.Status = http.StatusCreated },
		"another body":           func(r *signing.Reply, _ *signing.Message) { r.Body[0] = '[' },
		"another type":           func(r *signing.Reply, _ *signing.Message) { r.Header.Set("Content-Type", "text/plain") },
		"two types":              func(r *signing.Reply, _ *signing.Message) { r.Header.Add("Content-Type", "text/plain") },
		"no digest":              func(r *signing.Reply, _ *signing.Message) { r.Header.Del("Content-Digest") },
		"no signature":           func(r *signing.Reply, _ *signing.Message) { r.Header.Del("Signature") },
		"a broken input":         func(r *signing.Reply, _ *signing.Message) { r.Header.Set("Signature-Input", "sig1=(") },
		"a parameter more":       func(r *signing.Reply, _ *signing.Message) { replaceIn(r.Header, ";keyid", ";alg=\"ed25519\";keyid") },
		"created later":          func(r *signing.Reply, _ *signing.Message) { replaceIn(r.Header, "1795311000", "1795311001") },
		"another tag":            func(r *signing.Reply, _ *signing.Message) { replaceIn(r.Header, "platform-v1", "partner-v1") },
		"another key":            func(r *signing.Reply, _ *signing.Message) { replaceIn(r.Header, "2026a", "2026b") },
		"a component less":       func(r *signing.Reply, _ *signing.Message) { replaceIn(r.Header, `"@path";req `, "") },
		"not of the request":     func(r *signing.Reply, _ *signing.Message) { replaceIn(r.Header, `"@path";req`, `"@path"`) },
		"another request method": func(_ *signing.Reply, m *signing.Message) { m.Method = http.MethodPut },
		"another request path":   func(_ *signing.Reply, m *signing.Message) { m.Path = "/v1/partner/queries" },
		"another request body":   func(_ *signing.Reply, m *signing.Message) { m.Header.Set("Content-Digest", "sha-256=:AAAA:") },
		"another request key":    func(_ *signing.Reply, m *signing.Message) { m.Header.Set("Idempotency-Key", `"BANK-20261122-000009"`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &signing.Reply{Status: reply.Status, Header: reply.Header.Clone(), Body: []byte(string(reply.Body))}
			m := cloneMessage(request)
			mangle(r, m)
			assert.Error(t, signing.VerifyReply(r, m, keys, now))
		})
	}
	assert.Error(t, signing.VerifyReply(reply, request, keys, now.Add(301*time.Second)), "old")
	assert.Error(t, signing.VerifyReply(reply, request, nil, now), "no key")
}

// A signature of the platform that covers less, or something else, binds nothing.
func TestReplyWithAnotherCoverageIsRefused(t *testing.T) {
	t.Parallel()
	key := privateKey(t, "platform_rsa")
	good, request := signedReply(t, key)
	values := map[string]string{
		`"@status"`: "200", `"content-type"`: "application/json", `"content-digest"`: good.Header.Get("Content-Digest"),
		`"@method";req`: request.Method, `"@path";req`: request.Path, `"@path"`: "",
		`"content-digest";req`: request.Header.Get("Content-Digest"), `"idempotency-key";req`: request.Header.Get("Idempotency-Key"),
	}
	all := []string{`"idempotency-key";req`, `"@path";req`, `"@status"`, `"content-type"`, `"content-digest"`, `"@method";req`, `"content-digest";req`}
	for name, test := range map[string]struct {
		coverage []string
		more     string
		good     bool
	}{
		"in another order":       {all, "", true},
		"with alg":               {all, `;alg="rsa-v1_5-sha256"`, false},
		"without the key":        {all[1:], "", false},
		"nothing":                {nil, "", false},
		"a component twice":      {append(slices.Clone(all), all[0]), "", false},
		"a path of no request":   {append(slices.Clone(all), `"@path"`), "", false},
		"only of the reply":      {all[2:5], "", false},
		"without the digest":     {all[:6], "", false},
		"without the own status": {slices.Concat(all[:2], all[3:]), "", false},
	} {
		var components []signing.Component
		for _, identifier := range test.coverage {
			components = append(components, signing.Component{Identifier: identifier, Value: values[identifier]})
		}
		params := "(" + strings.Join(test.coverage, " ") + `);created=1795311000;keyid="platform-2026a";tag="citycard-platform-v1"` + test.more
		signature, err := key.Sign(signing.SignatureBase(components, params))
		require.NoError(t, err)
		reply := &signing.Reply{Status: good.Status, Header: good.Header.Clone(), Body: good.Body}
		reply.Header.Set("Signature-Input", "sig1="+params)
		reply.Header.Set("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(signature)+":")
		err = signing.VerifyReply(reply, request, platformKeys(t), now)
		assert.Equal(t, test.good, err == nil, name)
	}
}

func replaceIn(header http.Header, old, text string) {
	header.Set("Signature-Input", strings.Replace(header.Get("Signature-Input"), old, text, 1))
}

func TestSignReplyNeedsItsRequestsFields(t *testing.T) {
	t.Parallel()
	params := signing.SignatureParams{KeyID: "platform-2026a", Created: now}
	for name, change := range map[string]func(reply *signing.Reply, request *signing.Message){
		"no Content-Type":    func(r *signing.Reply, _ *signing.Message) { r.Header.Del("Content-Type") },
		"no request digest":  func(_ *signing.Reply, m *signing.Message) { m.Header.Del("Content-Digest") },
		"no idempotency key": func(_ *signing.Reply, m *signing.Message) { m.Header.Del("Idempotency-Key") },
		"a line in the path": func(_ *signing.Reply, m *signing.Message) { m.Path = "/\n" },
	} {
		reply, request := signedReply(t, privateKey(t, "platform_sm2"))
		change(reply, request)
		assert.Error(t, signing.SignReply(reply, request, params, privateKey(t, "platform_sm2")), name)
	}
}
