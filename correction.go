package citycard

import (
	"context"
	"slices"
	"time"
)

// CorrectionKind says what of a record is wrong.
type CorrectionKind string

// The kinds.
const (
	CorrectName       CorrectionKind = "name"
	CorrectNumber     CorrectionKind = "document_number"
	CorrectPhone      CorrectionKind = "phone"
	CorrectBank       CorrectionKind = "bank"
	CorrectReceivedOn CorrectionKind = "received_on"
	CorrectState      CorrectionKind = "state"
	CorrectDuplicate  CorrectionKind = "duplicate_person"
	CorrectOther      CorrectionKind = "other"
)

// CorrectionKinds lists the kinds in the order in which they are offered.
func CorrectionKinds() []CorrectionKind {
	return []CorrectionKind{
		CorrectName, CorrectNumber, CorrectPhone, CorrectBank, CorrectReceivedOn, CorrectState, CorrectDuplicate, CorrectOther,
	}
}

// CorrectionState is how far a case is.
type CorrectionState string

// The states of a case.
const (
	CorrectionOpen     CorrectionState = "open"
	CorrectionResolved CorrectionState = "resolved"
)

// Correction is a case: something on record of a card or its holder is wrong, and somebody has to see to it. It changes
// nothing by itself.
type Correction struct {
	ID       string
	CardRef  string
	PersonID string
	Kind     CorrectionKind
	// Description and Resolution are what staff wrote; they may hold personal data.
	Description string
	OpenedBy    string
	OpenedAt    time.Time
	// Once is the opener's Idempotency-Key with its scope, Fingerprint what was said under it.
	Once        string
	Fingerprint string

	State      CorrectionState
	ResolvedBy string
	ResolvedAt time.Time
	Resolution string
}

// CorrectionQuery chooses cases: of one state, of one card; empty fields choose all.
type CorrectionQuery struct {
	State   CorrectionState
	CardRef string
	Before  string
	Limit   int
}

// Corrections is the store of cases.
type Corrections interface {
	// OpenCorrection stores a new case with the action that records it. Where one with the same Once is there already,
	// that one comes back and nothing is stored.
	OpenCorrection(ctx context.Context, c Correction, by StaffAction) (Correction, error)
	// Correction finds one by id; not_found where there is none.
	Correction(ctx context.Context, id string) (Correction, error)
	// Corrections lists those chosen, newest first, at most Limit of them older than the one with the id Before.
	Corrections(ctx context.Context, q CorrectionQuery) ([]Correction, error)
	// ResolveCorrection stores how an open case was resolved, with the action: false where it is open no longer.
	ResolveCorrection(ctx context.Context, c Correction, by StaffAction) (bool, error)
}

// NewCorrection is what staff submits of a case on a card.
type NewCorrection struct {
	Ref         string
	Kind        CorrectionKind
	Description string
	OnceKey     string
}

// OpenCorrection opens a case; it is among the work lists from then on.
func (d *StaffDesk) OpenCorrection(ctx context.Context, s StaffSession, n NewCorrection) (Correction, error) {
	if !slices.Contains(CorrectionKinds(), n.Kind) {
		return Correction{}, refuseField(CodeInvalidPayload, "kind", "this is no kind of a correction")
	}
	if err := checkNote(n.Description); err != nil {
		return Correction{}, refuseField(CodeInvalidPayload, "description", "the description must have 1 to 500 characters")
	}
	found, err := d.Cards.Holding(ctx, Subject{Ref: n.Ref})
	if err != nil {
		return Correction{}, err
	}
	if found.Card == nil {
		return Correction{}, noSuchCard()
	}
	opened := Correction{
		ID: d.NewID(), CardRef: n.Ref, PersonID: found.Person.ID, Kind: n.Kind, Description: n.Description,
		OpenedBy: s.Staff.ID, OpenedAt: d.Clock(), State: CorrectionOpen,
	}
	if once := deskOnce(s, n.OnceKey); once.Key != "" {
		opened.Once, opened.Fingerprint = once.Scope+"/"+once.Key, d.fingerprint("correction", n.Ref, string(n.Kind), n.Description)
	}
	action := d.action(ctx, s, "open_correction", n.Ref)
	action.Reason, action.Note = string(n.Kind), n.Description
	stored, err := d.Cases.OpenCorrection(ctx, opened, action)
	if err == nil && stored.Fingerprint != opened.Fingerprint {
		err = refuse(CodeEventIDReused, "this number was used for another request")
	}
	return stored, err
}

// Correction shows a case; not_found where there is none.
func (d *StaffDesk) Correction(ctx context.Context, s StaffSession, id string) (Correction, error) {
	found, err := d.Cases.Correction(ctx, id)
	if err != nil {
		return Correction{}, err
	}
	return found, d.Records.RecordAction(ctx, d.action(ctx, s, "view_correction", found.CardRef))
}

// Corrections lists cases, newest first. Next is where to go on, empty at the end.
func (d *StaffDesk) Corrections(ctx context.Context, s StaffSession, q CorrectionQuery) (page []Correction, next string, err error) {
	limit := q.Limit
	q.Limit++
	page, err = d.Cases.Corrections(ctx, q)
	if err != nil {
		return nil, "", err
	}
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].ID
	}
	return page, next, d.Records.RecordAction(ctx, d.action(ctx, s, "view_corrections", q.CardRef))
}

// ResolveCorrection closes a case with what was done about it. Resolving again what the same person resolved gives the
// case as it is; otherwise a case that is not open is invalid_transition.
func (d *StaffDesk) ResolveCorrection(ctx context.Context, s StaffSession, id, resolution string) (Correction, error) {
	found, err := d.Cases.Correction(ctx, id)
	if err != nil {
		return Correction{}, err
	}
	if err := checkNote(resolution); err != nil {
		return Correction{}, refuseField(CodeInvalidPayload, "resolution", "the resolution must have 1 to 500 characters")
	}
	closed := notAllowed("the case is resolved already", string(CorrectionResolved), "resolve", nil)
	if found.State == CorrectionResolved {
		if found.ResolvedBy == s.Staff.ID && found.Resolution == resolution {
			return found, nil
		}
		return Correction{}, closed
	}
	found.State, found.ResolvedBy, found.ResolvedAt, found.Resolution = CorrectionResolved, s.Staff.ID, d.Clock(), resolution
	action := d.action(ctx, s, "resolve_correction", found.CardRef)
	action.Reason, action.Note = string(found.Kind), resolution
	first, err := d.Cases.ResolveCorrection(ctx, found, action)
	if err == nil && !first {
		err = closed
	}
	return found, err
}
