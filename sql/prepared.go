package sql

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"
)

// query reads rows by a query written with question marks. PostgreSQL's driver keeps statements prepared by itself; on
// SQLite preparing costs as much as running, so that statements are kept here: those of the writing connection,
// which are made before it is busy with a transaction, and those of the reading ones.
func (s *Store) query(ctx context.Context, q sqlx.QueryerContext, into any, query string, args ...any) error {
	if s.dialect == postgres {
		return sqlx.SelectContext(ctx, q, into, s.db.Rebind(query), args...)
	}
	if tx, writing := q.(*sqlx.Tx); writing {
		if kept := s.loading[query]; kept != nil {
			return tx.StmtxContext(ctx, kept).SelectContext(ctx, into, args...) //nolint:sqlclosecheck // closed with the transaction
		}
		return tx.SelectContext(ctx, into, query, args...)
	}
	kept, known := s.reading.Load(query)
	if !known {
		made, err := s.db.PreparexContext(ctx, query)
		if err != nil {
			return fmt.Errorf("prepare query: %w", err)
		}
		kept, _ = s.reading.LoadOrStore(query, made) // of two made at once, both end with the store
	}
	statement, _ := kept.(*sqlx.Stmt)
	return statement.SelectContext(ctx, into, args...)
}

// prepareLoads keeps the queries that load rounds on SQLite's writing connection.
func (s *Store) prepareLoads(ctx context.Context) error {
	loading := map[string]*sqlx.Stmt{}
	for _, query := range []string{
		s.onceQuery(), s.activationQuery(), s.holdingQuery(wantedCards{by: byNumber}), s.holdingQuery(wantedCards{by: byPerson}),
		s.holdingQuery(wantedCards{by: byRef}), s.holdingQuery(wantedCards{by: byCode}), s.holdingQuery(wantedCards{by: byPrint}),
	} {
		made, err := s.writer.PreparexContext(ctx, query) //nolint:sqlclosecheck // closed with the writer
		if err != nil {
			return fmt.Errorf("prepare query: %w", err)
		}
		loading[query] = made
	}
	s.loading = loading
	return nil
}
