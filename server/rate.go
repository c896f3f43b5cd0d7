package main

import (
	"context"
	"sync"
	"time"

	"citycard"
)

const (
	// floodRate and floodBurst are how much an address may send that cannot be proven, per second and at once, and
	// floodCredit is how much of it each proven message makes good for.
	floodRate, floodBurst, floodCredit = 50, 1000, 10
	// floodFree is how much of the burst is answered at once; what comes after is held for floodSlow, and what goes
	// beyond the burst for floodPause: who waits for answers sends less. mostPaused is how many are held at a time.
	floodFree             = 100
	floodSlow, floodPause = 20 * time.Millisecond, 200 * time.Millisecond
	mostPaused            = 1000
	// partnerRate and partnerBurst are how many messages of one partner a replica takes, per second and at once.
	partnerRate, partnerBurst = 2000, 4000
	// queryLimit is how many cards a partner may ask for in an hour over all replicas: answers are personal data.
	queryLimit = 20000
	// attemptByPartner is what queries are counted by, beside the citizens' attempts.
	attemptByPartner citycard.AttemptKind = "partner_query"
	// mostBuckets bounds the memory that made-up addresses can take.
	mostBuckets = 100_000
)

// buckets are token buckets by name. They are this process's own: they protect its time, which a shared count
// would cost more of than it saves.
type buckets struct {
	rate, burst float64
	clock       func() time.Time

	mu     sync.Mutex
	levels map[string]level
}

type level struct {
	tokens float64
	at     time.Time
}

func newBuckets(rate, burst float64, clock func() time.Time) *buckets {
	return &buckets{rate: rate, burst: burst, clock: clock, levels: map[string]level{}}
}

// level is a bucket's content now; mu is held.
func (b *buckets) level(name string, now time.Time) float64 {
	known, found := b.levels[name]
	if !found {
		return b.burst
	}
	return min(b.burst, known.tokens+b.rate*now.Sub(known.at).Seconds())
}

// take takes one token where there is one, and tells how many are left.
func (b *buckets) take(name string) (left float64, taken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	tokens := b.level(name, now)
	if tokens < 1 {
		return 0, false
	}
	b.sweep(now)
	b.levels[name] = level{tokens - 1, now}
	return tokens - 1, true
}

// give puts tokens back.
func (b *buckets) give(name string, tokens float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	if _, known := b.levels[name]; known {
		b.levels[name] = level{min(b.burst, b.level(name, now)+tokens), now}
	}
}

// sweep forgets full buckets where there are too many, and all where that is not enough.
func (b *buckets) sweep(now time.Time) {
	if len(b.levels) < mostBuckets {
		return
	}
	for name := range b.levels {
		if b.level(name, now) >= b.burst {
			delete(b.levels, name)
		}
	}
	if len(b.levels) >= mostBuckets {
		clear(b.levels)
	}
}

// flood counts, by address, what could not be proven.
type flood struct {
	spare  *buckets
	paused chan struct{} // holds one for each answer under way that is held
	pause  func(ctx context.Context, d time.Duration) error
}

func newFlood(clock func() time.Time, pause func(context.Context, time.Duration) error) *flood {
	return &flood{newBuckets(floodRate, floodBurst, clock), make(chan struct{}, mostPaused), pause}
}

// Forged counts a message of the address that could not be proven, and holds the answer where there were many;
// rate_limited where the address used up what it may get wrong.
func (f *flood) Forged(ctx context.Context, address string) error {
	left, within := f.spare.take(address)
	switch {
	case !within:
		f.hold(ctx, floodPause)
		return &citycard.Error{Code: citycard.CodeRateLimited, Message: "too many messages from this address could not be verified"}
	case left < floodBurst-floodFree:
		f.hold(ctx, floodSlow)
	}
	return nil
}

// hold waits, unless too many are held already or the caller goes away.
func (f *flood) hold(ctx context.Context, d time.Duration) {
	select {
	case f.paused <- struct{}{}:
		_ = f.pause(ctx, d) // a caller who went away waits no longer
		<-f.paused
	default:
	}
}

// Proven makes good for some of what the address got wrong.
func (f *flood) Proven(address string) { f.spare.give(address, floodCredit) }

// partnerRates limit proven partners: messages in memory, queries of personal data in the shared database.
type partnerRates struct {
	messages *buckets
	attempts citycard.Attempts
	clock    func() time.Time
}

func (r partnerRates) count(ctx context.Context, appID string, method citycard.Method) error {
	tooMany := &citycard.Error{Code: citycard.CodeRateLimited, Message: "the partner sends more than was agreed"}
	if _, within := r.messages.take(appID); !within {
		return tooMany
	}
	if method != citycard.MethodCardQuery {
		return nil
	}
	now := r.clock()
	start := now.Truncate(time.Hour)
	limit := citycard.AttemptLimit{
		Kind: attemptByPartner, Subject: appID, Max: queryLimit, WindowStart: start, WindowEnd: start.Add(time.Hour),
	}
	err := r.attempts.ReserveAttempt(ctx, []citycard.AttemptLimit{limit}, now)
	if citycard.CodeOf(err) == citycard.CodeAttemptsLocked {
		tooMany.RetryAfter = limit.WindowEnd.Sub(now)
		return tooMany
	}
	return err
}
