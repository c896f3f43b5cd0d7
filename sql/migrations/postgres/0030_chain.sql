-- +goose Up
SET LOCAL statement_timeout = 0;

-- Transitions are indexed in the order of their times, so that a change extends the index at its end. A card's are found
-- from its latest, by head and head_at, back along prev_hash and prev_at.
ALTER TABLE transition ADD COLUMN prev_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE transition DISABLE TRIGGER transition_append_only;
UPDATE transition t SET prev_at = p.recorded_at FROM transition p WHERE p.card_ref = t.card_ref AND p.seq = t.seq - 1;
ALTER TABLE transition ENABLE TRIGGER transition_append_only;
ALTER TABLE transition ALTER COLUMN prev_at DROP DEFAULT;
ALTER TABLE card ADD COLUMN head_at BIGINT NOT NULL DEFAULT 0;
UPDATE card c SET head_at = t.recorded_at FROM transition t WHERE t.card_ref = c.ref AND t.seq = c.version;
ALTER TABLE transition DROP CONSTRAINT transition_pkey;
ALTER TABLE transition ADD PRIMARY KEY (recorded_at, hash);
DROP INDEX transition_enabled;

-- What a record is found by is short: the first 96 bits of its request's SHA-256.
ALTER TABLE idempotency ADD COLUMN request_hash TEXT;
UPDATE idempotency SET request_hash = substr(encode(sha256(convert_to(request, 'UTF8')), 'hex'), 1, 24);
ALTER TABLE idempotency DROP CONSTRAINT idempotency_pkey;
ALTER TABLE idempotency ADD PRIMARY KEY (request_hash);
