-- +goose Up
CREATE TABLE identification (
  id       TEXT PRIMARY KEY,
  staff_id TEXT NOT NULL,
  card_ref TEXT NOT NULL,
  passed   INTEGER NOT NULL,
  at       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE correction (
  id          TEXT PRIMARY KEY,
  card_ref    TEXT NOT NULL,
  person_id   TEXT NOT NULL,
  kind        TEXT NOT NULL,
  description TEXT NOT NULL,
  opened_by   TEXT NOT NULL,
  opened_at   INTEGER NOT NULL,
  once        TEXT UNIQUE,
  fingerprint TEXT NOT NULL,
  state       TEXT NOT NULL,
  resolved_by TEXT NOT NULL,
  resolved_at INTEGER NOT NULL,
  resolution  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX correction_card ON correction (card_ref, id);
CREATE INDEX correction_state ON correction (state, id);
