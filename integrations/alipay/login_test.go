package alipay_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/integrations/alipay"
	"citycard/integrations/sandbox"
)

func TestConsentPageGivesACodeThatLogsIn(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	address := p.client.AuthorizeURL(citycard.Authorization{
		Scope: citycard.ScopeLogin, RedirectURI: callbackURL, State: "s t&a=te",
	})
	assert.Equal(t, p.url+"/authorize?app_id="+appID+
		"&redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Foauth%2Falipay%2Fcallback&scope=auth_base&state=s+t%26a%3Dte", address)

	status, target := follow(t, address+"&user=new&consent=yes")
	require.Equal(t, 302, status)
	assert.Equal(t, "s t&a=te", target.Query().Get("state"))
	user, err := p.client.ExchangeCode(t.Context(), target.Query().Get("auth_code"))
	require.NoError(t, err)
	assert.Equal(t, appID, user.AppID)
	assert.Regexp(t, `^[A-Za-z0-9_-]{40,64}$`, user.OpenID)
	assert.Regexp(t, `^2088[0-9]{12}$`, user.UserID)
	assert.NotEmpty(t, user.UnionID)
	assert.NotEmpty(t, user.AccessToken)
	assert.NotEmpty(t, user.RefreshToken)
	assert.Equal(t, user.OpenID, p.user(t, "new", "").OpenID, "the open id stays the same")
	assert.NotEqual(t, user.OpenID, p.user(t, "sealed", "").OpenID)
}

func TestLogInWithOpenIDOnly(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	p.setFaults(t, sandbox.Faults{OpenIDOnly: true})
	user := p.user(t, "new", "")
	assert.NotEmpty(t, user.OpenID)
	assert.Empty(t, user.UserID)
	assert.Empty(t, user.UnionID)
}

func TestCodesThatLogNobodyIn(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]func(*testing.T, platform) string{
		"used": func(t *testing.T, p platform) string {
			code := p.authCode(t, "new", citycard.ScopeLogin, "")
			_, err := p.client.ExchangeCode(t.Context(), code)
			require.NoError(t, err)
			return code
		},
		"expired": func(t *testing.T, p platform) string {
			code := p.authCode(t, "new", citycard.ScopeLogin, "")
			p.clock.advance(10 * time.Minute)
			return code
		},
		"foreign": func(*testing.T, platform) string { return "0123456789abcdef0123456789abcdef" },
		"empty":   func(*testing.T, platform) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startPlatform(t)
			user, err := p.client.ExchangeCode(t.Context(), code(t, p))
			assert.Equal(t, citycard.CodeLoginCodeInvalid, citycard.CodeOf(err))
			assert.ErrorContains(t, err, "40002 isv.code-invalid")
			assert.Zero(t, user)
		})
	}
}

func TestUserInfoNeedsItsOwnConsent(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	_, err := p.client.UserInfo(t.Context(), p.user(t, "new", ""))
	assert.Equal(t, citycard.CodeLoginCodeInvalid, citycard.CodeOf(err))

	user, err := p.client.ExchangeCode(t.Context(), p.authCode(t, "new", "auth_user", ""))
	require.NoError(t, err)
	info, err := p.client.UserInfo(t.Context(), user)
	require.NoError(t, err)
	assert.Equal(t, alipay.UserInfo{Nickname: "体验用户", City: "320100"}, info)
}

func TestRequestsCarryTheGivenClock(t *testing.T) {
	t.Parallel()
	shifted := startPlatform(t)
	shifted.clock.advance(300 * 24 * time.Hour)
	shifted.user(t, "new", "")

	apart := startPlatform(t, func(c *alipay.Config) { c.Now = time.Now })
	apart.clock.advance(time.Hour)
	_, err := apart.client.ExchangeCode(t.Context(), apart.authCode(t, "new", citycard.ScopeLogin, ""))
	assert.Equal(t, citycard.CodeInternal, citycard.CodeOf(err))
	assert.ErrorContains(t, err, "isv.invalid-timestamp")
}
