package sql

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var _ citycard.CountedDays = (*Store)(nil)

// The kinds of kept counts: of a day that is over, and of the cards received on a day.
const (
	keptDay      = "day"
	keptReceived = "received"
)

const (
	// countEnabled reads a stretch of the table, which is in the order of its times.
	countEnabled = `SELECT machine, to_state, channel, partner, count(*) AS counted FROM
 (SELECT machine, to_state, channel, CASE WHEN channel = ? THEN actor_id ELSE '' END AS partner FROM transition
 WHERE recorded_at >= ? AND recorded_at < ?
 AND to_state IN ('active', 'pending_bank') AND from_state IN ('sealed', 'inactive', 'pending_bank')) enabled
 GROUP BY machine, to_state, channel, partner ORDER BY machine, to_state, channel, partner`
	countRequests = `SELECT channel, status, failure, count(*) AS counted FROM activation
 WHERE started_at >= ? AND started_at < ? GROUP BY channel, status, failure ORDER BY channel, status, failure`
	countReceived = `SELECT region, social, social_before, social_held, financial, financial_before, count(*) AS cards
 FROM card WHERE received_on = ? AND fulfilment = ? AND `
	groupReceived = ` GROUP BY region, social, social_before, social_held, financial, financial_before
 ORDER BY region, social, social_before, social_held, financial, financial_before`
	listKept = `SELECT day, counts, counted_at FROM statistic WHERE kind = ? AND day >= ? AND day <= ? ORDER BY day`
	keep     = `INSERT INTO statistic (kind, day, counts, counted_at) VALUES (:kind, :day, :counts, :counted_at)
 ON CONFLICT (kind, day) DO UPDATE SET counts = excluded.counts, counted_at = excluded.counted_at`
)

// statisticRow is a row of statistic.
type statisticRow struct {
	Kind      string `db:"kind"`
	Day       string `db:"day"`
	Counts    string `db:"counts"`
	CountedAt int64  `db:"counted_at"`
}

// CountDay implements citycard.CountedDays.
func (s *Store) CountDay(ctx context.Context, from, to time.Time) (citycard.DayCounts, error) {
	var enabled []struct {
		Machine string `db:"machine"`
		State   string `db:"to_state"`
		Channel string `db:"channel"`
		Partner string `db:"partner"`
		Count   int64  `db:"counted"`
	}
	err := s.db.SelectContext(ctx, &enabled, s.db.Rebind(countEnabled), string(citycard.ChannelCallback), millis(from), millis(to))
	if err != nil {
		return citycard.DayCounts{}, s.fail("count activations", err)
	}
	var requests []struct {
		Channel string `db:"channel"`
		Status  string `db:"status"`
		Failure string `db:"failure"`
		Count   int64  `db:"counted"`
	}
	if err := s.db.SelectContext(ctx, &requests, s.db.Rebind(countRequests), millis(from), millis(to)); err != nil {
		return citycard.DayCounts{}, s.fail("count requests", err)
	}
	counts := citycard.DayCounts{
		Enabled: make([]citycard.EnabledCount, len(enabled)), Requests: make([]citycard.RequestCount, len(requests)),
	}
	for i, row := range enabled {
		counts.Enabled[i] = citycard.EnabledCount{
			Machine: citycard.Machine(row.Machine), State: row.State, Channel: citycard.Channel(row.Channel),
			Partner: row.Partner, Count: row.Count,
		}
	}
	for i, row := range requests {
		counts.Requests[i] = citycard.RequestCount{
			Channel: citycard.Channel(row.Channel), Status: citycard.ActivationStatus(row.Status),
			Failure: citycard.Code(row.Failure), Count: row.Count,
		}
	}
	return counts, nil
}

// kept reads kept counts.
func (s *Store) kept(ctx context.Context, kind string, from, to citycard.Date) ([]statisticRow, error) {
	var rows []statisticRow
	err := s.db.SelectContext(ctx, &rows, s.db.Rebind(listKept), kind, from.String(), to.String())
	return rows, s.fail("list counts", err)
}

