package handlers

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffAuditPages are the record of what staff did, as pages.
type StaffAuditPages struct {
	Pages *StaffPages
	Trail AuditTrail
}

type staffAuditPage struct {
	Filter  citycard.AuditFilter
	Actions []citycard.StaffAction
	// Names are those of accounts by id.
	Names map[string]string
	// Older leads to the next page, empty at the end.
	Older string
	// Exports are the session's own, approved and not fetched yet.
	Exports []citycard.Approval
	Once    string
	Note    string
}

// List answers GET /admin/audit?staff=&action=&object=&from=&to=&cursor=.
func (h *StaffAuditPages) List(c echo.Context) error { return h.list(c, c.QueryParam, nil) }

// list shows lines of the record, and above them what was refused.
func (h *StaffAuditPages) list(c echo.Context, value func(string) string, refusal error) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	limit, before, err := pageAsked(c)
	if err != nil {
		return err
	}
	body := staffAuditPage{Once: h.Pages.NewID(), Note: value("note")}
	filter, err := auditFilter(value)
	body.Filter = filter
	if err != nil {
		return h.Pages.show(c, "audit", body, err)
	}
	ctx := c.Request().Context()
	var next string
	if body.Actions, next, err = h.Trail.List(ctx, session, filter, before, limit); err != nil {
		return err
	}
	if next != "" {
		body.Older = "/admin/audit?" + url.Values{
			"staff": {filter.Staff}, "action": {filter.Action}, "object": {filter.Object}, "from": {filter.From.String()},
			"to": {filter.To.String()}, "cursor": {next},
		}.Encode()
	}
	if body.Exports, err = h.Trail.Exports(ctx, session); err != nil {
		return err
	}
	ids := make([]string, len(body.Actions))
	for i, action := range body.Actions {
		ids[i] = action.StaffID
	}
	if body.Names, err = h.Pages.Names(ctx, ids); err != nil {
		return err
	}
	return h.Pages.show(c, "audit", body, refusal)
}

// AskExport answers POST /admin/audit/exports and leads to the request.
func (h *StaffAuditPages) AskExport(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	filter, err := auditFilter(c.FormValue)
	if err != nil {
		return h.list(c, c.FormValue, err)
	}
	asked, err := h.Trail.AskExport(c.Request().Context(), session, filter, c.FormValue("note"), formOnce(c))
	if err != nil {
		return h.list(c, c.FormValue, err)
	}
	return c.Redirect(http.StatusSeeOther, staffHome+"/approvals/"+asked.ID)
}

// Export answers POST /admin/audit/exports/{ref} with the lines as CSV, once.
func (h *StaffAuditPages) Export(c echo.Context) error { return StaffAudit{h.Trail}.Export(c) }

// Checkpoint answers GET /admin/audit/checkpoint with the signed state of the ledger, as a file.
func (h *StaffAuditPages) Checkpoint(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	state, err := h.Trail.Checkpoint(c.Request().Context(), session, 0)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="checkpoint.txt"`)
	return c.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte(state.Checkpoint))
}
