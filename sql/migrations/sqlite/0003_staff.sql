-- +goose Up
CREATE TABLE staff (
  id            TEXT PRIMARY KEY,
  account       TEXT NOT NULL UNIQUE,
  name          TEXT NOT NULL,
  role          TEXT NOT NULL,
  state         TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  code_secret   TEXT NOT NULL,
  code_step     INTEGER NOT NULL,
  added_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE staff_recovery (
  staff_id TEXT NOT NULL REFERENCES staff (id),
  digest   TEXT NOT NULL,
  used_at  INTEGER NOT NULL,
  PRIMARY KEY (staff_id, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE staff_session (
  id         TEXT PRIMARY KEY,
  staff_id   TEXT NOT NULL REFERENCES staff (id),
  issued_at  INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX staff_session_staff ON staff_session (staff_id);
CREATE INDEX staff_session_expiry ON staff_session (expires_at);

CREATE TABLE staff_action (
  id         TEXT PRIMARY KEY,
  staff_id   TEXT NOT NULL,
  role       TEXT NOT NULL,
  action     TEXT NOT NULL,
  object     TEXT NOT NULL,
  reason     TEXT NOT NULL,
  note       TEXT NOT NULL,
  request_id TEXT NOT NULL,
  at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER staff_action_unchanged BEFORE UPDATE ON staff_action
BEGIN SELECT RAISE(ABORT, 'rows of staff_action are only ever appended'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER staff_action_kept BEFORE DELETE ON staff_action
BEGIN SELECT RAISE(ABORT, 'rows of staff_action are only ever appended'); END;
-- +goose StatementEnd

CREATE TABLE reissue (
  id        TEXT PRIMARY KEY,
  old_card  TEXT NOT NULL,
  ordinal   INTEGER NOT NULL,
  reason    TEXT NOT NULL,
  waiver    TEXT NOT NULL,
  fee_fen   INTEGER NOT NULL,
  note      TEXT NOT NULL,
  opened_by TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  UNIQUE (old_card, ordinal)
) STRICT, WITHOUT ROWID;
