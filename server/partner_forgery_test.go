package main_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

// forgery is one way to mangle a signed form, and the table's answer to it: a sub_code, or an HTTP status alone.
type forgery struct {
	name   string
	mangle func(d *formDraft)
	want   string
	status int
}

// gatewayAnswers says of each parameter how its removal, an empty value, a letter more and a smuggled pair are
// answered.
var gatewayAnswers = map[string][4]string{
	"app_id":      {"isv.missing-app-id", "isv.missing-app-id", "isv.invalid-parameter", "isv.invalid-parameter"},
	"method":      {"isv.missing-method", "isv.missing-method", "isv.invalid-signature", "isv.invalid-parameter"},
	"format":      {"isv.invalid-signature", "isv.invalid-format", "isv.invalid-format", "isv.invalid-format"},
	"charset":     {"isv.missing-charset", "isv.missing-charset", "isv.invalid-charset", "isv.invalid-charset"},
	"sign_type":   {"isv.missing-signature-type", "isv.missing-signature-type", "isv.invalid-signature-type", "isv.invalid-signature-type"},
	"sign":        {"isv.missing-signature", "isv.missing-signature", "isv.invalid-signature", "isv.invalid-signature"},
	"timestamp":   {"isv.missing-timestamp", "isv.missing-timestamp", "isv.invalid-timestamp", "isv.invalid-timestamp"},
	"version":     {"isv.missing-version", "isv.missing-version", "isv.invalid-version", "isv.invalid-version"},
	"biz_content": {"isv.missing-biz-content", "isv.missing-biz-content", "isv.invalid-signature", "isv.invalid-signature"},
	"nonce":       {"isv.invalid-signature", "isv.invalid-parameter", "isv.invalid-signature", "isv.invalid-parameter"},
	"key_id":      {"isv.invalid-signature", "isv.invalid-parameter", "isv.invalid-signature", "isv.invalid-parameter"},
}

// parameterForgeries mangle each parameter in every way that its form, its name and its value have.
func parameterForgeries(all map[string][4]string) []forgery {
	var list []forgery
	for name, answers := range all {
		add := func(what, want string, mangle func(d *formDraft)) {
			list = append(list, forgery{name: name + " " + what, mangle: mangle, want: want})
		}
		add("removed", answers[0], func(d *formDraft) { d.remove(name) })
		add("emptied", answers[1], func(d *formDraft) { d.set(name, "") })
		add("a letter longer", answers[2], func(d *formDraft) { d.set(name, d.value(name)+"x") })
		add("with a smuggled pair", answers[3], func(d *formDraft) { d.set(name, d.value(name)+"%26a%3D1") })
		for what, tail := range map[string]string{
			"with half an escape": "%4", "with an escape that is not hex": "%zz", "with a NUL": "%00", "with a line feed": "%0A",
			"with a stray byte": "%FF", "with an overlong slash": "%C0%AF", "with a surrogate": "%ED%A0%80", "with a semicolon": ";",
		} {
			add(what, "isv.invalid-encoding", func(d *formDraft) { d.set(name, d.value(name)+tail) })
		}
		add("twice", "isv.duplicate-parameter", func(d *formDraft) { d.double(name) })
		add("in both halves", "isv.duplicate-parameter", func(d *formDraft) {
			d.query, d.body = append(d.query, pair{name, "1"}), append(d.body, pair{name, "1"})
		})
		add("in capitals", "isv.unknown-parameter", func(d *formDraft) { d.rename(name, strings.ToUpper(name)) })
		add("as an array", "isv.unknown-parameter", func(d *formDraft) { d.rename(name, name+"[]") })
	}
	return list
}

