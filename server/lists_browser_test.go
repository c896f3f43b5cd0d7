package main_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// listsWalk is what lists.mjs is given.
type listsWalk struct {
	visit

	Service string   `json:"service"`
	Token   string   `json:"token"`
	Second  string   `json:"second"`
	Paths   []string `json:"paths"`
}

// listsWalked is what it saw.
type listsWalked struct {
	visited

	Rows   map[string][]string `json:"rows"`
	Counts map[string]string   `json:"counts"`
	Wide   []string            `json:"wide"`
	File   string              `json:"file"`
	Again  int                 `json:"again"`
	Nav    string              `json:"nav"`
}

// TestTheWorkListsInABrowser gives every list something, and holds every page against axe.
func TestTheWorkListsInABrowser(t *testing.T) {
	t.Parallel()
	langs := map[string]string{"sqlite": "en", "postgres": "zh"}
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, folder := fresh(t), t.TempDir()
			settings := environment(address, folder)
			running := startProcess(t, settings)
			cards := filepath.Join(folder, "cards.csv")
			runCommand(t, settings, "demo", "cards", "--count", "1500", "--out", cards)
			runCommand(t, settings, "import", "cards", cards)
			runCommand(t, settings, "partner", "add", "--app-id", "2026000000000001", "--kind", "bank", "--name", "Bank of the City",
				"--region", "320100", "--bank-code", "102", "--methods", "citycard.financial.activate")
			sue := hireStaff(t, settings, "sue", "supervisor").enter(t, running.service)
			bob := hireStaff(t, settings, "bob", "supervisor").enter(t, running.service)
			somethingToDo(t, address)
			compareLists(t, settings, folder)
			person := running.people(t)["already_active"]
			card := sue.findCard(t, running.service, person.IDNumber)
			base := running.service + "/admin/v1"
			sue.must(t, http.StatusCreated, http.MethodPost, base+"/cards/"+card+"/corrections", `{"kind":"name","description":"written with another character"}`)
			bob.must(t, http.StatusAccepted, http.MethodPost, base+"/cards/"+card+"/freeze", `{"reason":"fraud_hold","note":"police"}`)
			upload, _ := sue.uploaded(t, http.StatusCreated, running.service, must(os.ReadFile(cardFile(t, 60))))["id"].(string)
			sue.until(t, base+"/imports/"+upload, inState("checked"))

			var seen listsWalked
			inChromium(t, "lists.mjs", listsWalk{
				visit: visit{Lang: langs[engine]}, Service: running.service, Token: sue.token(), Second: bob.token(),
				Paths: []string{
					"/admin/work", "/admin/work/deadlines", "/admin/work/callbacks", "/admin/work/mismatches", "/admin/work/corrections",
					"/admin/work/approvals", "/admin/imports", "/admin/imports/" + upload, "/admin/dashboard",
				},
			}, &seen)
			require.Empty(t, seen.Problems, seen.Steps)
			assert.Empty(t, seen.Wide, "no page scrolls sideways")
			assert.Len(t, seen.Rows["/admin/work/callbacks"], 3)
			assert.Contains(t, seen.Rows["/admin/work/callbacks"][0], "Bank of the City")
			assert.Len(t, seen.Rows["/admin/work/mismatches"], 3)
			assert.Len(t, seen.Rows["/admin/work/corrections"], 1)
			assert.Len(t, seen.Rows["/admin/work/approvals"], 1)
			due := seen.Rows["/admin/work/deadlines"]
			require.NotEmpty(t, due)
			assert.Contains(t, due[0], "*", "masked")
			assert.Equal(t, map[string]string{
				"list-deadlines": strconv.Itoa(len(due)), "list-callbacks": "3", "list-mismatches": "3", "list-corrections": "1", "list-approvals": "1",
			}, seen.Counts)
			assert.True(t, strings.HasPrefix(seen.Nav, strconv.Itoa(len(due)+8)), seen.Nav)
			assert.True(t, strings.HasPrefix(seen.File, "\ufeffapp_id,outcome,code,count\r\n"), seen.File)
			assert.Contains(t, seen.File, "2026000000000001,refused,isv.invalid-signature,12\r\n")
			assert.Contains(t, seen.File, ",'=HYPERLINK()", "nothing begins a formula")
			assert.Zero(t, seen.Again, "fetched once")
			listsOverHTTP(t, base, sue, bob)
		})
	}
}

