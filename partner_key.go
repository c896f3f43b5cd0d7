package citycard

import (
	"regexp"
	"slices"
	"time"
)

// KeyType is the type of a registered key, which is also the algorithm of every signature made with it.
type KeyType string

// The types of keys: RSASSA-PKCS1-v1_5 with SHA-256, SM2 with SM3, Ed25519, and ECDSA on P-256 with SHA-256.
const (
	KeyRSA2    KeyType = "RSA2"
	KeySM2     KeyType = "SM2"
	KeyEd25519 KeyType = "ED25519"
	KeyP256    KeyType = "ECDSA_P256"
)

// KeyTypes lists the types in the order in which they are offered.
func KeyTypes() []KeyType { return []KeyType{KeyRSA2, KeySM2, KeyEd25519, KeyP256} }

// KeyState is how far a key of a partner is in its life.
type KeyState string

// The states of a key. Pending awaits a second person; retiring still verifies, until its last day.
const (
	KeyPending  KeyState = "pending"
	KeyActive   KeyState = "active"
	KeyRetiring KeyState = "retiring"
	KeyRevoked  KeyState = "revoked"
)

const (
	// keyOverlap is how long a key goes on verifying beside the one that follows it.
	keyOverlap = 30 * 24 * time.Hour
	// mostVerifyingKeys is how many keys of one type an app may have in use: the current and the next.
	mostVerifyingKeys = 2
)

// PublicKey is a verifying key as its file was read: the PEM text (RFC 7468) in its one spelling, and the
// SHA-256 in hex of its SubjectPublicKeyInfo, by which the same key is found again.
type PublicKey struct {
	Type        KeyType
	PEM         string
	Fingerprint string
}

// PartnerKey is a public key of a partner with its life. Its ID is unique among the keys of all partners, since
// message signatures name the key alone.
type PartnerKey struct {
	PublicKey

	AppID string
	ID    string
	// NotBefore and NotAfter are when the key begins and ceases to verify. The zero NotBefore sets no beginning:
	// the key verifies from its approval on.
	NotBefore time.Time
	NotAfter  time.Time
	State     KeyState
	// CommandLine says that the key was registered next to the database, where no second person is asked.
	CommandLine bool
	AddedBy     string
	AddedAt     time.Time
	ApprovedBy  string
	ApprovedAt  time.Time
	RevokedBy   string
	RevokedAt   time.Time
}

// Registrar is who changes the registry: a staff account, or whoever sits next to the database.
type Registrar struct {
	ID          string
	CommandLine bool
}

// inUse tells whether the key verifies now or will.
func (k PartnerKey) inUse(now time.Time) bool {
	return (k.State == KeyActive || k.State == KeyRetiring) && now.Before(k.NotAfter)
}

// Begins is the beginning of the key's validity; where none is set, its approval.
func (k PartnerKey) Begins() time.Time {
	if k.NotBefore.IsZero() {
		return k.ApprovedAt
	}
	return k.NotBefore
}

// Verifies tells whether the key's signatures count at a moment.
func (k PartnerKey) Verifies(now time.Time) bool { return k.inUse(now) && !now.Before(k.NotBefore) }

// VerifyingKeys are the keys whose signatures count at a moment.
func (r *PartnerRecord) VerifyingKeys(now time.Time) []PartnerKey {
	return slices.DeleteFunc(slices.Clone(r.Keys), func(k PartnerKey) bool { return !k.Verifies(now) })
}

// KeyTypes are the types of the keys that were ever in use: what the partner may sign with.
func (r *PartnerRecord) KeyTypes() []KeyType {
	var types []KeyType
	for _, k := range r.Keys {
		if !k.ApprovedAt.IsZero() && !slices.Contains(types, k.Type) {
			types = append(types, k.Type)
		}
	}
	return types
}

var keyIDForm = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// AddKey registers a key. It awaits a second person, except on the command line. Refused are, as invalid_payload,
// a key or id that is there already and a period that ends before now or its own beginning, and, as
// invalid_transition, a third key in use.
func (r *PartnerRecord) AddKey(k PartnerKey, by Registrar, now time.Time) error {
	switch {
	case !keyIDForm.MatchString(k.ID):
		return refuseField(CodeInvalidPayload, "key_id", "a key id has 1 to 64 lower-case letters, digits and -")
	case !k.NotBefore.Before(k.NotAfter), !now.Before(k.NotAfter):
		return refuseField(CodeInvalidPayload, "not_after", "the key's validity must end after its beginning and after now")
	case slices.ContainsFunc(r.Keys, func(there PartnerKey) bool { return there.ID == k.ID }):
		return refuseField(CodeInvalidPayload, "key_id", "a key with this id is registered already")
	case slices.ContainsFunc(r.Keys, func(there PartnerKey) bool { return there.Fingerprint == k.Fingerprint }):
		return refuseField(CodeInvalidPayload, "public_key", "this key is registered already; make a new one")
	}
	k.AppID, k.State, k.CommandLine = r.AppID, KeyPending, by.CommandLine
	k.AddedBy, k.AddedAt = by.ID, now
	r.Keys = append(r.Keys, k)
	if !by.CommandLine {
		return nil
	}
	return r.activate(&r.Keys[len(r.Keys)-1], by, now)
}

// ApproveKey puts a pending key into use; the key before it of the same type retires within 30 days. Whoever
// added the key may not approve it: second_person_required.
func (r *PartnerRecord) ApproveKey(id string, by Registrar, now time.Time) error {
	k, err := r.key(id)
	switch {
	case err != nil:
		return err
	case k.State != KeyPending:
		return refuse(CodeInvalidTransition, "the key is "+string(k.State)+" and awaits nobody")
	case k.AddedBy == by.ID:
		return refuse(CodeSecondPersonRequired, "a key is approved by another person than the one who added it")
	}
	return r.activate(k, by, now)
}

func (r *PartnerRecord) activate(k *PartnerKey, by Registrar, now time.Time) error {
	var before []*PartnerKey
	for i := range r.Keys {
		if other := &r.Keys[i]; other.Type == k.Type && other.inUse(now) {
			before = append(before, other)
		}
	}
	if len(before) >= mostVerifyingKeys {
		return refuse(CodeInvalidTransition, "two keys of this type are in use already; revoke one, or wait until the retiring one has ended")
	}
	start := later(now, k.NotBefore)
	for _, other := range before {
		other.State = KeyRetiring
		if last := start.Add(keyOverlap); last.Before(other.NotAfter) {
			other.NotAfter = last
		}
	}
	k.State, k.ApprovedBy, k.ApprovedAt = KeyActive, by.ID, now
	return nil
}

// RevokeKey ends a key at once and for good; one person is enough, and revoking again changes nothing.
func (r *PartnerRecord) RevokeKey(id string, by Registrar, now time.Time) error {
	k, err := r.key(id)
	if err != nil || k.State == KeyRevoked {
		return err
	}
	k.State, k.RevokedBy, k.RevokedAt = KeyRevoked, by.ID, now
	return nil
}

func (r *PartnerRecord) key(id string) (*PartnerKey, error) {
	for i := range r.Keys {
		if r.Keys[i].ID == id {
			return &r.Keys[i], nil
		}
	}
	return nil, refuseField(CodeNotFound, "key_id", "the partner has no such key")
}
