package citycard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// loginStateLifetime is how long a citizen may take on the platform's consent page.
const loginStateLifetime = 15 * time.Minute

// Login logs citizens in by the platform: by redirect in a browser (H5), or by auth code (mini-program).
type Login struct {
	Platform LoginPlatform
	Citizens Citizens
	States   LoginStates
	// CallbackURL is our own address to which the platform's consent page returns.
	CallbackURL string
	// NewID gives a new identifier, NewSecret an unguessable text of at least 128 bits.
	NewID     func() string
	NewSecret func() string
	Clock     func() time.Time
}

// Redirect is where to send the browser, and the secret that its cookie must bring back.
type Redirect struct {
	URL     string
	Browser string
}

// Begin starts a log-in by redirect. ReturnTo is a path of ours to go to afterwards.
func (l *Login) Begin(ctx context.Context, returnTo string) (Redirect, error) {
	return l.redirect(ctx, LoginState{ReturnTo: returnTo}, Authorization{Scope: ScopeLogin})
}

// BeginIdentity sends a logged-in citizen to the platform's consent page for an activation's identity check.
func (l *Login) BeginIdentity(ctx context.Context, a Activation) (Redirect, error) {
	return l.redirect(ctx, LoginState{ActivationID: a.ID}, Authorization{Scope: ScopeIdentity, CheckID: a.CheckID})
}

func (l *Login) redirect(ctx context.Context, state LoginState, auth Authorization) (Redirect, error) {
	secret, browser := l.NewSecret(), l.NewSecret()
	state.StateHash, state.BrowserHash = digest(secret), digest(browser)
	state.ExpiresAt = l.Clock().Add(loginStateLifetime)
	if err := l.States.KeepLoginState(ctx, state); err != nil {
		return Redirect{}, err
	}
	auth.RedirectURI, auth.State = l.CallbackURL, secret
	return Redirect{URL: l.Platform.AuthorizeURL(auth), Browser: browser}, nil
}

// Return takes what the platform's redirect brought back: a state used twice, in another browser or too late
// is login_code_invalid. Where it belongs to an activation, the code is for confirming that one.
func (l *Login) Return(ctx context.Context, state, browser string) (LoginState, error) {
	return l.States.TakeLoginState(ctx, digest(state), digest(browser), l.Clock())
}

// ByCode opens a session for the platform user behind a single-use authorization code. OnceKey is the caller's
// Idempotency-Key, empty where none was sent: the same code under it again gives the same session, although the
// platform takes a code only once; another code under it is event_id_reused.
func (l *Login) ByCode(ctx context.Context, authCode string, channel Channel, onceKey string) (Session, error) {
	once := l.once(onceKey, authCode)
	session, repeated, err := l.earlier(ctx, once)
	if repeated || err != nil {
		return session, err
	}
	user, err := l.Platform.ExchangeCode(ctx, authCode)
	if CodeOf(err) == CodeLoginCodeInvalid {
		// The same request, sent twice at once, may have used the code up.
		if session, repeated, _ := l.earlier(ctx, once); repeated {
			return session, nil
		}
	}
	if err != nil {
		return Session{}, err
	}
	return l.open(ctx, user, channel, once)
}

// once is the record of a numbered log-in, nil where it has no number. Nobody is known before the log-in, so
// that all log-ins share one scope.
func (l *Login) once(key, authCode string) *Once {
	if key == "" {
		return nil
	}
	return &Once{OnceKey: OnceKey{Scope: "login", Key: key}, Fingerprint: digest("login\n" + authCode), RecordedAt: l.Clock()}
}

// earlier is the session that the same numbered log-in opened before.
func (l *Login) earlier(ctx context.Context, once *Once) (session Session, repeated bool, err error) {
	if once == nil {
		return Session{}, false, nil
	}
	kept, err := l.Citizens.Earlier(ctx, once.OnceKey)
	if err != nil {
		return Session{}, false, err
	}
	id, repeated, err := (&Change{Earlier: kept}).Repetition(once.Fingerprint)
	if !repeated || err != nil {
		return Session{}, false, err
	}
	session, err = l.Check(ctx, id, AudienceCitizen)
	return session, true, err
}

func (l *Login) open(ctx context.Context, user PlatformUser, channel Channel, once *Once) (Session, error) {
	citizen, err := seeUser(ctx, l.Citizens, user, l.NewID(), l.Clock())
	if err != nil {
		return Session{}, err
	}
	now := l.Clock()
	session := Session{
		ID: l.NewID(), Audience: AudienceCitizen, Channel: channel,
		CitizenID: citizen.ID, PersonID: citizen.PersonID,
		IssuedAt: now, ExpiresAt: now.Add(SessionLifetime),
	}
	if once != nil {
		once.Result = session.ID
	}
	return l.Citizens.OpenSession(ctx, session, once)
}

// Check finds the session of a token's id and refuses one that ended: session_expired.
func (l *Login) Check(ctx context.Context, id string, audience Audience) (Session, error) {
	session, err := l.Citizens.Session(ctx, id)
	switch {
	case CodeOf(err) == CodeNotFound:
		return Session{}, refuse(CodeSessionRequired, "the session is not known here; log in again")
	case err != nil:
		return Session{}, err
	case session.Audience != audience:
		return Session{}, refuse(CodeSessionRequired, "the session is for another service; log in again")
	case !session.RevokedAt.IsZero(), !l.Clock().Before(session.ExpiresAt):
		return Session{}, refuse(CodeSessionExpired, "the session has ended; log in again")
	}
	return session, nil
}

// End revokes a session at once on every replica.
func (l *Login) End(ctx context.Context, s Session) error {
	return l.Citizens.RevokeSession(ctx, s.ID, l.Clock())
}

func seeUser(ctx context.Context, store Citizens, user PlatformUser, id string, now time.Time) (Citizen, error) {
	return store.SeeCitizen(ctx, Citizen{
		ID: id, AppID: user.AppID, OpenID: user.OpenID, UserID: user.UserID, UnionID: user.UnionID, SeenAt: now,
	})
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
