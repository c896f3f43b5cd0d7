package sql

import (
	"context"
	"errors"
	"math"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var (
	_ citycard.LedgerSnapshots = (*Store)(nil)
	_ citycard.LedgerRows      = (*ledgerSnapshot)(nil)
)

const (
	listEntries   = `SELECT ` + entryColumns + ` FROM ledger_entry WHERE position >= ? ORDER BY position LIMIT ?`
	everyNote     = `SELECT id, entries FROM ledger_pending`
	everyLink     = `SELECT ` + transitionColumns + ` FROM transition`
	everyAction   = `SELECT ` + actionColumns + ` FROM staff_action`
	everyHead     = `SELECT ref, version, head, head_at FROM card`
	entriesAtOnce = 2000
)

// ledgerSnapshot is the ledger and what it covers as they were when its transaction began.
type ledgerSnapshot struct {
	store *Store
	tx    *sqlx.Tx
}

// LedgerSnapshot implements citycard.LedgerSnapshots.
func (s *Store) LedgerSnapshot(ctx context.Context, read func(citycard.LedgerRows) error) error {
	tx, err := s.db.BeginTxx(ctx, s.dialect.snapshot())
	if err != nil {
		return s.fail("read the ledger", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	if err := s.dialect.readWhole(ctx, tx); err != nil {
		return s.fail("read the ledger", err)
	}
	return read(&ledgerSnapshot{s, tx})
}

// LedgerHead implements citycard.LedgerRows.
func (l *ledgerSnapshot) LedgerHead(ctx context.Context) (citycard.LedgerHead, error) {
	return l.store.readHead(ctx, l.tx)
}

// LedgerTile implements citycard.LedgerRows.
func (l *ledgerSnapshot) LedgerTile(ctx context.Context, level int, number int64) ([]byte, error) {
	hashes, err := readTile(ctx, l.tx, level, number)
	return hashes, l.store.fail("read tile", err)
}

// EachEntry implements citycard.LedgerRows. It reads pages: the visit reads tiles, which PostgreSQL does not answer while
// the rows of another query are on their way.
func (l *ledgerSnapshot) EachEntry(ctx context.Context, visit func(citycard.PlacedEntry) error) error {
	for from := int64(math.MinInt64); ; {
		var rows []entryRow
		if err := l.tx.SelectContext(ctx, &rows, l.tx.Rebind(listEntries), from, entriesAtOnce); err != nil {
			return l.store.fail("read the ledger", err)
		}
		for _, row := range rows {
			if err := visit(citycard.PlacedEntry{LedgerEntry: row.entry(), Position: row.Position}); err != nil {
				return err
			}
		}
		if len(rows) < entriesAtOnce {
			return nil
		}
		from = rows[len(rows)-1].Position + 1
	}
}

// EachNote implements citycard.LedgerRows.
func (l *ledgerSnapshot) EachNote(ctx context.Context, visit func(citycard.LedgerNote) error) error {
	return every(ctx, l, everyNote, func(row *pendingRow) error {
		return visit(citycard.LedgerNote{ID: row.ID, Entries: row.read()})
	})
}

// EachLink implements citycard.LedgerRows.
func (l *ledgerSnapshot) EachLink(ctx context.Context, visit func(citycard.LedgerLink) error) error {
	return every(ctx, l, everyLink, func(row *transitionRow) error {
		t := row.transition()
		return visit(citycard.LedgerLink{Transition: t, Foreign: transitionRowOf(t) != *row})
	})
}

// EachCovered implements citycard.LedgerRows.
func (l *ledgerSnapshot) EachCovered(ctx context.Context, source citycard.LedgerSource, visit func(citycard.LedgerEntry) error) error {
	switch source {
	case citycard.LedgerStaffActions:
		return every(ctx, l, everyAction, func(row *actionRow) error { return visit(row.entry()) })
	case citycard.LedgerPolicyVersions:
		return every(ctx, l, listVersions, func(row *versionRow) error { return visit(row.entry()) })
	case citycard.LedgerTransitions: // they are links
	}
	return errors.New("no rows of " + string(source))
}

// cardHeadRow is what a card names as its latest transition.
type cardHeadRow struct {
	Ref     string `db:"ref"`
	Version int64  `db:"version"`
	Head    string `db:"head"`
	HeadAt  int64  `db:"head_at"`
}

// EachHead implements citycard.LedgerRows.
func (l *ledgerSnapshot) EachHead(ctx context.Context, visit func(citycard.CardHead) error) error {
	return every(ctx, l, everyHead, func(row *cardHeadRow) error {
		return visit(citycard.CardHead{Ref: row.Ref, Version: row.Version, Head: row.Head, HeadAt: instant(row.HeadAt)})
	})
}

// every visits the rows of a query in the order in which they lie.
func every[R any](ctx context.Context, l *ledgerSnapshot, query string, visit func(*R) error) error {
	rows, err := l.tx.QueryxContext(ctx, query)
	if err != nil {
		return l.store.fail("read the ledger", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var row R
		if err := rows.StructScan(&row); err != nil {
			return l.store.fail("read the ledger", err)
		}
		if err := visit(&row); err != nil {
			return err
		}
	}
	return l.store.fail("read the ledger", rows.Err())
}
