package sql

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var (
	_ citycard.Partners        = (*Store)(nil)
	_ citycard.TwoCardSessions = (*Store)(nil)
	_ citycard.Replays         = (*Store)(nil)
	_ citycard.CallbackCounts  = (*Store)(nil)
	_ citycard.OnceRecords     = (*Store)(nil)
)

// partnerRow is a row of partner. Regions and methods are lists joined by commas, which neither can hold.
type partnerRow struct {
	AppID    string `db:"app_id"`
	Kind     string `db:"kind"`
	Name     string `db:"name"`
	Regions  string `db:"regions"`
	BankCode string `db:"bank_code"`
	Methods  string `db:"methods"`
	State    string `db:"state"`
	AddedBy  string `db:"added_by"`
	AddedAt  int64  `db:"added_at"`
}

// partnerKeyRow is a row of partner_key.
type partnerKeyRow struct {
	ID          string `db:"id"`
	AppID       string `db:"app_id"`
	Type        string `db:"type"`
	PEM         string `db:"pem"`
	Fingerprint string `db:"fingerprint"`
	NotBefore   int64  `db:"not_before"`
	NotAfter    int64  `db:"not_after"`
	State       string `db:"state"`
	CommandLine bool   `db:"command_line"`
	AddedBy     string `db:"added_by"`
	AddedAt     int64  `db:"added_at"`
	ApprovedBy  string `db:"approved_by"`
	ApprovedAt  int64  `db:"approved_at"`
	RevokedBy   string `db:"revoked_by"`
	RevokedAt   int64  `db:"revoked_at"`
}

const (
	partnerColumns    = `app_id, kind, name, regions, bank_code, methods, state, added_by, added_at`
	partnerKeyColumns = `id, app_id, type, pem, fingerprint, not_before, not_after, state, command_line, added_by, added_at,
 approved_by, approved_at, revoked_by, revoked_at`

	insertPartner = `INSERT INTO partner (` + partnerColumns + `)
 VALUES (:app_id, :kind, :name, :regions, :bank_code, :methods, :state, :added_by, :added_at)`
	updatePartner = `UPDATE partner SET kind = :kind, name = :name, regions = :regions, bank_code = :bank_code,
 methods = :methods, state = :state WHERE app_id = :app_id`
	// An id that another app's key has already is left alone, which changes no row.
	upsertPartnerKey = `INSERT INTO partner_key (` + partnerKeyColumns + `) VALUES (:id, :app_id, :type, :pem, :fingerprint,
 :not_before, :not_after, :state, :command_line, :added_by, :added_at, :approved_by, :approved_at, :revoked_by, :revoked_at)
 ON CONFLICT (id) DO UPDATE SET not_after = excluded.not_after, state = excluded.state, approved_by = excluded.approved_by,
 approved_at = excluded.approved_at, revoked_by = excluded.revoked_by, revoked_at = excluded.revoked_at
 WHERE partner_key.app_id = excluded.app_id AND partner_key.fingerprint = excluded.fingerprint`

	listPartners    = `SELECT ` + partnerColumns + ` FROM partner ORDER BY app_id`
	listPartnerKeys = `SELECT ` + partnerKeyColumns + ` FROM partner_key ORDER BY added_at, id`
	findPartner     = `SELECT ` + partnerColumns + ` FROM partner WHERE app_id = ?`
	findPartnerKeys = `SELECT ` + partnerKeyColumns + ` FROM partner_key WHERE app_id = ? ORDER BY added_at, id`
)

func partnerRowOf(p citycard.Partner) partnerRow {
	methods := make([]string, len(p.Methods))
	for i, method := range p.Methods {
		methods[i] = string(method)
	}
	return partnerRow{
		AppID: p.AppID, Kind: string(p.Kind), Name: p.Name, Regions: strings.Join(p.Regions, ","), BankCode: string(p.Bank),
		Methods: strings.Join(methods, ","), State: string(p.State), AddedBy: p.AddedBy, AddedAt: millis(p.AddedAt),
	}
}

func (r partnerRow) record() citycard.PartnerRecord {
	var methods []citycard.Method
	for method := range strings.SplitSeq(r.Methods, ",") {
		methods = append(methods, citycard.Method(method))
	}
	return citycard.PartnerRecord{Partner: citycard.Partner{
		AppID: r.AppID, Kind: citycard.PartnerKind(r.Kind), Name: r.Name, Regions: strings.Split(r.Regions, ","),
		Bank: citycard.Bank(r.BankCode), Methods: methods, State: citycard.PartnerState(r.State),
		AddedBy: r.AddedBy, AddedAt: instant(r.AddedAt),
	}}
}

