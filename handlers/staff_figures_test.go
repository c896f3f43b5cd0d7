package handlers_test

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
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

// office stands in for what supervisors look at: it answers what its lines hold and notes what it was asked.
type office struct {
	job   citycard.ImportJob
	given citycard.ImportUpload
	file  string
	err   error
	asked []string
}

func (o *office) note(parts ...string) { o.asked = append(o.asked, strings.Join(parts, " ")) }

func (o *office) Daily(_ context.Context, from, to citycard.Date) ([]citycard.DayCounts, error) {
	o.note("daily", from.String(), to.String())
	return []citycard.DayCounts{{
		Day:     from,
		Enabled: []citycard.EnabledCount{{Machine: citycard.MachineFinancial, State: "active", Channel: citycard.ChannelCallback, Partner: "2026000000000001", Count: 3}},
		Requests: []citycard.RequestCount{
			{Channel: citycard.ChannelH5, Status: citycard.ActivationActivated, Count: 4},
			{Channel: citycard.ChannelH5, Status: citycard.ActivationFailed, Failure: citycard.CodeCardNotMatched, Count: 1},
		},
	}}, o.err
}

func (o *office) PartnerResults(context.Context, citycard.Date, citycard.Date) ([]citycard.PartnerResult, error) {
	return []citycard.PartnerResult{{AppID: "2026000000000001", Outcome: citycard.CallbackAccepted, Count: 9}, {Outcome: citycard.CallbackRefused, Code: "isv.invalid-signature", Count: 1}}, o.err
}

func (o *office) Exposure(context.Context, int) (citycard.Exposure, error) {
	return citycard.Exposure{
		CountedAt: now, Missing: 2,
		Weeks: []citycard.ExposureWeek{{From: date("2026-11-22"), Region: "320100", Kind: citycard.DeadlineLost, Cards: 5}},
	}, o.err
}

func (o *office) List(_ context.Context, _ citycard.StaffSession, list citycard.WorkList, after string, _ int) (citycard.WorkPage, error) {
	o.note("list", string(list), after)
	shown := card()
	return citycard.WorkPage{Next: "2026-06-01_card-1", Items: []citycard.WorkItem{
		{Kind: "lost", Card: &shown, Due: date("2026-11-24"), What: citycard.Text{ZH: "挂失", EN: "lost"}, Next: citycard.EntryOf(citycard.CodeCardFrozen).Next},
		{Kind: "refused", Day: date("2026-11-22"), Partner: "2026000000000001", Code: "isv.invalid-signature", Count: 4},
		{Kind: "number", Subject: "abcdabcd", Count: 9, Limit: 10, At: now},
		{Kind: "name", Ref: "card-1", At: now},
	}}, o.err
}

func (o *office) Counts(context.Context, citycard.StaffSession) ([]citycard.WorkCount, error) {
	return []citycard.WorkCount{{List: citycard.WorkDeadlines, Count: 2}}, o.err
}

// uploads are the imports of an office.
type uploads struct{ *office }

func (u uploads) Receive(_ context.Context, _ citycard.StaffSession, given citycard.ImportUpload) (citycard.ImportJob, error) {
	u.given = given
	text, err := io.ReadAll(given.File)
	if err != nil {
		return citycard.ImportJob{}, err
	}
	u.file = string(text)
	return u.job, u.err
}

func (u uploads) Find(context.Context, string) (citycard.ImportJob, error) { return u.job, u.err }

func (u uploads) List(context.Context, string, int) ([]citycard.ImportJob, error) {
	return []citycard.ImportJob{u.job, u.job}, u.err
}

func (u uploads) Rejects(_ context.Context, _ citycard.StaffSession, _ string, after citycard.RowProblem, _ int) ([]citycard.RowProblem, error) {
	u.note("rejects after", after.Reason)
	return []citycard.RowProblem{{Line: 4, Column: "name", Reason: "the field is empty"}, {Line: 9, Reason: "the line is too long"}}, u.err
}

func (u uploads) Confirm(context.Context, citycard.StaffSession, string) (citycard.ImportJob, error) {
	return u.job, u.err
}

