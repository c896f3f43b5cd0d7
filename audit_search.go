package citycard

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// mostSought bounds how many records are held at a time to see what is wrong with them.
const mostSought = 100_000

// search reads again what does not add up, and names what is wrong with it.
func (c *checking) search(ctx context.Context) error {
	for _, parts := range c.balance.uneven(mostSought) {
		s := &auditSearch{
			checking: c, parts: parts, entries: map[LedgerKey][]PlacedEntry{}, notes: map[LedgerKey][]waitingEntry{},
			stored: map[LedgerKey][]string{}, cards: map[string]CardHead{},
		}
		if err := s.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// auditSearch is some parts of the balance, row by row.
type auditSearch struct {
	*checking

	parts   map[int]bool
	entries map[LedgerKey][]PlacedEntry
	notes   map[LedgerKey][]waitingEntry
	// stored are the sums of the rows.
	stored map[LedgerKey][]string
	links  []LedgerLink
	cards  map[string]CardHead
}

// waitingEntry is an entry that waits, and the note that holds it.
type waitingEntry struct {
	LedgerEntry

	note string
}

func (s *auditSearch) run(ctx context.Context) error {
	if err := s.read(ctx); err != nil {
		return err
	}
	before := s.count.Findings
	for _, part := range []func() error{s.nameEntries, s.nameWaiting, s.nameLinks, s.nameRows, s.nameCards} {
		if err := part(); err != nil {
			return err
		}
	}
	if s.count.Findings > before {
		return nil
	}
	return s.find(FindingBroken, "ledger_entry", "the ledger and the rows that it covers do not agree")
}

func (s *auditSearch) sought(object string) bool { return s.parts[partOf(object)] }

func (s *auditSearch) read(ctx context.Context) error {
	reads := []func() error{
		func() error { return s.rows.EachEntry(ctx, s.keepEntry) },
		func() error { return s.rows.EachNote(ctx, s.keepNote) },
		func() error { return s.rows.EachLink(ctx, s.keepLink) },
		func() error { return s.rows.EachHead(ctx, s.keepCard) },
	}
	for _, source := range LedgerSources() {
		if source != LedgerTransitions {
			reads = append(reads, func() error { return s.rows.EachCovered(ctx, source, s.keepRow) })
		}
	}
	for _, read := range reads {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

func (s *auditSearch) keepEntry(e PlacedEntry) error {
	if s.sought(e.Object) {
		s.entries[e.LedgerKey] = append(s.entries[e.LedgerKey], e)
	}
	return nil
}

func (s *auditSearch) keepNote(n LedgerNote) error {
	for _, e := range n.Entries {
		if s.sought(e.Object) {
			s.notes[e.LedgerKey] = append(s.notes[e.LedgerKey], waitingEntry{e, n.ID})
		}
	}
	return nil
}

func (s *auditSearch) keepLink(l LedgerLink) error {
	if s.sought(l.CardRef) {
		s.links = append(s.links, l)
	}
	return s.keepRow(l.LedgerEntry())
}

func (s *auditSearch) keepRow(e LedgerEntry) error {
	if s.sought(e.Object) {
		s.stored[e.LedgerKey] = append(s.stored[e.LedgerKey], e.Sum)
	}
	return nil
}

func (s *auditSearch) keepCard(h CardHead) error {
	if s.sought(h.Ref) {
		s.cards[h.Ref] = h
	}
	return nil
}

// nameEntries compares the entries with the rows that they cover.
func (s *auditSearch) nameEntries() error {
	for _, key := range inOrder(s.entries) {
		entries := s.entries[key]
		for i, e := range entries {
			var err error
			stored := s.stored[e.LedgerKey]
			switch {
			case i > 0:
				err = s.find(FindingInserted, fmt.Sprintf("ledger_entry %d", e.Position), "entry %d covers %s already", entries[0].Position, e)
			case len(s.notes[e.LedgerKey]) > 0:
				err = s.find(FindingInserted, "ledger_pending, "+e.String(), "it has entered the ledger already")
			case len(stored) == 0:
				err = s.find(FindingRemoved, e.String(), "entry %d of the ledger covers it", e.Position)
			case len(stored) > 1 || stored[0] != e.Sum:
				err = s.find(FindingAltered, e.String(), "it is not what entry %d of the ledger covers", e.Position)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// nameWaiting compares what waits with the rows.
func (s *auditSearch) nameWaiting() error {
	for _, key := range inOrder(s.notes) {
		for i, e := range s.notes[key] {
			var err error
			stored := s.stored[e.LedgerKey]
			switch {
			case i > 0:
				err = s.find(FindingInserted, "ledger_pending "+e.note, "%s waits twice", e)
			case len(stored) == 0:
				err = s.find(FindingRemoved, e.String(), "it waited to enter the ledger")
			case len(stored) > 1 || stored[0] != e.Sum:
				err = s.find(FindingAltered, e.String(), "it is not what waits to enter the ledger")
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// known tells whether the ledger holds a row, or it waits to enter.
func (s *auditSearch) known(key LedgerKey) bool { return len(s.entries[key])+len(s.notes[key]) > 0 }

// nameRows finds rows that the ledger does not know, in the tables without chains.
func (s *auditSearch) nameRows() error {
	for _, key := range inOrder(s.stored) {
		if key.Source == LedgerTransitions || s.known(key) {
			continue
		}
		if err := s.find(FindingInserted, key.String(), "the ledger does not know it"); err != nil {
			return err
		}
	}
	return nil
}

// nameLinks checks each card's chain of transitions, and that the ledger knows each.
func (s *auditSearch) nameLinks() error {
	slices.SortFunc(s.links, func(a, b LedgerLink) int { return cmp.Or(cmp.Compare(a.CardRef, b.CardRef), cmp.Compare(a.Seq, b.Seq)) })
	var last LedgerLink
	for _, link := range s.links {
		if link.CardRef != last.CardRef {
			if err := s.end(last); err != nil {
				return err
			}
			last = LedgerLink{}
		}
		var err error
		if key := link.LedgerEntry().LedgerKey; s.known(key) {
			err = s.link(last, link)
			last = link
		} else {
			err = s.find(FindingInserted, key.String(), "the ledger does not know it")
		}
		if err != nil {
			return err
		}
	}
	return s.end(last)
}

func (s *auditSearch) link(before, link LedgerLink) error {
	row := link.LedgerEntry().String()
	switch {
	case link.altered():
		return s.find(FindingAltered, row, "its hash is not that of its fields")
	case link.Seq != before.Seq+1:
		return s.find(FindingRemoved, row, "it follows number %d of its card", before.Seq)
	case link.PrevHash != before.Hash:
		return s.find(FindingAltered, row, "it does not hold the hash of the transition before it")
	case !link.PrevAt.Equal(before.RecordedAt):
		return s.find(FindingAltered, row, "it does not hold when the transition before it was recorded")
	}
	return nil
}

// end checks that a card's last transition is the one that the card names.
func (s *auditSearch) end(last LedgerLink) error {
	if last.Seq == 0 {
		return nil
	}
	row := "card " + last.CardRef
	card, there := s.cards[last.CardRef]
	switch {
	case !there:
		return s.find(FindingRemoved, row, "it has transitions, but the card is gone")
	case card.Version != last.Seq || card.Head != last.Hash:
		return s.find(FindingBroken, row, "its version is %d, its last transition number %d", card.Version, last.Seq)
	}
	return nil
}

// nameCards finds cards that do not lead to their transitions.
func (s *auditSearch) nameCards() error {
	there := map[string]bool{}
	for _, link := range s.links {
		there[liesAt(link.RecordedAt, link.Hash)] = true
	}
	for _, ref := range slices.Sorted(maps.Keys(s.cards)) {
		card := s.cards[ref]
		if card.Version == 0 || there[liesAt(card.HeadAt, card.Head)] {
			continue
		}
		if err := s.find(FindingBroken, "card "+ref, "it was changed, but the latest transition that it names is not there"); err != nil {
			return err
		}
	}
	return nil
}

// liesAt is the key of a transition.
func liesAt(recorded time.Time, hash string) string {
	return strconv.FormatInt(recorded.UnixMilli(), 10) + " " + hash
}

// inOrder gives the keys of a map in the order in which findings name them.
func inOrder[V any](rows map[LedgerKey]V) []LedgerKey {
	return slices.SortedFunc(maps.Keys(rows), func(a, b LedgerKey) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Seq, b.Seq))
	})
}
