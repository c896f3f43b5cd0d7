package citycard

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"
)

// CardAction is what staff may do with a card without a second person.
type CardAction string

// The actions.
const (
	ActionLoss             CardAction = "loss"
	ActionFound            CardAction = "found"
	ActionFormalLoss       CardAction = "formal_loss"
	ActionRevokeFormalLoss CardAction = "revoke_formal_loss"
	ActionCure             CardAction = "cure"
	ActionActivation       CardAction = "activation"
	ActionFulfilment       CardAction = "fulfilment"
	ActionCancelReissue    CardAction = "cancel_reissue"
)

// ActionRequest is what staff submits. Evidence is the reference of the document seen, Place the code of the place,
// Step and ReceivedOn belong to the card's making. OnceKey is the caller's Idempotency-Key.
type ActionRequest struct {
	Ref        string
	Action     CardAction
	Reason     Reason
	Note       string
	Evidence   string
	Place      string
	Step       Step
	ReceivedOn string
	Channel    Channel
	OnceKey    string
}

// deskTurn is one action on its way to a card.
type deskTurn struct {
	request ActionRequest
	change  *Change
	policy  Policy
	cause   Cause
	now     time.Time
}

// deskAction is what an action asks for and does. The first reason holds where none is given.
type deskAction struct {
	reasons  []Reason
	evidence bool
	place    bool
	apply    func(*deskTurn) (changed bool, err error)
}

var deskActions = map[CardAction]deskAction{
	ActionLoss: {reasons: []Reason{ReasonLost, ReasonStolen, ReasonSuspectedMisuse}, apply: func(t *deskTurn) (bool, error) {
		return t.change.Card.LoseTemporarily(t.policy, t.cause, t.now)
	}},
	ActionFound: {reasons: []Reason{ReasonFound}, apply: func(t *deskTurn) (bool, error) {
		return done(t.change.Card.Restore(t.policy, t.cause, t.now))
	}},
	ActionFormalLoss: {reasons: []Reason{ReasonLost, ReasonStolen}, evidence: true, apply: func(t *deskTurn) (bool, error) {
		return t.change.Card.LoseFormally(t.policy, t.cause, t.now)
	}},
	ActionRevokeFormalLoss: {reasons: []Reason{ReasonFound}, evidence: true, apply: func(t *deskTurn) (bool, error) {
		open := t.change.OpenReissueOf(t.change.Card) != nil
		return done(t.change.Card.RevokeFormalLoss(t.policy, open, t.cause, t.now))
	}},
	ActionCure: {reasons: []Reason{ReasonDeadlineCured}, place: true, apply: func(t *deskTurn) (bool, error) {
		return done(t.change.Card.CureDeadline(t.policy, t.request.Place, t.cause, t.now))
	}},
	ActionActivation: {reasons: []Reason{ReasonActCentre}, evidence: true, place: true, apply: func(t *deskTurn) (bool, error) {
		return t.change.Card.ActivateSocial(t.policy, t.cause, t.now)
	}},
	ActionFulfilment: {reasons: []Reason{ReasonStaffDecision}, apply: (*deskTurn).fulfil},
	ActionCancelReissue: {reasons: []Reason{ReasonVoluntary, ReasonIssuedInError}, apply: func(t *deskTurn) (bool, error) {
		return t.change.CancelReissue(t.cause, t.now)
	}},
}

func done(err error) (bool, error) { return err == nil, err }

// deskSteps are the steps of a card's making that staff takes by hand.
var deskSteps = []Step{
	StepReview, StepReject, StepAccept, StepProduce, StepFail, StepReady, StepCollect, StepReturn, StepDestroy,
}

func (t *deskTurn) fulfil() (bool, error) {
	card := t.change.Card
	if t.request.Step != StepCollect {
		return done(card.Fulfil(t.request.Step, t.cause, t.now))
	}
	day, err := ParseDate(t.request.ReceivedOn)
	if err != nil {
		return false, refuseField(CodeInvalidPayload, "received_on", "the day of receipt is no day written YYYY-MM-DD")
	}
	return card.Collect(day, t.cause, t.now)
}

