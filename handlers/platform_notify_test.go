package handlers_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"

	"citycard"
	"citycard/handlers"
)

// platformDesk stands in for the use case.
type platformDesk struct {
	err   error
	taken []citycard.PlatformNotice
}

func (d *platformDesk) Take(_ context.Context, n citycard.PlatformNotice) (bool, error) {
	d.taken = append(d.taken, n)
	return len(d.taken) > 1, d.err
}

func notify(t *testing.T, d *platformDesk, proveErr, refused error) (*httptest.ResponseRecorder, citycard.CallbackKind) {
	t.Helper()
	var counted citycard.CallbackKind
	h := handlers.PlatformNotify{
		Prove: func(*http.Request, []byte) (citycard.PlatformNotice, error) {
			return citycard.PlatformNotice{ID: "notify-0001"}, proveErr
		},
		Flood: &partnerWorld{refused: refused}, Desk: d, Count: func(k citycard.CallbackKind) { counted = k },
	}
	e := echo.New()
	e.POST("/callbacks/alipay", h.Receive)
	recorder := httptest.NewRecorder()
	e.ServeHTTP(recorder, newRequest(http.MethodPost, "/callbacks/alipay", "any"))
	return recorder, counted
}

func TestAProvenNotificationIsTaken(t *testing.T) {
	t.Parallel()
	d := &platformDesk{}
	got, counted := notify(t, d, nil, nil)
	assert.Equal(t, http.StatusOK, got.Code)
	assert.Equal(t, "success", got.Body.String())
	assert.Equal(t, []citycard.PlatformNotice{{ID: "notify-0001"}}, d.taken)
	assert.Equal(t, citycard.CallbackKind{Profile: citycard.ProfileNotify, Outcome: citycard.CallbackAccepted}, counted)
	got, counted = notify(t, d, nil, nil)
	assert.Equal(t, "success", got.Body.String())
	assert.Equal(t, citycard.CallbackRepeated, counted.Outcome)
}

func TestEverythingElseOfThePlatformIsAFailure(t *testing.T) {
	t.Parallel()
	forged := &handlers.Unproven{Status: 400, Code: "isv.invalid-signature"}
	for name, one := range map[string]struct {
		deskErr, proveErr, refused error
		status                     int
		code                       string
	}{
		"what does not agree":          {deskErr: &citycard.Error{Code: citycard.CodeInvalidPayload}, status: 400, code: "invalid_payload"},
		"an unknown order":             {deskErr: &citycard.Error{Code: citycard.CodeNotFound}, status: 400, code: "not_found"},
		"another one of that number":   {deskErr: &citycard.Error{Code: citycard.CodeEventIDReused}, status: 400, code: "event_id_reused"},
		"storage down":                 {deskErr: &citycard.Error{Code: citycard.CodeStorageUnavailable}, status: 503, code: "storage_unavailable"},
		"a forgery":                    {proveErr: forged, status: 400, code: "isv.invalid-signature"},
		"a forgery in a flood of them": {proveErr: forged, refused: &citycard.Error{Code: citycard.CodeRateLimited}, status: 503, code: "rate_limited"},
	} {
		d := &platformDesk{err: one.deskErr}
		got, counted := notify(t, d, one.proveErr, one.refused)
		assert.Equal(t, one.status, got.Code, name)
		assert.Equal(t, "failure", got.Body.String(), name)
		assert.Equal(t, citycard.CallbackKind{Profile: citycard.ProfileNotify, Outcome: citycard.CallbackRefused, Code: one.code}, counted, name)
		if one.proveErr != nil {
			assert.Empty(t, d.taken, name)
		}
	}
}
