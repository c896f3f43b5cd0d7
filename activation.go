package citycard

import "time"

// IdentityMethod says how a citizen was confirmed to be a person.
type IdentityMethod string

// The identity methods: the platform's name and number comparison, its face check, or an earlier
// confirmation by either (bound).
const (
	IdentityCertdoc IdentityMethod = "certdoc"
	IdentityFace    IdentityMethod = "face"
	IdentityBound   IdentityMethod = "bound"
)

// ActivationStatus is how far an activation got.
type ActivationStatus string

// The statuses. Activated, pending_bank and failed are final.
const (
	ActivationAwaitingIdentity ActivationStatus = "awaiting_identity"
	ActivationActivated        ActivationStatus = "activated"
	ActivationPendingBank      ActivationStatus = "pending_bank"
	ActivationFailed           ActivationStatus = "failed"
)

// Activation is one citizen's request to activate a card, from name and number to the receipt. Name and Number
// are kept only while it awaits the identity.
type Activation struct {
	ID        string
	CitizenID string
	Channel   Channel
	Name      Name
	Number    IDNumber
	Method    IdentityMethod
	// CheckID is the platform's number of the prepared identity check.
	CheckID string
	Status  ActivationStatus
	// Failure is the code of a failed activation.
	Failure Code
	// CardRef, Changed and Receipt are set once final: Changed is false where the card already was in that state.
	CardRef string
	Changed bool
	Receipt string
	// Dedup is the keyed hash of citizen, name and number: while one awaits the identity, the same request is
	// the same activation.
	Dedup string
	// Attempts are the keyed hashes under which the attempt was counted, by kind.
	Attempts   map[AttemptKind]string
	StartedAt  time.Time
	ExpiresAt  time.Time
	FinishedAt time.Time
	// ClaimedUntil is the end of the lease of whoever talks to the platform about it now.
	ClaimedUntil time.Time
}

// Final tells whether the activation has ended, well or not.
func (a *Activation) Final() bool { return a.Status != ActivationAwaitingIdentity }

// finish ends the activation and forgets the name and number.
func (a *Activation) finish(status ActivationStatus, failure Code, now time.Time) {
	a.Status, a.Failure, a.FinishedAt = status, failure, now
	a.Name, a.Number, a.ClaimedUntil = Name{}, IDNumber{}, time.Time{}
}
