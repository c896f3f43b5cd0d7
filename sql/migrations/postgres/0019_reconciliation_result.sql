-- +goose Up
CREATE TABLE reconciliation_result (
  app_id      TEXT NOT NULL,
  day         TEXT NOT NULL,
  same        BIGINT NOT NULL,
  only_ours   BIGINT NOT NULL,
  only_theirs BIGINT NOT NULL,
  different   BIGINT NOT NULL,
  compared_at BIGINT NOT NULL,
  PRIMARY KEY (app_id, day)
);
