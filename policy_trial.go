package citycard

import (
	"context"
	"time"
)

// TrialKind is what a policy would do to a card at once.
type TrialKind string

// The kinds. Restricted and unrestricted speak of the original medical insurance card; lost and released of the
// social security application, by the deadline or the end of a temporary loss.
const (
	TrialRestricted   TrialKind = "restricted"
	TrialUnrestricted TrialKind = "unrestricted"
	TrialLost         TrialKind = "lost"
	TrialReleased     TrialKind = "released"
)

// TrialKinds lists the kinds.
func TrialKinds() []TrialKind {
	return []TrialKind{TrialRestricted, TrialUnrestricted, TrialLost, TrialReleased}
}

// TrialState is how far a dry run is. One that runs and was not heard of for a minute was left by a process that
// stopped; read off the clock it is failed.
type TrialState string

// The states.
const (
	TrialRunning TrialState = "running"
	TrialDone    TrialState = "done"
	TrialFailed  TrialState = "failed"
)

const (
	// mostTrialCards bounds how many cards of a kind a dry run names.
	mostTrialCards = 200
	// trialBeat is after how many cards a dry run tells how far it is, trialSilence when it counts as left.
	trialBeat    = 20_000
	trialSilence = time.Minute
)

// TrialCard is a card that a policy would do something to.
type TrialCard struct {
	Ref  string    `json:"ref"`
	Kind TrialKind `json:"kind"`
}

// PolicyTrial is a dry run: a policy judged on every card of its region, as on the day On. Nothing changes. Found
// names the first cards of each kind, 200 at most; Counts are of all.
type PolicyTrial struct {
	ID        string
	Record    []byte
	Region    string
	ValidFrom Date
	ValidTo   Date
	On        Date
	State     TrialState
	// Judged is how many cards were looked at.
	Judged      int64
	Counts      map[TrialKind]int64
	Found       []TrialCard
	RequestedBy string
	StartedAt   time.Time
	// SeenAt is when it last told how far it is.
	SeenAt time.Time
}

// At is the trial at a moment: failed where it was left.
func (t PolicyTrial) At(now time.Time) PolicyTrial {
	if t.State == TrialRunning && now.Sub(t.SeenAt) >= trialSilence {
		t.State = TrialFailed
	}
	return t
}

// PolicyTrials is the store of dry runs.
type PolicyTrials interface {
	// AddTrial stores a new one with the action that records it.
	AddTrial(ctx context.Context, t PolicyTrial, by StaffAction) error
	// SaveTrial stores how far one is.
	SaveTrial(ctx context.Context, t PolicyTrial) error
	// Trial finds one by id; not_found where there is none.
	Trial(ctx context.Context, id string) (PolicyTrial, error)
	// EachCard visits every card of a region, without changing any.
	EachCard(ctx context.Context, region string, visit func(*Card) error) error
}

// trialOf lists what it would do to a card that another policy holds from a moment on.
func trialOf(card *Card, before, after Policy, at time.Time) []TrialKind {
	if card.Fulfilment != FulfilmentCollected || !card.Live() {
		return nil
	}
	var kinds []TrialKind
	switch was, will := card.MedicalRestricted(before, DateOf(at)), card.MedicalRestricted(after, DateOf(at)); {
	case will && !was:
		kinds = append(kinds, TrialRestricted)
	case was && !will:
		kinds = append(kinds, TrialUnrestricted)
	}
	switch was, will := card.SocialAt(before, at).lost(), card.SocialAt(after, at).lost(); {
	case will && !was:
		kinds = append(kinds, TrialLost)
	case was && !will:
		kinds = append(kinds, TrialReleased)
	}
	return kinds
}

// lost tells whether the application counts as lost for now, whoever said so.
func (s SocialState) lost() bool { return s == SocialTempLost || s == SocialAutoLost }

// with is the trial with one more card counted.
func (t PolicyTrial) with(ref string, kinds []TrialKind) PolicyTrial {
	t.Judged++
	for _, kind := range kinds {
		t.Counts[kind]++
		if t.Counts[kind] <= mostTrialCards {
			t.Found = append(t.Found, TrialCard{ref, kind})
		}
	}
	return t
}
