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

const (
	// moveSeldom and moveOften bound how long SQLite's log gathers commits before their pages are moved. With few cards a page
	// that many commits wrote is moved once; with millions nearly every page was written once, and moving a second's pages takes
	// so long that whoever asks meanwhile waits.
	moveSeldom = time.Second
	moveOften  = time.Second / 16
	// longMove is what a move may take before the next one begins sooner.
	longMove = 20 * time.Millisecond
	// longLog is how many pages the log may have before everything in it is moved, so that it begins anew.
	longLog = 30_000
)

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

func newCheckpointer(path string) (*checkpointer, error) {
	aside, err := sqlx.Open("sqlite", sqliteName(path))
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
	every := moveSeldom
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		began := time.Now()
		if s.checkpoints.committed.Swap(false) {
			err := s.checkpoints.move(ctx, s.writer)
			if err != nil && !failing && ctx.Err() == nil && s.checkpointFailed != nil {
				s.checkpointFailed(err)
			}
			failing = err != nil
		}
		every = nextMove(every, time.Since(began))
		ticker.Reset(every)
	}
}

// nextMove is how long the log gathers commits for the next move, after a move that took so long.
func nextMove(every, took time.Duration) time.Duration {
	switch {
	case took > longMove:
		return max(every/2, moveOften)
	case took < longMove/4:
		return min(every*2, moveSeldom)
	}
	return every
}

const moveCommitted = "PRAGMA wal_checkpoint(PASSIVE)"

// mostAside is how often a long log is moved beside the writer before it is moved on the writing connection: each time takes a
// fraction of the one before.
const mostAside = 3

// move moves what is committed while the writer goes on. A long log is moved to its end, which only the writing connection
// is sure to reach: the log begins anew once all of it is in the database.
func (c *checkpointer) move(ctx context.Context, writer *sqlx.DB) error {
	for range mostAside {
		long, err := c.moveAside(ctx)
		if err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
		if !long {
			return nil
		}
	}
	if _, err := writer.ExecContext(ctx, moveCommitted); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// moveAside moves what is committed and brings it to disk. It tells whether the log is long and was not moved to its end.
func (c *checkpointer) moveAside(ctx context.Context) (long bool, err error) {
	var busy, pages, moved int
	if err := c.aside.QueryRowContext(ctx, moveCommitted).Scan(&busy, &pages, &moved); err != nil {
		return false, err
	}
	if c.file == nil {
		if c.file, err = os.OpenFile(c.path, os.O_RDWR, 0); err != nil {
			return false, err
		}
	}
	return pages >= longLog && moved < pages, c.file.Sync()
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
