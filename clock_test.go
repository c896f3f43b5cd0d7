package citycard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"citycard"
)

// noon is the middle of a day in Shanghai.
func noon(date citycard.Date) time.Time { return date.Start().Add(12 * time.Hour) }

// heldCard is a card in its holder's hand since the given day, with nothing activated.
func heldCard(received citycard.Date) *citycard.Card {
	return &citycard.Card{
		Ref: "c1", Region: "320100", Bank: "102",
		Fulfilment: citycard.FulfilmentCollected, Social: citycard.SocialSealed,
		Financial: citycard.FinancialInactive, Password: citycard.PasswordInitial,
		ReceivedOn: received, Since: map[citycard.Machine]time.Time{},
	}
}

func TestLastDayOfAPeriod(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, start string
		period      citycard.Period
		last        string
	}{
		{"180 days", "2026-01-01", citycard.Period{Days: 180}, "2026-06-30"},
		{"180 days over 29 February", "2024-01-01", citycard.Period{Days: 180}, "2024-06-29"},
		{"300 days over the turn of the year", "2026-06-01", citycard.Period{Days: 300}, "2027-03-28"},
		{"six months", "2026-01-15", citycard.Period{Months: 6}, "2026-07-15"},
		{"six months from 31 August", "2026-08-31", citycard.Period{Months: 6}, "2027-02-28"},
		{"six months from 31 August before a leap year", "2027-08-31", citycard.Period{Months: 6}, "2028-02-29"},
		{"six months from 30 August before a leap year", "2027-08-30", citycard.Period{Months: 6}, "2028-02-29"},
		{"six months from 29 February", "2028-02-29", citycard.Period{Months: 6}, "2028-08-29"},
		{"twelve months from 29 February", "2028-02-29", citycard.Period{Months: 12}, "2029-02-28"},
		{"no period", "2026-01-01", citycard.Period{}, ""},
		{"no start", "", citycard.Period{Days: 180}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.last, c.period.LastDay(day(t, c.start)).String())
		})
	}
}

func TestMedicalRestriction(t *testing.T) {
	t.Parallel()
	received := day(t, "2026-01-01")
	policy := citycard.Policy{MedicalRestriction: citycard.Period{Days: 180}}
	cases := []struct {
		name       string
		days       int
		change     func(*citycard.Card)
		restricted bool
	}{
		{"on the day of receipt", 0, nil, false},
		{"after 179 days", 179, nil, false},
		{"after 180 days, the last one", 180, nil, false},
		{"after 181 days", 181, nil, true},
		{"after 181 days, social application active", 181, func(c *citycard.Card) { c.Social = citycard.SocialActive }, false},
		{"after 181 days, financial application active", 181, func(c *citycard.Card) { c.Financial = citycard.FinancialActive }, false},
		{"after 181 days, waiting for the bank", 181, func(c *citycard.Card) { c.Financial = citycard.FinancialPendingBank }, true},
		{"after 181 days, active before the loss", 181, func(c *citycard.Card) {
			c.Social, c.SocialBefore = citycard.SocialTempLost, citycard.SocialActive
		}, false},
		{"after 181 days, never active before the loss", 181, func(c *citycard.Card) {
			c.Social, c.SocialBefore = citycard.SocialTempLost, citycard.SocialSealed
		}, true},
		{"after 181 days, active before the hold", 181, func(c *citycard.Card) {
			c.Social, c.SocialHeld = citycard.SocialFrozen, citycard.SocialActive
		}, false},
		{"never received", 181, func(c *citycard.Card) { c.ReceivedOn = citycard.Date{} }, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			card := heldCard(received)
			if c.change != nil {
				c.change(card)
			}
			assert.Equal(t, c.restricted, card.MedicalRestricted(policy, received.AddDays(c.days)))
			assert.False(t, card.MedicalRestricted(citycard.Policy{}, received.AddDays(c.days)), "the clock is off")
		})
	}
	assert.Equal(t, "2026-06-30", heldCard(received).MedicalRestrictedOn(policy).String())
	assert.True(t, heldCard(received).MedicalRestrictedOn(citycard.Policy{}).IsZero())
}

