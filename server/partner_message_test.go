package main_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

const (
	eventsPath  = "/v1/partner/events"
	queriesPath = "/v1/partner/queries"
)

// messageBench sends signed messages of one of the bank's keys.
type messageBench struct {
	town    *partnerTown
	running *process
	client  *client
	keyID   string
	made    int
	nonces  int
}

func (b *messageBench) number(kind string) string {
	b.made++
	return fmt.Sprintf("%s-%s-%06d", kind, b.keyID[10:13], b.made)
}

func (b *messageBench) nonce() string {
	b.nonces++
	return fmt.Sprintf("nonce-%s-%08d", b.keyID[10:13], b.nonces)
}

// message signs a body for the public host at the clock of the vectors.
func (b *messageBench) message(t *testing.T, path, number, nonce, body string) *signing.Message {
	t.Helper()
	m := &signing.Message{
		Method: http.MethodPost, Authority: vectorHost, Path: path, Body: []byte(body),
		Header: http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {`"` + number + `"`}},
	}
	now := vectorNow(t)
	require.NoError(t, signing.SignRequest(m, signing.SignatureParams{
		KeyID: b.keyID, Tag: signing.TagPartner, Created: now, Expires: now.Add(300 * time.Second), Nonce: nonce,
	}, b.town.keys[b.keyID]))
	return m
}

func (b *messageBench) event(t *testing.T, kind string) *signing.Message {
	t.Helper()
	number := b.number(kind)
	return b.message(t, eventsPath, number, b.nonce(), b.content(t, number, nil))
}

// content is an activation as the profile carries it.
func (b *messageBench) content(t *testing.T, number string, change func(event map[string]any)) string {
	t.Helper()
	event := b.town.cards[0].activation(number, vectorNow(t))
	event["type"] = activate
	if change != nil {
		change(event)
	}
	return jsonOf(t, event)
}

func (b *messageBench) send(t *testing.T, m *signing.Message) reply {
	t.Helper()
	address := b.running.service + m.Path
	if m.Query != "" {
		address += "?" + m.Query
	}
	request, err := http.NewRequest(m.Method, address, bytes.NewReader(m.Body))
	require.NoError(t, err)
	request.Host, request.Header = m.Authority, m.Header
	answer, err := b.client.do(request)
	require.NoError(t, err)
	return answer
}

// verify holds that a reply is the platform's answer to this request.
func (b *messageBench) verify(t *testing.T, m *signing.Message, answer reply) {
	t.Helper()
	var keys []signing.VerifyingKey
	for _, key := range platformKeys(t, b.running) {
		keys = append(keys, signing.VerifyingKey{ID: key.id, Key: key.key})
	}
	signed := &signing.Reply{Status: answer.status, Header: answer.header, Body: []byte(answer.body)}
	assert.NoError(t, signing.VerifyReply(signed, m, keys, vectorNow(t)), answer.body)
}

func (b *messageBench) good(t *testing.T) {
	t.Helper()
	answer := b.send(t, b.event(t, "GOOD"))
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	require.Contains(t, answer.body, `"result":"APPLIED"`)
}

// messageForgery is one way to mangle a signed message and the table's answer to it.
type messageForgery struct {
	name   string
	mangle func(m *signing.Message)
	status int
	code   string
}

func inHeader(name, old, text string) func(m *signing.Message) {
	return func(m *signing.Message) {
		value := m.Header.Get(name)
		if !strings.Contains(value, old) {
			panic(name + " lacks " + old)
		}
		m.Header.Set(name, strings.Replace(value, old, text, 1))
	}
}

func setHeader(name, value string) func(m *signing.Message) {
	return func(m *signing.Message) { m.Header.Set(name, value) }
}

func withDigest(m *signing.Message) {
	sum := sha256.Sum256(m.Body)
	m.Header.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
}

