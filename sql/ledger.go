package sql

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var _ citycard.Ledger = (*Store)(nil)

// pendingRow is a row of ledger_pending: a row of a covered table that has not entered the ledger yet.
type pendingRow struct {
	Source  string `db:"source"`
	Object  string `db:"object"`
	Seq     int64  `db:"seq"`
	Content string `db:"content"`
}

func (r pendingRow) key() citycard.LedgerKey {
	return citycard.LedgerKey{Source: citycard.LedgerSource(r.Source), Object: r.Object, Seq: r.Seq}
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
	pendingColumns = `source, object, seq, content`
	entryColumns   = `position, source, object, seq, sum`

	// What is covered waits from the transaction that stores it: none can be skipped, whenever it commits.
	pendTransition = `INSERT INTO ledger_pending (` + pendingColumns + `) VALUES ('transition', :card_ref, :seq, :hash)`
	pendRow        = `INSERT INTO ledger_pending (` + pendingColumns + `) VALUES (:source, :object, :seq, :content)`

	lockHead     = `SELECT size, checkpoint FROM ledger_head WHERE id = 1`
	anyPending   = `SELECT 1 FROM ledger_pending LIMIT 1`
	firstPending = `SELECT ` + pendingColumns + ` FROM ledger_pending ORDER BY source, object, seq LIMIT ?`
	forgetPend   = `DELETE FROM ledger_pending WHERE source = ? AND object = ? AND seq = ?`
	insertEntry  = `INSERT INTO ledger_entry (` + entryColumns + `) VALUES (:position, :source, :object, :seq, :sum)`
	upsertTile   = `INSERT INTO ledger_tile (level, number, hashes) VALUES (?, ?, ?)
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

func pendingActions(list []actionRow) []pendingRow {
	rows := make([]pendingRow, len(list))
	for i := range list {
		rows[i] = pendingRow{Source: string(citycard.LedgerStaffActions), Object: list[i].ID, Content: list[i].content()}
	}
	return rows
}

// pend makes rows wait for the ledger, in the statement that stores them.
func (st *statement) pend(list []pendingRow) {
	st.addf(`pending_row AS (INSERT INTO ledger_pending (`+pendingColumns+`) SELECT * FROM %s)`,
		column(list, func(r *pendingRow) string { return r.Source }), column(list, func(r *pendingRow) string { return r.Object }),
		column(list, func(r *pendingRow) int64 { return r.Seq }), column(list, func(r *pendingRow) string { return r.Content }))
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
	var waiting []pendingRow
	if err := tx.SelectContext(ctx, &waiting, tx.Rebind(firstPending), most); err != nil || len(waiting) == 0 {
		return 0, err
	}
	batch := citycard.LedgerBatch{Size: head.Size, Checkpoint: head.Checkpoint, Tile: func(level int, number int64) ([]byte, error) {
		return readTile(ctx, tx, level, number)
	}}
	for _, row := range waiting {
		batch.Entries = append(batch.Entries, citycard.LedgerEntry{LedgerKey: row.key(), Sum: citycard.LedgerSum(row.Content)})
	}
	grown, err := grow(batch)
	if err != nil {
		return 0, err
	}
	return len(waiting), s.storeGrowth(ctx, tx, batch, grown)
}

func (s *Store) storeGrowth(ctx context.Context, tx *sqlx.Tx, batch citycard.LedgerBatch, grown citycard.LedgerGrowth) error {
	if err := s.moveEntries(ctx, tx, batch); err != nil {
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

// moveEntries turns what waits into entries.
func (s *Store) moveEntries(ctx context.Context, tx *sqlx.Tx, batch citycard.LedgerBatch) error {
	rows := make([]entryRow, len(batch.Entries))
	for i, e := range batch.Entries {
		rows[i] = entryRow{batch.Size + int64(i), string(e.Source), e.Object, e.Seq, e.Sum}
	}
	if s.dialect == postgres {
		return moveTogether(ctx, tx, rows)
	}
	forget := tx.StmtxContext(ctx, s.forgetPending)
	for i := range rows {
		if _, err := forget.ExecContext(ctx, rows[i].Source, rows[i].Object, rows[i].Seq); err != nil {
			return fmt.Errorf("move entry: %w", err)
		}
	}
	return writeRows(rowWriter{s, ctx, tx}, insertEntry, rows, anyCount)
}

func moveTogether(ctx context.Context, tx *sqlx.Tx, rows []entryRow) error {
	st := &statement{}
	st.addf(`moved AS (INSERT INTO ledger_entry (`+entryColumns+`) SELECT * FROM %s RETURNING source, object, seq)`,
		column(rows, func(r *entryRow) int64 { return r.Position }), column(rows, func(r *entryRow) string { return r.Source }),
		column(rows, func(r *entryRow) string { return r.Object }), column(rows, func(r *entryRow) int64 { return r.Seq }),
		column(rows, func(r *entryRow) string { return r.Sum }))
	st.parts = append(st.parts, `forgotten AS (DELETE FROM ledger_pending p USING moved m
 WHERE p.source = m.source AND p.object = m.object AND p.seq = m.seq RETURNING 1)`)
	st.expect("forgotten", len(rows))
	_, err := tx.ExecContext(ctx, st.text(), st.args...)
	return err
}

// LedgerHead implements citycard.Ledger.
func (s *Store) LedgerHead(ctx context.Context) (citycard.LedgerHead, error) {
	var row headRow
	err := s.db.GetContext(ctx, &row, findHead)
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
