package citycard

import (
	"context"
	"errors"
	"time"
)

// await opens the activation, or finds the one that is open for the same request, and prepares the platform's
// check where that was not done yet.
func (a *Activator) await(ctx context.Context, s Session, draft Activation, once *Once) (ActivationView, error) {
	act, _, err := a.Activations.OpenActivation(ctx, draft, once)
	if err != nil {
		return ActivationView{}, err
	}
	if act.CitizenID != s.CitizenID || act.Dedup != draft.Dedup {
		return ActivationView{}, refuse(CodeEventIDReused, "the Idempotency-Key was used before for a different request; use a new one")
	}
	return a.alone(ctx, act.ID, func(act Activation) bool { return act.Final() || act.CheckID != "" }, a.prepare)
}

// Confirm finishes an activation after the platform's page. AuthCode is the code of a certdoc check, empty
// for a face check. Repeated, it gives the same answer again. OnceKey is the caller's Idempotency-Key, empty where
// none was sent; one that was used before for another request is event_id_reused.
func (a *Activator) Confirm(ctx context.Context, s Session, id, authCode, onceKey string) (ActivationView, error) {
	act, err := a.own(ctx, s, id)
	if err != nil {
		return ActivationView{}, err
	}
	once, err := a.onceForConfirm(ctx, act, authCode, onceKey)
	if err != nil {
		return ActivationView{}, err
	}
	if act.Method == IdentityCertdoc && authCode == "" && !act.Final() {
		return ActivationView{}, refuseField(CodeInvalidPayload, "auth_code", "auth_code is missing: send the code that the platform's consent page gave")
	}
	final := func(act Activation) bool { return act.Final() }
	view, err := a.alone(ctx, id, final, func(ctx context.Context, act Activation) (ActivationView, error) {
		return a.conclude(ctx, act, authCode, once)
	})
	if err == nil && view.Activation.Status == ActivationFailed {
		return ActivationView{}, refuse(view.Activation.Failure, "")
	}
	return view, err
}

// onceForConfirm is the record of a numbered confirmation, nil where it has no number. What the confirmation came
// to is read off the activation, so that the record only tells one request from another.
func (a *Activator) onceForConfirm(ctx context.Context, act Activation, authCode, key string) (*Once, error) {
	if key == "" {
		return nil, nil //nolint:nilnil // no number is no record
	}
	once := &Once{
		OnceKey:     OnceKey{Scope: "citizen:" + act.CitizenID, Key: key},
		Fingerprint: digest("confirm\n" + act.ID + "\n" + authCode), Result: act.ID, RecordedAt: a.Clock(),
	}
	kept, err := a.Citizens.Earlier(ctx, once.OnceKey)
	if err != nil {
		return nil, err
	}
	_, _, err = (&Change{Earlier: kept}).Repetition(once.Fingerprint)
	return once, err
}

// alone lets one caller at a time work on an activation; the others wait until it is as they need it and then
// all see the same.
func (a *Activator) alone(
	ctx context.Context, id string, ready func(Activation) bool, work func(context.Context, Activation) (ActivationView, error),
) (ActivationView, error) {
	for wait, waited := 20*time.Millisecond, time.Duration(0); ; wait = min(2*wait, 500*time.Millisecond) {
		act, err := a.Activations.Activation(ctx, id)
		if err != nil {
			return ActivationView{}, err
		}
		if ready(act) {
			return a.show(ctx, act)
		}
		now := a.Clock()
		if !now.Before(act.ClaimedUntil) {
			claimed, err := a.Activations.ClaimActivation(ctx, id, now, now.Add(claimLease))
			if err != nil {
				return ActivationView{}, err
			}
			if claimed {
				return a.claimed(ctx, id, ready, work)
			}
		}
		if waited >= claimPatience {
			return ActivationView{}, &Error{
				Code: CodeRequestInProgress, Message: "the same request is still being worked on", RetryAfter: time.Second,
			}
		}
		if err := a.Pause(ctx, wait); err != nil {
			return ActivationView{}, err
		}
		waited += wait
	}
}

