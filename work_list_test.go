package citycard_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// desktop is what the work lists are made of, in memory.
type desktop struct {
	*ledger

	cards     []citycard.HeldCard
	callbacks []citycard.CallbackCount
	attempts  []citycard.AttemptUse
	least     map[citycard.AttemptKind]int
	results   []citycard.ReconciliationResult
	actions   []citycard.StaffAction
}

func (d *desktop) CardsReceived(_ context.Context, q citycard.ReceivedQuery) ([]citycard.HeldCard, error) {
	var found []citycard.HeldCard
	for _, held := range d.cards {
		if held.Card.ReceivedOn == q.Day && held.Card.Ref > q.After && slices.Contains(q.States, held.Card.Financial) && len(found) < q.Limit {
			found = append(found, held)
		}
	}
	return found, nil
}

func (d *desktop) AttemptsUsed(_ context.Context, least map[citycard.AttemptKind]int, _ time.Time, _ int) ([]citycard.AttemptUse, error) {
	d.least = least
	return d.attempts, nil
}

func (d *desktop) ReconciliationDifferences(context.Context, citycard.Date) ([]citycard.ReconciliationResult, error) {
	return d.results, nil
}

func (*desktop) CountCorrections(context.Context) (int64, error) { return 3, nil }

func (*desktop) AddCallbackCounts(context.Context, []citycard.CallbackCount) error { return nil }

func (d *desktop) CallbackCounts(context.Context, citycard.Date, citycard.Date) ([]citycard.CallbackCount, error) {
	return slices.Clone(d.callbacks), nil
}

func (d *desktop) RecordAction(_ context.Context, a citycard.StaffAction) error {
	d.actions = append(d.actions, a)
	return nil
}

func (*desktop) Actions(context.Context, string, int) ([]citycard.StaffAction, error) {
	return nil, nil
}
func (*desktop) Reissue(context.Context, string) (citycard.Reissue, error) {
	return citycard.Reissue{}, nil
}
func (*desktop) Reissues(context.Context, string) ([]citycard.Reissue, error) { return nil, nil }

// working are the work lists over a desktop, at noon of 22 November 2026.
func working(t *testing.T) (*citycard.WorkLists, *desktop) {
	t.Helper()
	statistics, l, _ := counting(t)
	d := &desktop{ledger: l}
	statistics.Callbacks = d
	return &citycard.WorkLists{
		Store: d, Statistics: statistics, Records: d, NewID: func() string { return "action" },
	}, d
}

func as(role citycard.StaffRole) citycard.StaffSession {
	return citycard.StaffSession{Staff: citycard.Staff{ID: "id-" + string(role), Role: role}}
}

func TestWorkListsAreForTheirRoles(t *testing.T) {
	t.Parallel()
	lists, _ := working(t)
	for role, own := range map[citycard.StaffRole]string{
		citycard.RoleClerk: "deadlines corrections", citycard.RoleSupervisor: "deadlines callbacks mismatches corrections approvals",
		citycard.RoleAuditor: "deadlines callbacks mismatches corrections", citycard.RoleOperator: "callbacks mismatches approvals",
	} {
		var names []string
		for _, list := range citycard.WorkListsOf(role) {
			names = append(names, string(list))
		}
		assert.Equal(t, own, strings.Join(names, " "))
		for _, list := range []citycard.WorkList{citycard.WorkDeadlines, citycard.WorkCallbacks, citycard.WorkMismatches} {
			_, err := lists.List(t.Context(), as(role), list, "", 10)
			if slices.Contains(names, string(list)) {
				require.NoError(t, err)
			} else {
				assert.Equal(t, citycard.CodeRoleRequired, citycard.CodeOf(err), "%s %s", role, list)
			}
		}
		_, err := lists.List(t.Context(), as(role), "holidays", "", 10)
		assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
	}
}

