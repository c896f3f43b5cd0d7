package main_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/oidc/oidctest"
)

// onEach runs a test once for each engine.
func onEach(t *testing.T, test func(t *testing.T, address string)) {
	t.Helper()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

// newBrowser keeps cookies and follows no redirect.
func newBrowser(t *testing.T) *client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	b := newClient("")
	b.http.Jar = jar
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b
}

// submit sends a form.
func (c *client) submit(t *testing.T, address string, fields url.Values) reply {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(fields.Encode()))
	require.NoError(t, err)
	request.Header = c.header.Clone()
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := c.do(request)
	require.NoError(t, err)
	return answer
}

func (c *client) status(t *testing.T, address string) int {
	t.Helper()
	answer, err := c.get(address)
	require.NoError(t, err)
	return answer.status
}

// spend takes a recovery code off the list.
func (m *staffMember) spend() string {
	code := m.recovery[0]
	m.recovery = m.recovery[1:]
	return code
}

// replicas are two processes on one database and key ring.
func replicas(t *testing.T, address string, more ...string) (settings []string, running [2]*process) {
	t.Helper()
	settings = append(environment(address, t.TempDir()), more...)
	for i := range running {
		running[i] = startProcess(t, settings)
	}
	return settings, running
}

func TestARevokedSessionOfStaffEndsOnEveryReplica(t *testing.T) {
	t.Parallel()
	const within = 5 * time.Second
	onEach(t, func(t *testing.T, address string) {
		settings, running := replicas(t, address)
		amy := addStaff(t, settings, "operator")
		for name, revoke := range map[string]func(desk *client){
			"logged out": func(desk *client) {
				request, err := http.NewRequest(http.MethodDelete, running[0].service+"/admin/v1/sessions/current", nil)
				require.NoError(t, err)
				request.Header = desk.header.Clone()
				answer, err := desk.do(request)
				require.NoError(t, err)
				require.Equal(t, http.StatusNoContent, answer.status)
			},
			"reset": func(*client) {
				_, notes := staffCommand(t, settings, "reset", "--account", "amy", "--password-stdin")
				amy.recovery = recoveryLine.FindAllString(notes, -1)
			},
			"disabled": func(*client) {
				staffCommand(t, settings, "disable", "--account", "amy")
				_, notes := staffCommand(t, settings, "reset", "--account", "amy", "--password-stdin")
				amy.recovery = recoveryLine.FindAllString(notes, -1)
			},
		} {
			desk := amy.enter(t, running[0].service)
			require.Equal(t, http.StatusOK, desk.status(t, running[1].service+"/admin/v1/me"), name)
			revoke(desk)
			at := time.Now()
			for _, replica := range running {
				assert.Equal(t, http.StatusUnauthorized, desk.status(t, replica.service+"/admin/v1/me"), name)
			}
			assert.Less(t, time.Since(at), within, name)
		}
	})
}

func TestTOTPReplay(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		// The clock stands still, so that no code runs out while the test runs.
		fixed := time.Date(2026, 11, 22, 1, 30, 0, 0, time.UTC)
		settings, running := replicas(t, address, "CITYCARD_NOW="+fixed.Format(time.RFC3339))
		amy, bob := addStaff(t, settings, "clerk"), hireStaff(t, settings, "bob", "clerk")
		for credentials, name := range map[string]string{
			amy.credentials(amy.code(t, step(fixed))): "a one-time code", bob.credentials(bob.recovery[0]): "a recovery code",
		} {
			statuses := fiftyTimes(t, func(i int) (reply, error) {
				return newClient("").post(running[i%2].service+"/admin/v1/sessions", credentials)
			})
			assert.Equal(t, 1, statuses[http.StatusCreated], "%s, fifty times at once over two processes: %v", name, statuses)
			assert.Equal(t, 49, statuses[http.StatusUnauthorized]+statuses[http.StatusTooManyRequests], "%s: %v", name, statuses)
		}
		var sessions int
		require.NoError(t, database(t, address).Get(&sessions, "SELECT count(*) FROM staff_session"))
		assert.Equal(t, 2, sessions)
	})
}