func (u uploads) Cancel(context.Context, citycard.StaffSession, string) (citycard.ImportJob, error) {
	return u.job, u.err
}

// inOffice gives the answer to a supervisor's request, held against the OpenAPI document.
func inOffice(t *testing.T, o *office, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	templates, err := templates()
	require.NoError(t, err)
	clock := func() time.Time { return now }
	figures, work, imports := handlers.StaffStatistics{Statistics: o, Clock: clock}, handlers.StaffWork{Lists: o}, handlers.StaffImports{Desk: uploads{o}}
	e, route := echo.New(), ""
	e.HTTPErrorHandler = handlers.Problems(&handlers.Pages{Templates: templates})
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			route = c.Path()
			asStaff(c, "sue", citycard.RoleSupervisor)
			return next(c)
		}
	})
	e.GET("/admin/v1/statistics/activations", figures.Activations)
	e.GET("/admin/v1/statistics/funnel", figures.Funnel)
	e.GET("/admin/v1/statistics/callbacks", figures.Callbacks)
	e.GET("/admin/v1/statistics/deadlines", figures.Deadlines)
	e.GET("/admin/v1/work", work.Counts)
	e.GET("/admin/v1/work/:list", work.List)
	e.POST("/admin/v1/imports", imports.Create)
	e.GET("/admin/v1/imports", imports.List)
	e.GET("/admin/v1/imports/:ref", imports.Show)
	e.POST("/admin/v1/imports/:ref/confirm", imports.Confirm)
	e.POST("/admin/v1/imports/:ref/cancel", imports.Cancel)
	e.GET("/admin/v1/imports/:ref/rejects", imports.Rejects)
	recorder := httptest.NewRecorder()
	e.ServeHTTP(recorder, r)
	assertContract(t, r, route, recorder)
	return recorder
}

func TestFiguresAndListsAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	job := citycard.ImportJob{
		ID: "job-1", State: citycard.ImportChecked, Digest: "d", Size: 9, Reason: citycard.ImportOfBureau, Note: "n", UploadedBy: "sue",
		UploadedAt: now, Good: 1, Bad: 2, Done: 0.999, Preview: []citycard.ImportPreview{{Line: 2, Region: "320100", ReceivedOn: date("2026-11-01")}},
	}
	for target, want := range map[string]string{
		"/admin/v1/statistics/activations?from=2026-11-20&to=2026-11-21": `{"from":"2026-11-20","to":"2026-11-21","days":[{"day":"2026-11-20",` +
			`"enabled":[{"machine":"financial","state":"active","channel":"callback","partner":"2026000000000001","count":3}],` +
			`"requests":[{"channel":"h5","status":"activated","count":4},{"channel":"h5","status":"failed","failure":"card_not_matched","count":1}]}]}`,
		"/admin/v1/statistics/funnel": `{"from":"2026-11-09","to":"2026-11-22","reached":[{"stage":"started","count":5},{"stage":"confirmed","count":5},` +
			`{"stage":"matched","count":4},{"stage":"activated","count":4}],"pending_bank":0,"drops":[{"stage":"confirmed","reason":"card_not_matched","count":1}]}`,
		"/admin/v1/statistics/callbacks?to=2026-11-20": `{"from":"2026-11-07","to":"2026-11-20","items":[{"app_id":"2026000000000001","outcome":"accepted","code":null,"count":9},` +
			`{"app_id":"","outcome":"refused","code":"isv.invalid-signature","count":1}]}`,
		"/admin/v1/statistics/deadlines": `{"counted_at":"2026-11-22T09:30:00+08:00","missing_days":2,"items":[{"from":"2026-11-22","region":"320100","kind":"lost","cards":5}]}`,
		"/admin/v1/work":                 `{"items":[{"list":"deadlines","count":2}],"next_cursor":null}`,
	} {
		got := inOffice(t, &office{job: job}, newRequest(http.MethodGet, target, ""))
		assertJSON(t, got, http.StatusOK, want)
	}
	for _, target := range []string{
		"/admin/v1/work/deadlines?cursor=2026-06-01_card-1", "/admin/v1/imports?limit=1", "/admin/v1/imports/job-1", "/admin/v1/imports/job-1/rejects?limit=1",
	} {
		o := &office{job: job}
		got := inOffice(t, o, newRequest(http.MethodGet, target, "", "Accept-Language", "en"))
		assert.Equal(t, http.StatusOK, got.Code, got.Body)
	}
	for _, target := range []string{"/admin/v1/imports/job-1/confirm", "/admin/v1/imports/job-1/cancel"} {
		assert.Equal(t, http.StatusOK, inOffice(t, &office{job: job}, newRequest(http.MethodPost, target, "")).Code)
	}
	for _, target := range []string{
		"/admin/v1/statistics/activations?from=yesterday", "/admin/v1/statistics/deadlines?weeks=many", "/admin/v1/work/deadlines?limit=101",
		"/admin/v1/work/deadlines?cursor=a%20b", "/admin/v1/imports/job-1/rejects?cursor=!", "/admin/v1/imports?cursor=%00",
	} {
		got := inOffice(t, &office{job: job}, newRequest(http.MethodGet, target, ""))
		assert.Equal(t, http.StatusBadRequest, got.Code, target)
	}
}