func TestLossByDeadline(t *testing.T) {
	t.Parallel()
	received := day(t, "2026-01-01")
	policy := citycard.Policy{FinancialDeadline: citycard.Period{Days: 300}, TempLossDays: 7}
	lapse := received.AddDays(301).Start()
	type card = citycard.Card
	cases := []struct {
		name   string
		at     time.Time
		change func(*card)
		state  citycard.SocialState
	}{
		{"after 299 days", noon(received.AddDays(299)), nil, citycard.SocialSealed},
		{"after 300 days, the last one", noon(received.AddDays(300)), nil, citycard.SocialSealed},
		{"the last moment of the last day", lapse.Add(-time.Nanosecond), nil, citycard.SocialSealed},
		{"the first moment after it", lapse, nil, citycard.SocialAutoLost},
		{"after 301 days", noon(received.AddDays(301)), nil, citycard.SocialAutoLost},
		{"the same moment told in UTC", lapse.UTC(), nil, citycard.SocialAutoLost},
		{"social application active", lapse, func(c *card) { c.Social = citycard.SocialActive }, citycard.SocialAutoLost},
		{"financial application active", lapse, func(c *card) { c.Financial = citycard.FinancialActive }, citycard.SocialSealed},
		{"financial application lost for a time", lapse, func(c *card) { c.Financial = citycard.FinancialTempLost }, citycard.SocialSealed},
		{"financial application held while active", lapse, func(c *card) {
			c.Financial, c.FinancialBefore = citycard.FinancialFrozen, citycard.FinancialActive
		}, citycard.SocialSealed},
		{"financial application held while inactive", lapse, func(c *card) {
			c.Financial, c.FinancialBefore = citycard.FinancialFrozen, citycard.FinancialInactive
		}, citycard.SocialAutoLost},
		{"waiting for the bank", lapse, func(c *card) { c.Financial = citycard.FinancialPendingBank }, citycard.SocialAutoLost},
		{"account formally lost", lapse, func(c *card) { c.Financial = citycard.FinancialFormalLost }, citycard.SocialSealed},
		{"account closed", lapse, func(c *card) { c.Financial = citycard.FinancialClosed }, citycard.SocialSealed},
		{"formally lost stays so", lapse, func(c *card) { c.Social = citycard.SocialFormalLost }, citycard.SocialFormalLost},
		{"frozen stays so", lapse, func(c *card) { c.Social = citycard.SocialFrozen }, citycard.SocialFrozen},
		{"canceled stays so", lapse, func(c *card) { c.Social = citycard.SocialCanceled }, citycard.SocialCanceled},
		{"never received", lapse, func(c *card) { c.ReceivedOn = citycard.Date{} }, citycard.SocialSealed},
		{"a temporary loss still running", lapse, func(c *card) {
			c.Social, c.SocialBefore = citycard.SocialTempLost, citycard.SocialActive
			c.Since[citycard.MachineSocial] = lapse.Add(-time.Hour)
		}, citycard.SocialTempLost},
		{"a temporary loss that ran out before", lapse, func(c *card) {
			c.Social, c.SocialBefore = citycard.SocialTempLost, citycard.SocialActive
			c.Since[citycard.MachineSocial] = lapse.AddDate(0, 0, -20)
		}, citycard.SocialAutoLost},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			card := heldCard(received)
			if c.change != nil {
				c.change(card)
			}
			stored := card.Social
			assert.Equal(t, c.state, card.SocialAt(policy, c.at))
			assert.Equal(t, stored, card.Social, "reading changes nothing")
		})
	}
	assert.Equal(t, "2026-10-28", heldCard(received).FinancialDueOn(policy).String())
	assert.Equal(t, citycard.SocialSealed, heldCard(received).SocialAt(citycard.Policy{}, lapse), "the clock is off")
}