// valueForgeries change what was signed, when, and by whom; others are keys that must not be believed.
func valueForgeries(others ...*signing.PrivateKey) []forgery {
	var list []forgery
	for what, value := range map[string]string{
		"301 s early": "2026-11-22 09:24:59", "301 s late": "2026-11-22 09:35:01", "in UTC": "2026-11-22 01:30:00",
		"with a T": "2026-11-22T09:30:00", "with an offset": "2026-11-22 09:30:00+08:00", "on a day that is none": "2026-02-30 09:30:00",
		"in seconds": "1795311000", "with a fraction": "2026-11-22 09:30:00.5",
	} {
		list = append(list, forgery{name: "timestamp " + what, want: "isv.invalid-timestamp", mangle: func(d *formDraft) { d.setPlain("timestamp", value) }})
	}
	for _, kind := range []string{"RSA", "rsa2", "MD5", "none", "ED25519", "HMAC"} {
		list = append(list, forgery{name: "sign_type " + kind, want: "isv.invalid-signature-type", mangle: func(d *formDraft) { d.set("sign_type", kind) }})
	}
	for _, changed := range [][2]string{
		{"biz_content", `{"out_request_no":"FORGED-0001"}`}, {"method", "citycard.financial.lose"}, {"charset", "UTF-8"},
		{"timestamp", "2026-11-22 09:30:01"}, {"nonce", "another-nonce-of-mine"}, {"key_id", "bank-demo-xxx-2026a"},
	} {
		list = append(list, forgery{name: "another " + changed[0], want: "isv.invalid-signature", mangle: func(d *formDraft) { d.setPlain(changed[0], changed[1]) }})
	}
	list = append(list,
		forgery{name: "an app that is not registered", want: "isv.invalid-app-id", mangle: func(d *formDraft) { d.set("app_id", "2026000000000009") }},
		forgery{name: "an app id with a zero before", want: "isv.invalid-app-id", mangle: func(d *formDraft) { d.set("app_id", "02026000000000001") }},
	)
	for what, spell := range map[string]func(string) string{
		"without padding": func(s string) string { return strings.TrimRight(s, "=") }, "with more padding": func(s string) string { return s + "====" },
		"with a space": func(s string) string { return s[:8] + " " + s[8:] }, "of padding": func(string) string { return "====" },
		"cut off": func(s string) string { return s[:len(s)/2/4*4] }, "in lower case": strings.ToLower, "of zeros": func(s string) string { return strings.Repeat("A", len(s)/4*4) },
	} {
		list = append(list, forgery{name: "sign " + what, want: "isv.invalid-signature", mangle: func(d *formDraft) {
			before := d.plain("sign")
			if after := spell(before); after != before {
				d.setPlain("sign", after)
			} else {
				d.setPlain("sign", "A"+before)
			}
		}})
	}
	for i, other := range others {
		list = append(list, forgery{name: fmt.Sprintf("signed by stranger %d", i), want: "isv.invalid-signature", mangle: func(d *formDraft) {
			signature, err := other.Sign([]byte(d.canonical()))
			if err != nil {
				panic(err)
			}
			d.setPlain("sign", base64.StdEncoding.EncodeToString(signature))
		}})
	}
	return list
}

// canonical is what is signed, built the plain way.
func (d *formDraft) canonical(without ...string) string {
	names := []string{}
	for _, p := range append(append([]pair{}, d.query...), d.body...) {
		names = append(names, p.name)
	}
	return joinSorted(names, append(without, "sign"), d.plain)
}

// transportForgeries are around the parameters: rows 1 to 3.
func transportForgeries() []forgery {
	return []forgery{
		{name: "by GET", status: http.StatusMethodNotAllowed, mangle: func(d *formDraft) { d.method = http.MethodGet }},
		{name: "by PUT", status: http.StatusMethodNotAllowed, mangle: func(d *formDraft) { d.method = http.MethodPut }},
		{name: "by OPTIONS", status: http.StatusMethodNotAllowed, mangle: func(d *formDraft) { d.method = http.MethodOptions }},
		{name: "to another path", status: http.StatusNotFound, mangle: func(d *formDraft) { d.path += "/" }},
		{name: "over 64 KiB", status: http.StatusRequestEntityTooLarge, mangle: func(d *formDraft) { d.body = append(d.body, pair{"a", strings.Repeat("a", 64<<10)}) }},
		{name: "over 64 KiB by PUT", status: http.StatusMethodNotAllowed, mangle: func(d *formDraft) {
			d.method, d.body = http.MethodPut, append(d.body, pair{"a", strings.Repeat("a", 64<<10)})
		}},
		{name: "over 64 KiB as JSON", status: http.StatusRequestEntityTooLarge, mangle: func(d *formDraft) {
			d.header.Set("Content-Type", "application/json")
			d.body = append(d.body, pair{"a", strings.Repeat("a", 64<<10)})
		}},
		{name: "with headers over 16 KiB", status: http.StatusRequestHeaderFieldsTooLarge, mangle: func(d *formDraft) { d.header.Set("X-Filler", strings.Repeat("a", 16<<10)) }},
		{name: "with a query over 16 KiB", status: http.StatusRequestHeaderFieldsTooLarge, mangle: func(d *formDraft) { d.query = append(d.query, pair{"a", strings.Repeat("a", 16<<10)}) }},
		{name: "with 33 parameters", status: http.StatusRequestEntityTooLarge, mangle: func(d *formDraft) {
			for len(d.query)+len(d.body) <= 32 {
				d.body = append(d.body, pair{"a", "1"})
			}
		}},
		{name: "as JSON", status: http.StatusUnsupportedMediaType, mangle: func(d *formDraft) { d.header.Set("Content-Type", "application/json") }},
		{name: "as multipart", status: http.StatusUnsupportedMediaType, mangle: func(d *formDraft) { d.header.Set("Content-Type", "multipart/form-data; boundary=a") }},
		{name: "without a type", status: http.StatusUnsupportedMediaType, mangle: func(d *formDraft) { d.header.Del("Content-Type") }},
		{name: "compressed", status: http.StatusUnsupportedMediaType, mangle: func(d *formDraft) { d.header.Set("Content-Encoding", "gzip") }},
	}
}

