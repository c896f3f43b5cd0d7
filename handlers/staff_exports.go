package handlers

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// Exports gives figures out as files, *citycard.Exports.
type Exports interface {
	Ask(ctx context.Context, s citycard.StaffSession, e citycard.Export, note, onceKey string) (citycard.Approval, error)
	Ready(ctx context.Context, s citycard.StaffSession) ([]citycard.Approval, error)
	Fetch(ctx context.Context, s citycard.StaffSession, id string) (citycard.ExportFile, error)
}

var _ Exports = (*citycard.Exports)(nil)

// StaffExports asks for exports of figures and fetches them.
type StaffExports struct{ Exports Exports }

// Ask answers POST /admin/v1/exports with the request, which a second person decides.
func (h StaffExports) Ask(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	once, err := onceKey(c)
	if err != nil {
		return err
	}
	var body struct {
		What citycard.ExportKind `json:"what"`
		From string              `json:"from"`
		To   string              `json:"to"`
		Note string              `json:"note"`
	}
	if err := bind(c, &body); err != nil {
		return err
	}
	asked, err := exportAsked(body.What, body.From, body.To)
	if err != nil {
		return err
	}
	a, err := h.Exports.Ask(c.Request().Context(), session, asked, body.Note, once)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, showApproval(a))
}

func exportAsked(what citycard.ExportKind, from, to string) (citycard.Export, error) {
	first, err := citycard.ParseDate(from)
	if err != nil || first.IsZero() {
		return citycard.Export{}, invalidPayload("from", "from must be a day written YYYY-MM-DD")
	}
	last, err := citycard.ParseDate(to)
	if err != nil || last.IsZero() {
		return citycard.Export{}, invalidPayload("to", "to must be a day written YYYY-MM-DD")
	}
	return citycard.Export{What: what, From: first, To: last}, nil
}

// Fetch answers POST /admin/v1/exports/{ref} with the file of an approved request, once.
func (h StaffExports) Fetch(c echo.Context) error {
	session, id, err := staffOn(c)
	if err != nil {
		return err
	}
	file, err := h.Exports.Fetch(c.Request().Context(), session, id)
	if err != nil {
		return err
	}
	return streamSheet(c, file.Name, file.Header, func(row func(fields ...string) error) error {
		for _, fields := range file.Rows {
			if err := row(fields...); err != nil {
				return err
			}
		}
		return nil
	})
}

// AskPage answers POST /admin/dashboard/exports and leads to the request.
func (h *StaffDashboard) AskPage(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	asked, err := exportAsked(citycard.ExportKind(c.FormValue("what")), c.FormValue("from"), c.FormValue("to"))
	if err == nil {
		var a citycard.Approval
		if a, err = h.Exports.Ask(c.Request().Context(), session, asked, c.FormValue("note"), formOnce(c)); err == nil {
			return c.Redirect(http.StatusSeeOther, staffHome+"/approvals/"+a.ID)
		}
	}
	return h.show(c, err)
}
