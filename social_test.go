package citycard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// path is a tale of one card: what happens on which day, and the state it leads to.
type path []struct {
	on    string
	step  citycard.Step
	state citycard.SocialState
}

func TestALossOrHoldEndsInTheStateBefore(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		from citycard.SocialState
		path path
	}{
		{"temporary loss of a card not yet enabled", "sealed", path{{"2026-11-01", "temp_lose", "temp_lost"}, {"2026-11-02", "restore", "sealed"}}},
		{"temporary loss of an active card", "active", path{{"2026-11-01", "temp_lose", "temp_lost"}, {"2026-11-02", "restore", "active"}}},
		{"hold over a temporary loss over active", "active", path{
			{"2026-11-01", "temp_lose", "temp_lost"}, {"2026-11-02", "freeze", "frozen"},
			{"2026-11-20", "release", "temp_lost"}, {"2026-11-21", "restore", "active"},
		}},
		{"hold over a temporary loss over sealed", "sealed", path{
			{"2026-11-01", "temp_lose", "temp_lost"}, {"2026-11-02", "freeze", "frozen"},
			{"2026-11-03", "release", "temp_lost"}, {"2026-11-04", "restore", "sealed"},
		}},
		{"hold over a loss by deadline over sealed", "sealed", path{
			{"2026-11-01", "auto_lose", "auto_lost"}, {"2026-11-02", "freeze", "frozen"},
			{"2026-11-03", "release", "auto_lost"}, {"2026-11-04", "cure", "sealed"},
		}},
		{"hold over a formal loss", "active", path{
			{"2026-11-01", "formal_lose", "formal_lost"}, {"2026-11-02", "freeze", "frozen"},
			{"2026-11-03", "release", "formal_lost"}, {"2026-11-04", "revoke_loss", "active"},
		}},
		{"formal loss after a temporary one, revoked, and lost again", "active", path{
			{"2026-11-01", "temp_lose", "temp_lost"}, {"2026-11-02", "formal_lose", "formal_lost"},
			{"2026-11-03", "revoke_loss", "active"}, {"2026-11-04", "temp_lose", "temp_lost"}, {"2026-11-05", "restore", "active"},
		}},
		{"canceled while on hold", "active", path{{"2026-11-01", "freeze", "frozen"}, {"2026-11-02", "cancel", "canceled"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			card := heldCard(day(t, "2026-01-01"))
			card.Social = c.from
			for _, step := range c.path {
				if step.step == citycard.StepCure {
					card.Financial = citycard.FinancialActive
				}
				at := noon(day(t, step.on))
				_, err := takeSocial(card, step.step, causeAt(at), at)
				require.NoError(t, err, step.step)
				require.Equal(t, step.state, card.Social, step.step)
			}
			assert.Empty(t, card.SocialHeld)
			if card.Social == citycard.SocialSealed || card.Social == citycard.SocialActive {
				assert.Empty(t, card.SocialBefore, "nothing is left to return to")
			}
		})
	}
}

func TestAFormalLossDoesNotUndoThatTheCardWasActivated(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	policy := citycard.Policy{MedicalRestriction: citycard.Period{Days: 180}}
	for social, restricted := range map[citycard.SocialState]bool{citycard.SocialActive: false, citycard.SocialSealed: true} {
		card := heldCard(day(t, "2026-01-01"))
		card.Social = social
		_, err := card.LoseFormally(policy, causeAt(now), now)
		require.NoError(t, err)
		assert.Equal(t, restricted, card.MedicalRestricted(policy, citycard.DateOf(now)), social)
	}
}

func TestLapsedClocksAreSettled(t *testing.T) {
	t.Parallel()
	received := day(t, "2026-01-01")
	policy := generous()
	policy.FinancialDeadline = citycard.Period{Days: 300}
	deadline := received.AddDays(301).Start()
	lost := noon(received.AddDays(297))
	released := received.AddDays(305).Start()
	tempLost := func(c *citycard.Card) {
		c.Social, c.SocialBefore = citycard.SocialTempLost, citycard.SocialActive
		c.Since[citycard.MachineSocial] = lost
	}
	type made struct {
		to       string
		reason   citycard.Reason
		occurred time.Time
	}
	cases := []struct {
		name   string
		at     time.Time
		change func(*citycard.Card)
		made   []made
	}{
		{"the last moment of the 300th day", deadline.Add(-time.Nanosecond), func(*citycard.Card) {}, nil},
		{"the first moment after it", deadline, func(*citycard.Card) {}, []made{{"auto_lost", "deadline_300", deadline}}},
		{"noticed a month later, it dates from the deadline", deadline.AddDate(0, 1, 0), func(*citycard.Card) {}, []made{{"auto_lost", "deadline_300", deadline}}},
		{"the last moment of the temporary loss", released.Add(-time.Nanosecond), tempLost, nil},
		{"its end, long after the deadline: the loss by deadline dates from then", released, tempLost,
			[]made{{"active", "temp_loss_lapsed", released}, {"auto_lost", "deadline_300", released}}},
		{"the end of a temporary loss of a card in use", released, func(c *citycard.Card) {
			tempLost(c)
			c.Financial = citycard.FinancialActive
		}, []made{{"active", "temp_loss_lapsed", released}}},
		{"the bank's last moment to confirm", noon(received), func(c *citycard.Card) {
			c.Financial, c.Since[citycard.MachineFinancial] = citycard.FinancialPendingBank, noon(received.AddDays(-7))
		}, nil},
		{"the bank let its days pass", received.Start(), func(c *citycard.Card) {
			c.Financial, c.Since[citycard.MachineFinancial] = citycard.FinancialPendingBank, noon(received.AddDays(-8))
		}, []made{{"inactive", "pending_lapsed", received.Start()}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			card := heldCard(received)
			c.change(card)
			shown := card.SocialAt(policy, c.at)
			require.NoError(t, card.Settle(policy, c.at))
			assert.Equal(t, shown, card.Social, "reading and settling agree")
			var got []made
			for _, transition := range card.Fresh() {
				got = append(got, made{transition.To, transition.Cause.Reason, transition.Cause.Occurred})
				assert.Equal(t, citycard.ActorSystem, transition.Cause.Actor.Kind)
				assert.Equal(t, c.at, transition.RecordedAt)
			}
			assert.Equal(t, c.made, got)
			settled := card.Clone()
			require.NoError(t, card.Settle(policy, c.at))
			assert.Equal(t, settled, card, "settling again changes nothing")
		})
	}
}

