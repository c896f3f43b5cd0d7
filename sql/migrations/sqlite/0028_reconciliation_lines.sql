-- +goose Up
CREATE TABLE reconciliation_lines (
  app_id TEXT NOT NULL,
  day    TEXT NOT NULL,
  kind   TEXT NOT NULL,
  lines  BLOB NOT NULL,
  PRIMARY KEY (app_id, day, kind),
  FOREIGN KEY (app_id, day) REFERENCES reconciliation_result (app_id, day)
) STRICT;
