package citycard_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

var (
	socialStates    = []citycard.SocialState{"sealed", "active", "temp_lost", "formal_lost", "auto_lost", "frozen", "canceled"}
	financialStates = []citycard.FinancialState{"inactive", "pending_bank", "active", "temp_lost", "formal_lost", "frozen", "closed"}
)

// onlineOutcome is what domain.md says of an online activation: the financial state it leads to, or the code.
func onlineOutcome(mode citycard.FinancialMode, social citycard.SocialState, financial citycard.FinancialState, card string) string {
	lost := map[citycard.SocialState]string{
		"temp_lost": "card_temp_lost", "formal_lost": "card_formal_lost", "auto_lost": "card_auto_lost",
		"frozen": "card_frozen", "canceled": "card_canceled",
	}
	switch {
	case financial == "active", financial == "pending_bank" && mode == citycard.BankConfirm:
		return "unchanged"
	case lost[social] != "":
		return lost[social]
	case card == "ready":
		return "card_not_collected"
	case card == "expired":
		return "card_expired"
	case financial != "inactive" && financial != "pending_bank":
		return "invalid_transition"
	case mode == citycard.BankConfirm:
		return "pending_bank"
	}
	return "active"
}

func TestActivatingOnline(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	proof := citycard.Proof{Method: citycard.IdentityFace, At: now.Add(-time.Minute)}
	for _, mode := range []citycard.FinancialMode{citycard.OnlineFull, citycard.OnlineFace, citycard.BankConfirm} {
		policy := generous()
		policy.FinancialActivation = mode
		for _, social := range socialStates {
			for _, financial := range financialStates {
				for _, state := range []string{"collected", "ready", "expired"} {
					name := fmt.Sprintf("%s, social %s, financial %s, %s", mode, social, financial, state)
					card := heldCard(day(t, "2026-11-01"))
					card.Social, card.Financial = social, financial
					switch state {
					case "ready":
						card.Fulfilment = citycard.FulfilmentReadyForPickup
					case "expired":
						card.ValidTo = day(t, "2026-11-21")
					}
					before := card.Clone()
					changed, err := card.ActivateOnline(policy, proof, causeAt(now), now)
					switch want := onlineOutcome(mode, social, financial, state); want {
					case "unchanged":
						require.NoError(t, err, name)
						assert.False(t, changed, name)
						assert.Equal(t, before, card, name)
					case "active", "pending_bank":
						require.NoError(t, err, name)
						assert.True(t, changed, name)
						assert.Equal(t, want, string(card.Financial), name)
						enabled := social == "sealed" && want == "active"
						assert.Equal(t, enabled || social == "active", card.Social == citycard.SocialActive, name)
					default:
						assert.Equal(t, want, string(citycard.CodeOf(err)), name)
						assert.False(t, changed, name)
						assert.Equal(t, before, card, name)
					}
				}
			}
		}
	}
}

