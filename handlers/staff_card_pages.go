package handlers

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// pageActions are the actions offered on a card's page.
var pageActions = []citycard.CardAction{citycard.ActionLoss, citycard.ActionFound, citycard.ActionFormalLoss}

type staffCardPage struct {
	Card citycard.StaffCard
	// MayServe tells whether the role may do something here, MayReissue whether the card is one to be replaced.
	MayServe   bool
	MayReissue bool
	Actions    []citycard.CardAction
	Once       string
}

// Card answers GET /admin/cards/{ref}.
func (h *StaffPages) Card(c echo.Context) error { return h.card(c, nil) }

// card shows a card's page, and above it what was refused.
func (h *StaffPages) card(c echo.Context, refusal error) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	ref, err := reference(c, "ref")
	if err != nil {
		return err
	}
	card, err := h.Desk.Card(c.Request().Context(), session, ref)
	if err != nil {
		return err
	}
	role := session.Staff.Role
	return h.show(c, "one_card", staffCardPage{
		Card: card, MayServe: role == citycard.RoleClerk || role == citycard.RoleSupervisor,
		MayReissue: card.Fulfilment == citycard.FulfilmentCollected, Actions: pageActions, Once: h.NewID(),
	}, refusal)
}

// Act answers POST /admin/cards/{ref}/act and leads back to the card.
func (h *StaffPages) Act(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	ref, err := reference(c, "ref")
	if err != nil {
		return err
	}
	action := citycard.CardAction("")
	for _, offered := range pageActions {
		if string(offered) == c.FormValue("action") {
			action = offered
		}
	}
	_, _, err = h.Desk.Act(c.Request().Context(), session, citycard.ActionRequest{
		Ref: ref, Action: action, Note: c.FormValue("note"), Evidence: c.FormValue("evidence"), OnceKey: formOnce(c),
	})
	if err != nil {
		return h.card(c, err)
	}
	return c.Redirect(http.StatusSeeOther, staffHome+"/cards/"+ref)
}

// formOnce is the form's own number; a form without a proper one is not recognised when it comes again.
func formOnce(c echo.Context) string {
	if once := c.FormValue("once"); onceForm.MatchString(once) {
		return once
	}
	return ""
}

type staffReissuePage struct {
	Card    citycard.StaffCard
	Reasons []citycard.ReissueReason
	Waivers []citycard.Reason
	Once    string
}

// ReissueForm answers GET /admin/cards/{ref}/reissue.
func (h *StaffPages) ReissueForm(c echo.Context) error { return h.reissueForm(c, nil) }

func (h *StaffPages) reissueForm(c echo.Context, refusal error) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	ref, err := reference(c, "ref")
	if err != nil {
		return err
	}
	card, err := h.Desk.Card(c.Request().Context(), session, ref)
	if err != nil {
		return err
	}
	body := staffReissuePage{Card: card, Reasons: citycard.ReissueReasons(), Waivers: h.Waivers, Once: h.NewID()}
	return h.show(c, "reissue", body, refusal)
}

// Reissue answers POST /admin/cards/{ref}/reissue and leads to the slip.
func (h *StaffPages) Reissue(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	ref, err := reference(c, "ref")
	if err != nil {
		return err
	}
	request := citycard.ReissueRequest{
		Ref: ref, Reason: citycard.ReissueReason(c.FormValue("reason")), Note: c.FormValue("note"), OnceKey: formOnce(c),
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
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	ref, err := reference(c, "ref")
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
