package citycard

import "time"

// socialBack stands in the table for "the state before": it is resolved from what the card remembers.
const socialBack SocialState = "before"

var socialSteps = map[arrow[SocialState]]SocialState{
	{SocialSealed, StepActivate}: SocialActive,

	{SocialSealed, StepTempLose}:   SocialTempLost,
	{SocialActive, StepTempLose}:   SocialTempLost,
	{SocialTempLost, StepRestore}:  socialBack,
	{SocialSealed, StepFormalLose}: SocialFormalLost,
	{SocialActive, StepFormalLose}: SocialFormalLost,

	{SocialTempLost, StepFormalLose}:   SocialFormalLost,
	{SocialAutoLost, StepFormalLose}:   SocialFormalLost,
	{SocialFormalLost, StepRevokeLoss}: SocialActive,

	{SocialSealed, StepAutoLose}: SocialAutoLost,
	{SocialActive, StepAutoLose}: SocialAutoLost,
	{SocialAutoLost, StepCure}:   socialBack,

	{SocialSealed, StepFreeze}:     SocialFrozen,
	{SocialActive, StepFreeze}:     SocialFrozen,
	{SocialTempLost, StepFreeze}:   SocialFrozen,
	{SocialFormalLost, StepFreeze}: SocialFrozen,
	{SocialAutoLost, StepFreeze}:   SocialFrozen,
	{SocialFrozen, StepRelease}:    socialBack,

	{SocialSealed, StepCancel}:     SocialCanceled,
	{SocialActive, StepCancel}:     SocialCanceled,
	{SocialTempLost, StepCancel}:   SocialCanceled,
	{SocialFormalLost, StepCancel}: SocialCanceled,
	{SocialAutoLost, StepCancel}:   SocialCanceled,
	{SocialFrozen, StepCancel}:     SocialCanceled,
}

// socialRefusals is each state's own code where a card in that state cannot be used or activated.
var socialRefusals = map[SocialState]Code{
	SocialTempLost:   CodeCardTempLost,
	SocialFormalLost: CodeCardFormalLost,
	SocialAutoLost:   CodeCardAutoLost,
	SocialFrozen:     CodeCardFrozen,
	SocialCanceled:   CodeCardCanceled,
}

// moveSocial takes one step of the social security application, remembering the state before losses and, apart
// from it, the state before a hold.
func (c *Card) moveSocial(step Step, cause Cause, now time.Time) error {
	to, err := follow(socialSteps, c.Social, step)
	if err != nil {
		return err
	}
	from, held := c.Social, c.SocialHeld
	c.SocialHeld = ""
	switch {
	case step == StepRelease:
		to = held
	case to == socialBack:
		to, c.SocialBefore = c.SocialBefore, ""
	case to == SocialFrozen:
		c.SocialHeld = from
	case to == SocialActive:
		c.SocialBefore = ""
	case to != SocialCanceled && (from == SocialSealed || from == SocialActive):
		c.SocialBefore = from
	}
	c.Social = to
	c.record(MachineSocial, string(from), string(to), cause, now)
	return nil
}

// Settle brings the card up to the given moment: clocks that have lapsed by then become transitions of the
// system. A temporary loss that ran out is released first, so that the 300-day clock sees the state beneath; the
// loss by deadline dates from the deadline, or from when that state came to light after it.
func (c *Card) Settle(p Policy, now time.Time) error {
	if c.PendingBankLapsed(p, now) {
		if err := c.moveFinancial(StepLapse, systemCause(ReasonPendingLapsed, c.PendingBankEndsAt(p)), now); err != nil {
			return err
		}
	}
	if ends := c.TempLossEndsAt(p); c.Social == SocialTempLost && !ends.IsZero() && !now.Before(ends) {
		if err := c.moveSocial(StepRestore, systemCause(ReasonTempLossLapsed, ends), now); err != nil {
			return err
		}
	}
	if c.SocialAt(p, now) != SocialAutoLost || c.Social == SocialAutoLost {
		return nil
	}
	lost := c.FinancialDueOn(p).End()
	if since := c.Since[MachineSocial]; since.After(lost) {
		lost = since
	}
	return c.moveSocial(StepAutoLose, systemCause(ReasonDeadline300, lost), now)
}

func systemCause(why Reason, occurred time.Time) Cause {
	return Cause{Actor: Actor{Kind: ActorSystem}, Channel: ChannelJob, Reason: why, Occurred: occurred}
}

// ActivateSocial turns the social security application on. It is refused with the state's own code and does
// nothing where the application is already active or the report is late.
func (c *Card) ActivateSocial(p Policy, cause Cause, now time.Time) (changed bool, err error) {
	return c.whole(cause, now, func() (bool, error) {
		if err := c.Settle(p, now); err != nil {
			return false, err
		}
		if c.Social == SocialActive || c.Late(MachineSocial, cause) {
			return false, nil
		}
		if err := c.socialRefusal(); err != nil {
			return false, err
		}
		if err := c.inHand(p, now); err != nil {
			return false, err
		}
		return true, c.moveSocial(StepActivate, cause, now)
	})
}

