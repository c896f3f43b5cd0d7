-- +goose Up
CREATE TABLE approval (
  id            TEXT PRIMARY KEY,
  kind          TEXT NOT NULL,
  object        TEXT NOT NULL,
  request       TEXT NOT NULL,
  reason        TEXT NOT NULL,
  note          TEXT NOT NULL,
  requested_by  TEXT NOT NULL,
  requested_at  INTEGER NOT NULL,
  once          TEXT UNIQUE,
  fingerprint   TEXT NOT NULL,
  state         TEXT NOT NULL,
  decided_by    TEXT NOT NULL,
  decided_at    INTEGER NOT NULL,
  decision_note TEXT NOT NULL,
  outcome       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX approval_state ON approval (state, id);