func TestARefusalTakesBackWhatWasSettled(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	policy := generous()
	policy.FinancialDeadline = citycard.Period{Days: 300}
	card := heldCard(day(t, "2026-01-01"))
	before := card.Clone()
	_, err := card.ActivateSocial(policy, causeAt(now), now)
	assert.Equal(t, citycard.CodeCardAutoLost, citycard.CodeOf(err))
	assert.Equal(t, before, card)
}

func TestWhatTheRulesOfLossAndCureRefuse(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	type card = citycard.Card
	cases := []struct {
		name   string
		change func(c *card, p *citycard.Policy)
		take   func(c *card, p citycard.Policy) error
		code   citycard.Code
	}{
		{"a temporary loss before collection", func(c *card, _ *citycard.Policy) { c.Fulfilment = citycard.FulfilmentReadyForPickup },
			func(c *card, p citycard.Policy) error { _, err := c.LoseTemporarily(p, causeAt(now), now); return err }, citycard.CodeCardNotCollected},
		{"a temporary loss of a destroyed card", func(c *card, _ *citycard.Policy) { c.Fulfilment = citycard.FulfilmentDestroyed },
			func(c *card, p citycard.Policy) error { _, err := c.LoseTemporarily(p, causeAt(now), now); return err }, citycard.CodeCardCanceled},
		{"a formal loss revoked where the city does not", func(c *card, p *citycard.Policy) {
			c.Social, p.FormalLossRevocable = citycard.SocialFormalLost, false
		}, func(c *card, p citycard.Policy) error { return c.RevokeFormalLoss(p, false, causeAt(now), now) }, citycard.CodeFormalLossIrrevocable},
		{"a formal loss revoked beside an open reissue", func(c *card, _ *citycard.Policy) { c.Social = citycard.SocialFormalLost },
			func(c *card, p citycard.Policy) error { return c.RevokeFormalLoss(p, true, causeAt(now), now) }, citycard.CodeReissueOpen},
		{"a cure before the financial application is active", func(c *card, _ *citycard.Policy) { c.Social = citycard.SocialAutoLost },
			func(c *card, p citycard.Policy) error { return c.CureDeadline(p, "p1", causeAt(now), now) }, citycard.CodeFinancialNotActive},
		{"a cure elsewhere", func(c *card, _ *citycard.Policy) {
			c.Social, c.Financial = citycard.SocialAutoLost, citycard.FinancialActive
		}, func(c *card, p citycard.Policy) error { return c.CureDeadline(p, "p2", causeAt(now), now) }, citycard.CodePlaceNotDesignated},
		{"social activation before collection", func(c *card, _ *citycard.Policy) { c.Fulfilment = citycard.FulfilmentReadyForPickup },
			func(c *card, p citycard.Policy) error { _, err := c.ActivateSocial(p, causeAt(now), now); return err }, citycard.CodeCardNotCollected},
		{"social activation of a replaced card", func(c *card, _ *citycard.Policy) { c.Fulfilment = citycard.FulfilmentReplaced },
			func(c *card, p citycard.Policy) error { _, err := c.ActivateSocial(p, causeAt(now), now); return err }, citycard.CodeCardCanceled},
		{"social activation of an expired card", func(c *card, _ *citycard.Policy) { c.ValidTo = citycard.DateOf(now).AddDays(-1) },
			func(c *card, p citycard.Policy) error { _, err := c.ActivateSocial(p, causeAt(now), now); return err }, citycard.CodeCardExpired},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			card, policy := heldCard(day(t, "2026-11-01")), generous()
			c.change(card, &policy)
			before := card.Clone()
			assert.Equal(t, c.code, citycard.CodeOf(c.take(card, policy)))
			assert.Equal(t, before, card)
		})
	}
}

