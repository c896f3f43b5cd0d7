package citycard

import (
	"bytes"
	"context"
	"fmt"
	"math"
)

// FindingKind says what was done to a row.
type FindingKind string

// The kinds of findings. Broken is where two things do not agree, and which of them was changed is not known.
const (
	FindingAltered  FindingKind = "altered"
	FindingRemoved  FindingKind = "removed"
	FindingInserted FindingKind = "inserted"
	FindingBroken   FindingKind = "broken"
)

// AuditFinding is one thing that is not as the service left it. Row names the row: its table and key.
type AuditFinding struct {
	Kind   FindingKind
	Row    string
	Detail string
}

// AuditCheck proves that no covered row was altered, removed, inserted or moved since it was stored. What has
// entered the ledger is held by its Merkle tree and signed checkpoint, what waits by the content it was stored
// with and, for transitions, by the chain of hashes of their card. It needs memory for a page of rows, and for the names
// of those that wait; the store sorts all transitions in temporary files.
type AuditCheck struct {
	Rows LedgerRows
	Log  LedgerLog
}

// AuditCount is what was checked.
type AuditCount struct {
	Entries     int64
	Waiting     int64
	Transitions int64
	Findings    int64
}

// checking is one check on its way.
type checking struct {
	AuditCheck

	kept  []LedgerTree
	waits map[LedgerKey]bool
	found func(AuditFinding) error
	count AuditCount
	fold  LedgerFold
	// next is the position that the next entry must have, tiles how many tiles were made.
	next  int64
	tiles int64
	// longer names the last tiles that go on behind the entries.
	longer []string
}

// Run checks everything and calls found for each finding. Kept are checkpoints that were kept elsewhere: one that is
// not signed by us is an error.
func (c AuditCheck) Run(ctx context.Context, kept []string, found func(AuditFinding) error) (AuditCount, error) {
	run := &checking{AuditCheck: c, waits: map[LedgerKey]bool{}, found: found, fold: c.Log.Fold()}
	for _, text := range kept {
		tree, err := c.Log.Open(text)
		if err != nil {
			return AuditCount{}, err
		}
		run.kept = append(run.kept, tree)
	}
	for _, part := range []func(context.Context) error{run.ledger, run.links, run.covered, run.unchained} {
		if err := part(ctx); err != nil {
			return run.count, err
		}
	}
	return run.count, nil
}

func (c *checking) find(kind FindingKind, row, format string, args ...any) error {
	c.count.Findings++
	return c.found(AuditFinding{kind, row, fmt.Sprintf(format, args...)})
}

const headRow = "ledger_head"

