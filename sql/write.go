package sql

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/jmoiron/sqlx"

	"citycard"
)

// storeRound writes what a round changed. On PostgreSQL a nil tx makes the one statement its own transaction.
func (s *Store) storeRound(ctx context.Context, tx *sqlx.Tx, w *writes) error {
	rows, err := s.rows(w)
	if err != nil || rows.empty() {
		return err
	}
	if s.dialect == postgres {
		var q sqlx.ExecerContext = s.db
		if tx != nil {
			q = tx
		}
		return storeTogether(ctx, q, rows)
	}
	return s.storeOneByOne(ctx, tx, rows)
}

// rows is what a round writes, as rows.
type rows struct {
	cards       []updatedCard
	received    []updatedCard
	newCards    []cardRow
	transitions []transitionRow
	newActs     []activationRow
	acts        []activationRow
	once        []onceRow
	bindings    []bindingRow
	returned    []returnedRow
	reissues    []reissueRow
	actions     []actionRow
}

// updatedCard is a card's row, the version it replaces, and where it lies: empty where the same round adds it.
type updatedCard struct {
	cardRow
	Was   int64  `db:"was"`
	Place string `db:"place"`
}

// bindingRow is a row of binding.
type bindingRow struct {
	CitizenID string `db:"citizen_id"`
	PersonID  string `db:"person_id"`
	Method    string `db:"method"`
	BoundAt   int64  `db:"bound_at"`
}

// returnedRow counts attempts of one subject and window to be taken back.
type returnedRow struct {
	Kind        string `db:"kind"`
	Subject     string `db:"subject"`
	WindowStart int64  `db:"window_start"`
	Count       int64  `db:"count"`
}

func (r *rows) empty() bool {
	return len(r.cards)+len(r.newCards)+len(r.newActs)+len(r.acts)+len(r.once)+len(r.bindings)+len(r.returned)+len(r.actions) == 0
}

func (s *Store) rows(w *writes) (*rows, error) {
	r := &rows{}
	for _, changed := range w.cards {
		row := updatedCard{rowOf(changed.card), changed.version, w.places[changed.card.Ref]}
		r.cards = append(r.cards, row)
		if changed.received {
			r.received = append(r.received, row)
		}
	}
	// One order for all processes, so that two rounds never wait for each other's cards, nor for each other's bindings below.
	slices.SortFunc(r.cards, func(a, b updatedCard) int { return cmp.Compare(a.Ref, b.Ref) })
	for _, card := range w.newCards {
		r.newCards = append(r.newCards, rowOf(card))
	}
	for _, t := range w.transitions {
		r.transitions = append(r.transitions, transitionRowOf(t))
	}
	var err error
	if r.newActs, err = s.activationRows(w.newActs); err != nil {
		return nil, err
	}
	if r.acts, err = s.activationRows(w.acts); err != nil {
		return nil, err
	}
	for _, once := range w.once {
		r.once = append(r.once, onceRowOf(once))
	}
	bound := map[string]bindingRow{}
	for _, b := range w.bindings {
		bound[b.CitizenID] = bindingRow{b.CitizenID, b.PersonID, string(b.Method), millis(b.BoundAt)}
	}
	r.bindings = slices.SortedFunc(maps.Values(bound), func(a, b bindingRow) int { return cmp.Compare(a.CitizenID, b.CitizenID) })
	r.returned = returnedRows(w.returned)
	if r.reissues, err = s.reissueRows(w.reissues); err != nil {
		return nil, err
	}
	r.actions, err = s.actionRows(w.actions)
	return r, err
}