// claimed works on an activation that the caller has claimed, unless another one got it ready meanwhile.
func (a *Activator) claimed(
	ctx context.Context, id string, ready func(Activation) bool, work func(context.Context, Activation) (ActivationView, error),
) (ActivationView, error) {
	act, err := a.Activations.Activation(ctx, id)
	if err != nil {
		return ActivationView{}, err
	}
	act.ClaimedUntil = time.Time{} // what is saved from here on ends the claim
	if !ready(act) {
		return work(ctx, act)
	}
	if err := a.leave(ctx, act, nil); err != nil {
		return ActivationView{}, err
	}
	return a.show(ctx, act)
}

// leave ends the claim of an activation and leaves it open for the next try; err is why, and comes back.
func (a *Activator) leave(ctx context.Context, act Activation, err error) error {
	return firstError(err, a.Activations.SaveActivation(context.WithoutCancel(ctx), act))
}

// fail ends an activation and gives the view that every caller gets of it: where another one was faster, it is
// that one's outcome.
func (a *Activator) fail(ctx context.Context, act Activation, code Code) (ActivationView, error) {
	ctx = context.WithoutCancel(ctx)
	act.finish(ActivationFailed, code, a.Clock())
	if err := a.Activations.SaveActivation(ctx, act); err != nil {
		return ActivationView{}, err
	}
	stored, err := a.Activations.Activation(ctx, act.ID)
	if err != nil {
		return ActivationView{}, err
	}
	return a.show(ctx, stored)
}

// prepare counts the attempt and registers the check with the platform: an activation counts once, from when
// it has a check. Where the platform fails, the attempt does not count and the next try prepares again.
func (a *Activator) prepare(ctx context.Context, act Activation) (ActivationView, error) {
	if !a.Clock().Before(act.ExpiresAt) {
		return a.fail(ctx, act, CodeLoginCodeInvalid)
	}
	if err := a.Attempts.ReserveAttempt(ctx, a.limits(act), act.StartedAt); err != nil {
		return ActivationView{}, a.leave(ctx, act, err)
	}
	check, err := a.register(ctx, act)
	if err != nil {
		err = firstError(err, a.Attempts.ReturnAttempt(context.WithoutCancel(ctx), a.limits(act)))
		return ActivationView{}, a.leave(ctx, act, err)
	}
	act.CheckID = check
	if err := a.leave(ctx, act, nil); err != nil {
		return ActivationView{}, err
	}
	return a.show(ctx, act)
}

func (a *Activator) register(ctx context.Context, act Activation) (checkID string, err error) {
	if act.Method == IdentityFace {
		return a.Face.InitializeFace(ctx, FaceCheck{
			Order: act.ID, Name: act.Name, Number: act.Number, ReturnURL: a.FaceReturnURL + act.ID,
		})
	}
	return a.Identity.PrepareCheck(ctx, act.Name, act.Number)
}

// conclude asks the platform for its verdict and then lets the record decide. A platform that cannot answer
// leaves the activation as it was, for the next try.
func (a *Activator) conclude(ctx context.Context, act Activation, authCode string, once *Once) (ActivationView, error) {
	switch {
	case !a.Clock().Before(act.ExpiresAt):
		return a.fail(ctx, act, CodeLoginCodeInvalid)
	case act.CheckID == "":
		return ActivationView{}, a.leave(ctx, act, refuse(CodeLoginCodeInvalid, "no identity check was begun; start the activation again"))
	}
	err := a.confirmed(ctx, act, authCode)
	if CodeOf(err) == CodeIdentityMismatch {
		return a.fail(ctx, act, CodeIdentityMismatch)
	}
	var view ActivationView
	if err == nil {
		// The citizen's part is done: it counts also where the connection is gone by now.
		view, err = a.match(context.WithoutCancel(ctx), act, once)
	}
	if err != nil {
		return ActivationView{}, a.leave(ctx, act, err)
	}
	return view, nil
}

