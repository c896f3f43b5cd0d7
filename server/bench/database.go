package main

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"citycard"
	_ "citycard/sql" // the drivers of both engines
	"citycard/sql/sqltest"
)

const (
	sqlite   = "sqlite"
	postgres = "postgres"
)

// database is one engine's database beside the service's own connections to it.
type database struct {
	engine  string
	address string
	*stdsql.DB
	// server is nil on SQLite.
	server *sqltest.Server
	// release gives huge pages back that were reserved for the server; nil if none were.
	release func()
	// process is the server's main process.
	process int
}

// openDatabase makes an empty database. PostgreSQL is started from the installed binaries, set as docs/operating.md asks
// for, with every commit on disk before it is answered; SQLite is set that way by the service itself.
func (b *bench) openDatabase(ctx context.Context, engine string) (*database, error) {
	if engine == sqlite {
		file := b.path("citycard.db")
		db, err := stdsql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?_pragma=busy_timeout(60000)&_pragma=synchronous(FULL)")
		return &database{engine: engine, address: "sqlite:" + file, DB: db}, err
	}
	return openPostgres(ctx)
}

func openPostgres(ctx context.Context) (d *database, err error) {
	memory, err := machineMemory()
	if err != nil {
		return nil, err
	}
	d = &database{engine: postgres}
	defer func() {
		if err != nil {
			d.stop()
		}
	}()
	huge := "on"
	if d.release, err = reserveHugePages(memory / 4); err != nil {
		sayf("postgres: no huge pages reserved: %v", err)
		huge = "try" // as PostgreSQL does by itself: somebody else may have set some aside
	}
	d.server, err = sqltest.Launch("fsync=on", "synchronous_commit=on", "full_page_writes=on", "huge_pages="+huge,
		fmt.Sprintf("shared_buffers=%dMB", memory/4/megabyte), "max_wal_size=8GB", "checkpoint_timeout=15min")
	if err != nil {
		return nil, err
	}
	d.address = d.server.URL()
	if d.process, err = d.server.ProcessID(); err != nil {
		return nil, err
	}
	if d.DB, err = stdsql.Open("pgx", d.address); err != nil {
		return nil, err
	}
	return d, d.PingContext(ctx)
}

func (d *database) stop() {
	if d.DB != nil {
		_ = d.Close()
	}
	if d.server != nil {
		d.server.Stop()
	}
	if d.release != nil {
		d.release()
	}
}

// name is the engine with its version and how it commits.
func (d *database) name(ctx context.Context) (string, error) {
	var version string
	if d.engine == sqlite {
		err := d.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version)
		return "SQLite " + version + ", WAL, synchronous FULL", err
	}
	var buffers, huge, log string
	err := d.QueryRowContext(ctx, `SELECT current_setting('server_version'), current_setting('shared_buffers'), current_setting('huge_pages'),
 current_setting('max_wal_size')`).Scan(&version, &buffers, &huge, &log)
	version, _, _ = strings.Cut(version, " ")
	return "PostgreSQL " + version + ", fsync on, synchronous_commit on, shared_buffers " + buffers + ", huge pages " + huge + ", max_wal_size " + log, err
}

// The identifiers of bound citizens and their sessions are made of a card's number, and are as long as real ones.
const (
	citizenPrefix = "bench-citizen-000000000"
	sessionPrefix = "bench-session-000000000"
)

// chosen are the cards of citizens: of every stride-th those whose social application is on already, so that an activation
// is one transition, as pgbench writes it.
func chosen(stride int) string {
	return fmt.Sprintf("FROM card WHERE card_number LIKE 'D2%%' AND CAST(substr(card_number, 2) AS INTEGER) %% %d = 0 AND social = '%s'",
		stride, citycard.SocialActive)
}

