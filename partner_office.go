package citycard

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// PartnerOffice is what staff sees of partners and does with their keys. Adding a key needs a second person; revoking
// one does not, since a key that got into wrong hands must end at once.
type PartnerOffice struct {
	Registry *PartnerRegistry
	Queue    *ApprovalQueue
	Records  StaffRecords
	NewID    func() string
	Clock    func() time.Time
}

// KeyRequest is what staff submits of a new key of a partner.
type KeyRequest struct {
	NewKey

	Note    string
	OnceKey string
}

// askedKey is a key on its way through the queue.
type askedKey struct {
	KeyID       string    `json:"key_id"`
	Type        KeyType   `json:"type"`
	Fingerprint string    `json:"fingerprint"`
	PublicKey   string    `json:"public_key"`
	NotBefore   time.Time `json:"not_before,omitzero"`
	NotAfter    time.Time `json:"not_after,omitzero"`
}

// List shows all partners with their keys, and the keys that end soon without a successor.
func (o *PartnerOffice) List(ctx context.Context, s StaffSession) ([]PartnerRecord, []KeyWarning, error) {
	records, err := o.Registry.Partners.Partners(ctx)
	if err != nil {
		return nil, nil, err
	}
	return records, KeyWarnings(records, o.Clock()), o.Records.RecordAction(ctx, o.action(ctx, s, "view_partners", ""))
}

// Find shows one partner; not_found where there is none.
func (o *PartnerOffice) Find(ctx context.Context, s StaffSession, appID string) (PartnerRecord, error) {
	record, err := o.find(ctx, appID)
	if err != nil {
		return PartnerRecord{}, err
	}
	return record, o.Records.RecordAction(ctx, o.action(ctx, s, "view_partner", appID))
}

func (o *PartnerOffice) find(ctx context.Context, appID string) (PartnerRecord, error) {
	return findPartner(ctx, o.Registry.Partners, appID)
}

func findPartner(ctx context.Context, partners Partners, appID string) (PartnerRecord, error) {
	records, err := partners.Partners(ctx)
	if err != nil {
		return PartnerRecord{}, err
	}
	for _, record := range records {
		if record.AppID == appID {
			return record, nil
		}
	}
	return PartnerRecord{}, refuseField(CodeNotFound, "app_id", "there is no such partner")
}

func (o *PartnerOffice) action(ctx context.Context, s StaffSession, what, object string) StaffAction {
	return StaffAction{
		ID: o.NewID(), StaffID: s.Staff.ID, Role: s.Staff.Role, Action: what, Object: object, RequestID: RequestIDOf(ctx), At: o.Clock(),
	}
}

// AskKey asks a second person for a new key. A key that could not be registered now is refused at once, under the
// rules of PartnerRecord.AddKey.
func (o *PartnerOffice) AskKey(ctx context.Context, s StaffSession, r KeyRequest) (Approval, error) {
	record, err := o.find(ctx, r.AppID)
	if err != nil {
		return Approval{}, err
	}
	key, err := o.Registry.read(r.NewKey, o.Clock())
	if err != nil {
		return Approval{}, err
	}
	record.Keys = slices.Clone(record.Keys)
	if err := record.AddKey(key, Registrar{ID: s.Staff.ID}, o.Clock()); err != nil {
		return Approval{}, err
	}
	return o.Queue.Ask(ctx, s, Asking{
		Kind: ApprovePartnerKey, Object: r.AppID, Note: r.Note, OnceKey: r.OnceKey,
		Request: askedKey{key.ID, key.Type, key.Fingerprint, key.PEM, r.NotBefore, r.NotAfter},
	})
}

// CarryOut registers a key that a second person approved and puts it into use: see CarryOut.
func (o *PartnerOffice) CarryOut(ctx context.Context, a Approval, decider StaffSession) (outcome string, err error) {
	var asked askedKey
	if err := json.Unmarshal(a.Request, &asked); err != nil {
		return "", &Error{Code: CodeInternal, Cause: err}
	}
	key := NewKey{AppID: a.Object, ID: asked.KeyID, Type: asked.Type, PEM: []byte(asked.PublicKey), NotBefore: asked.NotBefore, NotAfter: asked.NotAfter}
	stored, err := o.Registry.AddApprovedKey(ctx, key, Registrar{ID: a.RequestedBy}, Registrar{ID: decider.Staff.ID})
	if err != nil {
		return "", err
	}
	line := o.action(ctx, decider, "add_partner_key", a.Object)
	line.Reason = stored.ID
	return stored.ID, o.Records.RecordAction(ctx, line)
}

// RevokeKey ends a key of a partner at once and for good; revoking again changes nothing. Replicas follow within 60
// seconds.
func (o *PartnerOffice) RevokeKey(ctx context.Context, s StaffSession, r KeyRequest) error {
	if _, err := o.find(ctx, r.AppID); err != nil {
		return err
	}
	if err := checkNote(r.Note); err != nil {
		return err
	}
	if err := o.Registry.RevokeKey(ctx, r.AppID, r.ID, Registrar{ID: s.Staff.ID}); err != nil {
		return err
	}
	line := o.action(ctx, s, "revoke_partner_key", r.AppID)
	line.Reason, line.Note = r.ID, r.Note
	return o.Records.RecordAction(ctx, line)
}
