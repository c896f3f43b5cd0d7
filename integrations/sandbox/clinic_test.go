package sandbox_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // signatures over SHA-1 are one of the mistakes
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/sandbox"
)

const bankApp = "2026000000000001"

type diagnosis struct {
	OK       bool `json:"ok"`
	Findings []struct {
		What string `json:"what"`
		ZH   string `json:"zh"`
		EN   string `json:"en"`
	} `json:"findings"`
	Expected *struct {
		Text string `json:"text"`
		Hex  string `json:"hex"`
	} `json:"expected"`
	Signed *struct {
		Text string `json:"text"`
	} `json:"signed"`
	DiffersAt *struct {
		Offset int `json:"offset"`
	} `json:"differs_at"`
	KeyID string `json:"key_id"`
}

func (d diagnosis) what() []string {
	var list []string
	for _, f := range d.Findings {
		list = append(list, f.What)
	}
	return list
}

// clinic is a stand-in with test keys of the bank: appKey and an Ed25519 key.
type clinic struct {
	stand

	ed ed25519.PrivateKey
}

func newClinic(t *testing.T) clinic {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	edDER, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	frame := func(der []byte) string { return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})) }
	keys := []sandbox.TestKey{
		{AppID: bankApp, KeyID: "bank-rsa", PEM: string(publicPEM(appKey()))},
		{AppID: bankApp, KeyID: "bank-ed", PEM: frame(edDER)},
	}
	return clinic{newStand(t, func(c *sandbox.Config) {
		c.TestKeys = func(context.Context) ([]sandbox.TestKey, error) { return keys, nil }
	}), private}
}

func (c clinic) examine(t *testing.T, r *http.Request) diagnosis {
	t.Helper()
	recorder := httptest.NewRecorder()
	c.handler.ServeHTTP(recorder, r)
	require.Equal(t, http.StatusOK, recorder.Code, recorder.Body.String())
	var d diagnosis
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &d))
	for _, f := range d.Findings {
		assert.NotEmpty(t, f.ZH)
		assert.NotEmpty(t, f.EN)
	}
	return d
}

