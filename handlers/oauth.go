package handlers

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"citycard"
)

const (
	loginStart = "/oauth/alipay/start"
	formPath   = "/h5/activate"
	// browserCookie binds a log-in's state to the browser that began it.
	browserCookie = "citycard_login"
	browserPath   = "/oauth/alipay"
	// browserAge is how long it is kept, in seconds: as long as a log-in's state lives.
	browserAge = 15 * 60
	// backKey holds, on a request, the page from which a citizen can try again what failed.
	backKey = "back"
)

// OAuth logs browsers in by the platform's redirect, and brings identity checks back from its consent page.
type OAuth struct {
	Login     Login
	Activator Activator
	// Enter logs the browser in.
	Enter func(c echo.Context, s citycard.Session) error
	// Secure marks cookies for HTTPS only.
	Secure bool
}

// Start answers GET /oauth/alipay/start?return_to=: off to the platform's consent page, to come back to one of
// our own pages.
func (h OAuth) Start(c echo.Context) error {
	returnTo := c.QueryParam("return_to")
	if returnTo == "" {
		returnTo = formPath
	}
	if !isOwnPage(returnTo) {
		return invalidPayload("return_to", "return_to must be the path of one of our pages")
	}
	redirect, err := h.Login.Begin(c.Request().Context(), returnTo)
	if err != nil {
		return err
	}
	return leaveFor(c, redirect, h.Secure)
}

// Callback answers GET /oauth/alipay/callback?auth_code=&state=: the end of a log-in, or of an activation's
// identity check, in the browser that began it.
func (h OAuth) Callback(c echo.Context) error {
	ctx := c.Request().Context()
	state, err := h.returned(c)
	if err != nil {
		return err
	}
	code := c.QueryParam("auth_code")
	if state.ActivationID != "" {
		return h.confirm(c, state.ActivationID, code)
	}
	if !authCodeForm.MatchString(code) {
		return &citycard.Error{Code: citycard.CodeLoginCodeInvalid, Message: "the platform gave no auth_code"}
	}
	session, err := h.Login.ByCode(ctx, code, citycard.ChannelH5, "")
	if err != nil {
		return err
	}
	if err := h.Enter(c, session); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, state.ReturnTo)
}

// returned takes the state that the platform sent back; it counts once, and only beside the browser's cookie.
func (h OAuth) returned(c echo.Context) (citycard.LoginState, error) {
	state, browser := c.QueryParam("state"), ""
	if cookie, err := c.Cookie(browserCookie); err == nil {
		browser = cookie.Value
	}
	if state == "" || browser == "" {
		return citycard.LoginState{}, &citycard.Error{
			Code: citycard.CodeLoginCodeInvalid, Message: "the log-in was not begun in this browser",
		}
	}
	c.SetCookie(loginCookie("", -1, h.Secure))
	return h.Login.Return(c.Request().Context(), state, browser)
}

// confirm finishes an identity check. Where the log-in ended meanwhile, or no consent was given, the
// activation's page tells how to go on.
func (h OAuth) confirm(c echo.Context, id, code string) error {
	session, ok := citycard.SessionOf(c.Request().Context())
	if !ok || !authCodeForm.MatchString(code) {
		return c.Redirect(http.StatusSeeOther, activationPath(id))
	}
	return settle(c, h.Activator, session, id, code)
}

// settle confirms an activation and leads to its page, which shows what came of it. A failure that left it
// open is answered as such, with the way back.
func settle(c echo.Context, activator Activator, session citycard.Session, id, code string) error {
	ctx := c.Request().Context()
	_, err := activator.Confirm(ctx, session, id, code, "")
	if err != nil {
		view, findErr := activator.Find(ctx, session, id)
		if findErr != nil || view.Activation.Status == citycard.ActivationAwaitingIdentity {
			c.Set(backKey, activationPath(id))
			return err
		}
	}
	return c.Redirect(http.StatusSeeOther, activationPath(id))
}

// leaveFor sends the browser to the platform, with the cookie that it must bring back.
func leaveFor(c echo.Context, redirect citycard.Redirect, secure bool) error {
	c.SetCookie(loginCookie(redirect.Browser, browserAge, secure))
	return c.Redirect(http.StatusSeeOther, redirect.URL)
}

func loginCookie(value string, seconds int, secure bool) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure follows the public address: a developer's is plain http
		Name: browserCookie, Value: value, Path: browserPath, MaxAge: seconds,
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
	}
}

func activationPath(id string) string { return "/h5/activations/" + url.PathEscape(id) }

// isOwnPage tells whether a text is the local path of a page a citizen may come back to. Anything that a
// browser could take for another site's address is not.
func isOwnPage(text string) bool {
	u, err := url.Parse(text)
	if err != nil || len(text) > 200 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == '\\' || r > '~' }) {
		return false
	}
	local := u.Scheme == "" && u.Opaque == "" && u.User == nil && u.Host == "" && path.Clean(u.Path) == u.Path
	return local && strings.HasPrefix(text, "/") && (u.Path == "/" || strings.HasPrefix(u.Path, "/h5/"))
}
