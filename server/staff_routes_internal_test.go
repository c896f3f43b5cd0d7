package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/handlers"
	"citycard/middleware"
	"citycard/static"
)

// staffTable is the staff plane's route table with nothing behind it, into which each session id gets in as the
// role of that name.
func staffTable(t *testing.T) (*echo.Echo, middleware.Tokens) {
	t.Helper()
	tokens := middleware.Tokens{Keys: [][]byte{[]byte(strings.Repeat("k", 32))}, Clock: time.Now}
	templates, err := handlers.NewTemplates(static.FS)
	require.NoError(t, err)
	sameOrigin, err := middleware.SameOrigin("")
	require.NoError(t, err)
	e := echo.New()
	surround(e, surroundings{
		log: slog.New(slog.NewTextHandler(io.Discard, nil)), clock: time.Now, timeout: time.Second,
		newID: func() string { return "request-1" }, draining: func() bool { return false },
	}, &handlers.Pages{Templates: templates})
	staffRoutes(e, staffPlane{
		gate: middleware.StaffGate{Tokens: tokens, Own: "/admin/account", Check: func(_ context.Context, id string) (citycard.StaffSession, error) {
			switch id {
			case "revoked":
				return citycard.StaffSession{}, &citycard.Error{Code: citycard.CodeSessionExpired}
			case "first":
				return citycard.StaffSession{ID: id, Staff: citycard.Staff{Role: citycard.RoleOperator, FirstPassword: true}}, nil
			case "unknown":
				return citycard.StaffSession{}, &citycard.Error{Code: citycard.CodeSessionRequired}
			}
			return citycard.StaffSession{ID: id, Staff: citycard.Staff{Role: citycard.StaffRole(id)}}, nil
		}},
		sameOrigin: sameOrigin,
	})
	return e, tokens
}

