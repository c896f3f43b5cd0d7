package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffAccountPages are what staff does with the own account.
type StaffAccountPages struct {
	Pages *StaffPages
	// Passkeys is nil where the address serves none.
	Passkeys StaffPasskeys
	Registry StaffRegistry
}

type staffAccountPage struct {
	// First tells that the password must be changed before anything else.
	First bool
	// Offered tells whether passkeys can be added here.
	Offered  bool
	Passkeys []citycard.Passkey
	// Done names what was done, empty where nothing was.
	Done string
}

// Show answers GET /admin/account.
func (h *StaffAccountPages) Show(c echo.Context) error {
	done := ""
	if c.QueryParam("done") == "password" {
		done = "password"
	}
	return h.show(c, done, nil)
}

func (h *StaffAccountPages) show(c echo.Context, done string, refusal error) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	body := staffAccountPage{First: session.Staff.FirstPassword, Offered: h.Passkeys != nil, Done: done}
	if body.Offered {
		if body.Passkeys, err = h.Passkeys.List(c.Request().Context(), session); err != nil {
			return err
		}
	}
	return h.Pages.show(c, "account", body, refusal)
}

// AskPasskey answers POST /admin/account/passkeys with the page that asks the device for a new one.
func (h *StaffAccountPages) AskPasskey(c echo.Context) error {
	session, err := h.served(c)
	if err != nil {
		return err
	}
	question, err := h.Passkeys.BeginAdd(c.Request().Context(), session, c.FormValue("name"), staffCredentials(c))
	if err != nil {
		return h.show(c, "", err)
	}
	return h.Pages.ask(c, passkeyPage{question, "/admin/account/passkeys/answer", true})
}

// AddPasskey answers POST /admin/account/passkeys/answer.
func (h *StaffAccountPages) AddPasskey(c echo.Context) error {
	session, err := h.served(c)
	if err != nil {
		return err
	}
	if err := h.Passkeys.Add(c.Request().Context(), session, h.Pages.answered(c, c.FormValue("secret"))); err != nil {
		return h.show(c, "", err)
	}
	return c.Redirect(http.StatusSeeOther, staffOwnAccount)
}

// RemovePasskey answers POST /admin/account/passkeys/{ref}/remove.
func (h *StaffAccountPages) RemovePasskey(c echo.Context) error {
	session, err := h.served(c)
	if err != nil {
		return err
	}
	if err := h.Passkeys.Remove(c.Request().Context(), session, c.Param("ref")); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, staffOwnAccount)
}

func (h *StaffAccountPages) served(c echo.Context) (citycard.StaffSession, error) {
	if h.Passkeys == nil {
		return citycard.StaffSession{}, &citycard.Error{Code: citycard.CodeNotFound}
	}
	return staffOf(c)
}

// ChangePassword answers POST /admin/account/password.
func (h *StaffAccountPages) ChangePassword(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	if err := h.Registry.ChangePassword(c.Request().Context(), session, staffCredentials(c), c.FormValue("new_password")); err != nil {
		return h.show(c, "", err)
	}
	return c.Redirect(http.StatusSeeOther, staffOwnAccount+"?done=password")
}
