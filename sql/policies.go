package sql

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var (
	_ citycard.PolicyVersions = (*Store)(nil)
	_ citycard.PolicyTrials   = (*Store)(nil)
)

// versionRow is a row of policy_version.
type versionRow struct {
	ID          string `db:"id"`
	Number      int64  `db:"number"`
	Region      string `db:"region"`
	ValidFrom   string `db:"valid_from"`
	ValidTo     string `db:"valid_to"`
	Record      string `db:"record"`
	RequestedBy string `db:"requested_by"`
	ApprovedBy  string `db:"approved_by"`
	ApprovedAt  int64  `db:"approved_at"`
}

// trialRow is a row of policy_trial.
type trialRow struct {
	ID          string `db:"id"`
	Record      string `db:"record"`
	Region      string `db:"region"`
	ValidFrom   string `db:"valid_from"`
	ValidTo     string `db:"valid_to"`
	OnDay       string `db:"on_day"`
	State       string `db:"state"`
	Judged      int64  `db:"judged"`
	Counts      string `db:"counts"`
	Found       string `db:"found"`
	RequestedBy string `db:"requested_by"`
	StartedAt   int64  `db:"started_at"`
	SeenAt      int64  `db:"seen_at"`
}

const (
	versionColumns = `id, number, region, valid_from, valid_to, record, requested_by, approved_by, approved_at`
	trialColumns   = `id, record, region, valid_from, valid_to, on_day, state, judged, counts, found, requested_by, started_at, seen_at`

	listVersions  = `SELECT ` + versionColumns + ` FROM policy_version`
	newestVersion = `SELECT coalesce(max(number), 0) FROM policy_version`
	insertVersion = `INSERT INTO policy_version (` + versionColumns + `)
 VALUES (:id, :number, :region, :valid_from, :valid_to, :record, :requested_by, :approved_by, :approved_at)`

	insertTrial = `INSERT INTO policy_trial (` + trialColumns + `) VALUES (:id, :record, :region, :valid_from, :valid_to, :on_day,
 :state, :judged, :counts, :found, :requested_by, :started_at, :seen_at)`
	updateTrial = `UPDATE policy_trial SET state = :state, judged = :judged, counts = :counts, found = :found, seen_at = :seen_at WHERE id = :id`
	findTrial   = `SELECT ` + trialColumns + ` FROM policy_trial WHERE id = ?`

	listCards   = `SELECT ` + cardColumns + ` FROM card c WHERE c.region = ? AND c.ref > ? ORDER BY c.ref LIMIT ?`
	cardsAtOnce = 2000
)

// content is all columns of the row in the order of the table.
func (r versionRow) content() string {
	return citycard.Canonical(r.ID, strconv.FormatInt(r.Number, 10), r.Region, r.ValidFrom, r.ValidTo, r.Record, r.RequestedBy,
		r.ApprovedBy, strconv.FormatInt(r.ApprovedAt, 10))
}

// entry is what the ledger shall keep of the row.
func (r versionRow) entry() citycard.LedgerEntry {
	return citycard.LedgerEntry{
		LedgerKey: citycard.LedgerKey{Source: citycard.LedgerPolicyVersions, Object: r.ID}, Sum: citycard.LedgerSum(r.content()),
	}
}

func (r versionRow) version() (citycard.PolicyVersion, error) {
	from, err := citycard.ParseDate(r.ValidFrom)
	if err != nil {
		return citycard.PolicyVersion{}, err
	}
	to, err := citycard.ParseDate(r.ValidTo)
	return citycard.PolicyVersion{
		ID: r.ID, Number: r.Number, Record: []byte(r.Record), Region: r.Region, ValidFrom: from, ValidTo: to,
		RequestedBy: r.RequestedBy, ApprovedBy: r.ApprovedBy, ApprovedAt: instant(r.ApprovedAt),
	}, err
}

