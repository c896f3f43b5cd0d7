package citycard

import (
	"slices"
	"time"
)

// Step is one request to a machine; together with the state it is in it leads to the next one.
type Step string

// The steps of the four machines.
const (
	StepReview  Step = "review"
	StepReject  Step = "reject"
	StepAccept  Step = "accept"
	StepProduce Step = "produce"
	StepFail    Step = "fail"
	StepReady   Step = "ready"
	StepCollect Step = "collect"
	StepReturn  Step = "return"
	StepReplace Step = "replace"
	StepDestroy Step = "destroy"

	StepActivate   Step = "activate"
	StepRequest    Step = "request"
	StepLapse      Step = "lapse"
	StepTempLose   Step = "temp_lose"
	StepRestore    Step = "restore"
	StepFormalLose Step = "formal_lose"
	StepRevokeLoss Step = "revoke_loss"
	StepAutoLose   Step = "auto_lose"
	StepCure       Step = "cure"
	StepFreeze     Step = "freeze"
	StepRelease    Step = "release"
	StepCancel     Step = "cancel"
	StepClose      Step = "close"

	StepSet    Step = "set"
	StepLock   Step = "lock"
	StepUnlock Step = "unlock"
	StepReset  Step = "reset"
	StepKill   Step = "kill"
)

// arrow is a state and the step taken from it. A machine is a map from arrows to states: an arrow that is not
// there is refused.
type arrow[S ~string] struct {
	from S
	step Step
}

// follow looks the step up; a step the state does not allow is invalid_transition with what it does allow.
func follow[S ~string](machine map[arrow[S]]S, from S, step Step) (S, error) {
	to, ok := machine[arrow[S]{from, step}]
	if ok {
		return to, nil
	}
	allowed := []string{}
	for a := range machine {
		if a.from == from {
			allowed = append(allowed, string(a.step))
		}
	}
	slices.Sort(allowed)
	return from, notAllowed("the state "+string(from)+" does not allow the step "+string(step), string(from), string(step), allowed)
}

// notAllowed is invalid_transition with its members: the state, what was asked for, and what it allows.
func notAllowed(message, from, to string, allowed []string) *Error {
	if allowed == nil {
		allowed = []string{}
	}
	return &Error{
		Code: CodeInvalidTransition, Message: message, Members: map[string]any{"from": from, "to": to, "allowed": allowed},
	}
}

// occurredAhead is how far a reporting party's clock may run ahead of ours.
const occurredAhead = 5 * time.Minute

// CheckOccurred refuses an event from the future: occurred_in_future.
func (c Cause) CheckOccurred(now time.Time) error {
	if c.Occurred.After(now.Add(occurredAhead)) {
		return refuseField(CodeOccurredInFuture, "occurred_at", "occurred_at lies more than 5 minutes in the future")
	}
	return nil
}

// Late tells whether something newer than the cause already moved the machine. A report that is late changes
// nothing, without an error, except where a rule names it.
func (c *Card) Late(m Machine, cause Cause) bool { return cause.Occurred.Before(c.Since[m]) }

// whole takes a step that is all or nothing: refused, it leaves the card as it was, lapsed clocks included. A
// cause from the future is occurred_in_future.
func (c *Card) whole(cause Cause, now time.Time, step func() (changed bool, err error)) (changed bool, err error) {
	if err := cause.CheckOccurred(now); err != nil {
		return false, err
	}
	before := c.Clone()
	if changed, err = step(); err != nil {
		*c = *before
		return false, err
	}
	return changed, nil
}
