package sql

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jmoiron/sqlx"
)

// question is a query, written with a question mark for its one argument, and what takes its answer.
type question struct {
	query string
	arg   any
	take  func(answer) error
}

// answer is the rows of a question, of whichever driver.
type answer interface {
	Next() bool
	Scan(into ...any) error
	Err() error
}

// scan reads an answer's rows one after the other into the same row and hands it on. Fields are the places of the
// columns in it, in the order of the query: found once for each answer, not once for each row by their names.
func scan[R any](rows answer, fields func(*R) []any, take func(*R) error) error {
	var row R
	into := fields(&row)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("scan row: %w", err)
		}
		if err := take(&row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// read asks questions: of PostgreSQL all of them in one round trip, unless they belong to a transaction. Its driver keeps
// statements prepared by itself; on SQLite preparing costs as much as running, so that statements are kept here:
// those of the writing connection, which are made before it is busy with a transaction, and those of the reading ones.
func (s *Store) read(ctx context.Context, q sqlx.QueryerContext, questions ...question) error {
	if s.dialect == postgres && q == sqlx.QueryerContext(s.db) {
		// Trying again is for a connection that turned out to be gone before anything was asked of it.
		return again(ctx, func() error { return s.readTogether(ctx, questions) })
	}
	for _, one := range questions {
		rows, err := s.rowsFor(ctx, q, one) //nolint:rowserrcheck // take ends by asking for it
		if err != nil {
			return err
		}
		if err := errors.Join(one.take(rows), rows.Close()); err != nil { //nolint:sqlclosecheck // closed whatever take says
			return err
		}
	}
	return nil
}

func (s *Store) readTogether(ctx context.Context, questions []question) error {
	batch := &pgx.Batch{}
	for _, one := range questions {
		batch.Queue(s.db.Rebind(one.query), one.arg)
	}
	answers := s.pool.SendBatch(ctx, batch)
	for _, one := range questions {
		rows, err := answers.Query()
		if err == nil {
			err = one.take(rows)
			rows.Close()
		}
		if err != nil {
			return errors.Join(err, answers.Close())
		}
	}
	return answers.Close()
}

func (s *Store) rowsFor(ctx context.Context, q sqlx.QueryerContext, one question) (*stdsql.Rows, error) {
	if s.dialect == postgres {
		return q.QueryContext(ctx, s.db.Rebind(one.query), one.arg)
	}
	if tx, writing := q.(*sqlx.Tx); writing {
		if kept := s.loading[one.query]; kept != nil {
			return tx.StmtContext(ctx, kept).QueryContext(ctx, one.arg) //nolint:sqlclosecheck // closed with the transaction
		}
		return tx.QueryContext(ctx, one.query, one.arg)
	}
	kept, known := s.reading.Load(one.query)
	if !known {
		made, err := s.db.PrepareContext(ctx, one.query)
		if err != nil {
			return nil, fmt.Errorf("prepare query: %w", err)
		}
		kept, _ = s.reading.LoadOrStore(one.query, made) // of two made at once, both end with the store
	}
	statement, _ := kept.(*stdsql.Stmt)
	return statement.QueryContext(ctx, one.arg)
}

// prepareLoads keeps the queries that load rounds on SQLite's writing connection.
func (s *Store) prepareLoads(ctx context.Context) error {
	loading := map[string]*stdsql.Stmt{}
	for _, query := range []string{
		s.onceQuery(), s.activationQuery(), s.holdingQuery(wantedCards{by: byNumber}), s.holdingQuery(wantedCards{by: byPerson}),
		s.holdingQuery(wantedCards{by: byRef}), s.holdingQuery(wantedCards{by: byCode}), s.holdingQuery(wantedCards{by: byPrint}),
	} {
		made, err := s.writer.PrepareContext(ctx, query) //nolint:sqlclosecheck // closed with the writer
		if err != nil {
			return fmt.Errorf("prepare query: %w", err)
		}
		loading[query] = made
	}
	s.loading = loading
	return nil
}
