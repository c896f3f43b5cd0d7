package citycard_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// ledger is a store of counted days in memory: cards to count, and what was kept.
type ledger struct {
	cards    map[citycard.Date][]citycard.ReceivedGroup
	requests []citycard.RequestCount
	kept     map[citycard.Date]citycard.DayCounts
	received map[citycard.Date]citycard.ReceivedCounts
	counted  int
	// slow moves the clock with every day of receipt counted.
	slow func()
}

func (l *ledger) CountDay(context.Context, time.Time, time.Time) (citycard.DayCounts, error) {
	l.counted++
	return citycard.DayCounts{Requests: l.requests}, nil
}

func (l *ledger) KeptDays(context.Context, citycard.Date, citycard.Date) ([]citycard.DayCounts, error) {
	var list []citycard.DayCounts
	for _, counts := range l.kept {
		list = append(list, counts)
	}
	return list, nil
}

func (l *ledger) KeepDay(_ context.Context, counts citycard.DayCounts, _ time.Time) error {
	l.kept[counts.Day] = counts
	return nil
}

func (l *ledger) CountReceived(_ context.Context, on citycard.Date, states []citycard.FinancialState) ([]citycard.ReceivedGroup, error) {
	l.counted++
	if l.slow != nil {
		l.slow()
	}
	var groups []citycard.ReceivedGroup
	for _, group := range l.cards[on] {
		for _, state := range states {
			if group.Financial == state {
				groups = append(groups, group)
			}
		}
	}
	return groups, nil
}

func (l *ledger) KeptReceived(context.Context, citycard.Date, citycard.Date) ([]citycard.ReceivedCounts, error) {
	var list []citycard.ReceivedCounts
	for _, counts := range l.received {
		list = append(list, counts)
	}
	return list, nil
}

func (l *ledger) KeepReceived(_ context.Context, counts citycard.ReceivedCounts) error {
	l.received[counts.Day] = counts
	return nil
}

// twoPeriods is a city that counts 180 and 300 days until the end of 2026 and then six months and no longer loses
// anything.
const twoPeriods = `{"home":"320100","policies":[` +
	`{"region":"320100","valid_from":"2020-01-01","valid_to":"2026-12-31","medical_restriction":{"days":180},"financial_deadline":{"days":300},` + cityRest + `},` +
	`{"region":"320100","valid_from":"2027-01-01","valid_to":null,"medical_restriction":{"months":6},"financial_deadline":{},` + cityRest + `}]}`

const cityRest = `"name":{"zh":"南京市","en":"Nanjing"},"financial_activation":"online_full","face_minutes":10,"bank_confirm_days":7,` +
	`"social_online_allowed":true,"activate_before_collected":false,"social_with_financial":true,"online_cure_allowed":false,` +
	`"other_foreigners_allowed":false,"temp_loss_days":7,"formal_loss_revocable":false,"renewal_notice_days":[60],` +
	`"designated_places":[{"code":"P1","name":{"zh":"中心","en":"Centre"},"address":{"zh":"南京","en":"Nanjing"},"phone":"12333"}],` +
	`"banks":{"102":{"zh":"工行","en":"ICBC"}},"reissue_fee_fen":2000,"waivers":["low_income"],"password_retry":3,"guardian_age":16,` +
	`"qualification_months":12,"two_card_window_minutes":10,` +
	`"mismatch_limit":{"per_citizen_day":5,"per_number_day":10,"per_address_hour":30},"texts":{}`

// counting is the dashboard over a ledger, at noon of 22 November 2026.
func counting(t *testing.T) (*citycard.Statistics, *ledger, *time.Time) {
	t.Helper()
	policies, err := citycard.ParsePolicies(strings.NewReader(twoPeriods))
	require.NoError(t, err)
	now := noonOf("2026-11-22")
	l := &ledger{
		cards: map[citycard.Date][]citycard.ReceivedGroup{}, kept: map[citycard.Date]citycard.DayCounts{},
		received: map[citycard.Date]citycard.ReceivedCounts{},
	}
	return &citycard.Statistics{Days: l, Policies: policies, Clock: func() time.Time { return now }}, l, &now
}

