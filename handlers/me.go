package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// Me tells citizens who they are here.
type Me struct{ Cards CardReader }

type meBody struct {
	Citizen string `json:"citizen"`
	// Confirmed tells whether this platform user was confirmed to be a person; only then is there a holder.
	Confirmed    bool             `json:"confirmed"`
	HolderMasked *string          `json:"holder_masked"`
	Cards        int              `json:"cards"`
	Channel      citycard.Channel `json:"channel"`
	ExpiresAt    string           `json:"expires_at"`
}

// Show answers GET /v1/me, with the name masked.
func (h Me) Show(c echo.Context) error {
	session, err := sessionOf(c)
	if err != nil {
		return err
	}
	cards, err := h.Cards.List(c.Request().Context(), session)
	if err != nil {
		return err
	}
	body := meBody{
		Citizen: session.CitizenID, Confirmed: session.PersonID != "", Cards: len(cards),
		Channel: session.Channel, ExpiresAt: moment(session.ExpiresAt),
	}
	if len(cards) > 0 {
		body.HolderMasked = optional(cards[0].HolderMasked)
	}
	return c.JSON(http.StatusOK, body)
}
