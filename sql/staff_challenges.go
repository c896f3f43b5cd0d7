package sql

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var (
	_ citycard.StaffChallenges = (*Store)(nil)
	_ citycard.StaffIdentities = (*Store)(nil)
)

// challengeRow is a row of staff_challenge.
type challengeRow struct {
	SecretHash  string `db:"secret_hash"`
	BrowserHash string `db:"browser_hash"`
	Kind        string `db:"kind"`
	StaffID     string `db:"staff_id"`
	State       string `db:"state"`
	ReturnTo    string `db:"return_to"`
	ExpiresAt   int64  `db:"expires_at"`
}

const (
	challengeColumns = `secret_hash, browser_hash, kind, staff_id, state, return_to, expires_at`

	insertChallenge = `INSERT INTO staff_challenge (` + challengeColumns + `)
 VALUES (:secret_hash, :browser_hash, :kind, :staff_id, :state, :return_to, :expires_at)`
	forgetChallenges = `DELETE FROM staff_challenge WHERE secret_hash IN
 (SELECT secret_hash FROM staff_challenge WHERE expires_at < ? LIMIT 100)`
	takeChallenge = `DELETE FROM staff_challenge WHERE secret_hash = ? AND browser_hash = ? AND kind = ? AND expires_at > ?
 RETURNING ` + challengeColumns

	bindIdentity = `INSERT INTO staff_identity (staff_id, issuer, subject, bound_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
	isBound      = `SELECT count(*) FROM staff_identity WHERE staff_id = ? AND issuer = ? AND subject = ?`
	forgetBound  = `DELETE FROM staff_identity WHERE staff_id = ?`
)

// KeepStaffChallenge implements citycard.StaffChallenges; those never answered are forgotten on the way.
func (s *Store) KeepStaffChallenge(ctx context.Context, c citycard.StaffChallenge) error {
	state, err := s.seal("staff_challenge.state", c.SecretHash, c.State)
	if err != nil {
		return err
	}
	row := challengeRow{c.SecretHash, c.BrowserHash, string(c.Kind), c.StaffID, state, c.ReturnTo, millis(c.ExpiresAt)}
	return s.fail("keep challenge", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, tx.Rebind(forgetChallenges), millis(s.clock())); err != nil {
			return fmt.Errorf("forget challenges: %w", err)
		}
		_, err := tx.NamedExecContext(ctx, insertChallenge, row)
		return err
	}))
}

// TakeStaffChallenge implements citycard.StaffChallenges.
func (s *Store) TakeStaffChallenge(ctx context.Context, of citycard.StaffChallenge, now time.Time) (citycard.StaffChallenge, error) {
	var row challengeRow
	err := s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		return tx.GetContext(ctx, &row, tx.Rebind(takeChallenge), of.SecretHash, of.BrowserHash, string(of.Kind), millis(now))
	})
	if notFound(err) {
		return citycard.StaffChallenge{}, &citycard.Error{
			Code: citycard.CodeCredentialsInvalid, Message: "the log-in was begun elsewhere, used already, or took too long; start again",
		}
	}
	if err != nil {
		return citycard.StaffChallenge{}, s.fail("take challenge", err)
	}
	state, err := s.open("staff_challenge.state", row.SecretHash, row.State)
	return citycard.StaffChallenge{
		SecretHash: row.SecretHash, BrowserHash: row.BrowserHash, Kind: citycard.ChallengeKind(row.Kind), StaffID: row.StaffID,
		State: state, ReturnTo: row.ReturnTo, ExpiresAt: instant(row.ExpiresAt),
	}, err
}

// BindIdentity implements citycard.StaffIdentities.
func (s *Store) BindIdentity(ctx context.Context, staffID string, id citycard.SSOIdentity, by citycard.StaffAction) (bool, error) {
	bound := 0
	err := s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		result, err := tx.ExecContext(ctx, tx.Rebind(bindIdentity), staffID, id.Issuer, id.Subject, millis(by.At))
		if err != nil {
			return fmt.Errorf("bind identity: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil {
			return fmt.Errorf("bind identity: %w", err)
		} else if n == 1 {
			bound = 1
			return s.appendAction(ctx, tx, by)
		}
		return tx.GetContext(ctx, &bound, tx.Rebind(isBound), staffID, id.Issuer, id.Subject)
	})
	if err != nil {
		return false, s.fail("bind identity", err)
	}
	return bound == 1, nil
}
