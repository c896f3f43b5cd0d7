package handlers

import (
	"errors"
	"mime"
	"net/http"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"citycard"
)

// The steps of an activation, as the pages number them.
const (
	stepEnter = iota + 1
	stepConfirm
	stepDone
)

// onceField is the form's own number, the page's Idempotency-Key.
const onceField = "once"

// formPage is the form with what was entered. Both entries are shown again when one of them is wrong, the
// number too: it is the citizen's own, the page is never stored, and finding one wrong digit of eighteen asks
// for seeing them.
type formPage struct {
	Step     int
	Name     string
	IDNumber string
	Once     string
	// Wrong says what is wrong with an entry, by its field; Together what is wrong with the two together, nil where
	// nothing is.
	Wrong    map[string]*citycard.Entry
	Together *citycard.Entry
	// Cards are those of a citizen who is already known to be their holder, to be checked before going on.
	Cards []citycard.CardView
}

// Form answers GET /h5/activate.
func (h *Pages) Form(c echo.Context) error { return h.form(c, http.StatusOK, formPage{}) }

func (h *Pages) form(c echo.Context, status int, body formPage) error {
	cards, err := h.cards(c)
	if err != nil {
		return err
	}
	body.Step, body.Cards, body.Once = stepEnter, cards.Cards, h.NewID()
	return h.render(c, status, "form", body)
}

// Submit answers POST /h5/activate: on to the activation's page, or the form again with what is wrong in it.
func (h *Pages) Submit(c echo.Context) error {
	session, err := sessionOf(c)
	if err != nil {
		return err
	}
	entered, err := readForm(c)
	if err != nil {
		return err
	}
	view, err := h.Activator.Start(c.Request().Context(), citycard.ActivationRequest{
		Session: session, Name: entered.Name, IDNumber: entered.IDNumber,
		Address: clientAddress(c), OnceKey: entered.Once,
	})
	if err == nil {
		return c.Redirect(http.StatusSeeOther, activationPath(view.Activation.ID))
	}
	status := entered.mark(citycard.Refusals(err))
	if status == 0 {
		return err
	}
	return h.form(c, status, entered)
}

// mark notes what is wrong beside the entries, and gives the answer's status; 0 where it is nothing that the
// citizen can mend in the form.
func (p *formPage) mark(refused []*citycard.Error) (status int) {
	p.Wrong = map[string]*citycard.Entry{}
	for _, one := range refused {
		if !isEntryProblem(one) {
			return 0
		}
		entry := citycard.EntryOf(one.Code)
		if one.Field == "" {
			p.Together = &entry
		} else {
			p.Wrong[one.Field] = &entry
		}
		status = entry.Status
	}
	return status
}

// isEntryProblem tells whether the citizen can mend it in the form.
func isEntryProblem(err *citycard.Error) bool {
	return err.Field == "name" || err.Field == "id_number" || err.Code == citycard.CodeCardNotMatched
}

func readForm(c echo.Context) (formPage, error) {
	r := c.Request()
	kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err != nil || kind != echo.MIMEApplicationForm {
		return formPage{}, &citycard.Error{Code: citycard.CodeUnsupportedMediaType, Message: "the form must be " + echo.MIMEApplicationForm}
	}
	var tooLarge *http.MaxBytesError
	switch err := r.ParseForm(); {
	case errors.As(err, &tooLarge):
		return formPage{}, &citycard.Error{Code: citycard.CodeBodyTooLarge}
	case err != nil:
		return formPage{}, malformed("", "the form cannot be read")
	}
	for name := range r.PostForm {
		if namesPassword(name) {
			return formPage{}, passwordInBody("")
		}
	}
	form := formPage{Name: r.PostForm.Get("name"), IDNumber: r.PostForm.Get("id_number"), Once: r.PostForm.Get(onceField)}
	if !utf8.ValidString(form.Name + form.IDNumber) {
		return formPage{}, malformed("", "the form is not valid UTF-8")
	}
	if form.Once != "" && !isOnceKey(form.Once) {
		return formPage{}, malformed(onceField, "the form's number has the wrong form")
	}
	return form, nil
}

type activationPage struct {
	Step int
	citycard.ActivationView
	// Failure says why it failed; Again whether new entries can help.
	Failure citycard.Entry
	Again   bool
}

// startAgain are the failures after which a new activation, with right entries, can succeed.
var startAgain = map[citycard.Code]bool{
	citycard.CodeCardNotMatched: true, citycard.CodeIdentityMismatch: true, citycard.CodeLoginCodeInvalid: true,
	citycard.CodeFaceRequired: true, citycard.CodePlatformUnavailable: true, citycard.CodeStorageUnavailable: true,
	citycard.CodeVersionConflict: true, citycard.CodeInternal: true,
}

// Activation answers GET /h5/activations/{id}: the consent while it awaits the identity, then its result.
func (h *Pages) Activation(c echo.Context) error {
	view, err := h.activation(c)
	if err != nil {
		return err
	}
	body := activationPage{Step: stepDone, ActivationView: view}
	switch view.Activation.Status {
	case citycard.ActivationAwaitingIdentity:
		body.Step = stepConfirm
		return h.render(c, http.StatusOK, "consent", body)
	case citycard.ActivationFailed:
		body.Failure = citycard.EntryOf(view.Activation.Failure)
		body.Again = startAgain[view.Activation.Failure]
		return h.render(c, http.StatusOK, "failure", body)
	default:
		return h.render(c, http.StatusOK, "result", body)
	}
}

// Authorize answers GET /h5/activations/{id}/authorize: off to the platform's page for the identity check. It
// is reached by a link and not by a form, whose redirect to another site the content policy would stop.
func (h *Pages) Authorize(c echo.Context) error {
	view, err := h.activation(c)
	switch {
	case err != nil:
		return err
	case view.Activation.Status != citycard.ActivationAwaitingIdentity:
		return c.Redirect(http.StatusSeeOther, activationPath(view.Activation.ID))
	case view.Activation.Method == citycard.IdentityFace:
		return c.Redirect(http.StatusSeeOther, view.AuthorizeURL)
	}
	redirect, err := h.Login.BeginIdentity(c.Request().Context(), view.Activation)
	if err != nil {
		return err
	}
	return leaveFor(c, redirect, h.Secure)
}

// FaceReturn answers GET /h5/faces/{id}, to which the platform's face page leads back. The address says
// nothing about the outcome: only the platform's own answer counts.
func (h *Pages) FaceReturn(c echo.Context) error {
	session, err := sessionOf(c)
	if err != nil {
		return err
	}
	id, err := reference(c, "id")
	if err != nil {
		return err
	}
	return settle(c, h.Activator, session, id, "")
}

func (h *Pages) activation(c echo.Context) (citycard.ActivationView, error) {
	session, err := sessionOf(c)
	if err != nil {
		return citycard.ActivationView{}, err
	}
	id, err := reference(c, "id")
	if err != nil {
		return citycard.ActivationView{}, err
	}
	return h.Activator.Find(c.Request().Context(), session, id)
}