func TestADayIsCountedUntilItIsOver(t *testing.T) {
	t.Parallel()
	statistics, l, now := counting(t)
	today := citycard.DateOf(*now)
	l.requests = []citycard.RequestCount{{Channel: citycard.ChannelH5, Status: citycard.ActivationActivated, Count: 3}}
	for range 2 {
		days, err := statistics.Daily(t.Context(), today.AddDays(-2), today)
		require.NoError(t, err)
		require.Len(t, days, 3)
		for i, counts := range days {
			assert.Equal(t, today.AddDays(i-2), counts.Day)
			assert.Equal(t, l.requests, counts.Requests)
		}
	}
	assert.Equal(t, 4, l.counted, "the two days that are over once, today every time")

	*now = today.End().Add(2 * time.Hour)
	_, err := statistics.Daily(t.Context(), today, today)
	require.NoError(t, err)
	assert.NotContains(t, l.kept, today, "an activation begun before midnight may still end")
	*now = today.End().Add(3 * time.Hour)
	_, err = statistics.Daily(t.Context(), today, today)
	require.NoError(t, err)
	assert.Contains(t, l.kept, today)
}

func TestRangesOfDaysThatAreRefused(t *testing.T) {
	t.Parallel()
	statistics, _, now := counting(t)
	today := citycard.DateOf(*now)
	for name, days := range map[string][2]citycard.Date{
		"ends before it begins": {today, today.AddDays(-1)},
		"tomorrow":              {today, today.AddDays(1)},
		"too long":              {today.AddDays(-92), today},
	} {
		_, err := statistics.Daily(t.Context(), days[0], days[1])
		assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err), name)
		_, err = statistics.PartnerResults(t.Context(), days[0], days[1])
		assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err), name)
	}
	_, err := statistics.Daily(t.Context(), today.AddDays(-91), today)
	require.NoError(t, err)
	for _, weeks := range []int{0, 53} {
		_, err = statistics.Exposure(t.Context(), weeks)
		assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err))
	}
}

func TestTheFunnelTellsWhereRequestsEnded(t *testing.T) {
	t.Parallel()
	request := func(status citycard.ActivationStatus, failure citycard.Code, n int64) citycard.RequestCount {
		return citycard.RequestCount{Channel: citycard.ChannelH5, Status: status, Failure: failure, Count: n}
	}
	funnel := citycard.FunnelOf([]citycard.DayCounts{
		{Requests: []citycard.RequestCount{
			request(citycard.ActivationActivated, "", 50), request(citycard.ActivationPendingBank, "", 7),
			request(citycard.ActivationAwaitingIdentity, "", 4), request(citycard.ActivationFailed, citycard.CodeLoginCodeInvalid, 9),
		}},
		{Requests: []citycard.RequestCount{
			request(citycard.ActivationFailed, citycard.CodeIdentityMismatch, 2), request(citycard.ActivationFailed, citycard.CodeCardNotMatched, 5),
			request(citycard.ActivationFailed, citycard.CodeCardFrozen, 1), request(citycard.ActivationFailed, citycard.CodeMultipleCards, 3),
			request(citycard.ActivationFailed, citycard.CodeLoginCodeInvalid, 1),
		}},
	})
	assert.Equal(t, map[citycard.FunnelStage]int64{
		citycard.FunnelStarted: 82, citycard.FunnelConfirmed: 66, citycard.FunnelMatched: 61, citycard.FunnelActivated: 57,
	}, funnel.Reached)
	assert.Equal(t, int64(7), funnel.PendingBank)
	assert.Equal(t, []citycard.Drop{
		{Stage: citycard.FunnelStarted, Reason: "login_code_invalid", Count: 10},
		{Stage: citycard.FunnelStarted, Reason: "awaiting_identity", Count: 4},
		{Stage: citycard.FunnelStarted, Reason: "identity_mismatch", Count: 2},
		{Stage: citycard.FunnelConfirmed, Reason: "card_not_matched", Count: 5},
		{Stage: citycard.FunnelMatched, Reason: "multiple_cards", Count: 3},
		{Stage: citycard.FunnelMatched, Reason: "card_frozen", Count: 1},
	}, funnel.Drops)
}

