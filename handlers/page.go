package handlers

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
)

const (
	modeCookie = "citycard_mode"
	// elderMode is large text and large buttons; standardMode is the other one.
	elderMode    = "elder"
	standardMode = "standard"
	// problemName is the error page.
	problemName = "problem"
	// preferenceAge is how long a browser keeps the choice of language and mode, in seconds: a year.
	preferenceAge = 365 * 24 * 60 * 60
)

// page is what every template is given: the frame around it and its own Body.
type page struct {
	Lang citycard.Lang
	// Elder asks for large text.
	Elder bool
	// Path is where the links that change language and mode lead: this page, reached by GET.
	Path     string
	LoggedIn bool
	City     citycard.Text
	Style    string
	Body     any

	texts map[string]string
}

// T is a text of the pages in the page's language; the arguments fill its verbs. A text that is not there is
// an error, so that no page shows a hole.
func (p *page) T(key string, args ...any) (string, error) {
	text, ok := p.texts[key]
	switch {
	case !ok:
		return "", fmt.Errorf("text %q is missing in %s", key, p.Lang)
	case len(args) > 0:
		return fmt.Sprintf(text, args...), nil
	}
	return text, nil
}

// In is a text of the domain in the page's language.
func (p *page) In(text citycard.Text) string { return text.In(p.Lang) }

// Step is a next step in the page's language.
func (p *page) Step(step citycard.NextStep) citycard.LocalStep { return step.In(p.Lang) }

// Minute is a time for people, in UTC+8.
func (*page) Minute(t time.Time) string { return t.In(citycard.Shanghai).Format("2006-01-02 15:04") }

// Second is the same to the second.
func (*page) Second(t time.Time) string { return t.In(citycard.Shanghai).Format(time.DateTime) }

// Stamp is a time for machines, RFC 3339 in UTC+8.
func (*page) Stamp(t time.Time) string { return moment(t) }

// face is what the card template is given.
type face struct {
	*page
	Card citycard.CardView
}

// Face is a card, to be shown as such.
func (p *page) Face(card citycard.CardView) face { return face{p, card} }

// notice is what the notice template is given: what happened, and what to do about it.
type notice struct {
	*page
	Text string
	Next citycard.LocalStep
}

// Notice says what happened and what to do.
func (p *page) Notice(text string, next citycard.LocalStep) notice { return notice{p, text, next} }

// render answers with a page. It is rendered whole before the first byte is sent.
func (h *Pages) render(c echo.Context, status int, name string, body any) error {
	_, loggedIn := citycard.SessionOf(c.Request().Context())
	p := &page{
		Lang: languageOf(c), Elder: modeOf(c) == elderMode, Path: c.Request().URL.Path,
		LoggedIn: loggedIn, City: h.city(), Style: h.Templates.style, Body: body,
	}
	if name == problemName {
		p.Path = "/" // the address that failed may not bear a second call
	}
	p.texts = h.Templates.texts[p.Lang]
	var html bytes.Buffer
	if err := h.Templates.pages[name].ExecuteTemplate(&html, "layout.html", p); err != nil {
		return fmt.Errorf("render page %s: %w", name, err)
	}
	h.remember(c)
	return c.HTMLBlob(status, html.Bytes())
}

func modeOf(c echo.Context) string {
	mode := c.QueryParam("mode")
	if cookie, err := c.Cookie(modeCookie); mode == "" && err == nil {
		mode = cookie.Value
	}
	if mode == elderMode {
		return elderMode
	}
	return standardMode
}

// remember keeps a language or mode that the address asked for in the browser.
func (h *Pages) remember(c echo.Context) {
	if lang, ok := knownLang(c.QueryParam("lang")); ok {
		keepPreference(c, langCookie, string(lang), h.Secure)
	}
	if c.QueryParam("mode") != "" {
		keepPreference(c, modeCookie, modeOf(c), h.Secure)
	}
}

// keepPreference keeps a choice of the person's in the browser.
func keepPreference(c echo.Context, name, value string, secure bool) {
	c.SetCookie(&http.Cookie{ //nolint:gosec // Secure follows the public address: a developer's is plain http
		Name: name, Value: value, Path: "/", MaxAge: preferenceAge,
		HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode,
	})
}

// city is the name shown at the top; none where nobody gives it.
func (h *Pages) city() citycard.Text {
	if h.City == nil {
		return citycard.Text{}
	}
	return h.City()
}
