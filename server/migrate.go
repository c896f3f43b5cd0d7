package main

import (
	"errors"

	"citycard/sql"
)

type migrateCommand struct {
	Up     migrateUpCommand     `cmd:"" default:"1" help:"Bring the schema up to date (default)."`
	Status migrateStatusCommand `cmd:"" help:"Show the schema's version."`
}

// Help is the example.
func (migrateCommand) Help() string {
	return "Example:\n\n  citycard migrate --database-url postgres://citycard@db/citycard\n\n" +
		"Two processes may migrate at once. A schema newer than this program knows is refused."
}

type migrateUpCommand struct{}

// Help is the example.
func (migrateUpCommand) Help() string { return "Example:\n\n  citycard migrate up" }

// Run migrates.
func (migrateUpCommand) Run(p *program) error {
	return p.withStore(func(store *sql.Store) error {
		if err := store.Migrate(p.ctx); err != nil {
			return err
		}
		applied, _, err := store.Status(p.ctx)
		if err != nil {
			return err
		}
		return p.say("the schema has version %d\n", applied)
	})
}

type migrateStatusCommand struct{}

// Help is the example.
func (migrateStatusCommand) Help() string { return "Example:\n\n  citycard migrate status" }

// Run shows the version.
func (migrateStatusCommand) Run(p *program) error {
	return p.withStore(func(store *sql.Store) error {
		applied, known, err := store.Status(p.ctx)
		if err != nil {
			return err
		}
		return p.say("the schema has version %d, this program knows version %d\n", applied, known)
	})
}

// withStore lends a command the database's schema; the data stays sealed.
func (p *program) withStore(use func(*sql.Store) error) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	store, err := c.openStore(p.ctx, keyless{})
	if err != nil {
		return err
	}
	return errors.Join(use(store), store.Close())
}

// keyless opens a database without its keys.
type keyless struct{}

var errKeyless = errors.New("this command has no keys")

// Seal refuses.
func (keyless) Seal([]byte, []byte) (string, error) { return "", errKeyless }

// Open refuses.
func (keyless) Open(string, []byte) ([]byte, error) { return nil, errKeyless }

// Index finds nothing.
func (keyless) Index(string, string) string { return "" }
