package citycard

import (
	"context"
	"slices"
	"time"
)

// ReceivedGroup is how many cards received on one day are in the same states: what the deadlines are judged by.
type ReceivedGroup struct {
	Region          string         `json:"region"`
	Social          SocialState    `json:"social"`
	SocialBefore    SocialState    `json:"social_before,omitempty"`
	SocialHeld      SocialState    `json:"social_held,omitempty"`
	Financial       FinancialState `json:"financial"`
	FinancialBefore FinancialState `json:"financial_before,omitempty"`
	Cards           int64          `json:"cards"`
}

// ReceivedCounts are the groups of one day of receipt, as they were at a moment.
type ReceivedCounts struct {
	Day       Date
	Groups    []ReceivedGroup
	CountedAt time.Time
}

// DeadlineKind names one of the two deadlines that run from the day of receipt.
type DeadlineKind string

// The deadlines: the original medical insurance card is restricted, the social security application is lost.
const (
	DeadlineRestricted DeadlineKind = "restricted"
	DeadlineLost       DeadlineKind = "lost"
)

// DeadlineKinds lists the deadlines.
func DeadlineKinds() []DeadlineKind { return []DeadlineKind{DeadlineRestricted, DeadlineLost} }

// lastDay is the deadline's last day for a card under a policy.
func (k DeadlineKind) lastDay(card *Card, policy Policy) Date {
	if k == DeadlineRestricted {
		return card.MedicalRestrictedOn(policy)
	}
	return card.FinancialDueOn(policy)
}

// strikes tells whether the deadline, when it lapses on its last day, does something to the card as it is now.
func (k DeadlineKind) strikes(card *Card, policy Policy, last Date) bool {
	if k == DeadlineRestricted {
		return card.MedicalRestricted(policy, last.AddDays(1))
	}
	return card.Social != SocialAutoLost && card.SocialAt(policy, last.End()) == SocialAutoLost
}

// Deadline is the last day of a deadline that will do something to the card if nothing is done, under the policy
// that will be in force when it lapses; zero where it will not.
func (p *Policies) Deadline(kind DeadlineKind, card *Card, today Date) Date {
	policy, known := p.For(card.Region, today)
	if !known || card.Fulfilment != FulfilmentCollected || !card.Live() {
		return Date{}
	}
	last := kind.lastDay(card, policy)
	if last.IsZero() {
		return Date{}
	}
	if then, known := p.For(card.Region, last.AddDays(1)); known {
		policy = then
		last = kind.lastDay(card, policy)
	}
	if last.IsZero() || last.Before(today) || !kind.strikes(card, policy, last) {
		return Date{}
	}
	return last
}

// exposedStates are the states of the financial application in which a deadline may strike.
var exposedStates = []FinancialState{FinancialInactive, FinancialPendingBank, FinancialFrozen}

const (
	// longestClock bounds how many days before today a day of receipt may lie whose deadlines still run.
	longestClock = 800
	// receivedFresh is how long the counts of a day of receipt serve before the page counts anew; those of the
	// background are half as old.
	receivedFresh = 10 * time.Minute
	// countingBudget bounds how long one request may count.
	countingBudget = 2 * time.Second
	// MostExposureWeeks is how many weeks may be asked for.
	MostExposureWeeks = 52
	daysOfWeek        = 7
)

// receivedDays are the days of receipt of which a deadline ends from today on and before the end, in any city,
// oldest first.
func (p *Policies) receivedDays(today, end Date) []Date {
	var days []Date
	for back := longestClock; back >= 0; back-- {
		day := today.AddDays(-back)
		if p.anyDeadline(day, today, end) {
			days = append(days, day)
		}
	}
	return days
}

func (p *Policies) anyDeadline(received, today, end Date) bool {
	for _, region := range p.Regions() {
		card := &Card{Region: region, ReceivedOn: received}
		for _, policy := range p.periods()[region] {
			for _, kind := range DeadlineKinds() {
				last := kind.lastDay(card, policy)
				if !last.IsZero() && !last.Before(today) && last.Before(end) {
					return true
				}
			}
		}
	}
	return false
}

// ExposureWeek is how many cards of a region a deadline will strike in the seven days that begin on From.
type ExposureWeek struct {
	From   Date
	Region string
	Kind   DeadlineKind
	Cards  int64
}

