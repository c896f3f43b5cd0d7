-- +goose Up
CREATE TABLE policy_version (
  id           TEXT PRIMARY KEY,
  number       BIGINT NOT NULL UNIQUE,
  region       TEXT NOT NULL,
  valid_from   TEXT NOT NULL,
  valid_to     TEXT NOT NULL,
  record       TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  approved_by  TEXT NOT NULL,
  approved_at  BIGINT NOT NULL
);

CREATE TABLE policy_trial (
  id           TEXT PRIMARY KEY,
  record       TEXT NOT NULL,
  region       TEXT NOT NULL,
  valid_from   TEXT NOT NULL,
  valid_to     TEXT NOT NULL,
  on_day       TEXT NOT NULL,
  state        TEXT NOT NULL,
  judged       BIGINT NOT NULL,
  counts       TEXT NOT NULL,
  found        TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  started_at   BIGINT NOT NULL,
  seen_at      BIGINT NOT NULL
);

CREATE TRIGGER policy_version_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON policy_version
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
