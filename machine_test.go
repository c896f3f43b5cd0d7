package citycard_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// generous is a city that allows whatever a policy can allow, with every clock off but the temporary loss.
func generous() citycard.Policy {
	return citycard.Policy{
		FinancialActivation: citycard.OnlineFull, FaceMinutes: 10, BankConfirmDays: 7, TempLossDays: 7,
		SocialOnlineAllowed: true, SocialWithFinancial: true, FormalLossRevocable: true,
		DesignatedPlaces: []citycard.Place{{Code: "p1"}}, PasswordRetry: 3,
	}
}

func causeAt(at time.Time) citycard.Cause {
	return citycard.Cause{
		Actor: citycard.Actor{Kind: citycard.ActorStaff, ID: "s1"}, Channel: citycard.ChannelCounter,
		Reason: citycard.ReasonStaffDecision, Evidence: "file 1", Occurred: at, EventID: "e1",
	}
}

// matrix is a machine as people draw it: a column for each state, a row for each step. A cell is the state that
// the step leads to, the code that refuses it, "=" where it changes nothing, "-" where it is
// invalid_transition.
type matrix struct {
	machine citycard.Machine
	text    string
	// allowed are the steps that a refusal names for each state.
	allowed map[string]string
	card    func(state, step string) *citycard.Card
	take    func(c *citycard.Card, step citycard.Step, cause citycard.Cause, now time.Time) (changed bool, err error)
}

func stateOf(c *citycard.Card, m citycard.Machine) string {
	return map[citycard.Machine]string{
		citycard.MachineFulfilment: string(c.Fulfilment), citycard.MachineSocial: string(c.Social),
		citycard.MachineFinancial: string(c.Financial), citycard.MachinePassword: string(c.Password),
	}[m]
}

func (m matrix) hold(t *testing.T) {
	t.Helper()
	now := noon(day(t, "2026-11-22"))
	lines := strings.Split(strings.TrimSpace(m.text), "\n")
	states := strings.Fields(strings.ReplaceAll(lines[0], "|", ""))[1:]
	require.Len(t, m.allowed, len(states))
	for _, line := range lines[1:] {
		cells := strings.Fields(strings.ReplaceAll(line, "|", ""))
		require.Len(t, cells, len(states)+1, line)
		for i, state := range states {
			step, cell := cells[0], cells[i+1]
			t.Run(step+" while "+state, func(t *testing.T) {
				t.Parallel()
				card := m.card(state, step)
				before := card.Clone()
				changed, err := m.take(card, citycard.Step(step), causeAt(now), now)
				switch {
				case cell == "=":
					require.NoError(t, err)
					assert.False(t, changed)
					assert.Equal(t, before, card)
				case cell == "-":
					assertNotAllowed(t, err, state, step, m.allowed[state])
					assert.False(t, changed)
					assert.Equal(t, before, card)
				case citycard.EntryOf(citycard.Code(cell)).Code == citycard.Code(cell):
					assert.Equal(t, citycard.Code(cell), citycard.CodeOf(err))
					assert.False(t, changed)
					assert.Equal(t, before, card)
				default:
					require.NoError(t, err)
					assert.True(t, changed)
					m.assertMoved(t, before, card, cell)
				}
			})
		}
	}
}

func assertNotAllowed(t *testing.T, err error, state, step, allowed string) {
	t.Helper()
	var refusal *citycard.Error
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, citycard.CodeInvalidTransition, refusal.Code)
	assert.Equal(t, map[string]any{"from": state, "to": step, "allowed": strings.Fields(allowed)}, refusal.Members)
}

// assertMoved asserts that this machine alone moved, by one transition.
func (m matrix) assertMoved(t *testing.T, before, card *citycard.Card, to string) {
	t.Helper()
	assert.Equal(t, to, stateOf(card, m.machine))
	for _, other := range []citycard.Machine{"fulfilment", "social", "financial", "password"} {
		if other != m.machine {
			assert.Equal(t, stateOf(before, other), stateOf(card, other))
			assert.Equal(t, before.Since[other], card.Since[other])
		}
	}
	require.Len(t, card.Fresh(), 1)
	made := card.Fresh()[0]
	assert.Equal(t, m.machine, made.Machine)
	assert.Equal(t, stateOf(before, m.machine), made.From)
	assert.Equal(t, to, made.To)
	assert.Equal(t, made.Cause.Occurred, card.Since[m.machine])
	assert.Equal(t, before.Version+1, card.Version)
}

