-- +goose Up
SET LOCAL statement_timeout = 0;

-- One note holds everything that a commit stored. Its id is the SHA-256 of its entries in hex.
ALTER TABLE ledger_pending RENAME TO ledger_pending_row;
CREATE TABLE ledger_pending (
  id      TEXT PRIMARY KEY,
  entries TEXT NOT NULL
);
-- Hashes do not get shorter by compression.
ALTER TABLE ledger_pending ALTER COLUMN entries SET STORAGE EXTERNAL;
INSERT INTO ledger_pending (id, entries)
SELECT encode(sha256(convert_to(entries, 'UTF8')), 'hex'), entries FROM (
  SELECT octet_length(source) || ':' || source || octet_length(object) || ':' || object ||
    octet_length(seq::text) || ':' || seq::text || '64:' || encode(sha256(convert_to(content, 'UTF8')), 'hex') AS entries
  FROM ledger_pending_row
) AS waiting;
DROP TABLE ledger_pending_row;

-- Nothing looks for an entry by what it covers but the check of the ledger, which reads all of them.
ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_source_object_seq_key;
