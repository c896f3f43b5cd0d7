package citycard_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// decided asks for an action as Sun and approves it as Zhou.
func (t *town) decided(tb testing.TB, r citycard.ActionRequest) citycard.Approval {
	tb.Helper()
	desk := t.desk(tb)
	r.Note = "why"
	asked, err := desk.Ask(tb.Context(), sun, r)
	require.NoError(tb, err)
	for _, kind := range citycard.ApprovalKinds() {
		t.tray.Carry[kind] = desk.CarryOut
	}
	done, err := desk.Queue.Approve(tb.Context(), zhou, asked.ID, "")
	require.NoError(tb, err)
	return done
}

// last is the latest change of Li's card.
func (t *town) last(tb testing.TB) citycard.Transition {
	tb.Helper()
	history, err := t.History(tb.Context(), "c1", 0, 100)
	require.NoError(tb, err)
	require.NotEmpty(tb, history)
	return history[len(history)-1]
}

func TestAHoldAndItsEndNeedASecondPerson(t *testing.T) {
	t.Parallel()
	for _, reason := range []citycard.Reason{citycard.ReasonFraudHold, citycard.ReasonCourtOrder, citycard.ReasonDataError} {
		city := newTown()
		_, _, err := city.desk(t).Act(t.Context(), sun, citycard.ActionRequest{Ref: "c1", Action: citycard.ActionFreeze, Reason: reason})
		assert.Equal(t, citycard.CodeSecondPersonRequired, citycard.CodeOf(err))
		held := city.decided(t, citycard.ActionRequest{Ref: "c1", Action: citycard.ActionFreeze, Reason: reason, Evidence: "case-7"})
		assert.Equal(t, citycard.ApprovalDone, held.State, held.Outcome)
		assert.Equal(t, citycard.SocialFrozen, city.card(t, "c1").Social)
		made := city.last(t)
		assert.Equal(t, reason, made.Cause.Reason)
		assert.Equal(t, citycard.Actor{Kind: citycard.ActorSupervisor, ID: "zhou"}, made.Cause.Actor)
		assert.Equal(t, "document=case-7 approval="+held.ID, made.Cause.Evidence)
		_, err = city.desk(t).Ask(t.Context(), sun, citycard.ActionRequest{Ref: "c1", Action: citycard.ActionFreeze, Reason: reason, Note: "x"})
		assert.Equal(t, citycard.CodeInvalidTransition, citycard.CodeOf(err), "it is held already")

		freed := city.decided(t, citycard.ActionRequest{Ref: "c1", Action: citycard.ActionReleaseHold, Reason: citycard.ReasonHoldReleased})
		assert.Equal(t, citycard.ApprovalDone, freed.State, freed.Outcome)
		assert.Equal(t, citycard.SocialSealed, city.card(t, "c1").Social)
	}
	city := newTown()
	_, err := city.desk(t).Ask(t.Context(), amy, citycard.ActionRequest{Ref: "c1", Action: citycard.ActionFreeze, Reason: citycard.ReasonFraudHold, Note: "x"})
	assert.Equal(t, citycard.CodeRoleRequired, citycard.CodeOf(err), "a clerk does not ask for holds")
}

func TestACardIsCanceledForEveryReasonByTwo(t *testing.T) {
	t.Parallel()
	for _, reason := range []citycard.Reason{
		citycard.ReasonReplaced, citycard.ReasonDeceased, citycard.ReasonEmigrated, citycard.ReasonDuplicate, citycard.ReasonVoluntary,
		citycard.ReasonIssuedInError,
	} {
		city := newTown()
		done := city.decided(t, citycard.ActionRequest{Ref: "c1", Action: citycard.ActionCancel, Reason: reason, Evidence: "F-1"})
		assert.Equal(t, citycard.ApprovalDone, done.State, reason)
		assert.Equal(t, citycard.SocialCanceled, city.card(t, "c1").Social, reason)
		assert.Equal(t, reason, city.last(t).Cause.Reason)
	}
	city := newTown()
	for _, r := range []citycard.ActionRequest{
		{Ref: "c1", Action: citycard.ActionCancel, Evidence: "F-1", Note: "no reason"},
		{Ref: "c1", Action: citycard.ActionCancel, Reason: citycard.ReasonDeceased, Note: "no evidence"},
		{Ref: "c1", Action: citycard.ActionCancel, Reason: citycard.ReasonFound, Evidence: "F-1", Note: "another's reason"},
	} {
		_, err := city.desk(t).Ask(t.Context(), sun, r)
		assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err), r.Note)
	}
	_, err := city.desk(t).Ask(t.Context(), sun, citycard.ActionRequest{Ref: "c1", Action: citycard.ActionLoss, Note: "x"})
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err), "a loss needs no second person")
}

