package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/oidc/oidctest"
)

func TestSettingsOfSingleSignOnBelongTogether(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte("hunter2\n"), 0o600))
	const issuer, client, secret = "CITYCARD_OIDC_ISSUER=https://id.example", "CITYCARD_OIDC_CLIENT_ID=citycard", "CITYCARD_OIDC_CLIENT_SECRET=hunter2"
	fromFile := "CITYCARD_OIDC_CLIENT_SECRET_FILE=" + file
	for name, c := range map[string]struct {
		given []string
		says  string
	}{
		"all":                   {[]string{issuer, client, secret}, ""},
		"the secret in a file":  {[]string{issuer, client, fromFile}, ""},
		"no issuer":             {[]string{client}, "CITYCARD_OIDC_ISSUER: it is missing"},
		"a method alone":        {[]string{"CITYCARD_OIDC_AMR=mfa"}, "CITYCARD_OIDC_ISSUER: it is missing"},
		"no client":             {[]string{issuer, secret}, "belong to it"},
		"no secret":             {[]string{issuer, client}, "belong to it"},
		"no address":            {[]string{"CITYCARD_OIDC_ISSUER=id.example", client, secret}, "not an address"},
		"the secret twice":      {[]string{issuer, client, secret, fromFile}, "both given"},
		"a file that is absent": {[]string{issuer, client, "CITYCARD_OIDC_CLIENT_SECRET_FILE=" + file + "x"}, "CITYCARD_OIDC_CLIENT_SECRET_FILE"},
		"a staff path":          {[]string{"CITYCARD_ADMIN_URL=https://desk.example/admin"}, "CITYCARD_ADMIN_URL"},
	} {
		done := command(t, append(home(t), c.given...), "migrate")
		if c.says == "" {
			assert.Equal(t, 0, done.code, "%s: %s", name, done.stderr)
			continue
		}
		assert.Equal(t, 2, done.code, name)
		assert.Contains(t, done.stderr, c.says, name)
		assert.NotContains(t, done.stderr, "hunter2", name)
	}
}

func TestDoctorAsksTheIdentityProvider(t *testing.T) {
	t.Parallel()
	provider, place := oidctest.Start(t), home(t)
	assert.Contains(t, command(t, place, "doctor").stdout, "ok    single sign-on: none\n")
	place = append(place, ssoSettings(provider)...)
	assert.Contains(t, command(t, place, "doctor").stdout, "ok    single sign-on: "+provider.URL+" answers\n")
	provider.Down = true
	well := command(t, place, "doctor")
	assert.Equal(t, 1, well.code)
	assert.Contains(t, well.stdout, "FAIL  single sign-on: ")
}

func TestTheStaffPlaneGoesByItsOwnAddress(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		settings := environment(address, t.TempDir())
		listen, _ := namedAddress(t)
		running := startProcess(t, append(settings, "CITYCARD_ADMIN_ADDR="+listen, "CITYCARD_ADMIN_URL=https://desk.example"))
		assert.Contains(t, running.log.String(), "the staff plane is at https://desk.example/admin")
		browser := newBrowser(t)
		page, err := browser.get("http://" + listen + "/admin/login")
		require.NoError(t, err)
		assert.Contains(t, page.body, `action="/admin/login/passkey"`)
		assert.NotContains(t, page.header.Get("Content-Security-Policy"), "script-src")
		assert.NotEmpty(t, page.header.Get("Strict-Transport-Security"))

		browser.header.Set("Origin", "https://desk.example")
		asked := browser.submit(t, "http://"+listen+"/admin/login/passkey", nil)
		require.Equal(t, http.StatusOK, asked.status, asked.body)
		assert.Contains(t, asked.body, `&#34;rpId&#34;:&#34;desk.example&#34;`)
		assert.Contains(t, asked.header.Get("Content-Security-Policy"), "default-src 'none'")
		assert.Contains(t, asked.header.Get("Content-Security-Policy"), "; script-src 'self'")
		assert.Regexp(t, `^citycard_staff_ask=[A-Z2-7]{26}; Path=/admin; Max-Age=600; HttpOnly; Secure; SameSite=Lax$`, asked.header.Get("Set-Cookie"))
		script := regexp.MustCompile(`<script src="(/static/passkey\.js\?v=[0-9a-f]{12})" defer></script>`).FindStringSubmatch(asked.body)
		require.NotNil(t, script)
		code, err := browser.get("http://" + listen + script[1])
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, code.status)
		assert.Contains(t, code.header.Get("Content-Type"), "text/javascript")

		browser.header.Set("Origin", "https://card.example")
		assert.Equal(t, http.StatusForbidden, browser.submit(t, "http://"+listen+"/admin/login/passkey", nil).status)
		for _, path := range []string{"/admin/login", "/admin/account", "/admin/sso/start"} {
			assert.Equal(t, http.StatusNotFound, newBrowser(t).status(t, running.service+path), "the citizens' listener has no staff plane")
		}
	})
}

func TestStaffComesBySecureAddressesInProduction(t *testing.T) {
	t.Parallel()
	place := production(t)
	for says, settings := range map[string][]string{
		"CITYCARD_ADMIN_URL must begin with https://":   {"CITYCARD_ADMIN_URL=http://desk.example"},
		"CITYCARD_OIDC_ISSUER must begin with https://": {"CITYCARD_OIDC_ISSUER=http://id.example", "CITYCARD_OIDC_CLIENT_ID=c", "CITYCARD_OIDC_CLIENT_SECRET=s"},
	} {
		refused := command(t, append(slices.Clone(place.environ), settings...), "doctor")
		assert.NotEqual(t, 0, refused.code)
		assert.Contains(t, refused.stdout+refused.stderr, says)
	}
}

func TestAnIdleSessionOfStaffEnds(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		settings, start := environment(address, t.TempDir()), time.Date(2026, 11, 22, 1, 30, 0, 0, time.UTC)
		// after is the service some time later.
		after := func(wait time.Duration) *process {
			return startProcess(t, append(slices.Clone(settings), "CITYCARD_NOW="+start.Add(wait).Format(time.RFC3339)))
		}
		first := after(0)
		desk := addStaff(t, settings, "clerk").enter(t, first.service)
		for _, wait := range []time.Duration{14 * time.Minute, 28 * time.Minute} {
			desk.must(t, http.StatusOK, http.MethodGet, after(wait).service+"/admin/v1/me", "")
		}
		gone := desk.must(t, http.StatusUnauthorized, http.MethodGet, after(43*time.Minute).service+"/admin/v1/me", "")
		assert.Equal(t, "session_expired", gone["code"], "fifteen minutes after its last use")
		gone = desk.must(t, http.StatusUnauthorized, http.MethodGet, after(8*time.Hour).service+"/admin/v1/me", "")
		assert.Equal(t, "session_expired", gone["code"])
	})
}
