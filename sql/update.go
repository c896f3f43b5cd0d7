package sql

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"citycard"
)

const (
	// mostInRound bounds how many changes share a commit.
	mostInRound = 256
	// roundTimeout bounds a round of PostgreSQL; its callers get storage_unavailable.
	roundTimeout = 15 * time.Second
)

// errRaced says that something a round loaded was changed by another process before the round was stored.
var errRaced = errors.New("something loaded was changed meanwhile")

// unit is one Update on its way through a round. Gone tells whether its caller has given up.
type unit struct {
	gone    func() error
	subject citycard.Subject
	by      finder
	judge   func(*citycard.Change) error
	done    chan error
}

// Update implements citycard.Cards. Concurrent updates are loaded, judged one by one, stored and committed
// together; each returns after the commit that holds it.
func (s *Store) Update(ctx context.Context, subject citycard.Subject, judge func(*citycard.Change) error) error {
	u := &unit{gone: ctx.Err, subject: subject, by: s.finder(subject), judge: judge, done: make(chan error, 1)}
	if err := s.changes.add(ctx, u); err != nil {
		return err
	}
	select {
	case err := <-u.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// roundsAtOnce is how many rounds of changes PostgreSQL works on at a time: while one waits for the disk, another is judged.
// More would make rounds smaller, and what a round costs beside its rows is much of its cost.
const roundsAtOnce = 2

// worthARound is how many changes must wait for a round to begin beside another.
const worthARound = 32

// start sets the store's workers going.
func (s *Store) start(unbatched bool) {
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	most, workers := mostInRound, 1
	if unbatched {
		most = 1
	}
	switch {
	case s.dialect == postgres && unbatched:
		workers = int(s.pool.Config().MaxConns)
	case s.dialect == postgres:
		workers = roundsAtOnce
	}
	s.changes = newGroup(most, s.runRound)
	if workers > 1 {
		s.changes.about = func(u *unit) finder { return u.by }
		s.changes.beside = worthARound
	}
	s.sessions = newGroup(mostInRound, s.findSessions)
	s.holdings = newGroup(mostInRound, s.findHoldings)
	s.activations = newGroup(mostInRound, s.findActivations)
	for range workers {
		s.running.Add(1)
		go s.changes.work(ctx, &s.running)
	}
	if s.dialect == sqlite {
		s.running.Add(1)
		go s.checkpoint(ctx)
	}
	s.writes = newGroup(mostInRound, s.runWrites)
	s.running.Add(4)
	go s.writes.work(ctx, &s.running)
	go s.sessions.work(ctx, &s.running)
	go s.holdings.work(ctx, &s.running)
	go s.activations.work(ctx, &s.running)
}

// roundContext bounds a round. SQLite waits for nothing but the lock of its file, for which it has a time-out of its own;
// a context that may end would cost a goroutine for each statement.
func (s *Store) roundContext() (context.Context, context.CancelFunc) {
	if s.dialect == sqlite {
		return context.Background(), func() {}
	}
	return context.WithTimeout(context.Background(), roundTimeout)
}

// runRound commits the units together; where that fails for any of them, each goes by itself.
func (s *Store) runRound(units []*unit) {
	ctx, cancel := s.roundContext()
	defer cancel()
	live := make([]*unit, 0, len(units))
	for _, u := range units {
		if err := u.gone(); err != nil {
			u.done <- err
			continue
		}
		live = append(live, u)
	}
	if len(live) == 0 {
		return
	}
	verdicts, err := s.commitTogether(ctx, live)
	for i, u := range live {
		switch {
		case err == nil:
			u.done <- verdicts[i]
		case separable(err):
			u.done <- s.commitAlone(ctx, u)
		default:
			u.done <- s.fail("store changes", err)
		}
	}
}

// commitTogether loads, judges and stores the units as one transaction. Verdicts are the judges' own; an error
// means that surely nothing was stored, unless it is not separable.
func (s *Store) commitTogether(ctx context.Context, units []*unit) (verdicts []error, err error) {
	verdicts = make([]error, len(units))
	judged := func(ctx context.Context, tx *sqlx.Tx, q sqlx.QueryerContext) error {
		r, err := s.load(ctx, q, units, false)
		if err != nil {
			return err
		}
		for i, u := range units {
			verdicts[i] = r.judge(u)
		}
		return s.storeRound(ctx, tx, &r.writes)
	}
	if s.dialect == postgres {
		// Loading outside the transaction is safe: what is stored is bound to the versions that were loaded.
		return verdicts, judged(ctx, nil, s.db)
	}
	err = again(ctx, func() error {
		return s.transact(ctx, func(tx *sqlx.Tx) error { return judged(ctx, tx, tx) })
	})
	return verdicts, err
}

// commitAlone runs one unit in a transaction of its own that holds its cards from the load on. A lost race is
// judged again once, then it is version_conflict.
func (s *Store) commitAlone(ctx context.Context, u *unit) error {
	for try := 1; ; try++ {
		var verdict error
		err := again(ctx, func() error {
			return s.transact(ctx, func(tx *sqlx.Tx) error {
				r, err := s.load(ctx, tx, []*unit{u}, true)
				if err != nil {
					return err
				}
				verdict = r.judge(u)
				return s.storeRound(ctx, tx, &r.writes)
			})
		})
		raced := errors.Is(err, errRaced) || duplicate(err)
		switch {
		case err == nil:
			return verdict
		case raced && try == 1:
			continue
		case errors.Is(err, errRaced):
			return &citycard.Error{Code: citycard.CodeVersionConflict, Cause: err}
		}
		return s.fail("store change", err)
	}
}

// separable tells whether a failed round surely stored nothing, so that its units may go one by one: the
// engine refused a row, or something loaded was changed. After a lost connection nobody knows.
func separable(err error) bool {
	return errors.Is(err, errRaced) || refused(err)
}

// transact runs do in a transaction of the writing connection.
func (s *Store) transact(ctx context.Context, do func(*sqlx.Tx) error) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	tx, err := s.writer.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := do(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	s.checkpoints.note()
	return nil
}
