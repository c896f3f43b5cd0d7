package citycard

import "time"

var fulfilmentSteps = map[arrow[FulfilmentState]]FulfilmentState{
	{FulfilmentApplied, StepReview}:         FulfilmentInReview,
	{FulfilmentInReview, StepReject}:        FulfilmentRejected,
	{FulfilmentInReview, StepAccept}:        FulfilmentAwaitingFee,
	{FulfilmentAwaitingFee, StepProduce}:    FulfilmentInProduction,
	{FulfilmentInProduction, StepFail}:      FulfilmentFailedMaking,
	{FulfilmentFailedMaking, StepProduce}:   FulfilmentInProduction,
	{FulfilmentInProduction, StepReady}:     FulfilmentReadyForPickup,
	{FulfilmentReadyForPickup, StepReturn}:  FulfilmentReturned,
	{FulfilmentReturned, StepReady}:         FulfilmentReadyForPickup,
	{FulfilmentReturned, StepDestroy}:       FulfilmentDestroyed,
	{FulfilmentReadyForPickup, StepCollect}: FulfilmentCollected,
	{FulfilmentCollected, StepReplace}:      FulfilmentReplaced,
	{FulfilmentCollected, StepDestroy}:      FulfilmentDestroyed,
}

// Fulfil takes one step of the card's making and handing over. Collecting goes through Collect: without the day
// of receipt it is invalid_payload.
func (c *Card) Fulfil(step Step, cause Cause, now time.Time) error {
	if step == StepCollect {
		return refuseField(CodeInvalidPayload, "received_on", "the day of receipt is missing")
	}
	if err := cause.CheckOccurred(now); err != nil {
		return err
	}
	return c.moveFulfilment(step, cause, now)
}

func (c *Card) moveFulfilment(step Step, cause Cause, now time.Time) error {
	to, err := follow(fulfilmentSteps, c.Fulfilment, step)
	if err != nil {
		return err
	}
	from := c.Fulfilment
	c.Fulfilment = to
	c.record(MachineFulfilment, string(from), string(to), cause, now)
	return nil
}

// Collect records that the person got the card on the given day; both deadlines run from it. Collecting
// again changes nothing. A day in the future is occurred_in_future, none at all invalid_payload.
func (c *Card) Collect(on Date, cause Cause, now time.Time) (changed bool, err error) {
	switch {
	case c.Fulfilment == FulfilmentCollected:
		return false, nil
	case on.IsZero():
		return false, refuseField(CodeInvalidPayload, "received_on", "the day of receipt is missing")
	case DateOf(now).Before(on):
		return false, refuseField(CodeOccurredInFuture, "received_on", "the day of receipt lies in the future")
	}
	if err := cause.CheckOccurred(now); err != nil {
		return false, err
	}
	if err := c.moveFulfilment(StepCollect, cause, now); err != nil {
		return false, err
	}
	c.ReceivedOn = on
	return true, nil
}

// Live tells whether the card counts as the person's card: not rejected, replaced, destroyed or canceled.
func (c *Card) Live() bool {
	switch c.Fulfilment {
	case FulfilmentRejected, FulfilmentReplaced, FulfilmentDestroyed:
		return false
	}
	return c.Social != SocialCanceled
}