// evidenceForm keeps references free of names: a file's or a document's number.
var evidenceForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$`)

// check completes the request and refuses what the action does not take.
func (r *ActionRequest) check(how deskAction) error {
	if r.Reason == "" {
		r.Reason = how.reasons[0]
	}
	switch {
	case !slices.Contains(how.reasons, r.Reason):
		return refuseField(CodeInvalidPayload, "reason", "this is no reason for the action")
	case how.evidence && r.Evidence == "":
		return refuseField(CodeInvalidPayload, "evidence", "evidence is missing: the reference of the document seen")
	case r.Evidence != "" && !evidenceForm.MatchString(r.Evidence):
		return refuseField(CodeInvalidPayload, "evidence", "evidence is a reference: letters, digits and _ . : / -")
	case how.place && r.Place == "":
		return refuseField(CodeInvalidPayload, "place", "place is missing: the code of the place")
	case r.Place != "" && !evidenceForm.MatchString(r.Place):
		return refuseField(CodeInvalidPayload, "place", "place is the code of a place")
	case r.Action == ActionFulfilment && !slices.Contains(deskSteps, r.Step):
		return refuseField(CodeInvalidPayload, "step", "this is no step of a card's making")
	case r.Action != ActionFulfilment && r.Step != "":
		return refuseField(CodeInvalidPayload, "step", "steps belong to a card's making")
	case r.ReceivedOn != "" && r.Step != StepCollect:
		return refuseField(CodeInvalidPayload, "received_on", "the day of receipt belongs to the step collect")
	case r.Note == "":
		return nil
	}
	return checkNote(r.Note)
}

// evidence is what the history keeps of the request.
func (r *ActionRequest) evidence() string {
	var parts []string
	if r.Evidence != "" {
		parts = append(parts, "document="+r.Evidence)
	}
	if r.Place != "" {
		parts = append(parts, "place="+r.Place)
	}
	return strings.Join(parts, " ")
}

// Act does what staff decided with a card, and tells whether that changed anything: asking for what is so already
// does not. Repeated with the same OnceKey it takes effect once.
func (d *StaffDesk) Act(ctx context.Context, s StaffSession, r ActionRequest) (StaffCard, bool, error) {
	how, known := deskActions[r.Action]
	if !known {
		return StaffCard{}, false, refuse(CodeNotFound, "there is no such action")
	}
	channel, err := deskChannel(r.Channel)
	if err != nil {
		return StaffCard{}, false, err
	}
	if err := r.check(how); err != nil {
		return StaffCard{}, false, err
	}
	fingerprint := d.fingerprint(string(r.Action), r.Ref, string(r.Reason), r.Note, r.evidence(), string(r.Step), r.ReceivedOn, string(channel))
	action := d.action(ctx, s, string(r.Action), r.Ref)
	action.Reason, action.Note = string(r.Reason), r.Note
	cause := d.cause(s, channel)
	cause.Reason, cause.Evidence = r.Reason, r.evidence()
	once, changed := deskOnce(s, r.OnceKey), false
	err = d.Cards.Update(ctx, Subject{Ref: r.Ref, Once: once}, func(ch *Change) error {
		result, repeated, err := ch.Repetition(fingerprint)
		if repeated || err != nil {
			changed = result == resultChanged
			return err
		}
		policy, err := d.policyOf(ch.Card)
		if err != nil {
			return err
		}
		changed, err = how.apply(&deskTurn{request: r, change: ch, policy: policy, cause: cause, now: d.Clock()})
		if err != nil {
			return err
		}
		ch.Actions = append(ch.Actions, action)
		ch.keep(once, fingerprint, resultOf(changed), d.Clock())
		return nil
	})
	if err != nil {
		return StaffCard{}, false, err
	}
	card, err := d.card(ctx, r.Ref)
	return card, changed, err
}

// What the record of a numbered action says about it.
const (
	resultChanged   = "changed"
	resultUnchanged = "unchanged"
)

func resultOf(changed bool) string {
	if changed {
		return resultChanged
	}
	return resultUnchanged
}
