package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffLogInPages let staff in: by password and code, by passkey, or at the identity provider. The first of these works
// without scripts.
type StaffLogInPages struct {
	Pages *StaffPages
	Login StaffLogin
	// Passkeys is nil where the address serves none, SSO where there is no identity provider.
	Passkeys StaffPasskeys
	SSO      StaffSSO
	// Enter sets the browser's cookie of a session, Leave drops it.
	Enter func(c echo.Context, s citycard.StaffSession) (string, error)
	Leave func(c echo.Context)
}

const (
	// askCookie binds what a browser was asked to it. It comes along when the identity provider sends the browser back.
	askCookie = "citycard_staff_ask"
	// askAge is how long it is kept, in seconds: as long as a challenge lives.
	askAge = 10 * 60
)

type staffLogInPage struct {
	Account  string
	ReturnTo string
	Passkeys bool
	SSO      bool

	// way is how the log-in was tried.
	way string
}

// The ways to log in, as the texts of what failed name them.
const (
	wayPassword = "password"
	wayPasskey  = "passkey"
	waySSO      = "sso"
)

// form shows the log-in page, after a refusal too.
func (h *StaffLogInPages) form(c echo.Context, tried staffLogInPage, refusal error) error {
	tried.ReturnTo, tried.Passkeys, tried.SSO = staffReturn(tried.ReturnTo), h.Passkeys != nil, h.SSO != nil
	return h.Pages.show(c, "log_in", tried, refusal)
}

// Form answers GET /admin/login.
func (h *StaffLogInPages) Form(c echo.Context) error {
	return h.form(c, staffLogInPage{ReturnTo: c.QueryParam("return_to")}, nil)
}

// LogIn answers POST /admin/login and leads to the page asked for.
func (h *StaffLogInPages) LogIn(c echo.Context) error {
	returnTo := staffReturn(c.FormValue("return_to"))
	session, err := h.Login.LogIn(c.Request().Context(), staffCredentials(c))
	if err != nil {
		return h.form(c, staffLogInPage{Account: c.FormValue("account"), ReturnTo: returnTo, way: wayPassword}, err)
	}
	if _, err := h.Enter(c, session); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, returnTo)
}

// staffCredentials are those of a form.
func staffCredentials(c echo.Context) citycard.StaffCredentials {
	return citycard.StaffCredentials{
		Account: c.FormValue("account"), Password: c.FormValue("password"), Code: c.FormValue("code"), Address: clientAddress(c),
	}
}

// LogOut answers POST /admin/logout.
func (h *StaffLogInPages) LogOut(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	if err := h.Login.LogOut(c.Request().Context(), session); err != nil {
		return err
	}
	h.Leave(c)
	return c.Redirect(http.StatusSeeOther, staffLogIn)
}

// passkeyPage asks the browser's device: its script answers to the path To.
type passkeyPage struct {
	citycard.Question

	To string
	// Adding tells a new passkey from a log-in.
	Adding bool
}

// AskPasskey answers POST /admin/login/passkey with the page that asks the device.
func (h *StaffLogInPages) AskPasskey(c echo.Context) error {
	if h.Passkeys == nil {
		return &citycard.Error{Code: citycard.CodeNotFound}
	}
	returnTo := staffReturn(c.FormValue("return_to"))
	question, err := h.Passkeys.BeginLogIn(c.Request().Context(), returnTo, clientAddress(c))
	if err != nil {
		return h.form(c, staffLogInPage{ReturnTo: returnTo, way: wayPasskey}, err)
	}
	return h.Pages.ask(c, passkeyPage{question, "/admin/login/passkey/answer", false})
}

// ByPasskey answers POST /admin/login/passkey/answer and leads to the page asked for.
func (h *StaffLogInPages) ByPasskey(c echo.Context) error {
	if h.Passkeys == nil {
		return &citycard.Error{Code: citycard.CodeNotFound}
	}
	session, returnTo, err := h.Passkeys.LogIn(c.Request().Context(), h.Pages.answered(c, c.FormValue("secret")))
	if err != nil {
		return h.form(c, staffLogInPage{way: wayPasskey}, err)
	}
	if _, err := h.Enter(c, session); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, staffReturn(returnTo))
}

// StartSSO answers GET /admin/sso/start?return_to=: off to the identity provider.
func (h *StaffLogInPages) StartSSO(c echo.Context) error {
	if h.SSO == nil {
		return &citycard.Error{Code: citycard.CodeNotFound}
	}
	returnTo := staffReturn(c.QueryParam("return_to"))
	redirect, err := h.SSO.Begin(c.Request().Context(), returnTo, clientAddress(c))
	if err != nil {
		return h.form(c, staffLogInPage{ReturnTo: returnTo, way: waySSO}, err)
	}
	c.SetCookie(h.Pages.askedCookie(redirect.Browser, askAge))
	return c.Redirect(http.StatusSeeOther, redirect.URL)
}

// ReturnSSO answers GET /admin/sso/callback?code=&state=. It leads on from a page of ours: a browser that another site
// sent here does not send the session's cookie along before.
func (h *StaffLogInPages) ReturnSSO(c echo.Context) error {
	if h.SSO == nil {
		return &citycard.Error{Code: citycard.CodeNotFound}
	}
	session, returnTo, err := h.SSO.Return(c.Request().Context(), c.QueryParam("code"), h.Pages.answered(c, c.QueryParam("state")))
	if err != nil {
		return h.form(c, staffLogInPage{way: waySSO}, err)
	}
	if _, err := h.Enter(c, session); err != nil {
		return err
	}
	return h.Pages.show(c, "sso", staffReturn(returnTo), nil)
}

// ask shows the page that asks a device for a passkey, the one page with a script, and binds the question to the browser.
func (h *StaffPages) ask(c echo.Context, asked passkeyPage) error {
	c.SetCookie(h.askedCookie(asked.Browser, askAge))
	policy := c.Response().Header()
	policy.Set(echo.HeaderContentSecurityPolicy, policy.Get(echo.HeaderContentSecurityPolicy)+"; script-src 'self'")
	return h.show(c, "passkey", asked, nil)
}

// answered is what came back, and forgets what the browser was asked.
func (h *StaffPages) answered(c echo.Context, secret string) citycard.Answer {
	browser := ""
	if cookie, err := c.Cookie(askCookie); err == nil {
		browser = cookie.Value
	}
	c.SetCookie(h.askedCookie("", -1))
	return citycard.Answer{Credential: c.FormValue("answer"), Secret: secret, Browser: browser, Address: clientAddress(c)}
}

func (h *StaffPages) askedCookie(value string, seconds int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure follows the public address: a developer's is plain http
		Name: askCookie, Value: value, Path: staffHome, MaxAge: seconds,
		HttpOnly: true, Secure: h.Secure, SameSite: http.SameSiteLaxMode,
	}
}
