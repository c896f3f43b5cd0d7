package handlers

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"citycard"
)

// AuditTrail shows what staff did, *citycard.AuditTrail.
type AuditTrail interface {
	List(ctx context.Context, s citycard.StaffSession, f citycard.AuditFilter, before string, limit int) ([]citycard.StaffAction, string, error)
	AskExport(ctx context.Context, s citycard.StaffSession, f citycard.AuditFilter, note, once string) (citycard.Approval, error)
	Exports(ctx context.Context, s citycard.StaffSession) ([]citycard.Approval, error)
	Export(ctx context.Context, s citycard.StaffSession, id string, visit func([]citycard.StaffAction) error) error
	Checkpoint(ctx context.Context, s citycard.StaffSession, since int64) (citycard.LedgerState, error)
}

var _ AuditTrail = (*citycard.AuditTrail)(nil)

// StaffAudit shows the record of what staff did.
type StaffAudit struct{ Trail AuditTrail }

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

// List answers GET /admin/v1/audit?staff=&action=&object=&from=&to=&cursor=&limit=, newest first.
func (h StaffAudit) List(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	limit, before, err := pageAsked(c)
	if err != nil {
		return err
	}
	filter, err := auditFilter(c.QueryParam)
	if err != nil {
		return err
	}
	actions, next, err := h.Trail.List(c.Request().Context(), session, filter, before, limit)
	if err != nil {
		return err
	}
	body := list[staffActionBody]{Items: make([]staffActionBody, 0, len(actions)), NextCursor: optional(next)}
	for _, a := range actions {
		body.Items = append(body.Items, staffActionBody{
			ID: a.ID, StaffID: a.StaffID, Role: a.Role, Action: a.Action, Object: a.Object, Reason: a.Reason, Note: a.Note,
			RequestID: a.RequestID, At: moment(a.At),
		})
	}
	return c.JSON(http.StatusOK, body)
}

// auditFilter reads a filter from a query or a form.
func auditFilter(value func(name string) string) (citycard.AuditFilter, error) {
	filter := citycard.AuditFilter{
		Staff: strings.TrimSpace(value("staff")), Action: value("action"), Object: strings.TrimSpace(value("object")),
	}
	var err error
	if filter.From, err = citycard.ParseDate(value("from")); err != nil {
		return filter, malformed("from", "from must be a day written YYYY-MM-DD")
	}
	if filter.To, err = citycard.ParseDate(value("to")); err != nil {
		return filter, malformed("to", "to must be a day written YYYY-MM-DD")
	}
	return filter, filter.Check()
}

// AskExport answers POST /admin/v1/audit/exports with the request that a second person decides.
func (h StaffAudit) AskExport(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	once, err := onceKey(c)
	if err != nil {
		return err
	}
	var body struct {
		Staff  string `json:"staff"`
		Action string `json:"action"`
		Object string `json:"object"`
		From   string `json:"from"`
		To     string `json:"to"`
		Note   string `json:"note"`
	}
	if err := bind(c, &body); err != nil {
		return err
	}
	members := map[string]string{"staff": body.Staff, "action": body.Action, "object": body.Object, "from": body.From, "to": body.To}
	filter, err := auditFilter(func(name string) string { return members[name] })
	if err != nil {
		return err
	}
	asked, err := h.Trail.AskExport(c.Request().Context(), session, filter, body.Note, once)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, showApproval(asked))
}

// Export answers POST /admin/v1/audit/exports/{ref} with the lines as CSV, once.
func (h StaffAudit) Export(c echo.Context) error {
	session, id, err := staffOn(c)
	if err != nil {
		return err
	}
	header := []string{"id", "at", "staff_id", "role", "action", "object", "reason", "note", "request_id"}
	return streamSheet(c, "audit.csv", header, func(row func(fields ...string) error) error {
		return h.Trail.Export(c.Request().Context(), session, id, func(actions []citycard.StaffAction) error {
			for _, a := range actions {
				if err := row(a.ID, moment(a.At), a.StaffID, string(a.Role), a.Action, a.Object, a.Reason, a.Note, a.RequestID); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

type checkpointBody struct {
	Size       int64    `json:"size"`
	Root       string   `json:"root"`
	Checkpoint string   `json:"checkpoint"`
	PublicKeys []string `json:"public_keys"`
	Since      *int64   `json:"since"`
	Proof      []string `json:"consistency_proof"`
}

// Checkpoint answers GET /admin/v1/audit/checkpoint?since= with the signed state of the ledger.
func (h StaffAudit) Checkpoint(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	var since *int64
	if text := c.QueryParam("since"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			return malformed("since", "since must be the number of entries of an older checkpoint")
		}
		since = &n
	}
	asked := int64(0)
	if since != nil {
		asked = *since
	}
	state, err := h.Trail.Checkpoint(c.Request().Context(), session, asked)
	if err != nil {
		return err
	}
	body := checkpointBody{
		Size: state.Size, Root: state.Root, Checkpoint: state.Checkpoint, PublicKeys: state.Keys, Since: since, Proof: state.Proof,
	}
	if body.Proof == nil {
		body.Proof = []string{}
	}
	return c.JSON(http.StatusOK, body)
}
