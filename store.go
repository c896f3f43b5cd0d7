package citycard

import (
	"context"
	"time"
)

// Subject names what one Update loads: a person's cards by exactly one of Ref, PersonID, Number, CardNumber
// with Region, or IdentificationCode; and, where set, one activation and one idempotency record beside them.
type Subject struct {
	Ref                string
	PersonID           string
	Number             IDNumber
	Region             string
	CardNumber         CardNumber
	IdentificationCode string

	ActivationID string
	Once         OnceKey
}

// OnceKey is a caller's number for a request that must take effect once. Scope is whose number it is (a
// citizen, a partner, a staff account). The zero OnceKey asks for nothing.
type OnceKey struct {
	Scope string
	Key   string
}

// Once is the durable record that a numbered request took effect, stored with the effect itself. Fingerprint
// is the SHA-256 in hex of what was asked; Result is what to answer to a repetition.
type Once struct {
	OnceKey
	Fingerprint string
	Result      string
	RecordedAt  time.Time
}

// Change is one unit of work on a person's cards. The store loads it, a judge changes it, and everything
// changed becomes durable together or not at all.
type Change struct {
	// Person and Cards are what was found, oldest card first; both empty where nobody matches.
	Person Person
	Cards  []*Card
	// Card is the one the subject names; nil where the subject names a person or nothing was found.
	Card *Card
	// Activation is the one the subject names, nil where none is; set it to store a new one.
	Activation *Activation
	// Earlier is the record already stored under the subject's OnceKey, nil where there is none.
	Earlier *Once

	// Once, Binding, NewCards, Reissue and Actions are stored with the change when set; ReturnAttempts are counted
	// back.
	Once           *Once
	Binding        *Binding
	NewCards       []*Card
	Reissue        *Reissue
	Actions        []StaffAction
	ReturnAttempts []AttemptLimit
}

// Cards is the store of people and their cards, and the one door by which either changes.
type Cards interface {
	// Update loads the subject, lets judge decide, concludes the change (Change.Conclude), and stores what changed:
	// cards, their transitions and outgoing events, activation, binding, reissue, staff's actions and once-record as
	// one durable unit. It returns after the commit.
	// Where judge returns an error nothing is stored and that error comes back. Judge may run twice after a
	// lost race and must not block; a race lost twice is version_conflict.
	Update(ctx context.Context, subject Subject, judge func(*Change) error) error
	// Holding is the person and cards a subject names, without changing them.
	Holding(ctx context.Context, subject Subject) (*Change, error)
	// History lists a card's transitions, oldest first, at most limit of them after the given sequence number.
	History(ctx context.Context, ref string, after int64, limit int) ([]Transition, error)
}

// Activations is the store of activations outside the moment in which a card changes.
type Activations interface {
	// OpenActivation stores a new activation that awaits the citizen's identity, with its once-record where one
	// is given. Where one with the same Dedup awaits already, that one comes back and created is false; where the
	// once-key was used before, the activation named by that record's result comes back.
	OpenActivation(ctx context.Context, a Activation, once *Once) (stored Activation, created bool, err error)
	// Activation finds one by id; not_found where there is none.
	Activation(ctx context.Context, id string) (Activation, error)
	// ClaimActivation lets one caller at a time, over all replicas, talk to the platform about an activation,
	// until the lease ends. It is false where another holds the claim or the activation is final.
	ClaimActivation(ctx context.Context, id string, now, leaseUntil time.Time) (bool, error)
	// SaveActivation stores an activation that did not become final meanwhile, and ends its claim.
	SaveActivation(ctx context.Context, a Activation) error
}

// Citizens is the store of platform identities and their sessions.
type Citizens interface {
	// SeeCitizen finds or creates the citizen of (AppID, OpenID) and notes user id and union id once known.
	SeeCitizen(ctx context.Context, c Citizen) (Citizen, error)
	// OpenSession stores a session, with its once-record where one is given. Where the once-key was used before for
	// the same request, the session named by that record comes back; for another one it is event_id_reused.
	OpenSession(ctx context.Context, s Session, once *Once) (Session, error)
	// Earlier is the record of a numbered request that took effect, nil where there is none.
	Earlier(ctx context.Context, key OnceKey) (*Once, error)
	// Session finds one by id with its citizen's confirmed person; not_found where there is none.
	Session(ctx context.Context, id string) (Session, error)
	// RevokeSession ends a session at once on every replica.
	RevokeSession(ctx context.Context, id string, now time.Time) error
}

// LoginState is what must come back from the platform's redirect: used once, in the same browser, in time.
// StateHash and BrowserHash are SHA-256 in hex of the values the redirect and the browser's cookie carry.
type LoginState struct {
	StateHash    string
	BrowserHash  string
	ReturnTo     string
	ActivationID string
	ExpiresAt    time.Time
}

// LoginStates is the store of log-in states.
type LoginStates interface {
	// KeepLoginState stores one.
	KeepLoginState(ctx context.Context, s LoginState) error
	// TakeLoginState removes and returns the one with both hashes, if it has not expired; login_code_invalid
	// otherwise. Of any number of callers at once, one gets it.
	TakeLoginState(ctx context.Context, stateHash, browserHash string, now time.Time) (LoginState, error)
}

// AttemptKind says what match attempts are counted by.
type AttemptKind string

// What attempts are counted by.
const (
	AttemptByCitizen AttemptKind = "citizen"
	AttemptByNumber  AttemptKind = "number"
	AttemptByAddress AttemptKind = "address"
	// The log-ins of staff are counted by account and by address.
	AttemptByStaffAccount AttemptKind = "staff_account"
	AttemptByStaffAddress AttemptKind = "staff_address"
	AttemptByStaffBegin   AttemptKind = "staff_begin"
	// What staff looks for and reveals is counted by account, the identifications of callers by account and by card.
	AttemptByStaffSearch AttemptKind = "staff_search"
	AttemptByReveal      AttemptKind = "reveal"
	AttemptByCaller      AttemptKind = "caller"
	AttemptByCallerStaff AttemptKind = "caller_staff"
)

// AttemptLimit allows Max attempts of one subject per window; the window is the calendar day or hour in
// Asia/Shanghai that begins at WindowStart and ends at WindowEnd.
type AttemptLimit struct {
	Kind        AttemptKind
	Subject     string
	Max         int
	WindowStart time.Time
	WindowEnd   time.Time
}

// Attempts counts match attempts, shared by all replicas and surviving restarts.
type Attempts interface {
	// ReserveAttempt counts one attempt against all limits, or against none and returns attempts_locked with
	// RetryAfter where any is used up.
	ReserveAttempt(ctx context.Context, limits []AttemptLimit, now time.Time) error
	// ReturnAttempt takes a counted attempt back: the guess was right, or never judged.
	ReturnAttempt(ctx context.Context, limits []AttemptLimit) error
}