func (s *Store) keep(ctx context.Context, row statisticRow, counts any) error {
	text, err := json.Marshal(counts)
	if err != nil {
		return fmt.Errorf("keep counts: %w", err)
	}
	row.Counts = string(text)
	return s.fail("keep counts", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.NamedExecContext(ctx, keep, row)
		return err
	}))
}

// KeptDays implements citycard.CountedDays.
func (s *Store) KeptDays(ctx context.Context, from, to citycard.Date) ([]citycard.DayCounts, error) {
	rows, err := s.kept(ctx, keptDay, from, to)
	if err != nil {
		return nil, err
	}
	days := make([]citycard.DayCounts, len(rows))
	for i, row := range rows {
		if err := json.Unmarshal([]byte(row.Counts), &days[i]); err != nil {
			return nil, fmt.Errorf("read counts of %s: %w", row.Day, err)
		}
	}
	return days, nil
}

// KeepDay implements citycard.CountedDays.
func (s *Store) KeepDay(ctx context.Context, counts citycard.DayCounts, now time.Time) error {
	return s.keep(ctx, statisticRow{Kind: keptDay, Day: counts.Day.String(), CountedAt: millis(now)}, counts)
}

// CountReceived implements citycard.CountedDays.
func (s *Store) CountReceived(
	ctx context.Context, on citycard.Date, states []citycard.FinancialState,
) ([]citycard.ReceivedGroup, error) {
	var rows []struct {
		Region          string `db:"region"`
		Social          string `db:"social"`
		SocialBefore    string `db:"social_before"`
		SocialHeld      string `db:"social_held"`
		Financial       string `db:"financial"`
		FinancialBefore string `db:"financial_before"`
		Cards           int64  `db:"cards"`
	}
	query := countReceived + s.dialect.in("financial") + groupReceived
	err := s.db.SelectContext(ctx, &rows, s.db.Rebind(query), on.String(), string(citycard.FulfilmentCollected),
		s.dialect.list(textsOf(states)))
	if err != nil {
		return nil, s.fail("count cards received", err)
	}
	groups := make([]citycard.ReceivedGroup, len(rows))
	for i, row := range rows {
		groups[i] = citycard.ReceivedGroup{
			Region: row.Region, Social: citycard.SocialState(row.Social), SocialBefore: citycard.SocialState(row.SocialBefore),
			SocialHeld: citycard.SocialState(row.SocialHeld), Financial: citycard.FinancialState(row.Financial),
			FinancialBefore: citycard.FinancialState(row.FinancialBefore), Cards: row.Cards,
		}
	}
	return groups, nil
}

// textsOf are named strings as plain ones.
func textsOf[T ~string](values []T) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = string(value)
	}
	return texts
}

// KeptReceived implements citycard.CountedDays.
func (s *Store) KeptReceived(ctx context.Context, from, to citycard.Date) ([]citycard.ReceivedCounts, error) {
	rows, err := s.kept(ctx, keptReceived, from, to)
	if err != nil {
		return nil, err
	}
	days := make([]citycard.ReceivedCounts, len(rows))
	for i, row := range rows {
		day, err := citycard.ParseDate(row.Day)
		if err != nil {
			return nil, err
		}
		days[i] = citycard.ReceivedCounts{Day: day, CountedAt: instant(row.CountedAt)}
		if err := json.Unmarshal([]byte(row.Counts), &days[i].Groups); err != nil {
			return nil, fmt.Errorf("read counts of %s: %w", row.Day, err)
		}
	}
	return days, nil
}

// KeepReceived implements citycard.CountedDays.
func (s *Store) KeepReceived(ctx context.Context, counts citycard.ReceivedCounts) error {
	row := statisticRow{Kind: keptReceived, Day: counts.Day.String(), CountedAt: millis(counts.CountedAt)}
	return s.keep(ctx, row, counts.Groups)
}