// PolicyVersions implements citycard.PolicyVersions.
func (s *Store) PolicyVersions(ctx context.Context) ([]citycard.PolicyVersion, error) {
	var rows []versionRow
	if err := s.db.SelectContext(ctx, &rows, listVersions+" ORDER BY number"); err != nil {
		return nil, s.fail("list policies", err)
	}
	list := make([]citycard.PolicyVersion, len(rows))
	for i, row := range rows {
		var err error
		if list[i], err = row.version(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// NewestPolicy implements citycard.PolicyVersions.
func (s *Store) NewestPolicy(ctx context.Context) (int64, error) {
	var number int64
	return number, s.fail("find newest policy", s.db.GetContext(ctx, &number, newestVersion))
}

// AddPolicyVersion implements citycard.PolicyVersions. Whoever adds one waits for whoever is adding one, so that each
// takes the number after the newest.
func (s *Store) AddPolicyVersion(ctx context.Context, v citycard.PolicyVersion, by citycard.StaffAction) error {
	row := versionRow{
		ID: v.ID, Region: v.Region, ValidFrom: v.ValidFrom.String(), ValidTo: v.ValidTo.String(), Record: string(v.Record),
		RequestedBy: v.RequestedBy, ApprovedBy: v.ApprovedBy, ApprovedAt: millis(v.ApprovedAt),
	}
	return s.fail("add policy", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := s.dialect.alone(ctx, tx, "policy_version"); err != nil {
			return fmt.Errorf("take policies: %w", err)
		}
		var there int
		if err := tx.GetContext(ctx, &there, tx.Rebind(`SELECT count(*) FROM policy_version WHERE id = ?`), row.ID); err != nil || there > 0 {
			return err
		}
		if err := tx.GetContext(ctx, &row.Number, newestVersion); err != nil {
			return fmt.Errorf("find newest policy: %w", err)
		}
		row.Number++
		if _, err := tx.NamedExecContext(ctx, insertVersion, row); err != nil {
			return err
		}
		if _, err := tx.NamedExecContext(ctx, insertNote, noteOf(row.entry())); err != nil {
			return fmt.Errorf("let policy wait for the ledger: %w", err)
		}
		return s.appendAction(ctx, tx, by)
	}))
}

func trialRowOf(t citycard.PolicyTrial) (trialRow, error) {
	counts, err := json.Marshal(t.Counts)
	if err != nil {
		return trialRow{}, err
	}
	found, err := json.Marshal(t.Found)
	return trialRow{
		ID: t.ID, Record: string(t.Record), Region: t.Region, ValidFrom: t.ValidFrom.String(), ValidTo: t.ValidTo.String(),
		OnDay: t.On.String(), State: string(t.State), Judged: t.Judged, Counts: string(counts), Found: string(found),
		RequestedBy: t.RequestedBy, StartedAt: millis(t.StartedAt), SeenAt: millis(t.SeenAt),
	}, err
}

// AddTrial implements citycard.PolicyTrials.
func (s *Store) AddTrial(ctx context.Context, t citycard.PolicyTrial, by citycard.StaffAction) error {
	row, err := trialRowOf(t)
	if err != nil {
		return err
	}
	return s.fail("add dry run", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.NamedExecContext(ctx, insertTrial, row); err != nil {
			return err
		}
		return s.appendAction(ctx, tx, by)
	}))
}

// SaveTrial implements citycard.PolicyTrials.
func (s *Store) SaveTrial(ctx context.Context, t citycard.PolicyTrial) error {
	row, err := trialRowOf(t)
	if err != nil {
		return err
	}
	return s.fail("save dry run", s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.NamedExecContext(ctx, updateTrial, row)
		return err
	}))
}

// Trial implements citycard.PolicyTrials.
func (s *Store) Trial(ctx context.Context, id string) (citycard.PolicyTrial, error) {
	var r trialRow
	err := s.db.GetContext(ctx, &r, s.db.Rebind(findTrial), id)
	if notFound(err) {
		return citycard.PolicyTrial{}, &citycard.Error{Code: citycard.CodeNotFound, Message: "there is no such dry run"}
	}
	if err != nil {
		return citycard.PolicyTrial{}, s.fail("find dry run", err)
	}
	t := citycard.PolicyTrial{
		ID: r.ID, Record: []byte(r.Record), Region: r.Region, State: citycard.TrialState(r.State), Judged: r.Judged,
		RequestedBy: r.RequestedBy, StartedAt: instant(r.StartedAt), SeenAt: instant(r.SeenAt),
	}
	for _, day := range []struct {
		text string
		into *citycard.Date
	}{{r.ValidFrom, &t.ValidFrom}, {r.ValidTo, &t.ValidTo}, {r.OnDay, &t.On}} {
		if *day.into, err = citycard.ParseDate(day.text); err != nil {
			return citycard.PolicyTrial{}, err
		}
	}
	if err := json.Unmarshal([]byte(r.Counts), &t.Counts); err != nil {
		return citycard.PolicyTrial{}, fmt.Errorf("read dry run: %w", err)
	}
	if err := json.Unmarshal([]byte(r.Found), &t.Found); err != nil {
		return citycard.PolicyTrial{}, fmt.Errorf("read dry run: %w", err)
	}
	return t, nil
}

// EachCard implements citycard.PolicyTrials.
func (s *Store) EachCard(ctx context.Context, region string, visit func(*citycard.Card) error) error {
	for last := ""; ; {
		var rows []cardRow
		if err := s.db.SelectContext(ctx, &rows, s.db.Rebind(listCards), region, last, cardsAtOnce); err != nil {
			return s.fail("list cards", err)
		}
		for i := range rows {
			card, err := rows[i].card()
			if err != nil {
				return err
			}
			if err := visit(card); err != nil {
				return err
			}
		}
		if len(rows) < cardsAtOnce {
			return nil
		}
		last = rows[len(rows)-1].Ref
	}
}
