package handlers

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffAudit shows the record of what staff did.
type StaffAudit struct{ Desk StaffDesk }

type staffActionBody struct {
	ID        string             `json:"id"`
	StaffID   string             `json:"staff_id"`
	Role      citycard.StaffRole `json:"role"`
	Action    string             `json:"action"`
	Object    string             `json:"object"`
	Reason    string             `json:"reason"`
	Note      string             `json:"note"`
	RequestID string             `json:"request_id"`
	At        string             `json:"at"`
}

// List answers GET /admin/v1/audit?cursor=&limit=, newest first.
func (h StaffAudit) List(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	limit, before := historyPage, c.QueryParam("cursor")
	if text := c.QueryParam("limit"); text != "" {
		limit, err = strconv.Atoi(text)
		if err != nil || limit < 1 || limit > historyMaximum {
			return malformed("limit", "limit must be a number from 1 to 100")
		}
	}
	if before != "" && !referenceForm.MatchString(before) {
		return malformed("cursor", "cursor must be the next_cursor of an earlier answer")
	}
	actions, err := h.Desk.Actions(c.Request().Context(), session, before, limit+1)
	if err != nil {
		return err
	}
	body := list[staffActionBody]{Items: make([]staffActionBody, 0, len(actions))}
	for i, a := range actions {
		if i == limit {
			body.NextCursor = &actions[i-1].ID
			break
		}
		body.Items = append(body.Items, staffActionBody{
			ID: a.ID, StaffID: a.StaffID, Role: a.Role, Action: a.Action, Object: a.Object, Reason: a.Reason, Note: a.Note,
			RequestID: a.RequestID, At: moment(a.At),
		})
	}
	return c.JSON(http.StatusOK, body)
}
