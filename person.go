package citycard

import "time"

// Person is somebody who holds cards. The document numbers a person is known by are kept apart, in the store's
// alias table: one person can hold a foreign permanent resident card of the older and of the newer form.
type Person struct {
	ID   string
	Name Name
}

// Known tells whether the person exists: a look-up that finds nobody answers with the zero Person.
func (p Person) Known() bool { return p.ID != "" }

// Citizen is an identity on a super-app platform: the pair of application and open id. The platform's user
// id and union id are not given to new applications and may be empty.
type Citizen struct {
	ID      string
	AppID   string
	OpenID  string
	UserID  string
	UnionID string
	// PersonID is the person this identity was confirmed to be; empty before the first activation.
	PersonID string
	SeenAt   time.Time
}

// Binding records that the platform confirmed a citizen to be a person.
type Binding struct {
	CitizenID string
	PersonID  string
	Method    IdentityMethod
	BoundAt   time.Time
}

// Audience keeps the planes apart: a token of one is worth nothing on another.
type Audience string

// The audiences.
const (
	AudienceCitizen Audience = "citycard-citizen"
	AudienceStaff   Audience = "citycard-staff"
)

// SessionLifetime is how long a citizen stays logged in.
const SessionLifetime = 30 * time.Minute

// Session is a log-in. ID is the token's jti; a session that is revoked or past ExpiresAt is worth nothing,
// on every replica at once.
type Session struct {
	ID        string
	Audience  Audience
	Channel   Channel
	CitizenID string
	// PersonID is the citizen's confirmed person at the time of the look-up, empty where there is none.
	PersonID  string
	IssuedAt  time.Time
	ExpiresAt time.Time
	RevokedAt time.Time
}
