-- +goose Up
-- Transitions lie in the order of their times, so that a change extends the table at its end. A card's are found from its
-- latest, by head and head_at, back along prev_hash and prev_at. (Columns of a key come first where a table is its key's tree:
-- the integrity_check of SQLite 3.40 finds faults that are none where they do not.)
CREATE TABLE transition_in_time (
  recorded_at  INTEGER NOT NULL,
  hash         TEXT NOT NULL,
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
  event_id     TEXT NOT NULL,
  prev_at      INTEGER NOT NULL,
  prev_hash    TEXT NOT NULL,
  PRIMARY KEY (recorded_at, hash)
) STRICT, WITHOUT ROWID;
INSERT INTO transition_in_time (card_ref, seq, machine, from_state, to_state, actor_kind, actor_id, channel, reason, evidence_ref,
  occurred_at, recorded_at, event_id, prev_at, prev_hash, hash)
SELECT t.card_ref, t.seq, t.machine, t.from_state, t.to_state, t.actor_kind, t.actor_id, t.channel, t.reason, t.evidence_ref,
  t.occurred_at, t.recorded_at, t.event_id, coalesce(p.recorded_at, 0), t.prev_hash, t.hash
FROM transition t LEFT JOIN transition p ON p.card_ref = t.card_ref AND p.seq = t.seq - 1 ORDER BY t.recorded_at, t.hash;

-- A card lies with its person: a person's cards are found and changed at one place.
CREATE TABLE card_by_person (
  person_id           TEXT NOT NULL REFERENCES person (id),
  ref                 TEXT NOT NULL UNIQUE,
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
  password_unlocks    INTEGER NOT NULL DEFAULT 0,
  head                TEXT NOT NULL,
  head_at             INTEGER NOT NULL DEFAULT 0,
  version             INTEGER NOT NULL,
  PRIMARY KEY (person_id, ref),
  UNIQUE (card_number, region),
  UNIQUE (identification_code)
) STRICT, WITHOUT ROWID;
INSERT INTO card_by_person (ref, person_id, region, card_number, identification_code, bank_code, account_index, account_last4,
  fulfilment, social, financial, password, social_before, social_held, financial_before, received_on, valid_to, replacement_for,
  replaced_by, fulfilment_since, social_since, financial_since, password_since, password_unlocks, head, head_at, version)
SELECT c.ref, c.person_id, c.region, c.card_number, c.identification_code, c.bank_code, c.account_index, c.account_last4,
  c.fulfilment, c.social, c.financial, c.password, c.social_before, c.social_held, c.financial_before, c.received_on, c.valid_to,
  c.replacement_for, c.replaced_by, c.fulfilment_since, c.social_since, c.financial_since, c.password_since, c.password_unlocks,
  c.head, coalesce(t.recorded_at, 0), c.version
FROM card c LEFT JOIN transition t ON t.card_ref = c.ref AND t.seq = c.version ORDER BY c.person_id, c.ref;
DROP TABLE card;
ALTER TABLE card_by_person RENAME TO card;
CREATE INDEX card_received ON card (received_on, ref);

DROP TABLE transition;
ALTER TABLE transition_in_time RENAME TO transition;
-- +goose StatementBegin
CREATE TRIGGER transition_unchanged BEFORE UPDATE ON transition
BEGIN SELECT RAISE(ABORT, 'rows of transition are only ever appended'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER transition_kept BEFORE DELETE ON transition
BEGIN SELECT RAISE(ABORT, 'rows of transition are only ever appended'); END;
-- +goose StatementEnd

-- Records lie in the order in which they came. What a record is found by is short: the first 96 bits of its request's SHA-256.
CREATE TABLE idempotency_in_time (
  request_hash TEXT NOT NULL UNIQUE,
  request      TEXT NOT NULL,
  fingerprint  TEXT NOT NULL,
  result       TEXT NOT NULL,
  recorded_at  INTEGER NOT NULL
) STRICT;
INSERT INTO idempotency_in_time (request_hash, request, fingerprint, result, recorded_at)
SELECT substr(sha256(request), 1, 24), request, fingerprint, result, recorded_at FROM idempotency ORDER BY recorded_at;
DROP TABLE idempotency;
ALTER TABLE idempotency_in_time RENAME TO idempotency;
CREATE INDEX idempotency_partner ON idempotency (recorded_at, request) WHERE request LIKE 'partner:%';

-- Notes are long, and in a tree of whole rows every step down reads them.
CREATE TABLE ledger_pending_in_time (
  id      TEXT PRIMARY KEY,
  entries TEXT NOT NULL
) STRICT;
INSERT INTO ledger_pending_in_time (id, entries) SELECT id, entries FROM ledger_pending;
DROP TABLE ledger_pending;
ALTER TABLE ledger_pending_in_time RENAME TO ledger_pending;
