package sql

import (
	"context"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var _ citycard.StaffAccounts = (*Store)(nil)

// staffRow is a row of staff.
type staffRow struct {
	ID           string `db:"id"`
	Account      string `db:"account"`
	Name         string `db:"name"`
	Role         string `db:"role"`
	State        string `db:"state"`
	PasswordHash string `db:"password_hash"`
	CodeSecret   string `db:"code_secret"`
	CodeStep     int64  `db:"code_step"`
	First        int64  `db:"first_password"`
	AddedAt      int64  `db:"added_at"`
}

// staffSessionRow is a row of staff_session with its account.
type staffSessionRow struct {
	SessionID string `db:"session_id"`
	IssuedAt  int64  `db:"issued_at"`
	SeenAt    int64  `db:"seen_at"`
	ExpiresAt int64  `db:"expires_at"`
	RevokedAt int64  `db:"revoked_at"`
	staffRow
}

const (
	staffColumns = `t.id, t.account, t.name, t.role, t.state, t.password_hash, t.code_secret, t.code_step, t.first_password, t.added_at`

	insertStaff = `INSERT INTO staff (id, account, name, role, state, password_hash, code_secret, code_step, first_password, added_at)
 VALUES (:id, :account, :name, :role, :state, :password_hash, :code_secret, :code_step, :first_password, :added_at)`
	// A new secret leaves the step where it is: a code shown before the reset must not come back.
	resetStaff = `UPDATE staff SET password_hash = :password_hash, code_secret = :code_secret, first_password = :first_password, state = 'active'
 WHERE account = :account`
	setPassword  = `UPDATE staff SET password_hash = ?, first_password = 0 WHERE id = ?`
	changeRole   = `UPDATE staff SET role = ? WHERE account = ?`
	disableStaff = `UPDATE staff SET state = 'disabled' WHERE account = ?`
	findStaff    = `SELECT ` + staffColumns + ` FROM staff t WHERE t.account = ?`
	listStaff    = `SELECT t.id, t.account, t.name, t.role, t.state, t.added_at FROM staff t ORDER BY t.account`
	useCodeStep  = `UPDATE staff SET code_step = ? WHERE id = ? AND code_step < ?`

	insertRecovery = `INSERT INTO staff_recovery (staff_id, digest, used_at) VALUES (?, ?, 0)`
	forgetRecovery = `DELETE FROM staff_recovery WHERE staff_id = ?`
	useRecovery    = `UPDATE staff_recovery SET used_at = ? WHERE staff_id = ? AND digest = ? AND used_at = 0`

	insertStaffSession = `INSERT INTO staff_session (id, staff_id, issued_at, seen_at, expires_at, revoked_at) VALUES (?, ?, ?, ?, ?, 0)`
	forgetStaffSession = `DELETE FROM staff_session WHERE expires_at < ?`
	findStaffSession   = `SELECT s.id AS session_id, s.issued_at, s.seen_at, s.expires_at, s.revoked_at, ` + staffColumns + `
 FROM staff_session s JOIN staff t ON t.id = s.staff_id WHERE s.id = ?`
	touchStaffSession  = `UPDATE staff_session SET seen_at = ? WHERE id = ? AND seen_at < ?`
	revokeStaffSession = `UPDATE staff_session SET revoked_at = ? WHERE id = ? AND revoked_at = 0`
	revokeOthers       = `UPDATE staff_session SET revoked_at = ? WHERE revoked_at = 0 AND staff_id = ? AND id <> ?`
	revokeAllSessions  = `UPDATE staff_session SET revoked_at = ? WHERE revoked_at = 0
 AND staff_id = (SELECT id FROM staff WHERE account = ?)`
)

func (s *Store) staffRow(staff citycard.Staff) (staffRow, error) {
	secret, err := s.seal("staff.code_secret", staff.ID, staff.CodeSecret)
	return staffRow{
		ID: staff.ID, Account: staff.Account, Name: staff.Name, Role: string(staff.Role), State: string(staff.State),
		PasswordHash: staff.PasswordHash, CodeSecret: secret, First: flag(staff.FirstPassword), AddedAt: millis(staff.AddedAt),
	}, err
}

func (s *Store) staff(r staffRow) (citycard.Staff, error) {
	secret, err := s.open("staff.code_secret", r.ID, r.CodeSecret)
	return citycard.Staff{
		ID: r.ID, Account: r.Account, Name: r.Name, Role: citycard.StaffRole(r.Role), State: citycard.StaffState(r.State),
		PasswordHash: r.PasswordHash, CodeSecret: secret, FirstPassword: r.First == 1, AddedAt: instant(r.AddedAt),
	}, err
}

func noStaff() error {
	return &citycard.Error{Code: citycard.CodeNotFound, Field: "account", Message: "there is no such account"}
}

// AddStaff implements citycard.StaffAccounts.
func (s *Store) AddStaff(ctx context.Context, staff citycard.Staff, recovery []string, by citycard.StaffAction) error {
	row, err := s.staffRow(staff)
	if err != nil {
		return err
	}
	err = s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.NamedExecContext(ctx, insertStaff, row); err != nil {
			return err
		}
		if err := keepRecovery(ctx, tx, staff.ID, recovery); err != nil {
			return err
		}
		return s.appendAction(ctx, tx, by)
	})
	if duplicate(err) {
		return &citycard.Error{Code: citycard.CodeInvalidPayload, Field: "account", Message: "there is an account of this name already", Cause: scrub(err)}
	}
	return s.fail("add staff", err)
}

