package citycard_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// tray is a queue over a store in memory, with a clock that a test may turn.
type tray struct {
	citycard.ApprovalQueue

	mu       sync.Mutex
	now      time.Time
	requests []citycard.Approval
	actions  []citycard.StaffAction
	carried  []string
	// broken is what carrying out fails with.
	broken error
}

func newTray() *tray {
	c := &tray{now: noonOf("2026-11-22")}
	var ids atomic.Int64
	c.ApprovalQueue = citycard.ApprovalQueue{
		Store: c, NewID: func() string { return fmt.Sprintf("id%04d", ids.Add(1)) },
		Blind: func(purpose, value string) string { return purpose + "#" + value },
		Clock: func() time.Time { return c.now },
		Carry: map[citycard.ApprovalKind]citycard.CarryOut{citycard.ApproveFreeze: c.carry},
	}
	return c
}

func (c *tray) carry(_ context.Context, a citycard.Approval, decider citycard.StaffSession) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.carried = append(c.carried, a.OnceKey().Key+" by "+decider.Staff.ID)
	return "frozen", c.broken
}

func (c *tray) AddApproval(_ context.Context, a citycard.Approval, by citycard.StaffAction) (citycard.Approval, error) {
	for _, there := range c.requests {
		if a.Once != "" && there.Once == a.Once {
			return there, nil
		}
	}
	c.requests, c.actions = append(c.requests, a), append(c.actions, by)
	return a, nil
}

func (c *tray) Approval(_ context.Context, id string) (citycard.Approval, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.requests {
		if a.ID == id {
			return a, nil
		}
	}
	return citycard.Approval{}, &citycard.Error{Code: citycard.CodeNotFound}
}

func (c *tray) Approvals(_ context.Context, q citycard.ApprovalQuery) ([]citycard.Approval, error) {
	var found []citycard.Approval
	for _, a := range slices.Backward(c.requests) {
		if slices.Contains(q.Kinds, a.Kind) && slices.Contains(q.States, a.State) && (q.NotBy == "" || a.RequestedBy != q.NotBy) &&
			(q.After.IsZero() || a.RequestedAt.After(q.After)) && (q.Until.IsZero() || !a.RequestedAt.After(q.Until)) &&
			(q.Before == "" || a.ID < q.Before) && (q.Limit == 0 || len(found) < q.Limit) {
			found = append(found, a)
		}
	}
	return found, nil
}

func (c *tray) CountApprovals(ctx context.Context, q citycard.ApprovalQuery) (int, error) {
	found, err := c.Approvals(ctx, q)
	return len(found), err
}

func (c *tray) MoveApproval(_ context.Context, from, to citycard.Approval, by citycard.StaffAction) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, a := range c.requests {
		if a.ID == from.ID && a.State == from.State && a.DecidedAt.Equal(from.DecidedAt) {
			c.requests[i], c.actions = to, append(c.actions, by)
			return true, nil
		}
	}
	return false, nil
}

func staffed(id string, role citycard.StaffRole) citycard.StaffSession {
	return citycard.StaffSession{ID: "s-" + id, Staff: citycard.Staff{ID: id, Role: role, State: citycard.StaffActive}}
}

var (
	sun  = staffed("sun", citycard.RoleSupervisor)
	zhou = staffed("zhou", citycard.RoleSupervisor)
	amy  = staffed("amy", citycard.RoleClerk)
)

// ask is Sun's request to hold a card.
func (c *tray) ask(tb testing.TB) citycard.Approval {
	tb.Helper()
	a, err := c.Ask(tb.Context(), sun, citycard.Asking{
		Kind: citycard.ApproveFreeze, Object: "c1", Request: map[string]string{"reason": "fraud_hold"}, Reason: "fraud_hold", Note: "two of them",
	})
	require.NoError(tb, err)
	return a
}

