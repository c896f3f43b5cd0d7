package citycard_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"citycard"
)

var atCounter = citycard.StaffSession{ID: "s1", Staff: citycard.Staff{ID: "clerk-1", Account: "clerk", Role: citycard.RoleClerk, State: citycard.StaffActive}}

// made counts the identifiers and card numbers given in these tests.
var made atomic.Int64

// desk is the staff desk over the town. A judge calls for numbers while the town is locked.
func (t *town) desk(tb testing.TB) *citycard.StaffDesk {
	tb.Helper()
	return &citycard.StaffDesk{
		Cards: t, Records: t, Policies: defaultPolicies(tb), Queue: &t.tray.ApprovalQueue, Callers: t, People: t, Cases: t, Attempts: t,
		NFKC: norm.NFKC.String,
		NewCardNumber: func() citycard.CardNumber {
			return citycard.CardNumber(fmt.Sprintf("N%08d", made.Add(1)))
		},
		NewID: func() string { return fmt.Sprintf("made%d", made.Add(1)) },
		Blind: func(purpose, value string) string { return purpose + "#" + value }, Clock: t.clock,
	}
}

func (t *town) RecordAction(_ context.Context, a citycard.StaffAction) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.actions = append(t.actions, a)
	return t.faults["record"]
}

func (t *town) Actions(context.Context, string, int) ([]citycard.StaffAction, error) {
	return t.actions, nil
}

func (t *town) Reissue(_ context.Context, id string) (citycard.Reissue, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, made := range t.reissues {
		if made.ID == id {
			return made, nil
		}
	}
	return citycard.Reissue{}, &citycard.Error{Code: citycard.CodeNotFound}
}

func (t *town) Reissues(_ context.Context, ref string) ([]citycard.Reissue, error) {
	var found []citycard.Reissue
	for _, made := range t.reissues {
		if made.ID == ref || made.OldCard == ref {
			found = append(found, made)
		}
	}
	return found, nil
}

// act does something with a card as a clerk.
func (t *town) act(tb testing.TB, r citycard.ActionRequest) (bool, error) {
	tb.Helper()
	r.Note = "note"
	_, changed, err := t.desk(tb).Act(tb.Context(), atCounter, r)
	return changed, err
}

// make takes a card through its making up to a step.
func (t *town) make(tb testing.TB, ref string, steps ...citycard.Step) {
	tb.Helper()
	for _, step := range steps {
		r := citycard.ActionRequest{Ref: ref, Action: citycard.ActionFulfilment, Step: step}
		if step == citycard.StepCollect {
			r.ReceivedOn = citycard.DateOf(t.now()).String()
		}
		changed, err := t.act(tb, r)
		require.NoError(tb, err, step)
		require.True(tb, changed, step)
	}
}

var toProduction = []citycard.Step{citycard.StepReview, citycard.StepAccept, citycard.StepProduce}

func waiver(r citycard.Reason) *citycard.Reason { return &r }

func TestReissueStartsANewCardAndRecordsIt(t *testing.T) {
	t.Parallel()
	for _, reason := range citycard.ReissueReasons() {
		t.Run(string(reason), func(t *testing.T) {
			t.Parallel()
			city := newTown()
			request := citycard.ReissueRequest{Ref: "c1", Reason: reason, Note: "left on the bus"}
			if reason == citycard.ReissueBankChanged {
				request.Bank = "103"
			}
			view, err := city.desk(t).Reissue(t.Context(), atCounter, request)
			require.NoError(t, err)
			assert.Equal(t, citycard.ReissueOpen, view.State)
			assert.Equal(t, 2000, view.FeeFen)
			assert.Equal(t, "clerk-1", view.OpenedBy)
			assert.Equal(t, "c1", view.New.ReplacementFor)
			assert.NotEqual(t, view.Old.CardNumberMasked, view.New.CardNumberMasked)
			made := city.card(t, view.ID)
			assert.Equal(t, citycard.FulfilmentApplied, made.Fulfilment)
			assert.Equal(t, citycard.SocialSealed, made.Social)
			assert.Equal(t, citycard.FinancialInactive, made.Financial)
			assert.Equal(t, citycard.PasswordInitial, made.Password)
			assert.True(t, made.ReceivedOn.IsZero())
			want := citycard.SocialSealed
			if reason == citycard.ReissueLost || reason == citycard.ReissueStolen {
				want = citycard.SocialFormalLost
			}
			assert.Equal(t, want, city.card(t, "c1").Social)
			require.Len(t, city.actions, 1)
			assert.Equal(t, "reissue", city.actions[0].Action)
			assert.Equal(t, string(reason), city.actions[0].Reason)
		})
	}
}

