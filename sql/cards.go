package sql

import (
	"context"

	"citycard"
)

// lookup is one read on its way through a round of reads.
type lookup[V any] struct {
	subject citycard.Subject
	id      string
	value   V
	done    chan error
}

// ask queues a lookup and waits for its answer.
func ask[V any](ctx context.Context, g *group[*lookup[V]], l *lookup[V]) (V, error) {
	l.done = make(chan error, 1)
	if err := g.add(ctx, l); err != nil {
		return l.value, err
	}
	select {
	case err := <-l.done:
		return l.value, err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// Holding implements citycard.Cards; concurrent calls share one query.
func (s *Store) Holding(ctx context.Context, subject citycard.Subject) (*citycard.Change, error) {
	return ask(ctx, s.holdings, &lookup[*citycard.Change]{subject: subject})
}

func (s *Store) findHoldings(asked []*lookup[*citycard.Change]) {
	ctx, cancel := s.roundContext()
	defer cancel()
	units := make([]*unit, len(asked))
	for i, l := range asked {
		units[i] = &unit{subject: l.subject, by: s.finder(l.subject)}
	}
	r, err := s.load(ctx, s.db, units, false)
	for i, l := range asked {
		if err == nil {
			l.value = r.change(units[i])
		}
		l.done <- s.fail("load cards", err)
	}
}

// chainOf begins a query over the transitions of cards, which are found from each card's latest back along what each
// holds of the one before; numbers fall, so that none goes round in circles. An index over cards would cost every change a page at a random
// place.
func chainOf(cards string) string {
	return `WITH RECURSIVE chain AS (
 SELECT t.* FROM card c JOIN transition t ON t.recorded_at = c.head_at AND t.hash = c.head WHERE ` + cards + `
 UNION ALL SELECT t.* FROM chain n JOIN transition t ON t.recorded_at = n.prev_at AND t.hash = n.prev_hash AND t.seq < n.seq) `
}

// History implements citycard.Cards.
func (s *Store) History(ctx context.Context, ref string, after int64, limit int) ([]citycard.Transition, error) {
	var rows []transitionRow
	query := chainOf("c.ref = ?") + "SELECT " + transitionColumns + " FROM chain WHERE seq > ? ORDER BY seq LIMIT ?"
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(query), ref, after, limit); err != nil {
		return nil, s.fail("load history", err)
	}
	list := make([]citycard.Transition, len(rows))
	for i, row := range rows {
		list[i] = row.transition()
	}
	return list, nil
}
