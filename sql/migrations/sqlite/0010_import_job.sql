-- +goose Up
CREATE TABLE import_job (
  id            TEXT PRIMARY KEY,
  state         TEXT NOT NULL,
  digest        TEXT NOT NULL,
  size          INTEGER NOT NULL,
  pieces        INTEGER NOT NULL,
  reason        TEXT NOT NULL,
  note          TEXT NOT NULL,
  uploaded_by   TEXT NOT NULL,
  uploaded_at   INTEGER NOT NULL,
  confirmed_by  TEXT NOT NULL,
  confirmed_at  INTEGER NOT NULL,
  finished_at   INTEGER NOT NULL,
  good          INTEGER NOT NULL,
  bad           INTEGER NOT NULL,
  added         INTEGER NOT NULL,
  unchanged     INTEGER NOT NULL,
  rejected      INTEGER NOT NULL,
  line          INTEGER NOT NULL,
  done          INTEGER NOT NULL,
  preview       TEXT NOT NULL,
  failure       TEXT NOT NULL,
  claim         TEXT NOT NULL,
  claimed_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX import_job_open ON import_job (digest) WHERE state IN ('waiting', 'checked', 'confirmed');
CREATE INDEX import_job_state ON import_job (state, id);

CREATE TABLE import_piece (
  job_id TEXT NOT NULL,
  piece  INTEGER NOT NULL,
  data   TEXT NOT NULL,
  PRIMARY KEY (job_id, piece)
) STRICT, WITHOUT ROWID;

CREATE TABLE import_reject (
  job_id      TEXT NOT NULL,
  line        INTEGER NOT NULL,
  column_name TEXT NOT NULL,
  reason      TEXT NOT NULL,
  PRIMARY KEY (job_id, line, column_name, reason)
) STRICT, WITHOUT ROWID;