func TestALostCardEndsWhenTheNewOneEntersProduction(t *testing.T) {
	t.Parallel()
	city := newTown()
	view, err := city.desk(t).Reissue(t.Context(), atCounter, citycard.ReissueRequest{Ref: "c1", Reason: citycard.ReissueLost, Note: "x"})
	require.NoError(t, err)
	city.make(t, view.ID, citycard.StepReview, citycard.StepAccept)
	assert.Equal(t, citycard.SocialFormalLost, city.card(t, "c1").Social)
	city.make(t, view.ID, citycard.StepProduce)
	old := city.card(t, "c1")
	assert.Equal(t, citycard.SocialCanceled, old.Social)
	assert.Equal(t, citycard.FulfilmentReplaced, old.Fulfilment)
	assert.Equal(t, view.ID, old.ReplacedBy)
	history, err := city.History(t.Context(), "c1", 0, 10)
	require.NoError(t, err)
	require.Len(t, history, 3)
	assert.Equal(t, citycard.ReasonLost, history[0].Cause.Reason)
	assert.Equal(t, citycard.ReasonReplaced, history[1].Cause.Reason)
	assert.Equal(t, citycard.ActorSystem, history[1].Cause.Actor.Kind)
}

func TestADamagedCardWorksUntilTheNewOneDoes(t *testing.T) {
	t.Parallel()
	city := newTown()
	view, err := city.desk(t).Reissue(t.Context(), atCounter, citycard.ReissueRequest{Ref: "c1", Reason: citycard.ReissueDamaged, Note: "x"})
	require.NoError(t, err)
	city.make(t, view.ID, append(toProduction, citycard.StepReady, citycard.StepCollect)...)
	assert.Equal(t, citycard.SocialSealed, city.card(t, "c1").Social)
	assert.Equal(t, citycard.FulfilmentCollected, city.card(t, "c1").Fulfilment)
	changed, err := city.act(t, citycard.ActionRequest{Ref: view.ID, Action: citycard.ActionActivation, Evidence: "ID-1", Place: "320100-01"})
	require.NoError(t, err)
	assert.True(t, changed)
	assert.Equal(t, citycard.SocialCanceled, city.card(t, "c1").Social)
	assert.Equal(t, view.ID, city.card(t, "c1").ReplacedBy)
	done, err := city.desk(t).FindReissue(t.Context(), atCounter, view.ID)
	require.NoError(t, err)
	assert.Equal(t, citycard.ReissueDone, done.State)
}

func TestACardLostWhileItsReplacementIsMadeEndsAtOnce(t *testing.T) {
	t.Parallel()
	city := newTown()
	view, err := city.desk(t).Reissue(t.Context(), atCounter, citycard.ReissueRequest{Ref: "c1", Reason: citycard.ReissueDamaged, Note: "x"})
	require.NoError(t, err)
	city.make(t, view.ID, toProduction...)
	_, err = city.act(t, citycard.ActionRequest{Ref: "c1", Action: citycard.ActionFormalLoss, Evidence: "ID-1"})
	require.NoError(t, err)
	assert.Equal(t, citycard.SocialCanceled, city.card(t, "c1").Social)
}

func TestReissueIsRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		card    func(*citycard.Card)
		request citycard.ReissueRequest
		code    citycard.Code
	}{
		"no such reason":        {nil, citycard.ReissueRequest{Reason: "bored", Note: "x"}, citycard.CodeInvalidPayload},
		"no note":               {nil, citycard.ReissueRequest{Reason: citycard.ReissueLost}, citycard.CodeInvalidPayload},
		"an unknown bank":       {nil, citycard.ReissueRequest{Reason: citycard.ReissueBankChanged, Bank: "999", Note: "x"}, citycard.CodeInvalidPayload},
		"a new bank not named":  {nil, citycard.ReissueRequest{Reason: citycard.ReissueBankChanged, Note: "x"}, citycard.CodeInvalidPayload},
		"a waiver of no reason": {nil, citycard.ReissueRequest{Reason: citycard.ReissueLost, Waiver: waiver(""), Note: "x"}, citycard.CodeWaiverReasonRequired},
		"a waiver of its own":   {nil, citycard.ReissueRequest{Reason: citycard.ReissueLost, Waiver: waiver("kindness"), Note: "x"}, citycard.CodeWaiverReasonRequired},
		"another channel":       {nil, citycard.ReissueRequest{Reason: citycard.ReissueLost, Channel: citycard.ChannelJob, Note: "x"}, citycard.CodeInvalidPayload},
		"a card that is held": {func(c *citycard.Card) { c.Social = citycard.SocialFrozen },
			citycard.ReissueRequest{Reason: citycard.ReissueLost, Note: "x"}, citycard.CodeCardFrozen},
		"a card that ended": {func(c *citycard.Card) { c.Social = citycard.SocialCanceled },
			citycard.ReissueRequest{Reason: citycard.ReissueLost, Note: "x"}, citycard.CodeCardCanceled},
		"a card not received": {func(c *citycard.Card) { c.Fulfilment = citycard.FulfilmentReadyForPickup },
			citycard.ReissueRequest{Reason: citycard.ReissueLost, Note: "x"}, citycard.CodeCardNotCollected},
		"an unknown card": {nil, citycard.ReissueRequest{Ref: "none", Reason: citycard.ReissueLost, Note: "x"}, citycard.CodeNotFound},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			city := newTown()
			if c.card != nil {
				c.card(city.card(t, "c1"))
			}
			if c.request.Ref == "" {
				c.request.Ref = "c1"
			}
			_, err := city.desk(t).Reissue(t.Context(), atCounter, c.request)
			assert.Equal(t, c.code, citycard.CodeOf(err))
			assert.Empty(t, city.reissues)
			assert.Empty(t, city.actions)
		})
	}
}

