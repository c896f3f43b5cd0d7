-- +goose Up
CREATE TABLE partner (
  app_id    TEXT PRIMARY KEY,
  kind      TEXT NOT NULL,
  name      TEXT NOT NULL,
  regions   TEXT NOT NULL,
  bank_code TEXT NOT NULL,
  methods   TEXT NOT NULL,
  state     TEXT NOT NULL,
  added_by  TEXT NOT NULL,
  added_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE partner_key (
  id           TEXT PRIMARY KEY,
  app_id       TEXT NOT NULL REFERENCES partner (app_id),
  type         TEXT NOT NULL,
  pem          TEXT NOT NULL,
  fingerprint  TEXT NOT NULL UNIQUE,
  not_before   INTEGER NOT NULL,
  not_after    INTEGER NOT NULL,
  state        TEXT NOT NULL,
  command_line INTEGER NOT NULL,
  added_by     TEXT NOT NULL,
  added_at     INTEGER NOT NULL,
  approved_by  TEXT NOT NULL,
  approved_at  INTEGER NOT NULL,
  revoked_by   TEXT NOT NULL,
  revoked_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX partner_key_app ON partner_key (app_id);

CREATE TABLE two_card_session (
  app_id           TEXT NOT NULL,
  institution_code TEXT NOT NULL,
  terminal_id      TEXT NOT NULL,
  person_id        TEXT NOT NULL,
  event_id         TEXT NOT NULL,
  occurred_at      INTEGER NOT NULL,
  opened_at        INTEGER NOT NULL,
  PRIMARY KEY (app_id, institution_code, terminal_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX two_card_session_age ON two_card_session (opened_at);

CREATE TABLE replay (
  app_id     TEXT NOT NULL,
  mark       TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (app_id, mark)
) STRICT, WITHOUT ROWID;
CREATE INDEX replay_expiry ON replay (expires_at);

CREATE TABLE callback_count (
  day       TEXT NOT NULL,
  app_id    TEXT NOT NULL,
  profile   TEXT NOT NULL,
  outcome   TEXT NOT NULL,
  code      TEXT NOT NULL,
  callbacks INTEGER NOT NULL,
  PRIMARY KEY (day, app_id, profile, outcome, code)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_partner ON idempotency (recorded_at, request) WHERE request LIKE 'partner:%';
