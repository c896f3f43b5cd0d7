package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffCorrections are the cases of wrong records.
type StaffCorrections struct{ Cases StaffCases }

type correctionBody struct {
	ID          string                   `json:"id"`
	Card        string                   `json:"card"`
	Kind        citycard.CorrectionKind  `json:"kind"`
	Description string                   `json:"description"`
	OpenedBy    string                   `json:"opened_by"`
	OpenedAt    string                   `json:"opened_at"`
	State       citycard.CorrectionState `json:"state"`
	ResolvedBy  *string                  `json:"resolved_by"`
	ResolvedAt  *string                  `json:"resolved_at"`
	Resolution  string                   `json:"resolution"`
}

func showCorrection(k citycard.Correction) correctionBody {
	body := correctionBody{
		ID: k.ID, Card: k.CardRef, Kind: k.Kind, Description: k.Description, OpenedBy: k.OpenedBy, OpenedAt: moment(k.OpenedAt),
		State: k.State, ResolvedBy: optional(k.ResolvedBy), Resolution: k.Resolution,
	}
	if !k.ResolvedAt.IsZero() {
		at := moment(k.ResolvedAt)
		body.ResolvedAt = &at
	}
	return body
}

// Open answers POST /admin/v1/cards/{ref}/corrections: 201 with the case.
func (h StaffCorrections) Open(c echo.Context) error {
	session, ref, err := staffOn(c)
	if err != nil {
		return err
	}
	once, err := onceKey(c)
	if err != nil {
		return err
	}
	var body struct {
		Kind        citycard.CorrectionKind `json:"kind"`
		Description string                  `json:"description"`
	}
	if err := bind(c, &body); err != nil {
		return err
	}
	opened, err := h.Cases.OpenCorrection(c.Request().Context(), session, citycard.NewCorrection{
		Ref: ref, Kind: body.Kind, Description: body.Description, OnceKey: once,
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, showCorrection(opened))
}

// List answers GET /admin/v1/corrections?state=&cursor=&limit=, newest first.
func (h StaffCorrections) List(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	limit, before, err := pageAsked(c)
	if err != nil {
		return err
	}
	state := citycard.CorrectionState(c.QueryParam("state"))
	if state != "" && state != citycard.CorrectionOpen && state != citycard.CorrectionResolved {
		return malformed("state", "a case is open or resolved")
	}
	query := citycard.CorrectionQuery{State: state, Before: before, Limit: limit}
	page, next, err := h.Cases.Corrections(c.Request().Context(), session, query)
	if err != nil {
		return err
	}
	body := list[correctionBody]{Items: make([]correctionBody, 0, len(page)), NextCursor: optional(next)}
	for _, k := range page {
		body.Items = append(body.Items, showCorrection(k))
	}
	return c.JSON(http.StatusOK, body)
}

// Show answers GET /admin/v1/corrections/{ref}.
func (h StaffCorrections) Show(c echo.Context) error {
	session, id, err := staffOn(c)
	if err != nil {
		return err
	}
	found, err := h.Cases.Correction(c.Request().Context(), session, id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showCorrection(found))
}

// Resolve answers POST /admin/v1/corrections/{ref}/resolve with the case.
func (h StaffCorrections) Resolve(c echo.Context) error {
	session, id, err := staffOn(c)
	if err != nil {
		return err
	}
	var body struct {
		Resolution string `json:"resolution"`
	}
	if err := bind(c, &body); err != nil {
		return err
	}
	resolved, err := h.Cases.ResolveCorrection(c.Request().Context(), session, id, body.Resolution)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showCorrection(resolved))
}