func staffToken(t *testing.T, tokens middleware.Tokens, id string, audience citycard.Audience) string {
	t.Helper()
	token, err := tokens.Issue(citycard.Session{ID: id, Audience: audience, IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	return token
}

// parameter is a variable part of a route's path.
var parameter = regexp.MustCompile(`:\w+`)

func statusOf(t *testing.T, e *echo.Echo, method, path string, headers map[string]string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, parameter.ReplaceAllString(path, "ref-1"), nil)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	recorder := httptest.NewRecorder()
	e.ServeHTTP(recorder, r)
	return recorder.Code
}

// Who is let in where; staffAccess is written by hand, so that a route's roles are decided twice.
const serve, see, everybody = "clerk supervisor", "clerk supervisor auditor", "clerk supervisor auditor operator"

// figures name no person.
const figures = "supervisor auditor operator"

// openToNobody are the routes of staff that nobody needs to be logged in for.
var openToNobody = map[string]bool{
	"POST /admin/v1/sessions": true, "GET /admin/login": true, "POST /admin/login": true,
	"POST /admin/login/passkey": true, "POST /admin/login/passkey/answer": true,
	"GET /admin/sso/start": true, "GET /admin/sso/callback": true,
}

// staffAccess names the roles of each other route.
var staffAccess = map[string]string{
	"GET /admin/v1/imports":                                   "supervisor auditor",
	"POST /admin/v1/imports":                                  "supervisor",
	"GET /admin/v1/imports/:ref":                              "supervisor auditor",
	"POST /admin/v1/imports/:ref/confirm":                     "supervisor",
	"POST /admin/v1/imports/:ref/cancel":                      "supervisor",
	"GET /admin/v1/imports/:ref/rejects":                      "supervisor auditor",
	"GET /admin/imports":                                      "supervisor auditor",
	"POST /admin/imports":                                     "supervisor",
	"GET /admin/imports/:ref":                                 "supervisor auditor",
	"POST /admin/imports/:ref":                                "supervisor",
	"GET /admin/imports/:ref/rejects":                         "supervisor auditor",
	"DELETE /admin/v1/sessions/current":                       everybody,
	"GET /admin/v1/me":                                        everybody,
	"POST /admin/v1/searches":                                 see,
	"GET /admin/v1/cards/:ref":                                see,
	"POST /admin/v1/cards/:ref/loss":                          serve,
	"POST /admin/v1/cards/:ref/found":                         serve,
	"POST /admin/v1/cards/:ref/formal-loss":                   serve,
	"POST /admin/v1/cards/:ref/formal-loss/revoke":            "supervisor",
	"POST /admin/v1/cards/:ref/cure":                          serve,
	"POST /admin/v1/cards/:ref/activation":                    serve,
	"POST /admin/v1/cards/:ref/fulfilment":                    serve,
	"POST /admin/v1/cards/:ref/freeze":                        "supervisor",
	"POST /admin/v1/cards/:ref/release":                       "supervisor",
	"POST /admin/v1/cards/:ref/cancel":                        serve,
	"POST /admin/v1/cards/:ref/manual-activation":             serve,
	"POST /admin/v1/cards/:ref/reveal":                        see,
	"POST /admin/v1/cards/:ref/reveal/approval":               see,
	"GET /admin/v1/cards/:ref/questions":                      serve,
	"POST /admin/v1/cards/:ref/identifications":               serve,
	"POST /admin/v1/cards/:ref/corrections":                   serve,
	"GET /admin/v1/corrections":                               see,
	"GET /admin/v1/corrections/:ref":                          see,
	"POST /admin/v1/corrections/:ref/resolve":                 serve,
	"POST /admin/v1/cards/:ref/reissue":                       serve,
	"GET /admin/v1/reissues/:ref":                             see,
	"POST /admin/v1/reissues/:ref/cancel":                     serve,
	"GET /admin/v1/partners":                                  "supervisor auditor operator",
	"GET /admin/v1/partners/:ref":                             "supervisor auditor operator",
	"POST /admin/v1/partners/:ref/keys":                       "operator",
	"POST /admin/v1/partners/:ref/keys/:key/revoke":           "supervisor operator",
	"GET /admin/v1/partners/:ref/reconciliation":              figures,
	"POST /admin/v1/partners/:ref/reconciliation":             "supervisor operator",
	"GET /admin/v1/partners/:ref/reconciliation/difference":   figures,
	"GET /admin/partners/:ref/reconciliation":                 figures,
	"GET /admin/partners/:ref/reconciliation/:day":            figures,
	"POST /admin/partners/:ref/reconciliation/:day":           "supervisor operator",
	"GET /admin/partners/:ref/reconciliation/:day/list":       figures,
	"GET /admin/partners/:ref/reconciliation/:day/difference": figures,
	"GET /admin/partners":                                     "supervisor auditor operator",
	"POST /admin/partners/:ref/keys":                          "operator",
	"POST /admin/partners/:ref/keys/:key":                     "supervisor operator",
	"GET /admin/v1/approvals":                                 everybody,
	"GET /admin/v1/approvals/:ref":                            everybody,
	"POST /admin/v1/approvals/:ref/approve":                   "supervisor operator",
	"POST /admin/v1/approvals/:ref/refuse":                    "supervisor operator",
	"POST /admin/v1/approvals/:ref/withdraw":                  everybody,
	"GET /admin/approvals":                                    everybody,
	"GET /admin/approvals/:ref":                               everybody,
	"POST /admin/approvals/:ref":                              everybody,
	"GET /admin/v1/audit":                                     "supervisor auditor",
	"GET /admin/v1/statistics/activations":                    figures,
	"GET /admin/v1/statistics/funnel":                         figures,
	"GET /admin/v1/statistics/callbacks":                      figures,
	"GET /admin/v1/statistics/deadlines":                      figures,
	"POST /admin/v1/exports":                                  "supervisor auditor",
	"POST /admin/v1/exports/:ref":                             "supervisor auditor",
	"POST /admin/dashboard/exports":                           "supervisor auditor",
	"POST /admin/dashboard/exports/:ref":                      "supervisor auditor",
	"GET /admin/v1/work":                                      everybody,
	"GET /admin/v1/work/:list":                                everybody,
	"GET /admin/work":                                         everybody,
	"GET /admin/work/:list":                                   everybody,
	"GET /admin/dashboard":                                    figures,
	"GET /admin/account":                                      everybody,
	"POST /admin/account/password":                            everybody,
	"POST /admin/account/passkeys":                            everybody,
	"POST /admin/account/passkeys/answer":                     everybody,
	"POST /admin/account/passkeys/:ref/remove":                everybody,
	"GET /admin/staff":                                        "supervisor auditor operator",
	"POST /admin/staff":                                       "operator",
	"POST /admin/staff/:account/role":                         "operator",
	"POST /admin/staff/:account/reset":                        "operator",
	"POST /admin/staff/:account/disable":                      "supervisor operator",
	"POST /admin/logout":                                      everybody,
	"GET /admin":                                              everybody,
	"POST /admin/search":                                      see,
	"GET /admin/cards/:ref":                                   see,
	"POST /admin/cards/:ref/act":                              serve,
	"POST /admin/cards/:ref/reveal":                           see,
	"POST /admin/cards/:ref/corrections":                      serve,
	"POST /admin/corrections/:ref":                            serve,
	"GET /admin/hotline":                                      serve,
	"POST /admin/hotline":                                     serve,
	"GET /admin/hotline/:ref":                                 serve,
	"POST /admin/hotline/:ref":                                serve,
	"GET /admin/cards/:ref/reissue":                           serve,
	"POST /admin/cards/:ref/reissue":                          serve,
	"GET /admin/reissues/:ref":                                see,
	"POST /admin/v1/audit/exports":                            "supervisor auditor",
	"POST /admin/v1/audit/exports/:ref":                       "supervisor auditor",
	"GET /admin/v1/audit/checkpoint":                          figures,
	"GET /admin/audit":                                        "supervisor auditor",
	"POST /admin/audit/exports":                               "supervisor auditor",
	"POST /admin/audit/exports/:ref":                          "supervisor auditor",
	"GET /admin/audit/checkpoint":                             figures,
	"GET /admin/v1/policies":                                  figures,
	"GET /admin/v1/policies/:ref":                             figures,
	"POST /admin/v1/policies/dry-runs":                        "supervisor",
	"GET /admin/v1/policies/dry-runs/:ref":                    "supervisor auditor",
	"POST /admin/v1/policies/dry-runs/:ref/approval":          "supervisor",
	"GET /admin/policies":                                     figures,
	"GET /admin/policies/:ref":                                figures,
	"POST /admin/policies/:ref/dry-runs":                      "supervisor",
	"GET /admin/policies/dry-runs/:ref":                       "supervisor auditor",
	"POST /admin/policies/dry-runs/:ref":                      "supervisor",
}

// TestEveryStaffRouteLetsItsRolesIn walks every route with every role, by token and by cookie. Whoever gets past the
// gate finds nothing behind it, which is neither 401 nor 403.
func TestEveryStaffRouteLetsItsRolesIn(t *testing.T) {
	t.Parallel()
	e, tokens := staffTable(t)
	walked := 0
	for _, route := range e.Routes() {
		name := route.Method + " " + route.Path
		if openToNobody[name] {
			continue
		}
		allowed, known := staffAccess[name]
		require.True(t, known, "%s has no row in staffAccess", name)
		walked++
		for _, role := range append(citycard.StaffRoles(), "citizen") {
			token := staffToken(t, tokens, string(role), citycard.AudienceStaff)
			for _, headers := range []map[string]string{
				{"Authorization": "Bearer " + token}, {"Cookie": middleware.StaffCookie + "=" + token},
			} {
				status := statusOf(t, e, route.Method, route.Path, headers)
				assert.NotEqual(t, http.StatusUnauthorized, status, name)
				in := slices.Contains(strings.Fields(allowed), string(role))
				assert.Equal(t, in, status != http.StatusForbidden, "%s as %s: %d", name, role, status)
			}
		}
	}
	assert.Equal(t, len(staffAccess), walked, "a row without its route")
}

// TestAFirstPasswordLeadsNowhereButToItsChange walks every route with somebody whose password another made.
func TestAFirstPasswordLeadsNowhereButToItsChange(t *testing.T) {
	t.Parallel()
	own := map[string]bool{
		"DELETE /admin/v1/sessions/current": true, "GET /admin/v1/me": true, "POST /admin/logout": true,
		"GET /admin/account": true, "POST /admin/account/password": true,
	}
	e, tokens := staffTable(t)
	headers := map[string]string{"Authorization": "Bearer " + staffToken(t, tokens, "first", citycard.AudienceStaff)}
	for _, route := range e.Routes() {
		name := route.Method + " " + route.Path
		if openToNobody[name] {
			continue
		}
		status := statusOf(t, e, route.Method, route.Path, headers)
		if own[name] {
			assert.NotContains(t, []int{http.StatusForbidden, http.StatusSeeOther}, status, name)
			continue
		}
		want := http.StatusForbidden
		if route.Method == http.MethodGet && !strings.HasPrefix(route.Path, "/admin/v1/") {
			want = http.StatusSeeOther
		}
		assert.Equal(t, want, status, name)
	}
}

// TestNoStaffRouteLetsInWhoIsNotLoggedIn walks every route with nobody, a citizen, and sessions that ended. A page
// leads to the log-in, all else is refused.
func TestNoStaffRouteLetsInWhoIsNotLoggedIn(t *testing.T) {
	t.Parallel()
	e, tokens := staffTable(t)
	bearer := func(id string, audience citycard.Audience) map[string]string {
		return map[string]string{"Authorization": "Bearer " + staffToken(t, tokens, id, audience)}
	}
	past := time.Now().Add(-9 * time.Hour)
	expired, err := tokens.Issue(citycard.Session{
		ID: "supervisor", Audience: citycard.AudienceStaff, IssuedAt: past, ExpiresAt: past.Add(citycard.StaffSessionLifetime),
	})
	require.NoError(t, err)
	for who, headers := range map[string]map[string]string{
		"nobody":                        {},
		"a citizen":                     bearer("supervisor", citycard.AudienceCitizen),
		"a citizen with our cookie":     {"Cookie": middleware.StaffCookie + "=" + staffToken(t, tokens, "supervisor", citycard.AudienceCitizen)},
		"staff in the citizens' cookie": {"Cookie": middleware.SessionCookie + "=" + staffToken(t, tokens, "supervisor", citycard.AudienceStaff)},
		"a token past its time":         {"Authorization": "Bearer " + expired},
		"a revoked session":             bearer("revoked", citycard.AudienceStaff),
		"an unknown session":            bearer("unknown", citycard.AudienceStaff),
	} {
		for _, route := range e.Routes() {
			name := route.Method + " " + route.Path
			if openToNobody[name] {
				continue
			}
			want := http.StatusUnauthorized
			if route.Method == http.MethodGet && !strings.HasPrefix(route.Path, "/admin/v1/") {
				want = http.StatusSeeOther
			}
			assert.Equal(t, want, statusOf(t, e, route.Method, route.Path, headers), "%s as %s", name, who)
		}
	}
}

func TestOtherTokensAreWorthNothingOnTheStaffPlane(t *testing.T) {
	t.Parallel()
	e, tokens := staffTable(t)
	citizen := staffToken(t, tokens, "clerk", citycard.AudienceCitizen)
	foreign := staffToken(t, middleware.Tokens{Keys: [][]byte{[]byte(strings.Repeat("x", 32))}}, "clerk", citycard.AudienceStaff)
	staff := staffToken(t, tokens, "clerk", citycard.AudienceStaff)
	for name, headers := range map[string]map[string]string{
		"a citizen's token":                     {"Authorization": "Bearer " + citizen},
		"a citizen's token as the staff cookie": {"Cookie": middleware.StaffCookie + "=" + citizen},
		"a token under another key":             {"Authorization": "Bearer " + foreign},
		"the citizens' cookie":                  {"Cookie": middleware.SessionCookie + "=" + staff},
		"another scheme":                        {"Authorization": "Basic " + staff, "Cookie": middleware.StaffCookie + "=" + staff},
		"nothing":                               {},
	} {
		assert.Equal(t, http.StatusUnauthorized, statusOf(t, e, http.MethodGet, "/admin/v1/me", headers), name)
	}
	citizens := middleware.Gate{Tokens: tokens, Audience: citycard.AudienceCitizen}
	_, err := citizens.Tokens.Parse(staff, citizens.Audience)
	assert.Equal(t, citycard.CodeSessionRequired, citycard.CodeOf(err))
}

func TestStaffRequestsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	e, tokens := staffTable(t)
	cookie := middleware.StaffCookie + "=" + staffToken(t, tokens, "supervisor", citycard.AudienceStaff)
	for _, route := range e.Routes() {
		if route.Method == http.MethodGet {
			continue
		}
		for _, headers := range []map[string]string{
			{"Cookie": cookie, "Sec-Fetch-Site": "cross-site"}, {"Cookie": cookie, "Sec-Fetch-Site": "same-site"},
			{"Cookie": cookie, "Origin": "https://evil.example"},
		} {
			assert.Equal(t, http.StatusForbidden, statusOf(t, e, route.Method, route.Path, headers), "%s %v", route.Path, headers)
		}
	}
}
