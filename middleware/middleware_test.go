package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/middleware"
)

// now is the moment of every test here.
var now = time.Date(2026, 11, 22, 9, 30, 0, 0, citycard.Shanghai)

func clock() time.Time { return now }

// answer sends one request through the middleware to a handler and gives what came back, with the code of the
// error that reached echo, empty where none did.
func answer(t *testing.T, r *http.Request, handler echo.HandlerFunc, chain ...echo.MiddlewareFunc) (*httptest.ResponseRecorder, citycard.Code) {
	t.Helper()
	var code citycard.Code
	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		code = citycard.CodeOf(err)
		require.NoError(t, c.NoContent(http.StatusTeapot))
	}
	e.Use(chain...)
	e.Any("/things/:id", handler)
	recorder := httptest.NewRecorder()
	e.ServeHTTP(recorder, r)
	return recorder, code
}

func ok(c echo.Context) error { return c.String(http.StatusOK, "fine") }

func get(headers ...string) *http.Request {
	return request(http.MethodGet, headers...)
}

func request(method string, headers ...string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), method, "/things/7?secret=1", nil)
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Add(pair[0], pair[1])
	}
	return r
}

// logLine gives the one line that a logger over the buffer wrote.
func logLine(t *testing.T, written *bytes.Buffer) map[string]any {
	t.Helper()
	var line map[string]any
	require.NoError(t, json.Unmarshal(written.Bytes(), &line))
	return line
}

func jsonLog() (*bytes.Buffer, *slog.Logger) {
	written := new(bytes.Buffer)
	return written, slog.New(slog.NewJSONHandler(written, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func mustProxies(t *testing.T, list string) middleware.Proxies {
	t.Helper()
	proxies, err := middleware.ParseProxies(list)
	require.NoError(t, err)
	return proxies
}