func TestARequestIsDecidedByASecondPerson(t *testing.T) {
	t.Parallel()
	c := newTray()
	a := c.ask(t)
	assert.Equal(t, citycard.ApprovalOpen, a.State)
	assert.JSONEq(t, `{"reason":"fraud_hold"}`, string(a.Request))
	for _, own := range []citycard.StaffSession{sun, staffed("sun", citycard.RoleClerk), staffed("sun", citycard.RoleAuditor)} {
		_, err := c.Approve(t.Context(), own, a.ID, "")
		assert.Equal(t, citycard.CodeSecondPersonRequired, citycard.CodeOf(err), own.Staff.Role)
		_, err = c.Refuse(t.Context(), own, a.ID, "")
		assert.Equal(t, citycard.CodeSecondPersonRequired, citycard.CodeOf(err), own.Staff.Role)
	}
	_, err := c.Approve(t.Context(), staffed("eve", citycard.RoleAuditor), a.ID, "")
	assert.Equal(t, citycard.CodeRoleRequired, citycard.CodeOf(err))
	_, err = c.Approve(t.Context(), amy, a.ID, "")
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err), "a clerk does not see holds")
	assert.Empty(t, c.carried)

	done, err := c.Approve(t.Context(), zhou, a.ID, "seen the file")
	require.NoError(t, err)
	assert.Equal(t, citycard.ApprovalDone, done.State)
	assert.Equal(t, "frozen", done.Outcome)
	assert.Equal(t, "zhou", done.DecidedBy)
	again, err := c.Approve(t.Context(), zhou, a.ID, "seen the file")
	require.NoError(t, err)
	assert.Equal(t, done, again)
	_, err = c.Approve(t.Context(), staffed("wu", citycard.RoleSupervisor), a.ID, "")
	assert.Equal(t, citycard.CodeInvalidTransition, citycard.CodeOf(err))
	assert.Equal(t, []string{a.ID + " by zhou"}, c.carried)
	var record []string
	for _, line := range c.actions {
		record = append(record, line.StaffID+" "+line.Action+" "+line.Object)
	}
	assert.Equal(t, []string{"sun ask_approval " + a.ID, "zhou approve " + a.ID, "zhou carry_out " + a.ID}, record)
}

