-- +goose Up
-- Nothing: PostgreSQL keeps rows apart from its indexes as it is.
SELECT 1;
