package main_test

import (
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"citycard"
	"citycard/integrations/keyfile"
	"citycard/middleware"
	"citycard/sql"
)

const (
	crashes      = 20
	crashPeople  = 6000
	crashCallers = 24
)

// bound is a logged-in citizen who was confirmed to be a person: the next activation goes straight through.
type bound struct {
	client *client
	person person
	ref    string
}

func TestEveryAcknowledgedActivationSurvivesKill(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, folder := fresh(t), t.TempDir()
			surroundings := environment(address, folder)
			people := bindPeople(t, surroundings, address, folder)
			db, next := database(t, address), 0
			acknowledged := map[string]bool{}
			for range crashes {
				running := startProcess(t, surroundings)
				next = activateUntilKilled(t, running, people, next, acknowledged)
			}
			startProcess(t, surroundings)
			requireOnce(t, db, acknowledged)
			t.Logf("%s: %d kills, %d activations begun, %d acknowledged", engine, crashes, next, len(acknowledged))
		})
	}
}

// activateUntilKilled lets callers activate one person after another until the program is killed under them.
func activateUntilKilled(t *testing.T, running *process, people []bound, next int, acknowledged map[string]bool) int {
	t.Helper()
	var mutex sync.Mutex
	var all sync.WaitGroup
	for range crashCallers {
		all.Go(func() {
			for {
				mutex.Lock()
				if next == len(people) {
					mutex.Unlock()
					return
				}
				who := people[next]
				next++
				mutex.Unlock()
				answer, err := who.client.post(running.service+"/v1/activations", activationBody(who.person))
				if err != nil {
					return
				}
				mutex.Lock()
				if assert.Equal(t, http.StatusOK, answer.status, answer.body) {
					acknowledged[who.ref] = true
				}
				mutex.Unlock()
			}
		})
	}
	timer := time.NewTimer(time.Duration(20+rand.IntN(180)) * time.Millisecond)
	<-timer.C
	running.kill()
	all.Wait()
	return next
}

// requireOnce holds that every acknowledged card is active by exactly one transition, and that no card has two.
func requireOnce(t *testing.T, db *sqlx.DB, acknowledged map[string]bool) {
	t.Helper()
	var flips []struct {
		Ref       string `db:"ref"`
		Financial string `db:"financial"`
		Count     int    `db:"flips"`
	}
	require.NoError(t, db.SelectContext(t.Context(), &flips, `SELECT c.ref, c.financial, count(*) AS flips FROM card c
 JOIN transition t ON t.card_ref = c.ref AND t.machine = 'financial' GROUP BY c.ref, c.financial`))
	stored := map[string]bool{}
	for _, flip := range flips {
		require.Equal(t, 1, flip.Count, flip.Ref)
		require.Equal(t, "active", flip.Financial)
		stored[flip.Ref] = true
	}
	for ref := range acknowledged {
		require.True(t, stored[ref], "an acknowledged activation is gone")
	}
	require.NotEmpty(t, acknowledged)
	var orphans int
	require.NoError(t, db.GetContext(t.Context(), &orphans, `SELECT count(*) FROM activation a
 WHERE a.status = 'activated' AND a.changed AND NOT EXISTS (SELECT 1 FROM transition t WHERE t.card_ref = a.card_ref)`))
	assert.Zero(t, orphans, "an activation without its transition")
}

// bindPeople makes up people, imports their cards and binds a logged-in citizen to each.
func bindPeople(t *testing.T, surroundings []string, address, folder string) []bound {
	t.Helper()
	file := filepath.Join(folder, "cards.csv")
	runCommand(t, surroundings, "keys", "generate")
	runCommand(t, surroundings, "demo", "cards", "--count", strconv.Itoa(crashPeople), "--out", file)
	runCommand(t, surroundings, "import", "cards", file)
	ring, err := keyfile.Load(filepath.Join(folder, "keys"))
	require.NoError(t, err)
	tokens := middleware.Tokens{Clock: time.Now, Keys: [][]byte{ring.Secrets(keyfile.KindSession)[0].Bytes}}
	made := 0
	newID := func() string { made++; return fmt.Sprintf("%032x", made) }
	store, err := sql.Open(t.Context(), address, sql.Options{Keys: ring, Clock: time.Now, NewID: newID})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	rows := readRows(t, file)
	people := make([]bound, 0, len(rows))
	for _, row := range rows {
		people = append(people, bindPerson(t, store, tokens, row, newID))
	}
	return people
}

func readRows(t *testing.T, file string) []person {
	t.Helper()
	opened, err := os.Open(file)
	require.NoError(t, err)
	records, err := csv.NewReader(opened).ReadAll()
	require.NoError(t, err)
	require.NoError(t, opened.Close())
	at := map[string]int{}
	for i, name := range records[0] {
		at[name] = i
	}
	people := make([]person, 0, len(records)-1)
	for _, record := range records[1:] {
		people = append(people, person{Name: record[at["name"]], IDNumber: record[at["id_number"]]})
	}
	return people
}

func bindPerson(t *testing.T, store *sql.Store, tokens middleware.Tokens, who person, newID func() string) bound {
	t.Helper()
	now := time.Now()
	number, err := citycard.ParseIDNumber(who.IDNumber, citycard.DateOf(now))
	require.NoError(t, err)
	_, err = citycard.ParseName(who.Name, norm.NFKC.String)
	require.NoError(t, err)
	citizen, err := store.SeeCitizen(t.Context(), citycard.Citizen{ID: newID(), AppID: "app", OpenID: newID(), SeenAt: now})
	require.NoError(t, err)
	made := bound{person: who}
	require.NoError(t, store.Update(t.Context(), citycard.Subject{Number: number}, func(ch *citycard.Change) error {
		made.ref = ch.Cards[0].Ref
		ch.Binding = &citycard.Binding{CitizenID: citizen.ID, PersonID: ch.Person.ID, Method: citycard.IdentityCertdoc, BoundAt: now}
		return nil
	}))
	session := citycard.Session{
		ID: newID(), Audience: citycard.AudienceCitizen, Channel: citycard.ChannelMiniProgram,
		CitizenID: citizen.ID, IssuedAt: now, ExpiresAt: now.Add(citycard.SessionLifetime),
	}
	_, err = store.OpenSession(t.Context(), session, nil)
	require.NoError(t, err)
	token, err := tokens.Issue(session)
	require.NoError(t, err)
	made.client = newClient(token)
	return made
}
