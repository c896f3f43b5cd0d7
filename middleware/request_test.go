package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/middleware"
)

func TestRequestID(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ peer, sent, want string }{
		"none sent":                    {"10.1.2.3:4000", "", "new-number"},
		"sent by the proxy":            {"10.1.2.3:4000", "01a201b0-3071-7584-836d-254d146af063", "01a201b0-3071-7584-836d-254d146af063"},
		"sent by anybody else":         {"203.0.113.9:4000", "01a201b0-3071-7584-836d-254d146af063", "new-number"},
		"of the wrong form":            {"10.1.2.3:4000", "320100199003070022", "new-number"},
		"too long":                     {"10.1.2.3:4000", strings.Repeat("a", 65), "new-number"},
		"too short to tell two apart ": {"10.1.2.3:4000", "a", "new-number"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chain := middleware.RequestID(mustProxies(t, "10.0.0.0/8"), func() string { return "new-number" })
			recorder, _ := answer(t, from(c.peer, "X-Request-Id", c.sent), func(c echo.Context) error {
				return c.String(http.StatusOK, citycard.RequestIDOf(c.Request().Context()))
			}, chain)
			assert.Equal(t, c.want, recorder.Body.String())
			assert.Equal(t, c.want, recorder.Header().Get("X-Request-Id"))
		})
	}
}

// unproven is a refusal with a code that is none of the catalogue's.
type unproven string

func (u unproven) Error() string { return "sender not proven" }

func (u unproven) RefusalCode() string { return string(u) }

func TestAccessLog(t *testing.T) {
	t.Parallel()
	cause := errors.New("connect: refused")
	cases := map[string]struct {
		request *http.Request
		handler echo.HandlerFunc
		want    map[string]any
	}{
		"an answer": {get(), ok, map[string]any{
			"level": "INFO", "method": "GET", "route": "/things/:id", "status": 200.0, "bytes": 4.0,
		}},
		"a refusal is logged by its code alone": {get(), func(echo.Context) error {
			return &citycard.Error{Code: citycard.CodeCardFrozen, Message: "text", Cause: cause}
		}, map[string]any{
			"level": "INFO", "method": "GET", "route": "/things/:id", "status": 409.0, "bytes": 0.0, "code": "card_frozen",
		}},
		"a failure is logged with its cause": {get(), func(echo.Context) error {
			return fmt.Errorf("load card: %w", &citycard.Error{Code: citycard.CodeStorageUnavailable, Cause: cause})
		}, map[string]any{
			"level": "ERROR", "method": "GET", "route": "/things/:id", "status": 503.0, "bytes": 0.0,
			"code": "storage_unavailable", "error": "load card: storage_unavailable: connect: refused",
		}},
		"a refusal that was answered already, by its own code": {get(), func(c echo.Context) error {
			return errors.Join(unproven("isv.invalid-signature"), c.String(http.StatusOK, "no"))
		}, map[string]any{
			"level": "INFO", "method": "GET", "route": "/things/:id", "status": 200.0, "bytes": 2.0, "code": "isv.invalid-signature",
		}},
		"a made-up method": {request("SECRET"), ok, map[string]any{
			"level": "INFO", "method": "other", "route": "/things/:id", "status": 404.0, "bytes": 0.0, "code": "method_not_allowed",
		}},
		"what is not served": {get(), func(echo.Context) error { return echo.ErrNotFound }, map[string]any{
			"level": "INFO", "method": "GET", "route": "/things/:id", "status": 404.0, "bytes": 0.0, "code": "not_found",
		}},
		"a body that goes on": {get(), func(echo.Context) error {
			return fmt.Errorf("read: %w", &http.MaxBytesError{Limit: 1})
		}, map[string]any{
			"level": "INFO", "method": "GET", "route": "/things/:id", "status": 404.0, "bytes": 0.0, "code": "body_too_large",
		}},
		"a failure without a code": {get(), func(echo.Context) error { return cause }, map[string]any{
			"level": "INFO", "method": "GET", "route": "/things/:id", "status": 404.0, "bytes": 0.0, "code": "internal_error",
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			written, log := jsonLog()
			e := echo.New()
			e.HTTPErrorHandler = func(err error, c echo.Context) {
				if c.Response().Committed {
					return
				}
				status := map[citycard.Code]int{
					citycard.CodeCardFrozen: 409, citycard.CodeStorageUnavailable: 503, citycard.CodeInternal: 404,
				}[citycard.CodeOf(err)]
				assert.NoError(t, c.NoContent(status))
			}
			e.Use(middleware.RequestID(nil, func() string { return "number-1" }), middleware.AccessLog(log, clock))
			e.Any("/things/:id", c.handler)
			e.ServeHTTP(httptest.NewRecorder(), c.request)

			line := logLine(t, written)
			delete(line, "time")
			c.want["msg"], c.want["duration_ms"], c.want["request_id"] = "request", 0.0, "number-1"
			assert.Equal(t, c.want, line)
		})
	}
}