// Exposure tells how many cards become restricted or lost when, if nobody does anything.
type Exposure struct {
	// Weeks are the weeks that have any, by From, region and kind.
	Weeks []ExposureWeek
	// CountedAt is when the oldest of the counts was taken.
	CountedAt time.Time
	// Missing are days of receipt that were not counted in time; they are counted in the background.
	Missing int
}

// Exposure gives the weeks from today on.
func (s *Statistics) Exposure(ctx context.Context, weeks int) (Exposure, error) {
	return s.exposure(ctx, weeks, receivedFresh)
}

// exposure gives the weeks from counts that are no older than fresh, as far as the budget allows.
func (s *Statistics) exposure(ctx context.Context, weeks int, fresh time.Duration) (Exposure, error) {
	if weeks < 1 || weeks > MostExposureWeeks {
		return Exposure{}, refuseField(CodeInvalidPayload, "weeks", "1 to 52 weeks can be shown")
	}
	now := s.Clock()
	today := DateOf(now)
	days, err := s.received(ctx, weeks, fresh)
	if err != nil {
		return Exposure{}, err
	}
	found := Exposure{CountedAt: now}
	sums := map[ExposureWeek]int64{}
	for _, day := range days {
		if day.CountedAt.IsZero() {
			found.Missing++
			continue
		}
		if day.CountedAt.Before(found.CountedAt) {
			found.CountedAt = day.CountedAt
		}
		for _, group := range day.Groups {
			card := group.card(day.Day)
			for _, kind := range DeadlineKinds() {
				last := s.Policies.Deadline(kind, card, today)
				if week := today.DaysUntil(last) / daysOfWeek; !last.IsZero() && week < weeks {
					sums[ExposureWeek{From: today.AddDays(week * daysOfWeek), Region: group.Region, Kind: kind}] += group.Cards
				}
			}
		}
	}
	for week, cards := range sums {
		week.Cards = cards
		found.Weeks = append(found.Weeks, week)
	}
	slices.SortFunc(found.Weeks, func(a, b ExposureWeek) int {
		return slices.Compare([]string{a.From.String(), a.Region, string(a.Kind)}, []string{b.From.String(), b.Region, string(b.Kind)})
	})
	return found, nil
}

// card is a card of the group. When a loss or a hold began is not kept: a temporary loss counts as run out, as it
// will have when the deadline comes.
func (g ReceivedGroup) card(received Date) *Card {
	return &Card{
		Region: g.Region, Fulfilment: FulfilmentCollected, ReceivedOn: received, Social: g.Social, SocialBefore: g.SocialBefore,
		SocialHeld: g.SocialHeld, Financial: g.Financial, FinancialBefore: g.FinancialBefore,
		Since: map[Machine]time.Time{MachineSocial: received.Start()},
	}
}

// received gives the counts of every day of receipt that matters for some weeks; those older than fresh are taken
// anew, as many as the budget allows. A day that has none yet has no CountedAt.
func (s *Statistics) received(ctx context.Context, weeks int, fresh time.Duration) ([]ReceivedCounts, error) {
	began := s.Clock()
	today := DateOf(began)
	wanted := s.Policies.receivedDays(today, today.AddDays(weeks*daysOfWeek))
	if len(wanted) == 0 {
		return nil, nil
	}
	kept, err := s.Days.KeptReceived(ctx, wanted[0], wanted[len(wanted)-1])
	if err != nil {
		return nil, err
	}
	byDay := make(map[Date]ReceivedCounts, len(kept))
	for _, counts := range kept {
		byDay[counts.Day] = counts
	}
	days := make([]ReceivedCounts, 0, len(wanted))
	for _, day := range wanted {
		counts := byDay[day]
		counts.Day = day
		now := s.Clock()
		if now.Sub(counts.CountedAt) > fresh && now.Sub(began) < countingBudget {
			counts.CountedAt = now
			if counts.Groups, err = s.Days.CountReceived(ctx, day, exposedStates); err != nil {
				return nil, err
			}
			if err := s.Days.KeepReceived(ctx, counts); err != nil {
				return nil, err
			}
		}
		days = append(days, counts)
	}
	return days, nil
}

// Run keeps the counts of the days of receipt young at every tick until ctx ends, so that no page waits for them.
// Failures go to failed.
func (s *Statistics) Run(ctx context.Context, ticks <-chan time.Time, failed func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			if _, err := s.received(ctx, MostExposureWeeks, receivedFresh/2); err != nil && ctx.Err() == nil {
				failed(err)
			}
		}
	}
}
