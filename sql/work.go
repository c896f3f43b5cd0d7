package sql

import (
	"context"
	"maps"
	"slices"
	"time"

	"citycard"
)

var _ citycard.WorkStore = (*Store)(nil)

const (
	cardsReceived = `SELECT '' AS found, p.name AS person_name, ` + cardColumns + ` FROM card c JOIN person p ON p.id = c.person_id
 WHERE c.received_on = ? AND c.ref > ? AND c.fulfilment = ? AND `
	attemptsUsed = `SELECT kind, subject, used, window_end FROM attempt WHERE window_end > ? AND kind = ? AND used >= ?
 ORDER BY used DESC, subject LIMIT ?`
	listReconciliations = `SELECT ` + reconciliationColumns + ` FROM reconciliation_result
 WHERE day >= ? AND only_ours + only_theirs + different > 0 ORDER BY day DESC, app_id`
	countCorrections = `SELECT count(*) FROM correction WHERE state = ?`
)

// CardsReceived implements citycard.WorkStore.
func (s *Store) CardsReceived(ctx context.Context, q citycard.ReceivedQuery) ([]citycard.HeldCard, error) {
	var rows []foundRow
	query := cardsReceived + s.dialect.in("c.financial") + " ORDER BY c.ref LIMIT ?"
	err := s.db.SelectContext(ctx, &rows, s.db.Rebind(query), q.Day.String(), q.After, string(citycard.FulfilmentCollected),
		s.dialect.list(textsOf(q.States)), q.Limit)
	if err != nil {
		return nil, s.fail("list cards received", err)
	}
	held := make([]citycard.HeldCard, len(rows))
	for i := range rows {
		card, err := rows[i].card()
		if err != nil {
			return nil, err
		}
		name, err := s.open("person.name", rows[i].PersonID, rows[i].PersonName)
		if err != nil {
			return nil, err
		}
		held[i] = citycard.HeldCard{Person: citycard.Person{ID: rows[i].PersonID, Name: citycard.RestoreName(name)}, Card: card}
	}
	return held, nil
}

// AttemptsUsed implements citycard.WorkStore.
func (s *Store) AttemptsUsed(
	ctx context.Context, least map[citycard.AttemptKind]int, now time.Time, limit int,
) ([]citycard.AttemptUse, error) {
	var list []citycard.AttemptUse
	for _, kind := range slices.Sorted(maps.Keys(least)) {
		var rows []struct {
			Kind      string `db:"kind"`
			Subject   string `db:"subject"`
			Used      int    `db:"used"`
			WindowEnd int64  `db:"window_end"`
		}
		err := s.db.SelectContext(ctx, &rows, s.db.Rebind(attemptsUsed), millis(now), string(kind), least[kind], limit)
		if err != nil {
			return nil, s.fail("list attempts", err)
		}
		for _, row := range rows {
			list = append(list, citycard.AttemptUse{
				Kind: citycard.AttemptKind(row.Kind), Subject: row.Subject, Used: row.Used, WindowEnd: instant(row.WindowEnd),
			})
		}
	}
	return list, nil
}

// ReconciliationDifferences implements citycard.WorkStore.
func (s *Store) ReconciliationDifferences(ctx context.Context, since citycard.Date) ([]citycard.ReconciliationResult, error) {
	var rows []reconciliationRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(listReconciliations), since.String()); err != nil {
		return nil, s.fail("list reconciliations", err)
	}
	results := make([]citycard.ReconciliationResult, len(rows))
	for i, row := range rows {
		result, err := row.result()
		if err != nil {
			return nil, err
		}
		results[i] = result
	}
	return results, nil
}

// CountCorrections implements citycard.WorkStore.
func (s *Store) CountCorrections(ctx context.Context) (int64, error) {
	var n int64
	err := s.db.GetContext(ctx, &n, s.db.Rebind(countCorrections), string(citycard.CorrectionOpen))
	return n, s.fail("count corrections", err)
}
