package citycard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"citycard"
)

func TestAnyAlteredFieldChangesTheSum(t *testing.T) {
	t.Parallel()
	type transition = citycard.Transition
	now := noon(day(t, "2026-11-22"))
	whole := transition{
		CardRef: "c1", Seq: 3, Machine: citycard.MachineSocial, From: "sealed", To: "active",
		Cause: causeAt(now), RecordedAt: now, PrevHash: "ab",
	}
	sums := map[string]string{whole.Sum(): "the whole one"}
	for name, alter := range map[string]func(*transition){
		"card":           func(t *transition) { t.CardRef = "c2" },
		"number":         func(t *transition) { t.Seq++ },
		"machine":        func(t *transition) { t.Machine = citycard.MachineFinancial },
		"from":           func(t *transition) { t.From = "temp_lost" },
		"to":             func(t *transition) { t.To = "frozen" },
		"actor's kind":   func(t *transition) { t.Cause.Actor.Kind = citycard.ActorSystem },
		"actor":          func(t *transition) { t.Cause.Actor.ID = "s2" },
		"channel":        func(t *transition) { t.Cause.Channel = citycard.ChannelHotline },
		"reason":         func(t *transition) { t.Cause.Reason = citycard.ReasonFound },
		"evidence":       func(t *transition) { t.Cause.Evidence = "file 2" },
		"occurred":       func(t *transition) { t.Cause.Occurred = now.Add(time.Millisecond) },
		"event":          func(t *transition) { t.Cause.EventID = "e2" },
		"recorded":       func(t *transition) { t.RecordedAt = now.Add(time.Millisecond) },
		"hash before":    func(t *transition) { t.PrevHash = "ac" },
		"a moved border": func(t *transition) { t.From, t.To = "sealedactive", "" },
	} {
		altered := whole
		alter(&altered)
		other, twice := sums[altered.Sum()]
		assert.False(t, twice, "%s has the sum of %s", name, other)
		sums[altered.Sum()] = name
	}
	again := whole
	again.Hash = "what it says of itself does not count"
	again.RecordedAt, again.Cause.Occurred = now.UTC(), now.UTC()
	assert.Equal(t, whole.Sum(), again.Sum())
	assert.Equal(t, "c1-3", whole.ID())
}

func TestACloneIsIndependent(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	card := heldCard(day(t, "2026-11-01"))
	require.NoError(t, card.Freeze(causeAt(now), now))
	clone := card.Clone()
	require.NoError(t, clone.Release(causeAt(now.Add(time.Hour)), now.Add(time.Hour)))
	assert.Len(t, card.Fresh(), 1)
	assert.Equal(t, now, card.Since[citycard.MachineSocial])
	card.Stored()
	assert.Empty(t, card.Fresh())
	assert.Len(t, clone.Fresh(), 2)
}

// someStep draws any step of any machine.
func someStep(t *rapid.T, c *citycard.Card, cause citycard.Cause, now time.Time) (citycard.Machine, error) {
	policy := generous()
	policy.FinancialDeadline = citycard.Period{Days: 300}
	policy.FinancialActivation = rapid.SampledFrom([]citycard.FinancialMode{"online_full", "bank_confirm"}).Draw(t, "mode")
	machine := rapid.SampledFrom([]citycard.Machine{"fulfilment", "social", "financial", "password"}).Draw(t, "machine")
	steps := map[citycard.Machine][]citycard.Step{
		"fulfilment": {"ready", "collect", "return", "replace"},
		"social":     {"activate", "temp_lose", "restore", "formal_lose", "revoke_loss", "cure", "freeze", "release", "cancel"},
		"financial":  {"activate", "request", "with_social", "temp_lose", "restore", "formal_lose", "freeze", "release", "close"},
		"password":   {"set", "lock", "unlock", "kill"},
	}
	step := rapid.SampledFrom(steps[machine]).Draw(t, "step")
	var err error
	switch {
	case machine == citycard.MachineSocial:
		_, err = takeSocial(c, step, cause, now)
	case machine == citycard.MachinePassword:
		_, err = c.ReportPassword(policy, step, cause, now)
	case step == citycard.StepCollect:
		_, err = c.Collect(citycard.DateOf(now), cause, now)
	case machine == citycard.MachineFulfilment:
		err = c.Fulfil(step, cause, now)
	case step == citycard.StepActivate, step == "with_social":
		report := citycard.BankReport{Bank: "102", Last4: "0001", WithSocial: step == "with_social"}
		_, err = c.ActivateByBank(policy, report, cause, now)
	case step == citycard.StepRequest:
		_, err = c.ActivateOnline(policy, citycard.Proof{}, cause, now)
	default:
		_, err = c.ReportFinancial(policy, step, cause, now)
	}
	return machine, err
}

func TestWhateverHappensTheCardStaysWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := noon(day(t, "2026-01-01"))
		card := heldCard(day(t, "2026-01-01"))
		card.Account.Last4 = "0001"
		card.Fulfilment = rapid.SampledFrom([]citycard.FulfilmentState{"ready_for_pickup", "collected"}).Draw(t, "fulfilment")
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40*24).Draw(t, "hours")) * time.Hour)
			cause := causeAt(now.Add(-time.Duration(rapid.IntRange(-1, 400*24).Draw(t, "hours late")) * time.Hour))
			before := card.Clone()
			machine, err := someStep(t, card, cause, now)
			made := card.Fresh()[len(before.Fresh()):]
			if err != nil {
				require.Equal(t, before, card, "a refused step leaves no trace")
				require.Contains(t, []citycard.Code{
					"invalid_transition", "occurred_in_future", "card_temp_lost", "card_formal_lost", "card_auto_lost", "card_frozen",
					"card_canceled", "card_not_collected", "financial_not_active",
				}, citycard.CodeOf(err))
			}
			assertOrderly(t, made, machine)
			requireWhole(t, card)
		}
	})
}

// assertOrderly holds what one step may and may not do.
func assertOrderly(t *rapid.T, made []citycard.Transition, machine citycard.Machine) {
	for _, transition := range made {
		system := transition.Cause.Actor.Kind == citycard.ActorSystem
		require.True(t, system || transition.Machine == machine || transition.Cause.Reason == citycard.ReasonActWithFinancial ||
			(machine == citycard.MachineFinancial && transition.To == "active"), "%s moved %s", machine, transition.Machine)
		require.NotEqual(t, "canceled", transition.From)
		require.NotEqual(t, transition.From, transition.To)
		if machine != citycard.MachineSocial {
			require.NotEqual(t, "formal_lost/active", transition.From+"/"+transition.To, "no report revives a formally lost card")
		}
	}
}

// requireWhole holds what is true of every card at any time.
func requireWhole(t *rapid.T, card *citycard.Card) {
	require.Equal(t, int64(len(card.Fresh())), card.Version)
	head := ""
	for i, transition := range card.Fresh() {
		require.Equal(t, int64(i+1), transition.Seq)
		require.Equal(t, head, transition.PrevHash)
		require.Equal(t, transition.Sum(), transition.Hash)
		head = transition.Hash
	}
	require.Equal(t, head, card.Head)
	require.Contains(t, socialStates, card.Social)
	require.Contains(t, financialStates, card.Financial)
	require.Equal(t, card.Social == citycard.SocialFrozen, card.SocialHeld != "")
	require.Equal(t, card.Financial == citycard.FinancialFrozen, card.FinancialBefore != "")
	if card.Social == citycard.SocialTempLost || card.Social == citycard.SocialAutoLost {
		require.Contains(t, []citycard.SocialState{"sealed", "active"}, card.SocialBefore)
	}
}
