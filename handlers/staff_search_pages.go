package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"citycard"
)

type staffSearchPage struct {
	// Asked tells whether something was looked for.
	Asked bool
	Found citycard.Found
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

// searchAsked is what the form asks for: a number, or a name with the day of birth.
func searchAsked(c echo.Context) citycard.StaffSearch {
	number := strings.TrimSpace(c.FormValue("number"))
	asked := citycard.StaffSearch{IDNumber: number, Name: strings.TrimSpace(c.FormValue("name")), BirthDate: c.FormValue("birth_date")}
	if len([]rune(number)) == cardNumberLength {
		asked.IDNumber, asked.CardNumber = "", number
	}
	return asked
}

// Search answers POST /admin/search with the cards found: what was looked for stands in no address.
func (h *StaffPages) Search(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	found, err := h.Desk.Search(c.Request().Context(), session, searchAsked(c))
	return h.show(c, "search", staffSearchPage{Asked: err == nil, Found: found}, err)
}
