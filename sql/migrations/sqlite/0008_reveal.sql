-- +goose Up
-- The keyed hash of name and day of birth; NULL where it was not made yet, empty where the number tells of no day.
ALTER TABLE person_number ADD COLUMN name_birth TEXT;
CREATE INDEX person_number_name_birth ON person_number (name_birth, person_id) WHERE name_birth <> '';
CREATE INDEX person_number_unmarked ON person_number (number_index) WHERE name_birth IS NULL;