func TestWhatACityDecidesAboutActivatingOnline(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	type card = citycard.Card
	type policy = citycard.Policy
	face := func(age time.Duration) citycard.Proof {
		return citycard.Proof{Method: citycard.IdentityFace, At: now.Add(-age)}
	}
	cases := []struct {
		name   string
		change func(*card, *policy)
		proof  citycard.Proof
		// outcome is both states, or the code.
		outcome string
	}{
		{"both applications together", func(*card, *policy) {}, citycard.Proof{}, "active/active"},
		{"the financial application alone", func(_ *card, p *policy) { p.SocialOnlineAllowed = false }, citycard.Proof{}, "sealed/active"},
		{"before collection", func(c *card, p *policy) {
			c.Fulfilment, p.ActivateBeforeCollected = citycard.FulfilmentReadyForPickup, true
		}, citycard.Proof{}, "sealed/active"},
		{"before collection, but not made yet", func(c *card, p *policy) {
			c.Fulfilment, p.ActivateBeforeCollected = citycard.FulfilmentInProduction, true
		}, citycard.Proof{}, "card_not_collected"},
		{"a replaced card", func(c *card, _ *policy) { c.Fulfilment = citycard.FulfilmentReplaced }, citycard.Proof{}, "card_canceled"},
		{"on the last day of validity", func(c *card, _ *policy) { c.ValidTo = citycard.DateOf(now) }, citycard.Proof{}, "active/active"},
		{"lost by deadline, cure online", func(c *card, p *policy) {
			c.Social, p.OnlineCureAllowed = citycard.SocialAutoLost, true
		}, citycard.Proof{}, "auto_lost/active"},
		{"deadline passed unnoticed", func(_ *card, p *policy) { p.FinancialDeadline = citycard.Period{Days: 20} }, citycard.Proof{}, "card_auto_lost"},
		{"temporary loss ran out unnoticed", func(c *card, _ *policy) {
			c.Social, c.SocialBefore = citycard.SocialTempLost, citycard.SocialActive
			c.Since[citycard.MachineSocial] = now.AddDate(0, 0, -8)
		}, citycard.Proof{}, "active/active"},
		{"a face check just now", func(_ *card, p *policy) { p.FinancialActivation = citycard.OnlineFace }, face(10*time.Minute - 1), "active/active"},
		{"a face check too old", func(_ *card, p *policy) { p.FinancialActivation = citycard.OnlineFace }, face(10 * time.Minute), "face_required"},
		{"another proof where a face is asked for", func(_ *card, p *policy) { p.FinancialActivation = citycard.OnlineFace },
			citycard.Proof{Method: citycard.IdentityCertdoc, At: now}, "face_required"},
		{"no face is asked for in vain", func(c *card, p *policy) {
			c.Financial, p.FinancialActivation = citycard.FinancialClosed, citycard.OnlineFace
		}, citycard.Proof{}, "invalid_transition"},
		{"asked the bank and then the city changed its mode", func(c *card, _ *policy) { c.Financial = citycard.FinancialPendingBank }, citycard.Proof{}, "active/active"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			card, policy := heldCard(day(t, "2026-11-01")), generous()
			c.change(card, &policy)
			before := card.Clone()
			changed, err := card.ActivateOnline(policy, c.proof, causeAt(now), now)
			if err != nil {
				assert.Equal(t, c.outcome, string(citycard.CodeOf(err)))
				assert.Equal(t, before, card)
				return
			}
			assert.True(t, changed)
			assert.Equal(t, c.outcome, string(card.Social)+"/"+string(card.Financial))
		})
	}
}

func TestTheBankIsAskedAgainOnceItsDaysPassed(t *testing.T) {
	t.Parallel()
	policy := generous()
	policy.FinancialActivation = citycard.BankConfirm
	card := heldCard(day(t, "2026-11-01"))
	asked := noon(day(t, "2026-11-02"))
	for _, c := range []struct {
		at      time.Time
		changed bool
		version int64
	}{
		{asked, true, 1},
		{asked.Add(time.Hour), false, 1},
		{day(t, "2026-11-10").Start().Add(-time.Nanosecond), false, 1},
		{day(t, "2026-11-10").Start(), true, 3},
	} {
		changed, err := card.ActivateOnline(policy, citycard.Proof{}, causeAt(c.at), c.at)
		require.NoError(t, err)
		assert.Equal(t, c.changed, changed)
		assert.Equal(t, c.version, card.Version)
		assert.Equal(t, citycard.FinancialPendingBank, card.Financial)
	}
	assert.Equal(t, citycard.FinancialInactive, card.FinancialAt(policy, noon(day(t, "2026-12-01"))))
}

