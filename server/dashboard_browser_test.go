package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// dashboardWalk is what dashboard.mjs is given.
type dashboardWalk struct {
	visit

	Service string `json:"service"`
	Token   string `json:"token"`
	From    string `json:"from"`
	To      string `json:"to"`
}

// dashboardWalked is what it saw.
type dashboardWalked struct {
	visited

	Tables map[string][]string `json:"tables"`
	Bars   map[string]int      `json:"bars"`
	Inline int                 `json:"inline"`
	Narrow float64             `json:"narrow"`
}

// writable opens a running service's database beside it, to put the past into it.
func writable(t *testing.T, address string) *sqlx.DB {
	t.Helper()
	driver, name := "pgx", address
	if file, ok := strings.CutPrefix(address, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+file+"?_pragma=busy_timeout(5000)"
	}
	db, err := sqlx.Open(driver, name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// token is what the client is logged in with.
func (c *client) token() string { return strings.TrimPrefix(c.header.Get("Authorization"), "Bearer ") }

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}

// past writes what happened on the ten days that end at noon of a day: on day n back, n+5 citizens in a browser of
// whom one gives up and, on every second day, one is not found; n activations by a bank and one by a hospital.
func past(t *testing.T, db *sqlx.DB, noon time.Time) {
	t.Helper()
	transition := db.Rebind(`INSERT INTO transition (card_ref, seq, machine, from_state, to_state, actor_kind, actor_id, channel, reason,
 evidence_ref, occurred_at, recorded_at, event_id, prev_at, prev_hash, hash)
 VALUES ('', 1, ?, ?, 'active', '', ?, ?, '', '', 0, ?, '', 0, '', ?)`)
	request := db.Rebind(`INSERT INTO activation (citizen_id, channel, name, number, method, check_id, status, failure, card_ref, changed,
 receipt, dedup, attempt_citizen, attempt_number, attempt_address, started_at, expires_at, finished_at, claimed_until, id)
 VALUES ('', 'h5', '', '', 'certdoc', '', ?, ?, '', ?, '', ?, '', '', '', ?, 0, 0, 0, ?)`)
	tx, err := db.Beginx()
	require.NoError(t, err)
	ids := 0
	do := func(query string, args ...any) {
		ids++
		_, err := tx.Exec(query, append(args, fmt.Sprintf("past-%d", ids))...)
		require.NoError(t, err)
	}
	for back := range 10 {
		at := noon.AddDate(0, 0, -back).UnixMilli()
		for n := range back + 5 {
			status, failure := "activated", ""
			switch {
			case n == 0:
				status, failure = "failed", "login_code_invalid"
			case n == 1 && back%2 == 0:
				status, failure = "failed", "card_not_matched"
			default:
				do(transition, "financial", "inactive", fmt.Sprintf("citizen-%d", ids), "h5", at)
			}
			do(request, status, failure, status == "activated", fmt.Sprintf("dedup-%d", ids), at)
		}
		for range back {
			do(transition, "financial", "inactive", "2026000000000001", "callback", at)
		}
		do(transition, "social", "sealed", "2026000000000002", "callback", at)
	}
	_, err = tx.Exec(tx.Rebind("INSERT INTO callback_count (day, app_id, profile, outcome, code, callbacks) VALUES (?, ?, 'gateway', 'refused', ?, 12)"),
		citycard.DateOf(noon).String(), "2026000000000001", "isv.invalid-signature")
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
}

func TestTheDashboardInABrowser(t *testing.T) {
	t.Parallel()
	langs := map[string]string{"sqlite": "zh", "postgres": "en"}
	channels := map[string][]string{
		"zh": {"网页办理 | – | 80 | 0 | 0", "合作机构办理 | Bank of the City | 45 | 0 | 0", "合作机构办理 | 2026000000000002 | 0 | 10 | 0"},
		"en": {"Online | – | 80 | 0 | 0", "Through a partner | Bank of the City | 45 | 0 | 0", "Through a partner | 2026000000000002 | 0 | 10 | 0"},
	}
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, folder := fresh(t), t.TempDir()
			settings := environment(address, folder)
			file := filepath.Join(folder, "cards.csv")
			runCommand(t, settings, "demo", "cards", "--count", "400", "--out", file)
			runCommand(t, settings, "import", "cards", file)
			runCommand(t, settings, "partner", "add", "--app-id", "2026000000000001", "--kind", "bank", "--name", "Bank of the City",
				"--region", "320100", "--bank-code", "102", "--methods", "citycard.financial.activate")
			running := startProcess(t, settings)
			auditor := hireStaff(t, settings, "ada", "auditor").enter(t, running.service)
			today := citycard.DateOf(time.Now()).AddDays(-1)
			past(t, writable(t, address), today.Start().Add(12*time.Hour))

			base, days := running.service+"/admin/v1/statistics", "?from="+today.AddDays(-9).String()+"&to="+today.String()
			funnel := auditor.must(t, http.StatusOK, http.MethodGet, base+"/funnel"+days, "")
			assert.JSONEq(t, `[{"stage":"started","count":95},{"stage":"confirmed","count":85},{"stage":"matched","count":80},{"stage":"activated","count":80}]`,
				asJSON(t, funnel["reached"]))
			assert.JSONEq(t, `[{"stage":"started","reason":"login_code_invalid","count":10},{"stage":"confirmed","reason":"card_not_matched","count":5}]`,
				asJSON(t, funnel["drops"]))
			activations := auditor.must(t, http.StatusOK, http.MethodGet, base+"/activations"+days, "")
			assert.Len(t, activations["days"], 10)
			var deadlines map[string]any
			require.Eventually(t, func() bool { // what takes too long for an answer is counted beside it
				deadlines = auditor.must(t, http.StatusOK, http.MethodGet, base+"/deadlines?weeks=52", "")
				return deadlines["missing_days"] == float64(0)
			}, patience, moment)
			assert.NotEmpty(t, deadlines["items"])
			callbacks := auditor.must(t, http.StatusOK, http.MethodGet, base+"/callbacks"+days, "")
			assert.JSONEq(t, `[{"app_id":"2026000000000001","outcome":"refused","code":"isv.invalid-signature","count":12}]`, asJSON(t, callbacks["items"]))
			for _, wrong := range []string{"/funnel?from=2026-13-01", "/activations?to=2099-01-01", "/deadlines?weeks=0", "/deadlines?weeks=x", "/callbacks?from=x"} {
				auditor.must(t, http.StatusBadRequest, http.MethodGet, base+wrong, "")
			}

			var seen dashboardWalked
			inChromium(t, "dashboard.mjs", dashboardWalk{
				visit: visit{Lang: langs[engine]}, Service: running.service, Token: auditor.token(),
				From: today.AddDays(-9).String(), To: today.String(),
			}, &seen)
			require.Empty(t, seen.Problems, seen.Steps)
			require.Len(t, seen.Tables["daily-table"], 10)
			assert.Equal(t, today.String()+" | 3 | 1 | 0 | 5 | 2", seen.Tables["daily-table"][9])
			assert.Equal(t, channels[langs[engine]], seen.Tables["channel-table"])
			assert.Len(t, seen.Tables["funnel-table"], 4)
			assert.Len(t, seen.Tables["drop-table"], 2)
			assert.Len(t, seen.Tables["callback-table"], 1)
			assert.NotEmpty(t, seen.Tables["deadline-table"])
			assert.Equal(t, map[string]int{"daily": 20, "channels": 3, "funnel": 4, "callbacks": 0, "deadlines": 26, "exports": 0}, seen.Bars)
			assert.Zero(t, seen.Inline, "no style outside the style sheet")
			assert.LessOrEqual(t, seen.Narrow, 390.0, "the page itself does not scroll sideways")
		})
	}
}
