package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffSessions logs staff in by account, password and one-time code, and out again.
type StaffSessions struct {
	Login StaffLogin
	// Enter sets the browser's cookie and gives the bearer token of a session; Leave drops the cookie.
	Enter func(c echo.Context, s citycard.StaffSession) (string, error)
	Leave func(c echo.Context)
}

type staffBody struct {
	Account string             `json:"account"`
	Name    string             `json:"name"`
	Role    citycard.StaffRole `json:"role"`
}

func showStaff(s citycard.Staff) staffBody { return staffBody{s.Account, s.Name, s.Role} }

// Create answers POST /admin/v1/sessions: 201 with a session that is new whatever the browser brought along.
func (h StaffSessions) Create(c echo.Context) error {
	var body struct {
		Account  string `json:"account"`
		Password string `json:"password"`
		Code     string `json:"code"`
	}
	if err := bind(c, &body); err != nil {
		return err
	}
	session, err := h.Login.LogIn(c.Request().Context(), citycard.StaffCredentials{
		Account: body.Account, Password: body.Password, Code: body.Code, Address: clientAddress(c),
	})
	if err != nil {
		return err
	}
	token, err := h.Enter(c, session)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, struct {
		Token     string    `json:"token"`
		ExpiresAt string    `json:"expires_at"`
		Staff     staffBody `json:"staff"`
	}{token, moment(session.ExpiresAt), showStaff(session.Staff)})
}

// Show answers GET /admin/v1/me.
func (StaffSessions) Show(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showStaff(session.Staff))
}

// End answers DELETE /admin/v1/sessions/current: 204, and the session is worth nothing from then on.
func (h StaffSessions) End(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	if err := h.Login.LogOut(c.Request().Context(), session); err != nil {
		return err
	}
	h.Leave(c)
	return c.NoContent(http.StatusNoContent)
}
