package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffCards is what staff sees of people's cards and does with them.
type StaffCards struct{ Desk StaffDesk }

// staffCardBody is a card with what only staff sees.
type staffCardBody struct {
	*cardBody

	History  []staffTransitionBody `json:"history"`
	Reissues []reissueBody         `json:"reissues"`
	// Offers are the actions that the role may do now, MayReissue whether it may replace the card.
	Offers      []offerBody      `json:"offers"`
	MayReissue  bool             `json:"may_reissue"`
	Corrections []correctionBody `json:"corrections"`
}

// offerBody is an action that the card's state allows, with what it asks for.
type offerBody struct {
	Action       citycard.CardAction `json:"action"`
	Reasons      []citycard.Reason   `json:"reasons"`
	SecondPerson bool                `json:"second_person"`
	Evidence     bool                `json:"evidence"`
	Place        bool                `json:"place"`
	Agent        bool                `json:"agent"`
	Steps        []citycard.Step     `json:"steps"`
}

type staffTransitionBody struct {
	transitionBody

	ActorID  string `json:"actor_id"`
	Evidence string `json:"evidence"`
}

type reissueBody struct {
	ID       string                 `json:"id"`
	OldCard  string                 `json:"old_card"`
	NewCard  string                 `json:"new_card"`
	Reason   citycard.ReissueReason `json:"reason"`
	Waiver   *string                `json:"waiver"`
	FeeFen   int                    `json:"fee_fen"`
	Note     string                 `json:"note"`
	State    citycard.ReissueState  `json:"state"`
	OpenedBy string                 `json:"opened_by"`
	OpenedAt string                 `json:"opened_at"`
	PaidAt   *string                `json:"paid_at"`
}

func showReissue(r citycard.StaffReissue) reissueBody {
	return reissueBody{
		ID: r.ID, OldCard: r.OldCard, NewCard: r.ID, Reason: r.Reason, Waiver: optional(string(r.Waiver)), FeeFen: r.FeeFen,
		Note: r.Note, State: r.State, OpenedBy: r.OpenedBy, OpenedAt: moment(r.OpenedAt),
		PaidAt: optionalMoment(r.PaidAt),
	}
}

func showStaffCard(card citycard.StaffCard, lang citycard.Lang) staffCardBody {
	body := staffCardBody{
		cardBody: showCard(card.CardView, lang),
		History:  make([]staffTransitionBody, 0, len(card.History)), Reissues: make([]reissueBody, 0, len(card.Reissues)),
		Offers: make([]offerBody, 0, len(card.Offers)), MayReissue: card.MayReissue,
		Corrections: make([]correctionBody, 0, len(card.Corrections)),
	}
	for _, o := range card.Offers {
		steps := append([]citycard.Step{}, o.Steps...)
		body.Offers = append(body.Offers, offerBody{o.Action, o.Reasons, o.Second, o.Evidence, o.Place, o.Agent, steps})
	}
	for _, c := range card.Corrections {
		body.Corrections = append(body.Corrections, showCorrection(c))
	}
	for _, t := range card.History {
		body.History = append(body.History, staffTransitionBody{showTransition(t), t.Cause.Actor.ID, t.Cause.Evidence})
	}
	for _, r := range card.Reissues {
		body.Reissues = append(body.Reissues, showReissue(r))
	}
	return body
}

// Search answers POST /admin/v1/searches: an ID number never stands in an address.
func (h StaffCards) Search(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	var body struct {
		IDNumber   string `json:"id_number"`
		CardNumber string `json:"card_number"`
		Region     string `json:"region"`
		Name       string `json:"name"`
		BirthDate  string `json:"birth_date"`
	}
	if err := bind(c, &body); err != nil {
		return err
	}
	found, err := h.Desk.Search(c.Request().Context(), session, citycard.StaffSearch{
		IDNumber: body.IDNumber, CardNumber: body.CardNumber, Region: body.Region, Name: body.Name, BirthDate: body.BirthDate,
	})
	if err != nil {
		return err
	}
	shown := foundBody{list: list[*cardBody]{Items: make([]*cardBody, 0, len(found.Cards))}, More: found.More}
	for _, view := range found.Cards {
		shown.Items = append(shown.Items, showCard(view, languageOf(c)))
	}
	return c.JSON(http.StatusOK, shown)
}

// foundBody are the cards found; More tells that the name has more people than are shown.
type foundBody struct {
	list[*cardBody]

	More bool `json:"more"`
}

// Show answers GET /admin/v1/cards/{ref}.
func (h StaffCards) Show(c echo.Context) error {
	session, ref, err := staffOn(c)
	if err != nil {
		return err
	}
	card, err := h.Desk.Card(c.Request().Context(), session, ref)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showStaffCard(card, languageOf(c)))
}

type reissueViewBody struct {
	Reissue reissueBody `json:"reissue"`
	OldCard *cardBody   `json:"old_card"`
	NewCard *cardBody   `json:"new_card"`
}

func showReissueView(view citycard.ReissueView, lang citycard.Lang) reissueViewBody {
	return reissueViewBody{showReissue(view.StaffReissue), showCard(view.Old, lang), showCard(view.New, lang)}
}

// Reissue answers POST /admin/v1/cards/{ref}/reissue.
func (h StaffCards) Reissue(c echo.Context) error {
	session, ref, err := staffOn(c)
	if err != nil {
		return err
	}
	once, err := onceKey(c)
	if err != nil {
		return err
	}
	var body struct {
		Reason   citycard.ReissueReason `json:"reason"`
		Waiver   *citycard.Reason       `json:"waiver"`
		Note     string                 `json:"note"`
		BankCode citycard.Bank          `json:"bank_code"`
		Evidence string                 `json:"evidence"`
		presenceBody
	}
	if err := bind(c, &body); err != nil {
		return err
	}
	view, err := h.Desk.Reissue(c.Request().Context(), session, citycard.ReissueRequest{
		Ref: ref, Reason: body.Reason, Waiver: body.Waiver, Note: body.Note, Bank: body.BankCode, Evidence: body.Evidence,
		Channel: body.Channel, Identification: body.Identification, Agent: body.agent(), OnceKey: once,
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, showReissueView(view, languageOf(c)))
}

// ShowReissue answers GET /admin/v1/reissues/{ref}.
func (h StaffCards) ShowReissue(c echo.Context) error {
	session, ref, err := staffOn(c)
	if err != nil {
		return err
	}
	view, err := h.Desk.FindReissue(c.Request().Context(), session, ref)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showReissueView(view, languageOf(c)))
}
