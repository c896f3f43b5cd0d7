package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// agentBody is somebody who came for the cardholder, by the references of what was seen.
type agentBody struct {
	Document           string `json:"document"`
	CardholderDocument string `json:"cardholder_document"`
	Attorney           string `json:"attorney"`
	Until              string `json:"until"`
}

// presenceBody says how staff was asked, and by whom.
type presenceBody struct {
	Channel        citycard.Channel `json:"channel"`
	Identification string           `json:"identification"`
	Agent          *agentBody       `json:"agent"`
}

func (b presenceBody) agent() citycard.Agent {
	if b.Agent == nil {
		return citycard.Agent{}
	}
	return citycard.Agent{
		Document: b.Agent.Document, Cardholder: b.Agent.CardholderDocument, Attorney: b.Agent.Attorney, Until: b.Agent.Until,
	}
}

// actionBody is what staff submits of an action on a card.
type actionBody struct {
	presenceBody

	Reason       citycard.Reason `json:"reason"`
	Note         string          `json:"note"`
	Evidence     string          `json:"evidence"`
	Place        string          `json:"place"`
	Step         citycard.Step   `json:"step"`
	ReceivedOn   string          `json:"received_on"`
	AccountLast4 string          `json:"account_last4"`
	ActivatedOn  string          `json:"activated_on"`
}

// readAction reads an action on the card that the path names.
func readAction(c echo.Context, action citycard.CardAction) (citycard.ActionRequest, error) {
	ref, err := reference(c, "ref")
	if err != nil {
		return citycard.ActionRequest{}, err
	}
	once, err := onceKey(c)
	if err != nil {
		return citycard.ActionRequest{}, err
	}
	var body actionBody
	if err := bind(c, &body); err != nil {
		return citycard.ActionRequest{}, err
	}
	return citycard.ActionRequest{
		Ref: ref, Action: action, Reason: body.Reason, Note: body.Note, Evidence: body.Evidence, Place: body.Place,
		Step: body.Step, ReceivedOn: body.ReceivedOn, Channel: body.Channel, Identification: body.Identification,
		Agent: body.agent(), AccountLast4: body.AccountLast4, ActivatedOn: body.ActivatedOn, OnceKey: once,
	}, nil
}

// Act answers POST /admin/v1/cards/{ref}/… and /admin/v1/reissues/{ref}/cancel with the card as it is afterwards.
func (h StaffCards) Act(action citycard.CardAction) echo.HandlerFunc {
	return func(c echo.Context) error {
		session, err := staffOf(c)
		if err != nil {
			return err
		}
		request, err := readAction(c, action)
		if err != nil {
			return err
		}
		card, changed, err := h.Desk.Act(c.Request().Context(), session, request)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, struct {
			Changed bool          `json:"changed"`
			Card    staffCardBody `json:"card"`
		}{changed, showStaffCard(card, languageOf(c))})
	}
}

// Ask answers POST /admin/v1/cards/{ref}/… of what needs a second person: 202 with the request that awaits one.
func (h StaffCards) Ask(action citycard.CardAction) echo.HandlerFunc {
	return func(c echo.Context) error {
		session, err := staffOf(c)
		if err != nil {
			return err
		}
		request, err := readAction(c, action)
		if err != nil {
			return err
		}
		asked, err := h.Desk.Ask(c.Request().Context(), session, request)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusAccepted, showApproval(asked))
	}
}
