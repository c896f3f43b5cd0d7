-- +goose Up
-- One note holds everything that a commit stored. Its id is the SHA-256 of its entries in hex.
ALTER TABLE ledger_pending RENAME TO ledger_pending_row;
CREATE TABLE ledger_pending (
  id      TEXT PRIMARY KEY,
  entries TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO ledger_pending (id, entries)
SELECT sha256(entries), entries FROM (
  SELECT length(CAST(source AS BLOB)) || ':' || source || length(CAST(object AS BLOB)) || ':' || object ||
    length(CAST(seq AS TEXT)) || ':' || seq || '64:' || sha256(content) AS entries
  FROM ledger_pending_row
);
DROP TABLE ledger_pending_row;

-- Nothing looks for an entry by what it covers but the check of the ledger, which reads all of them.
CREATE TABLE ledger_entry_plain (
  position INTEGER PRIMARY KEY,
  source   TEXT NOT NULL,
  object   TEXT NOT NULL,
  seq      INTEGER NOT NULL,
  sum      TEXT NOT NULL
) STRICT;
INSERT INTO ledger_entry_plain (position, source, object, seq, sum) SELECT position, source, object, seq, sum FROM ledger_entry ORDER BY position;
DROP TABLE ledger_entry;
ALTER TABLE ledger_entry_plain RENAME TO ledger_entry;
-- +goose StatementBegin
CREATE TRIGGER ledger_entry_unchanged BEFORE UPDATE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'rows of ledger_entry are only ever appended'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_entry_kept BEFORE DELETE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'rows of ledger_entry are only ever appended'); END;
-- +goose StatementEnd
