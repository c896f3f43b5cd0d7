package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// Sessions logs mini-programs in by auth code and out again.
type Sessions struct {
	Login Login
	// Issue writes the bearer token of a session.
	Issue func(citycard.Session) (string, error)
}

// Create answers POST /v1/sessions: 201 with a bearer token for the platform user behind the auth code.
func (h Sessions) Create(c echo.Context) error {
	once, err := onceKey(c)
	if err != nil {
		return err
	}
	var body struct {
		AuthCode string `json:"auth_code"`
	}
	if err := bind(c, &body); err != nil {
		return err
	}
	if !authCodeForm.MatchString(body.AuthCode) {
		return invalidPayload("auth_code", "auth_code must be the platform's code: 1 to 256 printable ASCII characters")
	}
	session, err := h.Login.ByCode(c.Request().Context(), body.AuthCode, citycard.ChannelMiniProgram, once)
	if err != nil {
		return err
	}
	token, err := h.Issue(session)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, struct {
		Token     string `json:"token"`
		ExpiresAt string `json:"expires_at"`
	}{token, moment(session.ExpiresAt)})
}

// End answers DELETE /v1/sessions/current: 204, and the token is worth nothing from then on.
func (h Sessions) End(c echo.Context) error {
	session, err := sessionOf(c)
	if err != nil {
		return err
	}
	if err := h.Login.End(c.Request().Context(), session); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
