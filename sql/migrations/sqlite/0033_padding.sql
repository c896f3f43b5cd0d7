-- +goose Up
-- Cards are added one beside the other, and each grows when it is first changed. What a new card is padded with makes room for that: a page
-- without room is split, and the pages beside it are written too. Padding holds nothing; cards that are there already have none.
ALTER TABLE card ADD COLUMN padding TEXT NOT NULL DEFAULT '';