func TestDeadlinesOfTheWeekPageByPage(t *testing.T) {
	t.Parallel()
	lists, d := working(t)
	hold := func(ref, received string, change func(*citycard.Card)) {
		card := heldCard(day(t, received))
		card.Ref, card.Region = ref, "320100"
		change(card)
		d.cards = append(d.cards, citycard.HeldCard{Person: citycard.Person{ID: "p", Name: citycard.RestoreName("李雷")}, Card: card})
	}
	same := func(*citycard.Card) {}
	hold("a-lost", "2026-01-28", same)       // 300 days end on 24 November
	hold("b-restricted", "2026-06-01", same) // 180 days end on 28 November
	hold("c-active", "2026-01-28", func(c *citycard.Card) { c.Financial = citycard.FinancialActive })
	hold("d-next-week", "2026-02-02", same) // ends on 29 November
	hold("e-social", "2026-06-01", func(c *citycard.Card) { c.Social = citycard.SocialActive })
	hold("f-last-day", "2026-02-01", same) // ends on 28 November
	hold("g-yesterday", "2026-01-25", same)
	var seen []string
	after := ""
	for range 5 {
		page, err := lists.List(t.Context(), as(citycard.RoleClerk), citycard.WorkDeadlines, after, 1)
		require.NoError(t, err)
		for _, item := range page.Items {
			assert.Equal(t, "李*", item.Card.HolderMasked)
			assert.NotEmpty(t, item.Next.Action.ZH)
			seen = append(seen, item.Card.Ref+" "+item.Kind+" "+item.Due.String())
		}
		if after = page.Next; after == "" {
			break
		}
	}
	assert.Equal(t, []string{"a-lost lost 2026-11-24", "f-last-day lost 2026-11-28", "b-restricted restricted 2026-11-28"}, seen)
	assert.Equal(t, "view_work", d.actions[0].Action)
	for _, wrong := range []string{"x", "2026-99-01_a", "_a"} {
		_, err := lists.List(t.Context(), as(citycard.RoleClerk), citycard.WorkDeadlines, wrong, 1)
		assert.Equal(t, citycard.CodeMalformedRequest, citycard.CodeOf(err), wrong)
	}
}

func TestFailedCallbacksSayWhatToDo(t *testing.T) {
	t.Parallel()
	lists, d := working(t)
	count := func(on string, outcome citycard.CallbackOutcome, code string, n int64) {
		d.callbacks = append(d.callbacks, citycard.CallbackCount{CallbackKind: citycard.CallbackKind{
			AppID: "2026000000000001", Day: day(t, on), Profile: "gateway", Outcome: outcome, Code: code,
		}, Count: n})
	}
	count("2026-11-21", citycard.CallbackAccepted, "", 90)
	count("2026-11-21", citycard.CallbackRefused, "isv.invalid-signature", 4)
	count("2026-11-22", citycard.CallbackStale, "", 2)
	count("2026-11-22", citycard.CallbackRefused, "citycard.card-frozen", 1)
	count("2026-11-22", citycard.CallbackRefused, "citycard.card-not-found", 7)
	count("2026-11-22", citycard.CallbackRefused, "isv.something-new", 1)
	page, err := lists.List(t.Context(), as(citycard.RoleOperator), citycard.WorkCallbacks, "", 3)
	require.NoError(t, err)
	require.Len(t, page.Items, 3)
	assert.Equal(t, "stale", page.Items[0].Kind)
	assert.Equal(t, citycard.EntryOf(citycard.CodeCardFrozen).Message, page.Items[1].What)
	rest, err := lists.List(t.Context(), as(citycard.RoleOperator), citycard.WorkCallbacks, page.Next, 3)
	require.NoError(t, err)
	require.Len(t, rest.Items, 2)
	assert.Equal(t, citycard.EntryOf(citycard.CodeMalformedRequest).Message, rest.Items[0].What)
	assert.Equal(t, citycard.EntryOf(citycard.CodeSignatureInvalid).Next, rest.Items[1].Next)
	assert.Equal(t, int64(4), rest.Items[1].Count)
	assert.Empty(t, rest.Next)

	d.attempts = []citycard.AttemptUse{
		{Kind: citycard.AttemptByCitizen, Subject: "aaaaaaaaaaaaaaaa", Used: 4, WindowEnd: noonOf("2026-11-23")},
		{Kind: citycard.AttemptByNumber, Subject: "bbbbbbbbbbbbbbbb", Used: 10, WindowEnd: noonOf("2026-11-23")},
	}
	d.results = []citycard.ReconciliationResult{{AppID: "2026000000000001", Day: day(t, "2026-11-20"), Same: 9, OnlyOurs: 1, OnlyTheirs: 2, Differs: 3}}
	mismatches, err := lists.List(t.Context(), as(citycard.RoleAuditor), citycard.WorkMismatches, "", 10)
	require.NoError(t, err)
	var kinds []string
	for _, item := range mismatches.Items {
		kinds = append(kinds, item.Kind)
		assert.NotEmpty(t, item.Next.Action.EN, item.Kind)
		assert.NotContains(t, item.Subject, "aaaaaaaaa", "no more of the hash than tells senders apart")
	}
	assert.Equal(t, []string{"number", "citizen", "bank_report", "reconciliation"}, kinds)
	assert.Equal(t, int64(6), mismatches.Items[3].Count)
	assert.Equal(t, map[citycard.AttemptKind]int{
		citycard.AttemptByCitizen: 4, citycard.AttemptByNumber: 9, citycard.AttemptByAddress: 29,
	}, d.least)

	counts, err := lists.Counts(t.Context(), as(citycard.RoleAuditor))
	require.NoError(t, err)
	assert.Equal(t, []citycard.WorkCount{
		{List: citycard.WorkDeadlines}, {List: citycard.WorkCallbacks, Count: 5},
		{List: citycard.WorkMismatches, Count: 4}, {List: citycard.WorkCorrections, Count: 3},
	}, counts)
}