// fiftyTimes counts the statuses of fifty requests at once.
func fiftyTimes(t *testing.T, send func(i int) (reply, error)) map[int]int {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	statuses := map[int]int{}
	for i := range 50 {
		all.Go(func() {
			answer, err := send(i)
			mu.Lock()
			defer mu.Unlock()
			if assert.NoError(t, err) {
				statuses[answer.status]++
			}
		})
	}
	all.Wait()
	return statuses
}

func TestTheLimitsOfLogInsCountOverReplicas(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		fixed := time.Date(2026, 11, 22, 1, 30, 0, 0, time.UTC)
		settings, running := replicas(t, address, "CITYCARD_NOW="+fixed.Format(time.RFC3339))
		amy := addStaff(t, settings, "clerk")
		try := func(i int, account string) reply {
			body := fmt.Sprintf(`{"account":%q,"password":"wrong horse battery","code":"000000"}`, account)
			answer, err := newClient("").post(running[i%2].service+"/admin/v1/sessions", body)
			require.NoError(t, err)
			return answer
		}
		answers := map[string]bool{}
		for i := range 10 {
			for _, account := range []string{"amy", "nobody"} {
				answer := try(i, account)
				require.Equal(t, http.StatusUnauthorized, answer.status, answer.body)
				answers[withoutRequestID(t, answer.body)] = true
			}
		}
		assert.Len(t, answers, 1, "an unknown account and a wrong password read the same")
		for i, account := range []string{"amy", "nobody"} {
			locked := try(i, account)
			assert.Equal(t, http.StatusTooManyRequests, locked.status)
			assert.Equal(t, "1800", locked.header.Get("Retry-After"), "until the hour is over")
			answers[withoutRequestID(t, locked.body)] = true
		}
		assert.Len(t, answers, 2)
		answer, err := newClient("").post(running[0].service+"/admin/v1/sessions", amy.credentials(amy.spend()))
		require.NoError(t, err)
		assert.Equal(t, http.StatusTooManyRequests, answer.status, "who knows everything waits too")
		for i := range 10 {
			require.Equal(t, http.StatusUnauthorized, try(i, fmt.Sprintf("nobody-%d", i)).status)
		}
		assert.Equal(t, http.StatusTooManyRequests, try(0, "nobody-else").status, "thirty from one address")
	})
}

func TestCrossSiteRequestForgeryOfStaff(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		settings := environment(address, t.TempDir())
		running := startProcess(t, settings)
		amy := addStaff(t, settings, "operator")
		browser := newBrowser(t)
		entered := browser.submit(t, running.service+"/admin/login", url.Values{
			"account": {"amy"}, "password": {staffPassword}, "code": {amy.spend()},
		})
		require.Equal(t, http.StatusSeeOther, entered.status, entered.body)
		for name, headers := range map[string]http.Header{
			"another site":            {"Sec-Fetch-Site": {"cross-site"}},
			"a sister site":           {"Sec-Fetch-Site": {"same-site"}},
			"an older browser":        {"Origin": {"https://evil.example"}},
			"a page without a origin": {"Origin": {"null"}},
		} {
			browser.header = headers
			for _, form := range []string{"/admin/staff", "/admin/account/password", "/admin/account/passkeys", "/admin/logout", "/admin/login", "/admin/v1/sessions"} {
				answer := browser.submit(t, running.service+form, url.Values{"account": {"eve"}, "name": {"Eve"}, "role": {"operator"}})
				assert.Equal(t, http.StatusForbidden, answer.status, "%s by %s", form, name)
			}
		}
		browser.header = http.Header{}
		assert.Equal(t, http.StatusOK, browser.status(t, running.service+"/admin/account"), "still logged in")
		var accounts int
		require.NoError(t, database(t, address).Get(&accounts, "SELECT count(*) FROM staff"))
		assert.Equal(t, 1, accounts)
	})
}