// listsOverHTTP reads the lists as JSON and holds that an export needs another person, and counts once.
func listsOverHTTP(t *testing.T, base string, sue, bob *client) {
	t.Helper()
	counts := sue.must(t, http.StatusOK, http.MethodGet, base+"/work", "")
	assert.Len(t, counts["items"], 5)
	first := sue.must(t, http.StatusOK, http.MethodGet, base+"/work/callbacks?limit=2", "")
	assert.Len(t, first["items"], 2)
	rest := sue.must(t, http.StatusOK, http.MethodGet, fmt.Sprintf("%s/work/callbacks?limit=2&cursor=%s", base, first["next_cursor"]), "")
	assert.Len(t, rest["items"], 1)
	assert.Nil(t, rest["next_cursor"])
	due := sue.must(t, http.StatusOK, http.MethodGet, base+"/work/deadlines?limit=1", "")
	next := sue.must(t, http.StatusOK, http.MethodGet, fmt.Sprintf("%s/work/deadlines?limit=1&cursor=%s", base, due["next_cursor"]), "")
	assert.NotEqual(t, due["items"], next["items"])
	sue.must(t, http.StatusNotFound, http.MethodGet, base+"/work/holidays", "")
	sue.must(t, http.StatusBadRequest, http.MethodGet, base+"/work/deadlines?cursor=x", "")

	today := citycard.DateOf(time.Now()).String()
	asked := sue.must(t, http.StatusCreated, http.MethodPost, base+"/exports",
		fmt.Sprintf(`{"what":"activations","from":%q,"to":%q,"note":"for the council"}`, today, today))
	id, _ := asked["id"].(string)
	sue.must(t, http.StatusForbidden, http.MethodPost, base+"/exports/"+id, "{}")
	sue.must(t, http.StatusForbidden, http.MethodPost, base+"/approvals/"+id+"/approve", `{"note":"myself"}`)
	bob.must(t, http.StatusOK, http.MethodPost, base+"/approvals/"+id+"/approve", `{"note":"fine"}`)
	bob.must(t, http.StatusForbidden, http.MethodPost, base+"/exports/"+id, "{}")
	answer, err := sue.post(base+"/exports/"+id, "{}")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, answer.status, answer.body)
	assert.Equal(t, "\ufeffday,application,state,channel,app_id,count\r\n", answer.body)
	sue.must(t, http.StatusForbidden, http.MethodPost, base+"/exports/"+id, "{}")
	sue.must(t, http.StatusBadRequest, http.MethodPost, base+"/exports", fmt.Sprintf(`{"what":"people","from":%q,"to":%q,"note":"n"}`, today, today))
}

// somethingToDo puts failed callbacks and attempts near their limit into a database.
func somethingToDo(t *testing.T, address string) {
	t.Helper()
	db, now := writable(t, address), time.Now()
	today := citycard.DateOf(now)
	for _, c := range []struct {
		outcome, code string
		n             int
	}{{"refused", "isv.invalid-signature", 12}, {"stale", "", 2}, {"refused", "=HYPERLINK()", 1}, {"accepted", "", 400}} {
		_, err := db.Exec(db.Rebind("INSERT INTO callback_count (day, app_id, profile, outcome, code, callbacks) VALUES (?, '2026000000000001', 'gateway', ?, ?, ?)"),
			today.String(), c.outcome, c.code, c.n)
		require.NoError(t, err)
	}
	for kind, used := range map[string]int{"number": 10, "citizen": 4, "address": 3} {
		_, err := db.Exec(db.Rebind("INSERT INTO attempt (kind, subject, window_start, window_end, used) VALUES (?, ?, ?, ?, ?)"),
			kind, strings.Repeat("ab", 32), today.Start().UnixMilli(), today.End().UnixMilli(), used)
		require.NoError(t, err)
	}
}

// compareLists compares a partner's list that has an event more than ours.
func compareLists(t *testing.T, settings []string, folder string) {
	t.Helper()
	list := filepath.Join(folder, "theirs.csv")
	require.NoError(t, os.WriteFile(list, []byte("out_request_no\nEVENT-000777\n"), 0o600))
	ran := command(t, settings, "partner", "reconcile", "--app-id", "2026000000000001", "--day", citycard.DateOf(time.Now()).String(), "--compare", list)
	require.Equal(t, 1, ran.code, ran)
	require.Contains(t, fmt.Sprint(ran), "only theirs: EVENT-000777")
}