func TestWhatChangedMeanwhileIsTheOutcome(t *testing.T) {
	t.Parallel()
	city := newTown()
	desk := city.desk(t)
	asked, err := desk.Ask(t.Context(), sun, citycard.ActionRequest{Ref: "c1", Action: citycard.ActionFreeze, Reason: citycard.ReasonFraudHold, Note: "x"})
	require.NoError(t, err)
	city.decided(t, citycard.ActionRequest{Ref: "c1", Action: citycard.ActionCancel, Reason: citycard.ReasonDeceased, Evidence: "F-1"})
	failed, err := desk.Queue.Approve(t.Context(), zhou, asked.ID, "")
	require.NoError(t, err)
	assert.Equal(t, citycard.ApprovalFailed, failed.State)
	assert.Equal(t, "invalid_transition", failed.Outcome)
}

func TestABanksPaperActivatesUnderTheBanksOwnRules(t *testing.T) {
	t.Parallel()
	paper := citycard.ActionRequest{
		Ref: "c1", Action: citycard.ActionManualActivation, Reason: citycard.ReasonActBank, Evidence: "letter-1", AccountLast4: "0001",
		ActivatedOn: "2026-11-20",
	}
	city := newTown()
	assert.Equal(t, citycard.ApprovalDone, city.decided(t, paper).State)
	assert.Equal(t, citycard.FinancialActive, city.card(t, "c1").Financial)
	made := city.last(t)
	assert.Equal(t, citycard.ReasonActBank, made.Cause.Reason)
	assert.Equal(t, "2026-11-20", citycard.DateOf(made.Cause.Occurred).String())

	for name, c := range map[string]struct {
		change func(*citycard.ActionRequest)
		code   citycard.Code
	}{
		"another account":     {func(r *citycard.ActionRequest) { r.AccountLast4 = "9999" }, citycard.CodeCardNotMatched},
		"no account":          {func(r *citycard.ActionRequest) { r.AccountLast4 = "" }, citycard.CodeInvalidPayload},
		"no paper":            {func(r *citycard.ActionRequest) { r.Evidence = "" }, citycard.CodeInvalidPayload},
		"no day":              {func(r *citycard.ActionRequest) { r.ActivatedOn = "" }, citycard.CodeInvalidPayload},
		"a day in the future": {func(r *citycard.ActionRequest) { r.ActivatedOn = "2026-11-23" }, citycard.CodeOccurredInFuture},
	} {
		r := paper
		r.Note = "x"
		c.change(&r)
		_, err := newTown().desk(t).Ask(t.Context(), sun, r)
		assert.Equal(t, c.code, citycard.CodeOf(err), name)
	}
}

func TestAPaperOfBeforeTheDeadlineCorrectsTheLoss(t *testing.T) {
	t.Parallel()
	city := newTown()
	card := city.card(t, "c1")
	card.ReceivedOn = citycard.DateOf(city.now()).AddDays(-310)
	before := citycard.DateOf(city.now()).AddDays(-20).String()
	done := city.decided(t, citycard.ActionRequest{
		Ref: "c1", Action: citycard.ActionManualActivation, Reason: citycard.ReasonActBank, Evidence: "letter-1", AccountLast4: "0001", ActivatedOn: before,
	})
	assert.Equal(t, citycard.ApprovalDone, done.State, done.Outcome)
	assert.Equal(t, citycard.SocialSealed, city.card(t, "c1").Social)
	assert.Equal(t, citycard.FinancialActive, city.card(t, "c1").Financial)
}

func TestADeadlineIsCuredAfterTheActivationAtADesignatedPlace(t *testing.T) {
	t.Parallel()
	city := newTown()
	city.card(t, "c1").ReceivedOn = citycard.DateOf(city.now()).AddDays(-310)
	cure := citycard.ActionRequest{Ref: "c1", Action: citycard.ActionCure, Place: "320100-01"}
	_, err := city.act(t, cure)
	assert.Equal(t, citycard.CodeFinancialNotActive, citycard.CodeOf(err))
	city.decided(t, citycard.ActionRequest{
		Ref: "c1", Action: citycard.ActionManualActivation, Reason: citycard.ReasonActBank, Evidence: "letter-1", AccountLast4: "0001",
		ActivatedOn: citycard.DateOf(city.now()).String(),
	})
	assert.Equal(t, citycard.SocialAutoLost, city.card(t, "c1").Social)
	cure.Place = "elsewhere"
	_, err = city.act(t, cure)
	assert.Equal(t, citycard.CodePlaceNotDesignated, citycard.CodeOf(err))
	cure.Place = "320100-01"
	changed, err := city.act(t, cure)
	require.NoError(t, err)
	assert.True(t, changed)
	assert.Equal(t, citycard.SocialSealed, city.card(t, "c1").Social)
}

