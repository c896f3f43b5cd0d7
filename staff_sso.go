package citycard

import (
	"context"
	"strings"
	"time"
)

// SSORequest is one log-in at the identity provider. State comes back with the browser; Nonce stands in the token;
// Verifier proves that who exchanges the code also asked for it (PKCE, RFC 7636).
type SSORequest struct {
	State    string
	Nonce    string
	Verifier string
}

// SSOIdentity is whom the identity provider vouches for. Issuer and Subject never change; Account is what it says of
// the account here.
type SSOIdentity struct {
	Issuer  string
	Subject string
	Account string
}

// SingleSignOn is an identity provider (OpenID Connect).
type SingleSignOn interface {
	// AuthorizeURL is where to send the browser.
	AuthorizeURL(ctx context.Context, r SSORequest) (string, error)
	// Identify exchanges the code that came back. Whatever does not hold (issuer, audience, time, signature, nonce, no
	// second factor) is credentials_invalid; a provider that does not answer is platform_unavailable.
	Identify(ctx context.Context, code string, r SSORequest) (SSOIdentity, error)
}

// StaffIdentities is the store of which identity logs in to which account.
type StaffIdentities interface {
	// BindIdentity holds that an account belongs to an identity: the first one of an issuer that comes is kept, with
	// the action, and any other is refused: false. One identity is never that of two accounts.
	BindIdentity(ctx context.Context, staffID string, id SSOIdentity, by StaffAction) (bool, error)
}

// ssoLifetime is how long somebody may take at the identity provider.
const ssoLifetime = 10 * time.Minute

// StaffSSO logs staff in by single sign-on, to accounts that are here already; it makes none.
type StaffSSO struct {
	Login      *StaffLogin
	Provider   SingleSignOn
	Identities StaffIdentities
	Challenges StaffChallenges
	// NewSecret gives an unguessable text of at least 128 bits.
	NewSecret func() string
}

// Begin sends a browser to the identity provider.
func (o *StaffSSO) Begin(ctx context.Context, returnTo, address string) (Redirect, error) {
	if err := o.Login.begin(ctx, address); err != nil {
		return Redirect{}, err
	}
	// A verifier has 43 to 128 characters.
	request := SSORequest{State: o.NewSecret(), Nonce: o.NewSecret(), Verifier: o.NewSecret() + o.NewSecret()}
	browser := o.NewSecret()
	target, err := o.Provider.AuthorizeURL(ctx, request)
	if err != nil {
		return Redirect{}, err
	}
	return Redirect{URL: target, Browser: browser}, o.Challenges.KeepStaffChallenge(ctx, StaffChallenge{
		SecretHash: digest(request.State), BrowserHash: digest(browser), Kind: ChallengeSSO,
		State: request.Nonce + " " + request.Verifier, ReturnTo: returnTo, ExpiresAt: o.Login.Clock().Add(ssoLifetime),
	})
}

// Return opens a session for the account of whom the identity provider vouches for, and gives the page asked for. A
// state used twice, in another browser or too late is credentials_invalid.
func (o *StaffSSO) Return(ctx context.Context, code string, a Answer) (StaffSession, string, error) {
	of := StaffChallenge{Kind: ChallengeSSO, SecretHash: digest(a.Secret), BrowserHash: digest(a.Browser)}
	challenge, err := o.Challenges.TakeStaffChallenge(ctx, of, o.Login.Clock())
	if err != nil {
		return StaffSession{}, "", err
	}
	nonce, verifier, _ := strings.Cut(challenge.State, " ")
	// The provider is asked before anything is counted: what it says is worth nothing to a guesser.
	identity, err := o.Provider.Identify(ctx, code, SSORequest{State: a.Secret, Nonce: nonce, Verifier: verifier})
	limits := []AttemptLimit{o.Login.byAddress(a.Address)}
	staff, err := o.Login.try(ctx, attempt{bySSO, identity.Account, limits}, func(time.Time) (Staff, error) {
		if err != nil {
			return Staff{}, err
		}
		return o.prove(ctx, identity)
	})
	if err != nil {
		return StaffSession{}, "", err
	}
	session, err := o.Login.enter(ctx, staff, bySSO, "")
	return session, challenge.ReturnTo, err
}

func (o *StaffSSO) prove(ctx context.Context, identity SSOIdentity) (Staff, error) {
	invalid := refuse(CodeCredentialsInvalid, "no account here belongs to this identity")
	staff, err := o.Login.Accounts.StaffByAccount(ctx, identity.Account)
	switch {
	case CodeOf(err) == CodeNotFound:
		return Staff{}, invalid
	case err != nil:
		return Staff{}, err
	case staff.State != StaffActive:
		return staff, invalid
	}
	bound, err := o.Identities.BindIdentity(ctx, staff.ID, identity, o.Login.action(ctx, staff, "sso_bind", ""))
	if err == nil && !bound {
		err = invalid
	}
	return staff, err
}
