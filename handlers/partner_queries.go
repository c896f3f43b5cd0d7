package handlers

import (
	"github.com/labstack/echo/v4"

	"citycard"
)

// PartnerQueries lets partners ask for cards of their own scope, by signed messages only: the answer is personal
// data.
type PartnerQueries struct{ PartnerPlane }

// Receive answers POST /v1/partner/queries with the card as its citizen sees it, masked.
func (h PartnerQueries) Receive(c echo.Context) error {
	return h.receive(c, func(callback *Callback, method citycard.Method) outcome {
		view, err := h.Desk.Query(c.Request().Context(), h.request(callback, method))
		if err != nil {
			return outcome{err: err}
		}
		return outcome{body: showCard(view, languageOf(c))}
	})
}
