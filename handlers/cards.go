package handlers

import (
	"encoding/base64"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"citycard"
)

const (
	historyPage    = 50
	historyMaximum = 100
)

// Cards shows citizens their own cards. Somebody else's card answers exactly like an absent one.
type Cards struct{ Cards CardReader }

// cardBody is a card as the API shows it; its texts are in the language asked for.
type cardBody struct {
	Ref                 string                   `json:"ref"`
	Region              string                   `json:"region"`
	CardNumberMasked    string                   `json:"card_number_masked"`
	HolderMasked        string                   `json:"holder_masked"`
	IssuingBank         bankBody                 `json:"issuing_bank"`
	Fulfilment          citycard.FulfilmentState `json:"fulfilment"`
	Social              citycard.SocialState     `json:"social"`
	Financial           citycard.FinancialState  `json:"financial"`
	Password            citycard.PasswordState   `json:"password"`
	ReceivedOn          *string                  `json:"received_on"`
	ValidTo             *string                  `json:"valid_to"`
	MedicalRestrictedOn *string                  `json:"medical_restricted_on"`
	FinancialDueOn      *string                  `json:"financial_due_on"`
	Blockers            []blockerBody            `json:"blockers"`
	ReplacementFor      *string                  `json:"replacement_for"`
	ReplacedBy          *string                  `json:"replaced_by"`
	Version             int64                    `json:"version"`
}

type bankBody struct {
	Code citycard.Bank `json:"code"`
	Name string        `json:"name"`
}

type blockerBody struct {
	Code     string             `json:"code"`
	Message  string             `json:"message"`
	NextStep citycard.LocalStep `json:"next_step"`
}

func showCard(view citycard.CardView, lang citycard.Lang) *cardBody {
	blockers := make([]blockerBody, 0, len(view.Blockers))
	for _, blocker := range view.Blockers {
		blockers = append(blockers, blockerBody{blocker.Code, blocker.Reason.In(lang), blocker.Next.In(lang)})
	}
	return &cardBody{
		Ref: view.Ref, Region: view.Region,
		CardNumberMasked: view.CardNumberMasked, HolderMasked: view.HolderMasked,
		IssuingBank: bankBody{view.Bank, view.BankName.In(lang)},
		Fulfilment:  view.Fulfilment, Social: view.Social, Financial: view.Financial, Password: view.Password,
		ReceivedOn: optional(view.ReceivedOn.String()), ValidTo: optional(view.ValidTo.String()),
		MedicalRestrictedOn: optional(view.MedicalRestrictedOn.String()), FinancialDueOn: optional(view.FinancialDueOn.String()),
		Blockers: blockers, ReplacementFor: optional(view.ReplacementFor), ReplacedBy: optional(view.ReplacedBy),
		Version: view.Version,
	}
}

// list is how every list is answered; NextCursor is null on its last page.
type list[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"next_cursor"`
}

// List answers GET /v1/cards?cursor=&limit=, newest card first. The cursor is how many cards are left, so that a new
// card, which comes first, does not shift the pages behind it.
func (h Cards) List(c echo.Context) error {
	session, err := sessionOf(c)
	if err != nil {
		return err
	}
	left, limit, err := window(c)
	if err != nil {
		return err
	}
	views, err := h.Cards.List(c.Request().Context(), session)
	if err != nil {
		return err
	}
	if 0 < left && left < int64(len(views)) {
		views = views[int64(len(views))-left:]
	}
	body := list[*cardBody]{Items: make([]*cardBody, 0, min(limit, len(views)))}
	if len(views) > limit {
		body.NextCursor = cursorAt(int64(len(views) - limit))
		views = views[:limit]
	}
	for _, view := range views {
		body.Items = append(body.Items, showCard(view, languageOf(c)))
	}
	return c.JSON(http.StatusOK, body)
}

// cursorAt is the cursor that window reads back.
func cursorAt(position int64) *string {
	cursor := base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, position, 10))
	return &cursor
}

// Show answers GET /v1/cards/{ref}.
func (h Cards) Show(c echo.Context) error {
	session, err := sessionOf(c)
	if err != nil {
		return err
	}
	ref, err := reference(c, "ref")
	if err != nil {
		return err
	}
	view, err := h.Cards.Find(c.Request().Context(), session, ref)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showCard(view, languageOf(c)))
}

type transitionBody struct {
	Seq        int64              `json:"seq"`
	Machine    citycard.Machine   `json:"machine"`
	From       string             `json:"from"`
	To         string             `json:"to"`
	Reason     citycard.Reason    `json:"reason"`
	ActorKind  citycard.ActorKind `json:"actor_kind"`
	Channel    citycard.Channel   `json:"channel"`
	OccurredAt string             `json:"occurred_at"`
	RecordedAt string             `json:"recorded_at"`
}

func showTransition(t citycard.Transition) transitionBody {
	return transitionBody{
		Seq: t.Seq, Machine: t.Machine, From: t.From, To: t.To, Reason: t.Cause.Reason,
		ActorKind: t.Cause.Actor.Kind, Channel: t.Cause.Channel,
		OccurredAt: moment(t.Cause.Occurred), RecordedAt: moment(t.RecordedAt),
	}
}

// History answers GET /v1/cards/{ref}/history?cursor=&limit=, oldest first.
func (h Cards) History(c echo.Context) error {
	session, err := sessionOf(c)
	if err != nil {
		return err
	}
	ref, err := reference(c, "ref")
	if err != nil {
		return err
	}
	after, limit, err := window(c)
	if err != nil {
		return err
	}
	transitions, err := h.Cards.History(c.Request().Context(), session, ref, after, limit+1)
	if err != nil {
		return err
	}
	body := list[transitionBody]{Items: make([]transitionBody, 0, len(transitions))}
	for i, t := range transitions {
		if i == limit {
			body.NextCursor = cursorAt(transitions[i-1].Seq)
			break
		}
		body.Items = append(body.Items, showTransition(t))
	}
	return c.JSON(http.StatusOK, body)
}

// window reads which part of a list is asked for.
func window(c echo.Context) (after int64, limit int, err error) {
	limit = historyPage
	if text := c.QueryParam("limit"); text != "" {
		limit, err = strconv.Atoi(text)
		if err != nil || limit < 1 || limit > historyMaximum {
			return 0, 0, malformed("limit", "limit must be a number from 1 to 100")
		}
	}
	if text := c.QueryParam("cursor"); text != "" {
		position, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil {
			return 0, 0, malformed("cursor", "cursor must be the next_cursor of an earlier answer")
		}
		after, err = strconv.ParseInt(string(position), 10, 64)
		if err != nil || after < 0 {
			return 0, 0, malformed("cursor", "cursor must be the next_cursor of an earlier answer")
		}
	}
	return after, limit, nil
}
