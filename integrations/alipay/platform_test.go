package alipay_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/integrations/alipay"
	"citycard/integrations/sandbox"
)

const (
	appID       = "2021000000000001"
	callbackURL = "http://localhost:8080/oauth/alipay/callback"
)

var (
	appKey      = sync.OnceValue(newKey)
	platformKey = sync.OnceValue(newKey)
	strangerKey = sync.OnceValue(newKey)
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

// clock is a time that tests move by hand.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

// platform is a running stand-in and a client of it.
type platform struct {
	url    string
	client *alipay.Client
	clock  *clock
}

// startPlatform runs the stand-in; change alters the client's configuration.
func startPlatform(t *testing.T, change ...func(*alipay.Config)) platform {
	t.Helper()
	c := &clock{}
	stand, err := sandbox.New(sandbox.Config{
		AppID: appID, AppPublicKey: publicPEM(appKey()), PlatformPrivateKey: privatePEM(platformKey()),
		ServiceURL: "http://localhost:8080/", Now: c.now,
	})
	require.NoError(t, err)
	server := httptest.NewServer(stand.Handler())
	t.Cleanup(server.Close)
	config := clientConfig(server.URL)
	config.PlatformPublicKey = stand.PublicKeyPEM()
	config.Now = c.now
	for _, apply := range change {
		apply(&config)
	}
	client, err := alipay.New(config)
	require.NoError(t, err)
	return platform{server.URL, client, c}
}

func clientConfig(address string) alipay.Config {
	return alipay.Config{
		Gateway: address + "/gateway.do", Authorize: address + "/authorize", AppID: appID,
		PrivateKey: privatePEM(appKey()), PlatformPublicKey: publicPEM(platformKey()),
		Backoff: time.Millisecond, Now: time.Now,
	}
}

// authCode is what my.getAuthCode would give the user.
func (p platform) authCode(t *testing.T, user, scope, checkID string) string {
	t.Helper()
	var answer struct {
		AuthCode string `json:"auth_code"`
	}
	p.send(t, http.MethodPost, "/auth-codes", map[string]any{"user": user, "scopes": []string{scope}, "cert_verify_id": checkID}, &answer)
	require.NotEmpty(t, answer.AuthCode)
	return answer.AuthCode
}

func (p platform) setFaults(t *testing.T, faults sandbox.Faults) {
	t.Helper()
	p.send(t, http.MethodPut, "/faults", faults, nil)
}

func (p platform) send(t *testing.T, method, path string, body, answer any) {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), method, p.url+path, bytes.NewReader(text))
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	if answer != nil {
		require.NoError(t, json.NewDecoder(response.Body).Decode(answer))
	}
}

// follow opens an address without following redirects and gives the status and where it leads.
func follow(t *testing.T, address string) (int, *url.URL) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	response, err := client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	target, err := url.Parse(response.Header.Get("Location"))
	require.NoError(t, err)
	return response.StatusCode, target
}

// user logs somebody in, for an identity check where checkID is set.
func (p platform) user(t *testing.T, who, checkID string) citycard.PlatformUser {
	t.Helper()
	scope := citycard.ScopeLogin
	if checkID != "" {
		scope = citycard.ScopeIdentity
	}
	user, err := p.client.ExchangeCode(t.Context(), p.authCode(t, who, scope, checkID))
	require.NoError(t, err)
	return user
}

// madeUp finds a made-up person.
func madeUp(t *testing.T, user string) sandbox.Person {
	t.Helper()
	for _, person := range sandbox.People(citycard.DateOf(time.Now())) {
		if person.User == user {
			return person
		}
	}
	require.FailNow(t, "no such made-up person", user)
	return sandbox.Person{}
}

func nameOf(p sandbox.Person) citycard.Name       { return citycard.RestoreName(p.Name) }
func numberOf(p sandbox.Person) citycard.IDNumber { return citycard.RestoreIDNumber(p.IDNumber) }