// powers are an agent's papers, complete.
func powers() citycard.Agent {
	return citycard.Agent{Document: "A-1", Cardholder: "C-1", Attorney: "P-1", Until: "2026-12-31"}
}

func TestAnAgentBringsThePowerOfAttorney(t *testing.T) {
	t.Parallel()
	city := newTown()
	changed, err := city.act(t, citycard.ActionRequest{Ref: "c1", Action: citycard.ActionLoss, Agent: powers()})
	require.NoError(t, err)
	assert.True(t, changed)
	assert.Equal(t, "agent=A-1 cardholder=C-1 attorney=P-1 until=2026-12-31", city.last(t).Cause.Evidence)
	_, err = city.act(t, citycard.ActionRequest{Ref: "c1", Action: citycard.ActionFound, Agent: powers()})
	assert.Equal(t, citycard.CodeAgentNotAuthorised, citycard.CodeOf(err), "a loss ends by the cardholder's own word")
	for name, change := range map[string]func(*citycard.Agent){
		"no document of the agent":      func(a *citycard.Agent) { a.Document = "" },
		"no document of the cardholder": func(a *citycard.Agent) { a.Cardholder = "" },
		"no power of attorney":          func(a *citycard.Agent) { a.Attorney = "" },
		"no last day":                   func(a *citycard.Agent) { a.Until = "" },
		"a power that lapsed":           func(a *citycard.Agent) { a.Until = "2026-11-21" },
	} {
		agent := powers()
		change(&agent)
		_, err := newTown().act(t, citycard.ActionRequest{Ref: "c1", Action: citycard.ActionLoss, Agent: agent})
		assert.Equal(t, citycard.CodeAgentNotAuthorised, citycard.CodeOf(err), name)
		_, err = newTown().desk(t).Reissue(t.Context(), atCounter, citycard.ReissueRequest{Ref: "c1", Reason: citycard.ReissueLost, Note: "x", Agent: agent})
		assert.Equal(t, citycard.CodeAgentNotAuthorised, citycard.CodeOf(err), name)
	}
}

// offered are the actions on a card's page.
func (t *town) offered(tb testing.TB, s citycard.StaffSession, ref string) []citycard.CardAction {
	tb.Helper()
	card, err := t.desk(tb).Card(tb.Context(), s, ref)
	require.NoError(tb, err)
	var actions []citycard.CardAction
	for _, offer := range card.Offers {
		actions = append(actions, offer.Action)
	}
	return actions
}

func TestAnActionIsOfferedWhereTheStateAllowsIt(t *testing.T) {
	t.Parallel()
	const (
		activation, loss, found, formal = citycard.ActionActivation, citycard.ActionLoss, citycard.ActionFound, citycard.ActionFormalLoss
		making, manual, cancel          = citycard.ActionFulfilment, citycard.ActionManualActivation, citycard.ActionCancel
		freeze, release, cure           = citycard.ActionFreeze, citycard.ActionReleaseHold, citycard.ActionCure
	)
	for name, c := range map[string]struct {
		change     func(*citycard.Card)
		clerk      []citycard.CardAction
		supervisor []citycard.CardAction
	}{
		"not activated yet": {func(*citycard.Card) {}, []citycard.CardAction{activation, loss, formal, making, manual, cancel}, []citycard.CardAction{freeze}},
		"active": {func(c *citycard.Card) { c.Social, c.Financial = citycard.SocialActive, citycard.FinancialActive },
			[]citycard.CardAction{loss, formal, making, cancel}, []citycard.CardAction{freeze}},
		"lost for the time being": {func(c *citycard.Card) {
			c.Social, c.SocialBefore, c.Since[citycard.MachineSocial] = citycard.SocialTempLost, citycard.SocialSealed, noonOf("2026-11-21")
		}, []citycard.CardAction{found, formal, making, manual, cancel}, []citycard.CardAction{freeze}},
		"held": {func(c *citycard.Card) { c.Social, c.SocialHeld = citycard.SocialFrozen, citycard.SocialSealed },
			[]citycard.CardAction{making, manual, cancel}, []citycard.CardAction{release}},
		"lost by deadline, cured": {func(c *citycard.Card) {
			c.Social, c.SocialBefore, c.Financial = citycard.SocialAutoLost, citycard.SocialSealed, citycard.FinancialActive
			c.ReceivedOn = citycard.DateOf(noonOf("2026-11-22")).AddDays(-310)
		}, []citycard.CardAction{formal, cure, making, cancel}, []citycard.CardAction{freeze}},
		"canceled": {func(c *citycard.Card) { c.Social, c.Fulfilment = citycard.SocialCanceled, citycard.FulfilmentReplaced }, nil, nil},
	} {
		city := newTown()
		c.change(city.card(t, "c1"))
		assert.ElementsMatch(t, c.clerk, city.offered(t, amy, "c1"), name)
		assert.ElementsMatch(t, slices.Concat(c.clerk, c.supervisor), city.offered(t, sun, "c1"), name)
		assert.Empty(t, city.offered(t, staffed("eve", citycard.RoleAuditor), "c1"), name)
		before := *city.card(t, "c1")
		assert.Equal(t, before.Version, city.card(t, "c1").Version, "trying changes nothing")
		assert.Empty(t, city.history, name)
	}
}

