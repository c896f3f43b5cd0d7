package alipay_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/integrations/alipay"
)

const queryMember = "alipay_user_certify_open_query_response"

// forgeries are replies that must never be believed; each carries what would be a passed verdict.
func forgeries() map[string]string {
	good := sign(platformKey(), passed)
	wrap := func(rest string) string { return `{"` + queryMember + `":` + passed + rest }
	other := `{"code":"10000","msg":"Success","passed":"F"}`
	return map[string]string{
		"unsigned":                        wrap(`}`),
		"sign null":                       wrap(`,"sign":null}`),
		"sign empty":                      wrap(`,"sign":""}`),
		"sign a number":                   wrap(`,"sign":1}`),
		"sign no base64":                  wrap(`,"sign":"%%%"}`),
		"sign base64 with a line break":   wrap(`,"sign":"` + good[:76] + `\n` + good[76:] + `"}`),
		"sign base64 without padding":     wrap(`,"sign":"` + strings.TrimRight(good, "=") + `"}`),
		"signed by somebody else":         wrap(`,"sign":"` + sign(strangerKey(), passed) + `"}`),
		"signed by the application":       wrap(`,"sign":"` + sign(appKey(), passed) + `"}`),
		"signature of another reply":      wrap(`,"sign":"` + sign(platformKey(), other) + `"}`),
		"altered after signing":           `{"` + queryMember + `":` + strings.Replace(passed, "Success", "success", 1) + `,"sign":"` + good + `"}`,
		"spaces added after signing":      `{"` + queryMember + `":` + strings.Replace(passed, ",", ", ", 1) + `,"sign":"` + good + `"}`,
		"two replies, signed second":      `{"error_response":` + passed + `,"` + queryMember + `":` + passed + `,"sign":"` + good + `"}`,
		"the same member twice":           `{"` + queryMember + `":` + passed + `,"` + queryMember + `":` + passed + `,"sign":"` + good + `"}`,
		"two signatures":                  wrap(`,"sign":"x","sign":"` + good + `"}`),
		"a member that does not belong":   wrap(`,"sign":"` + good + `","passed":"T"}`),
		"a certificate in key mode":       wrap(`,"alipay_cert_sn":"0123456789abcdef","sign":"` + good + `"}`),
		"text after the reply":            wrap(`,"sign":"`+good+`"}`) + "x",
		"another reply after it":          wrap(`,"sign":"`+good+`"}`) + wrap(`}`),
		"reply to another method":         `{"alipay_user_certify_open_initialize_response":` + passed + `,"sign":"` + good + `"}`,
		"text for an object (encrypted)":  `{"` + queryMember + `":"AAAA","sign":"` + sign(platformKey(), `"AAAA"`) + `"}`,
		"an array for an object":          `{"` + queryMember + `":[` + passed + `],"sign":"` + sign(platformKey(), "["+passed+"]") + `"}`,
		"cut off":                         wrap(`,"sign":"` + good),
		"an array":                        `[` + wrap(`,"sign":"`+good+`"}`) + `]`,
		"HTML":                            `<html><body>busy</body></html>`,
		"nothing":                         ``,
		"only a signature":                `{"sign":"` + good + `"}`,
		"more than a megabyte":            wrap(`,"sign":"`+good+`"}`) + strings.Repeat(" ", 1<<20),
		"unsigned refusal":                `{"error_response":` + refusing("40002", "isv.invalid-app-id") + `}`,
		"unsigned code-invalid":           `{"error_response":` + refusing("40002", "isv.code-invalid") + `}`,
		"unsigned refusal of that method": `{"` + queryMember + `":` + refusing("40004", "CERTIFY_ID_EXPIRED") + `}`,
	}
}

func TestForgedRepliesAreNeverBelieved(t *testing.T) {
	t.Parallel()
	for it, reply := range forgeries() {
		t.Run(it, func(t *testing.T) {
			t.Parallel()
			gateway := script(t, nil, func(string, *http.Request) string { return reply }, signed(passed))
			verdict, err := gateway.client.QueryFace(t.Context(), "id")
			assert.Equal(t, citycard.CodePlatformUnavailable, citycard.CodeOf(err))
			assert.Positive(t, retryAfterOf(err))
			assert.Zero(t, verdict)
			assert.Equal(t, int64(1), gateway.calls.Load(), "a call without a credible answer is not repeated")

			verdict, err = gateway.client.QueryFace(t.Context(), "id")
			assert.NoError(t, err, "the next try works")
			assert.True(t, verdict.Passed)
		})
	}
}

func TestUnsignedTokensLogNobodyIn(t *testing.T) {
	t.Parallel()
	gateway := script(t, nil, func(method string, _ *http.Request) string { return `{"` + member(method) + `":` + token + `}` })
	user, err := gateway.client.ExchangeCode(t.Context(), "code")
	assert.Equal(t, citycard.CodePlatformUnavailable, citycard.CodeOf(err))
	assert.Zero(t, user)
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			reached.Store(true)
			_, _ = w.Write([]byte(signed(passed)(r.FormValue("method"), r)))
			return
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	t.Cleanup(server.Close)
	client, err := alipay.New(clientConfig(server.URL))
	require.NoError(t, err)
	_, err = client.QueryFace(t.Context(), "id")
	assert.Equal(t, citycard.CodePlatformUnavailable, citycard.CodeOf(err))
	assert.ErrorContains(t, err, "HTTP status 307")
	assert.False(t, reached.Load())
}
