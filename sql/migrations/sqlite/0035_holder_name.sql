-- +goose Up
-- The sealed name of a card's person, as in person.name: who finds a card need not read the person. Cards that are there already have
-- none; theirs is read from the person. Nobody changes names; if somebody does, the cards follow.
ALTER TABLE card ADD COLUMN holder_name TEXT;
-- +goose StatementBegin
CREATE TRIGGER person_renamed AFTER UPDATE OF name ON person
BEGIN UPDATE card SET holder_name = NEW.name WHERE n BETWEEN NEW.n << 16 AND (NEW.n << 16) + 65535 AND holder_name IS NOT NULL; END;
-- +goose StatementEnd

-- A card is its person's by its place. Whoever reads one no longer compares the two, so whoever adds one does.
-- +goose StatementBegin
CREATE TRIGGER card_placed BEFORE INSERT ON card WHEN NEW.person_id IS NOT (SELECT p.id FROM person p WHERE p.n = NEW.n >> 16)
BEGIN SELECT RAISE(ABORT, 'a card lies with its person'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER card_stays BEFORE UPDATE OF n, person_id ON card
BEGIN SELECT RAISE(ABORT, 'a card stays with its person'); END;
-- +goose StatementEnd