func TestActivationByTheBank(t *testing.T) {
	t.Parallel()
	received := day(t, "2026-01-01")
	due := received.AddDays(300)
	now := noon(due.AddDays(10))
	type card = citycard.Card
	alone, both := citycard.BankReport{Bank: "102", Last4: "0001"}, citycard.BankReport{Bank: "102", Last4: "0001", WithSocial: true}
	autoLost := func(before citycard.SocialState) func(*card) {
		return func(c *card) {
			c.Social, c.SocialBefore = citycard.SocialAutoLost, before
			c.Since[citycard.MachineSocial] = due.End()
		}
	}
	since := func(social citycard.SocialState, financial citycard.FinancialState, at time.Time) func(*card) {
		return func(c *card) {
			c.Social, c.SocialBefore, c.Financial = social, citycard.SocialActive, financial
			c.Since[citycard.MachineSocial], c.Since[citycard.MachineFinancial] = at, at
		}
	}
	cases := []struct {
		name     string
		report   citycard.BankReport
		occurred time.Time
		change   func(*card)
		// outcome is "changed" or "unchanged" with both states, or the code.
		outcome string
	}{
		{"another bank", citycard.BankReport{Bank: "103", Last4: "0001"}, now, func(*card) {}, "bank_not_issuer"},
		{"another account", citycard.BankReport{Bank: "102", Last4: "0002"}, now, func(*card) {}, "card_not_matched"},
		{"a canceled card", alone, now, since("canceled", "inactive", now), "card_canceled"},
		{"after the deadline, the loss stays until it is cured", alone, now, func(*card) {}, "changed auto_lost/active"},
		{"on the last day, told late", alone, due.End().Add(-time.Nanosecond), autoLost("sealed"), "changed sealed/active"},
		{"on the last day, told late, of a card in use", alone, due.End().Add(-time.Nanosecond), autoLost("active"), "changed active/active"},
		{"on the last day, told late, the loss not noticed yet", alone, due.Start(), func(*card) {}, "changed sealed/active"},
		{"the first moment after the deadline", alone, due.End(), autoLost("sealed"), "changed auto_lost/active"},
		{"told late, the account closed since", alone, due.Start(), func(c *card) {
			autoLost("active")(c)
			c.Financial, c.Since[citycard.MachineFinancial] = citycard.FinancialClosed, now.Add(-time.Hour)
		}, "changed active/closed"},
		{"told late, formally lost since", alone, due.Start(), since("formal_lost", "inactive", now), "changed formal_lost/active"},
		{"told after our own lapse of the request", alone, now.Add(-time.Hour), since("temp_lost", "inactive", now), "changed temp_lost/active"},
		{"older than the bank's own closing", alone, now.Add(-time.Hour), since("active", "closed", now), "unchanged active/closed"},
		{"newer than the bank's own closing", alone, now, since("active", "closed", now.Add(-time.Hour)), "invalid_transition"},
		{"again", alone, now, since("active", "active", now.Add(-time.Hour)), "unchanged active/active"},
		{"while lost", alone, now, since("temp_lost", "inactive", now.Add(-time.Hour)), "changed temp_lost/active"},
		{"while on hold", alone, now, since("frozen", "inactive", now.Add(-time.Hour)), "changed frozen/active"},

		{"both, in time but told late", both, due.Start(), autoLost("sealed"), "changed active/active"},
		{"both, in time but told late, of a card in use", both, due.Start(), autoLost("active"), "changed active/active"},
		{"both, the account active before", both, now, func(c *card) { c.Financial = citycard.FinancialActive }, "changed active/active"},
		{"both, after the deadline", both, now, func(*card) {}, "card_auto_lost"},
		{"both, while lost", both, now, since("temp_lost", "inactive", now.Add(-time.Hour)), "card_temp_lost"},
		{"both, while on hold", both, now, since("frozen", "inactive", now.Add(-time.Hour)), "card_frozen"},
		{"both, older than the loss", both, now.Add(-2 * time.Hour), since("formal_lost", "inactive", now.Add(-time.Hour)), "unchanged formal_lost/inactive"},
		{"both, older than the bank's own closing", both, now.Add(-2 * time.Hour), func(c *card) {
			c.Financial, c.Since[citycard.MachineFinancial] = citycard.FinancialClosed, now.Add(-time.Hour)
		}, "unchanged sealed/closed"},
		{"both, of an uncollected card", both, now, func(c *card) {
			c.Fulfilment, c.ReceivedOn = citycard.FulfilmentReadyForPickup, citycard.Date{}
		}, "card_not_collected"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			card, policy := heldCard(received), generous()
			policy.FinancialDeadline = citycard.Period{Days: 300}
			card.Account.Last4 = "0001"
			c.change(card)
			before := card.Clone()
			changed, err := card.ActivateByBank(policy, c.report, causeAt(c.occurred), now)
			if err != nil {
				assert.Equal(t, c.outcome, string(citycard.CodeOf(err)))
				assert.Equal(t, before, card)
				return
			}
			told := map[bool]string{true: "changed ", false: "unchanged "}[changed] + string(card.Social) + "/" + string(card.Financial)
			assert.Equal(t, c.outcome, told)
			if !changed {
				assert.Equal(t, before, card)
			}
		})
	}
}

