-- +goose Up
CREATE TABLE import_job (
  id            TEXT PRIMARY KEY,
  state         TEXT NOT NULL,
  digest        TEXT NOT NULL,
  size          BIGINT NOT NULL,
  pieces        BIGINT NOT NULL,
  reason        TEXT NOT NULL,
  note          TEXT NOT NULL,
  uploaded_by   TEXT NOT NULL,
  uploaded_at   BIGINT NOT NULL,
  confirmed_by  TEXT NOT NULL,
  confirmed_at  BIGINT NOT NULL,
  finished_at   BIGINT NOT NULL,
  good          BIGINT NOT NULL,
  bad           BIGINT NOT NULL,
  added         BIGINT NOT NULL,
  unchanged     BIGINT NOT NULL,
  rejected      BIGINT NOT NULL,
  line          BIGINT NOT NULL,
  done          BIGINT NOT NULL,
  preview       TEXT NOT NULL,
  failure       TEXT NOT NULL,
  claim         TEXT NOT NULL,
  claimed_until BIGINT NOT NULL
);
CREATE UNIQUE INDEX import_job_open ON import_job (digest) WHERE state IN ('waiting', 'checked', 'confirmed');
CREATE INDEX import_job_state ON import_job (state, id);

CREATE TABLE import_piece (
  job_id TEXT NOT NULL,
  piece  BIGINT NOT NULL,
  data   TEXT NOT NULL,
  PRIMARY KEY (job_id, piece)
);

CREATE TABLE import_reject (
  job_id      TEXT NOT NULL,
  line        BIGINT NOT NULL,
  column_name TEXT NOT NULL,
  reason      TEXT NOT NULL,
  PRIMARY KEY (job_id, line, column_name, reason)
);
