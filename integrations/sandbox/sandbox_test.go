package sandbox_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/integrations/sandbox"
)

const appID = "2021000000000001"

// start is the fixed time of most tests.
var start = time.Date(2026, 11, 22, 9, 30, 0, 0, citycard.Shanghai)

var (
	appKey      = sync.OnceValue(newKey)
	platformKey = sync.OnceValue(newKey)
)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func privatePEM(key *rsa.PrivateKey) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func publicPEM(key *rsa.PrivateKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func config() sandbox.Config {
	return sandbox.Config{
		AppID: appID, AppPublicKey: publicPEM(appKey()), PlatformPrivateKey: privatePEM(platformKey()),
		ServiceURL: "http://service.test:8080/", Now: func() time.Time { return start },
	}
}

// stand is a stand-in whose routes are called without a network.
type stand struct{ handler http.Handler }

func newStand(t *testing.T, change ...func(*sandbox.Config)) stand {
	t.Helper()
	made := config()
	for _, apply := range change {
		apply(&made)
	}
	s, err := sandbox.New(made)
	require.NoError(t, err)
	return stand{s.Handler()}
}

// answered is a whole response.
type answered struct {
	Status  int
	Header  http.Header
	Body    string
	Cookies []*http.Cookie
}

func (a answered) location(t *testing.T) *url.URL {
	t.Helper()
	target, err := url.Parse(a.Header.Get("Location"))
	require.NoError(t, err)
	return target
}

func (s stand) do(r *http.Request) answered {
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, r)
	response := recorder.Result()
	defer response.Body.Close()
	return answered{response.StatusCode, response.Header, recorder.Body.String(), response.Cookies()}
}

func (s stand) get(path string, cookies ...*http.Cookie) answered {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for _, cookie := range cookies {
		r.AddCookie(cookie)
	}
	return s.do(r)
}

func (s stand) post(path string, form url.Values, cookies ...*http.Cookie) answered {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, cookie := range cookies {
		r.AddCookie(cookie)
	}
	return s.do(r)
}

// send sends JSON and reads the JSON answer.
func (s stand) send(t *testing.T, method, path, body string) (int, map[string]any) {
	t.Helper()
	response := s.do(httptest.NewRequest(method, path, strings.NewReader(body)))
	assert.Equal(t, "application/json", response.Header.Get("Content-Type"))
	var answer map[string]any
	require.NoError(t, json.Unmarshal([]byte(response.Body), &answer))
	return response.Status, answer
}

// authCode is a code of the person called new.
func (s stand) authCode(t *testing.T) string {
	t.Helper()
	_, answer := s.send(t, http.MethodPost, "/auth-codes", `{"user":"new"}`)
	code, ok := answer["auth_code"].(string)
	require.True(t, ok)
	return code
}

// common are the parameters of a call, unsigned.
func common(method, content string) map[string]string {
	params := map[string]string{
		"app_id": appID, "method": method, "format": "JSON", "charset": "utf-8", "sign_type": "RSA2",
		"timestamp": "2026-11-22 09:30:00", "version": "1.0",
	}
	if content != "" {
		params["biz_content"] = content
	}
	return params
}

func with(params map[string]string, name, value string) map[string]string {
	changed := maps.Clone(params)
	changed[name] = value
	return changed
}

// sign is the application's signature as the platform documents it.
func sign(params map[string]string) url.Values {
	var pairs []string
	values := url.Values{}
	for name, value := range params {
		pairs = append(pairs, name+"="+value)
		values.Set(name, value)
	}
	slices.Sort(pairs)
	sum := sha256.Sum256([]byte(strings.Join(pairs, "&")))
	signature, err := rsa.SignPKCS1v15(rand.Reader, appKey(), crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	values.Set("sign", base64.StdEncoding.EncodeToString(signature))
	return values
}

// reply is a verified gateway reply: its member's name and the fields inside.
type reply struct {
	member string
	fields map[string]any
}

func (r reply) word(name string) string {
	word, _ := r.fields[name].(string)
	return word
}

// readReply verifies the signature over the exact bytes of the one member.
func readReply(t *testing.T, response answered) reply {
	t.Helper()
	require.Equal(t, http.StatusOK, response.Status)
	body := []byte(response.Body)
	var members map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(body, &members))
	require.Len(t, members, 2)
	var signature string
	require.NoError(t, json.Unmarshal(members["sign"], &signature))
	raw, err := base64.StdEncoding.DecodeString(signature)
	require.NoError(t, err)
	delete(members, "sign")
	for member, inner := range members {
		sum := sha256.Sum256(inner)
		require.NoError(t, rsa.VerifyPKCS1v15(&platformKey().PublicKey, crypto.SHA256, sum[:], raw))
		require.True(t, bytes.Contains(body, inner))
		read := reply{member: member}
		require.NoError(t, json.Unmarshal(inner, &read.fields))
		return read
	}
	return reply{}
}

func (s stand) call(t *testing.T, params map[string]string) reply {
	t.Helper()
	return readReply(t, s.post("/gateway.do", sign(params)))
}

func TestNewRefusesABrokenConfiguration(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*sandbox.Config){
		"ServiceURL must be an absolute":   func(c *sandbox.Config) { c.ServiceURL = "/start" },
		"AppID must have 16 to 20 digits":  func(c *sandbox.Config) { c.AppID = "app" },
		"Now is missing":                   func(c *sandbox.Config) { c.Now = nil },
		"AppPublicKey: must be PEM":        func(c *sandbox.Config) { c.AppPublicKey = nil },
		"AppPublicKey: must be an RSA":     func(c *sandbox.Config) { c.AppPublicKey = privatePEM(appKey()) },
		"PlatformPrivateKey: must be PEM":  func(c *sandbox.Config) { c.PlatformPrivateKey = []byte("x") },
		"PlatformPrivateKey: must be an R": func(c *sandbox.Config) { c.PlatformPrivateKey = publicPEM(appKey()) },
	} {
		broken := config()
		change(&broken)
		_, err := sandbox.New(broken)
		assert.ErrorContains(t, err, want)
	}
}

func TestAKeyIsMadeWhereNoneIsGiven(t *testing.T) {
	t.Parallel()
	keyless := config()
	keyless.PlatformPrivateKey = nil
	s, err := sandbox.New(keyless)
	require.NoError(t, err)
	block, _ := pem.Decode(s.PublicKeyPEM())
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	require.NoError(t, err)
	public, ok := key.(*rsa.PublicKey)
	require.True(t, ok)
	assert.Equal(t, 2048, public.N.BitLen())
}
