package sql

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	sqlitedriver "modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"citycard"
)

// storageRetry is when a caller should come back after the database did not answer.
const storageRetry = 2 * time.Second

// fail turns a database error into the domain's: what is already an Error stays, everything else is
// storage_unavailable with the cause for the log.
func (s *Store) fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	var coded *citycard.Error
	if errors.As(err, &coded) {
		return err
	}
	return &citycard.Error{
		Code: citycard.CodeStorageUnavailable, RetryAfter: storageRetry, Cause: fmt.Errorf("%s: %w", doing, scrub(err)),
	}
}

// scrub removes from a PostgreSQL error what may hold values of rows.
func scrub(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Errorf("postgres %s %s (table %q, constraint %q)", pg.Code, pg.Severity, pg.TableName, pg.ConstraintName)
	}
	return err
}

func notFound(err error) bool { return errors.Is(err, stdsql.ErrNoRows) }

// noTable tells whether a statement names a table that is not there.
func noTable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "42P01"
	}
	var lite *sqlitedriver.Error
	return errors.As(err, &lite) && strings.Contains(lite.Error(), "no such table")
}

// duplicate tells whether a unique constraint refused a row.
func duplicate(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	var lite *sqlitedriver.Error
	if errors.As(err, &lite) {
		return lite.Code() == sqlitelib.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlitelib.SQLITE_CONSTRAINT_PRIMARYKEY
	}
	return false
}

// transient tells whether trying the same again at once may succeed and surely nothing was stored: a
// serialization failure, a deadlock, a lock not got in time, a connection that was gone before anything was sent, a
// busy SQLite file.
func transient(err error) bool {
	if pgconn.SafeToRetry(err) {
		return true
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01" || pg.Code == "55P03"
	}
	var lite *sqlitedriver.Error
	if errors.As(err, &lite) {
		code := lite.Code() & 0xff
		return code == sqlitelib.SQLITE_BUSY || code == sqlitelib.SQLITE_LOCKED
	}
	return false
}

// maxTries bounds how often a transient failure is tried again.
const maxTries = 4

// again runs do until it succeeds, fails for good, or has been tried often enough, pausing with jitter.
func again(ctx context.Context, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		if err == nil || !transient(err) || try == maxTries {
			return err
		}
		jitter := rand.Int64N(int64(time.Duration(try) * 10 * time.Millisecond)) //nolint:gosec // no secret
		pause := time.NewTimer(time.Duration(jitter))
		select {
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-pause.C:
		}
	}
}

// refused tells whether the engine itself refused a statement, which undoes its transaction: anything else,
// such as a lost connection, leaves the outcome unknown, or is, like a locked file, no row's fault.
func refused(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code[:2] != "57" && pg.Code[:2] != "08"
	}
	var lite *sqlitedriver.Error
	if errors.As(err, &lite) {
		code := lite.Code() & 0xff
		return code == sqlitelib.SQLITE_CONSTRAINT || code == sqlitelib.SQLITE_MISMATCH || code == sqlitelib.SQLITE_TOOBIG
	}
	return false
}

// ignoreDone drops the error of rolling back what has already ended.
func ignoreDone(err error) error {
	if errors.Is(err, stdsql.ErrTxDone) {
		return nil
	}
	return err
}
