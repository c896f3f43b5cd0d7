// Package sql keeps people, cards, activations and sessions in SQLite or PostgreSQL behind the root's store
// interfaces. Names, numbers, phones and open ids are encrypted field by field and found by blind index. Every
// change of a card goes through Store.Update, which gathers concurrent changes into one durable commit.
package sql
