package main_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

func urlEscape(text string) string { return url.QueryEscape(text) }

// form posts a form.
func (c *client) form(address, body string) (reply, error) {
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	return c.do(request)
}

// pair is one parameter of a form as it travels, both halves encoded.
type pair struct{ name, value string }

// formDraft is a signed form that a test may mangle before it is sent.
type formDraft struct {
	method, path string
	query, body  []pair
	header       http.Header
}

func pairsOf(text string) []pair {
	var pairs []pair
	for part := range strings.SplitSeq(text, "&") {
		if part != "" {
			name, value, _ := strings.Cut(part, "=")
			pairs = append(pairs, pair{name, value})
		}
	}
	return pairs
}

func encode(pairs []pair) string {
	texts := make([]string, len(pairs))
	for i, p := range pairs {
		texts[i] = p.name + "=" + p.value
	}
	return strings.Join(texts, "&")
}

// half is the half of the form that holds a parameter, and where in it.
func (d *formDraft) half(name string) (*[]pair, int) {
	for _, half := range []*[]pair{&d.query, &d.body} {
		if i := slices.IndexFunc(*half, func(p pair) bool { return p.name == name }); i >= 0 {
			return half, i
		}
	}
	panic("no parameter " + name)
}

func (d *formDraft) value(name string) string {
	half, i := d.half(name)
	return (*half)[i].value
}

func (d *formDraft) plain(name string) string {
	value, err := url.QueryUnescape(d.value(name))
	if err != nil {
		panic(err)
	}
	return value
}

func (d *formDraft) set(name, encoded string) {
	half, i := d.half(name)
	(*half)[i].value = encoded
}

func (d *formDraft) setPlain(name, value string) { d.set(name, url.QueryEscape(value)) }

func (d *formDraft) rename(name, to string) {
	half, i := d.half(name)
	(*half)[i].name = to
}

func (d *formDraft) remove(name string) {
	half, i := d.half(name)
	*half = slices.Delete(*half, i, i+1)
}

func (d *formDraft) double(name string) {
	half, i := d.half(name)
	*half = append(*half, (*half)[i])
}

// join moves all parameters into the body, as some SDKs send them.
func (d *formDraft) join() { d.body, d.query = append(d.body, d.query...), nil }

func (d *formDraft) send(t *testing.T, c *client, service string) reply {
	t.Helper()
	address := service + d.path
	if len(d.query) > 0 {
		address += "?" + encode(d.query)
	}
	request, err := http.NewRequest(d.method, address, strings.NewReader(encode(d.body)))
	require.NoError(t, err)
	request.Header = d.header
	answer, err := c.do(request)
	require.NoError(t, err)
	return answer
}

// gatewayEvent is an event of the bank in the gateway profile.
type gatewayEvent struct {
	key    *signing.PrivateKey
	keyID  string
	nonce  string
	method string
	// content is biz_content.
	content string
}

// draft signs the event at a moment.
func (e gatewayEvent) draft(tb testing.TB, now time.Time) *formDraft {
	tb.Helper()
	values := map[string]string{
		"app_id": bankApp, "method": e.method, "format": "JSON", "charset": "utf-8", "version": "1.0", "key_id": e.keyID,
		"timestamp": now.In(time.FixedZone("UTC+8", 8*60*60)).Format(time.DateTime), "biz_content": e.content,
	}
	if e.nonce != "" {
		values["nonce"] = e.nonce
	}
	query, body, err := signing.SignGateway(values, e.key)
	require.NoError(tb, err)
	return &formDraft{
		method: http.MethodPost, path: "/gateway.do", query: pairsOf(query), body: pairsOf(body),
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded;charset=utf-8"}},
	}
}

// joinSorted writes `name=value` of the names not left out, in their order, joined by `&`.
func joinSorted(names, without []string, value func(string) string) string {
	names = slices.Sorted(slices.Values(names))
	var lines []string
	for _, name := range names {
		if !slices.Contains(without, name) {
			lines = append(lines, name+"="+value(name))
		}
	}
	return strings.Join(lines, "&")
}

// sign puts the key's signature over a text into the form.
func (d *formDraft) sign(t *testing.T, key *signing.PrivateKey, text string) {
	t.Helper()
	signature, err := key.Sign([]byte(text))
	require.NoError(t, err)
	d.setPlain("sign", base64.StdEncoding.EncodeToString(signature))
}
