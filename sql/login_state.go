package sql

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"citycard"
)

// loginStateRow is a row of login_state.
type loginStateRow struct {
	StateHash    string `db:"state_hash"`
	BrowserHash  string `db:"browser_hash"`
	ReturnTo     string `db:"return_to"`
	ActivationID string `db:"activation_id"`
	ExpiresAt    int64  `db:"expires_at"`
}

const (
	insertLoginState = `INSERT INTO login_state (state_hash, browser_hash, return_to, activation_id, expires_at)
 VALUES (:state_hash, :browser_hash, :return_to, :activation_id, :expires_at)`
	forgetLoginStates = `DELETE FROM login_state WHERE state_hash IN
 (SELECT state_hash FROM login_state WHERE expires_at < ? LIMIT 100)`
	takeLoginState = `DELETE FROM login_state WHERE state_hash = ? AND browser_hash = ? AND expires_at > ?
 RETURNING state_hash, browser_hash, return_to, activation_id, expires_at`
)

// KeepLoginState implements citycard.LoginStates; states never used are forgotten on the way.
func (s *Store) KeepLoginState(ctx context.Context, state citycard.LoginState) error {
	row := loginStateRow{state.StateHash, state.BrowserHash, state.ReturnTo, state.ActivationID, millis(state.ExpiresAt)}
	return s.fail("keep log-in state", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, tx.Rebind(forgetLoginStates), millis(s.clock())); err != nil {
			return fmt.Errorf("forget log-in states: %w", err)
		}
		_, err := tx.NamedExecContext(ctx, insertLoginState, row)
		return err
	}))
}

// TakeLoginState implements citycard.LoginStates.
func (s *Store) TakeLoginState(ctx context.Context, stateHash, browserHash string, now time.Time) (citycard.LoginState, error) {
	var row loginStateRow
	err := s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		return tx.GetContext(ctx, &row, tx.Rebind(takeLoginState), stateHash, browserHash, millis(now))
	})
	if notFound(err) {
		return citycard.LoginState{}, &citycard.Error{
			Code: citycard.CodeLoginCodeInvalid, Message: "the log-in was begun elsewhere, used already, or took too long; start again",
		}
	}
	if err != nil {
		return citycard.LoginState{}, s.fail("take log-in state", err)
	}
	return citycard.LoginState{
		StateHash: row.StateHash, BrowserHash: row.BrowserHash, ReturnTo: row.ReturnTo,
		ActivationID: row.ActivationID, ExpiresAt: instant(row.ExpiresAt),
	}, nil
}