func TestAccessLogHoldsNoPathOrQuery(t *testing.T) {
	t.Parallel()
	written, log := jsonLog()
	e := echo.New()
	e.Use(middleware.AccessLog(log, clock))
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/330106199003078517?name=zhang", strings.NewReader("body"))
	e.ServeHTTP(httptest.NewRecorder(), r)
	assert.Equal(t, "unmatched", logLine(t, written)["route"])
	for _, personal := range []string{"330106199003078517", "zhang", r.RemoteAddr} {
		assert.NotContains(t, written.String(), personal)
	}
}

func TestPassedHealthChecksAreDebugLines(t *testing.T) {
	t.Parallel()
	written, log := jsonLog()
	e := echo.New()
	e.Use(middleware.AccessLog(log, clock))
	e.GET("/livez", ok)
	e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/livez", nil))
	assert.Equal(t, "DEBUG", logLine(t, written)["level"])
}

func TestRecover(t *testing.T) {
	t.Parallel()
	run := func(value any) error {
		return middleware.Recover()(func(echo.Context) error { panic(value) })(nil)
	}
	err := run("name: zhang san")
	require.ErrorContains(t, err, "panic: a value of type string\n")
	assert.NotContains(t, err.Error(), "zhang")
	assert.Contains(t, err.Error(), "request_test.go", "the stack is there")

	var empty map[string]int
	err = middleware.Recover()(func(echo.Context) error { empty["a"] = 1; return nil })(nil)
	require.ErrorContains(t, err, "panic: assignment to entry in nil map")

	assert.PanicsWithValue(t, http.ErrAbortHandler, func() { _ = run(http.ErrAbortHandler) })
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	want := http.Header{
		"Content-Security-Policy":      {"default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self' https://platform.example"},
		"X-Content-Type-Options":       {"nosniff"},
		"X-Frame-Options":              {"DENY"},
		"Referrer-Policy":              {"same-origin"},
		"Permissions-Policy":           {"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"},
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Cache-Control":                {"no-store"},
		"Content-Type":                 {"text/plain; charset=UTF-8"},
	}
	config := middleware.HeadersConfig{FormTargets: []string{"https://platform.example"}}
	recorder, _ := answer(t, get(), ok, middleware.Headers(config))
	assert.Equal(t, want, recorder.Header())

	config.HTTPS = true
	recorder, _ = answer(t, get(), ok, middleware.Headers(config))
	want.Set("Strict-Transport-Security", "max-age=31536000")
	assert.Equal(t, want, recorder.Header())
}

