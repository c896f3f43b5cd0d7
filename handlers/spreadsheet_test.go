package handlers_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/handlers"
)

var errGone = errors.New("the database went away")

// asStaff lets a request be one of staff.
func asStaff(c echo.Context, id string, role citycard.StaffRole) {
	ctx := citycard.WithStaffSession(c.Request().Context(), citycard.StaffSession{Staff: citycard.Staff{ID: id, Role: role}})
	c.SetRequest(c.Request().WithContext(citycard.WithRequestID(ctx, "request-1")))
}

// brokenTrail shows one page of an export, or none, and fails.
type brokenTrail struct {
	handlers.AuditTrail

	lines int
}

func (b brokenTrail) Export(_ context.Context, _ citycard.StaffSession, _ string, visit func([]citycard.StaffAction) error) error {
	if b.lines == 0 {
		return errGone
	}
	return errors.Join(visit(make([]citycard.StaffAction, b.lines)), errGone)
}

// brokenUploads lists one page of an import's problems, or none, and fails.
type brokenUploads struct {
	uploads

	lines int
}

func (b brokenUploads) Rejects(_ context.Context, _ citycard.StaffSession, _ string, after citycard.RowProblem, most int) ([]citycard.RowProblem, error) {
	if b.lines == 0 || after.Line > 0 {
		return nil, errGone
	}
	page := make([]citycard.RowProblem, most)
	for i := range page {
		page[i] = citycard.RowProblem{Line: int64(i + 2), Column: "name", Reason: "the field is empty"}
	}
	return page, nil
}

// TestHalfAFileIsNone holds that a file that breaks off does not arrive as a whole one, and that one that cannot begin is
// refused.
func TestHalfAFileIsNone(t *testing.T) {
	t.Parallel()
	for _, lines := range []int{0, 2000} {
		e := echo.New()
		e.HTTPErrorHandler = handlers.Problems(nil)
		e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				asStaff(c, "sue", citycard.RoleSupervisor)
				return next(c)
			}
		})
		e.POST("/audit/:ref", handlers.StaffAudit{Trail: brokenTrail{lines: lines}}.Export)
		e.POST("/rejects/:ref", (&handlers.StaffImportPages{Desk: brokenUploads{lines: lines}}).Rejects)
		server := httptest.NewServer(e)
		t.Cleanup(server.Close)
		for _, path := range []string{"/audit/export-1", "/rejects/job-1"} {
			answer, err := http.Post(server.URL+path, "", nil)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, answer.Body)
			if lines == 0 {
				require.NoError(t, err)
				assert.Equal(t, http.StatusInternalServerError, answer.StatusCode, path)
			} else {
				require.Error(t, err, path)
				assert.Equal(t, "text/csv; charset=utf-8", answer.Header.Get("Content-Type"), path)
			}
			require.NoError(t, answer.Body.Close())
		}
	}
}
