-- +goose Up
SET LOCAL statement_timeout = 0;

-- A session tells by itself whose it is. Where a citizen is confirmed to be somebody, all sessions of the citizen learn it.
ALTER TABLE session ADD COLUMN person_id TEXT NOT NULL DEFAULT '';
UPDATE session SET person_id = coalesce((SELECT b.person_id FROM binding b WHERE b.citizen_id = session.citizen_id), '');
CREATE INDEX session_citizen ON session (citizen_id);
