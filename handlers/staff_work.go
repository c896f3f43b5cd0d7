package handlers

import (
	"context"
	"net/http"
	"regexp"

	"github.com/labstack/echo/v4"

	"citycard"
)

// WorkLists are the lists of what somebody has to see to, *citycard.WorkLists.
type WorkLists interface {
	List(ctx context.Context, s citycard.StaffSession, list citycard.WorkList, after string, limit int) (citycard.WorkPage, error)
	Counts(ctx context.Context, s citycard.StaffSession) ([]citycard.WorkCount, error)
}

var _ WorkLists = (*citycard.WorkLists)(nil)

// StaffWork gives the lists as JSON.
type StaffWork struct{ Lists WorkLists }

type workCountBody struct {
	List  citycard.WorkList `json:"list"`
	Count int64             `json:"count"`
}

// Counts answers GET /admin/v1/work: how long the lists of the session's role are now.
func (h StaffWork) Counts(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	counts, err := h.Lists.Counts(c.Request().Context(), session)
	if err != nil {
		return err
	}
	items := make([]workCountBody, len(counts))
	for i, count := range counts {
		items[i] = workCountBody(count)
	}
	return c.JSON(http.StatusOK, list[workCountBody]{Items: items})
}

type workCardBody struct {
	Ref              string `json:"ref"`
	Region           string `json:"region"`
	CardNumberMasked string `json:"card_number_masked"`
	HolderMasked     string `json:"holder_masked"`
}

type workItemBody struct {
	Kind     string              `json:"kind"`
	Card     *workCardBody       `json:"card"`
	DueOn    citycard.Date       `json:"due_on"`
	Day      citycard.Date       `json:"day"`
	At       *string             `json:"at"`
	AppID    *string             `json:"app_id"`
	Code     *string             `json:"code"`
	Subject  *string             `json:"subject"`
	Count    int64               `json:"count"`
	Limit    int64               `json:"limit"`
	Ref      *string             `json:"ref"`
	Message  *string             `json:"message"`
	NextStep *citycard.LocalStep `json:"next_step"`
}

func showWork(item citycard.WorkItem, lang citycard.Lang) workItemBody {
	body := workItemBody{
		Kind: item.Kind, DueOn: item.Due, Day: item.Day, At: optionalMoment(item.At), AppID: optional(item.Partner),
		Code: optional(item.Code), Subject: optional(item.Subject), Count: item.Count, Limit: item.Limit, Ref: optional(item.Ref),
		Message: optional(item.What.In(lang)),
	}
	if card := item.Card; card != nil {
		body.Card = &workCardBody{card.Ref, card.Region, card.CardNumberMasked, card.HolderMasked}
	}
	if step := item.Next.In(lang); step.Action != "" {
		body.NextStep = &step
	}
	return body
}

// workCursorForm is what a cursor of a list may look like: a partner's code may be part of it.
var workCursorForm = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,200}$`)

// workAsked reads which part of which list is asked for.
func workAsked(c echo.Context) (list citycard.WorkList, after string, limit int, err error) {
	if limit, err = limitAsked(c); err != nil {
		return "", "", 0, err
	}
	after = c.QueryParam("cursor")
	if after != "" && !workCursorForm.MatchString(after) {
		return "", "", 0, malformed("cursor", "cursor must be the next_cursor of an earlier answer")
	}
	return citycard.WorkList(c.Param("list")), after, limit, nil
}

// List answers GET /admin/v1/work/{list}?cursor=&limit=.
func (h StaffWork) List(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	asked, after, limit, err := workAsked(c)
	if err != nil {
		return err
	}
	page, err := h.Lists.List(c.Request().Context(), session, asked, after, limit)
	if err != nil {
		return err
	}
	body := list[workItemBody]{Items: make([]workItemBody, len(page.Items)), NextCursor: optional(page.Next)}
	for i, item := range page.Items {
		body.Items[i] = showWork(item, languageOf(c))
	}
	return c.JSON(http.StatusOK, body)
}

// StaffWorkPages show the lists.
type StaffWorkPages struct {
	Pages *StaffPages
	Lists WorkLists
	// PartnerNames gives the partners' names by app id.
	PartnerNames func(ctx context.Context) (map[string]string, error)
}

type staffWorkPage struct {
	Counts []citycard.WorkCount
	// List is the one shown, empty on the page of all.
	List     citycard.WorkList
	Items    []citycard.WorkItem
	Partners map[string]string
	Next     string
}

// Home answers GET /admin/work with the lists and how long they are.
func (h *StaffWorkPages) Home(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	counts, err := h.Lists.Counts(c.Request().Context(), session)
	if err != nil {
		return err
	}
	return h.Pages.show(c, "work", staffWorkPage{Counts: counts}, nil)
}

// List answers GET /admin/work/{list}.
func (h *StaffWorkPages) List(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	asked, after, limit, err := workAsked(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	page, err := h.Lists.List(ctx, session, asked, after, limit)
	if err != nil {
		return err
	}
	body := staffWorkPage{List: asked, Items: page.Items, Next: page.Next}
	if body.Counts, err = h.Lists.Counts(ctx, session); err != nil {
		return err
	}
	if body.Partners, err = h.PartnerNames(ctx); err != nil {
		return err
	}
	return h.Pages.show(c, "work", body, nil)
}

// Count sums up the lists of a session, for the navigation.
func (h *StaffWorkPages) Count(ctx context.Context, s citycard.StaffSession) (int, error) {
	counts, err := h.Lists.Counts(ctx, s)
	sum := 0
	for _, count := range counts {
		sum += int(count.Count)
	}
	return sum, err
}
