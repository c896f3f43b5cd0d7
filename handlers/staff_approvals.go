package handlers

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffQueue is the queue of what needs a second person.
type StaffQueue struct{ Approvals StaffApprovals }

type approvalBody struct {
	ID           string                 `json:"id"`
	Kind         citycard.ApprovalKind  `json:"kind"`
	Object       string                 `json:"object"`
	Request      json.RawMessage        `json:"request"`
	Reason       string                 `json:"reason"`
	Note         string                 `json:"note"`
	RequestedBy  string                 `json:"requested_by"`
	RequestedAt  string                 `json:"requested_at"`
	ExpiresAt    string                 `json:"expires_at"`
	State        citycard.ApprovalState `json:"state"`
	DecidedBy    *string                `json:"decided_by"`
	DecidedAt    *string                `json:"decided_at"`
	DecisionNote string                 `json:"decision_note"`
	Outcome      string                 `json:"outcome"`
}

func showApproval(a citycard.Approval) approvalBody {
	body := approvalBody{
		ID: a.ID, Kind: a.Kind, Object: a.Object, Request: a.Request, Reason: a.Reason, Note: a.Note,
		RequestedBy: a.RequestedBy, RequestedAt: moment(a.RequestedAt), ExpiresAt: moment(a.ExpiresAt()), State: a.State,
		DecidedBy: optional(a.DecidedBy), DecisionNote: a.DecisionNote, Outcome: a.Outcome,
	}
	if !a.DecidedAt.IsZero() {
		at := moment(a.DecidedAt)
		body.DecidedAt = &at
	}
	return body
}

// List answers GET /admin/v1/approvals?state=&cursor=&limit=, newest first.
func (h StaffQueue) List(c echo.Context) error {
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
	page, next, err := h.Approvals.List(c.Request().Context(), session, state, before, limit)
	if err != nil {
		return err
	}
	body := list[approvalBody]{Items: make([]approvalBody, 0, len(page)), NextCursor: optional(next)}
	for _, a := range page {
		body.Items = append(body.Items, showApproval(a))
	}
	return c.JSON(http.StatusOK, body)
}

// pageAsked is how many lines a request for a list wants at most, and from where on.
func pageAsked(c echo.Context) (limit int, before string, err error) {
	if limit, err = limitAsked(c); err != nil {
		return 0, "", err
	}
	if before = c.QueryParam("cursor"); before != "" && !isReference(before) {
		return 0, "", malformed("cursor", "cursor must be the next_cursor of an earlier answer")
	}
	return limit, before, nil
}

// limitAsked reads how many lines are asked for.
func limitAsked(c echo.Context) (int, error) {
	text := c.QueryParam("limit")
	if text == "" {
		return historyPage, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > historyMaximum {
		return 0, malformed("limit", "limit must be a number from 1 to 100")
	}
	return limit, nil
}

func approvalState(c echo.Context) (citycard.ApprovalState, error) {
	state := citycard.ApprovalState(c.QueryParam("state"))
	if state != "" && !slices.Contains(citycard.ApprovalStates(), state) {
		return "", malformed("state", "there is no such state of an approval")
	}
	return state, nil
}

// Show answers GET /admin/v1/approvals/{ref}.
func (h StaffQueue) Show(c echo.Context) error {
	session, id, err := staffOn(c)
	if err != nil {
		return err
	}
	a, err := h.Approvals.Show(c.Request().Context(), session, id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showApproval(a))
}

// decision is one of the three ways in which a request ends by hand.
type decision string

const (
	decisionApprove  decision = "approve"
	decisionRefuse   decision = "refuse"
	decisionWithdraw decision = "withdraw"
)

func decide(c echo.Context, queue StaffApprovals, what decision, note string) (citycard.Approval, error) {
	session, err := staffOf(c)
	if err != nil {
		return citycard.Approval{}, err
	}
	id, err := reference(c, "ref")
	if err != nil {
		return citycard.Approval{}, err
	}
	ctx := c.Request().Context()
	switch what {
	case decisionApprove:
		return queue.Approve(ctx, session, id, note)
	case decisionRefuse:
		return queue.Refuse(ctx, session, id, note)
	case decisionWithdraw:
		return queue.Withdraw(ctx, session, id)
	}
	return citycard.Approval{}, malformed("decision", "a request is approved, refused or withdrawn")
}

// Approve answers POST /admin/v1/approvals/{ref}/approve with the request as it is afterwards.
func (h StaffQueue) Approve(c echo.Context) error { return h.decide(c, decisionApprove) }

// Refuse answers POST /admin/v1/approvals/{ref}/refuse.
func (h StaffQueue) Refuse(c echo.Context) error { return h.decide(c, decisionRefuse) }

// Withdraw answers POST /admin/v1/approvals/{ref}/withdraw.
func (h StaffQueue) Withdraw(c echo.Context) error { return h.decide(c, decisionWithdraw) }

func (h StaffQueue) decide(c echo.Context, what decision) error {
	var body struct {
		Note string `json:"note"`
	}
	if err := bind(c, &body); err != nil {
		return err
	}
	a, err := decide(c, h.Approvals, what, body.Note)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showApproval(a))
}
