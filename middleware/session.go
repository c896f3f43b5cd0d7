package middleware

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"citycard"
)

// SessionCookie is the name of the cookie that keeps a browser logged in.
const SessionCookie = "citycard_session"

// Gate lets requests of one audience in: it proves the token and asks Check whether its session still stands.
type Gate struct {
	Tokens   Tokens
	Audience citycard.Audience
	// Check finds a session by id: session_required where it is unknown, session_expired where it ended.
	Check func(ctx context.Context, id string, audience citycard.Audience) (citycard.Session, error)
	// Secure marks cookies for HTTPS only; set where the public address is https.
	Secure bool
}

func (g Gate) session(ctx context.Context, token string) (citycard.Session, error) {
	id, err := g.Tokens.Parse(token, g.Audience)
	if err != nil {
		return citycard.Session{}, err
	}
	return g.Check(ctx, id, g.Audience)
}

// Bearer asks for a session token in the Authorization header (RFC 6750) and for nothing else: a cookie is no
// way in here, so no other site can make a browser use it. Refusals carry WWW-Authenticate.
func (g Gate) Bearer() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			scheme, token, _ := strings.Cut(c.Request().Header.Get(echo.HeaderAuthorization), " ")
			if !strings.EqualFold(scheme, "Bearer") || token == "" {
				c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Bearer realm="citycard"`)
				return &citycard.Error{Code: citycard.CodeSessionRequired, Message: "the Authorization header carries no Bearer token"}
			}
			session, err := g.session(c.Request().Context(), token)
			if isLoggedOut(err) {
				c.Response().Header().Set(echo.HeaderWWWAuthenticate, `Bearer realm="citycard", error="invalid_token"`)
			}
			if err != nil {
				return err
			}
			keepSession(c, session)
			return next(c)
		}
	}
}

// Cookie takes the session from the browser's cookie where there is one. A session that ended counts as none
// and its cookie is dropped.
func (g Gate) Cookie() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			cookie, err := c.Cookie(SessionCookie)
			if err != nil {
				return next(c)
			}
			session, err := g.session(c.Request().Context(), cookie.Value)
			switch {
			case isLoggedOut(err):
				g.Leave(c)
			case err != nil:
				return err
			default:
				keepSession(c, session)
			}
			return next(c)
		}
	}
}

// Enter logs the browser in: its session cookie is sent by this site's own pages and by links to them, is out
// of reach of scripts, and ends with the session.
func (g Gate) Enter(c echo.Context, s citycard.Session) error {
	token, err := g.Tokens.Issue(s)
	if err != nil {
		return err
	}
	c.SetCookie(g.cookie(token, int(s.ExpiresAt.Sub(s.IssuedAt).Seconds())))
	return nil
}

// Leave drops the browser's session cookie.
func (g Gate) Leave(c echo.Context) { c.SetCookie(g.cookie("", -1)) }

func (g Gate) cookie(value string, seconds int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // Secure follows the public address: a developer's is plain http
		Name: SessionCookie, Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: g.Secure, SameSite: http.SameSiteLaxMode,
	}
}

// RequireSession sends a browser that is not logged in to the log-in, to come back to the same page. A form
// that arrives without a session is refused with session_required instead: what it carried cannot be kept.
func RequireSession(logIn string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if _, ok := citycard.SessionOf(r.Context()); ok {
				return next(c)
			}
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				return &citycard.Error{Code: citycard.CodeSessionRequired, Message: "the session has ended; log in again"}
			}
			return c.Redirect(http.StatusSeeOther, logIn+"?return_to="+url.QueryEscape(r.URL.EscapedPath()))
		}
	}
}

func isLoggedOut(err error) bool {
	code := citycard.CodeOf(err)
	return code == citycard.CodeSessionRequired || code == citycard.CodeSessionExpired
}

func keepSession(c echo.Context, s citycard.Session) {
	r := c.Request()
	c.SetRequest(r.WithContext(citycard.WithSession(r.Context(), s)))
}
