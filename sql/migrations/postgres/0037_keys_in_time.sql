-- +goose Up
SET LOCAL statement_timeout = 0;

-- What a record is found by begins as its key does: keys that begin with their time lie side by side.
ALTER TABLE idempotency RENAME COLUMN request_hash TO request_key;
UPDATE idempotency SET request_key = left(substring(request FROM '[^/]*$'), 13) || request_key;
