-- +goose Up
-- Nothing: migrations 31 and 32 do it by where rows lie.
SELECT 1;
