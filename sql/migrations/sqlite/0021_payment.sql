-- +goose Up
-- What the platform's notifications said of the fees of reissues, one row for each.
CREATE TABLE payment (
  notify_id   TEXT PRIMARY KEY,
  order_id    TEXT NOT NULL,
  trade_no    TEXT NOT NULL,
  status      TEXT NOT NULL,
  amount_fen  INTEGER NOT NULL,
  recorded_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX payment_order ON payment (order_id, recorded_at);
