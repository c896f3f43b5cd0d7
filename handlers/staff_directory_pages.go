package handlers

import (
	"encoding/base64"
	"html/template"
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffDirectoryPages are what operators, and in part supervisors, do with the accounts of others.
type StaffDirectoryPages struct {
	Pages    *StaffPages
	Registry StaffRegistry
	// NewPassword gives a first password, CodeURI what authenticator apps read a secret from, CodeImage the same as a
	// picture (PNG).
	NewPassword func() string
	CodeURI     func(account, secret string) string
	CodeImage   func(uri string) ([]byte, error)
}

type staffDirectoryPage struct {
	Accounts []staffLine
	Roles    []citycard.StaffRole
	// MayManage lets add, reset and change roles, MayDisable disable.
	MayManage  bool
	MayDisable bool
	// Entered is what was entered for a new account that was refused.
	Entered citycard.Staff
}

// staffLine is one account; Own is that of who looks at it, which somebody else must change.
type staffLine struct {
	citycard.Staff

	Own bool
}

// List answers GET /admin/staff.
func (h *StaffDirectoryPages) List(c echo.Context) error {
	return h.show(c, citycard.Staff{}, nil)
}

func (h *StaffDirectoryPages) show(c echo.Context, entered citycard.Staff, refusal error) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	list, err := h.Registry.List(c.Request().Context())
	if err != nil {
		return err
	}
	body := staffDirectoryPage{Roles: citycard.StaffRoles(), Entered: entered}
	body.MayManage = session.Staff.Role == citycard.RoleOperator
	body.MayDisable = body.MayManage || session.Staff.Role == citycard.RoleSupervisor
	for _, one := range list {
		body.Accounts = append(body.Accounts, staffLine{one, one.ID == session.Staff.ID})
	}
	return h.Pages.show(c, "staff", body, refusal)
}

// staffKeysPage shows, once, what somebody logs in with.
type staffKeysPage struct {
	Account  string
	Password string
	Keys     citycard.StaffKeys
	URI      string
	Image    template.URL
}

// Add answers POST /admin/staff with what the new member of staff logs in with.
func (h *StaffDirectoryPages) Add(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	entered := citycard.Staff{Account: c.FormValue("account"), Name: c.FormValue("name"), Role: citycard.StaffRole(c.FormValue("role"))}
	password := h.NewPassword()
	keys, err := h.Registry.Add(c.Request().Context(), entered, password, session.Staff)
	if err != nil {
		return h.show(c, entered, err)
	}
	return h.keys(c, staffKeysPage{Account: entered.Account, Password: password, Keys: keys})
}

// Reset answers POST /admin/staff/{account}/reset with what its owner logs in with from now on.
func (h *StaffDirectoryPages) Reset(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	password := h.NewPassword()
	keys, err := h.Registry.Reset(c.Request().Context(), c.Param("account"), password, session.Staff)
	if err != nil {
		return h.refused(c, err)
	}
	return h.keys(c, staffKeysPage{Account: c.Param("account"), Password: password, Keys: keys})
}

func (h *StaffDirectoryPages) keys(c echo.Context, body staffKeysPage) error {
	body.URI = h.CodeURI(body.Account, body.Keys.CodeSecret)
	image, err := h.CodeImage(body.URI)
	if err != nil {
		return err
	}
	body.Image = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(image)) //nolint:gosec // our own picture
	return h.Pages.show(c, "staff_keys", body, nil)
}

// ChangeRole answers POST /admin/staff/{account}/role.
func (h *StaffDirectoryPages) ChangeRole(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	err = h.Registry.ChangeRole(c.Request().Context(), c.Param("account"), citycard.StaffRole(c.FormValue("role")), session.Staff)
	return h.done(c, err)
}

// Disable answers POST /admin/staff/{account}/disable.
func (h *StaffDirectoryPages) Disable(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	return h.done(c, h.Registry.Disable(c.Request().Context(), c.Param("account"), session.Staff))
}

func (h *StaffDirectoryPages) done(c echo.Context, err error) error {
	if err != nil {
		return h.refused(c, err)
	}
	return c.Redirect(http.StatusSeeOther, staffAccounts)
}

// refused shows the list with what was refused; an account that is not there stays a problem of its own.
func (h *StaffDirectoryPages) refused(c echo.Context, err error) error {
	if citycard.CodeOf(err) == citycard.CodeNotFound {
		return err
	}
	return h.show(c, citycard.Staff{}, err)
}
