package sql

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var _ citycard.LedgerRows = (*Store)(nil)

// checkPage is how many rows the check of the ledger reads at a time.
const checkPage = 2000

const (
	listEntries = `SELECT ` + entryColumns + ` FROM ledger_entry WHERE position >= ? AND position <= ? ORDER BY position LIMIT ?`
	listHashes  = `SELECT card_ref, seq, hash FROM `
	listContent = `SELECT ` + actionColumns + ` FROM staff_action WHERE `

	listNotes = `SELECT id, entries FROM ledger_pending `
	afterNote = `WHERE id > ? `
	orderNote = `ORDER BY id LIMIT ?`

	listLinks = `SELECT t.card_ref, t.seq, t.machine, t.from_state, t.to_state, t.actor_kind, t.actor_id, t.channel, t.reason,
 t.evidence_ref, t.occurred_at, t.recorded_at, t.event_id, t.prev_at, t.prev_hash, t.hash,
 e.position IS NOT NULL AS covered, coalesce(c.version, -1) AS card_version, coalesce(c.head, '') AS card_head
 FROM transition t LEFT JOIN card c ON c.ref = t.card_ref
 LEFT JOIN ledger_entry e ON e.source = 'transition' AND e.object = t.card_ref AND e.seq = t.seq ORDER BY t.card_ref, t.seq`
	listCovered = `SELECT r.id, e.position IS NOT NULL AS covered
 FROM %[1]s r LEFT JOIN ledger_entry e ON e.source = '%[1]s' AND e.object = r.id AND e.seq = 0 ORDER BY r.id`

	listChanged = `SELECT c.ref, c.version, t.hash IS NOT NULL AS chained FROM card c
 LEFT JOIN transition t ON t.recorded_at = c.head_at AND t.hash = c.head `
	afterRef = `WHERE c.ref > ? `
	orderRef = `ORDER BY c.ref LIMIT ?`
)

// linkRow is a transition with what belongs beside it.
type linkRow struct {
	transitionRow

	Covered     bool   `db:"covered"`
	CardVersion int64  `db:"card_version"`
	CardHead    string `db:"card_head"`
}

// page reads one page: after the row that the last page ended with, where there was one.
func page[R any](ctx context.Context, s *Store, q pageQuery, last *R, after func(*R) []any) ([]R, error) {
	query, args := q.list+q.order, slices.Clone(q.args)
	if last != nil {
		query, args = q.list+q.after+q.order, append(args, after(last)...)
	}
	var rows []R
	err := s.db.SelectContext(ctx, &rows, s.db.Rebind(query), append(args, checkPage)...)
	return rows, s.fail("read rows", err)
}

// pageQuery is a query by pages: what it lists, what follows a row, and its order with a limit. Args are those of
// what it lists.
type pageQuery struct {
	list, after, order string
	args               []any
}

// each visits every row of a query by pages; after gives what the next page follows.
func each[R any](ctx context.Context, s *Store, q pageQuery, after func(*R) []any, visit func(rows []R) error) error {
	var last *R
	for {
		rows, err := page(ctx, s, q, last, after)
		if err != nil {
			return err
		}
		if err := visit(rows); err != nil {
			return err
		}
		if len(rows) < checkPage {
			return nil
		}
		last = &rows[len(rows)-1]
	}
}

// EachLedgerRow implements citycard.LedgerRows.
func (s *Store) EachLedgerRow(ctx context.Context, from, to int64, visit func(citycard.LedgerRow) error) error {
	for {
		var rows []entryRow
		if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(listEntries), from, to, checkPage); err != nil {
			return s.fail("read ledger", err)
		}
		keys := make([]citycard.LedgerKey, len(rows))
		for i, row := range rows {
			keys[i] = row.entry().LedgerKey
		}
		found, err := s.contents(ctx, keys)
		if err != nil {
			return err
		}
		for _, row := range rows {
			content, present := found[row.entry().LedgerKey]
			if err := visit(citycard.LedgerRow{Position: row.Position, LedgerEntry: row.entry(), Present: present, Content: content}); err != nil {
				return err
			}
		}
		if len(rows) < checkPage || rows[len(rows)-1].Position == to {
			return nil
		}
		from = rows[len(rows)-1].Position + 1
	}
}

