-- +goose Up
ALTER TABLE staff ADD COLUMN first_password INTEGER NOT NULL DEFAULT 0;