// socialRefusal is the social state's own code where that state lets nobody activate.
func (c *Card) socialRefusal() error {
	if code, refused := socialRefusals[c.Social]; refused {
		return refuse(code, "the card's social security application is "+string(c.Social))
	}
	return nil
}

// inHand refuses a card that was not collected (unless the city activates before) or has expired.
func (c *Card) inHand(p Policy, now time.Time) error {
	switch {
	case !c.Live():
		return refuse(CodeCardCanceled, "the card is no longer valid")
	case c.Fulfilment != FulfilmentCollected && !(p.ActivateBeforeCollected && c.Fulfilment == FulfilmentReadyForPickup):
		return refuse(CodeCardNotCollected, "the card has not been collected yet")
	case c.Expired(DateOf(now)):
		return refuse(CodeCardExpired, "the card's validity has ended")
	}
	return nil
}

// LoseTemporarily records a temporary loss, which ends by itself after the city's number of days.
func (c *Card) LoseTemporarily(p Policy, cause Cause, now time.Time) (changed bool, err error) {
	return c.whole(cause, now, func() (bool, error) {
		if err := c.Settle(p, now); err != nil {
			return false, err
		}
		if c.Social == SocialTempLost {
			return false, nil
		}
		if err := c.moveSocial(StepTempLose, cause, now); err != nil {
			return false, err
		}
		switch {
		case !c.Live():
			return false, refuse(CodeCardCanceled, "the card is no longer valid")
		case c.Fulfilment != FulfilmentCollected:
			return false, refuse(CodeCardNotCollected, "a card that was not collected cannot be lost")
		}
		return true, nil
	})
}

// Restore ends a temporary loss: the card was found.
func (c *Card) Restore(p Policy, cause Cause, now time.Time) error {
	return c.settled(p, StepRestore, cause, now)
}

// settled takes a step of the social security application after the clocks that lapsed before it.
func (c *Card) settled(p Policy, step Step, cause Cause, now time.Time) error {
	_, err := c.whole(cause, now, func() (bool, error) {
		if err := c.Settle(p, now); err != nil {
			return false, err
		}
		return true, c.moveSocial(step, cause, now)
	})
	return err
}

// LoseFormally records a formal loss; staff has seen an identity document.
func (c *Card) LoseFormally(p Policy, cause Cause, now time.Time) (changed bool, err error) {
	if c.Social == SocialFormalLost {
		return false, nil
	}
	err = c.settled(p, StepFormalLose, cause, now)
	return err == nil, err
}

// RevokeFormalLoss makes a formally lost card active again, where the city allows it and no reissue is open.
func (c *Card) RevokeFormalLoss(p Policy, reissueOpen bool, cause Cause, now time.Time) error {
	_, err := c.whole(cause, now, func() (bool, error) {
		if err := c.moveSocial(StepRevokeLoss, cause, now); err != nil {
			return false, err
		}
		switch {
		case !p.FormalLossRevocable:
			return false, refuse(CodeFormalLossIrrevocable, "this city does not revoke a formal loss")
		case reissueOpen:
			return false, refuse(CodeReissueOpen, "a reissue of this card is open")
		}
		return true, nil
	})
	return err
}

// CureDeadline ends a loss by deadline once the financial application is active, at a designated place.
func (c *Card) CureDeadline(p Policy, place string, cause Cause, now time.Time) error {
	_, err := c.whole(cause, now, func() (bool, error) {
		if err := c.settled(p, StepCure, cause, now); err != nil {
			return false, err
		}
		switch {
		case c.Financial != FinancialActive:
			return false, refuse(CodeFinancialNotActive, "the financial application must be activated first")
		case !p.Designates(place):
			return false, refuseField(CodePlaceNotDesignated, "place", "the place is not one designated by the city")
		}
		return true, nil
	})
	return err
}

// Freeze holds the card; Release returns it to the state before. Both need a second person, which the caller
// has made sure of; the caller has settled the card, so that no loss comes back that had lapsed before the hold.
func (c *Card) Freeze(cause Cause, now time.Time) error { return c.take(StepFreeze, cause, now) }

// hold settles the card and freezes it; freezing again changes nothing.
func (c *Card) hold(p Policy, cause Cause, now time.Time) (changed bool, err error) {
	if c.Social == SocialFrozen {
		return false, nil
	}
	return c.whole(cause, now, func() (bool, error) {
		if err := c.Settle(p, now); err != nil {
			return false, err
		}
		return done(c.Freeze(cause, now))
	})
}

// Release ends a hold.
func (c *Card) Release(cause Cause, now time.Time) error { return c.take(StepRelease, cause, now) }

func (c *Card) take(step Step, cause Cause, now time.Time) error {
	if err := cause.CheckOccurred(now); err != nil {
		return err
	}
	return c.moveSocial(step, cause, now)
}

// Cancel ends the card for good. Canceling again changes nothing.
func (c *Card) Cancel(cause Cause, now time.Time) (changed bool, err error) {
	if c.Social == SocialCanceled {
		return false, nil
	}
	err = c.take(StepCancel, cause, now)
	return err == nil, err
}
