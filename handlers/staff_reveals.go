package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffFields shows single fields of people's records in clear.
type StaffFields struct{ Reveals StaffReveals }

func readReveal(c echo.Context) (citycard.RevealRequest, error) {
	ref, err := reference(c, "ref")
	if err != nil {
		return citycard.RevealRequest{}, err
	}
	once, err := onceKey(c)
	if err != nil {
		return citycard.RevealRequest{}, err
	}
	var body struct {
		Field    citycard.RevealField `json:"field"`
		Reason   string               `json:"reason"`
		Note     string               `json:"note"`
		Approval string               `json:"approval"`
	}
	if err := bind(c, &body); err != nil {
		return citycard.RevealRequest{}, err
	}
	if body.Approval != "" && !isReference(body.Approval) {
		return citycard.RevealRequest{}, malformed("approval", "approval must be the id of a request for approval")
	}
	return citycard.RevealRequest{
		Ref: ref, Field: body.Field, Reason: body.Reason, Note: body.Note, Approval: body.Approval, OnceKey: once,
	}, nil
}

// Reveal answers POST /admin/v1/cards/{ref}/reveal with the field's values, which no cache may keep.
func (h StaffFields) Reveal(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	request, err := readReveal(c)
	if err != nil {
		return err
	}
	values, err := h.Reveals.Reveal(c.Request().Context(), session, request)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, struct {
		Field  citycard.RevealField `json:"field"`
		Values []string             `json:"values"`
	}{request.Field, append([]string{}, values...)})
}

// Ask answers POST /admin/v1/cards/{ref}/reveal/approval: 202 with the request that awaits a second person.
func (h StaffFields) Ask(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	request, err := readReveal(c)
	if err != nil {
		return err
	}
	asked, err := h.Reveals.AskReveal(c.Request().Context(), session, request)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusAccepted, showApproval(asked))
}
