package sql

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"citycard"
)

const (
	openActivation    = insertActivation + ` ON CONFLICT (dedup) WHERE status = 'awaiting_identity' DO NOTHING`
	findActivation    = `SELECT ` + activationColumns + ` FROM activation WHERE id = ?`
	findOpen          = `SELECT ` + activationColumns + ` FROM activation WHERE dedup = ? AND status = 'awaiting_identity'`
	expireActivations = `UPDATE activation SET status = 'failed', failure = 'login_code_invalid', name = '', number = '',
 finished_at = expires_at WHERE status = 'awaiting_identity' AND expires_at <= :started_at`
	claimActivation = `UPDATE activation SET claimed_until = ? WHERE id = ? AND status = 'awaiting_identity' AND claimed_until <= ?`
	findOnce        = `SELECT ` + onceColumns + ` FROM idempotency WHERE request_key = ?`
)

// OpenActivation implements citycard.Activations.
func (s *Store) OpenActivation(ctx context.Context, a citycard.Activation, once *citycard.Once) (citycard.Activation, bool, error) {
	row, err := s.activationRow(a)
	if err != nil {
		return citycard.Activation{}, false, err
	}
	var stored activationRow
	open := func() error {
		return s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
			id, err := takeOnce(ctx, tx, once, func() (string, error) { return openFor(ctx, tx, row) })
			if err != nil {
				return err
			}
			return tx.GetContext(ctx, &stored, tx.Rebind(findActivation), id)
		})
	}
	if err = open(); duplicate(err) {
		err = open() // another process stored the same record first: now it is found
	}
	if err != nil {
		return citycard.Activation{}, false, s.fail("open activation", err)
	}
	act, err := s.activation(stored)
	return act, act.ID == a.ID, err
}

// takeOnce gives the result that the once-record holds already, or does the work and stores the record with its
// result. Without a record it only does the work.
func takeOnce(ctx context.Context, tx *sqlx.Tx, once *citycard.Once, do func() (string, error)) (string, error) {
	if once == nil {
		return do()
	}
	offer := onceRowOf(once)
	var kept onceRow
	err := tx.GetContext(ctx, &kept, tx.Rebind(findOnce), offer.RequestKey)
	if err == nil {
		result, _, err := (&citycard.Change{Earlier: kept.once()}).Repetition(once.Fingerprint)
		return result, err
	}
	if !notFound(err) {
		return "", fmt.Errorf("find idempotency record: %w", err)
	}
	if offer.Result, err = do(); err != nil {
		return "", err
	}
	if _, err := tx.NamedExecContext(ctx, insertOnce, offer); err != nil {
		return "", fmt.Errorf("insert idempotency record: %w", err)
	}
	return offer.Result, nil
}

// openFor ends activations that nobody confirmed in time, so that their names and numbers are forgotten, and
// stores this one unless one like it awaits already, and gives the id of the one that does.
func openFor(ctx context.Context, tx *sqlx.Tx, row activationRow) (string, error) {
	if _, err := tx.NamedExecContext(ctx, expireActivations, row); err != nil {
		return "", fmt.Errorf("expire activations: %w", err)
	}
	result, err := tx.NamedExecContext(ctx, openActivation, row)
	if err != nil {
		return "", fmt.Errorf("insert activation: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return row.ID, err
	}
	var open activationRow
	if err := tx.GetContext(ctx, &open, tx.Rebind(findOpen), row.Dedup); err != nil {
		return "", fmt.Errorf("find open activation: %w", err)
	}
	return open.ID, nil
}

// Activation implements citycard.Activations; concurrent calls share one query.
func (s *Store) Activation(ctx context.Context, id string) (citycard.Activation, error) {
	act, err := ask(ctx, s.activations, &lookup[*citycard.Activation]{id: id})
	if err == nil && act == nil {
		err = &citycard.Error{Code: citycard.CodeNotFound, Message: "there is no such activation"}
	}
	if err != nil {
		return citycard.Activation{}, err
	}
	return *act, nil
}

func (s *Store) findActivations(asked []*lookup[*citycard.Activation]) {
	ctx, cancel := s.roundContext()
	defer cancel()
	ids := make([]string, len(asked))
	for i, l := range asked {
		ids[i] = l.id
	}
	r := newRound()
	err := s.read(ctx, s.db, s.askActivations(r, ids))
	for _, l := range asked {
		l.value = r.acts[l.id]
		l.done <- s.fail("load activation", err)
	}
}

// ClaimActivation implements citycard.Activations.
func (s *Store) ClaimActivation(ctx context.Context, id string, now, leaseUntil time.Time) (bool, error) {
	var n int64
	err := s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		result, err := tx.ExecContext(ctx, tx.Rebind(claimActivation), millis(leaseUntil), id, millis(now))
		if err != nil {
			return fmt.Errorf("claim: %w", err)
		}
		n, err = result.RowsAffected()
		return err
	})
	return n == 1, s.fail("claim activation", err)
}

// SaveActivation implements citycard.Activations.
func (s *Store) SaveActivation(ctx context.Context, a citycard.Activation) error {
	a.ClaimedUntil = time.Time{}
	row, err := s.activationRow(a)
	if err != nil {
		return err
	}
	return s.fail("save activation", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.NamedExecContext(ctx, updateActivation, row)
		return err
	}))
}