func TestOfManyWhoDecideOneDoes(t *testing.T) {
	t.Parallel()
	c := newTray()
	a := c.ask(t)
	var all sync.WaitGroup
	var done atomic.Int64
	for i := range 50 {
		all.Go(func() {
			decide := c.Approve
			if i%2 == 1 {
				decide = c.Refuse
			}
			_, err := decide(t.Context(), staffed(fmt.Sprint("s", i), citycard.RoleSupervisor), a.ID, "")
			switch citycard.CodeOf(err) {
			case "":
				done.Add(1)
			case citycard.CodeRequestInProgress, citycard.CodeInvalidTransition:
			default:
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
	assert.Equal(t, int64(1), done.Load())
	assert.LessOrEqual(t, len(c.carried), 1)
}

func TestWhatAProcessLeftIsDecidedAgain(t *testing.T) {
	t.Parallel()
	c := newTray()
	c.broken = errors.New("the database went away")
	a := c.ask(t)
	_, err := c.Approve(t.Context(), zhou, a.ID, "")
	require.Error(t, err)
	c.broken = nil
	_, err = c.Approve(t.Context(), zhou, a.ID, "")
	assert.Equal(t, citycard.CodeRequestInProgress, citycard.CodeOf(err))
	c.now = c.now.Add(time.Minute)
	_, err = c.Refuse(t.Context(), zhou, a.ID, "")
	assert.Equal(t, citycard.CodeRequestInProgress, citycard.CodeOf(err), "it may have taken effect")
	wu := staffed("wu", citycard.RoleSupervisor)
	done, err := c.Approve(t.Context(), wu, a.ID, "")
	require.NoError(t, err)
	assert.Equal(t, citycard.ApprovalDone, done.State)
	assert.Equal(t, []string{a.ID + " by zhou", a.ID + " by wu"}, c.carried, "under one once-key")
}

func TestARuleInTheWayIsTheOutcome(t *testing.T) {
	t.Parallel()
	c := newTray()
	c.broken = &citycard.Error{Code: citycard.CodeCardCanceled}
	failed, err := c.Approve(t.Context(), zhou, c.ask(t).ID, "")
	require.NoError(t, err)
	assert.Equal(t, citycard.ApprovalFailed, failed.State)
	assert.Equal(t, "card_canceled", failed.Outcome)
}

func TestRequestsLapseAndAreWithdrawn(t *testing.T) {
	t.Parallel()
	c := newTray()
	lapsing, taken := c.ask(t), c.ask(t)
	_, err := c.Withdraw(t.Context(), zhou, taken.ID)
	assert.Equal(t, citycard.CodeRoleRequired, citycard.CodeOf(err))
	taken, err = c.Withdraw(t.Context(), sun, taken.ID)
	require.NoError(t, err)
	assert.Equal(t, citycard.ApprovalWithdrawn, taken.State)
	_, err = c.Approve(t.Context(), zhou, taken.ID, "")
	assert.Equal(t, citycard.CodeInvalidTransition, citycard.CodeOf(err))

	waiting, err := c.Waiting(t.Context(), zhou)
	require.NoError(t, err)
	assert.Equal(t, 1, waiting)
	own, err := c.Waiting(t.Context(), sun)
	require.NoError(t, err)
	assert.Zero(t, own)
	c.now = c.now.AddDate(0, 0, 7)
	waiting, err = c.Waiting(t.Context(), zhou)
	require.NoError(t, err)
	assert.Zero(t, waiting)
	_, err = c.Approve(t.Context(), zhou, lapsing.ID, "")
	assert.Equal(t, citycard.CodeInvalidTransition, citycard.CodeOf(err))
	assert.Empty(t, c.carried)
	for state, want := range map[citycard.ApprovalState][]string{
		citycard.ApprovalExpired: {lapsing.ID}, citycard.ApprovalOpen: nil, citycard.ApprovalWithdrawn: {taken.ID},
		"": {taken.ID, lapsing.ID},
	} {
		page, next, err := c.List(t.Context(), zhou, state, "", 10)
		require.NoError(t, err)
		assert.Empty(t, next)
		var ids []string
		for _, a := range page {
			ids = append(ids, a.ID)
		}
		assert.Equal(t, want, ids, state)
	}
	page, next, err := c.List(t.Context(), zhou, "", "", 1)
	require.NoError(t, err)
	assert.Len(t, page, 1)
	assert.Equal(t, taken.ID, next)
}

func TestARevealIsUsedOnceByWhoAsked(t *testing.T) {
	t.Parallel()
	c := newTray()
	a, err := c.Ask(t.Context(), amy, citycard.Asking{Kind: citycard.ApproveReveal, Object: "li/phone", Note: "to call back"})
	require.NoError(t, err)
	use := func(s citycard.StaffSession, kind citycard.ApprovalKind, object string) citycard.Code {
		_, err := c.Use(t.Context(), s, a.ID, kind, object)
		return citycard.CodeOf(err)
	}
	assert.Equal(t, citycard.CodeSecondPersonRequired, use(amy, citycard.ApproveReveal, "li/phone"), "nobody approved it")
	approved, err := c.Approve(t.Context(), zhou, a.ID, "")
	require.NoError(t, err)
	assert.Equal(t, citycard.ApprovalApproved, approved.State)
	assert.Equal(t, citycard.CodeSecondPersonRequired, use(zhou, citycard.ApproveReveal, "li/phone"))
	assert.Equal(t, citycard.CodeSecondPersonRequired, use(amy, citycard.ApproveReveal, "li/name"))
	assert.Equal(t, citycard.CodeSecondPersonRequired, use(amy, citycard.ApproveExport, "li/phone"))
	assert.Empty(t, use(amy, citycard.ApproveReveal, "li/phone"))
	assert.Equal(t, citycard.CodeSecondPersonRequired, use(amy, citycard.ApproveReveal, "li/phone"), "it was used")
	_, err = c.Use(t.Context(), amy, "nothing", citycard.ApproveReveal, "li/phone")
	assert.Equal(t, citycard.CodeSecondPersonRequired, citycard.CodeOf(err))
}

func TestWhoMayAsk(t *testing.T) {
	t.Parallel()
	for kind, roles := range map[citycard.ApprovalKind][]citycard.StaffRole{
		citycard.ApproveCancelCard:       {citycard.RoleClerk, citycard.RoleSupervisor},
		citycard.ApproveManualActivation: {citycard.RoleClerk, citycard.RoleSupervisor},
		citycard.ApproveFreeze:           {citycard.RoleSupervisor},
		citycard.ApproveReleaseHold:      {citycard.RoleSupervisor},
		citycard.ApprovePartnerKey:       {citycard.RoleOperator},
		citycard.ApproveReveal:           {citycard.RoleClerk, citycard.RoleSupervisor, citycard.RoleAuditor},
	} {
		for _, role := range citycard.StaffRoles() {
			c := newTray()
			_, err := c.Ask(t.Context(), staffed("x", role), citycard.Asking{Kind: kind, Object: "o", Note: "why"})
			assert.Equal(t, slices.Contains(roles, role), err == nil, "%s %s", kind, role)
			_, err = c.Ask(t.Context(), staffed("x", role), citycard.Asking{Kind: kind, Object: "o"})
			assert.Error(t, err, "a request says why")
		}
	}
}

func TestANumberedRequestIsAskedOnce(t *testing.T) {
	t.Parallel()
	c := newTray()
	asking := citycard.Asking{Kind: citycard.ApproveFreeze, Object: "c1", Note: "why", OnceKey: "12345678"}
	first, err := c.Ask(t.Context(), sun, asking)
	require.NoError(t, err)
	again, err := c.Ask(t.Context(), sun, asking)
	require.NoError(t, err)
	assert.Equal(t, first.ID, again.ID)
	other, err := c.Ask(t.Context(), zhou, asking)
	require.NoError(t, err)
	assert.NotEqual(t, first.ID, other.ID)
	asking.Object = "c2"
	_, err = c.Ask(t.Context(), sun, asking)
	assert.Equal(t, citycard.CodeEventIDReused, citycard.CodeOf(err))
}
