package citycard

import (
	"cmp"
	"slices"
)

// FunnelStage is how far a citizen's request came.
type FunnelStage string

// The stages, each reached by whoever reached the next.
const (
	FunnelStarted   FunnelStage = "started"
	FunnelConfirmed FunnelStage = "confirmed"
	FunnelMatched   FunnelStage = "matched"
	FunnelActivated FunnelStage = "activated"
)

// FunnelStages lists the stages in their order.
func FunnelStages() []FunnelStage {
	return []FunnelStage{FunnelStarted, FunnelConfirmed, FunnelMatched, FunnelActivated}
}

// Drop is how many requests ended behind a stage for one reason: the code of the refusal, or awaiting_identity for
// those that are still open.
type Drop struct {
	Stage  FunnelStage
	Reason string
	Count  int64
}

// Funnel is the way of citizens' requests from the start to an activated card.
type Funnel struct {
	// Reached counts the requests that came to each stage.
	Reached map[FunnelStage]int64
	// PendingBank are those of the last stage that await the bank.
	PendingBank int64
	// Drops say where the others ended and why, by stage and then most first.
	Drops []Drop
}

// stageOf is the last stage a request reached. What the platform said comes before the record, the record before
// the card's state.
func (r RequestCount) stageOf() FunnelStage {
	switch r.Status {
	case ActivationActivated, ActivationPendingBank:
		return FunnelActivated
	case ActivationAwaitingIdentity:
		return FunnelStarted
	}
	switch r.Failure {
	case CodeLoginCodeInvalid, CodeIdentityMismatch:
		return FunnelStarted
	case CodeCardNotMatched:
		return FunnelConfirmed
	}
	return FunnelMatched
}

// FunnelOf sums up the requests of some days.
func FunnelOf(days []DayCounts) Funnel {
	funnel := Funnel{Reached: map[FunnelStage]int64{}}
	drops := map[Drop]int64{}
	stages := FunnelStages()
	for _, day := range days {
		for _, r := range day.Requests {
			last := r.stageOf()
			for _, stage := range stages[:slices.Index(stages, last)+1] {
				funnel.Reached[stage] += r.Count
			}
			switch r.Status {
			case ActivationActivated:
			case ActivationPendingBank:
				funnel.PendingBank += r.Count
			case ActivationAwaitingIdentity:
				drops[Drop{Stage: last, Reason: string(ActivationAwaitingIdentity)}] += r.Count
			default:
				drops[Drop{Stage: last, Reason: string(r.Failure)}] += r.Count
			}
		}
	}
	for drop, n := range drops {
		drop.Count = n
		funnel.Drops = append(funnel.Drops, drop)
	}
	slices.SortFunc(funnel.Drops, func(a, b Drop) int {
		return cmp.Or(cmp.Compare(slices.Index(stages, a.Stage), slices.Index(stages, b.Stage)),
			cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
	return funnel
}
