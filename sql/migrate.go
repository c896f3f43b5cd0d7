package sql

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// Migrate brings the schema up to date. Two processes may do so at once: one waits for the other. A schema
// newer than this program knows is refused.
func (s *Store) Migrate(ctx context.Context) error {
	release, err := s.lockFile()
	if err != nil {
		return err
	}
	defer release()
	provider, err := s.provider()
	if err != nil {
		return err
	}
	if err := refuseNewer(ctx, provider); err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return s.markNames(ctx)
}

// Status tells the schema's version and the newest version this program knows.
func (s *Store) Status(ctx context.Context) (applied, known int64, err error) {
	provider, err := s.provider()
	if err != nil {
		return 0, 0, err
	}
	applied, known, err = provider.GetVersions(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read schema version: %w", err)
	}
	return applied, known, nil
}

// newest is the newest schema version this program knows.
func (s *Store) newest() (int64, error) {
	provider, err := s.provider()
	if err != nil {
		return 0, err
	}
	sources := provider.ListSources()
	return sources[len(sources)-1].Version, nil
}

func refuseNewer(ctx context.Context, provider *goose.Provider) error {
	applied, known, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if applied > known {
		return fmt.Errorf("migrate: the database has schema version %d, this program knows up to %d: install the newer program", applied, known)
	}
	return nil
}

func (s *Store) provider() (*goose.Provider, error) {
	folder, err := fs.Sub(migrations, "migrations/"+string(s.dialect))
	if err != nil {
		return nil, fmt.Errorf("open migrations: %w", err)
	}
	dialect, options := goose.DialectSQLite3, []goose.ProviderOption{}
	if s.dialect == postgres {
		dialect = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, fmt.Errorf("make migration lock: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, s.writer.DB, folder, options...)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return provider, nil
}

// lockFile keeps two processes from migrating one SQLite file at once. PostgreSQL has a lock of its own.
func (s *Store) lockFile() (release func(), err error) {
	if s.dialect != sqlite {
		return func() {}, nil
	}
	file, err := os.OpenFile(s.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock database file: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock database file: %w", err), file.Close())
	}
	return func() { _ = file.Close() }, nil
}
