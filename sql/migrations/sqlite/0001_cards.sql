-- +goose Up
CREATE TABLE person (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  phone      TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE person_number (
  number_index TEXT PRIMARY KEY,
  person_id    TEXT NOT NULL REFERENCES person (id),
  number       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX person_number_person ON person_number (person_id);

CREATE TABLE card (
  ref                 TEXT PRIMARY KEY,
  person_id           TEXT NOT NULL REFERENCES person (id),
  region              TEXT NOT NULL,
  card_number         TEXT NOT NULL,
  identification_code TEXT,
  bank_code           TEXT NOT NULL,
  account_index       TEXT NOT NULL,
  account_last4       TEXT NOT NULL,
  fulfilment          TEXT NOT NULL,
  social              TEXT NOT NULL,
  financial           TEXT NOT NULL,
  password            TEXT NOT NULL,
  social_before       TEXT NOT NULL,
  social_held         TEXT NOT NULL,
  financial_before    TEXT NOT NULL,
  received_on         TEXT NOT NULL,
  valid_to            TEXT NOT NULL,
  replacement_for     TEXT NOT NULL,
  replaced_by         TEXT NOT NULL,
  fulfilment_since    INTEGER NOT NULL,
  social_since        INTEGER NOT NULL,
  financial_since     INTEGER NOT NULL,
  password_since      INTEGER NOT NULL,
  head                TEXT NOT NULL,
  version             INTEGER NOT NULL,
  UNIQUE (card_number, region),
  UNIQUE (identification_code)
) STRICT;
CREATE INDEX card_person ON card (person_id);

CREATE TABLE transition (
  card_ref     TEXT NOT NULL,
  seq          INTEGER NOT NULL,
  machine      TEXT NOT NULL,
  from_state   TEXT NOT NULL,
  to_state     TEXT NOT NULL,
  actor_kind   TEXT NOT NULL,
  actor_id     TEXT NOT NULL,
  channel      TEXT NOT NULL,
  reason       TEXT NOT NULL,
  evidence_ref TEXT NOT NULL,
  occurred_at  INTEGER NOT NULL,
  recorded_at  INTEGER NOT NULL,
  event_id     TEXT NOT NULL,
  prev_hash    TEXT NOT NULL,
  hash         TEXT NOT NULL,
  PRIMARY KEY (card_ref, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE outgoing_event (
  position   INTEGER PRIMARY KEY,
  card_ref   TEXT NOT NULL,
  seq        INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE citizen (
  id            TEXT PRIMARY KEY,
  app_id        TEXT NOT NULL,
  open_id_index TEXT NOT NULL,
  open_id       TEXT NOT NULL,
  user_id       TEXT,
  union_id      TEXT,
  seen_at       INTEGER NOT NULL,
  UNIQUE (app_id, open_id_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE binding (
  citizen_id TEXT PRIMARY KEY REFERENCES citizen (id),
  person_id  TEXT NOT NULL REFERENCES person (id),
  method     TEXT NOT NULL,
  bound_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
  id         TEXT PRIMARY KEY,
  audience   TEXT NOT NULL,
  channel    TEXT NOT NULL,
  citizen_id TEXT NOT NULL REFERENCES citizen (id),
  issued_at  INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_expiry ON session (expires_at);

CREATE TABLE login_state (
  state_hash    TEXT PRIMARY KEY,
  browser_hash  TEXT NOT NULL,
  return_to     TEXT NOT NULL,
  activation_id TEXT NOT NULL,
  expires_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX login_state_expiry ON login_state (expires_at);

CREATE TABLE activation (
  id              TEXT PRIMARY KEY,
  citizen_id      TEXT NOT NULL,
  channel         TEXT NOT NULL,
  name            TEXT NOT NULL,
  number          TEXT NOT NULL,
  method          TEXT NOT NULL,
  check_id        TEXT NOT NULL,
  status          TEXT NOT NULL,
  failure         TEXT NOT NULL,
  card_ref        TEXT NOT NULL,
  changed         INTEGER NOT NULL,
  receipt         TEXT NOT NULL,
  dedup           TEXT NOT NULL,
  attempt_citizen TEXT NOT NULL,
  attempt_number  TEXT NOT NULL,
  attempt_address TEXT NOT NULL,
  started_at      INTEGER NOT NULL,
  expires_at      INTEGER NOT NULL,
  finished_at     INTEGER NOT NULL,
  claimed_until   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX activation_open ON activation (dedup) WHERE status = 'awaiting_identity';
CREATE INDEX activation_expiry ON activation (expires_at) WHERE status = 'awaiting_identity';

CREATE TABLE attempt (
  kind         TEXT NOT NULL,
  subject      TEXT NOT NULL,
  window_start INTEGER NOT NULL,
  window_end   INTEGER NOT NULL,
  used         INTEGER NOT NULL,
  PRIMARY KEY (kind, subject, window_start)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_window ON attempt (window_end);

CREATE TABLE idempotency (
  request     TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  result      TEXT NOT NULL,
  recorded_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE import_file (
  digest     TEXT PRIMARY KEY,
  line       INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
