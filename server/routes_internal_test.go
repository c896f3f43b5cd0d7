package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/handlers"
	"citycard/middleware"
	"citycard/static"
)

// tableUnderTest is the route table with nothing behind it: every request that gets past the gate would fail.
func tableUnderTest(t *testing.T) *echo.Echo {
	t.Helper()
	templates, err := handlers.NewTemplates(static.FS)
	require.NoError(t, err)
	documents, err := handlers.NewDocuments(static.FS, http.NotFoundHandler())
	require.NoError(t, err)
	sameOrigin, err := middleware.SameOrigin("")
	require.NoError(t, err)
	pages := &handlers.Pages{Templates: templates}
	e := echo.New()
	surround(e, surroundings{
		log: slog.New(slog.NewTextHandler(io.Discard, nil)), clock: time.Now, timeout: time.Second,
		newID: func() string { return "request-1" }, draining: func() bool { return false },
	}, pages)
	routes(e, citizenPlane{
		gate:       middleware.Gate{Audience: citycard.AudienceCitizen},
		sameOrigin: sameOrigin, pages: pages, documents: documents,
	})
	partnerRoutes(e, partnerPlane{})
	staffRoutes(e, staffPlane{sameOrigin: sameOrigin})
	return e
}

// undescribed are the routes that the document leaves out: files of the pages and of the document's reader.
var undescribed = regexp.MustCompile(`^/(static|docs)/[:*]`)

func TestRouteTableAndDocumentNameEachOther(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromFile("../static/openapi.json")
	require.NoError(t, err)
	var described, served []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	named := regexp.MustCompile(`:(\w+)`)
	for _, route := range tableUnderTest(t).Routes() {
		if route.Method != http.MethodHead && !undescribed.MatchString(route.Path) {
			served = append(served, route.Method+" "+named.ReplaceAllString(route.Path, "{$1}"))
		}
	}
	assert.ElementsMatch(t, described, served)
}

// TestNobodyGetsInWithoutASession sends every route of the table a stranger, and one with the other plane's
// kind of key: a cookie where a token belongs.
func TestNobodyGetsInWithoutASession(t *testing.T) {
	t.Parallel()
	open := map[string]bool{
		"POST /v1/sessions": true, "GET /oauth/alipay/start": true, "GET /oauth/alipay/callback": true,
		"GET /": true, "POST /h5/logout": true, "GET /livez": true, "GET /readyz": true, "GET /openapi.json": true,
		"GET /docs": true, "GET /docs/*": true, "GET /docs/errors": true, "GET /static/:name": true,
		"POST /gateway.do": true, "POST /v1/partner/events": true, "POST /v1/partner/queries": true, "POST /callbacks/alipay": true,
		"GET /.well-known/citycard-keys.json": true,
	}
	e := tableUnderTest(t)
	for _, route := range e.Routes() {
		if route.Method == http.MethodHead || open[route.Method+" "+route.Path] || openToNobody[route.Method+" "+route.Path] {
			continue
		}
		r := httptest.NewRequestWithContext(context.Background(), route.Method, parameter.ReplaceAllString(route.Path, "a"), nil)
		recorder := httptest.NewRecorder()
		e.ServeHTTP(recorder, r)
		name := route.Method + " " + route.Path
		switch {
		case strings.Contains(route.Path, "/v1/"), route.Method == http.MethodPost:
			assert.Equal(t, http.StatusUnauthorized, recorder.Code, name)
			assert.Contains(t, recorder.Body.String(), `"code":"session_required"`, name)
		default:
			assert.Equal(t, http.StatusSeeOther, recorder.Code, name)
			want := "/oauth/alipay/start?return_to=%2Fh5%2F"
			if strings.HasPrefix(route.Path, "/admin") {
				want = "/admin/login?return_to=%2Fadmin"
			}
			assert.True(t, strings.HasPrefix(recorder.Header().Get("Location"), want), name)
		}
		assert.Equal(t, "no-store", recorder.Header().Get("Cache-Control"), name)
		assert.Equal(t, "request-1", recorder.Header().Get("X-Request-Id"), name)
		assert.Contains(t, recorder.Header().Get("Content-Security-Policy"), "default-src 'none'", name)
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/h5/activate", "/h5/logout"} {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, path, nil)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		recorder := httptest.NewRecorder()
		tableUnderTest(t).ServeHTTP(recorder, r)
		assert.Equal(t, http.StatusForbidden, recorder.Code)
		assert.Contains(t, recorder.Body.String(), `"code":"cross_origin"`)
	}
}

