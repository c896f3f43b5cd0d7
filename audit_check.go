package citycard

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"
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
// with, and transitions also by the chain of hashes of their card. Everything is read once, in the order in which it lies, in
// memory that does not grow with it. Where something does not add up, it is read again for the rows concerned. Secret
// is drawn anew for each check.
type AuditCheck struct {
	Rows   LedgerSnapshots
	Log    LedgerLog
	Secret [32]byte
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
	rows    LedgerRows
	log     LedgerLog
	kept    []LedgerTree
	balance *auditBalance
	found   func(AuditFinding) error
	count   AuditCount
	fold    LedgerFold
	// next is the position that the next entry must have, tiles how many tiles were made.
	next  int64
	tiles int64
}

// Run checks everything and calls found for each finding. Kept are checkpoints that were kept elsewhere: one that is
// not signed by us is an error.
func (c AuditCheck) Run(ctx context.Context, kept []string, found func(AuditFinding) error) (AuditCount, error) {
	run := &checking{log: c.Log, balance: newAuditBalance(c.Secret), found: found, fold: c.Log.Fold()}
	for _, text := range kept {
		tree, err := c.Log.Open(text)
		if err != nil {
			return AuditCount{}, err
		}
		run.kept = append(run.kept, tree)
	}
	err := c.Rows.LedgerSnapshot(ctx, func(rows LedgerRows) error {
		run.rows = rows
		for _, part := range []func(context.Context) error{run.ledger, run.waiting, run.links, run.covered, run.heads, run.search} {
			if err := part(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	return run.count, err
}

func (c *checking) find(kind FindingKind, row, format string, args ...any) error {
	c.count.Findings++
	return c.found(AuditFinding{kind, row, fmt.Sprintf(format, args...)})
}

const headRow = "ledger_head"

// ledger checks the entries, builds the tree from them, and compares that with the stored tiles, the signed checkpoint
// and those kept elsewhere.
func (c *checking) ledger(ctx context.Context) error {
	head, err := c.rows.LedgerHead(ctx)
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
	if err := c.compareKept(); err != nil {
		return err
	}
	if err := c.rows.EachEntry(ctx, func(e PlacedEntry) error { return c.entry(ctx, e) }); err != nil {
		return err
	}
	return c.compareTree(ctx, head, signed)
}

// signed opens the ledger's own checkpoint; the zero tree where there is none.
func (c *checking) signed(head LedgerHead) (LedgerTree, error) {
	if head.Checkpoint == "" && head.Size == 0 {
		return c.log.Fold().Tree(), nil
	}
	tree, err := c.log.Open(head.Checkpoint)
	if err != nil {
		return tree, c.find(FindingBroken, headRow, "%v", err)
	}
	if tree.Size != head.Size {
		return tree, c.find(FindingBroken, headRow, "it speaks of %d entries, its checkpoint of %d", head.Size, tree.Size)
	}
	return tree, nil
}

// entry checks the next entry.
func (c *checking) entry(ctx context.Context, e PlacedEntry) error {
	c.oweRow(e.LedgerEntry)
	if gone := e.Position - c.next; gone > 0 {
		if err := c.find(FindingRemoved, fmt.Sprintf("ledger_entry %d", c.next), "%d entries from this one on are gone", gone); err != nil {
			return err
		}
		c.next = e.Position
	}
	if e.Position < c.next {
		return c.find(FindingInserted, fmt.Sprintf("ledger_entry %d", e.Position), "entries are numbered from 0 without a gap")
	}
	c.next++
	c.count.Entries++
	if err := c.compareTiles(ctx, c.fold.Add(e.LedgerEntry), true); err != nil {
		return err
	}
	return c.compareKept()
}

// compareTiles compares tiles made of the entries with the stored ones.
func (c *checking) compareTiles(ctx context.Context, tiles []LedgerTile, complete bool) error {
	const size = 32 // of a hash
	for _, tile := range tiles {
		c.tiles++
		stored, err := c.rows.LedgerTile(ctx, tile.Level, tile.Number)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("ledger_tile %d/%d", tile.Level, tile.Number)
		switch {
		case bytes.Equal(stored, tile.Hashes):
		case stored == nil:
			err = c.find(FindingRemoved, name, "the tile is gone")
		case !complete && bytes.HasPrefix(stored, tile.Hashes):
			err = c.find(FindingAltered, name, "it goes on behind the entries")
		default:
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
	if head.Tiles != c.tiles {
		return c.find(FindingBroken, "ledger_tile", "there are %d tiles, the entries make %d", head.Tiles, c.tiles)
	}
	return nil
}

// oweRow adds the row that an entry stands for, which payRow takes off.
func (c *checking) oweRow(e LedgerEntry) {
	c.balance.owe(e.Object, string(e.Source), e.Object, strconv.FormatInt(e.Seq, 10), e.Sum)
}

func (c *checking) payRow(e LedgerEntry) {
	c.balance.pay(e.Object, string(e.Source), e.Object, strconv.FormatInt(e.Seq, 10), e.Sum)
}

// place is the record of a transition where a card or the transition after it says it is: the latest of a card is owed by the
// card, each other by the one after it. So what adds up is, card by card, one chain from the card's version down to 1.
func place(card string, seq int64, recorded time.Time, hash string) []string {
	return []string{"place", card, strconv.FormatInt(seq, 10), strconv.FormatInt(recorded.UnixMilli(), 10), hash}
}

// waiting adds what has not entered yet.
func (c *checking) waiting(ctx context.Context) error {
	return c.rows.EachNote(ctx, func(n LedgerNote) error {
		if n.Entries == nil {
			return c.find(FindingAltered, "ledger_pending "+n.ID, "it is no note that the service made")
		}
		for _, e := range n.Entries {
			c.count.Waiting++
			c.oweRow(e)
		}
		return nil
	})
}

// links takes off each transition, and adds the one before it.
func (c *checking) links(ctx context.Context) error {
	return c.rows.EachLink(ctx, func(l LedgerLink) error {
		c.count.Transitions++
		c.payRow(l.LedgerEntry())
		c.balance.pay(l.CardRef, place(l.CardRef, l.Seq, l.RecordedAt, l.Hash)...)
		first := l.Seq == 1 && l.PrevHash == "" && l.PrevAt.IsZero()
		if l.altered() || l.Seq <= 1 && !first {
			c.balance.owe(l.CardRef, "a row as the service writes it")
		}
		if l.Seq > 1 {
			c.balance.owe(l.CardRef, place(l.CardRef, l.Seq-1, l.PrevAt, l.PrevHash)...)
		}
		return nil
	})
}

// altered tells whether the transition's hash is not that of its fields.
func (l LedgerLink) altered() bool { return l.Foreign || l.Sum() != l.Hash }

// covered takes off the rows of the other covered tables.
func (c *checking) covered(ctx context.Context) error {
	for _, source := range LedgerSources() {
		if source == LedgerTransitions {
			continue
		}
		err := c.rows.EachCovered(ctx, source, func(e LedgerEntry) error {
			c.payRow(e)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// heads adds the latest transition of every card.
func (c *checking) heads(ctx context.Context) error {
	return c.rows.EachHead(ctx, func(h CardHead) error {
		if h.Version != 0 {
			c.balance.owe(h.Ref, place(h.Ref, h.Version, h.HeadAt, h.Head)...)
		}
		return nil
	})
}
