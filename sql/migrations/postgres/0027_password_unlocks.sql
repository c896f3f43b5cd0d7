-- +goose Up
ALTER TABLE card ADD COLUMN password_unlocks BIGINT NOT NULL DEFAULT 0;
