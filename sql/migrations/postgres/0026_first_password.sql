-- +goose Up
ALTER TABLE staff ADD COLUMN first_password BIGINT NOT NULL DEFAULT 0;