// contents reads the content of covered rows as it is now. Of a row that is there twice it is none that any row has.
func (s *Store) contents(ctx context.Context, keys []citycard.LedgerKey) (map[citycard.LedgerKey]string, error) {
	objects, seen := map[citycard.LedgerSource][]string{}, map[[2]string]bool{}
	for _, key := range keys {
		if name := [2]string{string(key.Source), key.Object}; !seen[name] {
			seen[name] = true
			objects[key.Source] = append(objects[key.Source], key.Object)
		}
	}
	found := map[citycard.LedgerKey]string{}
	keep := func(key citycard.LedgerKey, content string) {
		if _, twice := found[key]; twice {
			content = ""
		}
		found[key] = content
	}
	transitions, err := s.transitionHashes(ctx, keys, objects[citycard.LedgerTransitions])
	if err != nil {
		return nil, err
	}
	for _, r := range transitions {
		keep(r.entry().LedgerKey, r.Hash)
	}
	var actions []actionRow
	if err := s.named(ctx, &actions, listContent+s.dialect.in("id"), objects[citycard.LedgerStaffActions]); err != nil {
		return nil, err
	}
	for _, r := range actions {
		keep(citycard.LedgerKey{Source: citycard.LedgerStaffActions, Object: r.ID}, r.content())
	}
	var versions []versionRow
	if err := s.named(ctx, &versions, listVersions+" WHERE "+s.dialect.in("id"), objects[citycard.LedgerPolicyVersions]); err != nil {
		return nil, err
	}
	for _, r := range versions {
		keep(citycard.LedgerKey{Source: citycard.LedgerPolicyVersions, Object: r.ID}, r.content())
	}
	return found, nil
}

// transitionHashes reads the transitions of cards along their chains, and where that leads to a key not, all that say
// they are of its card.
func (s *Store) transitionHashes(ctx context.Context, keys []citycard.LedgerKey, cards []string) ([]transitionRow, error) {
	var chained []transitionRow
	if err := s.named(ctx, &chained, chainOf(s.dialect.in("c.ref"))+listHashes+"chain", cards); err != nil {
		return nil, err
	}
	reached := map[citycard.LedgerKey]bool{}
	for _, r := range chained {
		reached[r.entry().LedgerKey] = true
	}
	var astray []string
	for _, key := range keys {
		if key.Source == citycard.LedgerTransitions && !reached[key] {
			astray = append(astray, key.Object)
		}
	}
	if len(astray) == 0 {
		return chained, nil
	}
	return s.unchained(ctx, chained, reached, astray)
}

// unchained adds the transitions that say they are of the cards and were not reached along their chains.
func (s *Store) unchained(
	ctx context.Context, chained []transitionRow, reached map[citycard.LedgerKey]bool, cards []string,
) ([]transitionRow, error) {
	tx, err := s.beginWhole(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	var rows []transitionRow
	if err := tx.SelectContext(ctx, &rows, tx.Rebind(listHashes+"transition WHERE "+s.dialect.in("card_ref")), s.dialect.list(cards)); err != nil {
		return nil, s.fail("read covered rows", err)
	}
	for _, r := range rows {
		if !reached[r.entry().LedgerKey] {
			chained = append(chained, r)
		}
	}
	return chained, nil
}

// named reads the rows that a list of values names; an empty list names none.
func (s *Store) named(ctx context.Context, into any, query string, values []string) error {
	if len(values) == 0 {
		return nil
	}
	return s.fail("read covered rows", s.db.SelectContext(ctx, into, s.db.Rebind(query), s.dialect.list(values)))
}

// EachWaitingRow implements citycard.LedgerRows.
func (s *Store) EachWaitingRow(ctx context.Context, visit func(citycard.WaitingRow) error) error {
	after := func(r *pendingRow) []any { return []any{r.ID} }
	return each(ctx, s, pageQuery{list: listNotes, after: afterNote, order: orderNote}, after, func(notes []pendingRow) error {
		for _, note := range notes {
			entries := note.read()
			if entries == nil {
				if err := visit(citycard.WaitingRow{Note: note.ID, Edited: true}); err != nil {
					return err
				}
			}
			if err := s.eachOf(ctx, note.ID, entries, visit); err != nil {
				return err
			}
		}
		return nil
	})
}

// eachOf visits the rows of one note.
func (s *Store) eachOf(ctx context.Context, note string, entries []citycard.LedgerEntry, visit func(citycard.WaitingRow) error) error {
	keys := make([]citycard.LedgerKey, len(entries))
	for i, entry := range entries {
		keys[i] = entry.LedgerKey
	}
	found, err := s.contents(ctx, keys)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		content, present := found[entry.LedgerKey]
		waits := citycard.WaitingRow{LedgerKey: entry.LedgerKey, Note: note, Present: present, Unchanged: citycard.LedgerSum(content) == entry.Sum}
		if err := visit(waits); err != nil {
			return err
		}
	}
	return nil
}

