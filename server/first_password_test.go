package main_test

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	shownPassword = regexp.MustCompile(`id="first-password">([A-Z2-7]{16})<`)
	shownSecret   = regexp.MustCompile(`id="code-secret">([A-Z2-7]{32})<`)
	shownRecovery = regexp.MustCompile(`<li class="code">([A-Z2-7]{26})<`)
)

func TestAFirstPasswordIsChangedBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, address string) {
		settings := environment(address, t.TempDir())
		running := startProcess(t, settings)
		boss := hireStaff(t, settings, "boss", "operator")
		manager := newBrowser(t)
		manager.submit(t, running.service+"/admin/login", url.Values{"account": {"boss"}, "password": {staffPassword}, "code": {boss.spend()}})
		given := manager.submit(t, running.service+"/admin/staff", url.Values{"account": {"bob"}, "name": {"Bob Li"}, "role": {"supervisor"}})
		require.Equal(t, http.StatusOK, given.status, given.body)
		password, secret := shownPassword.FindStringSubmatch(given.body), shownSecret.FindStringSubmatch(given.body)
		codes := shownRecovery.FindAllStringSubmatch(given.body, -1)
		require.NotNil(t, password)
		require.NotNil(t, secret)
		require.Len(t, codes, 8)
		assert.Equal(t, "no-store", given.header.Get("Cache-Control"))

		browser := newBrowser(t)
		enter := func(password, code string) reply {
			return browser.submit(t, running.service+"/admin/login", url.Values{"account": {"bob"}, "password": {password}, "code": {code}})
		}
		require.Equal(t, http.StatusSeeOther, enter(password[1], codes[0][1]).status)
		for _, page := range []string{"/admin", "/admin/approvals", "/admin/staff"} {
			led, err := browser.get(running.service + page)
			require.NoError(t, err)
			assert.Equal(t, http.StatusSeeOther, led.status, page)
			assert.Equal(t, "/admin/account", led.header.Get("Location"), page)
		}
		browser.must(t, http.StatusForbidden, http.MethodGet, running.service+"/admin/v1/audit", "")
		assert.Equal(t, http.StatusForbidden, browser.submit(t, running.service+"/admin/staff/boss/disable", nil).status)

		change := url.Values{"password": {password[1]}, "code": {codes[1][1]}, "new_password": {"my own battery staple"}}
		require.Equal(t, http.StatusSeeOther, browser.submit(t, running.service+"/admin/account/password", change).status)
		browser.must(t, http.StatusOK, http.MethodGet, running.service+"/admin/v1/audit", "")
		require.Equal(t, http.StatusUnauthorized, enter(password[1], codes[2][1]).status, "the first password is gone")
		require.Equal(t, http.StatusSeeOther, enter("my own battery staple", codes[2][1]).status)

		reset := manager.submit(t, running.service+"/admin/staff/bob/reset", nil)
		again := shownPassword.FindStringSubmatch(reset.body)
		require.NotNil(t, again, reset.body)
		require.Equal(t, http.StatusSeeOther, enter(again[1], shownRecovery.FindStringSubmatch(reset.body)[1]).status)
		browser.must(t, http.StatusForbidden, http.MethodGet, running.service+"/admin/v1/audit", "")
	})
}