// confirmed asks the platform whether the logged-in citizen is the person named: nil, or why not.
func (a *Activator) confirmed(ctx context.Context, act Activation, authCode string) error {
	if act.Method == IdentityFace {
		verdict, err := a.Face.QueryFace(ctx, act.CheckID)
		if err == nil && !verdict.Passed {
			err = refuse(CodeFaceRequired, "the platform has not confirmed the face check")
		}
		return err
	}
	user, err := a.Login.ExchangeCode(ctx, authCode)
	if err != nil {
		return err
	}
	citizen, err := seeUser(ctx, a.Citizens, user, a.NewID(), a.Clock())
	if err != nil {
		return err
	}
	if citizen.ID != act.CitizenID {
		return refuse(CodeIdentityMismatch, "another platform user confirmed")
	}
	verdict, err := a.Identity.ConsultCheck(ctx, act.CheckID, user)
	if err == nil && !verdict.Passed {
		err = refuse(CodeIdentityMismatch, "the platform says that this is not the logged-in user")
	}
	return err
}

// match finds the confirmed person's record and flips the flag; the outcome, good or bad, is stored with it.
// Nobody under that number and another name under it take the same way to the same answer. The platform does
// not say when a face was checked: the proof is no older than the activation, and counts as that old.
func (a *Activator) match(ctx context.Context, act Activation, once *Once) (ActivationView, error) {
	var view ActivationView
	proof := Proof{Method: act.Method, At: act.StartedAt}
	subject := Subject{Number: act.Number, ActivationID: act.ID}
	if once != nil {
		subject.Once = once.OnceKey
	}
	err := a.Cards.Update(ctx, subject, func(ch *Change) error {
		done := ch.Activation
		if done == nil {
			return refuse(CodeNotFound, "there is no such activation")
		}
		view = ActivationView{Activation: *done}
		if done.Final() {
			return nil
		}
		if once != nil {
			if _, _, err := ch.Repetition(once.Fingerprint); err != nil {
				return err
			}
			ch.Once = once
		}
		if _, same := ch.Person.Name.Matches(act.Name); !same {
			done.finish(ActivationFailed, CodeCardNotMatched, a.Clock())
			view = ActivationView{Activation: *done}
			return nil
		}
		ch.ReturnAttempts = a.limits(act)
		ch.Binding = &Binding{CitizenID: act.CitizenID, PersonID: ch.Person.ID, Method: act.Method, BoundAt: a.Clock()}
		card, err := a.judge(ch, done, proof)
		if code := CodeOf(err); err != nil && code != CodeInternal {
			done.finish(ActivationFailed, code, a.Clock())
			view = ActivationView{Activation: *done}
			return nil
		}
		if err != nil {
			return err
		}
		view = a.view(*done, ch.Person, card)
		return nil
	})
	if err == nil && view.Card == nil {
		return a.show(ctx, view.Activation)
	}
	return view, err
}

// limits are the windows in which an activation counts: the day of its start by citizen and by number, the
// hour by address.
func (a *Activator) limits(act Activation) []AttemptLimit {
	day := DateOf(act.StartedAt)
	hour := act.StartedAt.In(Shanghai).Truncate(time.Hour)
	most := a.Policies.HomePolicy(day).MismatchLimit
	return []AttemptLimit{
		{AttemptByCitizen, act.Attempts[AttemptByCitizen], most.PerCitizenDay, day.Start(), day.End()},
		{AttemptByNumber, act.Attempts[AttemptByNumber], most.PerNumberDay, day.Start(), day.End()},
		{AttemptByAddress, act.Attempts[AttemptByAddress], most.PerAddressHour, hour, hour.Add(time.Hour)},
	}
}

// firstError keeps what went wrong first, and with it what went wrong in cleaning up.
func firstError(first, second error) error {
	switch {
	case second == nil:
		return first
	case first == nil:
		return second
	}
	return errors.Join(first, second)
}
