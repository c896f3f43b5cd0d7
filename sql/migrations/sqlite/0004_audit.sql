-- +goose Up
CREATE TABLE ledger_pending (
  source  TEXT NOT NULL,
  object  TEXT NOT NULL,
  seq     INTEGER NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (source, object, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_entry (
  position INTEGER PRIMARY KEY,
  source   TEXT NOT NULL,
  object   TEXT NOT NULL,
  seq      INTEGER NOT NULL,
  sum      TEXT NOT NULL,
  UNIQUE (source, object, seq)
) STRICT;

CREATE TABLE ledger_tile (
  level  INTEGER NOT NULL,
  number INTEGER NOT NULL,
  hashes BLOB NOT NULL,
  PRIMARY KEY (level, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_head (
  id         INTEGER PRIMARY KEY CHECK (id = 1),
  size       INTEGER NOT NULL,
  checkpoint TEXT NOT NULL
) STRICT;
INSERT INTO ledger_head (id, size, checkpoint) VALUES (1, 0, '');

INSERT INTO ledger_pending (source, object, seq, content) SELECT 'transition', card_ref, seq, hash FROM transition;
INSERT INTO ledger_pending (source, object, seq, content)
SELECT 'staff_action', id, 0,
  length(CAST(id AS BLOB)) || ':' || id || length(CAST(staff_id AS BLOB)) || ':' || staff_id ||
  length(CAST(role AS BLOB)) || ':' || role || length(CAST(action AS BLOB)) || ':' || action ||
  length(CAST(object AS BLOB)) || ':' || object || length(CAST(reason AS BLOB)) || ':' || reason ||
  length(CAST(note AS BLOB)) || ':' || note || length(CAST(request_id AS BLOB)) || ':' || request_id ||
  length(CAST(at AS TEXT)) || ':' || CAST(at AS TEXT)
FROM staff_action;

CREATE INDEX staff_action_staff ON staff_action (staff_id, id);
CREATE INDEX staff_action_action ON staff_action (action, id);
CREATE INDEX staff_action_object ON staff_action (object, id);
CREATE INDEX staff_action_at ON staff_action (at, id);

-- +goose StatementBegin
CREATE TRIGGER transition_unchanged BEFORE UPDATE ON transition
BEGIN SELECT RAISE(ABORT, 'rows of transition are only ever appended'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER transition_kept BEFORE DELETE ON transition
BEGIN SELECT RAISE(ABORT, 'rows of transition are only ever appended'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_entry_unchanged BEFORE UPDATE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'rows of ledger_entry are only ever appended'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_entry_kept BEFORE DELETE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'rows of ledger_entry are only ever appended'); END;
-- +goose StatementEnd
