package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// staffHotlinePage is the hotline's page: first the number, then, of one card, the questions. Nothing of the record
// stands on it but which questions there are.
type staffHotlinePage struct {
	// Asked tells whether a number was looked for, Several how many cards it has where it is not one.
	Asked   bool
	Several int
	Ref     string
	// CardNumber is the number as it is masked, so that the caller can be asked which card is meant.
	CardNumber string
	Questions  []citycard.CallerQuestion
	Banks      map[citycard.Bank]citycard.Text
	Reasons    []citycard.Reason
	Today      string
	Once       string
}

// HotlineForm answers GET /admin/hotline.
func (h *StaffPages) HotlineForm(c echo.Context) error {
	return h.show(c, "hotline", staffHotlinePage{}, nil)
}

// HotlineFind answers POST /admin/hotline: the questions for the caller whose number was found.
func (h *StaffPages) HotlineFind(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	found, err := h.Desk.Search(c.Request().Context(), session, searchAsked(c))
	if err != nil {
		return h.show(c, "hotline", staffHotlinePage{}, err)
	}
	var held []citycard.CardView
	for _, card := range found.Cards {
		if card.Fulfilment == citycard.FulfilmentCollected && card.Social != citycard.SocialCanceled {
			held = append(held, card)
		}
	}
	if len(held) != 1 {
		return h.show(c, "hotline", staffHotlinePage{Asked: true, Several: len(held)}, nil)
	}
	return h.hotline(c, held[0].Ref, nil)
}

// HotlineAsk answers GET /admin/hotline/{ref}: the questions for the holder of a card.
func (h *StaffPages) HotlineAsk(c echo.Context) error {
	ref, err := reference(c, "ref")
	if err != nil {
		return err
	}
	return h.hotline(c, ref, nil)
}

func (h *StaffPages) hotline(c echo.Context, ref string, refusal error) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	questions, err := h.Callers.Questions(c.Request().Context(), session, ref)
	if err != nil {
		return err
	}
	card, err := h.Desk.Card(c.Request().Context(), session, ref)
	if err != nil {
		return err
	}
	return h.show(c, "hotline", staffHotlinePage{
		Asked: true, Several: 1, Ref: ref, CardNumber: card.CardNumberMasked, Questions: questions, Banks: card.Banks,
		Reasons: citycard.LossReasons(), Today: h.Today(), Once: h.NewID(),
	}, refusal)
}

// HotlineLoss answers POST /admin/hotline/{ref}: identifies the caller by what was said and records the loss, or with
// the button replace also orders the new card, while the caller waits.
func (h *StaffPages) HotlineLoss(c echo.Context) error {
	session, ref, err := staffOn(c)
	if err != nil {
		return err
	}
	ctx, answers := c.Request().Context(), citycard.Answers{}
	for _, question := range citycard.CallerQuestions() {
		answers[question] = c.FormValue(string(question))
	}
	caller, err := h.Callers.Identify(ctx, session, ref, answers)
	if citycard.CodeOf(err) == citycard.CodeNotFound {
		return err
	}
	if err != nil {
		return h.hotline(c, ref, err)
	}
	if c.FormValue("do") == "replace" {
		view, err := h.Desk.Reissue(ctx, session, citycard.ReissueRequest{
			Ref: ref, Reason: citycard.ReissueReason(c.FormValue("reason")), Note: c.FormValue("note"),
			Channel: citycard.ChannelHotline, Identification: caller.ID,
		})
		if err != nil {
			return h.hotline(c, ref, err)
		}
		return c.Redirect(http.StatusSeeOther, staffHome+"/reissues/"+view.ID)
	}
	_, _, err = h.Desk.Act(ctx, session, citycard.ActionRequest{
		Ref: ref, Action: citycard.ActionLoss, Reason: citycard.Reason(c.FormValue("reason")), Note: c.FormValue("note"),
		Channel: citycard.ChannelHotline, Identification: caller.ID,
	})
	if err != nil {
		return h.hotline(c, ref, err)
	}
	return c.Redirect(http.StatusSeeOther, staffHome+"/cards/"+ref)
}
