package handlers_test

import (
	"context"
	"errors"
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
	"citycard/handlers"
)

// listOffice stands in for the desk of daily lists: one partner, and a list of as many rows as it says.
type listOffice struct {
	rows  int
	fails error
	list  string
}

func (*listOffice) Partner(_ context.Context, app string) (citycard.PartnerRecord, error) {
	if app != "2026000000000001" {
		return citycard.PartnerRecord{}, &citycard.Error{Code: citycard.CodeNotFound}
	}
	return citycard.PartnerRecord{Partner: citycard.Partner{AppID: app}}, nil
}

func (*listOffice) Today() citycard.Date { return citycard.DateOf(now) }

func (o *listOffice) line() citycard.DifferenceLine {
	return citycard.DifferenceLine{Ours: citycard.ReconciliationRow{
		OutRequestNo: "EVENT-000001", Method: citycard.MethodFinancialActivate, Result: citycard.ResultApplied, Changed: true,
		Region: "320100", CardNumberMasked: "A12****78", CardRef: "card-1", OccurredAt: now.Add(-time.Minute), ServerTime: now,
	}}
}

func (o *listOffice) Ours(_ context.Context, _ citycard.StaffSession, _ string, _ citycard.Date, do func(citycard.ReconciliationRow) error) error {
	for range o.rows {
		if err := do(o.line().Ours); err != nil {
			return err
		}
	}
	return o.fails
}

func (o *listOffice) Compare(_ context.Context, _ citycard.StaffSession, app string, on citycard.Date, list io.Reader) (citycard.Difference, error) {
	text, err := io.ReadAll(list)
	if err != nil {
		return citycard.Difference{}, err
	}
	o.list = string(text)
	told, only := o.line(), citycard.DifferenceLine{Ours: citycard.ReconciliationRow{OutRequestNo: "EVENT-000777"}}
	told.Theirs = []citycard.TheirValue{{Column: "result", Value: citycard.ToldOther}}
	only.Theirs = []citycard.TheirValue{{Column: "occurred_at", Value: "2026-11-22T09:00:00+08:00"}}
	return citycard.Difference{
		ReconciliationResult: citycard.ReconciliationResult{AppID: app, Day: on, Same: 7, OnlyOurs: 3, OnlyTheirs: 1, Differs: 1, ComparedAt: now},
		First: map[citycard.DifferenceKind][]citycard.DifferenceLine{
			citycard.DifferenceOurs: {o.line()}, citycard.DifferenceTheirs: {only}, citycard.DifferenceTold: {told},
		},
	}, o.fails
}

func (o *listOffice) Difference(context.Context, citycard.StaffSession, string, citycard.Date, int) (citycard.Difference, error) {
	return citycard.Difference{}, o.fails
}

func (o *listOffice) EachDifference(
	_ context.Context, _ citycard.StaffSession, _ string, _ citycard.Date, do func(citycard.DifferenceKind, citycard.DifferenceLine) error,
) error {
	for range o.rows {
		if err := do(citycard.DifferenceOurs, o.line()); err != nil {
			return err
		}
	}
	return o.fails
}

// listRoutes serves the lists to an operator.
func listRoutes(t *testing.T, o *listOffice) (e *echo.Echo, route *string) {
	t.Helper()
	templates, err := templates()
	require.NoError(t, err)
	e, route = echo.New(), new(string)
	e.HTTPErrorHandler = handlers.Problems(&handlers.Pages{Templates: templates})
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			*route = c.Path()
			asStaff(c, "olga", citycard.RoleOperator)
			return next(c)
		}
	})
	lists := handlers.StaffReconciliation{Desk: o}
	e.GET("/admin/v1/partners/:ref/reconciliation", lists.List)
	e.POST("/admin/v1/partners/:ref/reconciliation", lists.Compare)
	e.GET("/admin/v1/partners/:ref/reconciliation/difference", lists.DifferenceFile)
	return e, route
}

func withLists(t *testing.T, o *listOffice, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	e, route := listRoutes(t, o)
	recorder := httptest.NewRecorder()
	e.ServeHTTP(recorder, r)
	assertContract(t, r, *route, recorder)
	return recorder
}

const listAddress = "/admin/v1/partners/2026000000000001/reconciliation"

func TestListsAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	got := withLists(t, &listOffice{rows: 1}, newRequest(http.MethodGet, listAddress+"?day=2026-11-22", ""))
	assert.Equal(t, http.StatusOK, got.Code)
	assert.Equal(t, "\ufeff"+strings.Join(citycard.ReconciliationColumns(), ",")+
		"\r\nEVENT-000001,citycard.financial.activate,APPLIED,true,320100,A12****78,2026-11-22T09:29:00+08:00,2026-11-22T09:30:00+08:00\r\n", got.Body.String())
	got = withLists(t, &listOffice{}, newRequest(http.MethodGet, listAddress+"?day=2026-11-22", ""))
	assert.Equal(t, "\ufeff"+strings.Join(citycard.ReconciliationColumns(), ",")+"\r\n", got.Body.String(), "a day without events has a header")
	got = withLists(t, &listOffice{rows: 1}, newRequest(http.MethodGet, listAddress+"/difference?day=2026-11-22", ""))
	assert.Equal(t, 2, strings.Count(got.Body.String(), "\r\n"))

	o := &listOffice{}
	got = withLists(t, o, newRequest(http.MethodPost, listAddress+"?day=2026-11-22", "out_request_no\n", "Content-Type", "text/csv; charset=gbk"))
	assert.Equal(t, "out_request_no\n", o.list)
	const none = `"method":null,"result":null,"region":null,"card_number_masked":null,"occurred_at":null,"server_time":null,"card_ref":null`
	const whole = `"out_request_no":"EVENT-000001","method":"citycard.financial.activate","result":"APPLIED","region":"320100",` +
		`"card_number_masked":"A12****78","occurred_at":"2026-11-22T09:29:00+08:00","server_time":"2026-11-22T09:30:00+08:00","card_ref":"card-1"`
	assertJSON(t, got, http.StatusOK, `{"app_id":"2026000000000001","day":"2026-11-22","compared_at":"2026-11-22T09:30:00+08:00","same":7,`+
		`"only_ours":{"count":3,"items":[{`+whole+`,"theirs":{}}],"more":2},`+
		`"only_theirs":{"count":1,"items":[{"out_request_no":"EVENT-000777",`+none+`,"theirs":{"occurred_at":"2026-11-22T09:00:00+08:00"}}],"more":0},`+
		`"different":{"count":1,"items":[{`+whole+`,"theirs":{"result":null}}],"more":0}}`)
}

func TestListsThatDoNotArrive(t *testing.T) {
	t.Parallel()
	csv := func(target string, body io.Reader) *http.Request {
		r := newRequest(http.MethodPost, target, "", "Content-Type", "text/csv")
		r.Body = io.NopCloser(body)
		return r
	}
	packed := csv(listAddress+"?day=2026-11-22", strings.NewReader("x"))
	packed.Header.Set("Content-Encoding", "gzip")
	long := http.MaxBytesReader(httptest.NewRecorder(), io.NopCloser(strings.NewReader(strings.Repeat("x", 5000))), 1000)
	for name, c := range map[string]struct {
		request *http.Request
		status  int
		code    citycard.Code
	}{
		"too large":       {csv(listAddress+"?day=2026-11-22", long), http.StatusRequestEntityTooLarge, citycard.CodeBodyTooLarge},
		"cut off":         {csv(listAddress+"?day=2026-11-22", io.MultiReader(strings.NewReader("x"), broken{})), http.StatusBadRequest, citycard.CodeMalformedRequest},
		"compressed":      {packed, http.StatusUnsupportedMediaType, citycard.CodeUnsupportedMediaType},
		"JSON":            {post(listAddress+"?day=2026-11-22", `{}`), http.StatusUnsupportedMediaType, citycard.CodeUnsupportedMediaType},
		"no day":          {csv(listAddress, strings.NewReader("x")), http.StatusBadRequest, citycard.CodeMalformedRequest},
		"no such day":     {csv(listAddress+"?day=2026-11-31", strings.NewReader("x")), http.StatusBadRequest, citycard.CodeMalformedRequest},
		"no such partner": {csv("/admin/v1/partners/x/reconciliation", strings.NewReader("x")), http.StatusNotFound, citycard.CodeNotFound},
	} {
		got := withLists(t, &listOffice{}, c.request)
		assert.Equal(t, c.status, got.Code, "%s: %s", name, got.Body)
		assert.Contains(t, got.Body.String(), `"code":"`+string(c.code)+`"`, name)
	}
}

// broken breaks off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestHalfAListIsNone holds that a list that breaks off does not arrive as a whole one.
func TestHalfAListIsNone(t *testing.T) {
	t.Parallel()
	e, _ := listRoutes(t, &listOffice{rows: 2000, fails: errors.New("the database went away")})
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	answer, err := http.Get(server.URL + listAddress + "?day=2026-11-22")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, answer.StatusCode, "it had begun")
	_, err = io.Copy(io.Discard, answer.Body)
	require.Error(t, err)
	require.NoError(t, answer.Body.Close())

	before, err := http.Get(server.URL + listAddress + "?day=yesterday")
	require.NoError(t, err)
	require.NoError(t, before.Body.Close())
	assert.Equal(t, http.StatusBadRequest, before.StatusCode)
}