func TestFulfilmentSteps(t *testing.T) {
	t.Parallel()
	matrix{
		machine: citycard.MachineFulfilment,
		text: `
			step    | applied   | in_review    | rejected | awaiting_fee  | in_production    | failed_making | ready_for_pickup | returned         | collected | replaced | destroyed
			review  | in_review | -            | -        | -             | -                | -             | -                | -                | -         | -        | -
			reject  | -         | rejected     | -        | -             | -                | -             | -                | -                | -         | -        | -
			accept  | -         | awaiting_fee | -        | -             | -                | -             | -                | -                | -         | -        | -
			produce | -         | -            | -        | in_production | -                | in_production | -                | -                | -         | -        | -
			fail    | -         | -            | -        | -             | failed_making    | -             | -                | -                | -         | -        | -
			ready   | -         | -            | -        | -             | ready_for_pickup | -             | -                | ready_for_pickup | -         | -        | -
			collect | -         | -            | -        | -             | -                | -             | collected        | -                | =         | -        | -
			return  | -         | -            | -        | -             | -                | -             | returned         | -                | -         | -        | -
			replace | -         | -            | -        | -             | -                | -             | -                | -                | replaced  | -        | -
			destroy | -         | -            | -        | -             | -                | -             | -                | destroyed        | destroyed | -        | -`,
		allowed: map[string]string{
			"applied": "review", "in_review": "accept reject", "rejected": "", "awaiting_fee": "produce",
			"in_production": "fail ready", "failed_making": "produce", "ready_for_pickup": "collect return",
			"returned": "destroy ready", "collected": "destroy replace", "replaced": "", "destroyed": "",
		},
		card: func(state, _ string) *citycard.Card {
			card := heldCard(citycard.Date{})
			card.Fulfilment = citycard.FulfilmentState(state)
			return card
		},
		take: func(c *citycard.Card, step citycard.Step, cause citycard.Cause, now time.Time) (bool, error) {
			if step == citycard.StepCollect {
				return c.Collect(citycard.DateOf(now), cause, now)
			}
			err := c.Fulfil(step, cause, now)
			return err == nil, err
		},
	}.hold(t)
}

func TestSocialSteps(t *testing.T) {
	t.Parallel()
	matrix{
		machine: citycard.MachineSocial,
		text: `
			step        | sealed      | active      | temp_lost      | formal_lost      | auto_lost      | frozen      | canceled
			activate    | active      | =           | card_temp_lost | card_formal_lost | card_auto_lost | card_frozen | card_canceled
			temp_lose   | temp_lost   | temp_lost   | =              | -                | -              | -           | -
			restore     | -           | -           | sealed         | -                | -              | -           | -
			formal_lose | formal_lost | formal_lost | formal_lost    | =                | formal_lost    | -           | -
			revoke_loss | -           | -           | -              | active           | -              | -           | -
			auto_lose   | auto_lost   | auto_lost   | =              | =                | =              | =           | =
			cure        | -           | -           | -              | -                | active         | -           | -
			freeze      | frozen      | frozen      | frozen         | frozen           | frozen         | -           | -
			release     | -           | -           | -              | -                | -              | active      | -
			cancel      | canceled    | canceled    | canceled       | canceled         | canceled       | canceled    | =`,
		allowed: map[string]string{
			"sealed": "activate auto_lose cancel formal_lose freeze temp_lose",
			"active": "auto_lose cancel formal_lose freeze temp_lose", "temp_lost": "cancel formal_lose freeze restore",
			"formal_lost": "cancel freeze revoke_loss", "auto_lost": "cancel cure formal_lose freeze",
			"frozen": "cancel release", "canceled": "",
		},
		card: func(state, step string) *citycard.Card {
			card := heldCard(citycard.DateOf(noonOf("2026-01-01")))
			card.Social, card.Financial = citycard.SocialState(state), citycard.FinancialActive
			switch card.Social {
			case citycard.SocialTempLost:
				card.SocialBefore = citycard.SocialSealed
			case citycard.SocialFormalLost, citycard.SocialAutoLost:
				card.SocialBefore = citycard.SocialActive
			case citycard.SocialFrozen:
				card.SocialHeld = citycard.SocialActive
			}
			if step == string(citycard.StepAutoLose) {
				card.Financial = citycard.FinancialInactive
			}
			return card
		},
		take: takeSocial,
	}.hold(t)
}

func noonOf(date string) time.Time {
	at, err := time.Parse(time.RFC3339, date+"T12:00:00+08:00")
	if err != nil {
		panic(err)
	}
	return at
}

func takeSocial(c *citycard.Card, step citycard.Step, cause citycard.Cause, now time.Time) (changed bool, err error) {
	policy := generous()
	switch step {
	case citycard.StepActivate:
		return c.ActivateSocial(policy, cause, now)
	case citycard.StepTempLose:
		return c.LoseTemporarily(policy, cause, now)
	case citycard.StepFormalLose:
		return c.LoseFormally(policy, cause, now)
	case citycard.StepCancel:
		return c.Cancel(cause, now)
	case citycard.StepAutoLose:
		policy.FinancialDeadline = citycard.Period{Days: 300}
		before := c.Version
		err = c.Settle(policy, now)
		return c.Version > before, err
	case citycard.StepRestore:
		err = c.Restore(policy, cause, now)
	case citycard.StepRevokeLoss:
		err = c.RevokeFormalLoss(policy, false, cause, now)
	case citycard.StepCure:
		err = c.CureDeadline(policy, "p1", cause, now)
	case citycard.StepFreeze:
		err = c.Freeze(cause, now)
	case citycard.StepRelease:
		err = c.Release(cause, now)
	}
	return err == nil, err
}