// beginWhole begins to read whole tables as they are at one moment.
func (s *Store) beginWhole(ctx context.Context) (*sqlx.Tx, error) {
	tx, err := s.db.BeginTxx(ctx, s.dialect.snapshot())
	if err != nil {
		return nil, s.fail("read covered rows", err)
	}
	if err := s.dialect.readWhole(ctx, tx); err != nil {
		return nil, errors.Join(s.fail("read covered rows", err), ignoreDone(tx.Rollback()))
	}
	return tx, nil
}

// known visits the rows of a query as they were at one moment; waits tells of each whether it waited then. The entries are
// joined as a whole: they have no index of their own, which every change would pay for.
func known[R any](ctx context.Context, s *Store, query string, visit func(row *R, waits func(citycard.LedgerKey) bool) error) error {
	tx, err := s.beginWhole(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	var notes []pendingRow
	if err := tx.SelectContext(ctx, &notes, listNotes); err != nil {
		return s.fail("read notes", err)
	}
	waiting := map[citycard.LedgerKey]bool{}
	for _, note := range notes {
		for _, entry := range note.read() {
			waiting[entry.LedgerKey] = true
		}
	}
	rows, err := tx.QueryxContext(ctx, query)
	if err != nil {
		return s.fail("read covered rows", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var row R
		if err := rows.StructScan(&row); err != nil {
			return s.fail("read covered rows", err)
		}
		if err := visit(&row, func(key citycard.LedgerKey) bool { return waiting[key] }); err != nil {
			return err
		}
	}
	return s.fail("read covered rows", rows.Err())
}

// EachLink implements citycard.LedgerRows.
func (s *Store) EachLink(ctx context.Context, visit func(citycard.LedgerLink) error) error {
	return known(ctx, s, listLinks, func(row *linkRow, waits func(citycard.LedgerKey) bool) error {
		t := row.transition()
		return visit(citycard.LedgerLink{
			Transition: t, Covered: row.Covered || waits(row.entry().LedgerKey), Foreign: transitionRowOf(t) != row.transitionRow,
			CardVersion: row.CardVersion, CardHead: row.CardHead,
		})
	})
}

// coveredRow is a row of a covered table, and whether it has entered the ledger.
type coveredRow struct {
	ID      string `db:"id"`
	Covered bool   `db:"covered"`
}

// EachCovered implements citycard.LedgerRows.
func (s *Store) EachCovered(ctx context.Context, source citycard.LedgerSource, visit func(id string, covered bool) error) error {
	return known(ctx, s, fmt.Sprintf(listCovered, source), func(row *coveredRow, waits func(citycard.LedgerKey) bool) error {
		return visit(row.ID, row.Covered || waits(citycard.LedgerKey{Source: source, Object: row.ID}))
	})
}

// changedRow is a card that went through something, and whether the latest of that is where the card says.
type changedRow struct {
	Ref     string `db:"ref"`
	Version int64  `db:"version"`
	Chained bool   `db:"chained"`
}

// EachUnchained implements citycard.LedgerRows.
func (s *Store) EachUnchained(ctx context.Context, visit func(ref string) error) error {
	after := func(r *changedRow) []any { return []any{r.Ref} }
	return each(ctx, s, pageQuery{list: listChanged, after: afterRef, order: orderRef}, after, func(rows []changedRow) error {
		for _, row := range rows {
			if row.Version == 0 || row.Chained {
				continue
			}
			if err := visit(row.Ref); err != nil {
				return err
			}
		}
		return nil
	})
}
