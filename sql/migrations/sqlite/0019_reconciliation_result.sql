-- +goose Up
CREATE TABLE reconciliation_result (
  app_id      TEXT NOT NULL,
  day         TEXT NOT NULL,
  same        INTEGER NOT NULL,
  only_ours   INTEGER NOT NULL,
  only_theirs INTEGER NOT NULL,
  different   INTEGER NOT NULL,
  compared_at INTEGER NOT NULL,
  PRIMARY KEY (app_id, day)
) STRICT, WITHOUT ROWID;
