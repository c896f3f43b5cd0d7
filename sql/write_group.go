package sql

import (
	"context"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// write is a small change beside the cards (a session, a claim, a count) on its way through a round of
// SQLite. Gone tells whether its caller has given up.
type write struct {
	gone func() error
	do   func(context.Context, *sqlx.Tx) error
	done chan error
}

// write runs do in a transaction: on PostgreSQL in one of its own, on SQLite together with those that wait for
// the one writer, each behind a savepoint. Do may run more than once.
func (s *Store) write(ctx context.Context, do func(context.Context, *sqlx.Tx) error) error {
	if s.dialect == postgres {
		return again(ctx, func() error {
			return s.transact(ctx, func(tx *sqlx.Tx) error { return do(ctx, tx) })
		})
	}
	w := &write{gone: ctx.Err, do: do, done: make(chan error, 1)}
	if err := s.writes.add(ctx, w); err != nil {
		return err
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// runWrites commits a round of writes on SQLite.
func (s *Store) runWrites(round []*write) {
	ctx, cancel := s.roundContext()
	defer cancel()
	verdicts := make([]error, len(round))
	err := again(ctx, func() error {
		return s.transact(ctx, func(tx *sqlx.Tx) error {
			for i, w := range round {
				if verdicts[i] = w.gone(); verdicts[i] != nil {
					continue
				}
				if err := behindSavepoint(ctx, tx, w, &verdicts[i]); err != nil {
					return err
				}
			}
			return nil
		})
	})
	for i, w := range round {
		w.done <- errors.Join(verdicts[i], err)
	}
}

// behindSavepoint runs one write so that its failure leaves the others alone.
func behindSavepoint(ctx context.Context, tx *sqlx.Tx, w *write, verdict *error) error {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return fmt.Errorf("set savepoint: %w", err)
	}
	if *verdict = w.do(ctx, tx); *verdict != nil {
		if _, err := tx.ExecContext(ctx, "ROLLBACK TO one"); err != nil {
			return fmt.Errorf("roll back to savepoint: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, "RELEASE one"); err != nil {
		return fmt.Errorf("release savepoint: %w", err)
	}
	return nil
}
