package sql

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var _ citycard.Ledger = (*Store)(nil)

// pendingRow is a row of ledger_pending: the note of what one commit stored in covered tables, until that has entered the
// ledger. Its id is the sum of its entries.
type pendingRow struct {
	ID      string `db:"id"`
	Entries string `db:"entries"`
}

func noteOf(entries ...citycard.LedgerEntry) pendingRow {
	records := citycard.LedgerRecords(entries)
	return pendingRow{citycard.LedgerSum(records), records}
}

// read gives the entries; none where the note is not as it was stored.
func (r pendingRow) read() []citycard.LedgerEntry {
	entries, err := citycard.ReadLedgerRecords(r.Entries)
	if err != nil || r.ID != citycard.LedgerSum(r.Entries) {
		return nil
	}
	return entries
}

// entryRow is a row of ledger_entry.
type entryRow struct {
	Position int64  `db:"position"`
	Source   string `db:"source"`
	Object   string `db:"object"`
	Seq      int64  `db:"seq"`
	Sum      string `db:"sum"`
}

func (r entryRow) entry() citycard.LedgerEntry {
	return citycard.LedgerEntry{
		LedgerKey: citycard.LedgerKey{Source: citycard.LedgerSource(r.Source), Object: r.Object, Seq: r.Seq}, Sum: r.Sum,
	}
}

// headRow is the row of ledger_head.
type headRow struct {
	Size       int64  `db:"size"`
	Checkpoint string `db:"checkpoint"`
	Last       int64  `db:"last"`
	Tiles      int64  `db:"tiles"`
}

const (
	entryColumns = `position, source, object, seq, sum`

	// mostNotes bounds how many notes are read at a time.
	mostNotes = 64

	// What is covered waits from the transaction that stores it: none can be skipped, whenever it commits.
	insertNote = `INSERT INTO ledger_pending (id, entries) VALUES (:id, :entries)`

	lockHead    = `SELECT size, checkpoint FROM ledger_head WHERE id = 1`
	anyPending  = `SELECT 1 FROM ledger_pending LIMIT 1`
	listNotes   = `SELECT id, entries FROM ledger_pending WHERE id > ? ORDER BY id LIMIT ?`
	forgetNotes = `DELETE FROM ledger_pending WHERE `
	insertEntry = `INSERT INTO ledger_entry (` + entryColumns + `) VALUES (:position, :source, :object, :seq, :sum)`
	upsertTile  = `INSERT INTO ledger_tile (level, number, hashes) VALUES (?, ?, ?)
 ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes`
	moveHead = `UPDATE ledger_head SET size = ?, checkpoint = ? WHERE id = 1`
	findHead = `SELECT h.size, h.checkpoint, (SELECT coalesce(max(position), -1) FROM ledger_entry) AS last,
 (SELECT count(*) FROM ledger_tile) AS tiles FROM ledger_head h WHERE h.id = 1`
	findTile = `SELECT hashes FROM ledger_tile WHERE level = ? AND number = ?`
)

// content is all columns of the row in the order of the table.
func (r actionRow) content() string {
	return citycard.Canonical(r.ID, r.StaffID, r.Role, r.Action, r.Object, r.Reason, r.Note, r.RequestID, strconv.FormatInt(r.At, 10))
}

// entry is what the ledger shall keep of the row.
func (r actionRow) entry() citycard.LedgerEntry {
	return citycard.LedgerEntry{
		LedgerKey: citycard.LedgerKey{Source: citycard.LedgerStaffActions, Object: r.ID}, Sum: citycard.LedgerSum(r.content()),
	}
}

// entry is what the ledger shall keep of the row.
func (r transitionRow) entry() citycard.LedgerEntry {
	return citycard.Transition{CardRef: r.CardRef, Seq: r.Seq, Hash: r.Hash}.LedgerEntry()
}

// notes is the note of what a round stores; nothing where it stores nothing that is covered.
func (r *rows) notes() []pendingRow {
	entries := make([]citycard.LedgerEntry, 0, len(r.transitions)+len(r.actions))
	for i := range r.transitions {
		entries = append(entries, r.transitions[i].entry())
	}
	for i := range r.actions {
		entries = append(entries, r.actions[i].entry())
	}
	if len(entries) == 0 {
		return nil
	}
	return []pendingRow{noteOf(entries...)}
}

// noteCovered stores the note in the statement that stores the rows.
func (st *statement) noteCovered(notes []pendingRow) {
	if len(notes) == 0 {
		return
	}
	st.addf(`noted AS (INSERT INTO ledger_pending (id, entries) SELECT * FROM %s)`,
		column(notes, func(n *pendingRow) string { return n.ID }), column(notes, func(n *pendingRow) string { return n.Entries }))
}

// ExtendLedger implements citycard.Ledger. The row of ledger_head is the lock: on PostgreSQL whoever finds it taken
// leaves, SQLite has one writer anyway.
func (s *Store) ExtendLedger(ctx context.Context, most int, grow func(citycard.LedgerBatch) (citycard.LedgerGrowth, error)) (int, error) {
	entered := 0
	var one int
	if err := s.db.GetContext(ctx, &one, anyPending); err != nil {
		if notFound(err) {
			return 0, nil
		}
		return 0, s.fail("extend ledger", err)
	}
	err := again(ctx, func() error {
		return s.transact(ctx, func(tx *sqlx.Tx) error {
			var err error
			entered, err = s.extendLedger(ctx, tx, most, grow)
			return err
		})
	})
	return entered, s.fail("extend ledger", err)
}

