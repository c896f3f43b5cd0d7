package citycard

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

var (
	regionForm = regexp.MustCompile(`^[0-9]{6}$`)
	bankForm   = regexp.MustCompile(`^[0-9]{3}$`)
	phoneForm  = regexp.MustCompile(`^[0-9-]{5,20}$`)

	tempLossChoices = []int{5, 7, 10, 15}
	waiverChoices   = []Reason{WaiverFirstIssue, WaiverWarranty, WaiverIssuerMistake, WaiverExpired, WaiverLowIncome}
)

// checkSuccession sorts each region's records and checks how their periods follow one another.
func (p *policyProblems) checkSuccession(home string, regions map[string][]Policy) {
	for _, region := range slices.Sorted(maps.Keys(regions)) {
		records := regions[region]
		slices.SortStableFunc(records, func(a, b Policy) int { return b.ValidFrom.DaysUntil(a.ValidFrom) })
		p.begin("", region)
		p.checkPeriods(records, region == home)
	}
	p.begin("", "")
	if len(regions[home]) == 0 {
		p.addf("home", "no policy is given for the home region %q", home)
	}
}

func (p *policyProblems) checkPeriods(records []Policy, home bool) {
	for i := 1; i < len(records); i++ {
		ends, begins := records[i-1].ValidTo, records[i].ValidFrom
		switch {
		case ends.IsZero() || !ends.Before(begins):
			p.addf("valid_from", "the policy from %s overlaps the one before it", begins)
		case home && ends.AddDays(1) != begins:
			p.addf("valid_from", "the home region has no policy from %s to before %s", ends.AddDays(1), begins)
		}
	}
	if home && !records[len(records)-1].ValidTo.IsZero() {
		p.addf("valid_to", "the last policy of the home region must have no end")
	}
}

func (p *policyProblems) check(c Policy) {
	if !regionForm.MatchString(c.Region) || !provinces[c.Region[:2]] {
		p.addf("region", "must be six digits beginning with a province")
	}
	if c.ValidFrom.IsZero() {
		p.addf("valid_from", "must be a day")
	}
	if !c.ValidTo.IsZero() && c.ValidTo.Before(c.ValidFrom) {
		p.addf("valid_to", "lies before valid_from")
	}
	p.checkText("name", c.Name)
	for key, text := range c.Texts {
		p.checkText("texts."+key, text)
	}
	p.checkOnline(c)
	p.checkClocks(c)
	p.checkPlaces(c)
	p.checkBanks(c)
	p.checkWaivers(c)
	p.within("password_retry", c.PasswordRetry, 1, 10)
	p.within("guardian_age", c.GuardianAge, 1, 25)
	p.within("qualification_months", c.QualificationMonths, 0, 120)
	p.within("two_card_window_minutes", c.TwoCardWindowMinutes, 1, 120)
	p.within("mismatch_limit.per_citizen_day", c.MismatchLimit.PerCitizenDay, 1, 1000)
	p.within("mismatch_limit.per_number_day", c.MismatchLimit.PerNumberDay, 1, 1000)
	p.within("mismatch_limit.per_address_hour", c.MismatchLimit.PerAddressHour, 1, 100000)
}

func (p *policyProblems) checkOnline(c Policy) {
	faceLeast, bankLeast := 0, 0
	switch c.FinancialActivation {
	case OnlineFull:
	case OnlineFace:
		faceLeast = 1
	case BankConfirm:
		bankLeast = 1
	default:
		p.addf("financial_activation", "must be %s, %s or %s", OnlineFull, OnlineFace, BankConfirm)
	}
	p.within("face_minutes", c.FaceMinutes, faceLeast, 60)
	p.within("bank_confirm_days", c.BankConfirmDays, bankLeast, 90)
}

func (p *policyProblems) checkClocks(c Policy) {
	if !slices.Contains(tempLossChoices, c.TempLossDays) {
		p.addf("temp_loss_days", "must be one of %v", tempLossChoices)
	}
	p.checkPeriod("medical_restriction", c.MedicalRestriction)
	p.checkPeriod("financial_deadline", c.FinancialDeadline)
	if c.FinancialDeadline.Months != 0 {
		p.addf("financial_deadline", "must be given in days")
	}
	for i, days := range c.RenewalNoticeDays {
		if days < 1 || days > 365 || slices.Contains(c.RenewalNoticeDays[:i], days) {
			p.addf(fmt.Sprintf("renewal_notice_days[%d]", i), "must be from 1 to 365 and given once")
		}
	}
}

func (p *policyProblems) checkPeriod(field string, period Period) {
	if period.Days != 0 && period.Months != 0 {
		p.addf(field, "must be in days or in months, not both")
	}
	p.within(field+".days", period.Days, 0, 3660)
	p.within(field+".months", period.Months, 0, 120)
}

func (p *policyProblems) checkPlaces(c Policy) {
	if !c.FinancialDeadline.IsOff() && len(c.DesignatedPlaces) == 0 {
		p.addf("designated_places", "must name a place where a loss by deadline is ended")
	}
	seen := map[string]bool{}
	for i, place := range c.DesignatedPlaces {
		field := fmt.Sprintf("designated_places[%d]", i)
		if place.Code == "" || seen[place.Code] {
			p.addf(field+".code", "must be given and be the only one of its kind")
		}
		seen[place.Code] = true
		p.checkText(field+".name", place.Name)
		p.checkText(field+".address", place.Address)
		if !phoneForm.MatchString(place.Phone) {
			p.addf(field+".phone", "must be a phone number of digits and hyphens")
		}
	}
}

func (p *policyProblems) checkBanks(c Policy) {
	if len(c.Banks) == 0 {
		p.addf("banks", "must name at least one issuing bank")
	}
	for _, bank := range slices.Sorted(maps.Keys(c.Banks)) {
		if !bankForm.MatchString(string(bank)) {
			p.addf("banks."+string(bank), "the code must be three digits")
		}
		p.checkText("banks."+string(bank), c.Banks[bank])
	}
}

func (p *policyProblems) checkWaivers(c Policy) {
	if c.ReissueFeeFen < 0 {
		p.addf("reissue_fee_fen", "must not be negative")
	}
	for i, waiver := range c.Waivers {
		if !slices.Contains(waiverChoices, waiver) || slices.Contains(c.Waivers[:i], waiver) {
			p.addf(fmt.Sprintf("waivers[%d]", i), "must be one of %v and given once", waiverChoices)
		}
	}
}

func (p *policyProblems) checkText(field string, text Text) {
	if !text.complete() {
		p.addf(field, "must have a text in zh and in en")
	}
}

func (p *policyProblems) within(field string, value, least, most int) {
	if value < least || value > most {
		p.addf(field, "must be from %d to %d, not %d", least, most, value)
	}
}
