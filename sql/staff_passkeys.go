package sql

import (
	"context"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var _ citycard.StaffPasskeys = (*Store)(nil)

// passkeyRow is a row of staff_passkey.
type passkeyRow struct {
	ID           string `db:"passkey_id"`
	StaffID      string `db:"staff_id"`
	Name         string `db:"passkey_name"`
	CredentialID string `db:"credential_id"`
	Record       string `db:"record"`
	SignCount    int64  `db:"sign_count"`
	AddedAt      int64  `db:"passkey_added_at"`
	UsedAt       int64  `db:"used_at"`
	CopiedAt     int64  `db:"copied_at"`
}

// passkeyOwnerRow is a row of staff_passkey with its account.
type passkeyOwnerRow struct {
	passkeyRow
	staffRow
}

const (
	signerColumns = `k.id AS passkey_id, k.staff_id, k.name AS passkey_name, k.credential_id, k.record, k.sign_count,
 k.added_at AS passkey_added_at, k.used_at, k.copied_at`

	insertSigner = `INSERT INTO staff_passkey (id, staff_id, name, credential_id, record, sign_count, added_at, used_at, copied_at)
 VALUES (:passkey_id, :staff_id, :passkey_name, :credential_id, :record, :sign_count, :passkey_added_at, 0, 0)`
	listSigners   = `SELECT ` + signerColumns + ` FROM staff_passkey k WHERE k.staff_id = ? ORDER BY k.added_at, k.id`
	findSigner    = `SELECT ` + signerColumns + `, ` + staffColumns + ` FROM staff_passkey k JOIN staff t ON t.id = k.staff_id WHERE k.credential_id = ?`
	useSigner     = `UPDATE staff_passkey SET record = ?, sign_count = ?, used_at = ? WHERE id = ? AND sign_count = ? AND copied_at = 0`
	stopSigner    = `UPDATE staff_passkey SET copied_at = ? WHERE id = ? AND copied_at = 0`
	removeSigner  = `DELETE FROM staff_passkey WHERE id = ? AND staff_id = ?`
	forgetSigners = `DELETE FROM staff_passkey WHERE staff_id = ?`
)

func (s *Store) passkey(r passkeyRow) (citycard.Passkey, error) {
	record, err := s.open("staff_passkey.record", r.ID, r.Record)
	return citycard.Passkey{
		ID: r.ID, StaffID: r.StaffID, Name: r.Name, CredentialID: r.CredentialID, Record: record,
		SignCount: uint32(r.SignCount), //nolint:gosec // stored out of 32 bits
		AddedAt:   instant(r.AddedAt), UsedAt: instant(r.UsedAt), CopiedAt: instant(r.CopiedAt),
	}, err
}

// AddPasskey implements citycard.StaffPasskeys.
func (s *Store) AddPasskey(ctx context.Context, key citycard.Passkey, by citycard.StaffAction) error {
	record, err := s.seal("staff_passkey.record", key.ID, key.Record)
	if err != nil {
		return err
	}
	row := passkeyRow{
		ID: key.ID, StaffID: key.StaffID, Name: key.Name, CredentialID: key.CredentialID, Record: record,
		SignCount: int64(key.SignCount), AddedAt: millis(key.AddedAt),
	}
	err = s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.NamedExecContext(ctx, insertSigner, row); err != nil {
			return err
		}
		return s.appendAction(ctx, tx, by)
	})
	if duplicate(err) {
		return &citycard.Error{Code: citycard.CodeInvalidPayload, Field: "name", Message: "this passkey is known here already", Cause: scrub(err)}
	}
	return s.fail("add passkey", err)
}

// Passkeys implements citycard.StaffPasskeys.
func (s *Store) Passkeys(ctx context.Context, staffID string) ([]citycard.Passkey, error) {
	var rows []passkeyRow
	if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(listSigners), staffID); err != nil {
		return nil, s.fail("list passkeys", err)
	}
	keys := make([]citycard.Passkey, len(rows))
	for i, row := range rows {
		var err error
		if keys[i], err = s.passkey(row); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func noPasskey() error {
	return &citycard.Error{Code: citycard.CodeNotFound, Message: "there is no such passkey"}
}

// PasskeyOf implements citycard.StaffPasskeys.
func (s *Store) PasskeyOf(ctx context.Context, credentialID string) (citycard.Passkey, citycard.Staff, error) {
	var row passkeyOwnerRow
	err := s.db.GetContext(ctx, &row, s.db.Rebind(findSigner), credentialID)
	if notFound(err) {
		return citycard.Passkey{}, citycard.Staff{}, noPasskey()
	}
	if err != nil {
		return citycard.Passkey{}, citycard.Staff{}, s.fail("find passkey", err)
	}
	key, err := s.passkey(row.passkeyRow)
	if err != nil {
		return citycard.Passkey{}, citycard.Staff{}, err
	}
	staff, err := s.staff(row.staffRow)
	return key, staff, err
}

// UsePasskey implements citycard.StaffPasskeys.
func (s *Store) UsePasskey(ctx context.Context, key citycard.Passkey, foundCount uint32) (bool, error) {
	record, err := s.seal("staff_passkey.record", key.ID, key.Record)
	if err != nil {
		return false, err
	}
	return s.taken(ctx, useSigner, record, int64(key.SignCount), millis(key.UsedAt), key.ID, int64(foundCount))
}

// StopPasskey implements citycard.StaffPasskeys.
func (s *Store) StopPasskey(ctx context.Context, id string, by citycard.StaffAction) error {
	return s.fail("stop passkey", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, tx.Rebind(stopSigner), millis(by.At), id); err != nil {
			return err
		}
		return s.appendAction(ctx, tx, by)
	}))
}

// RemovePasskey implements citycard.StaffPasskeys.
func (s *Store) RemovePasskey(ctx context.Context, staffID, id string, by citycard.StaffAction) error {
	return s.fail("remove passkey", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		result, err := tx.ExecContext(ctx, tx.Rebind(removeSigner), id, staffID)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return noPasskey()
		}
		return s.appendAction(ctx, tx, by)
	}))
}
