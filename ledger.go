package citycard

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

// LedgerSource names a table whose rows the ledger covers.
type LedgerSource string

// The covered tables: what cards went through, what staff did, saw and decided, and the policies approved.
const (
	LedgerTransitions    LedgerSource = "transition"
	LedgerStaffActions   LedgerSource = "staff_action"
	LedgerPolicyVersions LedgerSource = "policy_version"
)

// LedgerSources lists the covered tables.
func LedgerSources() []LedgerSource {
	return []LedgerSource{LedgerTransitions, LedgerStaffActions, LedgerPolicyVersions}
}

// LedgerKey names one row of a covered table: a card's ref with the transition's number, or a row's id with 0.
type LedgerKey struct {
	Source LedgerSource
	Object string
	Seq    int64
}

// String is the row as people look for it: the table, and the id of the transition or row.
func (k LedgerKey) String() string {
	if k.Source == LedgerTransitions {
		return string(k.Source) + " " + Transition{CardRef: k.Object, Seq: k.Seq}.ID()
	}
	return string(k.Source) + " " + k.Object
}

// LedgerEntry is what the ledger keeps of one row: its name, and Sum, the SHA-256 in hex of its content.
type LedgerEntry struct {
	LedgerKey

	Sum string
}

// Record is the leaf of the Merkle tree: the entry's four fields, canonically.
func (e LedgerEntry) Record() []byte {
	return []byte(Canonical(string(e.Source), e.Object, strconv.FormatInt(e.Seq, 10), e.Sum))
}

// errNoRecords says that a text is not the records of entries.
var errNoRecords = errors.New("these are not the records of ledger entries")

// LedgerRecords are the records of entries, one after the other.
func LedgerRecords(entries []LedgerEntry) string {
	var text strings.Builder
	for _, entry := range entries {
		text.Write(entry.Record())
	}
	return text.String()
}

// ReadLedgerRecords reads back what LedgerRecords wrote; an error where the text is no such thing.
func ReadLedgerRecords(text string) ([]LedgerEntry, error) {
	var entries []LedgerEntry
	for rest := text; rest != ""; {
		var fields [4]string
		for i := range fields {
			length, after, _ := strings.Cut(rest, ":")
			n, err := strconv.Atoi(length)
			if err != nil || n < 0 || n > len(after) {
				return nil, errNoRecords
			}
			fields[i], rest = after[:n], after[n:]
		}
		seq, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return nil, errNoRecords
		}
		entries = append(entries, LedgerEntry{LedgerKey{LedgerSource(fields[0]), fields[1], seq}, fields[3]})
	}
	return entries, nil
}

// LedgerSum is the sum of a row's content. A transition's content is its own hash, that of every other row all
// its columns, canonically, in the order of the table.
func LedgerSum(content string) string { return digest(content) }

// LedgerEntry is what the ledger keeps of a transition.
func (t Transition) LedgerEntry() LedgerEntry {
	return LedgerEntry{LedgerKey{LedgerTransitions, t.CardRef, t.Seq}, LedgerSum(t.Hash)}
}

// Canonical writes fields one after the other as netstrings: the length in bytes, ":" and the field. No other
// list of fields gives the same text.
func Canonical(fields ...string) string {
	return string(appendCanonical(make([]byte, 0, 512), fields...))
}

func appendCanonical(text []byte, fields ...string) []byte {
	for _, field := range fields {
		text = strconv.AppendInt(text, int64(len(field)), 10)
		text = append(append(text, ':'), field...)
	}
	return text
}

// LedgerTree is a state of the ledger: how many entries it holds, and the root of the Merkle tree over them in
// base64 (RFC 6962, SHA-256).
type LedgerTree struct {
	Size int64
	Root string
}

// LedgerTile is a stored part of the Merkle tree: up to 256 hashes of 32 bytes, those of level 8 × Level from
// Number × 256 on.
type LedgerTile struct {
	Level  int
	Number int64
	Hashes []byte
}