func TestExposureFollowsThePolicyThatWillBeInForce(t *testing.T) {
	t.Parallel()
	statistics, l, _ := counting(t)
	group := func(social citycard.SocialState, financial citycard.FinancialState, cards int64) citycard.ReceivedGroup {
		return citycard.ReceivedGroup{Region: "320100", Social: social, Financial: financial, Cards: cards}
	}
	tempLost, frozen := group(citycard.SocialTempLost, citycard.FinancialInactive, 10), group(citycard.SocialSealed, citycard.FinancialFrozen, 100)
	tempLost.SocialBefore, frozen.FinancialBefore = citycard.SocialActive, citycard.FinancialInactive
	opened := group(citycard.SocialSealed, citycard.FinancialFrozen, 1000)
	opened.FinancialBefore = citycard.FinancialActive
	// Received 300 days before 24 November: lost at that day's end, in the first week.
	l.cards[day(t, "2026-01-28")] = []citycard.ReceivedGroup{
		group(citycard.SocialSealed, citycard.FinancialInactive, 1), group(citycard.SocialActive, citycard.FinancialPendingBank, 2),
		group(citycard.SocialAutoLost, citycard.FinancialInactive, 4), group(citycard.SocialFormalLost, citycard.FinancialInactive, 5),
		group(citycard.SocialSealed, citycard.FinancialActive, 6), tempLost, frozen, opened,
	}
	// Received 180 days before 1 December: restricted in the second week where nothing was ever active.
	l.cards[day(t, "2026-06-04")] = []citycard.ReceivedGroup{
		group(citycard.SocialSealed, citycard.FinancialInactive, 20), group(citycard.SocialActive, citycard.FinancialInactive, 21),
	}
	// 300 days would end in 2027, when the city no longer counts them; six months end on 10 January.
	l.cards[day(t, "2026-07-10")] = []citycard.ReceivedGroup{group(citycard.SocialSealed, citycard.FinancialInactive, 30)}
	exposure, err := statistics.Exposure(t.Context(), 13)
	require.NoError(t, err)
	week := func(from string, kind citycard.DeadlineKind, cards int64) citycard.ExposureWeek {
		return citycard.ExposureWeek{From: day(t, from), Region: "320100", Kind: kind, Cards: cards}
	}
	assert.Equal(t, []citycard.ExposureWeek{
		week("2026-11-22", citycard.DeadlineLost, 1+2+10+100), week("2026-11-29", citycard.DeadlineRestricted, 20),
		week("2027-01-10", citycard.DeadlineRestricted, 30),
	}, exposure.Weeks)
	assert.Zero(t, exposure.Missing)

	one, err := statistics.Exposure(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, exposure.Weeks[:1], one.Weeks)
}

func TestExposureCountsOnlyWhatIsOldAndNoLongerThanItMay(t *testing.T) {
	t.Parallel()
	statistics, l, now := counting(t)
	l.slow = func() { *now = now.Add(100 * time.Millisecond) }
	first, err := statistics.Exposure(t.Context(), 2)
	require.NoError(t, err)
	assert.Equal(t, 20, l.counted, "two seconds' worth")
	assert.Positive(t, first.Missing)
	second, err := statistics.Exposure(t.Context(), 2)
	require.NoError(t, err)
	assert.Less(t, second.Missing, first.Missing)
	l.slow = nil
	_, err = statistics.Exposure(t.Context(), 2)
	require.NoError(t, err)
	all := l.counted
	third, err := statistics.Exposure(t.Context(), 2)
	require.NoError(t, err)
	assert.Equal(t, all, l.counted, "nothing is old yet")
	assert.Zero(t, third.Missing)
	assert.True(t, third.CountedAt.Before(*now))

	*now = now.Add(6 * time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	ticks := make(chan time.Time)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		statistics.Run(ctx, ticks, func(err error) { assert.NoError(t, err) })
	}()
	ticks <- *now
	ticks <- *now // the first is done
	cancel()
	<-ended
	assert.Greater(t, l.counted, all, "the background counts anew before a page has to")
}
