-- +goose Up
-- A person's ID numbers lie like cards: under the person's number times 65536, and how many numbers the person had before. An index from
-- blind index to place is all that finding somebody reads, and holds four rows where the tree of whole rows held one.
CREATE TABLE person_number_by_n (
  n            INTEGER PRIMARY KEY CHECK (n & 65535 < 65535),
  number_index TEXT NOT NULL,
  person_id    TEXT NOT NULL REFERENCES person (id),
  number       TEXT NOT NULL,
  name_birth   TEXT
) STRICT;
-- Person by person, so that nothing has to be sorted.
INSERT INTO person_number_by_n (n, number_index, person_id, number, name_birth)
SELECT (p.n << 16) + (SELECT count(*) FROM person_number k WHERE k.person_id = p.id AND k.number_index < i.number_index),
  i.number_index, i.person_id, i.number, i.name_birth
FROM person p CROSS JOIN person_number i ON i.person_id = p.id ORDER BY p.n;
DROP TABLE person_number;
ALTER TABLE person_number_by_n RENAME TO person_number;
CREATE UNIQUE INDEX person_number_index ON person_number (number_index);
CREATE INDEX person_number_name_birth ON person_number (name_birth) WHERE name_birth <> '';
CREATE INDEX person_number_unmarked ON person_number (number_index) WHERE name_birth IS NULL;
