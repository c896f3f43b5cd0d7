-- +goose Up
SET LOCAL statement_timeout = 0;

CREATE TABLE ledger_pending (
  source  TEXT NOT NULL,
  object  TEXT NOT NULL,
  seq     BIGINT NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (source, object, seq)
);

CREATE TABLE ledger_entry (
  position BIGINT PRIMARY KEY,
  source   TEXT NOT NULL,
  object   TEXT NOT NULL,
  seq      BIGINT NOT NULL,
  sum      TEXT NOT NULL,
  UNIQUE (source, object, seq)
);

CREATE TABLE ledger_tile (
  level  BIGINT NOT NULL,
  number BIGINT NOT NULL,
  hashes BYTEA NOT NULL,
  PRIMARY KEY (level, number)
);

CREATE TABLE ledger_head (
  id         BIGINT PRIMARY KEY CHECK (id = 1),
  size       BIGINT NOT NULL,
  checkpoint TEXT NOT NULL
);
INSERT INTO ledger_head (id, size, checkpoint) VALUES (1, 0, '');

INSERT INTO ledger_pending (source, object, seq, content) SELECT 'transition', card_ref, seq, hash FROM transition;
INSERT INTO ledger_pending (source, object, seq, content)
SELECT 'staff_action', id, 0,
  octet_length(id) || ':' || id || octet_length(staff_id) || ':' || staff_id ||
  octet_length(role) || ':' || role || octet_length(action) || ':' || action ||
  octet_length(object) || ':' || object || octet_length(reason) || ':' || reason ||
  octet_length(note) || ':' || note || octet_length(request_id) || ':' || request_id ||
  octet_length(at::text) || ':' || at::text
FROM staff_action;

CREATE INDEX staff_action_staff ON staff_action (staff_id, id);
CREATE INDEX staff_action_action ON staff_action (action, id);
CREATE INDEX staff_action_object ON staff_action (object, id);
CREATE INDEX staff_action_at ON staff_action (at, id);

CREATE TRIGGER transition_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transition
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
