package middleware

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffCookie is the name of the cookie that keeps a browser of staff logged in.
const StaffCookie = "citycard_staff"

// staffPath is all that the cookie is sent to.
const staffPath = "/admin"

// StaffGate lets staff in, by the token in the Authorization header or the browser's cookie. A citizen's token is
// for another audience and worth nothing here.
type StaffGate struct {
	Tokens Tokens
	// Check finds a session by id: session_required where it is unknown, session_expired where it ended.
	Check func(ctx context.Context, id string) (citycard.StaffSession, error)
	// Own is the page on which staff changes the own password. Who has a first password that somebody else knows gets no
	// further.
	Own string
	// Secure marks cookies for HTTPS only; set where the public address is https.
	Secure bool
}

// Allow lets the roles in: nobody logged in is session_required, another role role_required. Routes that change
// something also need SameOrigin in front, since a cookie is a way in.
func (g StaffGate) Allow(roles ...citycard.StaffRole) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			session, err := g.session(c)
			if err != nil {
				return err
			}
			if session.Staff.FirstPassword {
				return firstPassword()
			}
			return admit(c, session, roles, next)
		}
	}
}

// AllowOwn lets everybody in who is logged in, with a first password too: what one does with the own account.
func (g StaffGate) AllowOwn() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			session, err := g.session(c)
			if err != nil {
				return err
			}
			return admit(c, session, citycard.StaffRoles(), next)
		}
	}
}

func firstPassword() error {
	return &citycard.Error{Code: citycard.CodeRoleRequired, Message: "change the first password before anything else: somebody else knows it"}
}

// AllowPage is Allow for pages: a browser in which nobody is logged in is sent to the log-in, and one with a first
// password to where it is changed.
func (g StaffGate) AllowPage(logIn string, roles ...citycard.StaffRole) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			session, err := g.session(c)
			r := c.Request()
			if isLoggedOut(err) && r.Method == http.MethodGet {
				return c.Redirect(http.StatusSeeOther, logIn+"?return_to="+url.QueryEscape(r.URL.EscapedPath()))
			}
			if err != nil {
				return err
			}
			if session.Staff.FirstPassword && r.URL.Path != g.Own {
				if r.Method == http.MethodGet {
					return c.Redirect(http.StatusSeeOther, g.Own)
				}
				return firstPassword()
			}
			return admit(c, session, roles, next)
		}
	}
}

func admit(c echo.Context, session citycard.StaffSession, roles []citycard.StaffRole, next echo.HandlerFunc) error {
	if !slices.Contains(roles, session.Staff.Role) {
		return &citycard.Error{Code: citycard.CodeRoleRequired, Message: "the role " + string(session.Staff.Role) + " is not let in here"}
	}
	r := c.Request()
	c.SetRequest(r.WithContext(citycard.WithStaffSession(r.Context(), session)))
	return next(c)
}

// session proves the token of the header or, where there is no header, of the cookie.
func (g StaffGate) session(c echo.Context) (citycard.StaffSession, error) {
	token := ""
	if header := c.Request().Header.Get(echo.HeaderAuthorization); header != "" {
		scheme, rest, _ := strings.Cut(header, " ")
		if strings.EqualFold(scheme, "Bearer") {
			token = rest
		}
	} else if cookie, err := c.Cookie(StaffCookie); err == nil {
		token = cookie.Value
	}
	if token == "" {
		return citycard.StaffSession{}, &citycard.Error{Code: citycard.CodeSessionRequired, Message: "nobody of staff is logged in"}
	}
	id, err := g.Tokens.Parse(token, citycard.AudienceStaff)
	if err != nil {
		return citycard.StaffSession{}, err
	}
	return g.Check(c.Request().Context(), id)
}

// Enter logs the browser in and gives the token, for callers that keep it themselves. The cookie is sent by this
// site's own pages alone.
func (g StaffGate) Enter(c echo.Context, s citycard.StaffSession) (string, error) {
	token, err := g.Tokens.Issue(citycard.Session{
		ID: s.ID, Audience: citycard.AudienceStaff, IssuedAt: s.IssuedAt, ExpiresAt: s.ExpiresAt,
	})
	if err != nil {
		return "", err
	}
	c.SetCookie(g.cookie(token, int(s.ExpiresAt.Sub(s.IssuedAt).Seconds())))
	return token, nil
}

// Leave drops the browser's session cookie.
func (g StaffGate) Leave(c echo.Context) { c.SetCookie(g.cookie("", -1)) }

func (g StaffGate) cookie(value string, seconds int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure follows the public address: a developer's is plain http
		Name: StaffCookie, Value: value, Path: staffPath, MaxAge: seconds,
		HttpOnly: true, Secure: g.Secure, SameSite: http.SameSiteStrictMode,
	}
}
