-- +goose Up
ALTER TABLE card ADD COLUMN password_unlocks INTEGER NOT NULL DEFAULT 0;
