package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

const (
	boundCookie   = "citycard_login=browser-secret; Path=/oauth/alipay; Max-Age=900; HttpOnly; Secure; SameSite=Lax"
	droppedCookie = "citycard_login=; Path=/oauth/alipay; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
)

func TestLogInBegins(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"":                               "/h5/activate",
		"?return_to=/":                   "/",
		"?return_to=/h5/cards":           "/h5/cards",
		"?return_to=%2Fh5%2Fcards%3Fa=b": "/h5/cards?a=b",
	}
	for query, returnTo := range cases {
		w := &world{}
		got := send(t, w, newRequest(http.MethodGet, "/oauth/alipay/start"+query, ""))
		assert.Equal(t, http.StatusSeeOther, got.Code, query)
		assert.Equal(t, "https://platform.example/authorize?state=secret", got.Header().Get("Location"))
		assert.Equal(t, boundCookie, got.Header().Get("Set-Cookie"))
		assert.Equal(t, []string{"begin " + returnTo}, w.asked)
	}
}

func TestLogInLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	for _, target := range []string{
		"https://evil.example/", "//evil.example/h5/", "/\\evil.example/h5/", "\\\\evil.example", "javascript:alert(1)",
		"/h5/../v1/me", "/h5//evil", "/v1/me", "/h5", "h5/cards", "///evil.example", "/h5/\tcards", "/h5/%0acards?\n",
		"https:/h5/cards", "/admin", "http:///h5/cards", "/h5/一", "/h5/" + strings.Repeat("a", 200), "/h5/%zz", "//user@evil.example/h5/",
	} {
		w := &world{}
		r := newRequest(http.MethodGet, "/oauth/alipay/start", "")
		query := r.URL.Query()
		query.Set("return_to", target)
		r.URL.RawQuery = query.Encode()
		got := send(t, w, r)
		assert.Equal(t, http.StatusBadRequest, got.Code, target)
		assert.Contains(t, got.Body.String(), `"field":"return_to"`)
		assert.Empty(t, got.Header().Get("Set-Cookie"))
		assert.Empty(t, w.asked)
	}
}

func callback(query string) *http.Request {
	return newRequest(http.MethodGet, "/oauth/alipay/callback?"+query, "", "Cookie", "citycard_login=browser-secret")
}

func TestLogInReturns(t *testing.T) {
	t.Parallel()
	w := &world{state: citycard.LoginState{ReturnTo: "/h5/cards"}}
	got := send(t, w, callback("auth_code=code-1&state=secret&app_id=1&scope=auth_base"))
	assert.Equal(t, http.StatusSeeOther, got.Code)
	assert.Equal(t, "/h5/cards", got.Header().Get("Location"))
	assert.Equal(t, droppedCookie, got.Header().Get("Set-Cookie"), "the browser's half counts once too")
	assert.Equal(t, []string{"return secret browser-secret", "by code code-1 h5"}, w.asked)
	require.NotNil(t, w.entered)
	assert.Equal(t, "session-1", w.entered.ID)
}

func TestLogInIsRefused(t *testing.T) {
	t.Parallel()
	invalid := &citycard.Error{Code: citycard.CodeLoginCodeInvalid}
	cases := map[string]struct {
		world   *world
		request *http.Request
		code    citycard.Code
	}{
		"begun in another browser": {&world{}, newRequest("GET", "/oauth/alipay/callback?auth_code=c&state=s", ""), citycard.CodeLoginCodeInvalid},
		"without state":            {&world{}, callback("auth_code=c"), citycard.CodeLoginCodeInvalid},
		"state used before":        {&world{stateErr: invalid}, callback("auth_code=c&state=s"), citycard.CodeLoginCodeInvalid},
		"no consent":               {&world{}, callback("state=s"), citycard.CodeLoginCodeInvalid},
		"code of the wrong form":   {&world{}, callback("auth_code=a%00b&state=s"), citycard.CodeLoginCodeInvalid},
		"code used before":         {&world{loginErr: invalid}, callback("auth_code=c&state=s"), citycard.CodeLoginCodeInvalid},
		"platform down":            {&world{loginErr: &citycard.Error{Code: citycard.CodePlatformUnavailable}}, callback("auth_code=c&state=s"), citycard.CodePlatformUnavailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertProblem(t, c.world, c.request, c.code, "")
			assert.Nil(t, c.world.entered)
		})
	}
}

func TestIdentityCheck(t *testing.T) {
	t.Parallel()
	const page = "/h5/activations/activation-1"
	state := citycard.LoginState{ActivationID: "activation-1"}
	refused := &citycard.Error{Code: citycard.CodeIdentityMismatch}
	down := &citycard.Error{Code: citycard.CodePlatformUnavailable}
	cases := map[string]struct {
		world    *world
		request  *http.Request
		location string
		asked    []string
	}{
		"to the consent page": {&world{loggedInAs: &session, view: awaiting("certdoc")}, newRequest("GET", page+"/authorize", ""),
			"https://platform.example/verify?state=secret", []string{"find session-1 activation-1", "begin identity activation-1 check-1"}},
		"to the face page": {&world{loggedInAs: &session, view: awaiting("face")}, newRequest("GET", page+"/authorize", ""),
			"https://platform.example/authorize?scope=id_verify", []string{"find session-1 activation-1"}},
		"nothing left to confirm": {&world{loggedInAs: &session, view: activated()}, newRequest("GET", page+"/authorize", ""),
			page, []string{"find session-1 activation-1"}},
		"confirmed": {&world{loggedInAs: &session, state: state, view: activated()}, callback("auth_code=code-2&state=secret"),
			page, []string{"return secret browser-secret", "confirm session-1 activation-1 code-2"}},
		"no consent": {&world{loggedInAs: &session, state: state}, callback("state=secret"),
			page, []string{"return secret browser-secret"}},
		"logged out meanwhile": {&world{state: state}, callback("auth_code=code-2&state=secret"),
			page, []string{"return secret browser-secret"}},
		"refused for good": {&world{loggedInAs: &session, state: state, view: failed(citycard.CodeIdentityMismatch), confirmErr: refused}, callback("auth_code=code-2&state=secret"),
			page, []string{"return secret browser-secret", "confirm session-1 activation-1 code-2", "find session-1 activation-1"}},
		"face check done": {&world{loggedInAs: &session, view: activated()}, newRequest("GET", "/h5/faces/activation-1", ""),
			page, []string{"confirm session-1 activation-1"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := send(t, c.world, c.request)
			assert.Equal(t, http.StatusSeeOther, got.Code)
			assert.Equal(t, c.location, got.Header().Get("Location"))
			assert.Equal(t, c.asked, c.world.asked)
			assert.Nil(t, c.world.entered)
		})
	}
	assertProblem(t, &world{loggedInAs: &session, state: state, view: awaiting("certdoc"), confirmErr: down},
		callback("auth_code=code-2&state=secret"), citycard.CodePlatformUnavailable, "")
}