// gatewayBench sends forgeries to a running service, with a good event after each.
type gatewayBench struct {
	town    *partnerTown
	running *process
	client  *client
	keyID   string
	made    int
	nonces  int
}

func (b *gatewayBench) draft(t *testing.T, method, content string) *formDraft {
	t.Helper()
	b.nonces++
	nonce := fmt.Sprintf("nonce-%s-%08d", b.keyID[10:13], b.nonces)
	return gatewayEvent{b.town.keys[b.keyID], b.keyID, nonce, method, content}.draft(t, vectorNow(t))
}

func (b *gatewayBench) number(kind string) string {
	b.made++
	return fmt.Sprintf("%s-%s-%06d", kind, b.keyID[10:13], b.made)
}

const activate = "citycard.financial.activate"

func (b *gatewayBench) content(t *testing.T, kind string) string {
	t.Helper()
	return jsonOf(t, b.town.cards[0].activation(b.number(kind), vectorNow(t)))
}

// good requires that a good event is accepted.
func (b *gatewayBench) good(t *testing.T) {
	t.Helper()
	d := b.draft(t, activate, b.content(t, "GOOD"))
	if b.made%4 == 0 {
		d.join()
	}
	answer := d.send(t, b.client, b.running.service)
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	require.Contains(t, answer.body, `"code":"10000","msg":"Success"`)
}

var replyMember = regexp.MustCompile(`^\{"([a-z0-9_]+)":\{"code":"([0-9]+)","msg":"[^"]+"(?:,"sub_code":"([^"]+)")?`)

// require holds an answer to what the table says; every answer of the gateway's is signed.
func (f forgery) require(t *testing.T, answer reply, keys []*signing.PublicKey) {
	t.Helper()
	if f.status != 0 {
		assert.Equal(t, f.status, answer.status, f.name)
		return
	}
	read := replyMember.FindStringSubmatch(answer.body)
	if !assert.NotNil(t, read, "%s: %s", f.name, answer.body) {
		return
	}
	assert.Equal(t, http.StatusOK, answer.status, f.name)
	assert.Equal(t, f.want, read[3], f.name)
	assert.NotEqual(t, "10000", read[2], f.name)
	envelope := signing.Envelope{}
	if method, named := strings.CutSuffix(read[1], "_response"); named && method != "error" {
		envelope.Method = strings.ReplaceAll(method, "_", ".")
	}
	var err error
	for _, key := range keys {
		if _, err = signing.OpenReply([]byte(answer.body), envelope, key); err == nil {
			return
		}
	}
	assert.NoError(t, err, f.name)
}

func TestNoForgedGatewayRequestIsAccepted(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			town := newPartnerTown(t, fresh(t), 1, "CITYCARD_NOW="+vectorClock)
			running := town.startAtVectors(t)
			keys := []*signing.PublicKey{platformKey(t, running, "RSA2"), platformKey(t, running, "SM2")}
			strangers := []*signing.PrivateKey{privateKey(t, "platform_rsa"), privateKey(t, "platform_sm2"), town.keys[bankEd25519]}
			forgeries := append(parameterForgeries(gatewayAnswers), append(valueForgeries(strangers...), transportForgeries()...)...)
			for _, keyID := range []string{bankRSA, bankSM2} {
				b := &gatewayBench{town: town, running: running, client: newClient(""), keyID: keyID}
				b.good(t)
				for _, f := range forgeries {
					d := b.draft(t, activate, b.content(t, "FORGED"))
					f.mangle(d)
					f.require(t, d.send(t, b.client, running.service), keys)
					b.good(t)
				}
				proven := provenForgeries(t)
				for _, f := range proven {
					f.require(t, f.send(t, b), keys)
					b.good(t)
				}
				require.GreaterOrEqual(t, len(forgeries)+len(proven), 60)
				t.Logf("%s %s: %d kinds", engine, keyID, len(forgeries)+len(proven))
			}
			for _, number := range town.numbers(t) {
				assert.NotContains(t, number, "FORGED")
			}
		})
	}
}

