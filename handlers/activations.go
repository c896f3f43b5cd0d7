package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// Activations lets a mini-program activate its citizen's card.
type Activations struct{ Activator Activator }

// awaitingBody is an activation that needs its citizen on the platform's page first.
type awaitingBody struct {
	ID             string                    `json:"id"`
	Status         citycard.ActivationStatus `json:"status"`
	AuthorizeURL   string                    `json:"authorize_url"`
	IdentityMethod citycard.IdentityMethod   `json:"identity_method"`
	ExpiresAt      string                    `json:"expires_at"`
}

// doneBody is an activation that came to its end. Failure is there only where that was no success.
type doneBody struct {
	ID      string                    `json:"id"`
	Status  citycard.ActivationStatus `json:"status"`
	Changed bool                      `json:"changed"`
	Card    *cardBody                 `json:"card"`
	Receipt *string                   `json:"receipt"`
	Failure *failureBody              `json:"failure,omitempty"`
}

type failureBody struct {
	Code     citycard.Code      `json:"code"`
	Message  citycard.Text      `json:"message"`
	NextStep citycard.LocalStep `json:"next_step"`
}

// Start answers POST /v1/activations: 202 where the platform has to confirm the identity first, 200 where it
// went straight through.
func (h Activations) Start(c echo.Context) error {
	session, err := sessionOf(c)
	if err != nil {
		return err
	}
	once, err := onceKey(c)
	if err != nil {
		return err
	}
	var body struct {
		Name     string `json:"name"`
		IDNumber string `json:"id_number"`
	}
	if err := bind(c, &body); err != nil {
		return err
	}
	view, err := h.Activator.Start(c.Request().Context(), citycard.ActivationRequest{
		Session: session, Name: body.Name, IDNumber: body.IDNumber, Address: clientAddress(c), OnceKey: once,
	})
	if err != nil {
		return err
	}
	return showActivation(c, view, http.StatusAccepted)
}

// Confirm answers POST /v1/activations/{id}/confirm after the platform's page. A face check needs no auth code.
func (h Activations) Confirm(c echo.Context) error {
	session, err := sessionOf(c)
	if err != nil {
		return err
	}
	id, err := reference(c, "id")
	if err != nil {
		return err
	}
	once, err := onceKey(c)
	if err != nil {
		return err
	}
	var body struct {
		AuthCode string `json:"auth_code"`
	}
	if err := bind(c, &body); err != nil {
		return err
	}
	if body.AuthCode != "" && !authCodeForm.MatchString(body.AuthCode) {
		return invalidPayload("auth_code", "auth_code must be the platform's code: 1 to 256 printable ASCII characters")
	}
	view, err := h.Activator.Confirm(c.Request().Context(), session, id, body.AuthCode, once)
	if err != nil {
		return err
	}
	return showActivation(c, view, http.StatusAccepted)
}

// Show answers GET /v1/activations/{id} with the body that the activation's last step answered.
func (h Activations) Show(c echo.Context) error {
	session, err := sessionOf(c)
	if err != nil {
		return err
	}
	id, err := reference(c, "id")
	if err != nil {
		return err
	}
	view, err := h.Activator.Find(c.Request().Context(), session, id)
	if err != nil {
		return err
	}
	return showActivation(c, view, http.StatusOK)
}

// showActivation answers with an activation; awaiting is the status for one that is not at its end.
func showActivation(c echo.Context, view citycard.ActivationView, awaiting int) error {
	a, lang := view.Activation, languageOf(c)
	if a.Status == citycard.ActivationAwaitingIdentity {
		return c.JSON(awaiting, awaitingBody{a.ID, a.Status, view.AuthorizeURL, a.Method, moment(a.ExpiresAt)})
	}
	body := doneBody{ID: a.ID, Status: a.Status, Changed: a.Changed, Receipt: optional(a.Receipt)}
	if view.Card != nil {
		body.Card = showCard(*view.Card, lang)
	}
	if a.Status == citycard.ActivationFailed {
		entry := citycard.EntryOf(a.Failure)
		body.Failure = &failureBody{entry.Code, entry.Message, entry.Next.In(lang)}
	}
	return c.JSON(http.StatusOK, body)
}