func messageForgeries(keyID string) []messageForgery {
	const malformed, unsigned, forged = "malformed_request", "signature_required", "signature_invalid"
	list := []messageForgery{
		{"by PUT", func(m *signing.Message) { m.Method = http.MethodPut }, 405, "method_not_allowed"},
		{"by OPTIONS", func(m *signing.Message) { m.Method = http.MethodOptions }, 405, "method_not_allowed"},
		{"to another route", func(m *signing.Message) { m.Path = queriesPath }, 401, forged},
		{"to no route", func(m *signing.Message) { m.Path += "/" }, 404, "not_found"},
		{"with a query", func(m *signing.Message) { m.Query = "dry_run=1" }, 401, forged},
		{"for another host", func(m *signing.Message) { m.Authority = "evil.example" }, 401, forged},
		{"for another port", func(m *signing.Message) { m.Authority = vectorHost + ":8443" }, 401, forged},
		{"another body", func(m *signing.Message) { m.Body[10] ^= 1 }, 400, "content_digest_invalid"},
		{"a line feed more", func(m *signing.Message) { m.Body = append(m.Body, '\n') }, 400, "content_digest_invalid"},
		{"another body with its digest", func(m *signing.Message) { m.Body = []byte("{}"); withDigest(m) }, 401, forged},
		{"over 64 KiB", func(m *signing.Message) { m.Body = make([]byte, 64<<10+1) }, 413, "body_too_large"},
		{"no digest", func(m *signing.Message) { m.Header.Del("Content-Digest") }, 400, "content_digest_invalid"},
		{"a digest of another name", inHeader("Content-Digest", "sha-256", "sha-512"), 400, "content_digest_invalid"},
		{"a digest without padding", inHeader("Content-Digest", "=:", ":"), 400, "content_digest_invalid"},
		{"no number", func(m *signing.Message) { m.Header.Del("Idempotency-Key") }, 400, "idempotency_key_required"},
		{"an empty number", setHeader("Idempotency-Key", `""`), 400, "idempotency_key_required"},
		{"a short number", setHeader("Idempotency-Key", `"BANK"`), 400, malformed},
		{"another number", setHeader("Idempotency-Key", `"BANK-20261122-000009"`), 401, forged},
		{"text", setHeader("Content-Type", "text/plain"), 415, "unsupported_media_type"},
		{"no type", func(m *signing.Message) { m.Header.Del("Content-Type") }, 415, "unsupported_media_type"},
		{"another charset", setHeader("Content-Type", "application/json; charset=gbk"), 415, "unsupported_media_type"},
		{"another spelling of the type", setHeader("Content-Type", "application/json; charset=utf-8"), 401, forged},
		{"compressed", setHeader("Content-Encoding", "gzip"), 415, "unsupported_media_type"},
		{"no signature", func(m *signing.Message) { m.Header.Del("Signature") }, 401, unsigned},
		{"no input", func(m *signing.Message) { m.Header.Del("Signature-Input") }, 401, unsigned},
		{"neither", func(m *signing.Message) { m.Header.Del("Signature"); m.Header.Del("Signature-Input") }, 401, unsigned},
		{"a signature of another label", inHeader("Signature", "sig1", "sig2"), 401, unsigned},
		{"a signature as a string", setHeader("Signature", `sig1="AAAA"`), 400, malformed},
		{"an empty signature", setHeader("Signature", "sig1=::"), 401, forged},
		{"a short signature", setHeader("Signature", "sig1=:AAAA:"), 401, forged},
		{"64 zeros", setHeader("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(make([]byte, 64))+":"), 401, forged},
		{"256 zeros", setHeader("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(make([]byte, 256))+":"), 401, forged},
		{"two tagged signatures", func(m *signing.Message) {
			input, value := m.Header.Get("Signature-Input"), m.Header.Get("Signature")
			m.Header.Set("Signature-Input", input+", "+strings.Replace(input, "sig1", "sig2", 1))
			m.Header.Set("Signature", value+", "+strings.Replace(value, "sig1", "sig2", 1))
		}, 401, "insufficient_coverage"},
	}
	for _, name := range []string{"Content-Digest", "Idempotency-Key", "Signature-Input", "Signature"} {
		list = append(list, messageForgery{name + " on two lines", func(m *signing.Message) { m.Header.Add(name, m.Header.Get(name)) }, 400, malformed})
		list = append(list, messageForgery{name + " with a raw byte", func(m *signing.Message) { m.Header.Set(name, m.Header.Get(name)+"\xff") }, 400, malformed})
	}
	for _, component := range []string{`"@method"`, `"@authority"`, `"@path"`, `"@query"`, `"content-type"`, `"content-digest"`, `"idempotency-key"`} {
		list = append(list,
			messageForgery{component + " not covered", inHeader("Signature-Input", component, ""), 401, "insufficient_coverage"},
			messageForgery{component + " covered twice", inHeader("Signature-Input", component, component+" "+component), 400, malformed},
			messageForgery{component + " of the request", inHeader("Signature-Input", component, component+";req"), 401, "insufficient_coverage"})
	}
	for name, c := range map[string]struct {
		old, text string
		status    int
		code      string
	}{
		"alg": {";nonce", `;alg="none";nonce`, 400, malformed}, "an unknown parameter": {";nonce", ";x=1;nonce", 400, malformed},
		"created twice": {";nonce", ";created=1795311000;nonce", 400, malformed}, "no created": {";created=1795311000", "", 401, unsigned},
		"no expires": {";expires=1795311300", "", 401, unsigned}, "no keyid": {`;keyid="` + keyID + `"`, "", 401, unsigned},
		"a short nonce": {`nonce="nonce-`, `nonce="n" ;a="`, 400, malformed}, "an unknown key": {keyID, "bank-demo-unknown", 401, forged},
		"a key in capitals": {keyID, strings.ToUpper(keyID), 400, malformed}, "another tag": {"partner-v1", "partner-v2", 401, "insufficient_coverage"},
		"the tag of replies": {"citycard-partner", "citycard-platform", 401, "insufficient_coverage"}, "no tag": {`;tag="citycard-partner-v1"`, "", 401, "insufficient_coverage"},
		"created 301 s ago":   {"created=1795311000;expires=1795311300", "created=1795310699;expires=1795310999", 401, "timestamp_skew"},
		"created 301 s ahead": {"created=1795311000;expires=1795311300", "created=1795311301;expires=1795311302", 401, "timestamp_skew"},
		"expired":             {"created=1795311000;expires=1795311300", "created=1795310990;expires=1795310999", 401, "timestamp_skew"},
		"living 301 s":        {"expires=1795311300", "expires=1795311301", 401, "timestamp_skew"}, "a fraction": {"created=1795311000", "created=1795311000.0", 400, malformed},
		"another second": {"created=1795311000", "created=1795311001", 401, forged}, "another nonce": {`nonce="nonce-`, `nonce="nonse-`, 401, forged},
	} {
		list = append(list, messageForgery{name, inHeader("Signature-Input", c.old, c.text), c.status, c.code})
	}
	return list
}

func requireProblem(t *testing.T, name string, answer reply, status int, code string) {
	t.Helper()
	var problem struct {
		Code string `json:"code"`
	}
	assert.NoError(t, json.Unmarshal([]byte(answer.body), &problem), "%s: %s", name, answer.body)
	assert.Equal(t, fmt.Sprint(status, code), fmt.Sprint(answer.status, problem.Code), name)
	assert.Equal(t, "application/problem+json", answer.header.Get("Content-Type"), name)
}

func TestNoForgedMessageIsAccepted(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			town := newPartnerTown(t, fresh(t), 1, "CITYCARD_NOW="+vectorClock)
			running := town.startAtVectors(t)
			for _, keyID := range []string{bankEd25519, bankRSA, bankSM2} {
				b := &messageBench{town: town, running: running, client: newClient(""), keyID: keyID}
				b.good(t)
				forgeries := messageForgeries(keyID)
				for _, f := range forgeries {
					m := b.event(t, "FORGED")
					f.mangle(m)
					answer := b.send(t, m)
					requireProblem(t, f.name, answer, f.status, f.code)
					assert.Empty(t, answer.header.Get("Signature"), "%s: nothing is signed for a stranger", f.name)
					b.good(t)
				}
				proven := b.provenForgeries(t)
				require.GreaterOrEqual(t, len(forgeries)+proven, 60)
				t.Logf("%s %s: %d kinds", engine, keyID, len(forgeries)+proven)
			}
			for _, number := range town.numbers(t) {
				assert.NotContains(t, number, "FORGED")
			}
		})
	}
}

// provenForgeries are well signed and wrong all the same: rows 14 to 20. It returns how many there were.
func (b *messageBench) provenForgeries(t *testing.T) int {
	t.Helper()
	kinds := 0
	try := func(name string, m *signing.Message, status int, code string) {
		answer := b.send(t, m)
		requireProblem(t, name, answer, status, code)
		b.verify(t, m, answer)
		b.good(t)
		kinds++
	}
	signed := func(path, body string) *signing.Message {
		number := b.number("FORGED")
		return b.message(t, path, number, b.nonce(), strings.ReplaceAll(body, "NUMBER", number))
	}
	changed := func(change func(map[string]any)) *signing.Message {
		number := b.number("FORGED")
		return b.message(t, eventsPath, number, b.nonce(), b.content(t, number, change))
	}
	for name, body := range map[string]string{
		"no JSON": "NUMBER", "nothing": "", "an array": `["NUMBER"]`, "no type": `{"out_request_no":"NUMBER"}`, "a type that is a number": `{"type":1}`,
		"text behind": `{"type":"` + activate + `"} x`, "type twice": `{"type":"` + activate + `","type":"` + activate + `"}`,
		"type in capitals": `{"Type":"` + activate + `","out_request_no":"NUMBER"}`,
	} {
		try(name, signed(eventsPath, body), 400, "invalid_payload")
	}
	try("an unknown method", signed(eventsPath, `{"type":"citycard.financial.explode"}`), 404, "not_found")
	try("a query as an event", signed(eventsPath, `{"type":"citycard.card.query"}`), 404, "not_found")
	try("an event as a query", signed(queriesPath, `{"type":"`+activate+`"}`), 404, "not_found")
	try("a method not granted", signed(eventsPath, `{"type":"citycard.financial.close"}`), 403, "partner_scope")
	try("another number inside", changed(func(e map[string]any) { e["out_request_no"] = "FORGED-another-number" }), 400, "invalid_payload")
	try("an unknown member", changed(func(e map[string]any) { e["name"] = "somebody" }), 400, "invalid_payload")
	try("a password", changed(func(e map[string]any) { e["password"] = "123456" }), 422, "password_in_body")
	try("an unknown card", changed(func(e map[string]any) { e["card_number"] = "ZZZZZZZZZ" }), 404, "card_not_matched")
	try("tomorrow", changed(func(e map[string]any) { e["occurred_at"] = vectorNow(t).Add(24 * time.Hour).Format(time.RFC3339) }), 422, "occurred_in_future")

	again := b.event(t, "GOOD")
	first := b.send(t, again)
	b.verify(t, again, first)
	try("the same message again", again, 409, "nonce_reused")
	number := b.number("GOOD")
	b.send(t, b.message(t, eventsPath, number, b.nonce(), b.content(t, number, nil)))
	try("another event under a number",
		b.message(t, eventsPath, number, b.nonce(), b.content(t, number, func(e map[string]any) { e["password_set"] = false })), 422, "event_id_reused")
	repeated := b.message(t, eventsPath, number, b.nonce(), b.content(t, number, nil))
	hit := b.send(t, repeated)
	assert.Equal(t, "true", hit.header.Get("Idempotency-Hit"), hit.body)
	b.verify(t, repeated, hit)

	query := fmt.Sprintf(`{"type":"citycard.card.query","region":%q,"card_number":%q}`, townRegion, b.town.cards[0]["card_number"])
	asked := b.message(t, queriesPath, b.number("QUERY"), b.nonce(), query)
	shown := b.send(t, asked)
	assert.Equal(t, http.StatusOK, shown.status, shown.body)
	assert.Contains(t, shown.body, `"financial":"active"`)
	assert.NotContains(t, shown.body, b.town.cards[0]["name"])
	b.verify(t, asked, shown)
	try("the same query again", asked, 409, "nonce_reused")
	return kinds
}
