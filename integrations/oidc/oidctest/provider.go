// Package oidctest is a small identity provider for tests, over real HTTP: OpenID Connect's code flow with PKCE. What
// it says can be changed, to say it wrongly.
package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// What the provider knows of its one client.
const (
	ClientID     = "citycard"
	ClientSecret = "the client's secret"
)

var consent = template.Must(template.New("consent").Parse(`<!doctype html>
<html lang="en"><title>Identity provider</title><h1>Identity provider</h1><a id="agree" href="{{.}}">go on</a>`))

// Provider is a running identity provider, at which everybody is already logged in.
type Provider struct {
	URL string
	// Claims are those of the next tokens, beside issuer, audience, times and nonce.
	Claims map[string]any
	// Alter changes a token's claims before it is signed.
	Alter func(jwt.MapClaims)
	// Sign signs in another way than with the key that is published.
	Sign func(jwt.MapClaims) (string, error)
	// Down makes every answer a failure.
	Down bool
	// Consent makes /authorize a page on which the user must agree.
	Consent bool

	tb    testing.TB
	key   *ecdsa.PrivateKey
	mu    sync.Mutex
	codes map[string]url.Values
}

// Start runs one until the test ends.
func Start(tb testing.TB) *Provider {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	p := &Provider{tb: tb, key: key, codes: map[string]url.Values{}, Claims: map[string]any{
		"sub": "subject-1", "preferred_username": "amy", "amr": []string{"pwd", "mfa"},
	}}
	routes := http.NewServeMux()
	routes.HandleFunc("GET /.well-known/openid-configuration", p.discover)
	routes.HandleFunc("GET /keys", p.keys)
	routes.HandleFunc("GET /authorize", p.authorize)
	routes.HandleFunc("POST /token", p.token)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.Down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		routes.ServeHTTP(w, r)
	}))
	tb.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

func (p *Provider) answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		p.tb.Errorf("answer: %v", err)
	}
}

func (p *Provider) discover(w http.ResponseWriter, _ *http.Request) {
	p.answer(w, http.StatusOK, map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"ES256"}, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
	})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	point, err := p.key.PublicKey.Bytes()
	if err != nil {
		p.tb.Errorf("key: %v", err)
		return
	}
	text := base64.RawURLEncoding
	p.answer(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "k1", "x": text.EncodeToString(point[1:33]), "y": text.EncodeToString(point[33:]),
	}}})
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	if asked.Get("client_id") != ClientID || asked.Get("response_type") != "code" || asked.Get("code_challenge_method") != "S256" ||
		asked.Get("state") == "" || asked.Get("nonce") == "" || len(asked.Get("code_challenge")) != 43 {
		http.Error(w, "invalid_request", http.StatusBadRequest)
		return
	}
	target, err := url.Parse(asked.Get("redirect_uri"))
	if err != nil {
		http.Error(w, "invalid_request", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = asked
	p.mu.Unlock()
	target.RawQuery = url.Values{"code": {code}, "state": {asked.Get("state")}}.Encode()
	if p.Consent {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := consent.Execute(w, target.String()); err != nil {
			p.tb.Errorf("answer: %v", err)
		}
		return
	}
	http.Redirect(w, r, target.String(), http.StatusFound) //nolint:gosec // the tests name the target
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if id, secret = unescaped(id), unescaped(secret); id != ClientID || secret != ClientSecret {
		p.answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	p.mu.Lock()
	asked, known := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") || r.PostFormValue("redirect_uri") != asked.Get("redirect_uri") {
		p.answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	now := time.Now()
	claims := jwt.MapClaims{
		"iss": p.URL, "aud": ClientID, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "nonce": asked.Get("nonce"),
	}
	for name, value := range p.Claims {
		claims[name] = value
	}
	if p.Alter != nil {
		p.Alter(claims)
	}
	sign := p.Sign
	if sign == nil {
		sign = func(claims jwt.MapClaims) (string, error) { return SignedBy(p.key, claims) }
	}
	token, err := sign(claims)
	if err != nil {
		p.tb.Errorf("sign: %v", err)
		return
	}
	p.answer(w, http.StatusOK, map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 60, "id_token": token})
}

func unescaped(text string) string {
	plain, err := url.QueryUnescape(text)
	if err != nil {
		return text
	}
	return plain
}

// SignedBy is a token under a key, with the id of the published one.
func SignedBy(key crypto.Signer, claims jwt.MapClaims) (string, error) {
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["kid"] = "k1"
	return token.SignedString(key)
}
