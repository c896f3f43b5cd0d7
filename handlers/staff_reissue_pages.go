package handlers

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

type staffReissuePage struct {
	Card    citycard.StaffCard
	Reasons []citycard.ReissueReason
	Once    string
}

// ReissueForm answers GET /admin/cards/{ref}/reissue.
func (h *StaffPages) ReissueForm(c echo.Context) error { return h.reissueForm(c, nil) }

func (h *StaffPages) reissueForm(c echo.Context, refusal error) error {
	session, ref, err := staffOn(c)
	if err != nil {
		return err
	}
	card, err := h.Desk.Card(c.Request().Context(), session, ref)
	if err != nil {
		return err
	}
	body := staffReissuePage{Card: card, Reasons: citycard.ReissueReasons(), Once: h.NewID()}
	return h.show(c, "reissue", body, refusal)
}

// Reissue answers POST /admin/cards/{ref}/reissue and leads to the slip.
func (h *StaffPages) Reissue(c echo.Context) error {
	session, ref, err := staffOn(c)
	if err != nil {
		return err
	}
	request := citycard.ReissueRequest{
		Ref: ref, Reason: citycard.ReissueReason(c.FormValue("reason")), Note: c.FormValue("note"),
		Bank: citycard.Bank(c.FormValue("bank_code")), Evidence: c.FormValue("evidence"), Agent: formAgent(c), OnceKey: formOnce(c),
	}
	if waiver := citycard.Reason(c.FormValue("waiver")); waiver != "" {
		request.Waiver = &waiver
	}
	view, err := h.Desk.Reissue(c.Request().Context(), session, request)
	if err != nil {
		return h.reissueForm(c, err)
	}
	return c.Redirect(http.StatusSeeOther, staffHome+"/reissues/"+view.ID)
}

type slipPage struct {
	citycard.ReissueView

	// Yuan is the fee, with two decimals.
	Yuan string
}

// Slip answers GET /admin/reissues/{ref}: what is printed and signed.
func (h *StaffPages) Slip(c echo.Context) error {
	session, ref, err := staffOn(c)
	if err != nil {
		return err
	}
	view, err := h.Desk.FindReissue(c.Request().Context(), session, ref)
	if err != nil {
		return err
	}
	const fen = 100
	return h.show(c, "slip", slipPage{view, fmt.Sprintf("%d.%02d", view.FeeFen/fen, view.FeeFen%fen)}, nil)
}
