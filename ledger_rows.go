package citycard

import "context"

// LedgerRow is an entry with the row that it covers, as that is now.
type LedgerRow struct {
	LedgerEntry

	Position int64
	Present  bool
	Content  string
}

// WaitingRow is a row that waits to enter the ledger. Unchanged tells whether its content is the one it was stored
// with. Where the note of what a commit stored was edited, there is one row with the Note's id alone.
type WaitingRow struct {
	LedgerKey

	Note      string
	Edited    bool
	Present   bool
	Unchanged bool
}

// LedgerLink is a transition as it is stored now. Covered tells whether the ledger holds it or it waits to enter,
// Foreign that the service would not have written the row so. CardVersion and CardHead are those of its card; the
// version is -1 where there is no such card.
type LedgerLink struct {
	Transition

	Covered     bool
	Foreign     bool
	CardVersion int64
	CardHead    string
}

// LedgerRows is the store of the ledger and what it covers, read in pages from one end to the other. A visit that
// returns an error ends the reading with it.
type LedgerRows interface {
	LedgerHead(ctx context.Context) (LedgerHead, error)
	LedgerTile(ctx context.Context, level int, number int64) ([]byte, error)
	// EachLedgerRow visits the entries from one position to another, both included, in order.
	EachLedgerRow(ctx context.Context, from, to int64, visit func(LedgerRow) error) error
	// EachWaitingRow visits what waits to enter.
	EachWaitingRow(ctx context.Context, visit func(WaitingRow) error) error
	// EachLink visits the transitions, card by card in the order of their numbers.
	EachLink(ctx context.Context, visit func(LedgerLink) error) error
	// EachCovered visits the rows of another covered table, and tells whether the ledger holds each or it waits.
	EachCovered(ctx context.Context, source LedgerSource, visit func(id string, covered bool) error) error
	// EachUnchained visits the cards that were changed and name a latest transition that is not there.
	EachUnchained(ctx context.Context, visit func(ref string) error) error
}