// A card that a reissue made has no account until its bank opens one.
func TestABankTellsTheAccountOfANewCard(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	card := heldCard(day(t, "2026-11-20"))
	tell := func(last4 string) (bool, error) {
		return card.ActivateByBank(generous(), citycard.BankReport{Bank: "102", Last4: last4}, causeAt(now), now)
	}
	changed, err := tell("4321")
	require.NoError(t, err)
	assert.True(t, changed)
	assert.Equal(t, citycard.Account{Last4: "4321"}, card.Account)
	changed, err = tell("4321")
	require.NoError(t, err)
	assert.False(t, changed)
	_, err = tell("9999")
	assert.Equal(t, citycard.CodeCardNotMatched, citycard.CodeOf(err))
	assert.Equal(t, "4321", card.Account.Last4)
}

func TestALossByDeadlineIsCuredAtTheBankAndThenAtTheCentre(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	policy := generous()
	policy.FinancialDeadline = citycard.Period{Days: 300}
	card := heldCard(day(t, "2026-01-01"))
	card.Account.Last4 = "0001"
	require.NoError(t, card.Settle(policy, now))
	assert.Equal(t, citycard.CodeFinancialNotActive, citycard.CodeOf(card.CureDeadline(policy, "p1", causeAt(now), now)))
	_, err := card.ActivateByBank(policy, citycard.BankReport{Bank: "102", Last4: "0001"}, causeAt(now), now)
	require.NoError(t, err)
	assert.Equal(t, citycard.SocialAutoLost, card.Social)
	require.NoError(t, card.CureDeadline(policy, "p1", causeAt(now), now))
	assert.Equal(t, citycard.SocialSealed, card.Social)
	_, err = card.ReportFinancial(policy, citycard.StepClose, causeAt(now), now)
	require.NoError(t, err)
	assert.Equal(t, citycard.SocialSealed, card.SocialAt(policy, now.AddDate(1, 0, 0)), "an account closed later takes nothing back")
}

func TestReasonsOfWhatTheBankActivates(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	card := heldCard(day(t, "2026-11-01"))
	card.Account.Last4 = "0001"
	cause := causeAt(now)
	cause.Reason = citycard.ReasonActBank
	report := citycard.BankReport{Bank: "102", Last4: "0001", WithSocial: true}

	policy := generous()
	policy.SocialWithFinancial = false
	_, err := card.ActivateByBank(policy, report, cause, now)
	assert.Equal(t, citycard.CodePartnerScope, citycard.CodeOf(err))
	assert.Empty(t, card.Fresh())

	_, err = card.ActivateByBank(generous(), report, cause, now)
	require.NoError(t, err)
	require.Len(t, card.Fresh(), 2)
	assert.Equal(t, citycard.ReasonActBank, card.Fresh()[0].Cause.Reason)
	assert.Equal(t, citycard.ReasonActWithFinancial, card.Fresh()[1].Cause.Reason)
	assert.Equal(t, "e1", card.Fresh()[1].Cause.EventID)
}

func TestLateReportsChangeNothing(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	late := causeAt(now.Add(-time.Hour))
	card := heldCard(day(t, "2026-11-01"))
	card.Social, card.SocialBefore = citycard.SocialTempLost, citycard.SocialSealed
	card.Financial, card.Password = citycard.FinancialActive, citycard.PasswordSet
	for _, machine := range []citycard.Machine{"social", "financial", "password"} {
		card.Since[machine] = now
		assert.True(t, card.Late(machine, late))
		assert.False(t, card.Late(machine, causeAt(now)))
	}
	before := card.Clone()
	for name, report := range map[string]func() (bool, error){
		"hospital": func() (bool, error) { return card.ActivateSocial(generous(), late, now) },
		"bank":     func() (bool, error) { return card.ReportFinancial(generous(), citycard.StepFreeze, late, now) },
		"password": func() (bool, error) { return card.ReportPassword(generous(), citycard.StepLock, late, now) },
	} {
		changed, err := report()
		require.NoError(t, err, name)
		assert.False(t, changed, name)
		assert.Equal(t, before, card, name)
	}
	_, err := card.ReportFinancial(generous(), citycard.StepActivate, causeAt(now), now)
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err), "an activation goes by its own door")
}
