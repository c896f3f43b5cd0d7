package handlers

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"citycard"
)

type staffApprovalsPage struct {
	States    []citycard.ApprovalState
	State     citycard.ApprovalState
	Approvals []citycard.Approval
	Names     map[string]string
	// Next is where the older ones begin, empty at the end.
	Next string
}

// ApprovalList answers GET /admin/approvals: the open requests, or those of another state.
func (h *StaffPages) ApprovalList(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	limit, before, err := pageAsked(c)
	if err != nil {
		return err
	}
	state, err := approvalState(c)
	if err != nil {
		return err
	}
	if state == "" {
		state = citycard.ApprovalOpen
	}
	page, next, err := h.Approvals.List(c.Request().Context(), session, state, before, limit)
	if err != nil {
		return err
	}
	names, err := h.namesOf(c, page...)
	if err != nil {
		return err
	}
	return h.show(c, "approvals", staffApprovalsPage{citycard.ApprovalStates(), state, page, names, next}, nil)
}

// namesOf are the names of those who asked and decided.
func (h *StaffPages) namesOf(c echo.Context, approvals ...citycard.Approval) (map[string]string, error) {
	ids := make([]string, 0, 2*len(approvals))
	for _, a := range approvals {
		ids = append(ids, a.RequestedBy, a.DecidedBy)
	}
	return h.Names(c.Request().Context(), ids)
}

// askedFor is one member of what was asked for, or one piece of evidence.
type askedFor struct{ Name, Value string }

type staffApprovalPage struct {
	Approval citycard.Approval
	Asked    []askedFor
	Names    map[string]string
	// MayDecide and MayWithdraw tell what the session may do with it now.
	MayDecide   bool
	MayWithdraw bool
	// OnCard tells whether the object is a card.
	OnCard bool
}

// Approval answers GET /admin/approvals/{ref}.
func (h *StaffPages) Approval(c echo.Context) error { return h.approval(c, nil) }

func (h *StaffPages) approval(c echo.Context, refusal error) error {
	session, id, err := staffOn(c)
	if err != nil {
		return err
	}
	a, err := h.Approvals.Show(c.Request().Context(), session, id)
	if err != nil {
		return err
	}
	names, err := h.namesOf(c, a)
	if err != nil {
		return err
	}
	body := staffApprovalPage{
		Approval: a, Names: names, MayDecide: a.Decidable(session),
		MayWithdraw: a.State == citycard.ApprovalOpen && a.RequestedBy == session.Staff.ID, OnCard: onCard[a.Kind],
	}
	if body.Asked, err = askedMembers(a.Request); err != nil {
		return err
	}
	body.Asked = slices.DeleteFunc(body.Asked, func(m askedFor) bool { return m.Name == "reason" && m.Value == a.Reason })
	return h.show(c, "approval", body, refusal)
}

// onCard are the kinds whose object is a card.
var onCard = map[citycard.ApprovalKind]bool{
	citycard.ApproveCancelCard: true, citycard.ApproveManualActivation: true, citycard.ApproveFreeze: true,
	citycard.ApproveReleaseHold: true,
}

// askedMembers lists the members of a JSON object that hold something, by name.
func askedMembers(request []byte) ([]askedFor, error) {
	var members map[string]any
	if err := json.Unmarshal(request, &members); err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	var list []askedFor
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if value := fmt.Sprint(members[name]); members[name] != nil && value != "" {
			list = append(list, askedFor{name, value})
		}
	}
	return list, nil
}

// Decide answers POST /admin/approvals/{ref} and leads back to the request.
func (h *StaffPages) Decide(c echo.Context) error {
	a, err := decide(c, h.Approvals, decision(c.FormValue("decision")), c.FormValue("note"))
	if err != nil {
		return h.approval(c, err)
	}
	return c.Redirect(http.StatusSeeOther, staffHome+"/approvals/"+a.ID)
}