// ledger checks the entries and the rows that they cover, builds the tree from them, and compares that with the
// stored tiles, the signed checkpoint and those kept elsewhere.
func (c *checking) ledger(ctx context.Context) error {
	head, err := c.Rows.LedgerHead(ctx)
	if CodeOf(err) == CodeNotFound {
		if err := c.find(FindingRemoved, headRow, "the ledger has no head"); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if head.Last != head.Size-1 {
		if err := c.find(FindingBroken, headRow, "it speaks of %d entries, the last entry is number %d", head.Size, head.Last); err != nil {
			return err
		}
	}
	signed, err := c.signed(head)
	if err != nil {
		return err
	}
	// After the head: what waits then has not entered by it.
	if err := c.waiting(ctx); err != nil {
		return err
	}
	if err := c.compareKept(); err != nil {
		return err
	}
	err = c.Rows.EachLedgerRow(ctx, math.MinInt64, head.Last, func(r LedgerRow) error { return c.entry(ctx, r) })
	if err != nil {
		return err
	}
	return c.compareTree(ctx, head, signed)
}

// signed opens the ledger's own checkpoint; the zero tree where there is none.
func (c *checking) signed(head LedgerHead) (LedgerTree, error) {
	if head.Checkpoint == "" && head.Size == 0 {
		return c.Log.Fold().Tree(), nil
	}
	tree, err := c.Log.Open(head.Checkpoint)
	if err != nil {
		return tree, c.find(FindingBroken, headRow, "%v", err)
	}
	if tree.Size != head.Size {
		return tree, c.find(FindingBroken, headRow, "it speaks of %d entries, its checkpoint of %d", head.Size, tree.Size)
	}
	return tree, nil
}

// entry checks the next entry.
func (c *checking) entry(ctx context.Context, r LedgerRow) error {
	if gone := r.Position - c.next; gone > 0 {
		if err := c.find(FindingRemoved, fmt.Sprintf("ledger_entry %d", c.next), "%d entries from this one on are gone", gone); err != nil {
			return err
		}
		c.next = r.Position
	}
	if r.Position < c.next {
		return c.find(FindingInserted, fmt.Sprintf("ledger_entry %d", r.Position), "entries are numbered from 0 without a gap")
	}
	c.next++
	c.count.Entries++
	switch {
	case c.waits[r.LedgerKey]:
		if err := c.find(FindingInserted, "ledger_pending, "+r.String(), "it has entered the ledger already"); err != nil {
			return err
		}
	case !r.Present:
		if err := c.find(FindingRemoved, r.String(), "entry %d of the ledger covers it", r.Position); err != nil {
			return err
		}
	case LedgerSum(r.Content) != r.Sum:
		if err := c.find(FindingAltered, r.String(), "it is not what entry %d of the ledger covers", r.Position); err != nil {
			return err
		}
	}
	if err := c.compareTiles(ctx, c.fold.Add(r.LedgerEntry), true); err != nil {
		return err
	}
	return c.compareKept()
}

// compareTiles compares tiles made of the entries with the stored ones, which may go on where they are not to be
// exactly the same.
func (c *checking) compareTiles(ctx context.Context, tiles []LedgerTile, exactly bool) error {
	const size = 32 // of a hash
	for _, tile := range tiles {
		c.tiles++
		stored, err := c.Rows.LedgerTile(ctx, tile.Level, tile.Number)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("ledger_tile %d/%d", tile.Level, tile.Number)
		if !exactly && len(stored) > len(tile.Hashes) {
			stored = stored[:len(tile.Hashes)]
			c.longer = append(c.longer, name)
		}
		switch {
		case stored == nil:
			err = c.find(FindingRemoved, name, "the tile is gone")
		case !bytes.Equal(stored, tile.Hashes):
			at := 0
			for at < min(len(stored), len(tile.Hashes)) && stored[at] == tile.Hashes[at] {
				at++
			}
			first := tile.Number*int64(256) + int64(at/size)
			err = c.find(FindingAltered, name, "it does not belong to the entries, from number %d of level %d on", first, tile.Level)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compareKept compares the tree with the checkpoints of its size that were kept elsewhere.
func (c *checking) compareKept() error {
	for _, tree := range c.kept {
		if tree.Size == c.count.Entries && tree.Root != c.fold.Tree().Root {
			err := c.find(FindingBroken, "ledger_entry", "the first %d entries are not those of the checkpoint kept elsewhere", tree.Size)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// compareTree compares the tree of all entries with what is signed, kept and stored.
func (c *checking) compareTree(ctx context.Context, head LedgerHead, signed LedgerTree) error {
	tree := c.fold.Tree()
	if signed.Root != "" && tree != signed {
		err := c.find(FindingBroken, "ledger_entry", "the %d entries are not the %d that the checkpoint signs", tree.Size, signed.Size)
		if err != nil {
			return err
		}
	}
	for _, kept := range c.kept {
		if kept.Size > tree.Size {
			err := c.find(FindingRemoved, "ledger_entry", "the ledger has %d entries, the checkpoint kept elsewhere %d", tree.Size, kept.Size)
			if err != nil {
				return err
			}
		}
	}
	if err := c.compareTiles(ctx, c.fold.Rest(), false); err != nil {
		return err
	}
	if err := c.compareLonger(ctx, head); err != nil {
		return err
	}
	if head.Tiles != c.tiles {
		return c.find(FindingBroken, "ledger_tile", "there are %d tiles, the entries make %d", head.Tiles, c.tiles)
	}
	return nil
}

// compareLonger finds tiles that go on behind the entries, unless rows that entered meanwhile have made them longer:
// the head is read after the tiles, and moves with them.
func (c *checking) compareLonger(ctx context.Context, head LedgerHead) error {
	if len(c.longer) == 0 {
		return nil
	}
	now, err := c.Rows.LedgerHead(ctx)
	if err != nil && CodeOf(err) != CodeNotFound {
		return err
	}
	if now.Size != head.Size {
		return nil
	}
	for _, name := range c.longer {
		if err := c.find(FindingAltered, name, "it goes on behind the entries"); err != nil {
			return err
		}
	}
	return nil
}

// waiting checks what has not entered yet.
func (c *checking) waiting(ctx context.Context) error {
	return c.Rows.EachWaitingRow(ctx, func(r WaitingRow) error {
		if r.Edited {
			return c.find(FindingAltered, "ledger_pending "+r.Note, "it is no note that the service made")
		}
		c.count.Waiting++
		if c.waits[r.LedgerKey] {
			return c.find(FindingInserted, "ledger_pending "+r.Note, "%s waits twice", r)
		}
		c.waits[r.LedgerKey] = true
		switch {
		case !r.Present:
			return c.find(FindingRemoved, r.String(), "it waited to enter the ledger")
		case !r.Unchanged:
			return c.find(FindingAltered, r.String(), "it is not what waits to enter the ledger")
		}
		return nil
	})
}

// links checks each card's chain of transitions, and that the ledger knows each.
func (c *checking) links(ctx context.Context) error {
	var last LedgerLink
	err := c.Rows.EachLink(ctx, func(link LedgerLink) error {
		c.count.Transitions++
		if link.CardRef != last.CardRef {
			if err := c.end(last); err != nil {
				return err
			}
			last = LedgerLink{}
		}
		if !link.Covered {
			row := LedgerKey{LedgerTransitions, link.CardRef, link.Seq}
			return c.find(FindingInserted, row.String(), "the ledger does not know it")
		}
		before := last
		last = link
		return c.link(before, link)
	})
	if err != nil {
		return err
	}
	return c.end(last)
}

func (c *checking) link(before, link LedgerLink) error {
	row := LedgerKey{LedgerTransitions, link.CardRef, link.Seq}.String()
	switch {
	case link.Foreign || link.Sum() != link.Hash:
		return c.find(FindingAltered, row, "its hash is not that of its fields")
	case link.Seq != before.Seq+1:
		return c.find(FindingRemoved, row, "it follows number %d of its card", before.Seq)
	case link.PrevHash != before.Hash:
		return c.find(FindingAltered, row, "it does not hold the hash of the transition before it")
	case !link.PrevAt.Equal(before.RecordedAt):
		return c.find(FindingAltered, row, "it does not hold when the transition before it was recorded")
	}
	return nil
}

// end checks that a card's last transition is the one that the card names.
func (c *checking) end(last LedgerLink) error {
	row := "card " + last.CardRef
	switch {
	case last.Seq == 0:
		return nil
	case last.CardVersion < 0:
		return c.find(FindingRemoved, row, "it has transitions, but the card is gone")
	case last.CardVersion != last.Seq || last.CardHead != last.Hash:
		return c.find(FindingBroken, row, "its version is %d, its last transition number %d", last.CardVersion, last.Seq)
	}
	return nil
}

// covered checks that the ledger knows every row of the other covered tables.
func (c *checking) covered(ctx context.Context) error {
	for _, source := range LedgerSources() {
		if source == LedgerTransitions {
			continue
		}
		err := c.Rows.EachCovered(ctx, source, func(id string, covered bool) error {
			if covered {
				return nil
			}
			return c.find(FindingInserted, LedgerKey{Source: source, Object: id}.String(), "the ledger does not know it")
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// unchained checks that every card leads to its transitions.
func (c *checking) unchained(ctx context.Context) error {
	return c.Rows.EachUnchained(ctx, func(ref string) error {
		return c.find(FindingBroken, "card "+ref, "it was changed, but the latest transition that it names is not there")
	})
}
