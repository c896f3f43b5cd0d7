package handlers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffPages are what staff sees in a browser. They work without scripts, like those of citizens.
type StaffPages struct {
	Templates *Templates
	Desk      StaffDesk
	Approvals StaffApprovals
	// Names gives the names of staff accounts by their ids.
	Names func(ctx context.Context, ids []string) (map[string]string, error)
	// Counts are the numbers shown beside places of the navigation, by the place's name.
	Counts map[string]StaffCount
	// Waivers are the reasons for which the city may waive the fee.
	Waivers []citycard.Reason
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
	// Passkey is the address of the script that asks for one.
	Passkey string
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
	case c.Request().Method == http.MethodGet:
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

type staffSearchPage struct {
	// Asked tells whether something was looked for.
	Asked bool
	Cards []citycard.CardView
}

// SearchForm answers GET /admin; who may not search is led to the first place there is for the role.
func (h *StaffPages) SearchForm(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	if first := firstPlace(session.Staff.Role); first != staffHome {
		return c.Redirect(http.StatusSeeOther, first)
	}
	return h.show(c, "search", staffSearchPage{}, nil)
}

// cardNumberLength tells a card number from an ID number.
const cardNumberLength = 9

// Search answers POST /admin/search with the cards found: the number stands in no address.
func (h *StaffPages) Search(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	number := strings.TrimSpace(c.FormValue("number"))
	asked := citycard.StaffSearch{IDNumber: number}
	if len([]rune(number)) == cardNumberLength {
		asked = citycard.StaffSearch{CardNumber: number}
	}
	cards, err := h.Desk.Search(c.Request().Context(), session, asked)
	return h.show(c, "search", staffSearchPage{Asked: err == nil, Cards: cards}, err)
}