func TestOneLiveCardOfAPersonInACity(t *testing.T) {
	t.Parallel()
	city := newTown()
	city.issue("li", "c2", func(*citycard.Card) {})
	_, err := city.desk(t).Reissue(t.Context(), atCounter, citycard.ReissueRequest{Ref: "c1", Reason: citycard.ReissueLost, Note: "x"})
	assert.Equal(t, citycard.CodeMultipleCards, citycard.CodeOf(err))
	city.card(t, "c2").Region = "330100"
	_, err = city.desk(t).Reissue(t.Context(), atCounter, citycard.ReissueRequest{Ref: "c1", Reason: citycard.ReissueLost, Note: "x"})
	assert.NoError(t, err)
}

func TestFiftyReissuesOfOneCardAreOne(t *testing.T) {
	t.Parallel()
	city := newTown()
	desk := city.desk(t)
	var mu sync.Mutex
	var made []string
	var refused []error
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			view, err := desk.Reissue(context.Background(), atCounter, citycard.ReissueRequest{
				Ref: "c1", Reason: citycard.ReissueStolen, Note: "x", OnceKey: fmt.Sprintf("key-%d", i),
			})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				refused = append(refused, err)
				return
			}
			made = append(made, view.ID)
		})
	}
	all.Wait()
	require.Len(t, made, 1)
	require.Len(t, refused, 49)
	for _, err := range refused {
		var coded *citycard.Error
		require.ErrorAs(t, err, &coded)
		assert.Equal(t, citycard.CodeReissueOpen, coded.Code)
		assert.Equal(t, made[0], coded.Members["reissue"])
	}
}

func TestTheSameKeyGivesTheSameReissue(t *testing.T) {
	t.Parallel()
	city := newTown()
	desk := city.desk(t)
	request := citycard.ReissueRequest{Ref: "c1", Reason: citycard.ReissueLost, Waiver: waiver(citycard.WaiverLowIncome), Note: "x", OnceKey: "key-0001"}
	first, err := desk.Reissue(t.Context(), atCounter, request)
	require.NoError(t, err)
	assert.Zero(t, first.FeeFen)
	again, err := desk.Reissue(t.Context(), atCounter, request)
	require.NoError(t, err)
	assert.Equal(t, first, again)
	request.Note = "y"
	_, err = desk.Reissue(t.Context(), atCounter, request)
	assert.Equal(t, citycard.CodeEventIDReused, citycard.CodeOf(err))
	assert.Len(t, city.reissues, 1)
}

func TestAReissueIsCanceledBeforeProductionOnly(t *testing.T) {
	t.Parallel()
	city := newTown()
	first, err := city.desk(t).Reissue(t.Context(), atCounter, citycard.ReissueRequest{Ref: "c1", Reason: citycard.ReissueDamaged, Note: "x"})
	require.NoError(t, err)
	changed, err := city.act(t, citycard.ActionRequest{Ref: first.ID, Action: citycard.ActionCancelReissue})
	require.NoError(t, err)
	assert.True(t, changed)
	changed, err = city.act(t, citycard.ActionRequest{Ref: first.ID, Action: citycard.ActionCancelReissue})
	require.NoError(t, err)
	assert.False(t, changed)
	assert.Equal(t, citycard.SocialSealed, city.card(t, "c1").Social)

	second, err := city.desk(t).Reissue(t.Context(), atCounter, citycard.ReissueRequest{Ref: "c1", Reason: citycard.ReissueDamaged, Note: "x"})
	require.NoError(t, err)
	assert.Equal(t, 2, second.Ordinal)
	city.make(t, second.ID, toProduction...)
	_, err = city.act(t, citycard.ActionRequest{Ref: second.ID, Action: citycard.ActionCancelReissue})
	assert.Equal(t, citycard.CodeInvalidTransition, citycard.CodeOf(err))
	_, err = city.act(t, citycard.ActionRequest{Ref: "c1", Action: citycard.ActionCancelReissue})
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
}
