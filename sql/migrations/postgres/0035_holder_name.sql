-- +goose Up
-- The sealed name of a card's person, as in person.name: who finds a card need not read the person. Cards that are there already have
-- none; theirs is read from the person. Nobody changes names; if somebody does, the cards follow.
ALTER TABLE card ADD COLUMN holder_name TEXT;
-- +goose StatementBegin
CREATE FUNCTION rename_holder() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE card SET holder_name = NEW.name WHERE person_id = NEW.id AND holder_name IS NOT NULL;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER person_renamed AFTER UPDATE OF name ON person FOR EACH ROW EXECUTE FUNCTION rename_holder();
