package sql

import (
	"context"
	"fmt"
	"slices"

	"citycard"
)

var _ citycard.LedgerRows = (*Store)(nil)

// checkPage is how many rows the check of the ledger reads at a time.
const checkPage = 2000

const (
	listEntries = `SELECT ` + entryColumns + ` FROM ledger_entry WHERE position >= ? AND position <= ? ORDER BY position LIMIT ?`
	listHashes  = `SELECT card_ref, seq, hash FROM transition WHERE `
	listContent = `SELECT ` + actionColumns + ` FROM staff_action WHERE `

	listPending = `SELECT ` + pendingColumns + `, EXISTS (SELECT 1 FROM ledger_entry e WHERE e.source = p.source
 AND e.object = p.object AND e.seq = p.seq) AS entered FROM ledger_pending p `
	afterPending = `WHERE (source, object, seq) > (?, ?, ?) `
	orderPending = `ORDER BY source, object, seq LIMIT ?`

	// A row that just entered is found in one of the two whatever the moment: it moves in one transaction.
	listLinks = `SELECT t.card_ref, t.seq, t.machine, t.from_state, t.to_state, t.actor_kind, t.actor_id, t.channel, t.reason,
 t.evidence_ref, t.occurred_at, t.recorded_at, t.event_id, t.prev_hash, t.hash,
 EXISTS (SELECT 1 FROM ledger_entry e WHERE e.source = 'transition' AND e.object = t.card_ref AND e.seq = t.seq)
 OR EXISTS (SELECT 1 FROM ledger_pending p WHERE p.source = 'transition' AND p.object = t.card_ref AND p.seq = t.seq) AS covered,
 coalesce(c.version, -1) AS card_version, coalesce(c.head, '') AS card_head
 FROM transition t LEFT JOIN card c ON c.ref = t.card_ref `
	afterLink = `WHERE (t.card_ref, t.seq) > (?, ?) `
	orderLink = `ORDER BY t.card_ref, t.seq LIMIT ?`

	listCovered = `SELECT r.id,
 EXISTS (SELECT 1 FROM ledger_entry e WHERE e.source = '%[1]s' AND e.object = r.id AND e.seq = 0)
 OR EXISTS (SELECT 1 FROM ledger_pending p WHERE p.source = '%[1]s' AND p.object = r.id AND p.seq = 0) AS covered FROM %[1]s r `
	afterCovered = `WHERE r.id > ? `
	orderCovered = `ORDER BY r.id LIMIT ?`

	listChanged = `SELECT c.ref, c.version, EXISTS (SELECT 1 FROM transition t WHERE t.card_ref = c.ref) AS chained FROM card c `
	afterRef    = `WHERE c.ref > ? `
	orderRef    = `ORDER BY c.ref LIMIT ?`
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
	var transitions []transitionRow
	if err := s.named(ctx, &transitions, listHashes+s.dialect.in("card_ref"), objects[citycard.LedgerTransitions]); err != nil {
		return nil, err
	}
	for _, r := range transitions {
		keep(citycard.LedgerKey{Source: citycard.LedgerTransitions, Object: r.CardRef, Seq: r.Seq}, r.Hash)
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

// named reads the rows that a list of values names; an empty list names none.
func (s *Store) named(ctx context.Context, into any, query string, values []string) error {
	if len(values) == 0 {
		return nil
	}
	return s.fail("read covered rows", s.db.SelectContext(ctx, into, s.db.Rebind(query), s.dialect.list(values)))
}

// waitingRow is a row of ledger_pending, and whether it has entered the ledger already.
type waitingRow struct {
	pendingRow

	Entered bool `db:"entered"`
}

// EachWaitingRow implements citycard.LedgerRows.
func (s *Store) EachWaitingRow(ctx context.Context, visit func(citycard.WaitingRow) error) error {
	after := func(r *waitingRow) []any { return []any{r.Source, r.Object, r.Seq} }
	return each(ctx, s, pageQuery{list: listPending, after: afterPending, order: orderPending}, after, func(rows []waitingRow) error {
		keys := make([]citycard.LedgerKey, len(rows))
		for i, row := range rows {
			keys[i] = row.key()
		}
		found, err := s.contents(ctx, keys)
		if err != nil {
			return err
		}
		for _, row := range rows {
			content, present := found[row.key()]
			waits := citycard.WaitingRow{LedgerKey: row.key(), Present: present, Unchanged: content == row.Content, Entered: row.Entered}
			if err := visit(waits); err != nil {
				return err
			}
		}
		return nil
	})
}

// EachLink implements citycard.LedgerRows.
func (s *Store) EachLink(ctx context.Context, visit func(citycard.LedgerLink) error) error {
	after := func(r *linkRow) []any { return []any{r.CardRef, r.Seq} }
	return each(ctx, s, pageQuery{list: listLinks, after: afterLink, order: orderLink}, after, func(rows []linkRow) error {
		for i := range rows {
			t := rows[i].transition()
			err := visit(citycard.LedgerLink{
				Transition: t, Covered: rows[i].Covered, Foreign: transitionRowOf(t) != rows[i].transitionRow,
				CardVersion: rows[i].CardVersion, CardHead: rows[i].CardHead,
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// coveredRow is a row of a covered table, and whether the ledger knows it.
type coveredRow struct {
	ID      string `db:"id"`
	Covered bool   `db:"covered"`
}

// EachCovered implements citycard.LedgerRows.
func (s *Store) EachCovered(ctx context.Context, source citycard.LedgerSource, visit func(id string, covered bool) error) error {
	query := pageQuery{list: fmt.Sprintf(listCovered, source), after: afterCovered, order: orderCovered}
	after := func(r *coveredRow) []any { return []any{r.ID} }
	return each(ctx, s, query, after, func(rows []coveredRow) error {
		for _, row := range rows {
			if err := visit(row.ID, row.Covered); err != nil {
				return err
			}
		}
		return nil
	})
}

// changedRow is a card that went through something, and whether any of that is on record.
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
