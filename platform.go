package citycard

import "context"

// PlatformUser is what the super-app platform tells of the person who logged in. AccessToken speaks for that
// user to the platform, RefreshToken gets a new one when it lapses; neither is stored or logged.
type PlatformUser struct {
	AppID        string
	OpenID       string
	UserID       string
	UnionID      string
	AccessToken  string
	RefreshToken string
}

// Verdict is the platform's answer to an identity check. Reason is the platform's own word for a refusal.
type Verdict struct {
	Passed bool
	Reason string
}

// Authorization asks the platform's consent page for a code. Scope is auth_base to log in, id_verify to
// confirm an identity, and then CheckID names the prepared check.
type Authorization struct {
	Scope       string
	RedirectURI string
	State       string
	CheckID     string
}

// The scopes of the platform's consent page.
const (
	ScopeLogin    = "auth_base"
	ScopeIdentity = "id_verify"
)

// LoginPlatform logs people in by the super-app's OAuth.
type LoginPlatform interface {
	// AuthorizeURL is the consent page's address.
	AuthorizeURL(a Authorization) string
	// ExchangeCode turns a single-use authorization code into the user. A used, expired or foreign code is
	// login_code_invalid; a platform that does not answer in time, or not credibly, is platform_unavailable.
	ExchangeCode(ctx context.Context, authCode string) (PlatformUser, error)
}

// IdentityChecker compares name and citizen ID number with the platform's verified user (certdoc). It serves
// citizen ID numbers only.
type IdentityChecker interface {
	// PrepareCheck registers name and number; the check id lives two hours.
	PrepareCheck(ctx context.Context, name Name, number IDNumber) (checkID string, err error)
	// ConsultCheck asks whether the user who gave the access token is that person.
	ConsultCheck(ctx context.Context, checkID string, user PlatformUser) (Verdict, error)
}

// FaceChecker confirms by face that the person at the phone is the one named. What the phone says about it is
// never believed; only QueryFace counts.
type FaceChecker interface {
	// InitializeFace registers a check under our own order number (at most 32 letters and digits); returnURL is
	// where the platform's page leads afterwards.
	InitializeFace(ctx context.Context, check FaceCheck) (checkID string, err error)
	// FaceURL is the address of the platform's face page for the check.
	FaceURL(checkID string) (string, error)
	// QueryFace asks for the result.
	QueryFace(ctx context.Context, checkID string) (Verdict, error)
}

// FaceCheck is what InitializeFace registers.
type FaceCheck struct {
	Order     string
	Name      Name
	Number    IDNumber
	ReturnURL string
}