func partnerKeyRowOf(k citycard.PartnerKey) partnerKeyRow {
	return partnerKeyRow{
		ID: k.ID, AppID: k.AppID, Type: string(k.Type), PEM: k.PEM, Fingerprint: k.Fingerprint,
		NotBefore: millis(k.NotBefore), NotAfter: millis(k.NotAfter), State: string(k.State), CommandLine: k.CommandLine,
		AddedBy: k.AddedBy, AddedAt: millis(k.AddedAt), ApprovedBy: k.ApprovedBy, ApprovedAt: millis(k.ApprovedAt),
		RevokedBy: k.RevokedBy, RevokedAt: millis(k.RevokedAt),
	}
}

func (r partnerKeyRow) key() citycard.PartnerKey {
	return citycard.PartnerKey{
		PublicKey: citycard.PublicKey{Type: citycard.KeyType(r.Type), PEM: r.PEM, Fingerprint: r.Fingerprint},
		AppID:     r.AppID, ID: r.ID, NotBefore: instant(r.NotBefore), NotAfter: instant(r.NotAfter),
		State: citycard.KeyState(r.State), CommandLine: r.CommandLine, AddedBy: r.AddedBy, AddedAt: instant(r.AddedAt),
		ApprovedBy: r.ApprovedBy, ApprovedAt: instant(r.ApprovedAt), RevokedBy: r.RevokedBy, RevokedAt: instant(r.RevokedAt),
	}
}

// AddPartner implements citycard.Partners.
func (s *Store) AddPartner(ctx context.Context, p citycard.Partner) error {
	err := s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.NamedExecContext(ctx, insertPartner, partnerRowOf(p))
		return err
	})
	if duplicate(err) {
		return &citycard.Error{Code: citycard.CodeInvalidPayload, Field: "app_id", Message: "a partner with this app id is registered already", Cause: scrub(err)}
	}
	return s.fail("add partner", err)
}

// ChangePartner implements citycard.Partners.
func (s *Store) ChangePartner(ctx context.Context, appID string, change func(*citycard.PartnerRecord) error) error {
	err := s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		record, err := s.lockPartner(ctx, tx, appID)
		if err != nil {
			return err
		}
		if err := change(&record); err != nil {
			return err
		}
		if _, err := tx.NamedExecContext(ctx, updatePartner, partnerRowOf(record.Partner)); err != nil {
			return fmt.Errorf("update partner: %w", err)
		}
		return storePartnerKeys(ctx, tx, record.Keys)
	})
	if duplicate(err) {
		return &citycard.Error{Code: citycard.CodeInvalidPayload, Field: "public_key", Message: "this key is registered already; make a new one", Cause: scrub(err)}
	}
	return s.fail("change partner", err)
}

func (s *Store) lockPartner(ctx context.Context, tx *sqlx.Tx, appID string) (citycard.PartnerRecord, error) {
	var row partnerRow
	err := tx.GetContext(ctx, &row, tx.Rebind(findPartner+s.dialect.lock("partner")), appID)
	if notFound(err) {
		return citycard.PartnerRecord{}, &citycard.Error{Code: citycard.CodeNotFound, Field: "app_id", Message: "there is no such partner"}
	}
	if err != nil {
		return citycard.PartnerRecord{}, fmt.Errorf("load partner: %w", err)
	}
	var keys []partnerKeyRow
	if err := tx.SelectContext(ctx, &keys, tx.Rebind(findPartnerKeys), appID); err != nil {
		return citycard.PartnerRecord{}, fmt.Errorf("load keys: %w", err)
	}
	record := row.record()
	for _, key := range keys {
		record.Keys = append(record.Keys, key.key())
	}
	return record, nil
}

func storePartnerKeys(ctx context.Context, tx *sqlx.Tx, keys []citycard.PartnerKey) error {
	for _, key := range keys {
		result, err := tx.NamedExecContext(ctx, upsertPartnerKey, partnerKeyRowOf(key))
		if err != nil {
			return fmt.Errorf("store key: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil {
			return fmt.Errorf("store key: %w", err)
		} else if n == 0 {
			return &citycard.Error{Code: citycard.CodeInvalidPayload, Field: "key_id", Message: "a key with this id is registered already, with this app or another"}
		}
	}
	return nil
}

// Partners implements citycard.Partners.
func (s *Store) Partners(ctx context.Context) ([]citycard.PartnerRecord, error) {
	var rows []partnerRow
	if err := s.db.SelectContext(ctx, &rows, listPartners); err != nil {
		return nil, s.fail("list partners", err)
	}
	var keys []partnerKeyRow
	if err := s.db.SelectContext(ctx, &keys, listPartnerKeys); err != nil {
		return nil, s.fail("list partners' keys", err)
	}
	records := make([]citycard.PartnerRecord, len(rows))
	index := make(map[string]*citycard.PartnerRecord, len(rows))
	for i, row := range rows {
		records[i] = row.record()
		index[row.AppID] = &records[i]
	}
	for _, key := range keys {
		if record, known := index[key.AppID]; known {
			record.Keys = append(record.Keys, key.key())
		}
	}
	return records, nil
}