func keepRecovery(ctx context.Context, tx *sqlx.Tx, staffID string, recovery []string) error {
	if _, err := tx.ExecContext(ctx, tx.Rebind(forgetRecovery), staffID); err != nil {
		return fmt.Errorf("forget recovery codes: %w", err)
	}
	for _, digest := range recovery {
		if _, err := tx.ExecContext(ctx, tx.Rebind(insertRecovery), staffID, digest); err != nil {
			return fmt.Errorf("keep recovery code: %w", err)
		}
	}
	return nil
}

// ResetStaff implements citycard.StaffAccounts.
func (s *Store) ResetStaff(ctx context.Context, staff citycard.Staff, recovery []string, by citycard.StaffAction) error {
	row, err := s.staffRow(staff)
	if err != nil {
		return err
	}
	return s.changeStaff(ctx, by, func(ctx context.Context, tx *sqlx.Tx) (int64, error) {
		result, err := tx.NamedExecContext(ctx, resetStaff, row)
		if err != nil {
			return 0, err
		}
		if err := keepRecovery(ctx, tx, staff.ID, recovery); err != nil {
			return 0, err
		}
		for _, forget := range []string{forgetSigners, forgetBound} {
			if _, err := tx.ExecContext(ctx, tx.Rebind(forget), staff.ID); err != nil {
				return 0, err
			}
		}
		return result.RowsAffected()
	})
}

// ChangeStaffRole implements citycard.StaffAccounts. Sessions stay: what they may do is looked up with each request.
func (s *Store) ChangeStaffRole(ctx context.Context, account string, role citycard.StaffRole, by citycard.StaffAction) error {
	return s.fail("change role", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := changeOne(ctx, tx, changeRole, string(role), account); err != nil {
			return err
		}
		return s.appendAction(ctx, tx, by)
	}))
}

// SetStaffPassword implements citycard.StaffAccounts.
func (s *Store) SetStaffPassword(ctx context.Context, staffID, hash, keptSession string, by citycard.StaffAction) error {
	return s.fail("set password", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := changeOne(ctx, tx, setPassword, hash, staffID); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, tx.Rebind(revokeOthers), millis(by.At), staffID, keptSession); err != nil {
			return fmt.Errorf("revoke sessions: %w", err)
		}
		return s.appendAction(ctx, tx, by)
	}))
}