func TestSessionFixationOfStaff(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		settings := environment(address, t.TempDir())
		running := startProcess(t, settings)
		amy, eve := addStaff(t, settings, "operator"), hireStaff(t, settings, "eve", "operator")
		planted := eve.enter(t, running.service)
		token := strings.TrimPrefix(planted.header.Get("Authorization"), "Bearer ")
		site, err := url.Parse(running.service + "/admin")
		require.NoError(t, err)
		browser := newBrowser(t)
		browser.http.Jar.SetCookies(site, []*http.Cookie{{Name: "citycard_staff", Value: token, Path: "/admin"}}) //nolint:gosec // planted by somebody else
		entered := browser.submit(t, running.service+"/admin/login", url.Values{
			"account": {"amy"}, "password": {staffPassword}, "code": {amy.spend()},
		})
		require.Equal(t, http.StatusSeeOther, entered.status, entered.body)
		cookies := browser.http.Jar.Cookies(site)
		require.Len(t, cookies, 1)
		assert.NotEqual(t, token, cookies[0].Value)
		me := planted.must(t, http.StatusOK, http.MethodGet, running.service+"/admin/v1/me", "")
		assert.Equal(t, "eve", me["account"], "the planted session never became Amy's")
		me = browser.must(t, http.StatusOK, http.MethodGet, running.service+"/admin/v1/me", "")
		assert.Equal(t, "amy", me["account"])
	})
}

func TestPrivilegeChangeWhileLoggedIn(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		settings := environment(address, t.TempDir())
		running := startProcess(t, settings)
		amy, boss := addStaff(t, settings, "clerk"), hireStaff(t, settings, "boss", "operator")
		desk := amy.enter(t, running.service)
		manager := newBrowser(t)
		manager.submit(t, running.service+"/admin/login", url.Values{"account": {"boss"}, "password": {staffPassword}, "code": {boss.spend()}})

		audit := running.service + "/admin/v1/audit"
		desk.must(t, http.StatusForbidden, http.MethodGet, audit, "")
		answer := manager.submit(t, running.service+"/admin/staff/amy/role", url.Values{"role": {"auditor"}})
		require.Equal(t, http.StatusSeeOther, answer.status, answer.body)
		desk.must(t, http.StatusOK, http.MethodGet, audit, "")
		desk.must(t, http.StatusForbidden, http.MethodPost, running.service+"/admin/v1/cards/x/loss", "{}")
		staffCommand(t, settings, "role", "--account", "amy", "--role", "operator")
		desk.must(t, http.StatusForbidden, http.MethodGet, audit, "")

		own := manager.submit(t, running.service+"/admin/staff/boss/role", url.Values{"role": {"supervisor"}})
		assert.Equal(t, http.StatusForbidden, own.status, "nobody changes the own role")
		answer = manager.submit(t, running.service+"/admin/staff/amy/disable", nil)
		require.Equal(t, http.StatusSeeOther, answer.status, answer.body)
		desk.must(t, http.StatusUnauthorized, http.MethodGet, running.service+"/admin/v1/me", "")
		answer = manager.submit(t, running.service+"/admin/staff/amy/reset", nil)
		require.Equal(t, http.StatusOK, answer.status, answer.body)
		desk.must(t, http.StatusUnauthorized, http.MethodGet, running.service+"/admin/v1/me", "")

		staffCommand(t, settings, "role", "--account", "boss", "--role", "clerk")
		assert.Equal(t, http.StatusForbidden, manager.submit(t, running.service+"/admin/staff/amy/disable", nil).status)
		var recorded []string
		require.NoError(t, database(t, address).Select(&recorded,
			"SELECT a.action || ' ' || a.object || ' ' || a.reason || ' by ' || a.role FROM staff_action a WHERE a.action LIKE 'staff_%' AND a.role <> '' ORDER BY a.id"))
		assert.Equal(t, []string{"staff_role amy auditor by operator", "staff_disable amy  by operator", "staff_reset amy  by operator"}, recorded)
	})
}

func TestTokensOfOnePlaneAreWorthNothingOnTheOther(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		settings := environment(address, t.TempDir())
		running := startProcess(t, settings)
		people := running.people(t)
		citizen := running.logIn(t, people["new"].User)
		desk := addStaff(t, settings, "supervisor").enter(t, running.service)
		citizen.must(t, http.StatusOK, http.MethodGet, running.service+"/v1/me", "")
		desk.must(t, http.StatusOK, http.MethodGet, running.service+"/admin/v1/me", "")
		for _, crossed := range []struct {
			token *client
			path  string
		}{{citizen, "/admin/v1/me"}, {citizen, "/admin/v1/audit"}, {desk, "/v1/me"}, {desk, "/v1/cards"}} {
			refused := crossed.token.must(t, http.StatusUnauthorized, http.MethodGet, running.service+crossed.path, "")
			assert.Equal(t, "session_required", refused["code"], crossed.path)
		}
		for _, name := range []string{"citycard_staff", "citycard_session"} {
			for token, path := range map[*client]string{citizen: "/admin/v1/me", desk: "/v1/me"} {
				carried := newClient("")
				carried.header.Set("Cookie", name+"="+strings.TrimPrefix(token.header.Get("Authorization"), "Bearer "))
				carried.must(t, http.StatusUnauthorized, http.MethodGet, running.service+path, "")
			}
		}
	})
}