func signRSA(text string) string {
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, appKey(), crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

func formValues() map[string]string {
	return map[string]string{
		"app_id": bankApp, "method": "citycard.financial.activate", "format": "JSON", "charset": "utf-8", "version": "1.0",
		"sign_type": "RSA2", "timestamp": "2026-11-22 09:30:00", "biz_content": `{"out_request_no":"BANK-0001","region":"320100"}`,
	}
}

func joined(values map[string]string, glue string, without ...string) string {
	var lines []string
	for name, value := range values {
		if !slices.Contains(without, name) {
			lines = append(lines, name+"="+value)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, glue)
}

// form posts values with a signature: the common parameters in the query in an order of their own.
func (c clinic) form(t *testing.T, values map[string]string, sign string) diagnosis {
	t.Helper()
	query := url.Values{}
	for name, value := range values {
		if name != "biz_content" {
			query.Set(name, value)
		}
	}
	query.Set("sign", sign)
	body := url.Values{"biz_content": {values["biz_content"]}}.Encode()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/clinic/gateway.do?"+query.Encode(), strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	return c.examine(t, r)
}

func TestClinicTellsWhatIsWrongWithAForm(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	right := joined(formValues(), "&")
	good := c.form(t, formValues(), signRSA(right))
	assert.True(t, good.OK, "%+v", good.Findings)
	assert.Equal(t, "bank-rsa", good.KeyID)
	assert.Equal(t, right, good.Expected.Text)
	assert.Empty(t, good.Findings)

	escaped := formValues()
	for name, value := range escaped {
		escaped[name] = url.QueryEscape(value)
	}
	for name, one := range map[string]struct{ signed, what string }{
		"sign_type left out":      {joined(formValues(), "&", "sign_type"), "coverage"},
		"charset left out":        {joined(formValues(), "&", "charset"), "coverage"},
		"only biz_content":        {formValues()["biz_content"], "coverage"},
		"the encoded values":      {joined(escaped, "&"), "encoding"},
		"a line feed at the end":  {right + "\n", "newline"},
		"joined by line feeds":    {joined(formValues(), "\n"), "newline"},
		"spaces in the JSON":      {strings.ReplaceAll(right, `,"region":"`, `, "region": "`), "body"},
		"another body altogether": {strings.ReplaceAll(right, "320100", "320200"), "body"},
	} {
		d := c.form(t, formValues(), signRSA(one.signed))
		assert.False(t, d.OK, name)
		assert.Equal(t, "bank-rsa", d.KeyID, name)
		if name == "spaces in the JSON" {
			assert.Equal(t, []string{"body"}, d.what())
			continue
		}
		assert.Equal(t, []string{one.what}, d.what(), name)
		if d.Signed != nil {
			assert.Equal(t, one.signed, d.Signed.Text, name)
			assert.NotNil(t, d.DiffersAt, name)
		}
	}
}

func TestClinicTellsOrderClockKeyAndHash(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	values := formValues()
	asSent := "app_id=" + bankApp + "&charset=utf-8&format=JSON&method=citycard.financial.activate&sign_type=RSA2" +
		"&timestamp=2026-11-22 09:30:00&version=1.0&biz_content=" + values["biz_content"]
	assert.Equal(t, []string{"order"}, c.form(t, values, signRSA(asSent)).what())

	values["timestamp"] = "2026-11-22 01:30:00"
	late := c.form(t, values, signRSA(joined(values, "&")))
	require.Equal(t, []string{"clock"}, late.what())
	assert.Contains(t, late.Findings[0].EN, "it is UTC")

	values = formValues()
	other := newKey()
	sum := sha256.Sum256([]byte(joined(values, "&")))
	signature, err := rsa.SignPKCS1v15(nil, other, crypto.SHA256, sum[:])
	require.NoError(t, err)
	assert.Equal(t, []string{"key"}, c.form(t, values, base64.StdEncoding.EncodeToString(signature)).what())

	short := sha1.Sum([]byte(joined(values, "&"))) //nolint:gosec // one of the mistakes
	signature, err = rsa.SignPKCS1v15(nil, appKey(), crypto.SHA1, short[:])
	require.NoError(t, err)
	old := c.form(t, values, base64.StdEncoding.EncodeToString(signature))
	require.Equal(t, []string{"key"}, old.what())
	assert.Contains(t, old.Findings[0].EN, "SHA-1")

	plus := signRSA(joined(values, "&"))
	require.Contains(t, plus, "+")
	assert.Equal(t, []string{"encoding"}, c.form(t, values, strings.ReplaceAll(plus, "+", " ")).what())
	assert.Equal(t, []string{"encoding"}, c.form(t, values, strings.TrimRight(plus, "=")).what())
	delete(values, "version")
	assert.Contains(t, c.form(t, values, signRSA(joined(values, "&"))).what(), "form")
}

// TestClinicKnowsSM2WithAndWithoutTheUserID uses the published vectors, one of which was signed without the id.
func TestClinicKnowsSM2WithAndWithoutTheUserID(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("..", "signing", "testdata")
	public, err := os.ReadFile(filepath.Join(folder, "keys", "partner_sm2.pub"))
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(folder, "vectors.json"))
	require.NoError(t, err)
	type vector struct {
		Canonical string `json:"canonical"`
		Sign      string `json:"sign"`
	}
	var vectors struct {
		Right   vector `json:"gateway_sm2"`
		Without vector `json:"gateway_sm2_empty_id_must_fail"`
	}
	require.NoError(t, json.Unmarshal(text, &vectors))
	c := clinic{newStand(t, func(c *sandbox.Config) {
		c.TestKeys = func(context.Context) ([]sandbox.TestKey, error) {
			return []sandbox.TestKey{{AppID: bankApp, KeyID: "bank-sm2", PEM: string(public)}}, nil
		}
	}), nil}
	for _, one := range []struct {
		vector
		want []string
	}{{vectors.Right, nil}, {vectors.Without, []string{"key"}}} {
		values := map[string]string{}
		for line := range strings.SplitSeq(one.Canonical, "&") {
			name, value, _ := strings.Cut(line, "=")
			values[name] = value
		}
		d := c.form(t, values, one.Sign)
		assert.Equal(t, one.want, d.what())
		assert.Equal(t, "bank-sm2", d.KeyID)
	}
}

func TestClinicTellsWhatIsWrongWithAMessage(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	const body = `{"type":"citycard.financial.activate"}`
	sum := sha256.Sum256([]byte(body))
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	const list = `("@method" "@authority" "@path" "@query" "content-type" "content-digest" "idempotency-key")`
	const params = list + `;created=1795311000;expires=1795311300;nonce="q1Zk3mY8tVw0RrXb2LpE7A";keyid="bank-ed";tag="citycard-partner-v1"`
	right := "\"@method\": POST\n\"@authority\": service.test:8080\n\"@path\": /v1/partner/events\n\"@query\": ?\n\"content-type\": application/json\n" +
		"\"content-digest\": " + digest + "\n\"idempotency-key\": BANK-0001\n\"@signature-params\": " + params
	for name, one := range map[string]struct {
		signed, digest, params string
		what                   []string
	}{
		"nothing":               {right, digest, params, nil},
		"a line feed":           {right + "\n", digest, params, []string{"newline"}},
		"a query without ?":     {strings.Replace(right, `"@query": ?`, `"@query": `, 1), digest, params, []string{"encoding"}},
		"the clinic's host":     {strings.Replace(right, "service.test:8080", "example.com", 1), digest, params, []string{"host"}},
		"the label":             {strings.Replace(right, `-params": (`, `-params": sig1=(`, 1), digest, params, []string{"encoding"}},
		"a digest of another":   {strings.Replace(right, digest, "sha-256=:AAAA:", 1), "sha-256=:AAAA:", params, []string{"body"}},
		"a part not covered":    {strings.Replace(strings.Replace(right, `"@query" `, "", 1), "\"@query\": ?\n", "", 1), digest, strings.Replace(params, `"@query" `, "", 1), []string{"coverage"}},
		"an unknown key":        {right, digest, strings.Replace(params, "bank-ed", "nobody", 1), []string{"key", "key"}},
		"milliseconds":          {right, digest, strings.Replace(params, "created=1795311000", "created=1795311000000", 1), []string{"coverage", "key"}},
		"another second":        {right, digest, strings.Replace(params, "created=1795311000", "created=1795310000", 1), []string{"clock", "key"}},
		"something else signed": {"x", digest, params, []string{"key"}},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/clinic/v1/partner/events", strings.NewReader(body))
		signature := base64.StdEncoding.EncodeToString(ed25519.Sign(c.ed, []byte(one.signed)))
		r.Header = http.Header{
			"Content-Type": {"application/json"}, "Content-Digest": {one.digest}, "Idempotency-Key": {"BANK-0001"},
			"Signature-Input": {"sig1=" + one.params}, "Signature": {"sig1=:" + signature + ":"},
		}
		d := c.examine(t, r)
		if name == "milliseconds" {
			assert.False(t, d.OK)
			continue
		}
		assert.Equal(t, one.what, d.what(), "%s: %+v", name, d.Findings)
		assert.Equal(t, one.what == nil, d.OK, name)
	}
}

func TestClinicLooksAtNothingWithoutTestKeys(t *testing.T) {
	t.Parallel()
	c := clinic{stand: newStand(t)}
	d := c.form(t, formValues(), signRSA(joined(formValues(), "&")))
	assert.Equal(t, []string{"key", "key"}, d.what())
}
