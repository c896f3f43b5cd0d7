package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"citycard"
	"citycard/integrations/keyfile"
	"citycard/middleware"
)

const (
	// sessionLifetime is how long the citizens stay logged in: longer than any run takes.
	sessionLifetime = 48 * time.Hour
	// mostCitizens bounds the citizens of a run; beyond them, cards are reset.
	mostCitizens = 400_000
	// memoryName is the name of the one person that the variant without storage knows.
	memoryName = "张伟"
)

// citizen is somebody logged in and bound, and their one card.
type citizen struct {
	card, number, name, ref string
}

// citizens are all of them in an order without pattern. The first next ones have activated their cards.
type citizens struct {
	list []citizen
	// positions is how many cards they were chosen from.
	positions int
	next      int
	tokens    middleware.Tokens
	issued    time.Time
	// sent numbers the requests of the whole run.
	sent int
}

// stride is how many cards there are to one citizen.
func stride(cards int) int { return (cards + mostCitizens - 1) / mostCitizens }

// readCitizens finds the holders of the chosen cards in the imported file, and counts the cards that they were chosen from.
func readCitizens(file string, stride int, refs map[string]string) (*citizens, error) {
	source, err := os.Open(file) //nolint:gosec // our own file
	if err != nil {
		return nil, err
	}
	defer source.Close()
	reader := csv.NewReader(bufio.NewReaderSize(source, 1<<20))
	reader.ReuseRecord = true
	header, err := reader.Read()
	if err != nil {
		return nil, fmt.Errorf("read cards: %w", err)
	}
	column := map[string]int{}
	for i, name := range header {
		column[name] = i
	}
	c := &citizens{}
	for {
		row, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read cards: %w", err)
		}
		card := row[column["card_number"]]
		position, err := strconv.Atoi(card[1:])
		if err != nil || position%stride != 0 {
			continue
		}
		c.positions++
		if ref, ok := refs[card]; ok {
			c.list = append(c.list, citizen{
				card: strings.Clone(card), number: strings.Clone(row[column["id_number"]]), name: strings.Clone(row[column["name"]]), ref: ref,
			})
		}
	}
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // an order, and the same in every run
	random.Shuffle(len(c.list), func(i, j int) { c.list[i], c.list[j] = c.list[j], c.list[i] })
	return c, nil
}

// newTokens issues tokens with the service's own session key.
func (b *bench) newTokens() (middleware.Tokens, error) {
	ring, err := keyfile.Load(b.path("keys"))
	if err != nil {
		return middleware.Tokens{}, err
	}
	tokens := middleware.Tokens{Clock: time.Now}
	for _, key := range ring.Secrets(keyfile.KindSession) {
		tokens.Keys = append(tokens.Keys, key.Bytes)
	}
	return tokens, nil
}

// key is an Idempotency-Key that begins with its time, as UUIDs of version 7 do. Clients make theirs up to half a second before the
// request arrives, so that keys do not arrive in their order.
func (c *citizens) key() string {
	const perMilli, spread = 4, 500
	made := c.issued.UnixMilli() + int64(c.sent/perMilli) - rand.Int64N(spread) //nolint:gosec // nobody guesses a benchmark's keys
	return fmt.Sprintf("%012x%020x", made, c.sent)
}

// writeSlice writes what some citizens send, one line each: token, idempotency key and body, or token and
// the card's reference.
func (c *citizens) writeSlice(path string, slice []citizen, what kind) (err error) {
	file, err := os.Create(path) //nolint:gosec // our own file
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(file, 1<<16)
	defer func() { err = errors.Join(err, out.Flush(), file.Close()) }()
	for _, one := range slice {
		c.sent++
		token, err := c.tokens.Issue(citycard.Session{
			ID: sessionPrefix + one.card, Audience: citycard.AudienceCitizen, IssuedAt: c.issued, ExpiresAt: c.issued.Add(sessionLifetime),
		})
		if err != nil {
			return err
		}
		if what == cardRead {
			if _, err := fmt.Fprintf(out, "%s %s\n", token, one.ref); err != nil {
				return err
			}
			continue
		}
		name := one.name
		if what == withoutStorage || what == emptyRoute {
			name = memoryName
		}
		body, err := json.Marshal(map[string]string{"name": name, "id_number": one.number})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s %s %s\n", token, c.key(), body); err != nil {
			return err
		}
	}
	return nil
}
