package sql

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"citycard"
)

// countAttempt counts one attempt unless the window is used up; then it changes no row.
const countAttempt = `INSERT INTO attempt (kind, subject, window_start, window_end, used) VALUES (?, ?, ?, ?, 1)
 ON CONFLICT (kind, subject, window_start) DO UPDATE SET used = attempt.used + 1 WHERE attempt.used < ?`

const forgetAttempts = `DELETE FROM attempt WHERE window_end < ?`

// ReserveAttempt implements citycard.Attempts: one transaction counts against every limit or none.
func (s *Store) ReserveAttempt(ctx context.Context, limits []citycard.AttemptLimit, now time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, tx.Rebind(forgetAttempts), millis(now.Add(-keepEnded))); err != nil {
			return fmt.Errorf("forget attempts: %w", err)
		}
		for _, l := range limits {
			result, err := tx.ExecContext(ctx, tx.Rebind(countAttempt),
				string(l.Kind), l.Subject, millis(l.WindowStart), millis(l.WindowEnd), l.Max)
			if err != nil {
				return fmt.Errorf("count attempt: %w", err)
			}
			if n, err := result.RowsAffected(); err != nil {
				return fmt.Errorf("count attempt: %w", err)
			} else if n == 0 {
				return &citycard.Error{
					Code: citycard.CodeAttemptsLocked, Message: "too many attempts; wait and try again",
					RetryAfter: l.WindowEnd.Sub(now).Round(time.Second),
				}
			}
		}
		return nil
	})
	return s.fail("reserve attempt", err)
}

// ReturnAttempt implements citycard.Attempts.
func (s *Store) ReturnAttempt(ctx context.Context, limits []citycard.AttemptLimit) error {
	return s.fail("return attempt", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		for _, row := range returnedRows(limits) {
			if _, err := tx.NamedExecContext(ctx, returnAttempt, row); err != nil {
				return fmt.Errorf("return attempt: %w", err)
			}
		}
		return nil
	}))
}
