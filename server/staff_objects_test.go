package main_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	server "citycard/server"
)

// objectBodies are what routes must be given to get as far as looking for their object; the others take nothing.
var objectBodies = map[string]string{
	"POST /admin/imports/:ref":                       "decision=confirm",
	"POST /admin/v1/cards/:ref/formal-loss":          `{"reason":"lost","evidence":"F-1"}`,
	"POST /admin/v1/cards/:ref/formal-loss/revoke":   `{"evidence":"F-1"}`,
	"POST /admin/v1/cards/:ref/cure":                 `{"place":"P1"}`,
	"POST /admin/v1/cards/:ref/activation":           `{"evidence":"F-1","place":"P1"}`,
	"POST /admin/v1/cards/:ref/fulfilment":           `{"step":"review"}`,
	"POST /admin/v1/cards/:ref/freeze":               `{"reason":"fraud_hold","note":"n"}`,
	"POST /admin/v1/cards/:ref/release":              `{"reason":"hold_released","note":"n"}`,
	"POST /admin/v1/cards/:ref/cancel":               `{"reason":"deceased","evidence":"F-1","note":"n"}`,
	"POST /admin/v1/cards/:ref/manual-activation":    `{"reason":"act_bank","evidence":"F-1","account_last4":"1234","activated_on":"2026-01-01","note":"n"}`,
	"POST /admin/v1/cards/:ref/reveal":               `{"field":"phone","reason":"call_back","note":"n"}`,
	"POST /admin/v1/cards/:ref/reveal/approval":      `{"field":"phone","reason":"call_back","note":"n"}`,
	"POST /admin/v1/cards/:ref/corrections":          `{"kind":"name","description":"d"}`,
	"POST /admin/v1/corrections/:ref/resolve":        `{"resolution":"r"}`,
	"POST /admin/v1/cards/:ref/reissue":              `{"reason":"damaged","waiver":"low_income","note":"torn"}`,
	"POST /admin/v1/partners/:ref/keys":              `{"type":"RSA2","public_key":"x","note":"n"}`,
	"POST /admin/v1/partners/:ref/keys/:key/revoke":  `{"note":"n"}`,
	"POST /admin/partners/:ref/keys":                 "type=RSA2&public_key=x&note=n",
	"POST /admin/partners/:ref/keys/:key":            "note=n",
	"POST /admin/v1/policies/dry-runs/:ref/approval": `{"note":"n"}`,
	"POST /admin/policies/dry-runs/:ref":             "note=n",
	"POST /admin/approvals/:ref":                     "decision=approve",
	"POST /admin/staff/:account/role":                "role=clerk",
	"POST /admin/cards/:ref/reveal":                  "field=phone&reason=call_back&note=n",
	"POST /admin/cards/:ref/corrections":             "kind=name&description=d",
	"POST /admin/corrections/:ref":                   "resolution=r",
	"POST /admin/cards/:ref/act":                     "action=loss",
	"POST /admin/cards/:ref/reissue":                 "reason=damaged&waiver=low_income&note=torn",
}

var pathParameter = regexp.MustCompile(`:\w+`)

// TestEveryStaffRouteByRoleAndObject walks every route that takes an object, with every role, for an object that is
// absent and for one of another kind. Who may use the route reads that there is no such thing, the same for both; who
// may not reads that the role is wrong, whether there is such a thing or not.
func TestEveryStaffRouteByRoleAndObject(t *testing.T) {
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
			var account string
			require.NoError(t, database(t, address).Get(&account, "SELECT id FROM staff WHERE account = 'the-clerk'"))
			objects := map[string]string{"absent": strings.Repeat("0", 32), "an account": account}

			walked := 0
			for _, name := range slices.Sorted(maps.Keys(server.StaffAccess)) {
				if !strings.Contains(name, ":") {
					continue
				}
				walked++
				for role, desk := range desks {
					allowed := slices.Contains(strings.Fields(server.StaffAccess[name]), role)
					answers := map[string]bool{}
					for kind, object := range objects {
						answer := desk.walk(t, name, running.service, object)
						want := http.StatusForbidden
						if allowed {
							want = http.StatusNotFound
						}
						require.Equal(t, want, answer.status, "%s as %s, %s: %s", name, role, kind, answer.body)
						answers[withoutRequestID(t, answer.body)] = true
					}
					if !allowed && strings.Contains(name, "/cards/") {
						answer := desk.walk(t, name, running.service, card)
						assert.Equal(t, http.StatusForbidden, answer.status, name)
						answers[withoutRequestID(t, answer.body)] = true
					}
					assert.Len(t, answers, 1, "%s as %s tells what there is: %v", name, role, answers)
				}
			}
			assert.GreaterOrEqual(t, walked, len(objectBodies))
			var done int
			require.NoError(t, database(t, address).Get(&done, "SELECT count(*) FROM staff_action WHERE object = '"+card+"'"))
			assert.Zero(t, done, "whoever was refused did nothing with the card, and no record says so")
		})
	}
}

// walk sends what a route takes, for an object.
func (c *client) walk(t *testing.T, route, service, object string) reply {
	t.Helper()
	method, path, _ := strings.Cut(route, " ")
	kind, body := "application/json", objectBodies[route]
	if !strings.HasPrefix(path, "/admin/v1/") {
		kind = "application/x-www-form-urlencoded"
	} else if body == "" {
		body = "{}"
	}
	if method == http.MethodGet {
		body = ""
	}
	request, err := http.NewRequest(method, service+pathParameter.ReplaceAllString(path, url.PathEscape(object)), strings.NewReader(body))
	require.NoError(t, err)
	request.Header = c.header.Clone()
	request.Header.Set("Content-Type", kind)
	answer, err := c.do(request)
	require.NoError(t, err)
	return answer
}

// withoutRequestID is a problem document without what differs from answer to answer.
func withoutRequestID(t *testing.T, body string) string {
	t.Helper()
	var members map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &members), body)
	delete(members, "request_id")
	rest, err := json.Marshal(members)
	require.NoError(t, err)
	return string(rest)
}
