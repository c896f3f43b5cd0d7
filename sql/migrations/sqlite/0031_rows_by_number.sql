-- +goose Up
-- People and cards lie under numbers. A tree of whole rows, as a table without rowids is, holds some fourteen cards on each page of
-- every level, so that finding one among millions reads five pages or six; a tree by numbers holds rows in its leaves only, and
-- three hundred numbers on the pages above. A card's number is that of its person times 65536, and how many cards the person
-- had before: a person's cards lie together, and are found without an index.
ALTER TABLE person RENAME TO person_by_id;
CREATE TABLE person (
  n          INTEGER PRIMARY KEY,
  id         TEXT NOT NULL,
  name       TEXT NOT NULL,
  phone      TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
INSERT INTO person (id, name, phone, created_at) SELECT id, name, phone, created_at FROM person_by_id ORDER BY id;
CREATE UNIQUE INDEX person_id ON person (id);

CREATE TABLE person_number_with_n (
  number_index TEXT PRIMARY KEY,
  person_n     INTEGER NOT NULL REFERENCES person (n),
  person_id    TEXT NOT NULL,
  number       TEXT NOT NULL,
  name_birth   TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO person_number_with_n (number_index, person_n, person_id, number, name_birth)
SELECT i.number_index, p.n, i.person_id, i.number, i.name_birth FROM person_number i JOIN person p ON p.id = i.person_id ORDER BY i.number_index;
DROP TABLE person_number;
ALTER TABLE person_number_with_n RENAME TO person_number;
CREATE INDEX person_number_person ON person_number (person_id);
CREATE INDEX person_number_name_birth ON person_number (name_birth, person_id) WHERE name_birth <> '';
CREATE INDEX person_number_unmarked ON person_number (number_index) WHERE name_birth IS NULL;

CREATE TABLE card_by_n (
  n                   INTEGER PRIMARY KEY CHECK (n & 65535 < 65535),
  ref                 TEXT NOT NULL,
  person_id           TEXT NOT NULL REFERENCES person (id),
  region              TEXT NOT NULL,
  card_number         TEXT NOT NULL,
  identification_code TEXT,
  bank_code           TEXT NOT NULL,
  account_index       TEXT NOT NULL,
  account_last4       TEXT NOT NULL,
  fulfilment          TEXT NOT NULL,
  social              TEXT NOT NULL,
  financial           TEXT NOT NULL,
  password            TEXT NOT NULL,
  social_before       TEXT NOT NULL,
  social_held         TEXT NOT NULL,
  financial_before    TEXT NOT NULL,
  received_on         TEXT NOT NULL,
  valid_to            TEXT NOT NULL,
  replacement_for     TEXT NOT NULL,
  replaced_by         TEXT NOT NULL,
  fulfilment_since    INTEGER NOT NULL,
  social_since        INTEGER NOT NULL,
  financial_since     INTEGER NOT NULL,
  password_since      INTEGER NOT NULL,
  password_unlocks    INTEGER NOT NULL DEFAULT 0,
  head                TEXT NOT NULL,
  head_at             INTEGER NOT NULL DEFAULT 0,
  version             INTEGER NOT NULL
) STRICT;
INSERT INTO card_by_n (n, ref, person_id, region, card_number, identification_code, bank_code, account_index, account_last4,
  fulfilment, social, financial, password, social_before, social_held, financial_before, received_on, valid_to, replacement_for,
  replaced_by, fulfilment_since, social_since, financial_since, password_since, password_unlocks, head, head_at, version)
SELECT (p.n << 16) + row_number() OVER (PARTITION BY c.person_id ORDER BY c.ref) - 1,
  c.ref, c.person_id, c.region, c.card_number, c.identification_code, c.bank_code, c.account_index, c.account_last4, c.fulfilment, c.social,
  c.financial, c.password, c.social_before, c.social_held, c.financial_before, c.received_on, c.valid_to, c.replacement_for,
  c.replaced_by, c.fulfilment_since, c.social_since, c.financial_since, c.password_since, c.password_unlocks, c.head, c.head_at, c.version
FROM card c JOIN person p ON p.id = c.person_id ORDER BY c.person_id, c.ref;
DROP TABLE card;
ALTER TABLE card_by_n RENAME TO card;
-- Indexes are made when all rows are there: sorted once, not searched for each row.
CREATE UNIQUE INDEX card_ref ON card (ref);
CREATE UNIQUE INDEX card_printed ON card (card_number, region);
CREATE UNIQUE INDEX card_identification_code ON card (identification_code);
CREATE INDEX card_received ON card (received_on, ref);

CREATE TABLE binding_of_person (
  citizen_id TEXT PRIMARY KEY REFERENCES citizen (id),
  person_id  TEXT NOT NULL REFERENCES person (id),
  method     TEXT NOT NULL,
  bound_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO binding_of_person (citizen_id, person_id, method, bound_at) SELECT citizen_id, person_id, method, bound_at FROM binding;
DROP TABLE binding;
ALTER TABLE binding_of_person RENAME TO binding;
DROP TABLE person_by_id;
