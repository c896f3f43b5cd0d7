package citycard

import "time"

var financialSteps = map[arrow[FinancialState]]FinancialState{
	{FinancialInactive, StepActivate}:    FinancialActive,
	{FinancialInactive, StepRequest}:     FinancialPendingBank,
	{FinancialPendingBank, StepActivate}: FinancialActive,
	{FinancialPendingBank, StepLapse}:    FinancialInactive,

	{FinancialActive, StepTempLose}:  FinancialTempLost,
	{FinancialTempLost, StepRestore}: FinancialActive,

	{FinancialInactive, StepFormalLose}:    FinancialFormalLost,
	{FinancialPendingBank, StepFormalLose}: FinancialFormalLost,
	{FinancialActive, StepFormalLose}:      FinancialFormalLost,
	{FinancialTempLost, StepFormalLose}:    FinancialFormalLost,
	{FinancialFrozen, StepFormalLose}:      FinancialFormalLost,

	{FinancialInactive, StepFreeze}:    FinancialFrozen,
	{FinancialPendingBank, StepFreeze}: FinancialFrozen,
	{FinancialActive, StepFreeze}:      FinancialFrozen,
	{FinancialTempLost, StepFreeze}:    FinancialFrozen,
	{FinancialFormalLost, StepFreeze}:  FinancialFrozen,
	{FinancialFrozen, StepRelease}:     financialBack,

	{FinancialInactive, StepClose}:    FinancialClosed,
	{FinancialPendingBank, StepClose}: FinancialClosed,
	{FinancialActive, StepClose}:      FinancialClosed,
	{FinancialTempLost, StepClose}:    FinancialClosed,
	{FinancialFormalLost, StepClose}:  FinancialClosed,
	{FinancialFrozen, StepClose}:      FinancialClosed,
}

// financialBack stands in the table for "the state before the freeze".
const financialBack FinancialState = "before"

func (c *Card) moveFinancial(step Step, cause Cause, now time.Time) error {
	to, err := follow(financialSteps, c.Financial, step)
	if err != nil {
		return err
	}
	from := c.Financial
	if to == financialBack {
		to = c.FinancialBefore
	}
	c.FinancialBefore = ""
	if to == FinancialFrozen {
		c.FinancialBefore = from
	}
	c.Financial = to
	c.record(MachineFinancial, string(from), string(to), cause, now)
	return nil
}

// Proof is how and when the platform confirmed that the citizen is the card's holder.
type Proof struct {
	Method IdentityMethod
	At     time.Time
}

// ActivateOnline turns the financial application on for a confirmed citizen, or asks the issuing bank where
// the city's mode is bank_confirm; the social security application goes with it where the city allows. It is
// refused with the state's own code (card_frozen, card_expired, …) and does nothing where the application is
// already active or already asked for.
func (c *Card) ActivateOnline(p Policy, proof Proof, cause Cause, now time.Time) (changed bool, err error) {
	return c.whole(cause, now, func() (bool, error) {
		if err := c.Settle(p, now); err != nil {
			return false, err
		}
		step := StepActivate
		if p.FinancialActivation == BankConfirm {
			step = StepRequest
		}
		if c.Financial == FinancialActive || (c.Financial == FinancialPendingBank && step == StepRequest) {
			return false, nil
		}
		if err := c.onlineAllowed(p, now); err != nil {
			return false, err
		}
		if err := c.moveFinancial(step, cause, now); err != nil {
			return false, err
		}
		if p.FinancialActivation == OnlineFace && !proof.fresh(p, now) {
			return false, refuse(CodeFaceRequired, "this city asks for a face check just before activation")
		}
		if p.SocialOnlineAllowed && c.Social == SocialSealed && c.Fulfilment == FulfilmentCollected && c.Financial == FinancialActive {
			return true, c.moveSocial(StepActivate, cause, now)
		}
		return true, nil
	})
}

// ActivatableOnline tells whether a confirmed citizen may activate the financial application of this card now,
// apart from a face check and other cards of the same person.
func (c *Card) ActivatableOnline(p Policy, now time.Time) bool {
	if c.FinancialAt(p, now) != FinancialInactive {
		return false
	}
	settled := c.Clone()
	if err := settled.Settle(p, now); err != nil {
		return false
	}
	return settled.onlineAllowed(p, now) == nil
}

// fresh tells whether the proof is a face check younger than the city's minutes.
func (f Proof) fresh(p Policy, now time.Time) bool {
	return f.Method == IdentityFace && now.Sub(f.At) < time.Duration(p.FaceMinutes)*time.Minute
}