func TestTemporaryLossEndsByItself(t *testing.T) {
	t.Parallel()
	reported := noon(day(t, "2026-11-22"))
	for _, days := range []int{5, 7, 10, 15} {
		policy := citycard.Policy{TempLossDays: days}
		for _, before := range []citycard.SocialState{citycard.SocialSealed, citycard.SocialActive} {
			card := heldCard(day(t, "2026-11-01"))
			card.Social, card.SocialBefore = citycard.SocialTempLost, before
			card.Since[citycard.MachineSocial] = reported
			end := day(t, "2026-11-22").AddDays(days + 1).Start()
			assert.Equal(t, end, card.TempLossEndsAt(policy))
			assert.Equal(t, citycard.SocialTempLost, card.SocialAt(policy, end.Add(-time.Nanosecond)))
			assert.Equal(t, before, card.SocialAt(policy, end))
		}
	}
	card := heldCard(day(t, "2026-11-01"))
	assert.True(t, card.TempLossEndsAt(citycard.Policy{TempLossDays: 7}).IsZero(), "not lost")
	card.Social = citycard.SocialTempLost
	assert.True(t, card.TempLossEndsAt(citycard.Policy{TempLossDays: 7}).IsZero(), "start not known")
	assert.Equal(t, citycard.SocialTempLost, card.SocialAt(citycard.Policy{TempLossDays: 7}, reported))
}

func TestTheBanksDaysToConfirm(t *testing.T) {
	t.Parallel()
	policy := citycard.Policy{BankConfirmDays: 7}
	card := heldCard(day(t, "2026-11-01"))
	asked := noon(day(t, "2026-11-22"))
	card.Since[citycard.MachineFinancial] = asked
	end := day(t, "2026-11-30").Start()
	assert.False(t, card.PendingBankLapsed(policy, end), "nothing was asked of the bank")
	card.Financial = citycard.FinancialPendingBank
	assert.False(t, card.PendingBankLapsed(policy, end.Add(-time.Nanosecond)))
	assert.True(t, card.PendingBankLapsed(policy, end))
	delete(card.Since, citycard.MachineFinancial)
	assert.False(t, card.PendingBankLapsed(policy, end), "start not known")
}

func TestValidityAndRenewal(t *testing.T) {
	t.Parallel()
	policy := citycard.Policy{RenewalNoticeDays: []int{30, 60}}
	card := heldCard(day(t, "2017-03-01"))
	assert.False(t, card.Expired(day(t, "2999-01-01")), "a card that prints no end never expires")
	assert.True(t, card.RenewalFrom(policy).IsZero())
	card.ValidTo = day(t, "2027-03-01")
	assert.False(t, card.Expired(day(t, "2027-03-01")), "the last day")
	assert.True(t, card.Expired(day(t, "2027-03-02")))
	assert.Equal(t, "2026-12-31", card.RenewalFrom(policy).String())
	assert.True(t, card.RenewalFrom(citycard.Policy{}).IsZero())
}

func TestUsableAtPharmacy(t *testing.T) {
	t.Parallel()
	today := day(t, "2026-11-22")
	usable := func(change func(*citycard.Card)) bool {
		card := heldCard(today)
		card.Social, card.Password = citycard.SocialActive, citycard.PasswordSet
		change(card)
		return card.UsableAtPharmacy(citycard.Policy{}, noon(today))
	}
	assert.True(t, usable(func(*citycard.Card) {}), "the financial application does not matter")
	assert.False(t, usable(func(c *citycard.Card) { c.Social = citycard.SocialSealed }))
	assert.False(t, usable(func(c *citycard.Card) { c.Password = citycard.PasswordInitial }))
	assert.False(t, usable(func(c *citycard.Card) { c.Password = citycard.PasswordLocked }))
	assert.False(t, usable(func(c *citycard.Card) { c.ValidTo = today.AddDays(-1) }))
	assert.False(t, usable(func(c *citycard.Card) { c.Fulfilment = citycard.FulfilmentReadyForPickup }))
}

func TestAClockThatLapsedStaysLapsed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		received := day(t, "2000-01-01").AddDays(rapid.IntRange(0, 20000).Draw(t, "received"))
		period := citycard.Period{Days: rapid.IntRange(1, 400).Draw(t, "days")}
		if rapid.Bool().Draw(t, "in months") {
			period = citycard.Period{Months: rapid.IntRange(1, 24).Draw(t, "months")}
		}
		policy := citycard.Policy{MedicalRestriction: period, FinancialDeadline: period}
		card, last := heldCard(received), period.LastDay(received)
		require.False(t, last.Before(received))
		after := last.AddDays(rapid.IntRange(-400, 400).Draw(t, "offset"))
		lapsed := last.Before(after)
		require.Equal(t, lapsed, card.MedicalRestricted(policy, after))
		require.Equal(t, lapsed, card.SocialAt(policy, noon(after)) == citycard.SocialAutoLost)
	})
}
