-- +goose Up
-- What a record is found by begins as its key does: keys that begin with their time lie side by side.
ALTER TABLE idempotency RENAME COLUMN request_hash TO request_key;
UPDATE idempotency SET request_key = substr(request, length(rtrim(request, replace(request, '/', ''))) + 1, 13) || request_key;
