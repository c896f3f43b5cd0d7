package citycard_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// PartnerRecords pages through what the desk has stored.
func (c *counter) PartnerRecords(_ context.Context, p citycard.OncePage) ([]citycard.Once, error) {
	var list []citycard.Once
	for _, once := range c.once {
		if once.Scope == p.Scope && !once.RecordedAt.Before(p.From) && once.RecordedAt.Before(p.To) {
			list = append(list, *once)
		}
	}
	slices.SortFunc(list, func(a, b citycard.Once) int { return strings.Compare(a.Key, b.Key) })
	if p.After != nil {
		list = slices.DeleteFunc(list, func(o citycard.Once) bool { return o.Key <= p.After.Key })
	}
	return list[:min(len(list), p.Limit)], nil
}

const dailyList = `out_request_no,method,result,changed,region,card_number_masked,occurred_at,server_time
EVENT-000001,citycard.financial.activate,APPLIED,true,320100,A12****78,2026-11-22T11:59:00+08:00,2026-11-22T12:00:00+08:00
EVENT-000002,citycard.financial.lose,APPLIED,true,320100,A12****78,2026-11-22T11:59:00+08:00,2026-11-22T12:00:00+08:00
EVENT-000003,citycard.financial.restore,STALE,false,320100,A12****78,2026-11-21T09:00:00+08:00,2026-11-22T12:00:00+08:00
`

// busyDay reports three events on 22 November and one just after midnight.
func busyDay(t *testing.T) (*citycard.Reconciliation, *counter) {
	t.Helper()
	c := newCounter(t, citycard.PartnerBank)
	for _, event := range []struct {
		method  citycard.Method
		members fields
		later   time.Duration
	}{
		{citycard.MethodFinancialActivate, nil, 0},
		{citycard.MethodFinancialLose, nil, 0},
		{citycard.MethodFinancialRestore, fields{"occurred_at": "2026-11-21T09:00:00+08:00"}, 0},
		{citycard.MethodFinancialClose, nil, 12 * time.Hour},
	} {
		c.now = c.now.Add(event.later)
		_, err := c.report(t, event.method, event.members)
		require.NoError(t, err)
	}
	return &citycard.Reconciliation{Records: c}, c
}

func TestTheDailyList(t *testing.T) {
	t.Parallel()
	reconciliation, c := busyDay(t)
	var list bytes.Buffer
	require.NoError(t, reconciliation.WriteList(t.Context(), &list, c.partner.AppID, day(t, "2026-11-22")))
	assert.Equal(t, dailyList, list.String())
	list.Reset()
	require.NoError(t, reconciliation.WriteList(t.Context(), &list, "2026000000000002", day(t, "2026-11-22")))
	assert.Equal(t, 1, strings.Count(list.String(), "\n"), "another partner's list has a header only")
}

func TestComparingLists(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, list                      string
		same                            int
		onlyOurs, onlyTheirs, different []string
	}{
		{"our own list", dailyList, 3, nil, nil, nil},
		{"numbers alone, with a byte order mark", "\ufeffout_request_no\r\nEVENT-000001\r\nEVENT-000002\r\nEVENT-000003\r\n", 3, nil, nil, nil},
		{"an event the partner put on the day before midnight", "out_request_no\nEVENT-000001\nEVENT-000002\nEVENT-000003\nEVENT-000004\n", 4, nil, nil, nil},
		{"one missing there, one missing here", "out_request_no\nEVENT-000001\nEVENT-000003\nEVENT-000777\n", 2, []string{"EVENT-000002"}, []string{"EVENT-000777"}, nil},
		{"nothing at all", "out_request_no\n", 0, []string{"EVENT-000001", "EVENT-000002", "EVENT-000003"}, nil, nil},
		{
			"the same told differently",
			"Out_Request_No,method,result,card_number_masked,occurred_at,remark\n" +
				"EVENT-000001,citycard.financial.close,,A12345678,2026-11-22T03:59:00Z,whole number and another zone\n" +
				"EVENT-000002,citycard.financial.lose,STALE,B12****78,2026-11-22T11:58:00+08:00,\n" +
				"EVENT-000003,,,,,\n", 1, nil, nil, []string{"EVENT-000001 method", "EVENT-000002 result card_number_masked occurred_at"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reconciliation, desk := busyDay(t)
			found, err := reconciliation.Compare(t.Context(), desk.partner.AppID, day(t, "2026-11-22"), strings.NewReader(c.list))
			require.NoError(t, err)
			assert.Equal(t, c.same, found.Same)
			var ours, different []string
			for _, row := range found.OnlyOurs {
				ours = append(ours, row.OutRequestNo)
			}
			for _, conflict := range found.Different {
				different = append(different, conflict.Ours.OutRequestNo+" "+strings.Join(conflict.Columns, " "))
			}
			assert.Equal(t, c.onlyOurs, ours)
			assert.Equal(t, c.onlyTheirs, found.OnlyTheirs)
			assert.Equal(t, c.different, different)
		})
	}
}

func TestListsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]string{
		"empty":              "",
		"without numbers":    "method,result\n",
		"a name twice":       "out_request_no,method,method\n",
		"a number twice":     "out_request_no\n" + strings.Repeat("EVENT-000001\n", 2),
		"an empty number":    "out_request_no,method\n,citycard.financial.close\n",
		"too few columns":    "out_request_no,method\nEVENT-000001\n",
		"a quote left open":  "out_request_no\n\"EVENT-000001\n",
		"a quote in between": "out_request_no\nEVENT\"-000001\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reconciliation, c := busyDay(t)
			_, err := reconciliation.Compare(t.Context(), c.partner.AppID, day(t, "2026-11-22"), strings.NewReader(list))
			assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err))
			assert.NotContains(t, err.Error(), "EVENT-", "what was uploaded is not repeated")
		})
	}
}

// counted keeps what a tally hands over.
type counted struct {
	counts  map[citycard.CallbackKind]int64
	failing error
}

func (c *counted) AddCallbackCounts(_ context.Context, counts []citycard.CallbackCount) error {
	if c.failing != nil {
		return c.failing
	}
	for _, count := range counts {
		c.counts[count.CallbackKind] += count.Count
	}
	return nil
}

func (c *counted) CallbackCounts(context.Context, citycard.Date, citycard.Date) ([]citycard.CallbackCount, error) {
	return nil, nil
}

func TestTheTallyLosesNothingWhileTheStoreIsDown(t *testing.T) {
	t.Parallel()
	now := noon(day(t, "2026-11-22"))
	store := &counted{counts: map[citycard.CallbackKind]int64{}, failing: errDown}
	tally := &citycard.CallbackTally{Counts: store, Clock: func() time.Time { return now }}
	require.NoError(t, tally.Flush(t.Context()), "nothing to hand over")
	kind := citycard.CallbackKind{AppID: bankApp, Profile: citycard.ProfileGateway, Outcome: citycard.CallbackRefused, Code: "isv.invalid-signature"}
	tally.Add(kind)
	require.ErrorIs(t, tally.Flush(t.Context()), errDown)
	tally.Add(kind)
	store.failing = nil
	ticks, done := make(chan time.Time), make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		defer close(done)
		tally.Run(ctx, ticks, func(err error) { assert.NoError(t, err) })
	}()
	ticks <- now
	ticks <- now // taken only when the first was worked off
	stop()
	<-done
	kind.Day = citycard.DateOf(now)
	assert.Equal(t, map[citycard.CallbackKind]int64{kind: 2}, store.counts)
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	assert.Equal(t, citycard.CallbackRefused, citycard.OutcomeOf(citycard.PartnerReply{}, errDown))
	assert.Equal(t, citycard.CallbackRepeated, citycard.OutcomeOf(citycard.PartnerReply{Repeated: true, Result: citycard.ResultStale}, nil))
	assert.Equal(t, citycard.CallbackStale, citycard.OutcomeOf(citycard.PartnerReply{Result: citycard.ResultStale}, nil))
	assert.Equal(t, citycard.CallbackAccepted, citycard.OutcomeOf(citycard.PartnerReply{Result: citycard.ResultApplied}, nil))
}