func TestEventsFromTheFutureAreRefused(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	early, fair := causeAt(now.Add(5*time.Minute+time.Nanosecond)), causeAt(now.Add(5*time.Minute))
	for name, take := range everyKindOfStep(generous()) {
		card := stepCard(t, name)
		before := card.Clone()
		assert.Equal(t, citycard.CodeOccurredInFuture, citycard.CodeOf(take(card, early, now)), name)
		assert.Equal(t, before, card, name)
		require.NoError(t, take(card, fair, now), name)
		assert.NotEqual(t, before, card, name)
	}
}

// stepCard is a card from which the named kind of step can be taken.
func stepCard(t *testing.T, name string) *citycard.Card {
	t.Helper()
	card := heldCard(day(t, "2026-11-01"))
	card.Account.Last4 = "0001"
	switch name {
	case "collect":
		card.Fulfilment = citycard.FulfilmentReadyForPickup
	case "bank report", "cure":
		card.Financial = citycard.FinancialActive
	}
	switch name {
	case "restore":
		card.Social, card.SocialBefore = citycard.SocialTempLost, citycard.SocialSealed
	case "cure":
		card.Social, card.SocialBefore = citycard.SocialAutoLost, citycard.SocialSealed
	case "revoke":
		card.Social = citycard.SocialFormalLost
	}
	return card
}

func everyKindOfStep(p citycard.Policy) map[string]func(*citycard.Card, citycard.Cause, time.Time) error {
	type card = citycard.Card
	type cause = citycard.Cause
	return map[string]func(*citycard.Card, citycard.Cause, time.Time) error{
		"fulfil": func(c *card, by cause, now time.Time) error { return c.Fulfil(citycard.StepReplace, by, now) },
		"collect": func(c *card, by cause, now time.Time) error {
			_, err := c.Collect(citycard.DateOf(now), by, now)
			return err
		},
		"password": func(c *card, by cause, now time.Time) error {
			_, err := c.ReportPassword(generous(), citycard.StepSet, by, now)
			return err
		},
		"online": func(c *card, by cause, now time.Time) error {
			_, err := c.ActivateOnline(p, citycard.Proof{}, by, now)
			return err
		},
		"bank": func(c *card, by cause, now time.Time) error {
			_, err := c.ActivateByBank(p, citycard.BankReport{Bank: "102", Last4: "0001"}, by, now)
			return err
		},
		"bank report": func(c *card, by cause, now time.Time) error {
			_, err := c.ReportFinancial(p, citycard.StepClose, by, now)
			return err
		},
		"social":        func(c *card, by cause, now time.Time) error { _, err := c.ActivateSocial(p, by, now); return err },
		"lose":          func(c *card, by cause, now time.Time) error { _, err := c.LoseTemporarily(p, by, now); return err },
		"lose for good": func(c *card, by cause, now time.Time) error { _, err := c.LoseFormally(p, by, now); return err },
		"restore":       func(c *card, by cause, now time.Time) error { return c.Restore(p, by, now) },
		"revoke":        func(c *card, by cause, now time.Time) error { return c.RevokeFormalLoss(p, false, by, now) },
		"cure":          func(c *card, by cause, now time.Time) error { return c.CureDeadline(p, "p1", by, now) },
		"freeze":        func(c *card, by cause, now time.Time) error { return c.Freeze(by, now) },
		"cancel":        func(c *card, by cause, now time.Time) error { _, err := c.Cancel(by, now); return err },
	}
}

func TestCollecting(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	card := heldCard(citycard.Date{})
	card.Fulfilment = citycard.FulfilmentReadyForPickup
	before := card.Clone()

	_, err := card.Collect(day(t, "2026-11-23"), causeAt(now), now)
	assert.Equal(t, citycard.CodeOccurredInFuture, citycard.CodeOf(err))
	_, err = card.Collect(citycard.Date{}, causeAt(now), now)
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err))
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(card.Fulfil(citycard.StepCollect, causeAt(now), now)), "no day, no clocks")
	assert.Equal(t, before, card)

	changed, err := card.Collect(day(t, "2026-11-20"), causeAt(now), now)
	require.NoError(t, err)
	assert.True(t, changed)
	changed, err = card.Collect(day(t, "2026-11-21"), causeAt(now), now)
	require.NoError(t, err)
	assert.False(t, changed)
	assert.Equal(t, "2026-11-20", card.ReceivedOn.String(), "the first day of receipt stays")
}

func TestWhichCardsAreLive(t *testing.T) {
	t.Parallel()
	ended := map[citycard.FulfilmentState]bool{"rejected": true, "replaced": true, "destroyed": true}
	for _, state := range []citycard.FulfilmentState{
		"applied", "in_review", "rejected", "awaiting_fee", "in_production", "failed_making", "ready_for_pickup",
		"returned", "collected", "replaced", "destroyed",
	} {
		card := heldCard(citycard.Date{})
		card.Fulfilment = state
		assert.Equal(t, !ended[state], card.Live(), state)
		card.Social = citycard.SocialCanceled
		assert.False(t, card.Live(), state)
	}
}
