package handlers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffPages are what staff sees in a browser. They work without scripts, like those of citizens.
type StaffPages struct {
	Templates *Templates
	Desk      StaffDesk
	Reveals   StaffReveals
	Callers   StaffCallers
	Cases     StaffCases
	Approvals StaffApprovals
	// Names gives the names of staff accounts by their ids.
	Names func(ctx context.Context, ids []string) (map[string]string, error)
	// Counts are the numbers shown beside places of the navigation, by the place's name.
	Counts map[string]StaffCount
	// Today is the day in Shanghai, YYYY-MM-DD.
	Today func() string
	// NewID gives a form its number, so that sending it twice takes effect once.
	NewID func() string
	// Secure marks cookies for HTTPS only.
	Secure bool
}

const (
	staffHome       = "/admin"
	staffLogIn      = "/admin/login"
	staffOwnAccount = "/admin/account"
	staffAccounts   = "/admin/staff"
)

// staffPage is what every template of staff is given.
type staffPage struct {
	*page

	Staff citycard.Staff
	// Places are where the role may go.
	Places []staffPlace
	// Problem says what was refused, with its Detail; nil where nothing was.
	Problem *citycard.Entry
	Detail  string
	// Failed is the way in which a log-in failed, which has its own words; empty where none did.
	Failed string
	// Passkey is the address of the script that asks for one.
	Passkey string
}

// Label is a text of the pages by a prefix and a name that may come from outside this program's tables: the name itself
// where there is no text.
func (p staffPage) Label(prefix, name string) string {
	if text, known := p.texts[prefix+name]; known {
		return text
	}
	return name
}

// about is what a template shared by pages is given: the page and the one thing it is about.
type about struct {
	staffPage

	Item any
}

// About is the page with one thing.
func (p staffPage) About(item any) about { return about{p, item} }

// Papers are the pieces of evidence that a transition names, each as name=value.
func (staffPage) Papers(evidence string) []askedFor {
	var papers []askedFor
	for part := range strings.FieldsSeq(evidence) {
		name, value, named := strings.Cut(part, "=")
		if !named {
			name, value = "document", part
		}
		papers = append(papers, askedFor{name, value})
	}
	return papers
}

// Has tells whether a step is among those possible.
func (staffPage) Has(steps []citycard.Step, step citycard.Step) bool {
	return slices.Contains(steps, step)
}

// show answers with a page; a refusal is shown above it, with its status. A failure of ours stays one.
func (h *StaffPages) show(c echo.Context, name string, body any, refusal error) error {
	session, _ := citycard.StaffSessionOf(c.Request().Context())
	lang, status := languageOf(c), http.StatusOK
	shown := staffPage{
		page:  &page{Lang: lang, Path: pathOf(c), Style: h.Templates.style, Body: body, texts: h.Templates.texts[lang]},
		Staff: session.Staff, Passkey: h.Templates.passkey,
	}
	places, err := h.places(c, session)
	if err != nil {
		return err
	}
	shown.Places = places
	if refusal != nil {
		var coded *citycard.Error
		if !errors.As(refusal, &coded) || citycard.EntryOf(coded.Code).Status >= http.StatusInternalServerError {
			return refusal
		}
		entry := citycard.EntryOf(coded.Code)
		shown.Problem, shown.Detail, status = &entry, coded.Message, entry.Status
		if tried, ok := body.(staffLogInPage); ok && coded.Code == citycard.CodeCredentialsInvalid {
			shown.Failed = tried.way
		}
	}
	var html bytes.Buffer
	if err := h.Templates.pages[name].ExecuteTemplate(&html, "layout.html", shown); err != nil {
		return fmt.Errorf("render page %s: %w", name, err)
	}
	if chosen, ok := knownLang(c.QueryParam("lang")); ok {
		keepPreference(c, langCookie, string(chosen), h.Secure)
	}
	return c.HTMLBlob(status, html.Bytes())
}

// pathOf is where the link that changes the language leads: the page itself, or home from what only a form reaches.
func pathOf(c echo.Context) string {
	switch {
	case strings.HasPrefix(c.Path(), staffLogIn), strings.HasPrefix(c.Path(), "/admin/sso/"):
		return staffLogIn
	case strings.HasPrefix(c.Path(), staffOwnAccount):
		return staffOwnAccount
	case strings.HasPrefix(c.Path(), staffAccounts):
		return staffAccounts
	case c.Request().Method == http.MethodGet, isReconciliationPage(c.Path()):
		return c.Request().URL.Path
	}
	return staffHome
}

// staffReturn is a page of staff to go to after the log-in; home for anything else.
func staffReturn(path string) string {
	if staffPathForm.MatchString(path) {
		return path
	}
	return staffHome
}

var staffPathForm = regexp.MustCompile(`^/admin(/[A-Za-z0-9_-]{1,64}){0,4}$`)