// changeOne changes an account that must be there.
func changeOne(ctx context.Context, tx *sqlx.Tx, query string, args ...any) error {
	result, err := tx.ExecContext(ctx, tx.Rebind(query), args...)
	if err != nil {
		return fmt.Errorf("update account: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil {
		return fmt.Errorf("update account: %w", err)
	} else if n == 0 {
		return noStaff()
	}
	return nil
}

// ListStaff implements citycard.StaffAccounts.
func (s *Store) ListStaff(ctx context.Context) ([]citycard.Staff, error) {
	var rows []staffRow
	if err := s.db.SelectContext(ctx, &rows, listStaff); err != nil {
		return nil, s.fail("list staff", err)
	}
	list := make([]citycard.Staff, len(rows))
	for i, row := range rows {
		var err error
		if list[i], err = s.staff(row); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// DisableStaff implements citycard.StaffAccounts.
func (s *Store) DisableStaff(ctx context.Context, account string, by citycard.StaffAction) error {
	return s.changeStaff(ctx, by, func(ctx context.Context, tx *sqlx.Tx) (int64, error) {
		result, err := tx.ExecContext(ctx, tx.Rebind(disableStaff), account)
		if err != nil {
			return 0, err
		}
		return result.RowsAffected()
	})
}

// changeStaff changes the account that the action names, ends its sessions and records the action.
func (s *Store) changeStaff(ctx context.Context, by citycard.StaffAction, change func(context.Context, *sqlx.Tx) (int64, error)) error {
	return s.fail("change staff", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		n, err := change(ctx, tx)
		switch {
		case err != nil:
			return fmt.Errorf("update account: %w", err)
		case n == 0:
			return noStaff()
		}
		if _, err := tx.ExecContext(ctx, tx.Rebind(revokeAllSessions), millis(by.At), by.Object); err != nil {
			return fmt.Errorf("revoke sessions: %w", err)
		}
		return s.appendAction(ctx, tx, by)
	}))
}

// StaffByAccount implements citycard.StaffAccounts.
func (s *Store) StaffByAccount(ctx context.Context, account string) (citycard.Staff, error) {
	var row staffRow
	err := s.db.GetContext(ctx, &row, s.db.Rebind(findStaff), account)
	if notFound(err) {
		return citycard.Staff{}, noStaff()
	}
	if err != nil {
		return citycard.Staff{}, s.fail("find staff", err)
	}
	return s.staff(row)
}

// UseCodeStep implements citycard.StaffAccounts.
func (s *Store) UseCodeStep(ctx context.Context, staffID string, step int64) (bool, error) {
	return s.taken(ctx, useCodeStep, step, staffID, step)
}

// UseRecoveryCode implements citycard.StaffAccounts.
func (s *Store) UseRecoveryCode(ctx context.Context, staffID, digest string, now time.Time) (bool, error) {
	return s.taken(ctx, useRecovery, millis(now), staffID, digest)
}

// taken runs an update and tells whether it changed its row.
func (s *Store) taken(ctx context.Context, query string, args ...any) (bool, error) {
	taken := false
	err := s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		result, err := tx.ExecContext(ctx, tx.Rebind(query), args...)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		taken = n == 1
		return err
	})
	if err != nil {
		return false, s.fail("use code", err)
	}
	return taken, nil
}

// OpenStaffSession implements citycard.StaffAccounts; sessions long ended are forgotten on the way.
func (s *Store) OpenStaffSession(ctx context.Context, session citycard.StaffSession, by citycard.StaffAction) error {
	return s.fail("open staff session", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, tx.Rebind(forgetStaffSession), millis(session.IssuedAt.Add(-keepEnded))); err != nil {
			return fmt.Errorf("forget sessions: %w", err)
		}
		_, err := tx.ExecContext(ctx, tx.Rebind(insertStaffSession), session.ID, session.Staff.ID,
			millis(session.IssuedAt), millis(session.SeenAt), millis(session.ExpiresAt))
		if err != nil {
			return fmt.Errorf("keep session: %w", err)
		}
		return s.appendAction(ctx, tx, by)
	}))
}

// StaffSession implements citycard.StaffAccounts.
func (s *Store) StaffSession(ctx context.Context, id string) (citycard.StaffSession, error) {
	var row staffSessionRow
	err := s.db.GetContext(ctx, &row, s.db.Rebind(findStaffSession), id)
	if notFound(err) {
		return citycard.StaffSession{}, &citycard.Error{Code: citycard.CodeNotFound, Message: "there is no such session"}
	}
	if err != nil {
		return citycard.StaffSession{}, s.fail("find staff session", err)
	}
	staff, err := s.staff(row.staffRow)
	return citycard.StaffSession{
		ID: row.SessionID, Staff: staff, IssuedAt: instant(row.IssuedAt), SeenAt: instant(row.SeenAt),
		ExpiresAt: instant(row.ExpiresAt), RevokedAt: instant(row.RevokedAt),
	}, err
}

// TouchStaffSession implements citycard.StaffAccounts.
func (s *Store) TouchStaffSession(ctx context.Context, id string, now time.Time) error {
	return s.fail("touch staff session", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, tx.Rebind(touchStaffSession), millis(now), id, millis(now))
		return err
	}))
}

// RevokeStaffSession implements citycard.StaffAccounts.
func (s *Store) RevokeStaffSession(ctx context.Context, id string, by citycard.StaffAction) error {
	return s.fail("revoke staff session", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, tx.Rebind(revokeStaffSession), millis(by.At), id); err != nil {
			return fmt.Errorf("revoke session: %w", err)
		}
		return s.appendAction(ctx, tx, by)
	}))
}

// flag is a truth as both engines store it.
func flag(set bool) int64 {
	if set {
		return 1
	}
	return 0
}
