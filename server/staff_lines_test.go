package main_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	server "citycard/server"
)

// leavesNoLine are the routes that show nothing of anybody else, and why. Every other one leaves a line in the record
// of what staff did.
var leavesNoLine = map[string]string{
	"GET /admin":                           "an empty form",
	"GET /admin/hotline":                   "an empty form",
	"GET /admin/account":                   "one's own account",
	"GET /admin/v1/me":                     "one's own account",
	"GET /admin/staff":                     "accounts of staff",
	"GET /admin/approvals":                 "what kinds of requests wait; each request by itself leaves a line",
	"GET /admin/v1/approvals":              "what kinds of requests wait; each request by itself leaves a line",
	"GET /admin/imports":                   "names and counts of files",
	"GET /admin/v1/imports":                "names and counts of files",
	"GET /admin/work":                      "how much waits; each list of cards leaves a line",
	"GET /admin/v1/work":                   "how much waits; each list of cards leaves a line",
	"GET /admin/dashboard":                 "figures",
	"GET /admin/v1/statistics/activations": "figures",
	"GET /admin/v1/statistics/callbacks":   "figures",
	"GET /admin/v1/statistics/deadlines":   "figures",
	"GET /admin/v1/statistics/funnel":      "figures",
}

// TestWhateverStaffLooksAtLeavesALine walks every route that shows something without being told what, and every one
// that shows a card.
func TestWhateverStaffLooksAtLeavesALine(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, folder := fresh(t), t.TempDir()
			settings := environment(address, folder)
			running := startProcess(t, settings)
			desks := map[string]*client{}
			for _, role := range strings.Fields("clerk supervisor auditor operator") {
				desks[role] = hireStaff(t, settings, "the-"+role, role).enter(t, running.service)
			}
			card := desks["clerk"].findCard(t, running.service, running.people(t)["new"].IDNumber)
			db := database(t, address)
			lines := func() []string {
				var list []string
				require.NoError(t, db.Select(&list, "SELECT id FROM staff_action"))
				return list
			}
			walked := 0
			for _, name := range slices.Sorted(maps.Keys(server.StaffAccess)) {
				method, path, _ := strings.Cut(name, " ")
				ofCard := strings.Contains(path, "/cards/:ref") && strings.Count(path, ":") == 1
				if method != http.MethodGet || strings.Contains(path, ":") && !ofCard {
					continue
				}
				walked++
				before := len(lines())
				role := strings.Fields(server.StaffAccess[name])[0]
				answer := desks[role].walk(t, name, running.service, card)
				require.Less(t, answer.status, http.StatusInternalServerError, name)
				why, none := leavesNoLine[name]
				assert.Equal(t, !none, len(lines()) > before, "%s as %s (%s)", name, role, why)
			}
			assert.Greater(t, walked, len(leavesNoLine))
		})
	}
}
