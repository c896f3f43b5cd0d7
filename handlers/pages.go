package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// Pages are what citizens see in a browser. They work without scripts; each is one GET, and each form leads by
// redirect to a page that can be reloaded.
type Pages struct {
	Templates *Templates
	Login     Login
	Activator Activator
	Cards     CardReader
	// Leave drops the browser's session cookie.
	Leave func(c echo.Context)
	// NewID gives a form its number, so that sending it twice takes effect once.
	NewID func() string
	// City gives the name shown at the top, as it is today.
	City func() citycard.Text
	// Secure marks cookies for HTTPS only.
	Secure bool
}

type cardsPage struct {
	Cards []citycard.CardView
	// Open tells whether one of the cards can still be activated here.
	Open bool
}

// Home answers GET /: what this is, and the way in.
func (h *Pages) Home(c echo.Context) error {
	body, err := h.cards(c)
	if err != nil {
		return err
	}
	return h.render(c, http.StatusOK, "home", body)
}

// List answers GET /h5/cards.
func (h *Pages) List(c echo.Context) error {
	body, err := h.cards(c)
	if err != nil {
		return err
	}
	return h.render(c, http.StatusOK, "cards", body)
}

// cards are those of the citizen who is logged in; none where nobody is.
func (h *Pages) cards(c echo.Context) (cardsPage, error) {
	session, ok := citycard.SessionOf(c.Request().Context())
	if !ok {
		return cardsPage{}, nil
	}
	cards, err := h.Cards.List(c.Request().Context(), session)
	body := cardsPage{Cards: cards}
	for _, card := range cards {
		body.Open = body.Open || card.Activatable
	}
	return body, err
}

type cardPage struct {
	Card    citycard.CardView
	History []citycard.Transition
	Open    bool
}

// Card answers GET /h5/cards/{ref}: both applications in plain words, what stands in the way, and the latest
// changes.
func (h *Pages) Card(c echo.Context) error {
	session, err := sessionOf(c)
	if err != nil {
		return err
	}
	ref, err := reference(c, "ref")
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	card, err := h.Cards.Find(ctx, session, ref)
	if err != nil {
		return err
	}
	history, err := h.Cards.History(ctx, session, ref, 0, historyMaximum)
	if err != nil {
		return err
	}
	return h.render(c, http.StatusOK, "one_card", cardPage{card, history, card.Activatable})
}

// Errors answers GET /docs/errors: every code, which is where a problem document's type leads.
func (h *Pages) Errors(c echo.Context) error {
	return h.render(c, http.StatusOK, "errors", citycard.Catalogue())
}

// LogOut answers POST /h5/logout: the session ends on every replica, and the browser forgets it.
func (h *Pages) LogOut(c echo.Context) error {
	session, ok := citycard.SessionOf(c.Request().Context())
	if ok {
		if err := h.Login.End(c.Request().Context(), session); err != nil {
			return err
		}
	}
	h.Leave(c)
	return c.Redirect(http.StatusSeeOther, "/")
}