// TestWhatIsNotServed also holds that method and path are judged before the size of what was sent.
func TestWhatIsNotServed(t *testing.T) {
	t.Parallel()
	for request, want := range map[string]struct {
		status int
		code   string
	}{
		"GET /nothing":      {http.StatusNotFound, "not_found"},
		"GET /v1":           {http.StatusNotFound, "not_found"},
		"PUT /v1/me":        {http.StatusMethodNotAllowed, "method_not_allowed"},
		"GET /v1/me/":       {http.StatusNotFound, "not_found"},
		"GET /static/x.css": {http.StatusNotFound, "not_found"},
		"PUT /gateway.do":   {http.StatusMethodNotAllowed, "method_not_allowed"},
		"POST /gateway":     {http.StatusNotFound, "not_found"},
		"POST /gateway.do":  {http.StatusRequestEntityTooLarge, "body_too_large"},
	} {
		method, path, _ := strings.Cut(request, " ")
		recorder := httptest.NewRecorder()
		var body io.Reader
		if want.code != "not_found" || method == http.MethodPost {
			body = strings.NewReader(strings.Repeat("x", handlers.MaxBody+1))
		}
		tableUnderTest(t).ServeHTTP(recorder, httptest.NewRequestWithContext(context.Background(), method, path, body))
		assert.Equal(t, want.status, recorder.Code, request)
		assert.Contains(t, recorder.Body.String(), `"code":"`+want.code+`"`, request)
	}
}

// TestSignedMessagesArePosted holds that every other method is refused on their routes, with what is allowed.
func TestSignedMessagesArePosted(t *testing.T) {
	t.Parallel()
	e := tableUnderTest(t)
	for _, path := range []string{"/gateway.do", "/v1/partner/events", "/v1/partner/queries", "/callbacks/alipay"} {
		for _, method := range []string{http.MethodOptions, http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, "PROPFIND"} {
			recorder := httptest.NewRecorder()
			e.ServeHTTP(recorder, httptest.NewRequestWithContext(context.Background(), method, path+"?a=b", nil))
			assert.Equal(t, http.StatusMethodNotAllowed, recorder.Code, "%s %s", method, path)
			assert.Equal(t, "POST", recorder.Header().Get("Allow"), "%s %s", method, path)
			assert.Contains(t, recorder.Body.String(), `"code":"method_not_allowed"`, "%s %s", method, path)
		}
	}
}

func TestMiddlewareIsWrappedOnceAndStandsAroundTheRoutesOwn(t *testing.T) {
	t.Parallel()
	var wraps, passed []string
	note := func(name string) echo.MiddlewareFunc {
		return func(next echo.HandlerFunc) echo.HandlerFunc {
			wraps = append(wraps, name)
			return func(c echo.Context) error {
				passed = append(passed, name)
				return next(c)
			}
		}
	}
	e := echo.New()
	e.Use(note("measured"))
	e.Use(wrapped(note("first"), note("second")))
	answer := func(text string) echo.HandlerFunc {
		return func(c echo.Context) error { return c.String(http.StatusOK, text) }
	}
	e.GET("/a", answer("a"), note("of a"))
	e.GET("/b", answer("b"))
	for _, path := range []string{"/a", "/b", "/nowhere"} {
		recorder := httptest.NewRecorder()
		e.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		passed = append(passed, recorder.Body.String())
	}
	around := []string{"measured", "first", "second"}
	assert.Equal(t, slices.Concat(around, []string{"of a", "a"}, around, []string{"b"}, around, []string{"{\"message\":\"Not Found\"}\n"}), passed)
	assert.Equal(t, []string{"second", "first"}, wraps[:2], "made when the service starts")
	assert.NotContains(t, wraps[2:], "first", "and never again")
}

// TestSizesAreJudgedBehindMethods holds that a route with room of its own refuses another method before it looks at the
// body, as every route does.
func TestSizesAreJudgedBehindMethods(t *testing.T) {
	t.Parallel()
	e := echo.New()
	e.HTTPErrorHandler = handlers.Problems(nil)
	e.Use(limitSizes(e))
	e.POST(listPath, func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	for _, c := range []struct {
		method string
		length int64
		status int
	}{
		{http.MethodPost, 1 << 20, http.StatusNoContent},
		{http.MethodPost, 1 << 30, http.StatusRequestEntityTooLarge},
		{http.MethodPut, 1 << 30, http.StatusMethodNotAllowed},
	} {
		request := httptest.NewRequest(c.method, "/admin/v1/partners/x/reconciliation", http.NoBody)
		request.ContentLength = c.length
		recorder := httptest.NewRecorder()
		e.ServeHTTP(recorder, request)
		assert.Equal(t, c.status, recorder.Code, "%s with %d bytes", c.method, c.length)
	}
}
