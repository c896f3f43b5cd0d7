package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

type staffCardPage struct {
	Card citycard.StaffCard
	// Names are those of the staff accounts in the history and the cases.
	Names map[string]string
	// MayServe and MaySee tell whether the role may open cases here, and reveal fields.
	MayServe bool
	MaySee   bool
	Fields   []citycard.RevealField
	Reasons  []string
	Kinds    []citycard.CorrectionKind
	// Revealed is what the form just asked to see, shown this once.
	Revealed *revealed
	// Beyond tells that the day's number of reveals is used up.
	Beyond bool
	Today  string
	Once   string
}

type revealed struct {
	Field  citycard.RevealField
	Values []string
}

// Card answers GET /admin/cards/{ref}.
func (h *StaffPages) Card(c echo.Context) error { return h.card(c, nil, nil) }

// card shows a card's page, and above it what was revealed or refused.
func (h *StaffPages) card(c echo.Context, shown *revealed, refusal error) error {
	session, ref, err := staffOn(c)
	if err != nil {
		return err
	}
	card, err := h.Desk.Card(c.Request().Context(), session, ref)
	if err != nil {
		return err
	}
	var ids []string
	for _, t := range card.History {
		ids = append(ids, t.Cause.Actor.ID)
	}
	for _, k := range card.Corrections {
		ids = append(ids, k.OpenedBy, k.ResolvedBy)
	}
	names, err := h.Names(c.Request().Context(), ids)
	if err != nil {
		return err
	}
	role := session.Staff.Role
	return h.show(c, "one_card", staffCardPage{
		Card: card, Names: names, MayServe: role == citycard.RoleClerk || role == citycard.RoleSupervisor,
		MaySee: role != citycard.RoleOperator, Fields: citycard.RevealFields(), Reasons: citycard.RevealReasons(),
		Kinds: citycard.CorrectionKinds(), Revealed: shown, Beyond: citycard.CodeOf(refusal) == citycard.CodeSecondPersonRequired,
		Today: h.Today(), Once: h.NewID(),
	}, refusal)
}

// Act answers POST /admin/cards/{ref}/act and leads back to the card or, where a second person is needed, to the
// request.
func (h *StaffPages) Act(c echo.Context) error {
	session, ref, err := staffOn(c)
	if err != nil {
		return err
	}
	request := citycard.ActionRequest{
		Ref: ref, Action: citycard.CardAction(c.FormValue("action")), Reason: citycard.Reason(c.FormValue("reason")),
		Note: c.FormValue("note"), Evidence: c.FormValue("evidence"), Place: c.FormValue("place"),
		Step: citycard.Step(c.FormValue("step")), AccountLast4: c.FormValue("account_last4"), ActivatedOn: c.FormValue("activated_on"),
		Agent: formAgent(c), OnceKey: formOnce(c),
	}
	if request.Step == citycard.StepCollect {
		request.ReceivedOn = c.FormValue("received_on")
	}
	if citycard.NeedsSecond(request.Action) {
		asked, err := h.Desk.Ask(c.Request().Context(), session, request)
		if err != nil {
			return h.card(c, nil, err)
		}
		return c.Redirect(http.StatusSeeOther, staffHome+"/approvals/"+asked.ID)
	}
	if _, _, err := h.Desk.Act(c.Request().Context(), session, request); err != nil {
		return h.card(c, nil, err)
	}
	return c.Redirect(http.StatusSeeOther, staffHome+"/cards/"+ref)
}

// formAgent is who came for the cardholder; nobody where the form says nothing of it.
func formAgent(c echo.Context) citycard.Agent {
	return citycard.Agent{
		Document: c.FormValue("agent_document"), Cardholder: c.FormValue("cardholder_document"),
		Attorney: c.FormValue("attorney"), Until: c.FormValue("until"),
	}
}

// formOnce is the form's own number; a form without a proper one is not recognised when it comes again.
func formOnce(c echo.Context) string {
	if once := c.FormValue("once"); isOnceKey(once) {
		return once
	}
	return ""
}

// Reveal answers POST /admin/cards/{ref}/reveal with the card's page, the field above it: what is revealed stands in
// no address and is not there when the page is opened again. Ask is the button that asks a second person.
func (h *StaffPages) Reveal(c echo.Context) error {
	session, ref, err := staffOn(c)
	if err != nil {
		return err
	}
	request := citycard.RevealRequest{
		Ref: ref, Field: citycard.RevealField(c.FormValue("field")), Reason: c.FormValue("reason"), Note: c.FormValue("note"),
		Approval: c.FormValue("approval"), OnceKey: formOnce(c),
	}
	if c.FormValue("ask") != "" {
		asked, err := h.Reveals.AskReveal(c.Request().Context(), session, request)
		if err != nil {
			return h.card(c, nil, err)
		}
		return c.Redirect(http.StatusSeeOther, staffHome+"/approvals/"+asked.ID)
	}
	values, err := h.Reveals.Reveal(c.Request().Context(), session, request)
	if err != nil {
		return h.card(c, nil, err)
	}
	return h.card(c, &revealed{request.Field, values}, nil)
}

// OpenCorrection answers POST /admin/cards/{ref}/corrections and leads back to the card.
func (h *StaffPages) OpenCorrection(c echo.Context) error {
	session, ref, err := staffOn(c)
	if err != nil {
		return err
	}
	_, err = h.Cases.OpenCorrection(c.Request().Context(), session, citycard.NewCorrection{
		Ref: ref, Kind: citycard.CorrectionKind(c.FormValue("kind")), Description: c.FormValue("description"), OnceKey: formOnce(c),
	})
	if err != nil {
		return h.card(c, nil, err)
	}
	return c.Redirect(http.StatusSeeOther, staffHome+"/cards/"+ref)
}

// ResolveCorrection answers POST /admin/corrections/{ref} and leads to the case's card.
func (h *StaffPages) ResolveCorrection(c echo.Context) error {
	session, id, err := staffOn(c)
	if err != nil {
		return err
	}
	resolved, err := h.Cases.ResolveCorrection(c.Request().Context(), session, id, c.FormValue("resolution"))
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, staffHome+"/cards/"+resolved.CardRef)
}
