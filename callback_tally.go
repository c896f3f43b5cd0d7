package citycard

import (
	"context"
	"sync"
	"time"
)

// CallbackOutcome is what became of a partner's message.
type CallbackOutcome string

// The outcomes.
const (
	CallbackAccepted CallbackOutcome = "accepted"
	CallbackRepeated CallbackOutcome = "repeated"
	CallbackStale    CallbackOutcome = "stale"
	CallbackRefused  CallbackOutcome = "refused"
)

// OutcomeOf tells what became of a report that PartnerDesk answered.
func OutcomeOf(reply PartnerReply, err error) CallbackOutcome {
	switch {
	case err != nil:
		return CallbackRefused
	case reply.Repeated:
		return CallbackRepeated
	case reply.Result == ResultStale:
		return CallbackStale
	}
	return CallbackAccepted
}

// CallbackKind is what callbacks are counted by. AppID is that of a registered partner or empty, never one that
// only a forged message names, so that strangers cannot make rows. Code is the refusal's code, empty where there
// is none; Day the day in Asia/Shanghai on which the message came.
type CallbackKind struct {
	AppID   string
	Day     Date
	Profile Profile
	Outcome CallbackOutcome
	Code    string
}

// CallbackCount is how many there were of one kind.
type CallbackCount struct {
	CallbackKind

	Count int64
}

// CallbackCounts is the store of counted callbacks.
type CallbackCounts interface {
	// AddCallbackCounts adds to what was counted before, all or nothing.
	AddCallbackCounts(ctx context.Context, counts []CallbackCount) error
	// CallbackCounts lists what was counted of all partners on the days from one to another, both included, by day,
	// partner, profile, outcome and code.
	CallbackCounts(ctx context.Context, from, to Date) ([]CallbackCount, error)
}

// CallbackTally counts callbacks in memory and hands them to the store now and then: a flood must not become a
// flood of writes. What a killed process had not handed over is lost; what took effect is never lost, since the
// daily reconciliation reads the once-records themselves. It is safe for concurrent use.
type CallbackTally struct {
	Counts CallbackCounts
	Clock  func() time.Time

	mu      sync.Mutex
	counted map[CallbackKind]int64
}

// Add counts one callback; the day is filled in.
func (t *CallbackTally) Add(kind CallbackKind) {
	kind.Day = DateOf(t.Clock())
	t.add(kind, 1)
}

func (t *CallbackTally) add(kind CallbackKind, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counted == nil {
		t.counted = map[CallbackKind]int64{}
	}
	t.counted[kind] += n
}

// Flush hands over what was counted. Where that fails it is kept for the next time.
func (t *CallbackTally) Flush(ctx context.Context) error {
	t.mu.Lock()
	counted := t.counted
	t.counted = nil
	t.mu.Unlock()
	if len(counted) == 0 {
		return nil
	}
	counts := make([]CallbackCount, 0, len(counted))
	for kind, n := range counted {
		counts = append(counts, CallbackCount{kind, n})
	}
	err := t.Counts.AddCallbackCounts(ctx, counts)
	if err == nil {
		return nil
	}
	for kind, n := range counted {
		t.add(kind, n)
	}
	return err
}

// Run flushes at every tick until ctx ends. Failures go to failed; what was counted by then is kept. The caller
// flushes once more when it has answered its last request.
func (t *CallbackTally) Run(ctx context.Context, ticks <-chan time.Time, failed func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			if err := t.Flush(ctx); err != nil {
				failed(err)
			}
		}
	}
}
