package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"citycard"
)

var _ citycard.SingleSignOn = (*Provider)(nil)

const (
	// answerWithin is how long the provider may take for one answer.
	answerWithin = 5 * time.Second
	// maxAnswer bounds what is read of one.
	maxAnswer = 1 << 20
)

// Config says who the provider is and what it must vouch for.
type Config struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	// RedirectURL is our own address to which the provider sends the browser back.
	RedirectURL string
	// Claim names the claim that holds the account's name here.
	Claim string
	// AMR are authentication methods (RFC 8176) of which the token must name one; ACR are classes of which it must
	// have one. At least one of the two lists is not empty: a log-in without a second factor is none.
	AMR []string
	ACR []string
	// Clock tells the time that tokens are held against.
	Clock func() time.Time
}

// Provider is the identity provider. It is asked what it is (OpenID Connect Discovery) when first needed, and again
// until it answered once.
type Provider struct {
	config Config
	client *http.Client

	mu    sync.Mutex
	found *oidc.Provider
}

// New makes the provider without asking it anything. A configuration that lets people in by one factor is refused.
func New(config Config) (*Provider, error) {
	if len(config.AMR) == 0 && len(config.ACR) == 0 {
		return nil, errors.New("set up single sign-on: no second factor is asked for")
	}
	return &Provider{config: config, client: &http.Client{
		Timeout: answerWithin, Transport: bounded{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// AuthorizeURL implements citycard.SingleSignOn.
func (p *Provider) AuthorizeURL(ctx context.Context, r citycard.SSORequest) (string, error) {
	flow, _, err := p.flow(ctx)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(r.Nonce), oauth2.S256ChallengeOption(r.Verifier)}
	if len(p.config.ACR) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(p.config.ACR, " ")))
	}
	return flow.AuthCodeURL(r.State, options...), nil
}

// Identify implements citycard.SingleSignOn.
func (p *Provider) Identify(ctx context.Context, code string, r citycard.SSORequest) (citycard.SSOIdentity, error) {
	flow, found, err := p.flow(ctx)
	if err != nil {
		return citycard.SSOIdentity{}, err
	}
	ctx = oidc.ClientContext(ctx, p.client)
	tokens, err := flow.Exchange(ctx, code, oauth2.VerifierOption(r.Verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.Response.StatusCode < http.StatusInternalServerError:
		return citycard.SSOIdentity{}, invalid(errors.New("the provider refuses the code: " + refused.ErrorCode))
	case err != nil:
		return citycard.SSOIdentity{}, unavailable(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	verifier := found.Verifier(&oidc.Config{ClientID: p.config.ClientID, Now: p.config.Clock})
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return citycard.SSOIdentity{}, invalid(err)
	}
	return p.identity(token, r)
}

// claims are what we read of a token.
type claims struct {
	AuthorizedParty string   `json:"azp"`
	ACR             string   `json:"acr"`
	AMR             []string `json:"amr"`
}

// identity holds what the library leaves to us: nonce, authorized party, and the second factor.
func (p *Provider) identity(token *oidc.IDToken, r citycard.SSORequest) (citycard.SSOIdentity, error) {
	var said claims
	var all map[string]any
	if err := errors.Join(token.Claims(&said), token.Claims(&all)); err != nil {
		return citycard.SSOIdentity{}, invalid(err)
	}
	account, _ := all[p.config.Claim].(string)
	secondFactor := (len(p.config.AMR) == 0 || slices.ContainsFunc(said.AMR, func(one string) bool { return slices.Contains(p.config.AMR, one) })) &&
		(len(p.config.ACR) == 0 || slices.Contains(p.config.ACR, said.ACR))
	switch {
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(r.Nonce)) != 1:
		return citycard.SSOIdentity{}, invalid(errors.New("the token was asked for by another log-in"))
	case said.AuthorizedParty != "" && said.AuthorizedParty != p.config.ClientID,
		len(token.Audience) > 1 && said.AuthorizedParty == "":
		return citycard.SSOIdentity{}, invalid(errors.New("the token was made for another client"))
	case token.IssuedAt.After(p.config.Clock().Add(time.Minute)):
		return citycard.SSOIdentity{}, invalid(errors.New("the token was issued in the future"))
	case !secondFactor:
		return citycard.SSOIdentity{}, invalid(errors.New("the token names no second factor"))
	case token.Subject == "" || account == "":
		return citycard.SSOIdentity{}, invalid(errors.New("the token lacks the subject or the claim that names the account"))
	}
	return citycard.SSOIdentity{Issuer: token.Issuer, Subject: token.Subject, Account: account}, nil
}

// flow is how to talk to the provider, once it told.
func (p *Provider) flow(ctx context.Context) (*oauth2.Config, *oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found == nil {
		found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.config.Issuer)
		if err != nil {
			return nil, nil, unavailable(err)
		}
		p.found = found
	}
	return &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, Endpoint: p.found.Endpoint(),
		RedirectURL: p.config.RedirectURL, Scopes: []string{oidc.ScopeOpenID, "profile"},
	}, p.found, nil
}

func invalid(err error) error {
	return &citycard.Error{Code: citycard.CodeCredentialsInvalid, Message: "single sign-on did not prove who you are", Cause: fmt.Errorf("single sign-on: %w", err)}
}

func unavailable(err error) error {
	return &citycard.Error{Code: citycard.CodePlatformUnavailable, Message: "single sign-on does not answer", Cause: fmt.Errorf("single sign-on: %w", err)}
}

// bounded reads no more than maxAnswer of an answer.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(r)
	if err == nil {
		answer.Body = limitedBody{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	}
	return answer, err
}

type limitedBody struct {
	io.Reader
	io.Closer
}
