package citycard

import (
	"context"
	"encoding/json"
	"time"
)

// deskTurn is one action on its way to a card.
type deskTurn struct {
	request ActionRequest
	change  *Change
	policy  Policy
	cause   Cause
	now     time.Time
}

// prepared completes and checks a request for an action that the session's role may do.
func (d *StaffDesk) prepared(ctx context.Context, s StaffSession, r *ActionRequest) (deskAction, error) {
	how, known := deskActions[r.Action]
	if !known {
		return how, refuse(CodeNotFound, "there is no such action")
	}
	if !how.mayAct(s.Staff.Role) {
		return how, refuse(CodeRoleRequired, "the role "+string(s.Staff.Role)+" may not do this")
	}
	var err error
	if r.Channel, err = deskChannel(r.Channel); err != nil {
		return how, err
	}
	if err := r.check(how, DateOf(d.Clock())); err != nil {
		return how, err
	}
	return how, d.identified(ctx, s, r.Channel, r.Ref, r.Identification)
}

// Act does what staff decided with a card, and tells whether that changed anything: asking for what is so already
// does not. Repeated with the same OnceKey it takes effect once. What needs a second person is
// second_person_required: it goes through Ask.
func (d *StaffDesk) Act(ctx context.Context, s StaffSession, r ActionRequest) (StaffCard, bool, error) {
	how, err := d.prepared(ctx, s, &r)
	if err != nil {
		return StaffCard{}, false, err
	}
	if how.second != "" {
		return StaffCard{}, false, refuse(CodeSecondPersonRequired, "this needs a second person; ask for it")
	}
	fingerprint := d.fingerprint(string(r.Action), r.Ref, string(r.Reason), r.Note, r.evidence(), string(r.Step), r.ReceivedOn, string(r.Channel))
	cause := d.cause(s, r.Channel)
	cause.Reason, cause.Evidence = r.Reason, r.evidence()
	action := d.action(ctx, s, string(r.Action), r.Ref)
	action.Reason, action.Note = string(r.Reason), r.Note
	_, changed, err := d.apply(ctx, how, deskStroke{r, cause, action, deskOnce(s, r.OnceKey), fingerprint})
	if err != nil {
		return StaffCard{}, false, err
	}
	card, err := d.card(ctx, s, r.Ref)
	return card, changed, err
}

// deskStroke is an action with who does it and what keeps it from being done twice.
type deskStroke struct {
	request     ActionRequest
	cause       Cause
	action      StaffAction
	once        OnceKey
	fingerprint string
}

// apply does the action once, and gives the result kept under its once-key.
func (d *StaffDesk) apply(ctx context.Context, how deskAction, stroke deskStroke) (result string, changed bool, err error) {
	err = d.Cards.Update(ctx, Subject{Ref: stroke.request.Ref, Once: stroke.once}, func(ch *Change) error {
		earlier, repeated, err := ch.Repetition(stroke.fingerprint)
		if repeated || err != nil {
			result, changed = earlier, earlier == resultChanged
			return err
		}
		policy, err := d.policyOf(ch.Card)
		if err != nil {
			return err
		}
		changed, err = how.apply(&deskTurn{request: stroke.request, change: ch, policy: policy, cause: stroke.cause, now: d.Clock()})
		if err != nil {
			return err
		}
		result = resultOf(changed)
		ch.Actions = append(ch.Actions, stroke.action)
		ch.keep(stroke.once, stroke.fingerprint, result, d.Clock())
		return nil
	})
	return result, changed, err
}

// Ask puts an action that needs a second person into the queue, where the card's state allows it now; it is judged
// again when it is approved.
func (d *StaffDesk) Ask(ctx context.Context, s StaffSession, r ActionRequest) (Approval, error) {
	how, err := d.prepared(ctx, s, &r)
	switch {
	case err != nil:
		return Approval{}, err
	case how.second == "":
		return Approval{}, refuse(CodeNotFound, "this needs no second person")
	}
	found, err := d.Cards.Holding(ctx, Subject{Ref: r.Ref})
	if err != nil {
		return Approval{}, err
	}
	policy, err := d.policyOf(found.Card)
	if err != nil {
		return Approval{}, err
	}
	cause := d.cause(s, ChannelCounter)
	cause.Reason = r.Reason
	changed, err := how.apply(&deskTurn{request: r, change: found.trial(), policy: policy, cause: cause, now: d.Clock()})
	if err == nil && !changed {
		err = refuse(CodeInvalidTransition, "the card is so already")
	}
	if err != nil {
		return Approval{}, err
	}
	return d.Queue.Ask(ctx, s, Asking{
		Kind: how.second, Object: r.Ref, Request: r, Reason: string(r.Reason), Note: r.Note, OnceKey: r.OnceKey,
	})
}

// CarryOut does what a second person approved with a card: see CarryOut. The approver is the actor; the evidence names
// the approval, which leads to who asked.
func (d *StaffDesk) CarryOut(ctx context.Context, a Approval, decider StaffSession) (outcome string, err error) {
	action, known := actionOf(a.Kind)
	if !known {
		return "", &Error{Code: CodeInternal, Message: "no action of the desk needs the approval " + string(a.Kind)}
	}
	var r ActionRequest
	if err := json.Unmarshal(a.Request, &r); err != nil {
		return "", &Error{Code: CodeInternal, Cause: err}
	}
	r.Ref, r.Action = a.Object, action
	cause := d.cause(decider, ChannelCounter)
	cause.Reason, cause.Evidence = r.Reason, "approval="+a.ID
	if given := r.evidence(); given != "" {
		cause.Evidence = given + " " + cause.Evidence
	}
	line := d.action(ctx, decider, string(action), r.Ref)
	line.Reason = string(r.Reason)
	outcome, _, err = d.apply(ctx, deskActions[action], deskStroke{r, cause, line, a.OnceKey(), d.fingerprint("approval", a.ID)})
	return outcome, err
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