func TestSingleSignOnOfStaff(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		provider := oidctest.Start(t)
		settings := environment(address, t.TempDir())
		running := startProcess(t, append(slices.Clone(settings), ssoSettings(provider)...))
		addStaff(t, settings, "operator")
		// begin goes to the provider and comes back as far as our callback's address.
		begin := func(b *client) string {
			start, err := b.get(running.service + "/admin/sso/start?return_to=/admin/account")
			require.NoError(t, err)
			require.Equal(t, http.StatusSeeOther, start.status, start.body)
			there, err := newBrowser(t).get(start.header.Get("Location"))
			require.NoError(t, err)
			require.Equal(t, http.StatusFound, there.status, there.body)
			return there.header.Get("Location")
		}
		browser := newBrowser(t)
		back := begin(browser)
		stranger := newBrowser(t)
		assert.Equal(t, http.StatusUnauthorized, stranger.status(t, back), "another browser")
		landed, err := browser.get(back)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, landed.status, landed.body)
		assert.Contains(t, landed.body, `content="0;url=/admin/account"`)
		assert.Equal(t, http.StatusOK, browser.status(t, running.service+"/admin/account"))
		assert.Equal(t, http.StatusUnauthorized, browser.status(t, back), "a state counts once")

		for name, wrong := range map[string]func(){
			"expired":                 func() { provider.Alter = func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Minute).Unix() } },
			"for another client":      func() { provider.Alter = func(c jwt.MapClaims) { c["aud"] = "another" } },
			"of another log-in":       func() { provider.Alter = func(c jwt.MapClaims) { c["nonce"] = "another" } },
			"without a second factor": func() { provider.Alter = func(c jwt.MapClaims) { c["amr"] = []string{"pwd"} } },
			"for no account of ours":  func() { provider.Alter = func(c jwt.MapClaims) { c["preferred_username"] = "bob" } },
			"of another person":       func() { provider.Alter = func(c jwt.MapClaims) { c["sub"] = "subject-2" } },
			"forged": func() {
				provider.Sign = func(c jwt.MapClaims) (string, error) {
					return jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString([]byte(oidctest.ClientSecret))
				}
			},
		} {
			provider.Alter, provider.Sign = nil, nil
			wrong()
			guest := newBrowser(t)
			assert.Equal(t, http.StatusUnauthorized, guest.status(t, begin(guest)), name)
			assert.Equal(t, http.StatusSeeOther, guest.status(t, running.service+"/admin/account"), name)
		}
		provider.Alter, provider.Sign = nil, nil
		var accounts, sessions int
		db := database(t, address)
		require.NoError(t, db.Get(&accounts, "SELECT count(*) FROM staff"))
		require.NoError(t, db.Get(&sessions, "SELECT count(*) FROM staff_session"))
		assert.Equal(t, []int{1, 1}, []int{accounts, sessions}, "no account is made")
		assert.NotContains(t, running.log.String(), oidctest.ClientSecret)
	})
}

func TestSingleSignOnIsOffUntilItIsConfigured(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		running := startProcess(t, environment(address, t.TempDir()))
		for _, path := range []string{"/admin/sso/start", "/admin/sso/callback?code=x&state=y"} {
			assert.Equal(t, http.StatusNotFound, newClient("").status(t, running.service+path))
		}
		page, err := newClient("").get(running.service + "/admin/login")
		require.NoError(t, err)
		assert.NotContains(t, page.body, "/admin/sso/start")
		assert.NotContains(t, page.body, "/admin/login/passkey", "an address without a name serves no passkeys")
	})
}
