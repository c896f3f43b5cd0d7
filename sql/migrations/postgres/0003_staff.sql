-- +goose Up
CREATE TABLE staff (
  id            TEXT PRIMARY KEY,
  account       TEXT NOT NULL UNIQUE,
  name          TEXT NOT NULL,
  role          TEXT NOT NULL,
  state         TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  code_secret   TEXT NOT NULL,
  code_step     BIGINT NOT NULL,
  added_at      BIGINT NOT NULL
);

CREATE TABLE staff_recovery (
  staff_id TEXT NOT NULL REFERENCES staff (id),
  digest   TEXT NOT NULL,
  used_at  BIGINT NOT NULL,
  PRIMARY KEY (staff_id, digest)
);

CREATE TABLE staff_session (
  id         TEXT PRIMARY KEY,
  staff_id   TEXT NOT NULL REFERENCES staff (id),
  issued_at  BIGINT NOT NULL,
  seen_at    BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL
);
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
  at         BIGINT NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are only ever appended', TG_TABLE_NAME;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER staff_action_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON staff_action
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE reissue (
  id        TEXT PRIMARY KEY,
  old_card  TEXT NOT NULL,
  ordinal   BIGINT NOT NULL,
  reason    TEXT NOT NULL,
  waiver    TEXT NOT NULL,
  fee_fen   BIGINT NOT NULL,
  note      TEXT NOT NULL,
  opened_by TEXT NOT NULL,
  opened_at BIGINT NOT NULL,
  UNIQUE (old_card, ordinal)
);
