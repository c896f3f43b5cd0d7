-- +goose Up
CREATE TABLE policy_version (
  id           TEXT PRIMARY KEY,
  number       INTEGER NOT NULL UNIQUE,
  region       TEXT NOT NULL,
  valid_from   TEXT NOT NULL,
  valid_to     TEXT NOT NULL,
  record       TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  approved_by  TEXT NOT NULL,
  approved_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE policy_trial (
  id           TEXT PRIMARY KEY,
  record       TEXT NOT NULL,
  region       TEXT NOT NULL,
  valid_from   TEXT NOT NULL,
  valid_to     TEXT NOT NULL,
  on_day       TEXT NOT NULL,
  state        TEXT NOT NULL,
  judged       INTEGER NOT NULL,
  counts       TEXT NOT NULL,
  found        TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  started_at   INTEGER NOT NULL,
  seen_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER policy_version_unchanged BEFORE UPDATE ON policy_version
BEGIN SELECT RAISE(ABORT, 'rows of policy_version are only ever appended'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER policy_version_kept BEFORE DELETE ON policy_version
BEGIN SELECT RAISE(ABORT, 'rows of policy_version are only ever appended'); END;
-- +goose StatementEnd
