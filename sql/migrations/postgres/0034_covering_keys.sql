-- +goose Up
SET LOCAL statement_timeout = 0;

-- Whose an ID number is, and somebody's name, stand in the indexes that find them: an activation does not read the rows.
ALTER TABLE person_number DROP CONSTRAINT person_number_pkey;
ALTER TABLE person_number ADD PRIMARY KEY (number_index) INCLUDE (person_id);

ALTER TABLE person_number DROP CONSTRAINT person_number_person_id_fkey;
ALTER TABLE card DROP CONSTRAINT card_person_id_fkey;
ALTER TABLE binding DROP CONSTRAINT binding_person_id_fkey;
ALTER TABLE person DROP CONSTRAINT person_pkey;
ALTER TABLE person ADD PRIMARY KEY (id) INCLUDE (name);
ALTER TABLE person_number ADD FOREIGN KEY (person_id) REFERENCES person (id);
ALTER TABLE card ADD FOREIGN KEY (person_id) REFERENCES person (id);
ALTER TABLE binding ADD FOREIGN KEY (person_id) REFERENCES person (id);