func (c *Card) onlineAllowed(p Policy, now time.Time) error {
	if cured := c.Social == SocialAutoLost && p.OnlineCureAllowed; !cured {
		if err := c.socialRefusal(); err != nil {
			return err
		}
	}
	return c.inHand(p, now)
}

// BankReport is what the issuing bank reports as activated: the bank, the account's last four digits, and
// whether the social security application goes with the financial one.
type BankReport struct {
	Bank       Bank
	Last4      string
	WithSocial bool
}

// ActivateByBank mirrors the issuing bank's own activation; it is allowed while the social security
// application is lost by deadline, which it opens the way to cure. A bank that did not issue the card is
// bank_not_issuer, other last four digits of the account are card_not_matched; a card that has no account on record
// yet, as one made by a reissue, gets the account whose digits are told. Where the event happened before
// the deadline but came late, the loss by deadline is corrected. WithSocial enables both applications or
// neither; it is partner_scope in a city that does not enable them together. A report older than what the bank
// told since, or for WithSocial than the social state, changes nothing else.
func (c *Card) ActivateByBank(p Policy, report BankReport, cause Cause, now time.Time) (changed bool, err error) {
	switch {
	case report.Bank != c.Bank:
		return false, refuse(CodeBankNotIssuer, "the bank did not issue this card")
	case c.Account.Last4 != "" && report.Last4 != c.Account.Last4:
		return false, refuse(CodeCardNotMatched, "no card matches")
	case !c.Live():
		return false, refuse(CodeCardCanceled, "the card is no longer valid")
	case report.WithSocial && !p.SocialWithFinancial:
		return false, refuse(CodePartnerScope, "this city does not activate the social security application with the financial one")
	}
	return c.whole(cause, now, func() (bool, error) {
		if err := c.Settle(p, now); err != nil {
			return false, err
		}
		corrected, err := c.correctDeadline(p, cause, now)
		if err != nil || (report.WithSocial && c.Late(MachineSocial, cause)) {
			return corrected, err
		}
		activated, err := c.mirrorActivation(report.Last4, cause, now)
		if err != nil || !report.WithSocial || c.Financial != FinancialActive {
			return corrected || activated, err
		}
		cause.Reason = ReasonActWithFinancial
		enabled, err := c.ActivateSocial(p, cause, now)
		return corrected || activated || enabled, err
	})
}

// mirrorActivation makes the account active. Our own bookkeeping of a request never makes the bank's report
// late; what the bank reported since does.
func (c *Card) mirrorActivation(last4 string, cause Cause, now time.Time) (changed bool, err error) {
	waiting := c.Financial == FinancialInactive || c.Financial == FinancialPendingBank
	if c.Financial == FinancialActive || (!waiting && c.Late(MachineFinancial, cause)) {
		return false, nil
	}
	if err := c.moveFinancial(StepActivate, cause, now); err != nil {
		return false, err
	}
	if c.Account.Last4 == "" {
		c.Account.Last4 = last4
	}
	return true, nil
}

// correctDeadline takes back a loss by deadline: the account was active in time, only the report was late.
func (c *Card) correctDeadline(p Policy, cause Cause, now time.Time) (changed bool, err error) {
	due := c.FinancialDueOn(p)
	if c.Social != SocialAutoLost || due.IsZero() || !cause.Occurred.Before(due.End()) {
		return false, nil
	}
	corrected := systemCause(ReasonDeadlineCorrected, cause.Occurred)
	corrected.EventID = cause.EventID
	return true, c.moveSocial(StepCure, corrected, now)
}

// bankSteps are what banks report beside activations, with the state that each asks for; a release asks for
// whatever was before.
var bankSteps = map[Step]FinancialState{
	StepTempLose: FinancialTempLost, StepFormalLose: FinancialFormalLost, StepRestore: FinancialActive,
	StepFreeze: FinancialFrozen, StepRelease: "", StepClose: FinancialClosed,
}

// ReportFinancial mirrors what the issuing bank did with the account: lose, restore, freeze, release, close.
// Asking for the state the account already has, and a late report, change nothing; another step is
// invalid_payload.
func (c *Card) ReportFinancial(p Policy, step Step, cause Cause, now time.Time) (changed bool, err error) {
	asked, known := bankSteps[step]
	if !known {
		return false, refuse(CodeInvalidPayload, "banks do not report the step "+string(step))
	}
	return c.whole(cause, now, func() (bool, error) {
		if err := c.Settle(p, now); err != nil {
			return false, err
		}
		if c.Financial == asked || c.Late(MachineFinancial, cause) {
			return false, nil
		}
		return true, c.moveFinancial(step, cause, now)
	})
}
