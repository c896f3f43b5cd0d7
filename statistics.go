package citycard

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// EnabledCount is how many applications one channel, and where it was a callback one partner, brought into a state
// on a day: active, or pending_bank. Cards that a file brought in active are not counted: nobody enabled them here.
type EnabledCount struct {
	Machine Machine `json:"machine"`
	State   string  `json:"state"`
	Channel Channel `json:"channel"`
	// Partner is the app id of the partner that reported it, empty where none did.
	Partner string `json:"partner,omitempty"`
	Count   int64  `json:"count"`
}

// RequestCount is how many of the activations that citizens began on a day have a status, and where they failed why.
type RequestCount struct {
	Channel Channel          `json:"channel"`
	Status  ActivationStatus `json:"status"`
	Failure Code             `json:"failure,omitempty"`
	Count   int64            `json:"count"`
}

// DayCounts is what is counted of one day.
type DayCounts struct {
	Day      Date           `json:"day"`
	Enabled  []EnabledCount `json:"enabled"`
	Requests []RequestCount `json:"requests"`
}

// CountedDays is the store of what was counted, and counts.
type CountedDays interface {
	// CountDay counts what was recorded, and which requests began, from one moment on and before another.
	CountDay(ctx context.Context, from, to time.Time) (DayCounts, error)
	// KeptDays gives the counts kept of days from one to another, both included, in order; days never kept are missing.
	KeptDays(ctx context.Context, from, to Date) ([]DayCounts, error)
	// KeepDay keeps the counts of a day that is over.
	KeepDay(ctx context.Context, counts DayCounts, now time.Time) error

	// CountReceived groups the collected cards received on a day whose financial application is in one of the states.
	CountReceived(ctx context.Context, on Date, states []FinancialState) ([]ReceivedGroup, error)
	// KeptReceived gives what was kept of days of receipt from one to another, both included.
	KeptReceived(ctx context.Context, from, to Date) ([]ReceivedCounts, error)
	// KeepReceived keeps the groups of a day of receipt.
	KeepReceived(ctx context.Context, counts ReceivedCounts) error
}

// Statistics counts what the dashboard shows. Days that are over are counted once and kept; a request costs as much
// as the days it names, however many cards there are.
type Statistics struct {
	Days      CountedDays
	Callbacks CallbackCounts
	Policies  *Policies
	Clock     func() time.Time
}

const (
	// settled is how long after its end a day no longer changes: the last activation begun on it has ended.
	settled = activationLifetime + time.Hour
	// MostStatisticDays is how many days may be asked for at once.
	MostStatisticDays = 92
)

// checkRange refuses ranges of days that end before they begin, lie in the future or are too long.
func checkRange(from, to, today Date) error {
	switch {
	case to.Before(from):
		return refuseField(CodeInvalidPayload, "to", "the last day lies before the first")
	case today.Before(to):
		return refuseField(CodeInvalidPayload, "to", "the last day lies in the future")
	case from.DaysUntil(to) >= MostStatisticDays:
		return refuseField(CodeInvalidPayload, "from", "at most 92 days can be shown at once")
	}
	return nil
}

// Daily gives the counts of every day from one to another, both included, oldest first.
func (s *Statistics) Daily(ctx context.Context, from, to Date) ([]DayCounts, error) {
	now := s.Clock()
	if err := checkRange(from, to, DateOf(now)); err != nil {
		return nil, err
	}
	kept, err := s.Days.KeptDays(ctx, from, to)
	if err != nil {
		return nil, err
	}
	byDay := make(map[Date]DayCounts, len(kept))
	for _, day := range kept {
		byDay[day.Day] = day
	}
	days := make([]DayCounts, 0, from.DaysUntil(to)+1)
	for day := from; !to.Before(day); day = day.AddDays(1) {
		counts, known := byDay[day]
		if !known {
			if counts, err = s.count(ctx, day, now); err != nil {
				return nil, err
			}
		}
		days = append(days, counts)
	}
	return days, nil
}

// count counts one day, and keeps it where it is over.
func (s *Statistics) count(ctx context.Context, day Date, now time.Time) (DayCounts, error) {
	counts, err := s.Days.CountDay(ctx, day.Start(), day.End())
	if err != nil {
		return DayCounts{}, err
	}
	counts.Day = day
	if now.Before(day.End().Add(settled)) {
		return counts, nil
	}
	return counts, s.Days.KeepDay(ctx, counts, now)
}

// PartnerResult is what became of one partner's callbacks over some days.
type PartnerResult struct {
	AppID   string
	Outcome CallbackOutcome
	// Code is the refusal's code, empty where there is none.
	Code  string
	Count int64
}

// PartnerResults sums up the callbacks of every day from one to another, by partner, outcome and code.
func (s *Statistics) PartnerResults(ctx context.Context, from, to Date) ([]PartnerResult, error) {
	if err := checkRange(from, to, DateOf(s.Clock())); err != nil {
		return nil, err
	}
	counted, err := s.Callbacks.CallbackCounts(ctx, from, to)
	if err != nil {
		return nil, err
	}
	sums := map[PartnerResult]int64{}
	for _, c := range counted {
		sums[PartnerResult{AppID: c.AppID, Outcome: c.Outcome, Code: c.Code}] += c.Count
	}
	results := make([]PartnerResult, 0, len(sums))
	for result, n := range sums {
		result.Count = n
		results = append(results, result)
	}
	slices.SortFunc(results, func(a, b PartnerResult) int {
		return cmp.Or(cmp.Compare(a.AppID, b.AppID), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Code, b.Code))
	})
	return results, nil
}
