package citycard

import (
	"context"
	"strings"
	"time"
)

const (
	// keyLifetime is how long a key verifies where nobody says otherwise.
	keyLifetime = 2 * 365 * 24 * time.Hour
	// expiryNotice is how long before its end a key without a successor is warned of.
	expiryNotice = 60 * 24 * time.Hour
)

// PartnerRegistry is the use case of registering partners and their keys.
type PartnerRegistry struct {
	Partners Partners
	// ReadKey reads a PEM file and refuses keys that are too weak, of another kind or, in production, published. Its
	// errors are shown.
	ReadKey func(pem []byte) (PublicKey, error)
	Clock   func() time.Time
}

// NewKey is a key to be registered. ID, NotBefore and NotAfter may be left out: the id is then made of the key
// itself, and the key verifies as soon as it is in use, for two years.
type NewKey struct {
	AppID     string
	ID        string
	Type      KeyType
	PEM       []byte
	NotBefore time.Time
	NotAfter  time.Time
}

// AddPartner registers a partner, active from now on but without a key.
func (r *PartnerRegistry) AddPartner(ctx context.Context, p Partner, by Registrar) error {
	p.State, p.AddedBy, p.AddedAt = PartnerActive, by.ID, r.Clock()
	if err := p.Check(); err != nil {
		return err
	}
	return r.Partners.AddPartner(ctx, p)
}

// SetPartnerState suspends a partner or lets it in again.
func (r *PartnerRegistry) SetPartnerState(ctx context.Context, appID string, state PartnerState) error {
	return r.ChangePartner(ctx, appID, func(p *Partner) { p.State = state })
}

// ChangePartner changes what a partner is, may report and for which regions, under the rules of Partner.Check. Its
// app id, who added it and when stay. Replicas follow within 60 seconds.
func (r *PartnerRegistry) ChangePartner(ctx context.Context, appID string, change func(*Partner)) error {
	return r.Partners.ChangePartner(ctx, appID, func(record *PartnerRecord) error {
		changed := record.Partner
		change(&changed)
		changed.AppID, changed.AddedBy, changed.AddedAt = record.AppID, record.AddedBy, record.AddedAt
		if changed.State != PartnerActive && changed.State != PartnerSuspended {
			return refuseField(CodeInvalidPayload, "state", "a partner is active or suspended")
		}
		if err := changed.Check(); err != nil {
			return err
		}
		record.Partner = changed
		return nil
	})
}

// AddKey registers a key under the rules of PartnerRecord.AddKey and returns it as it was stored. A file that is
// no acceptable key, and a key of another type than named, are invalid_payload.
func (r *PartnerRegistry) AddKey(ctx context.Context, n NewKey, by Registrar) (PartnerKey, error) {
	now := r.Clock()
	key, err := r.read(n, now)
	if err != nil {
		return PartnerKey{}, err
	}
	var stored PartnerKey
	err = r.Partners.ChangePartner(ctx, n.AppID, func(record *PartnerRecord) error {
		if err := record.AddKey(key, by, now); err != nil {
			return err
		}
		stored = record.Keys[len(record.Keys)-1]
		return nil
	})
	if err != nil {
		return PartnerKey{}, err
	}
	return stored, nil
}

// AddApprovedKey registers a key that one person asked for and puts it into use in another's name. It changes nothing
// where that was done before.
func (r *PartnerRegistry) AddApprovedKey(ctx context.Context, n NewKey, by, approver Registrar) (PartnerKey, error) {
	now := r.Clock()
	key, err := r.read(n, now)
	if err != nil {
		return PartnerKey{}, err
	}
	var stored PartnerKey
	err = r.Partners.ChangePartner(ctx, n.AppID, func(record *PartnerRecord) error {
		if there, err := record.key(key.ID); err == nil && there.Fingerprint == key.Fingerprint && there.AddedBy == by.ID && !there.ApprovedAt.IsZero() {
			stored = *there
			return nil
		}
		if err := record.AddKey(key, by, now); err != nil {
			return err
		}
		if err := record.ApproveKey(key.ID, approver, now); err != nil {
			return err
		}
		stored = record.Keys[len(record.Keys)-1]
		return nil
	})
	return stored, err
}

// read reads a key to be registered and completes it.
func (r *PartnerRegistry) read(n NewKey, now time.Time) (PartnerKey, error) {
	read, err := r.ReadKey(n.PEM)
	if err != nil {
		return PartnerKey{}, &Error{Code: CodeInvalidPayload, Field: "public_key", Message: "this key cannot be registered: " + err.Error()}
	}
	if read.Type != n.Type {
		return PartnerKey{}, refuseField(CodeInvalidPayload, "type", "the file holds a key of type "+string(read.Type))
	}
	key := PartnerKey{PublicKey: read, ID: n.ID, NotBefore: n.NotBefore, NotAfter: n.NotAfter}
	if key.ID == "" {
		key.ID = keyIDOf(read)
	}
	if key.NotAfter.IsZero() {
		key.NotAfter = later(now, key.NotBefore).Add(keyLifetime)
	}
	return key, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// keyIDOf names a key by its type and the beginning of its fingerprint.
func keyIDOf(k PublicKey) string {
	const enough = 12
	kind := strings.ReplaceAll(strings.ToLower(string(k.Type)), "_", "-")
	return kind + "-" + k.Fingerprint[:min(enough, len(k.Fingerprint))]
}

// ApproveKey puts a pending key into use; see PartnerRecord.ApproveKey.
func (r *PartnerRegistry) ApproveKey(ctx context.Context, appID, keyID string, by Registrar) error {
	now := r.Clock()
	return r.Partners.ChangePartner(ctx, appID, func(record *PartnerRecord) error { return record.ApproveKey(keyID, by, now) })
}

// RevokeKey ends a key at once; replicas that remember the registry follow within their 60 seconds.
func (r *PartnerRegistry) RevokeKey(ctx context.Context, appID, keyID string, by Registrar) error {
	now := r.Clock()
	return r.Partners.ChangePartner(ctx, appID, func(record *PartnerRecord) error { return record.RevokeKey(keyID, by, now) })
}

// KeyWarning says that a partner's last key of a type ends soon, or has ended, and no other follows it.
type KeyWarning struct {
	AppID    string
	KeyID    string
	Type     KeyType
	NotAfter time.Time
	// DaysLeft counts calendar days; 0 is the last one, below it the key has ended.
	DaysLeft int
}

// KeyWarnings lists the keys that need a successor: of each partner that is let in and each type it has in use,
// the key that lasts longest, where that ends within 60 days.
func KeyWarnings(records []PartnerRecord, now time.Time) []KeyWarning {
	var warnings []KeyWarning
	for _, record := range records {
		if record.State != PartnerActive {
			continue
		}
		for _, kind := range record.KeyTypes() {
			last := record.lastKey(kind)
			if last.ID == "" || last.NotAfter.Sub(now) > expiryNotice {
				continue
			}
			warnings = append(warnings, KeyWarning{
				AppID: record.AppID, KeyID: last.ID, Type: kind, NotAfter: last.NotAfter,
				DaysLeft: DateOf(now).DaysUntil(DateOf(last.NotAfter)),
			})
		}
	}
	return warnings
}

// lastKey is the key of a type that lasts longest of those put into use and not revoked.
func (r *PartnerRecord) lastKey(kind KeyType) PartnerKey {
	var last PartnerKey
	for _, k := range r.Keys {
		if k.Type == kind && (k.State == KeyActive || k.State == KeyRetiring) && k.NotAfter.After(last.NotAfter) {
			last = k
		}
	}
	return last
}
