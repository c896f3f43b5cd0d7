package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/integrations/oidc"
	"citycard/integrations/oidc/oidctest"
)

var request = citycard.SSORequest{State: "the-state", Nonce: "the-nonce", Verifier: strings.Repeat("verifier-", 6)}

func configFor(p *oidctest.Provider) oidc.Config {
	return oidc.Config{
		Issuer: p.URL, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret, RedirectURL: "http://127.0.0.1:1/admin/sso/callback",
		Claim: "preferred_username", AMR: []string{"mfa", "hwk"}, Clock: time.Now,
	}
}

// codeFrom goes to the provider as a browser would and gives the code that it comes back with.
func codeFrom(t *testing.T, target string) string {
	t.Helper()
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := browser.Get(target)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusFound, answer.StatusCode)
	back, err := url.Parse(answer.Header.Get("Location"))
	require.NoError(t, err)
	assert.Equal(t, request.State, back.Query().Get("state"))
	return back.Query().Get("code")
}

// logIn goes the whole way.
func logIn(t *testing.T, config oidc.Config) (citycard.SSOIdentity, error) {
	t.Helper()
	provider, err := oidc.New(config)
	require.NoError(t, err)
	target, err := provider.AuthorizeURL(t.Context(), request)
	require.NoError(t, err)
	return provider.Identify(t.Context(), codeFrom(t, target), request)
}

func TestTheProviderVouchesForAnAccount(t *testing.T) {
	t.Parallel()
	p := oidctest.Start(t)
	identity, err := logIn(t, configFor(p))
	require.NoError(t, err)
	assert.Equal(t, citycard.SSOIdentity{Issuer: p.URL, Subject: "subject-1", Account: "amy"}, identity)
}

func TestTokensThatDoNotHold(t *testing.T) {
	t.Parallel()
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	alter := func(change func(jwt.MapClaims)) func(*oidctest.Provider) {
		return func(p *oidctest.Provider) { p.Alter = change }
	}
	set := func(name string, value any) func(*oidctest.Provider) {
		return alter(func(c jwt.MapClaims) { c[name] = value })
	}
	for name, wrong := range map[string]func(*oidctest.Provider){
		"under another key": func(p *oidctest.Provider) {
			p.Sign = func(c jwt.MapClaims) (string, error) { return oidctest.SignedBy(stranger, c) }
		},
		"without a signature": func(p *oidctest.Provider) {
			p.Sign = func(c jwt.MapClaims) (string, error) {
				return jwt.NewWithClaims(jwt.SigningMethodNone, c).SignedString(jwt.UnsafeAllowNoneSignatureType)
			}
		},
		"under the client's secret": func(p *oidctest.Provider) {
			p.Sign = func(c jwt.MapClaims) (string, error) {
				return jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString([]byte(oidctest.ClientSecret))
			}
		},
		"no token": func(p *oidctest.Provider) {
			p.Sign = func(jwt.MapClaims) (string, error) { return "", nil }
		},
		"expired":                             set("exp", time.Now().Add(-time.Second).Unix()),
		"not valid yet":                       set("nbf", time.Now().Add(time.Hour).Unix()),
		"issued in the future":                set("iat", time.Now().Add(2*time.Minute).Unix()),
		"of another issuer":                   set("iss", "https://evil.example"),
		"for another client":                  set("aud", "another"),
		"for two clients without saying whom": set("aud", []string{oidctest.ClientID, "another"}),
		"made for another client":             set("azp", "another"),
		"of another log-in":                   set("nonce", "another"),
		"without a nonce":                     alter(func(c jwt.MapClaims) { delete(c, "nonce") }),
		"without a second factor":             set("amr", []string{"pwd"}),
		"that names no factors":               alter(func(c jwt.MapClaims) { delete(c, "amr") }),
		"without a subject":                   set("sub", ""),
		"without the account":                 alter(func(c jwt.MapClaims) { delete(c, "preferred_username") }),
		"with an account that is no text":     set("preferred_username", 7),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := oidctest.Start(t)
			wrong(p)
			_, err := logIn(t, configFor(p))
			assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err), "%v", err)
		})
	}
}

func TestCodesThatDoNotHold(t *testing.T) {
	t.Parallel()
	p := oidctest.Start(t)
	provider, err := oidc.New(configFor(p))
	require.NoError(t, err)
	target, err := provider.AuthorizeURL(t.Context(), request)
	require.NoError(t, err)
	code := codeFrom(t, target)
	other := request
	other.Verifier = strings.Repeat("x", 43)
	_, err = provider.Identify(t.Context(), code, other)
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err), "another verifier")
	code = codeFrom(t, target)
	_, err = provider.Identify(t.Context(), code, request)
	require.NoError(t, err)
	_, err = provider.Identify(t.Context(), code, request)
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err), "used already")
	config := configFor(p)
	config.ClientSecret = "wrong"
	_, err = logIn(t, config)
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err))
	assert.NotContains(t, err.Error(), "wrong")
}

func TestAClassOfAuthenticationIsAskedForAndHeld(t *testing.T) {
	t.Parallel()
	p := oidctest.Start(t)
	config := configFor(p)
	config.AMR, config.ACR = nil, []string{"urn:two", "urn:three"}
	_, err := logIn(t, config)
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err))
	p.Claims["acr"] = "urn:three"
	_, err = logIn(t, config)
	require.NoError(t, err)
	provider, err := oidc.New(config)
	require.NoError(t, err)
	target, err := provider.AuthorizeURL(t.Context(), request)
	require.NoError(t, err)
	assert.Contains(t, target, "acr_values=urn%3Atwo+urn%3Athree")
	config.AMR = []string{"hwk"}
	_, err = logIn(t, config)
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err), "both are asked for")

	config.AMR, config.ACR = nil, nil
	_, err = oidc.New(config)
	assert.ErrorContains(t, err, "no second factor")
}

func TestAProviderThatDoesNotAnswerIsAskedAgain(t *testing.T) {
	t.Parallel()
	p := oidctest.Start(t)
	p.Down = true
	provider, err := oidc.New(configFor(p))
	require.NoError(t, err)
	_, err = provider.AuthorizeURL(t.Context(), request)
	assert.Equal(t, citycard.CodePlatformUnavailable, citycard.CodeOf(err))
	p.Down = false
	target, err := provider.AuthorizeURL(t.Context(), request)
	require.NoError(t, err)
	code := codeFrom(t, target)
	p.Down = true
	_, err = provider.Identify(t.Context(), code, request)
	assert.Equal(t, citycard.CodePlatformUnavailable, citycard.CodeOf(err))
}
