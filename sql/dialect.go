package sql

import (
	"context"
	stdsql "database/sql"
	"encoding/json"

	"github.com/jmoiron/sqlx"
)

// dialect is where the two engines' SQL differs.
type dialect string

const (
	sqlite   dialect = "sqlite"
	postgres dialect = "postgres"
)

// in compares a column with a list parameter, written as `?`.
func (d dialect) in(column string) string {
	if d == postgres {
		return column + " = ANY(?)"
	}
	return column + " IN (SELECT value FROM json_each(?))"
}

// list is the argument for in.
func (d dialect) list(values []string) any {
	if d == postgres {
		return values
	}
	text, err := json.Marshal(values)
	if err != nil {
		return nil // a []string always marshals
	}
	return string(text)
}

// lock makes a SELECT take its card rows for update where the engine does not lock the whole database anyway.
func (d dialect) lock(table string) string {
	if d == postgres {
		return " FOR UPDATE OF " + table
	}
	return ""
}

// lockFree makes a SELECT take its row for update, or find none where another transaction has it.
func (d dialect) lockFree() string {
	if d == postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

// alone makes the transaction the only one that writes to the table until it ends; readers go on. SQLite has one writer.
func (d dialect) alone(ctx context.Context, tx *sqlx.Tx, table string) error {
	if d == sqlite {
		return nil
	}
	_, err := tx.ExecContext(ctx, "LOCK TABLE "+table+" IN SHARE ROW EXCLUSIVE MODE")
	return err
}

// snapshot begins a transaction that reads everything as it was when it began.
func (d dialect) snapshot() *stdsql.TxOptions {
	if d == postgres {
		return &stdsql.TxOptions{Isolation: stdsql.LevelRepeatableRead, ReadOnly: true}
	}
	return &stdsql.TxOptions{ReadOnly: true}
}

// readWhole lets a transaction read whole tables, for as long as that takes.
func (d dialect) readWhole(ctx context.Context, tx *sqlx.Tx) error {
	if d == sqlite {
		return nil
	}
	_, err := tx.ExecContext(ctx, "SET LOCAL enable_seqscan = on; SET LOCAL statement_timeout = 0")
	return err
}