// LedgerHead is how far the ledger is. Checkpoint is the last signed note, empty before the first; Last is the
// position of the last stored entry, -1 where there is none, and Tiles how many tiles are stored: both are what Size
// says, unless somebody edited them.
type LedgerHead struct {
	Size       int64
	Checkpoint string
	Last       int64
	Tiles      int64
}

// LedgerBatch is what waits to enter the ledger, and the state it enters.
type LedgerBatch struct {
	Size       int64
	Checkpoint string
	Entries    []LedgerEntry
	// Tile reads a stored tile.
	Tile func(level int, number int64) ([]byte, error)
}

// LedgerGrowth is what a batch adds beside its entries.
type LedgerGrowth struct {
	Tiles      []LedgerTile
	Checkpoint string
}

// Ledger is the store of the ledger. Rows wait from the transaction that makes them until they have entered.
type Ledger interface {
	// ExtendLedger lets waiting rows enter, as one unit, with what grow makes of them, and tells how many: those that
	// whole commits stored, and no further commit after most of them. Of any number of callers over all replicas one does
	// so at a time; the others enter none.
	ExtendLedger(ctx context.Context, most int, grow func(LedgerBatch) (LedgerGrowth, error)) (int, error)
	// LedgerHead is how far the ledger is.
	LedgerHead(ctx context.Context) (LedgerHead, error)
	// LedgerTile reads a stored tile; nil where there is none.
	LedgerTile(ctx context.Context, level int, number int64) ([]byte, error)
}

// LedgerLog is the arithmetic of the ledger: Merkle tree and signed checkpoints.
type LedgerLog interface {
	// Grow appends a batch to the tree of its checkpoint and signs the new state. Stored tiles that do not belong to
	// that tree are an error: nothing edited is ever signed.
	Grow(b LedgerBatch) (LedgerGrowth, error)
	// Open reads a checkpoint; an error where it is none or not signed by us.
	Open(checkpoint string) (LedgerTree, error)
	// Fold begins to build a tree anew.
	Fold() LedgerFold
	// Consistency proves that the first older entries of a tree are those that a tree of that size held, from stored
	// tiles; an error where these do not belong to the tree.
	Consistency(tree LedgerTree, older int64, tile func(level int, number int64) ([]byte, error)) ([]string, error)
	// Public lists the public keys of checkpoints, that of the signing key first.
	Public() []string
}

// LedgerFold is a tree built entry by entry, in memory that does not grow with it.
type LedgerFold interface {
	// Add appends an entry and gives the tiles that it completes.
	Add(e LedgerEntry) []LedgerTile
	// Rest gives the tiles that are not complete.
	Rest() []LedgerTile
	// Tree is the state now.
	Tree() LedgerTree
}

// Sequencer lets committed rows enter the ledger, in batches: the changes themselves never wait for it.
type Sequencer struct {
	Ledger Ledger
	Log    LedgerLog
}

// mostEntries ends a batch, and so bounds how long it holds the one writer of SQLite.
const mostEntries = 1000

// Drain lets everything that waits enter, and tells how many rows that were. What comes meanwhile waits for the next
// time: a batch for the few rows of a moment costs as much as one for many. Where another process is at it, it leaves
// that to it.
func (s *Sequencer) Drain(ctx context.Context) (int, error) {
	total := 0
	for {
		n, err := s.Ledger.ExtendLedger(ctx, mostEntries, s.Log.Grow)
		total += n
		if err != nil || n < mostEntries {
			return total, err
		}
	}
}

// Run drains at every tick until ctx ends. Failures go to failed; what waits then waits on.
func (s *Sequencer) Run(ctx context.Context, ticks <-chan time.Time, failed func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			if _, err := s.Drain(ctx); err != nil && ctx.Err() == nil {
				failed(err)
			}
		}
	}
}
