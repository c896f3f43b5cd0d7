package sql

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"

	"citycard"
)

var (
	_ citycard.Cards       = (*Store)(nil)
	_ citycard.Activations = (*Store)(nil)
	_ citycard.Citizens    = (*Store)(nil)
	_ citycard.LoginStates = (*Store)(nil)
	_ citycard.Attempts    = (*Store)(nil)
	_ citycard.CardImports = (*Store)(nil)
)

// Options are what a store needs beside its address.
type Options struct {
	Keys  KeyRing
	Clock func() time.Time
	// NewID gives identifiers for rows that the store itself begins: people of an import.
	NewID func() string
	// CheckpointFailed is told when SQLite's log can no longer be moved into the database, once until it can again; it may be nil.
	CheckpointFailed func(error)
	// Unbatched commits every change by itself; benchmarks compare with it.
	Unbatched bool
}

// Store is one database, of either engine.
type Store struct {
	dialect dialect
	keys    KeyRing
	clock   func() time.Time
	newID   func() string
	// checkpointFailed may be nil.
	checkpointFailed func(error)

	// db serves reads, and on PostgreSQL everything. On SQLite writer is the one connection that writes.
	db     *sqlx.DB
	writer *sqlx.DB
	pool   *pgxpool.Pool
	path   string

	changes     *group[*unit]
	sessions    *group[*lookup[sessionFound]]
	holdings    *group[*lookup[*citycard.Change]]
	activations *group[*lookup[*citycard.Activation]]
	writes      *group[*write]
	// checkpoints is nil on PostgreSQL.
	checkpoints *checkpointer
	// prepared are SQLite's statements that write rows, by their text.
	prepared map[string]*sqlx.NamedStmt
	// loading are SQLite's statements that load rows on the writing connection, reading those on the others.
	loading   map[string]*stdsql.Stmt
	reading   sync.Map
	preparing sync.Mutex
	stop      context.CancelFunc
	running   sync.WaitGroup
}

// Open connects to `sqlite:PATH` or `postgres://…`. It does not migrate.
func Open(ctx context.Context, address string, o Options) (*Store, error) {
	if o.Clock == nil || o.Keys == nil || o.NewID == nil {
		return nil, errors.New("open store: keys, clock and new id are needed")
	}
	s := &Store{keys: o.Keys, clock: o.Clock, newID: o.NewID, checkpointFailed: o.CheckpointFailed}
	var err error
	switch {
	case strings.HasPrefix(address, "sqlite:"):
		err = s.openSQLite(strings.TrimPrefix(address, "sqlite:"))
	case strings.HasPrefix(address, "postgres://"), strings.HasPrefix(address, "postgresql://"):
		err = s.openPostgres(ctx, address)
	default:
		return nil, errors.New("open store: the address must begin with sqlite: or postgres://")
	}
	if err != nil {
		return nil, err
	}
	s.start(o.Unbatched)
	return s, nil
}

func (s *Store) openSQLite(path string) error {
	if path == "" {
		return errors.New("open store: sqlite: needs a file path")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	sqlx.BindDriver("sqlite", sqlx.QUESTION)
	if err := addFunctions(); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	s.dialect, s.path = sqlite, path
	var err error
	if s.writer, err = sqlx.Open("sqlite", sqliteName(path)); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	s.writer.SetMaxOpenConns(1)
	if s.db, err = sqlx.Open("sqlite", sqliteName(path, "query_only(1)")); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	readers := max(2, runtime.GOMAXPROCS(0))
	s.db.SetMaxOpenConns(readers)
	s.db.SetMaxIdleConns(readers)
	s.checkpoints, err = newCheckpointer(path)
	return err
}

// sqliteName is a file's name for the driver, with what every connection is set to and what one is set to beside that. Each has a cache of
// its own: it holds the upper pages of indexes, the system's holds the rest. The driver sorts settings by their text, so that of two of
// the same name the later one need not win: each is named once.
func sqliteName(path string, own ...string) string {
	settings := append([]string{
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"temp_store(MEMORY)", "cache_size(-4000)", "journal_size_limit(268435456)", "wal_autocheckpoint(64000)",
	}, own...)
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + url.Values{"_pragma": settings, "_txlock": {"immediate"}}.Encode()
}

func (s *Store) openPostgres(ctx context.Context, address string) error {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return errors.New("open store: the postgres:// address cannot be read")
	}
	config.MaxConns = int32(min(64, max(8, 4*runtime.GOMAXPROCS(0))))
	config.ConnConfig.ConnectTimeout = 5 * time.Second
	config.ConnConfig.RuntimeParams["lock_timeout"] = "2000"
	config.ConnConfig.RuntimeParams["statement_timeout"] = "30000"
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	// Every query here goes by an index. Without this, the plan that a connection keeps for a table that was empty
	// when it first asked reads the whole table ever after.
	config.ConnConfig.RuntimeParams["enable_seqscan"] = "off"
	// Which index that is does not depend on the values, and planning the statement of a small round takes longer than
	// running it.
	config.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	// Machine code pays for queries that run for seconds; none here should.
	config.ConnConfig.RuntimeParams["jit"] = "off"
	s.dialect = postgres
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	s.db = sqlx.NewDb(stdlib.OpenDBFromPool(s.pool), "pgx")
	s.writer = s.db
	return nil
}

// Close waits for the changes under way and closes the database.
func (s *Store) Close() error {
	s.stop()
	s.running.Wait()
	err := s.db.Close()
	if s.pool != nil {
		s.pool.Close()
		return err
	}
	return errors.Join(err, s.writer.Close(), s.checkpoints.close())
}

// Ready tells whether the database answers and has the schema this program knows.
func (s *Store) Ready(ctx context.Context) error {
	var applied int64
	err := s.db.GetContext(ctx, &applied, "SELECT max(version_id) FROM goose_db_version WHERE is_applied")
	switch {
	case noTable(err):
		return notReady("the database has no schema yet: run citycard migrate")
	case err != nil:
		return s.fail("ask the database", err)
	}
	known, err := s.newest()
	if err != nil {
		return err
	}
	switch {
	case applied < known:
		return notReady("the schema is at version %d, this program needs %d: run citycard migrate", applied, known)
	case applied > known:
		return notReady("the schema is at version %d, this program knows up to %d: install the newer program", applied, known)
	}
	return nil
}

func notReady(format string, args ...any) error {
	return &citycard.Error{
		Code: citycard.CodeStorageUnavailable, RetryAfter: storageRetry, Cause: fmt.Errorf(format, args...),
	}
}

// Empty tells whether there is no card yet.
func (s *Store) Empty(ctx context.Context) (bool, error) {
	var ref string
	err := s.db.GetContext(ctx, &ref, "SELECT ref FROM card LIMIT 1")
	if errors.Is(err, stdsql.ErrNoRows) {
		return true, nil
	}
	return false, s.fail("look for a card", err)
}