func TestHeaderLimit(t *testing.T) {
	t.Parallel()
	line := len("GET /things/7?secret=1 HTTP/1.1\r\nHost: example.com\r\n")
	for _, c := range []struct{ filler, status int }{{100 - line - len("X: \r\n"), http.StatusOK}, {101 - line - len("X: \r\n"), http.StatusRequestHeaderFieldsTooLarge}} {
		r := get()
		r.Header = http.Header{"X": {strings.Repeat("a", c.filler)}}
		recorder, _ := answer(t, r, ok, middleware.HeaderLimit(100))
		assert.Equal(t, c.status, recorder.Code)
	}
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	read := func(c echo.Context) error {
		data, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, string(data))
	}
	send := func(length int, declared bool) (*httptest.ResponseRecorder, error) {
		var body io.Reader = bytes.NewBufferString(strings.Repeat("a", length))
		if !declared {
			body = io.MultiReader(body)
		}
		var got error
		e := echo.New()
		e.HTTPErrorHandler = func(err error, _ echo.Context) { got = err }
		e.Use(middleware.BodyLimit(8))
		e.POST("/", read)
		recorder := httptest.NewRecorder()
		e.ServeHTTP(recorder, httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", body))
		return recorder, got
	}

	recorder, err := send(8, true)
	require.NoError(t, err)
	assert.Equal(t, "aaaaaaaa", recorder.Body.String())

	recorder, err = send(9, true)
	assert.Equal(t, citycard.CodeBodyTooLarge, citycard.CodeOf(err))
	assert.Equal(t, "close", recorder.Header().Get("Connection"))

	_, err = send(9, false)
	var tooLarge *http.MaxBytesError
	require.ErrorAs(t, err, &tooLarge)
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	slow := func(wrap func(error) error) echo.HandlerFunc {
		return func(c echo.Context) error {
			<-c.Request().Context().Done()
			return wrap(c.Request().Context().Err())
		}
	}
	_, code := answer(t, get(), slow(func(err error) error { return fmt.Errorf("query: %w", err) }), middleware.Timeout(time.Millisecond))
	assert.Equal(t, citycard.CodeStorageUnavailable, code)

	_, code = answer(t, get(), slow(func(err error) error {
		return &citycard.Error{Code: citycard.CodePlatformUnavailable, Cause: err}
	}), middleware.Timeout(time.Millisecond))
	assert.Equal(t, citycard.CodePlatformUnavailable, code, "a code of its own stays")

	_, code = answer(t, get(), func(echo.Context) error { return errors.New("defect") }, middleware.Timeout(time.Hour))
	assert.Equal(t, citycard.CodeInternal, code, "a failure in time stays what it is")
}

func TestDraining(t *testing.T) {
	t.Parallel()
	for _, draining := range []bool{false, true} {
		recorder, _ := answer(t, get(), ok, middleware.Draining(func() bool { return draining }))
		assert.Equal(t, draining, recorder.Header().Get("Connection") == "close")
	}
}

func TestSameOrigin(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		request *http.Request
		want    citycard.Code
	}{
		"a form of ours":                           {request("POST", "Sec-Fetch-Site", "same-origin"), ""},
		"a form of another site":                   {request("POST", "Sec-Fetch-Site", "cross-site"), citycard.CodeCrossOrigin},
		"a form of a neighbour under our domain":   {request("POST", "Sec-Fetch-Site", "same-site"), citycard.CodeCrossOrigin},
		"a link from another site":                 {request("GET", "Sec-Fetch-Site", "cross-site"), ""},
		"an older browser, our form":               {request("POST", "Origin", "http://example.com"), ""},
		"an older browser behind the proxy":        {request("POST", "Origin", "https://card.example"), ""},
		"an older browser, another site's form":    {request("POST", "Origin", "https://evil.example"), citycard.CodeCrossOrigin},
		"a page without an origin":                 {request("POST", "Origin", "null"), citycard.CodeCrossOrigin},
		"no browser":                               {request("POST"), ""},
		"our public origin, though marked foreign": {request("POST", "Sec-Fetch-Site", "cross-site", "Origin", "https://card.example"), ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chain, err := middleware.SameOrigin("https://card.example/")
			require.NoError(t, err)
			_, code := answer(t, c.request, ok, chain)
			assert.Equal(t, c.want, code)
		})
	}
	_, err := middleware.SameOrigin("card.example/path")
	require.Error(t, err)
}
