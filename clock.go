package citycard

import "time"

// A period's day 0 is the day it starts on, and it lapses at the end of its last day. Nothing here is stored:
// every clock is read off the card at the moment asked for, so that a stopped scheduler shows no wrong state.

// IsOff tells whether the clock of this period does not run.
func (p Period) IsOff() bool { return p == Period{} }

// LastDay is the last day of a period that starts on the given day; zero where the start is not set or the
// clock is off. Months are clamped to the end of the month.
func (p Period) LastDay(start Date) Date {
	switch {
	case start.IsZero() || p.IsOff():
		return Date{}
	case p.Months > 0:
		return start.AddMonths(p.Months)
	}
	return start.AddDays(p.Days)
}

// Expired tells whether the card's validity has ended; a card without ValidTo never expires.
func (c *Card) Expired(today Date) bool { return !c.ValidTo.IsZero() && c.ValidTo.Before(today) }

// RenewalFrom is the first day on which renewal may be requested: the policy's longest notice before ValidTo;
// zero where the card prints no end or the policy names no notice.
func (c *Card) RenewalFrom(p Policy) Date {
	notice := 0
	for _, days := range p.RenewalNoticeDays {
		notice = max(notice, days)
	}
	if c.ValidTo.IsZero() || notice == 0 {
		return Date{}
	}
	return c.ValidTo.AddDays(-notice)
}

// MedicalRestrictedOn is the last day of the medical period that runs from receipt: at its end the original
// medical insurance card becomes restricted. Zero where the clock is off or the card was not received.
func (c *Card) MedicalRestrictedOn(p Policy) Date { return p.MedicalRestriction.LastDay(c.ReceivedOn) }

// MedicalRestricted tells whether the original medical insurance card is restricted: the medical period has
// lapsed and neither application of this card was ever activated. Any activation lifts it at once.
func (c *Card) MedicalRestricted(p Policy, today Date) bool {
	last := c.MedicalRestrictedOn(p)
	return !last.IsZero() && last.Before(today) && !c.socialUsed() && !c.financialUsed()
}

// FinancialDueOn is the last day for activating the financial application, whether or not that was done. Zero
// where the clock is off or the card was not received.
func (c *Card) FinancialDueOn(p Policy) Date { return p.FinancialDeadline.LastDay(c.ReceivedOn) }

// TempLossEndsAt is when a temporary loss ends by itself; zero where there is none or its start is not known. A
// loss that a hold interrupted counts its days anew from the release.
func (c *Card) TempLossEndsAt(p Policy) time.Time {
	since := c.Since[MachineSocial]
	if c.Social != SocialTempLost || since.IsZero() {
		return time.Time{}
	}
	return DateOf(since).AddDays(p.TempLossDays).End()
}

// PendingBankEndsAt is when the issuing bank's days for confirming the activation are over; zero where nothing
// was asked of it or the start is not known.
func (c *Card) PendingBankEndsAt(p Policy) time.Time {
	since := c.Since[MachineFinancial]
	if c.Financial != FinancialPendingBank || since.IsZero() {
		return time.Time{}
	}
	return DateOf(since).AddDays(p.BankConfirmDays).End()
}

// PendingBankLapsed tells whether the issuing bank let its days for confirming the activation pass.
func (c *Card) PendingBankLapsed(p Policy, now time.Time) bool {
	ends := c.PendingBankEndsAt(p)
	return !ends.IsZero() && !now.Before(ends)
}

// SocialAt is the social security application's state in force at a moment: a temporary loss that ran out
// counts as ended, and a card whose financial application was not activated in time as lost by deadline.
func (c *Card) SocialAt(p Policy, now time.Time) SocialState {
	state := c.Social
	if ends := c.TempLossEndsAt(p); !ends.IsZero() && !now.Before(ends) {
		state = c.SocialBefore
	}
	due := c.FinancialDueOn(p)
	if due.IsZero() || now.Before(due.End()) || c.financialUsed() {
		return state
	}
	if state == SocialSealed || state == SocialActive {
		return SocialAutoLost
	}
	return state
}

// FinancialAt is the financial application's state in force at a moment: a request that the bank let lapse
// counts as not made.
func (c *Card) FinancialAt(p Policy, now time.Time) FinancialState {
	if c.PendingBankLapsed(p, now) {
		return FinancialInactive
	}
	return c.Financial
}

// UsableAtPharmacy tells whether drugs can be paid for with the card: it is in the person's hand and valid,
// the social security application is active and its password no longer the initial one.
func (c *Card) UsableAtPharmacy(p Policy, now time.Time) bool {
	return c.Fulfilment == FulfilmentCollected && !c.Expired(DateOf(now)) &&
		c.SocialAt(p, now) == SocialActive && c.Password == PasswordSet
}

// socialUsed tells whether the social security application is active, or was before a loss or a hold.
func (c *Card) socialUsed() bool {
	return c.Social == SocialActive || c.SocialBefore == SocialActive || c.SocialHeld == SocialActive
}

// financialUsed tells whether the financial application met its deadline: it is past inactive and
// pending_bank, also beneath the bank's hold. An account closed or lost after a timely activation must not make
// the social security application lost; which of them were never active is not told apart.
func (c *Card) financialUsed() bool {
	state := c.Financial
	if state == FinancialFrozen {
		state = c.FinancialBefore
	}
	return state != FinancialInactive && state != FinancialPendingBank
}
