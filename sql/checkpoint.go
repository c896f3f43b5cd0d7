package sql

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"
)

// checkpointEvery is how long SQLite's log gathers commits before their pages are moved: a page that several of them wrote
// is moved once.
const checkpointEvery = time.Second

// checkpointer moves committed pages from SQLite's log into the database beside the writer. Left to itself, the writer does
// that after a commit, and everybody waits while thousands of pages are read, written and brought to disk.
type checkpointer struct {
	aside *sqlx.DB
	path  string
	// file brings the database to disk. Closing any descriptor of a file ends the locks that a process holds on it, and so
	// it stays open until all connections are closed.
	file *os.File
	// committed tells that there is something to move.
	committed atomic.Bool
}

func newCheckpointer(name, path string) (*checkpointer, error) {
	aside, err := sqlx.Open("sqlite", name)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	aside.SetMaxOpenConns(1)
	return &checkpointer{aside: aside, path: path}, nil
}

// note tells that something was committed. On PostgreSQL there is no checkpointer.
func (c *checkpointer) note() {
	if c != nil {
		c.committed.Store(true)
	}
}

// checkpoint moves pages until ctx ends. What fails is told once, until it succeeds again; it is tried again after the next
// commit, and where the log grows all the same the writer moves them by itself.
func (s *Store) checkpoint(ctx context.Context) {
	defer s.running.Done()
	failing := false
	ticker := time.NewTicker(checkpointEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if !s.checkpoints.committed.Load() {
			continue
		}
		err := s.checkpoints.move(ctx, s.writer)
		if err != nil && !failing && ctx.Err() == nil && s.checkpointFailed != nil {
			s.checkpointFailed(err)
		}
		failing = err != nil
	}
}

const moveCommitted = "PRAGMA wal_checkpoint(PASSIVE)"

// mostAside bounds how often a move goes on with what was committed meanwhile: each time takes a fraction of the one before.
const mostAside = 3

// move moves what is committed while the writer goes on, and then what was committed meanwhile. Only what came during the
// last, short time is moved on the writing connection: the log begins anew once all of it is in the database.
func (c *checkpointer) move(ctx context.Context, writer *sqlx.DB) error {
	for moves := 0; moves < mostAside && c.committed.Swap(false); moves++ {
		if err := c.moveAside(ctx); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	if _, err := writer.ExecContext(ctx, moveCommitted); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// moveAside moves what is committed and brings it to disk.
func (c *checkpointer) moveAside(ctx context.Context) (err error) {
	if _, err := c.aside.ExecContext(ctx, moveCommitted); err != nil {
		return err
	}
	if c.file == nil {
		if c.file, err = os.OpenFile(c.path, os.O_RDWR, 0); err != nil {
			return err
		}
	}
	return c.file.Sync()
}

// close ends what is left once the store's other connections are closed. It may be called again, as they may.
func (c *checkpointer) close() error {
	err := c.aside.Close()
	if c.file != nil {
		err = errors.Join(err, c.file.Close())
		c.file = nil
	}
	return err
}
