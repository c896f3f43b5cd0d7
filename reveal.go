package citycard

import (
	"context"
	"slices"
)

// RevealField is one field of a person's record that staff may see in clear.
type RevealField string

// The fields.
const (
	RevealName           RevealField = "name"
	RevealDocumentNumber RevealField = "document_number"
	RevealPhone          RevealField = "phone"
	RevealAccountLast4   RevealField = "account_last4"
)

// RevealFields lists the fields in the order in which they are offered.
func RevealFields() []RevealField {
	return []RevealField{RevealName, RevealDocumentNumber, RevealPhone, RevealAccountLast4}
}

// RevealReasons lists why a field may be seen, in the order in which they are offered.
func RevealReasons() []string {
	return []string{"call_back", "verify_identity", "correct_record", "complaint", "court_order"}
}

// RevealsPerDay is how many fields one member of staff may see in a day by their own decision; beyond, each needs a
// second person.
const RevealsPerDay = 20

// RevealRequest asks for one field of the person who holds a card. Approval is the request that a second person
// approved, where the day's number is used up.
type RevealRequest struct {
	Ref      string
	Field    RevealField
	Reason   string
	Note     string
	Approval string
	OnceKey  string
}

func (r RevealRequest) check() error {
	switch {
	case !slices.Contains(RevealFields(), r.Field):
		return refuseField(CodeInvalidPayload, "field", "this is no field that can be revealed")
	case !slices.Contains(RevealReasons(), r.Reason):
		return refuseField(CodeInvalidPayload, "reason", "a field is revealed for a reason: "+RevealReasons()[0]+", …")
	}
	return checkNote(r.Note)
}

// object names card and field, so that what was approved for one is not used for another.
func (r RevealRequest) object() string { return r.Ref + "/" + string(r.Field) }

// Reveal gives one field of the card's holder in clear; several values only where a person has several numbers. It is
// counted and recorded before it is given. Once the day's number is used up it is second_person_required without an
// approval.
func (d *StaffDesk) Reveal(ctx context.Context, s StaffSession, r RevealRequest) ([]string, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	found, err := d.Cards.Holding(ctx, Subject{Ref: r.Ref})
	if err != nil {
		return nil, err
	}
	if found.Card == nil {
		return nil, noSuchCard()
	}
	if err := d.admitReveal(ctx, s, r); err != nil {
		return nil, err
	}
	action := d.action(ctx, s, "reveal_"+string(r.Field), r.Ref)
	action.Reason, action.Note = r.Reason, r.Note
	if err := d.Records.RecordAction(ctx, action); err != nil {
		return nil, err
	}
	if r.Field == RevealAccountLast4 {
		return present(found.Card.Account.Last4), nil
	}
	record, err := d.People.PersonRecord(ctx, found.Person.ID)
	if err != nil {
		return nil, err
	}
	switch r.Field {
	case RevealName:
		return present(record.Name.Reveal()), nil
	case RevealPhone:
		return present(record.Phone.Reveal()), nil
	}
	var numbers []string
	for _, number := range record.Numbers {
		numbers = append(numbers, number.Reveal())
	}
	return numbers, nil
}

// present is the value as a list, which is empty where there is none.
func present(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// admitReveal counts against the day's number, or takes the approval.
func (d *StaffDesk) admitReveal(ctx context.Context, s StaffSession, r RevealRequest) error {
	if r.Approval != "" {
		_, err := d.Queue.Use(ctx, s, r.Approval, ApproveReveal, r.object())
		return err
	}
	err := d.Attempts.ReserveAttempt(ctx, []AttemptLimit{d.daily(AttemptByReveal, s.Staff.ID, RevealsPerDay)}, d.Clock())
	if CodeOf(err) == CodeAttemptsLocked {
		return refuse(CodeSecondPersonRequired, "the day's number of reveals is used up; ask a second person")
	}
	return err
}

// AskReveal asks a second person for a reveal beyond the day's number.
func (d *StaffDesk) AskReveal(ctx context.Context, s StaffSession, r RevealRequest) (Approval, error) {
	if err := r.check(); err != nil {
		return Approval{}, err
	}
	found, err := d.Cards.Holding(ctx, Subject{Ref: r.Ref})
	if err != nil {
		return Approval{}, err
	}
	if found.Card == nil {
		return Approval{}, noSuchCard()
	}
	return d.Queue.Ask(ctx, s, Asking{
		Kind: ApproveReveal, Object: r.object(), Request: map[string]string{"card": r.Ref, "field": string(r.Field)},
		Reason: r.Reason, Note: r.Note, OnceKey: r.OnceKey,
	})
}
