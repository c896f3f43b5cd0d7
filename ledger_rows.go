package citycard

import (
	"context"
	"time"
)

// PlacedEntry is an entry of the ledger where it stands.
type PlacedEntry struct {
	LedgerEntry

	Position int64
}

// LedgerNote is the note of what one commit stored and has not entered yet; no entries where it is none that the service
// made.
type LedgerNote struct {
	ID      string
	Entries []LedgerEntry
}

// LedgerLink is a transition as it is stored. Foreign says that the service would not have written the row so.
type LedgerLink struct {
	Transition

	Foreign bool
}

// CardHead is a card with the latest transition that it names: its number, hash and when it was recorded.
type CardHead struct {
	Ref     string
	Version int64
	Head    string
	HeadAt  time.Time
}

// LedgerSnapshots shows the ledger and what it covers as they are at one moment.
type LedgerSnapshots interface {
	LedgerSnapshot(ctx context.Context, read func(LedgerRows) error) error
}

// LedgerRows is the ledger and what it covers at one moment. Each visits all rows one after the other, in whichever order
// they lie where none is named; a visit that returns an error ends the reading with it, and none but that of an entry may
// read anything else meanwhile.
type LedgerRows interface {
	LedgerHead(ctx context.Context) (LedgerHead, error)
	LedgerTile(ctx context.Context, level int, number int64) ([]byte, error)
	// EachEntry visits the entries in the order of their positions.
	EachEntry(ctx context.Context, visit func(PlacedEntry) error) error
	// EachNote visits what waits to enter.
	EachNote(ctx context.Context, visit func(LedgerNote) error) error
	// EachLink visits the transitions.
	EachLink(ctx context.Context, visit func(LedgerLink) error) error
	// EachCovered visits the rows of another covered table, as an entry of each would be.
	EachCovered(ctx context.Context, source LedgerSource, visit func(LedgerEntry) error) error
	// EachHead visits the cards.
	EachHead(ctx context.Context, visit func(CardHead) error) error
}