func TestUploadsAreStreamedAndBounded(t *testing.T) {
	t.Parallel()
	form := func(parts ...string) *http.Request {
		var body bytes.Buffer
		writer := multipart.NewWriter(&body)
		for i := 1; i < len(parts); i += 2 {
			part, err := writer.CreateFormFile(parts[i-1], "x")
			if parts[i-1] != "file" {
				part, err = writer.CreateFormField(parts[i-1])
			}
			require.NoError(t, err)
			_, err = io.WriteString(part, parts[i])
			require.NoError(t, err)
		}
		require.NoError(t, writer.Close())
		return newRequest(http.MethodPost, "/admin/v1/imports", body.String(), "Content-Type", writer.FormDataContentType())
	}
	job := citycard.ImportJob{ID: "job-1", State: citycard.ImportWaiting, Reason: citycard.ImportOfBureau, UploadedAt: now}
	o := &office{job: job}
	got := inOffice(t, o, form("reason", "bureau_file", "note", " case 7 ", "file", "region,name\n"))
	assert.Equal(t, http.StatusCreated, got.Code, got.Body)
	assert.Equal(t, "region,name\n", o.file)
	assert.Equal(t, []any{citycard.ImportOfBureau, "case 7"}, []any{o.given.Reason, o.given.Note})

	cut := form("reason", "bureau_file", "note", "n", "file", strings.Repeat("x", 5000))
	cut.Body = io.NopCloser(io.LimitReader(cut.Body, 1000))
	tooLarge := form("reason", "bureau_file", "note", "n", "file", strings.Repeat("x", 5000))
	tooLarge.Body = http.MaxBytesReader(httptest.NewRecorder(), tooLarge.Body, 1000)
	for name, c := range map[string]struct {
		request *http.Request
		status  int
		code    citycard.Code
	}{
		"no file":          {form("reason", "bureau_file", "note", "n"), http.StatusBadRequest, citycard.CodeInvalidPayload},
		"an unknown field": {form("reason", "bureau_file", "priority", "high", "file", "x"), http.StatusBadRequest, citycard.CodeInvalidPayload},
		"a long field":     {form("note", strings.Repeat("n", 5000), "file", "x"), http.StatusBadRequest, citycard.CodeInvalidPayload},
		"cut off":          {cut, http.StatusBadRequest, citycard.CodeMalformedRequest},
		"too large":        {tooLarge, http.StatusRequestEntityTooLarge, citycard.CodeBodyTooLarge},
		"JSON":             {post("/admin/v1/imports", `{}`), http.StatusUnsupportedMediaType, citycard.CodeUnsupportedMediaType},
		"no boundary":      {newRequest(http.MethodPost, "/admin/v1/imports", "x", "Content-Type", "multipart/form-data"), http.StatusBadRequest, citycard.CodeMalformedRequest},
	} {
		got := inOffice(t, &office{job: job}, c.request)
		assert.Equal(t, c.status, got.Code, "%s: %s", name, got.Body)
		assert.Contains(t, got.Body.String(), `"code":"`+string(c.code)+`"`, name)
	}
}