func (s *Store) activationRows(acts map[string]*citycard.Activation) ([]activationRow, error) {
	var list []activationRow
	for _, act := range acts {
		row, err := s.activationRow(*act)
		if err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, nil
}

func returnedRows(limits []citycard.AttemptLimit) []returnedRow {
	counted := map[returnedRow]int64{}
	for _, l := range limits {
		counted[returnedRow{Kind: string(l.Kind), Subject: l.Subject, WindowStart: millis(l.WindowStart)}]++
	}
	list := make([]returnedRow, 0, len(counted))
	for row, n := range counted {
		row.Count = n
		list = append(list, row)
	}
	return list
}

func transitionRowOf(t citycard.Transition) transitionRow {
	return transitionRow{
		CardRef: t.CardRef, Seq: t.Seq, Machine: string(t.Machine), From: t.From, To: t.To,
		ActorKind: string(t.Cause.Actor.Kind), ActorID: t.Cause.Actor.ID, Channel: string(t.Cause.Channel),
		Reason: string(t.Cause.Reason), Evidence: t.Cause.Evidence, OccurredAt: millis(t.Cause.Occurred),
		RecordedAt: millis(t.RecordedAt), EventID: t.Cause.EventID, PrevAt: millis(t.PrevAt), PrevHash: t.PrevHash, Hash: t.Hash,
	}
}

const (
	updateCard = `UPDATE card SET fulfilment = :fulfilment, social = :social, financial = :financial, password = :password,
 social_before = :social_before, social_held = :social_held, financial_before = :financial_before,
 account_last4 = :account_last4, valid_to = :valid_to, replaced_by = :replaced_by,
 fulfilment_since = :fulfilment_since, social_since = :social_since, financial_since = :financial_since,
 password_since = :password_since, password_unlocks = :password_unlocks, head = :head, head_at = :head_at, version = :version, padding = ''
 WHERE n = ` + cardPlace + ` AND version = :was`
	// cardPlace is where a card lies: it was loaded from there, unless the same round adds it.
	cardPlace = `coalesce(nullif(:place, ''), (SELECT k.n FROM card k WHERE k.ref = :ref))`
	// SQLite writes an index anew for every column that a statement names, changed or not.
	updateReceived   = `UPDATE card SET received_on = :received_on WHERE n = ` + cardPlace
	insertTransition = `INSERT INTO transition (` + transitionColumns + `) VALUES (:card_ref, :seq, :machine, :from_state,
 :to_state, :actor_kind, :actor_id, :channel, :reason, :evidence_ref, :occurred_at, :recorded_at, :event_id, :prev_at, :prev_hash,
 :hash)`
	insertEvent      = `INSERT INTO outgoing_event (card_ref, seq, created_at) VALUES (:card_ref, :seq, :recorded_at)`
	insertActivation = `INSERT INTO activation (` + activationColumns + `) VALUES (:id, :citizen_id, :channel, :name, :number,
 :method, :check_id, :status, :failure, :card_ref, :changed, :receipt, :dedup, :attempt_citizen, :attempt_number,
 :attempt_address, :started_at, :expires_at, :finished_at, :claimed_until)`
	updateActivation = `UPDATE activation SET name = :name, number = :number, check_id = :check_id, status = :status,
 failure = :failure, card_ref = :card_ref, changed = :changed, receipt = :receipt, finished_at = :finished_at,
 claimed_until = :claimed_until WHERE id = :id AND status = 'awaiting_identity'`
	insertOnce    = `INSERT INTO idempotency (` + onceColumns + `) VALUES (:request_key, :request, :fingerprint, :result, :recorded_at)`
	upsertBinding = `INSERT INTO binding (citizen_id, person_id, method, bound_at)
 VALUES (:citizen_id, :person_id, :method, :bound_at) ON CONFLICT (citizen_id) DO UPDATE
 SET person_id = excluded.person_id, method = excluded.method, bound_at = excluded.bound_at`
	// bindSessions tells those of a citizen's sessions that do not know it yet.
	bindSessions  = `UPDATE session SET person_id = :person_id WHERE citizen_id = :citizen_id AND person_id <> :person_id`
	returnAttempt = `UPDATE attempt SET used = CASE WHEN used > :count THEN used - :count ELSE 0 END
 WHERE kind = :kind AND subject = :subject AND window_start = :window_start`
)

// insertCard lets a card lie behind the cards that its person has, with the person's sealed name, and with room for what its first changes
// add: the hash of its latest transition, the day of receipt, and instants.
var insertCard = `INSERT INTO card (n, ref, person_id, region, card_number, identification_code, bank_code, account_index,
 account_last4, fulfilment, social, financial, password, social_before, social_held, financial_before, received_on,
 valid_to, replacement_for, replaced_by, fulfilment_since, social_since, financial_since, password_since, head, head_at, version,
 holder_name, padding) VALUES (` + nextPlace("card") + `, :ref, :person_id, :region, :card_number, :identification_code, :bank_code, :account_index,
 :account_last4, :fulfilment, :social, :financial, :password, :social_before, :social_held, :financial_before,
 :received_on, :valid_to, :replacement_for, :replaced_by, :fulfilment_since, :social_since, :financial_since,
 :password_since, :head, :head_at, :version, (SELECT p.name FROM person p WHERE p.id = :person_id), printf('%96s', ''))`

// storeOneByOne writes row by row: without a network between, SQLite gains nothing from arrays.
func (s *Store) storeOneByOne(ctx context.Context, tx *sqlx.Tx, r *rows) error {
	w := rowWriter{s, ctx, tx}
	return firstOf(
		func() error { return writeRows(w, insertCard, r.newCards, anyCount) },
		func() error { return writeRows(w, updateCard, r.cards, oneRow) },
		func() error { return writeRows(w, updateReceived, r.received, oneRow) },
		func() error { return writeRows(w, insertTransition, r.transitions, anyCount) },
		func() error { return writeRows(w, insertEvent, r.transitions, anyCount) },
		func() error { return writeRows(w, insertActivation, r.newActs, anyCount) },
		func() error { return writeRows(w, updateActivation, r.acts, oneRow) },
		func() error { return writeRows(w, insertOnce, r.once, anyCount) },
		func() error { return writeRows(w, upsertBinding, r.bindings, anyCount) },
		func() error { return writeRows(w, bindSessions, r.bindings, anyCount) },
		func() error { return writeRows(w, returnAttempt, r.returned, anyCount) },
		func() error { return writeRows(w, insertReissue, r.reissues, anyCount) },
		func() error { return writeRows(w, insertAction, r.actions, anyCount) },
		func() error { return writeRows(w, insertNote, r.notes(), anyCount) },
	)
}

func firstOf(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// rowWriter writes rows in one transaction with statements that stay prepared.
type rowWriter struct {
	store *Store
	ctx   context.Context //nolint:containedctx // lives as long as one call of storeRound
	tx    *sqlx.Tx
}

const (
	anyCount = int64(-1)
	oneRow   = int64(1)
)

// writeRows runs a statement for every row; where a count is asked for and another number of rows was changed,
// the round was raced.
func writeRows[T any](w rowWriter, query string, list []T, count int64) error {
	if len(list) == 0 || w.ctx.Err() != nil {
		return w.ctx.Err()
	}
	// The driver watches a context that may end with a goroutine of its own, for each row.
	ctx := context.WithoutCancel(w.ctx)
	named := w.store.prepared[query]
	statement := w.tx.StmtContext(w.ctx, named.Stmt.Stmt) //nolint:sqlclosecheck // closed with the transaction
	fields := w.tx.Mapper.TraversalsByName(reflect.TypeFor[T](), named.Params)
	args := make([]any, len(fields))
	for i := range list {
		row := reflect.ValueOf(&list[i]).Elem()
		for j, field := range fields {
			args[j] = row.FieldByIndex(field).Interface()
		}
		result, err := statement.ExecContext(ctx, args...)
		if err != nil {
			return fmt.Errorf("write row: %w", err)
		}
		if count == anyCount {
			continue
		}
		if n, err := result.RowsAffected(); err != nil || n != count {
			return cmp.Or(err, errRaced)
		}
	}
	return nil
}

// prepare prepares the statements that write rows on the one writing connection of SQLite, before it is busy
// with a transaction. It does so once; the schema must be there.
func (s *Store) prepare(ctx context.Context) error {
	s.preparing.Lock()
	defer s.preparing.Unlock()
	if s.prepared != nil || s.dialect != sqlite {
		return nil
	}
	prepared := map[string]*sqlx.NamedStmt{}
	for _, query := range []string{
		insertCard, updateCard, updateReceived, insertTransition, insertEvent, insertActivation, updateActivation,
		insertOnce, upsertBinding, bindSessions, returnAttempt, insertReissue, insertAction, insertPerson, insertNumber,
		insertNote, insertEntry,
	} {
		statement, err := s.writer.PrepareNamedContext(ctx, query) //nolint:sqlclosecheck // closed with the writer
		if err != nil {
			return fmt.Errorf("prepare statement: %w", err)
		}
		prepared[query] = statement
	}
	if err := s.prepareLoads(ctx); err != nil {
		return err
	}
	s.prepared = prepared
	return nil
}