func (s *Store) extendLedger(ctx context.Context, tx *sqlx.Tx, most int, grow func(citycard.LedgerBatch) (citycard.LedgerGrowth, error)) (int, error) {
	var head headRow
	err := tx.GetContext(ctx, &head, lockHead+s.dialect.lockFree())
	if notFound(err) {
		return 0, nil // somebody else is at it; a head that is gone is for the check of the ledger to find
	}
	if err != nil {
		return 0, fmt.Errorf("lock ledger: %w", err)
	}
	notes, entries, err := waitingNotes(ctx, tx, most)
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	batch := citycard.LedgerBatch{Size: head.Size, Checkpoint: head.Checkpoint, Entries: entries, Tile: func(level int, number int64) ([]byte, error) {
		return readTile(ctx, tx, level, number)
	}}
	grown, err := grow(batch)
	if err != nil {
		return 0, err
	}
	if err := s.forgetNotes(ctx, tx, notes); err != nil {
		return 0, err
	}
	return len(entries), s.storeGrowth(ctx, tx, batch, grown)
}

// waitingNotes reads notes until they hold most entries. An edited one waits on, and keeps none behind it from entering:
// what it held is for the check to find.
func waitingNotes(ctx context.Context, tx *sqlx.Tx, most int) (ids []string, entries []citycard.LedgerEntry, err error) {
	last := ""
	for {
		var notes []pendingRow
		if err := tx.SelectContext(ctx, &notes, tx.Rebind(listNotes), last, mostNotes); err != nil {
			return nil, nil, fmt.Errorf("read notes: %w", err)
		}
		for _, note := range notes {
			if len(entries) >= most {
				return ids, entries, nil
			}
			if held := note.read(); held != nil {
				ids, entries = append(ids, note.ID), append(entries, held...)
			}
			last = note.ID
		}
		if len(notes) < mostNotes {
			return ids, entries, nil
		}
	}
}

func (s *Store) forgetNotes(ctx context.Context, tx *sqlx.Tx, ids []string) error {
	result, err := tx.ExecContext(ctx, tx.Rebind(forgetNotes+s.dialect.in("id")), s.dialect.list(ids))
	if err != nil {
		return fmt.Errorf("forget notes: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n != int64(len(ids)) {
		return cmp.Or(err, errRaced)
	}
	return nil
}

func (s *Store) storeGrowth(ctx context.Context, tx *sqlx.Tx, batch citycard.LedgerBatch, grown citycard.LedgerGrowth) error {
	if err := s.addEntries(ctx, tx, batch); err != nil {
		return err
	}
	for _, tile := range grown.Tiles {
		if _, err := tx.ExecContext(ctx, tx.Rebind(upsertTile), tile.Level, tile.Number, tile.Hashes); err != nil {
			return fmt.Errorf("store tile: %w", err)
		}
	}
	_, err := tx.ExecContext(ctx, tx.Rebind(moveHead), batch.Size+int64(len(batch.Entries)), grown.Checkpoint)
	return err
}

func (s *Store) addEntries(ctx context.Context, tx *sqlx.Tx, batch citycard.LedgerBatch) error {
	rows := make([]entryRow, len(batch.Entries))
	for i, e := range batch.Entries {
		rows[i] = entryRow{batch.Size + int64(i), string(e.Source), e.Object, e.Seq, e.Sum}
	}
	if s.dialect == sqlite {
		return writeRows(rowWriter{s, ctx, tx}, insertEntry, rows, anyCount)
	}
	st := &statement{}
	st.addf(`entered AS (INSERT INTO ledger_entry (`+entryColumns+`) SELECT * FROM %s)`,
		column(rows, func(r *entryRow) int64 { return r.Position }), column(rows, func(r *entryRow) string { return r.Source }),
		column(rows, func(r *entryRow) string { return r.Object }), column(rows, func(r *entryRow) int64 { return r.Seq }),
		column(rows, func(r *entryRow) string { return r.Sum }))
	_, err := tx.ExecContext(ctx, st.text(), st.args...)
	return err
}

// LedgerHead implements citycard.Ledger.
func (s *Store) LedgerHead(ctx context.Context) (citycard.LedgerHead, error) {
	return s.readHead(ctx, s.db)
}

func (s *Store) readHead(ctx context.Context, q sqlx.QueryerContext) (citycard.LedgerHead, error) {
	var row headRow
	err := sqlx.GetContext(ctx, q, &row, findHead)
	if notFound(err) {
		return citycard.LedgerHead{}, &citycard.Error{Code: citycard.CodeNotFound, Message: "the ledger's head is gone"}
	}
	if err != nil {
		return citycard.LedgerHead{}, s.fail("find ledger's head", err)
	}
	return citycard.LedgerHead(row), nil
}

// LedgerTile implements citycard.Ledger.
func (s *Store) LedgerTile(ctx context.Context, level int, number int64) ([]byte, error) {
	hashes, err := readTile(ctx, s.db, level, number)
	return hashes, s.fail("read tile", err)
}

func readTile(ctx context.Context, q interface {
	sqlx.QueryerContext
	Rebind(query string) string
}, level int, number int64) ([]byte, error) {
	var hashes []byte
	err := sqlx.GetContext(ctx, q, &hashes, q.Rebind(findTile), level, number)
	if notFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, errors.Join(errors.New("read tile"), err)
	}
	return hashes, nil
}