func TestFinancialSteps(t *testing.T) {
	t.Parallel()
	matrix{
		machine: citycard.MachineFinancial,
		text: `
			step        | inactive     | pending_bank | active      | temp_lost   | formal_lost | frozen      | closed
			activate    | active       | active       | =           | -           | -           | -           | -
			request     | pending_bank | =            | =           | -           | -           | -           | -
			lapse       | =            | inactive     | =           | =           | =           | =           | =
			temp_lose   | -            | -            | temp_lost   | =           | -           | -           | -
			restore     | -            | -            | =           | active      | -           | -           | -
			formal_lose | formal_lost  | formal_lost  | formal_lost | formal_lost | =           | formal_lost | -
			freeze      | frozen       | frozen       | frozen      | frozen      | frozen      | =           | -
			release     | -            | -            | -           | -           | -           | active      | -
			close       | closed       | closed       | closed      | closed      | closed      | closed      | =`,
		allowed: map[string]string{
			"inactive": "activate close formal_lose freeze request", "pending_bank": "activate close formal_lose freeze lapse",
			"active": "close formal_lose freeze temp_lose", "temp_lost": "close formal_lose freeze restore",
			"formal_lost": "close freeze", "frozen": "close formal_lose release", "closed": "",
		},
		card: func(state, step string) *citycard.Card {
			card := heldCard(citycard.DateOf(noonOf("2026-01-01")))
			card.Account.Last4, card.Social = "0001", citycard.SocialActive
			card.Financial = citycard.FinancialState(state)
			if card.Financial == citycard.FinancialFrozen {
				card.FinancialBefore = citycard.FinancialActive
			}
			if step == string(citycard.StepLapse) {
				card.Since[citycard.MachineFinancial] = noonOf("2026-11-01")
			}
			return card
		},
		take: takeFinancial,
	}.hold(t)
}

func takeFinancial(c *citycard.Card, step citycard.Step, cause citycard.Cause, now time.Time) (changed bool, err error) {
	policy := generous()
	switch step {
	case citycard.StepActivate:
		return c.ActivateByBank(policy, citycard.BankReport{Bank: "102", Last4: "0001"}, cause, now)
	case citycard.StepRequest:
		policy.FinancialActivation = citycard.BankConfirm
		return c.ActivateOnline(policy, citycard.Proof{}, cause, now)
	case citycard.StepLapse:
		before := c.Version
		err = c.Settle(policy, now)
		return c.Version > before, err
	}
	return c.ReportFinancial(policy, step, cause, now)
}

func TestPasswordSteps(t *testing.T) {
	t.Parallel()
	matrix{
		machine: citycard.MachinePassword,
		text: `
			step   | initial | set    | locked | dead
			set    | set     | =      | -      | -
			lock   | -       | locked | =      | -
			unlock | -       | =      | set    | -
			reset  | -       | =      | set    | -
			kill   | -       | -      | dead   | =`,
		allowed: map[string]string{"initial": "set", "set": "lock", "locked": "kill reset unlock", "dead": ""},
		card: func(state, _ string) *citycard.Card {
			card := heldCard(citycard.Date{})
			card.Password = citycard.PasswordState(state)
			return card
		},
		take: func(c *citycard.Card, step citycard.Step, cause citycard.Cause, now time.Time) (bool, error) {
			return c.ReportPassword(generous(), step, cause, now)
		},
	}.hold(t)
}

func TestAPasswordUnlockedTooOftenIsDead(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	card, policy := heldCard(day(t, "2026-11-01")), generous()
	policy.PasswordRetry = 2
	report := func(steps ...citycard.Step) {
		for _, step := range steps {
			now = now.Add(time.Minute)
			changed, err := card.ReportPassword(policy, step, causeAt(now), now)
			require.NoError(t, err)
			require.True(t, changed, step)
		}
	}
	lock, unlock, reset := citycard.StepLock, citycard.StepUnlock, citycard.StepReset
	report(citycard.StepSet, lock, unlock, lock, unlock)
	assert.Equal(t, citycard.PasswordSet, card.Password)
	report(lock, reset)
	assert.Zero(t, card.PasswordUnlocks, "a password set anew begins anew")
	report(lock, unlock, lock, unlock, lock)
	report(unlock)
	assert.Equal(t, citycard.PasswordDead, card.Password)
	_, err := card.ReportPassword(policy, reset, causeAt(now), now)
	assert.Equal(t, citycard.CodeInvalidTransition, citycard.CodeOf(err), "a dead password stays dead")
}
