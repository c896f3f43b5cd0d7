-- +goose Up
-- What a channel enabled on a day is counted along this index alone. It holds one entry for each card and
-- application, and grows at its end.
CREATE INDEX transition_enabled ON transition (recorded_at, machine, to_state, channel, actor_id)
  WHERE to_state IN ('active', 'pending_bank') AND from_state IN ('sealed', 'inactive', 'pending_bank');
CREATE INDEX activation_start ON activation (started_at);
-- Days of receipt change once in a card's life, so that activating it leaves this index alone.
CREATE INDEX card_received ON card (received_on, ref);

CREATE TABLE statistic (
  kind       TEXT NOT NULL,
  day        TEXT NOT NULL,
  counts     TEXT NOT NULL,
  counted_at INTEGER NOT NULL,
  PRIMARY KEY (kind, day)
) STRICT, WITHOUT ROWID;
