package middleware_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/middleware"
)

func gate(t *testing.T, answer error) middleware.Gate {
	t.Helper()
	return middleware.Gate{
		Tokens: tokens, Audience: citycard.AudienceCitizen, Secure: true,
		Check: func(_ context.Context, id string, audience citycard.Audience) (citycard.Session, error) {
			assert.Equal(t, "session-1", id)
			assert.Equal(t, citycard.AudienceCitizen, audience)
			return session(), answer
		},
	}
}

func whoAmI(c echo.Context) error {
	s, found := citycard.SessionOf(c.Request().Context())
	if !found {
		return c.String(http.StatusOK, "nobody")
	}
	return c.String(http.StatusOK, s.CitizenID)
}

func TestBearer(t *testing.T) {
	t.Parallel()
	good, err := tokens.Issue(session())
	require.NoError(t, err)
	old := signed(t, jwt.SigningMethodHS256, key, claims(jwt.MapClaims{"exp": now.Unix()}))
	const ask, invalid = `Bearer realm="citycard"`, `Bearer realm="citycard", error="invalid_token"`
	cases := map[string]struct {
		headers   []string
		check     error
		body      string
		code      citycard.Code
		challenge string
	}{
		"good token":                {headers: []string{"Authorization", "Bearer " + good}, body: "citizen-1"},
		"scheme in small letters":   {headers: []string{"Authorization", "bearer " + good}, body: "citizen-1"},
		"no header":                 {code: citycard.CodeSessionRequired, challenge: ask},
		"no token":                  {headers: []string{"Authorization", "Bearer "}, code: citycard.CodeSessionRequired, challenge: ask},
		"another scheme":            {headers: []string{"Authorization", "Basic " + good}, code: citycard.CodeSessionRequired, challenge: ask},
		"only a cookie":             {headers: []string{"Cookie", "citycard_session=" + good}, code: citycard.CodeSessionRequired, challenge: ask},
		"forged token":              {headers: []string{"Authorization", "Bearer x.y.z"}, code: citycard.CodeSessionRequired, challenge: invalid},
		"token past its end":        {headers: []string{"Authorization", "Bearer " + old}, code: citycard.CodeSessionExpired, challenge: invalid},
		"session revoked":           {headers: []string{"Authorization", "Bearer " + good}, check: &citycard.Error{Code: citycard.CodeSessionExpired}, code: citycard.CodeSessionExpired, challenge: invalid},
		"store down: no log-out":    {headers: []string{"Authorization", "Bearer " + good}, check: &citycard.Error{Code: citycard.CodeStorageUnavailable}, code: citycard.CodeStorageUnavailable},
		"two tokens in one header":  {headers: []string{"Authorization", "Bearer " + good + " " + good}, code: citycard.CodeSessionRequired, challenge: invalid},
		"token in the query is not": {headers: []string{"X-Token", good}, code: citycard.CodeSessionRequired, challenge: ask},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorder, code := answer(t, get(c.headers...), whoAmI, gate(t, c.check).Bearer())
			assert.Equal(t, c.body, recorder.Body.String())
			assert.Equal(t, c.code, code)
			assert.Equal(t, c.challenge, recorder.Header().Get("WWW-Authenticate"))
		})
	}
}

func TestCookie(t *testing.T) {
	t.Parallel()
	good, err := tokens.Issue(session())
	require.NoError(t, err)
	const dropped = "citycard_session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
	cases := map[string]struct {
		headers []string
		check   error
		body    string
		code    citycard.Code
		cookie  string
	}{
		"good cookie":             {headers: []string{"Cookie", "citycard_session=" + good}, body: "citizen-1"},
		"no cookie":               {body: "nobody"},
		"a bearer token is not":   {headers: []string{"Authorization", "Bearer " + good}, body: "nobody"},
		"forged cookie":           {headers: []string{"Cookie", "citycard_session=x"}, body: "nobody", cookie: dropped},
		"session revoked":         {headers: []string{"Cookie", "citycard_session=" + good}, check: &citycard.Error{Code: citycard.CodeSessionExpired}, body: "nobody", cookie: dropped},
		"store down: not dropped": {headers: []string{"Cookie", "citycard_session=" + good}, check: &citycard.Error{Code: citycard.CodeStorageUnavailable}, code: citycard.CodeStorageUnavailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorder, code := answer(t, get(c.headers...), whoAmI, gate(t, c.check).Cookie())
			assert.Equal(t, c.body, recorder.Body.String())
			assert.Equal(t, c.code, code)
			assert.Equal(t, c.cookie, recorder.Header().Get("Set-Cookie"))
		})
	}
}

func TestEnterKeepsTheBrowserLoggedIn(t *testing.T) {
	t.Parallel()
	g := gate(t, nil)
	recorder, _ := answer(t, get(), func(c echo.Context) error { return g.Enter(c, session()) })
	cookie, err := http.ParseSetCookie(recorder.Header().Get("Set-Cookie"))
	require.NoError(t, err)
	assert.Equal(t, 1800, cookie.MaxAge)
	assert.True(t, cookie.HttpOnly)
	assert.True(t, cookie.Secure)
	assert.Equal(t, http.SameSiteLaxMode, cookie.SameSite)

	recorder, _ = answer(t, get("Cookie", "citycard_session="+cookie.Value), whoAmI, g.Cookie(), middleware.RequireSession("/log-in"))
	assert.Equal(t, "citizen-1", recorder.Body.String())
}

func TestRequireSession(t *testing.T) {
	t.Parallel()
	recorder, code := answer(t, get(), ok, middleware.RequireSession("/log-in"))
	assert.Empty(t, code)
	assert.Equal(t, http.StatusSeeOther, recorder.Code)
	assert.Equal(t, "/log-in?return_to=%2Fthings%2F7", recorder.Header().Get("Location"))

	_, code = answer(t, request(http.MethodPost), ok, middleware.RequireSession("/log-in"))
	assert.Equal(t, citycard.CodeSessionRequired, code)
}