func TestStepsOfMakingAreOfferedOneByOne(t *testing.T) {
	t.Parallel()
	city := newTown()
	view, err := city.desk(t).Reissue(t.Context(), atCounter, citycard.ReissueRequest{Ref: "c1", Reason: citycard.ReissueDamaged, Note: "x"})
	require.NoError(t, err)
	steps := func() []citycard.Step {
		card, err := city.desk(t).Card(t.Context(), amy, view.ID)
		require.NoError(t, err)
		for _, offer := range card.Offers {
			if offer.Action == citycard.ActionFulfilment {
				return offer.Steps
			}
		}
		return nil
	}
	for _, c := range []struct {
		want []citycard.Step
		take citycard.Step
	}{
		{[]citycard.Step{citycard.StepReview}, citycard.StepReview},
		{[]citycard.Step{citycard.StepReject, citycard.StepAccept}, citycard.StepAccept},
		{[]citycard.Step{citycard.StepProduce}, citycard.StepProduce},
		{[]citycard.Step{citycard.StepFail, citycard.StepReady}, citycard.StepReady},
		{[]citycard.Step{citycard.StepCollect, citycard.StepReturn}, citycard.StepCollect},
	} {
		assert.Equal(t, c.want, steps())
		city.make(t, view.ID, c.take)
	}
	assert.NotContains(t, city.offered(t, amy, view.ID), citycard.ActionCancelReissue)
}

func TestRolesOfActions(t *testing.T) {
	t.Parallel()
	city := newTown()
	for _, action := range citycard.CardActions() {
		for _, s := range []citycard.StaffSession{staffed("eve", citycard.RoleAuditor), staffed("op", citycard.RoleOperator)} {
			_, _, err := city.desk(t).Act(t.Context(), s, citycard.ActionRequest{Ref: "c1", Action: action})
			assert.Equal(t, citycard.CodeRoleRequired, citycard.CodeOf(err), "%s %s", action, s.Staff.Role)
		}
	}
	_, _, err := city.desk(t).Act(t.Context(), amy, citycard.ActionRequest{Ref: "c1", Action: citycard.ActionRevokeFormalLoss, Evidence: "x"})
	assert.Equal(t, citycard.CodeRoleRequired, citycard.CodeOf(err))
}

func TestWhatWasLeftIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	city := newTown()
	held := city.decided(t, citycard.ActionRequest{Ref: "c1", Action: citycard.ActionFreeze, Reason: citycard.ReasonFraudHold})
	// The process stopped after the card was held and before the request was done.
	left := held
	left.State, left.Outcome = citycard.ApprovalApproved, ""
	city.tray.requests[0] = left
	city.tray.now = city.tray.now.Add(2 * time.Minute)
	again, err := city.desk(t).Queue.Approve(t.Context(), staffed("wu", citycard.RoleSupervisor), held.ID, "")
	require.NoError(t, err)
	assert.Equal(t, citycard.ApprovalDone, again.State)
	assert.Equal(t, "changed", again.Outcome)
	history, err := city.History(t.Context(), "c1", 0, 10)
	require.NoError(t, err)
	assert.Len(t, history, 1)
}
