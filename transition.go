package citycard

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// Transition is one accepted change of one machine of a card. Transitions are only ever appended; Seq counts
// them per card from 1. Hash covers the transition and PrevHash, the hash of the card's transition before it; PrevAt is
// when that one was recorded. From a card's Head its history is read back along them.
type Transition struct {
	CardRef    string
	Seq        int64
	Machine    Machine
	From       string
	To         string
	Cause      Cause
	RecordedAt time.Time
	PrevAt     time.Time
	PrevHash   string
	Hash       string
}

// ID names the transition, and the outgoing event that tells partners of it.
func (t Transition) ID() string { return t.CardRef + "-" + strconv.FormatInt(t.Seq, 10) }

// Sum is the SHA-256 in hex over every field but Hash, canonically.
func (t Transition) Sum() string {
	return digest(Canonical(
		t.CardRef, strconv.FormatInt(t.Seq, 10), string(t.Machine), t.From, t.To,
		string(t.Cause.Actor.Kind), t.Cause.Actor.ID, string(t.Cause.Channel), string(t.Cause.Reason), t.Cause.Evidence,
		strconv.FormatInt(t.Cause.Occurred.UnixMilli(), 10), strconv.FormatInt(t.RecordedAt.UnixMilli(), 10),
		t.Cause.EventID, t.PrevHash,
	))
}

// Fresh lists the transitions made since the card was loaded, oldest first.
func (c *Card) Fresh() []Transition { return c.fresh }

// Stored forgets the fresh transitions: they are durable now.
func (c *Card) Stored() { c.fresh = nil }

// Clone is an independent copy, for taking a change back.
func (c *Card) Clone() *Card {
	copied := *c
	copied.Since = maps.Clone(c.Since)
	copied.fresh = slices.Clone(c.fresh)
	return &copied
}

// record appends the transition of a machine that has just moved.
func (c *Card) record(m Machine, from, to string, cause Cause, now time.Time) {
	c.Version++
	t := Transition{
		CardRef: c.Ref, Seq: c.Version, Machine: m, From: from, To: to,
		Cause: cause, RecordedAt: now, PrevAt: c.HeadAt, PrevHash: c.Head,
	}
	t.Hash = t.Sum()
	c.Head, c.HeadAt = t.Hash, now
	c.fresh = append(c.fresh, t)
	if c.Since == nil {
		c.Since = make(map[Machine]time.Time, 4)
	}
	c.Since[m] = cause.Occurred
}