// provenForgery is well signed and wrong all the same: rows 14 to 21.
type provenForgery struct {
	forgery

	send func(t *testing.T, b *gatewayBench) reply
}

func provenForgeries(t *testing.T) []provenForgery {
	t.Helper()
	var list []provenForgery
	content := func(name, want string, change func(event map[string]any)) {
		list = append(list, provenForgery{forgery{name: name, want: want}, func(t *testing.T, b *gatewayBench) reply {
			event := b.town.cards[0].activation(b.number("FORGED"), vectorNow(t))
			change(event)
			return b.draft(t, activate, jsonOf(t, event)).send(t, b.client, b.running.service)
		}})
	}
	raw := func(name, want, method, text string) {
		list = append(list, provenForgery{forgery{name: name, want: want}, func(t *testing.T, b *gatewayBench) reply {
			number := b.number("FORGED")
			return b.draft(t, method, strings.ReplaceAll(text, "NUMBER", number)).send(t, b.client, b.running.service)
		}})
	}
	const invalid = "isv.invalid-parameter"
	for member, values := range map[string][]any{
		"out_request_no": {nil, 7, "", "short", "with space 1", strings.Repeat("a", 65)},
		"occurred_at":    {nil, "", "2026-11-22", "2026-11-22 09:30:00", "2026-11-22T09:30:00", 1795311000},
		"region":         {nil, 320100, "3201", "32010a"},
		"bank_code":      {nil, "1020", 102}, "account_last4": {nil, "789", 7893}, "password_set": {"true", 1},
		"password": {"123456"}, "name": {"somebody"}, "Region": {"320100"},
	} {
		for _, value := range values {
			content(fmt.Sprintf("%s as %v", member, value), invalid, func(e map[string]any) {
				e[member] = value
				if value == nil {
					delete(e, member)
				}
			})
		}
	}
	content("occurring tomorrow", invalid, func(e map[string]any) { e["occurred_at"] = vectorNow(t).Add(24 * time.Hour).Format(time.RFC3339) })
	content("an unknown card", "citycard.card-not-found", func(e map[string]any) { e["card_number"] = "ZZZZZZZZZ" })
	content("a card of another region", "citycard.card-not-found", func(e map[string]any) { e["region"] = "440100" })
	content("another bank's code", "citycard.bank-not-issuer", func(e map[string]any) { e["bank_code"] = "103" })
	for name, text := range map[string]string{
		"no JSON": "NUMBER", "an array": `["NUMBER"]`, "null": "null", "text behind": `{"out_request_no":"NUMBER"} x`,
		"a member twice": `{"out_request_no":"NUMBER","out_request_no":"NUMBER"}`, "a fraction": `{"out_request_no":"NUMBER","password_set":1.5}`,
		"a lone surrogate": `{"out_request_no":"NUMBER","region":"\ud800"}`, "depth": `{"agent":` + strings.Repeat(`{"agent":`, 9) + "1" + strings.Repeat("}", 10),
	} {
		raw(name, invalid, activate, text)
	}
	raw("an unknown method", "isv.invalid-method", "citycard.financial.explode", `{"out_request_no":"NUMBER"}`)
	raw("a query", "isv.invalid-method", "citycard.card.query", `{"out_request_no":"NUMBER"}`)
	raw("a method not granted", "isv.insufficient-isv-permissions", "citycard.financial.close", `{"out_request_no":"NUMBER"}`)
	raw("a hospital's method", "isv.insufficient-isv-permissions", "citycard.social.activate", `{"out_request_no":"NUMBER"}`)
	list = append(list,
		provenForgery{forgery{name: "the same request again", want: "isv.replayed-request"}, func(t *testing.T, b *gatewayBench) reply {
			d := b.draft(t, activate, b.content(t, "GOOD"))
			d.send(t, b.client, b.running.service)
			return d.send(t, b.client, b.running.service)
		}},
		provenForgery{forgery{name: "a nonce again, in another request", want: "isv.replayed-request"}, func(t *testing.T, b *gatewayBench) reply {
			b.draft(t, activate, b.content(t, "GOOD")).send(t, b.client, b.running.service)
			b.nonces--
			return b.draft(t, activate, b.content(t, "FORGED")).send(t, b.client, b.running.service)
		}},
		provenForgery{forgery{name: "another event under a number", want: "isv.out-request-no-conflict"}, func(t *testing.T, b *gatewayBench) reply {
			event := b.town.cards[0].activation(b.number("GOOD"), vectorNow(t))
			b.draft(t, activate, jsonOf(t, event)).send(t, b.client, b.running.service)
			event["password_set"] = false
			return b.draft(t, activate, jsonOf(t, event)).send(t, b.client, b.running.service)
		}},
	)
	return list
}
