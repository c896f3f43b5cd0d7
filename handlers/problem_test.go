package handlers_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

func TestProblemInBothLanguages(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		target, accept, cookie, want string
	}{
		"Chinese where nothing is said": {want: `{"type":"/docs/errors#not_found","title":"没有找到您要看的内容。","status":404,"code":"not_found",` +
			`"detail":"there is no such card","message":{"zh":"没有找到您要看的内容。","en":"What you asked for was not found."},` +
			`"next_step":{"action":"请返回首页，从菜单重新进入。","where":"社保卡服务首页","bring":[]},"request_id":"request-1"}`},
		"English preferred": {accept: "en-GB,en;q=0.9,zh;q=0.8", want: `{"type":"/docs/errors#not_found","title":"What you asked for was not found.","status":404,"code":"not_found",` +
			`"detail":"there is no such card","message":{"zh":"没有找到您要看的内容。","en":"What you asked for was not found."},` +
			`"next_step":{"action":"Please go back to the start page and enter from there.","where":"The start page of this service","bring":[]},"request_id":"request-1"}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{loggedInAs: &session, cardsErr: &citycard.Error{Code: citycard.CodeNotFound, Message: "there is no such card"}}
			got := send(t, w, newRequest(http.MethodGet, "/v1/cards/card-1", "", "Accept-Language", c.accept))
			assert.Equal(t, http.StatusNotFound, got.Code)
			assert.Equal(t, "application/problem+json", got.Header().Get("Content-Type"))
			assert.Equal(t, c.want, got.Body.String())
		})
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		target, accept, cookie string
		want                   string
	}{
		"nothing said":                     {"/", "", "", "zh-CN"},
		"English browser":                  {"/", "en-US,en;q=0.5", "", "en"},
		"Chinese first":                    {"/", "zh-CN,zh;q=0.9,en;q=0.8", "", "zh-CN"},
		"English second by weight":         {"/", "en;q=0.3, zh;q=0.7", "", "zh-CN"},
		"English first of equals":          {"/", "fr, en, zh", "", "en"},
		"Chinese refused":                  {"/", "zh;q=0, en;q=0.1", "", "en"},
		"neither":                          {"/", "fr, *;q=0.5", "", "zh-CN"},
		"weight that is none":              {"/", "en;q=high, zh;q=0.1", "", "zh-CN"},
		"asked for in the address":         {"/?lang=en", "zh", "", "en"},
		"chosen earlier":                   {"/", "zh", "en", "en"},
		"address before the earlier one":   {"/?lang=zh", "en", "en", "zh-CN"},
		"unknown language in the address ": {"/?lang=fr", "en", "", "en"},
		"unknown language in the cookie":   {"/", "", "fr", "zh-CN"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRequest(http.MethodGet, c.target, "", "Accept-Language", c.accept, "Cookie", "citycard_lang="+c.cookie)
			got := send(t, &world{}, r)
			assert.Contains(t, got.Body.String(), `<html lang="`+c.want+`">`)
		})
	}
}

func TestProblemOfEveryKind(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		err    error
		status int
		code   citycard.Code
		retry  string
	}{
		"a refusal":                        {&citycard.Error{Code: citycard.CodeCardFrozen}, 409, citycard.CodeCardFrozen, ""},
		"a wrapped refusal":                {fmt.Errorf("load card: %w", &citycard.Error{Code: citycard.CodeCardFrozen}), 409, citycard.CodeCardFrozen, ""},
		"a pause with its length":          {&citycard.Error{Code: citycard.CodeAttemptsLocked, RetryAfter: 61500 * time.Millisecond}, 429, citycard.CodeAttemptsLocked, "62"},
		"the platform does not answer":     {&citycard.Error{Code: citycard.CodePlatformUnavailable}, 503, citycard.CodePlatformUnavailable, "5"},
		"the platform says when":           {&citycard.Error{Code: citycard.CodePlatformUnavailable, RetryAfter: 30 * time.Second}, 503, citycard.CodePlatformUnavailable, "30"},
		"the database does not answer":     {&citycard.Error{Code: citycard.CodeStorageUnavailable}, 503, citycard.CodeStorageUnavailable, "2"},
		"still running":                    {&citycard.Error{Code: citycard.CodeRequestInProgress}, 409, citycard.CodeRequestInProgress, "1"},
		"a defect":                         {errors.New("secret detail"), 500, citycard.CodeInternal, ""},
		"a defect with a code":             {&citycard.Error{Code: citycard.CodeInternal, Message: "secret detail"}, 500, citycard.CodeInternal, ""},
		"a code the catalogue lacks":       {&citycard.Error{Code: "no_such_code", Message: "secret detail"}, 500, citycard.CodeInternal, ""},
		"no such route":                    {echo.ErrNotFound, 404, citycard.CodeNotFound, ""},
		"another method":                   {echo.ErrMethodNotAllowed, 405, citycard.CodeMethodNotAllowed, ""},
		"too large, says echo":             {echo.ErrStatusRequestEntityTooLarge, 413, citycard.CodeBodyTooLarge, ""},
		"too large, says the body":         {&http.MaxBytesError{Limit: 1}, 413, citycard.CodeBodyTooLarge, ""},
		"another of echo's":                {echo.ErrTeapot, 500, citycard.CodeInternal, ""},
		"two errors, the first one counts": {errors.Join(&citycard.Error{Code: citycard.CodeBankUnavailable}, errors.New("x")), 503, citycard.CodeBankUnavailable, "5"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := problemOf(t, c.err)
			assert.Equal(t, c.status, got.Code)
			assert.Contains(t, got.Body.String(), `"code":"`+string(c.code)+`"`)
			assert.Equal(t, c.retry, got.Header().Get("Retry-After"))
			assert.NotContains(t, got.Body.String(), "secret")
		})
	}
}

// problemOf gives what an error is answered as.
func problemOf(t *testing.T, err error) *httptest.ResponseRecorder {
	t.Helper()
	e := app(t, &world{})
	e.GET("/fails", func(echo.Context) error { return err })
	recorder := httptest.NewRecorder()
	e.ServeHTTP(recorder, newRequest(http.MethodGet, "/fails", ""))
	return recorder
}

func TestProblemCarriesFurtherMembers(t *testing.T) {
	t.Parallel()
	got := problemOf(t, &citycard.Error{
		Code: citycard.CodeInvalidTransition, Field: "social",
		Members: map[string]any{"from": "sealed", "to": "frozen", "allowed": []string{"active"}, "status": 200, "field": "x"},
	})
	assert.Equal(t, http.StatusConflict, got.Code)
	assert.True(t, strings.HasSuffix(got.Body.String(), `"request_id":"request-1","allowed":["active"],"from":"sealed","to":"frozen"}`), got.Body.String())
	assert.Contains(t, got.Body.String(), `"status":409,"code":"invalid_transition","field":"social"`)

	got = problemOf(t, &citycard.Error{Code: citycard.CodeInvalidTransition, Members: map[string]any{"code": "x"}})
	assert.True(t, strings.HasSuffix(got.Body.String(), `"request_id":"request-1"}`), got.Body.String())
}

func TestProblemAsksToLogIn(t *testing.T) {
	t.Parallel()
	got := send(t, &world{}, newRequest(http.MethodGet, "/v1/me", ""))
	assert.Equal(t, http.StatusUnauthorized, got.Code)
	assert.Equal(t, `Bearer realm="citycard"`, got.Header().Get("WWW-Authenticate"))
}

func TestProblemLeavesASentAnswerAlone(t *testing.T) {
	t.Parallel()
	e := app(t, &world{})
	e.GET("/half", func(c echo.Context) error {
		require.NoError(t, c.String(http.StatusOK, "begun"))
		return errors.New("then failed")
	})
	recorder := httptest.NewRecorder()
	e.ServeHTTP(recorder, newRequest(http.MethodGet, "/half", ""))
	assert.Equal(t, "begun", recorder.Body.String())
}

func TestProblemAsAPage(t *testing.T) {
	t.Parallel()
	const html = "text/html,application/xhtml+xml,*/*;q=0.8"
	unavailable := &citycard.Error{Code: citycard.CodePlatformUnavailable}
	cases := map[string]struct {
		world  *world
		target string
		status int
		want   []string
	}{
		"no such page":                          {&world{}, "/nothing?lang=en", 404, []string{"What you asked for was not found.", `href="/">Back to the start page`, `id="request-id">request-1<`}},
		"the platform is down, on a page":       {&world{loggedInAs: &session, findErr: unavailable}, "/h5/activations/a-1?lang=en", 503, []string{"Please try again in 5 s.", `href="/h5/activations/a-1">Try again<`}},
		"the platform is down, at the log-in":   {&world{loginErr: unavailable}, "/oauth/alipay/start?lang=en", 503, []string{`href="/oauth/alipay/start">Log in<`}},
		"the platform is down, confirming":      {&world{loggedInAs: &session, view: awaiting("face"), confirmErr: unavailable}, "/h5/faces/a-1?lang=en", 503, []string{`href="/h5/activations/a-1">Try again<`}},
		"the face check was not passed":         {&world{loggedInAs: &session, view: awaiting("face"), confirmErr: &citycard.Error{Code: citycard.CodeFaceRequired}}, "/h5/faces/a-1?lang=en", 403, []string{`href="/h5/activations/a-1">Try again<`}},
		"the log-in lapsed":                     {&world{}, "/oauth/alipay/callback?state=x&lang=en", 401, []string{"This log-in has lapsed", `href="/oauth/alipay/start">Log in<`}},
		"a defect":                              {&world{loggedInAs: &session, cardsErr: errors.New("secret")}, "/?lang=zh", 500, []string{"系统出了点问题", `href="/">返回首页`}},
		"another citizen's card, as if nothing": {&world{loggedInAs: &session, cardsErr: &citycard.Error{Code: citycard.CodeNotFound}}, "/h5/cards/card-2", 404, []string{"没有找到"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := send(t, c.world, newRequest(http.MethodGet, c.target, "", "Accept", html))
			assert.Equal(t, c.status, got.Code)
			assert.Equal(t, "text/html; charset=UTF-8", got.Header().Get("Content-Type"))
			for _, want := range c.want {
				assert.Contains(t, got.Body.String(), want)
			}
			assert.NotContains(t, got.Body.String(), "secret")
		})
	}
	got := send(t, &world{}, newRequest(http.MethodGet, "/v1/nothing", "", "Accept", html))
	assert.Equal(t, "application/problem+json", got.Header().Get("Content-Type"), "an interface answers JSON")
}

func TestWaitingInWords(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]string{
		500 * time.Millisecond: "in 1 s.", 90 * time.Second: "in 90 s.", 91 * time.Second: "in about 2 minutes",
		90 * time.Minute: "in about 90 minutes", 91 * time.Minute: "in about 2 hours",
	} {
		w := &world{loggedInAs: &session, startErr: &citycard.Error{Code: citycard.CodeAttemptsLocked, RetryAfter: wait}}
		got := send(t, w, form("name=a&id_number=b", "Accept", "text/html", "Accept-Language", "en"))
		assert.Equal(t, http.StatusTooManyRequests, got.Code)
		assert.Contains(t, got.Body.String(), want)
		assert.Contains(t, got.Body.String(), `href="/">Back to the start page`)
	}
}
