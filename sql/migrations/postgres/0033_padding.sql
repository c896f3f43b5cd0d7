-- +goose Up
-- Nothing: the fill factor of card leaves room on its pages.
SELECT 1;