// bind logs in a citizen for every chosen card, each bound to the card's holder.
func (d *database) bind(ctx context.Context, stride int, now time.Time) error {
	chosen := chosen(stride)
	for _, statement := range []string{
		fmt.Sprintf(`INSERT INTO citizen (id, app_id, open_id_index, open_id, seen_at)
 SELECT '%s' || card_number, 'bench', '%s' || card_number, '', %d %s`, citizenPrefix, citizenPrefix, now.UnixMilli(), chosen),
		fmt.Sprintf(`INSERT INTO binding (citizen_id, person_id, method, bound_at)
 SELECT '%s' || card_number, person_id, '%s', %d %s`, citizenPrefix, citycard.IdentityCertdoc, now.UnixMilli(), chosen),
		fmt.Sprintf(`INSERT INTO session (id, audience, channel, citizen_id, issued_at, expires_at, revoked_at, person_id)
 SELECT '%s' || card_number, '%s', '%s', '%s' || card_number, %d, %d, 0, person_id %s`, sessionPrefix, citycard.AudienceCitizen,
			citycard.ChannelMiniProgram, citizenPrefix, now.UnixMilli(), now.Add(sessionLifetime).UnixMilli(), chosen),
	} {
		if _, err := d.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("bind citizens: %w", err)
		}
	}
	if err := d.settle(ctx); err != nil {
		return err
	}
	return d.warm(ctx)
}

// warm reads the indexes that lead to a card into PostgreSQL's buffers, where days of service would have brought them and
// docs/operating.md has them kept over a restart. An import leaves there what it wrote last.
func (d *database) warm(ctx context.Context) error {
	if d.engine == sqlite {
		return nil
	}
	for _, statement := range []string{
		"CREATE EXTENSION IF NOT EXISTS pg_prewarm",
		"SELECT pg_prewarm('person_number_pkey'), pg_prewarm('card_person')",
	} {
		if _, err := d.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("warm the database: %w", err)
		}
	}
	return nil
}

// settle brings the database to rest after many changes: what is left to do later would be counted to whoever
// comes next.
func (d *database) settle(ctx context.Context) error {
	statements := []string{"VACUUM ANALYZE", "CHECKPOINT"}
	if d.engine == sqlite {
		statements = []string{"PRAGMA wal_checkpoint(TRUNCATE)"}
	}
	for _, statement := range statements {
		if _, err := d.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("settle the database: %w", err)
		}
	}
	return nil
}

// refs gives the chosen cards' references by their numbers.
func (d *database) refs(ctx context.Context, stride int) (refs map[string]string, err error) {
	rows, err := d.QueryContext(ctx, "SELECT card_number, ref "+chosen(stride))
	if err != nil {
		return nil, fmt.Errorf("list cards: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	refs = map[string]string{}
	for rows.Next() {
		var number, ref string
		if err := rows.Scan(&number, &ref); err != nil {
			return nil, fmt.Errorf("list cards: %w", err)
		}
		refs[number] = ref
	}
	return refs, rows.Err()
}

// reset puts every activated card back to where it was, so that its citizen can activate it again.
func (d *database) reset(ctx context.Context) error {
	_, err := d.ExecContext(ctx, "UPDATE card SET financial = 'inactive' WHERE financial = 'active'")
	if err != nil {
		return fmt.Errorf("reset cards: %w", err)
	}
	return d.settle(ctx)
}

// stored counts what the service stored for activations: activations that changed a card, transitions of the
// financial application, their outgoing events, and idempotency records.
func (d *database) stored(ctx context.Context) (counts [4]int64, err error) {
	for i, query := range []string{
		"SELECT count(*) FROM activation WHERE changed AND citizen_id LIKE 'bench-%'",
		"SELECT count(*) FROM transition WHERE machine = 'financial' AND actor_id LIKE 'bench-%'",
		`SELECT count(*) FROM outgoing_event e JOIN transition t ON t.card_ref = e.card_ref AND t.seq = e.seq
 WHERE t.machine = 'financial' AND t.actor_id LIKE 'bench-%'`,
		"SELECT count(*) FROM idempotency",
	} {
		if err := d.QueryRowContext(ctx, query).Scan(&counts[i]); err != nil {
			return counts, fmt.Errorf("count what is stored: %w", err)
		}
	}
	return counts, nil
}

// removeSQLite removes the database of SQLite, if there is one.
func (b *bench) removeSQLite() {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(b.path("citycard.db" + suffix))
	}
}
