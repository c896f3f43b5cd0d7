package main_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/oidc/oidctest"
)

type viewport struct {
	Width  int `json:"width"`
	Height int `json:"height"`
}

// loginWalk is what login.mjs is given.
type loginWalk struct {
	visit

	Service   string   `json:"service"`
	Account   string   `json:"account"`
	Password  string   `json:"password"`
	WrongCode string   `json:"wrongCode"`
	Code      string   `json:"code"`
	Recovery  []string `json:"recovery"`
	Viewport  viewport `json:"viewport"`
}

// loginWalked is what it saw.
type loginWalked struct {
	visited

	Alerts       []string   `json:"alerts"`
	Keys         [][]string `json:"keys"`
	Ends         []string   `json:"ends"`
	EnteredBySSO string     `json:"enteredBySSO"`
}

// namedAddress is a free address of this machine with a name, which passkeys need.
func namedAddress(t *testing.T) (listen, public string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	address, _ := listener.Addr().(*net.TCPAddr)
	return listener.Addr().String(), fmt.Sprintf("http://localhost:%d", address.Port)
}

// ssoSettings make a program log staff in at a provider.
func ssoSettings(p *oidctest.Provider) []string {
	return []string{
		"CITYCARD_OIDC_ISSUER=" + p.URL, "CITYCARD_OIDC_CLIENT_ID=" + oidctest.ClientID, "CITYCARD_OIDC_CLIENT_SECRET=" + oidctest.ClientSecret,
	}
}

func TestStaffLogsInInABrowser(t *testing.T) {
	t.Parallel()
	forms := map[string]struct {
		lang   string
		size   viewport
		key    string
		alerts []string
	}{
		"sqlite":   {"zh", viewport{390, 844}, "3 号窗口", []string{"账号、密码或验证码不对。", "没有完成。", "这个通行密钥在这里没有登记"}},
		"postgres": {"en", viewport{1280, 900}, "Counter 3", []string{"is not right.", "That was not completed.", "This passkey is not known here"}},
	}
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, folder, form := fresh(t), t.TempDir(), forms[engine]
			provider := oidctest.Start(t)
			provider.Consent = true
			listen, public := namedAddress(t)
			settings := append(environment(address, folder), "CITYCARD_ADDR="+listen, "CITYCARD_PUBLIC_URL="+public)
			startProcess(t, append(settings, ssoSettings(provider)...))
			amy := addStaff(t, settings, "operator")
			var seen loginWalked
			inChromium(t, "login.mjs", loginWalk{
				visit: visit{Lang: form.lang}, Service: public, Account: amy.account, Password: staffPassword,
				WrongCode: "000000", Code: amy.code(t, step(time.Now())), Recovery: amy.recovery, Viewport: form.size,
			}, &seen)
			require.Empty(t, seen.Problems, seen.Steps)
			require.Len(t, seen.Alerts, len(form.alerts))
			for i, want := range form.alerts {
				assert.Contains(t, seen.Alerts[i], want)
			}
			assert.Equal(t, [][]string{{form.key}, {}}, seen.Keys)
			assert.Equal(t, []string{"/admin/account", "/admin/approvals", "/admin/login/passkey/answer"}, seen.Ends)
			assert.Equal(t, "/admin/approvals", seen.EnteredBySSO)

			db := database(t, address)
			var recorded []string
			require.NoError(t, db.Select(&recorded, "SELECT action || ' ' || reason FROM staff_action ORDER BY id"))
			assert.Equal(t, []string{
				"staff_add ", "log_in_failed password", "log_in password", "passkey_add ", "log_out ", "log_in passkey", "log_out ", "log_in passkey",
				"log_out ", "sso_bind ", "log_in sso", "staff_add ", "staff_role auditor", "staff_disable ", "passkey_remove ", "log_out ", "log_in_failed passkey",
			}, recorded)
		})
	}
}
