-- +goose Up
CREATE TABLE staff_passkey (
  id            TEXT PRIMARY KEY,
  staff_id      TEXT NOT NULL REFERENCES staff (id),
  name          TEXT NOT NULL,
  credential_id TEXT NOT NULL UNIQUE,
  record        TEXT NOT NULL,
  sign_count    INTEGER NOT NULL,
  added_at      INTEGER NOT NULL,
  used_at       INTEGER NOT NULL,
  copied_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX staff_passkey_staff ON staff_passkey (staff_id);

CREATE TABLE staff_challenge (
  secret_hash  TEXT PRIMARY KEY,
  browser_hash TEXT NOT NULL,
  kind         TEXT NOT NULL,
  staff_id     TEXT NOT NULL,
  state        TEXT NOT NULL,
  return_to    TEXT NOT NULL,
  expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX staff_challenge_expiry ON staff_challenge (expires_at);

CREATE TABLE staff_identity (
  staff_id TEXT NOT NULL REFERENCES staff (id),
  issuer   TEXT NOT NULL,
  subject  TEXT NOT NULL,
  bound_at INTEGER NOT NULL,
  PRIMARY KEY (staff_id, issuer),
  UNIQUE (issuer, subject)
) STRICT, WITHOUT ROWID;
