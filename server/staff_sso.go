package main

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"citycard"
	"citycard/integrations/oidc"
)

const (
	defaultClaim = "preferred_username"
	// defaultAMR is what a token must name where the operator asks for nothing else: several factors (RFC 8176).
	defaultAMR = "mfa"
	// ssoCallback is where the identity provider sends browsers back to.
	ssoCallback = "/admin/sso/callback"
)

// checkSSO holds that the settings of single sign-on are given together.
func (c *config) checkSSO() error {
	others := c.OIDCClientID + c.OIDCSecret.Reveal() + c.OIDCClaim + c.OIDCAMR + c.OIDCACR
	if c.OIDCIssuer == "" {
		if others != "" {
			return errors.New("it is missing; the other CITYCARD_OIDC_ settings are of no use without it")
		}
		return nil
	}
	if _, err := readAddress(c.OIDCIssuer); err != nil {
		return err
	}
	if c.OIDCClientID == "" || c.OIDCSecret == "" {
		return errors.New("CITYCARD_OIDC_CLIENT_ID and CITYCARD_OIDC_CLIENT_SECRET belong to it")
	}
	if c.OIDCClaim == "" {
		c.OIDCClaim = defaultClaim
	}
	if c.OIDCAMR == "" && c.OIDCACR == "" {
		c.OIDCAMR = defaultAMR
	}
	return nil
}

// singleSignOn is the identity provider, for pages at staff's address; nil where there is none.
func (c *config) singleSignOn(staff *url.URL) (citycard.SingleSignOn, error) {
	if c.OIDCIssuer == "" {
		return nil, nil //nolint:nilnil // none is no error
	}
	return oidc.New(oidc.Config{
		Issuer: c.OIDCIssuer, ClientID: c.OIDCClientID, ClientSecret: c.OIDCSecret.Reveal(),
		RedirectURL: staff.JoinPath(ssoCallback).String(), Claim: c.OIDCClaim,
		AMR: listed(c.OIDCAMR), ACR: listed(c.OIDCACR), Clock: c.clock,
	})
}

// checkSSOReach asks the identity provider what it is.
func (c *config) checkSSOReach(ctx context.Context) (string, error) {
	provider, err := c.singleSignOn(&url.URL{})
	if err != nil {
		return "", err
	}
	if provider == nil {
		return "none", nil
	}
	_, err = provider.AuthorizeURL(ctx, citycard.SSORequest{})
	return c.OIDCIssuer + " answers", err
}

// listed reads a list with commas.
func listed(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
