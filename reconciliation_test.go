package citycard_test

import (
	"bytes"
	"context"
	"slices"
	"strconv"
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
	return &citycard.Reconciliation{Records: c, Kept: &comparisons{}, Clock: func() time.Time { return c.now }}, c
}

// comparisons keeps comparisons in memory.
type comparisons struct {
	kept []citycard.Comparison
	by   []*citycard.StaffAction
}

func (k *comparisons) KeepReconciliation(_ context.Context, c citycard.Comparison, by *citycard.StaffAction) error {
	k.kept, k.by = append(k.kept, c), append(k.by, by)
	return nil
}

func (k *comparisons) last(appID string, on citycard.Date) (citycard.Comparison, error) {
	for _, c := range slices.Backward(k.kept) {
		if c.AppID == appID && c.Day == on {
			return c, nil
		}
	}
	return citycard.Comparison{}, &citycard.Error{Code: citycard.CodeNotFound}
}

func (k *comparisons) FindReconciliation(_ context.Context, appID string, on citycard.Date) (citycard.ReconciliationResult, error) {
	c, err := k.last(appID, on)
	return c.ReconciliationResult, err
}

func (k *comparisons) ReconciliationLines(_ context.Context, appID string, on citycard.Date, kind citycard.DifferenceKind) ([]byte, error) {
	c, err := k.last(appID, on)
	return c.Lines[kind], err
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

// told is a kept line as text: the number and what the partner tells.
func told(line citycard.DifferenceLine) string {
	parts := []string{line.Ours.OutRequestNo}
	for _, their := range line.Theirs {
		parts = append(parts, their.Column+"="+their.Value)
	}
	return strings.Join(parts, " ")
}

func TestComparingLists(t *testing.T) {
	t.Parallel()
	const spoiled = "EVENT-000002,citycard.financial.lose,STALE,B12****78,2026-11-22T11:58:00+08:00"
	for _, c := range []struct {
		name, list                      string
		same                            int64
		onlyOurs, onlyTheirs, different []string
	}{
		{"our own list", dailyList, 3, nil, nil, nil},
		{"numbers alone, with a byte order mark", "\ufeffout_request_no\r\nEVENT-000001\r\nEVENT-000002\r\nEVENT-000003\r\n", 3, nil, nil, nil},
		{"an event the partner put on the day before midnight", "out_request_no\nEVENT-000001\nEVENT-000002\nEVENT-000003\nEVENT-000004\n", 4, nil, nil, nil},
		{"one missing there, one missing here", "out_request_no\nEVENT-000001\nEVENT-000003\nEVENT-000777\n", 2, []string{"EVENT-000002"}, []string{"EVENT-000777"}, nil},
		{"nothing at all", "out_request_no\n", 0, []string{"EVENT-000001", "EVENT-000002", "EVENT-000003"}, nil, nil},
		{
			"an event of another day", "out_request_no,method,occurred_at\nEVENT-000888,citycard.financial.lose,2026/11/2 9:05\n", 0,
			[]string{"EVENT-000001", "EVENT-000002", "EVENT-000003"},
			[]string{"EVENT-000888 method=citycard.financial.lose occurred_at=2026-11-02T09:05:00+08:00"}, nil,
		},
		{
			"the same told differently",
			"Out_Request_No,method,result,card_number_masked,occurred_at,remark\n" +
				"EVENT-000001,citycard.financial.close,,A12345678,2026-11-22T03:59:00Z,whole number and another zone\n" +
				spoiled + ",\nEVENT-000003,,,,,\n", 1, nil, nil,
			[]string{
				"EVENT-000001 method=citycard.financial.close",
				"EVENT-000002 result=STALE card_number_masked=B12****78 occurred_at=2026-11-22T11:58:00+08:00",
			},
		},
		{
			"as a spreadsheet program writes it in GB18030, lines without text at its end",
			"out_request_no,\xb1\xb8\xd7\xa2,result,occurred_at\r\n'EVENT-000001,\xd5\xc5\xc8\xfd,\xb3\xc9\xb9\xa6,2026/11/22 11:59:00\r\n" +
				"EVENT-000002\t,,APPLIED,2026-11-22 11:59\r\n\"EVENT-000003\",,STALE,2026-11-21 09:00:00\r\n,,,\r\n", 2, nil, nil,
			[]string{"EVENT-000001 result=?"},
		},
		{"a card that is none", "out_request_no,card_number_masked\nEVENT-000001,Li Si\nEVENT-000002,b12345678\nEVENT-000003,a12****78\n", 1, nil, nil,
			[]string{"EVENT-000001 card_number_masked=?", "EVENT-000002 card_number_masked=B12****78"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reconciliation, desk := busyDay(t)
			found, err := reconciliation.Reconcile(t.Context(), desk.partner.AppID, day(t, "2026-11-22"), strings.NewReader(c.list), nil)
			require.NoError(t, err)
			lines := map[citycard.DifferenceKind][]string{}
			for _, kind := range citycard.DifferenceKinds() {
				kept, err := reconciliation.Differences(t.Context(), desk.partner.AppID, day(t, "2026-11-22"), kind, 10)
				require.NoError(t, err)
				for _, line := range kept {
					lines[kind] = append(lines[kind], told(line))
				}
				assert.Len(t, kept, int(found.Count(kind)))
			}
			assert.Equal(t, c.same, found.Same)
			assert.Equal(t, c.onlyOurs, lines[citycard.DifferenceOurs])
			assert.Equal(t, c.onlyTheirs, lines[citycard.DifferenceTheirs])
			assert.Equal(t, c.different, lines[citycard.DifferenceTold])
			assert.Equal(t, c.same == 0 && len(c.onlyTheirs) > 0, found.Strange())
		})
	}
}

func TestWhatIsKeptOfADifference(t *testing.T) {
	t.Parallel()
	reconciliation, desk := busyDay(t)
	app, on := desk.partner.AppID, day(t, "2026-11-22")
	_, err := reconciliation.Reconcile(t.Context(), app, on, strings.NewReader("out_request_no\n"), nil)
	require.NoError(t, err)
	var listed []citycard.ReconciliationRow
	require.NoError(t, reconciliation.Each(t.Context(), app, [2]citycard.Date{on, on}, func(row citycard.ReconciliationRow) error {
		listed = append(listed, row)
		return nil
	}))
	var kept []citycard.ReconciliationRow
	require.NoError(t, reconciliation.EachDifference(t.Context(), app, on, citycard.DifferenceOurs, func(line citycard.DifferenceLine) error {
		kept = append(kept, line.Ours)
		return nil
	}))
	assert.Equal(t, listed, kept)
	assert.NotEmpty(t, kept[0].CardRef, "leads to the card")
	first, err := reconciliation.Differences(t.Context(), app, on, citycard.DifferenceOurs, 2)
	require.NoError(t, err)
	assert.Len(t, first, 2)
}

func TestListsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	const header = "out_request_no,method,occurred_at\n"
	for name, c := range map[string]struct{ list, line string }{
		"empty":                          {"", "1 "},
		"without numbers":                {"method,result\n", "1 out_request_no"},
		"semicolons":                     {"out_request_no;method\n", "1 "},
		"a name twice":                   {"out_request_no,method,Method\n", "1 method"},
		"a number twice":                 {"out_request_no\n" + strings.Repeat("EVENT-000001\n", 2), "3 out_request_no"},
		"an empty number":                {header + "EVENT-000001,,\n,citycard.financial.close,\n", "3 out_request_no"},
		"a number that was rounded":      {header + "2.02611E+17,,\n", "2 out_request_no"},
		"no number":                      {header + "EVENT 1,,\n", "2 out_request_no"},
		"no time":                        {header + "EVENT-000001,,yesterday\n", "2 occurred_at"},
		"a time with a day that is none": {header + "EVENT-000001,,2026-11-31 10:00:00\n", "2 occurred_at"},
		"too few columns":                {header + "EVENT-000001\n", "2 "},
		"a quote left open":              {"out_request_no\n\"EVENT-000001\nEVENT-000002\n", "2 "},
		"a quote in between":             {"out_request_no\nEVENT-000002\nEVENT\"-000001\n", "3 "},
		"UTF-16":                         {"\xff\xfeo\x00u\x00t\x00", "1 "},
		"a spreadsheet":                  {"PK\x03\x04\x00\x00", "1 "},
		"no header but a row":            {"EVENT-000001,citycard.financial.close\n", "1 out_request_no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reconciliation, c2 := busyDay(t)
			_, err := reconciliation.Reconcile(t.Context(), c2.partner.AppID, day(t, "2026-11-22"), strings.NewReader(c.list), nil)
			require.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err))
			var problem *citycard.ReconciliationProblem
			require.ErrorAs(t, err, &problem)
			assert.Equal(t, c.line, strconv.FormatInt(problem.Line, 10)+" "+problem.Column)
			assert.NotContains(t, err.Error(), "EVENT-", "what was uploaded is not repeated")
			_, err = reconciliation.Kept.FindReconciliation(t.Context(), c2.partner.AppID, day(t, "2026-11-22"))
			assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err), "nothing is kept")
		})
	}
}

func TestADayThatHasNotCome(t *testing.T) {
	t.Parallel()
	reconciliation, c := busyDay(t)
	for _, on := range []citycard.Date{{}, citycard.DateOf(c.now).AddDays(1)} {
		_, err := reconciliation.Reconcile(t.Context(), c.partner.AppID, on, strings.NewReader("out_request_no\n"), nil)
		assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err), on)
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

// TestListsWaitForTheirTurn holds that a list waits while as many as may be are compared, and gives up with its request.
func TestListsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	reconciliation, c := busyDay(t)
	reconciliation.Turns = make(chan struct{}, 1)
	on := day(t, "2026-11-22")
	for range 2 {
		_, err := reconciliation.Reconcile(t.Context(), c.partner.AppID, on, strings.NewReader(dailyList), nil)
		require.NoError(t, err, "a turn is given back")
	}
	_, err := reconciliation.Reconcile(t.Context(), c.partner.AppID, on, strings.NewReader(""), nil)
	require.Error(t, err)
	reconciliation.Turns <- struct{}{}
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err = reconciliation.Reconcile(gone, c.partner.AppID, on, strings.NewReader(dailyList), nil)
	require.ErrorIs(t, err, context.Canceled)
}
