package handlers

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
)

// Statistics is what the dashboard counts, *citycard.Statistics.
type Statistics interface {
	Daily(ctx context.Context, from, to citycard.Date) ([]citycard.DayCounts, error)
	PartnerResults(ctx context.Context, from, to citycard.Date) ([]citycard.PartnerResult, error)
	Exposure(ctx context.Context, weeks int) (citycard.Exposure, error)
}

var _ Statistics = (*citycard.Statistics)(nil)

// StaffStatistics gives the dashboard's figures as JSON. They name no person.
type StaffStatistics struct {
	Statistics Statistics
	Clock      func() time.Time
}

const (
	// shownDays is how many days are shown where none are asked for, shownWeeks how many weeks.
	shownDays  = 14
	shownWeeks = 13
)

// days reads ?from=&to=, by default the last two weeks.
func days(c echo.Context, today citycard.Date) (from, to citycard.Date, err error) {
	if to, err = citycard.ParseDate(c.QueryParam("to")); err != nil {
		return from, to, malformed("to", "to must be a day written YYYY-MM-DD")
	}
	if from, err = citycard.ParseDate(c.QueryParam("from")); err != nil {
		return from, to, malformed("from", "from must be a day written YYYY-MM-DD")
	}
	if to.IsZero() {
		to = today
	}
	if from.IsZero() {
		from = to.AddDays(1 - shownDays)
	}
	return from, to, nil
}

type dayCountsBody struct {
	From citycard.Date        `json:"from"`
	To   citycard.Date        `json:"to"`
	Days []citycard.DayCounts `json:"days"`
}

// Activations answers GET /admin/v1/statistics/activations?from=&to=.
func (h StaffStatistics) Activations(c echo.Context) error {
	from, to, err := days(c, citycard.DateOf(h.Clock()))
	if err != nil {
		return err
	}
	counts, err := h.Statistics.Daily(c.Request().Context(), from, to)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, dayCountsBody{from, to, counts})
}

type stageBody struct {
	Stage citycard.FunnelStage `json:"stage"`
	Count int64                `json:"count"`
}

type dropBody struct {
	Stage  citycard.FunnelStage `json:"stage"`
	Reason string               `json:"reason"`
	Count  int64                `json:"count"`
}

type funnelBody struct {
	From        citycard.Date `json:"from"`
	To          citycard.Date `json:"to"`
	Reached     []stageBody   `json:"reached"`
	PendingBank int64         `json:"pending_bank"`
	Drops       []dropBody    `json:"drops"`
}

// Funnel answers GET /admin/v1/statistics/funnel?from=&to=.
func (h StaffStatistics) Funnel(c echo.Context) error {
	from, to, err := days(c, citycard.DateOf(h.Clock()))
	if err != nil {
		return err
	}
	counts, err := h.Statistics.Daily(c.Request().Context(), from, to)
	if err != nil {
		return err
	}
	funnel := citycard.FunnelOf(counts)
	body := funnelBody{From: from, To: to, PendingBank: funnel.PendingBank, Drops: make([]dropBody, len(funnel.Drops))}
	for _, stage := range citycard.FunnelStages() {
		body.Reached = append(body.Reached, stageBody{stage, funnel.Reached[stage]})
	}
	for i, drop := range funnel.Drops {
		body.Drops[i] = dropBody(drop)
	}
	return c.JSON(http.StatusOK, body)
}

type partnerResultBody struct {
	AppID   string                   `json:"app_id"`
	Outcome citycard.CallbackOutcome `json:"outcome"`
	Code    *string                  `json:"code"`
	Count   int64                    `json:"count"`
}

// Callbacks answers GET /admin/v1/statistics/callbacks?from=&to=.
func (h StaffStatistics) Callbacks(c echo.Context) error {
	from, to, err := days(c, citycard.DateOf(h.Clock()))
	if err != nil {
		return err
	}
	results, err := h.Statistics.PartnerResults(c.Request().Context(), from, to)
	if err != nil {
		return err
	}
	items := make([]partnerResultBody, len(results))
	for i, r := range results {
		items[i] = partnerResultBody{r.AppID, r.Outcome, optional(r.Code), r.Count}
	}
	return c.JSON(http.StatusOK, struct {
		From  citycard.Date       `json:"from"`
		To    citycard.Date       `json:"to"`
		Items []partnerResultBody `json:"items"`
	}{from, to, items})
}

type exposureWeekBody struct {
	From   citycard.Date         `json:"from"`
	Region string                `json:"region"`
	Kind   citycard.DeadlineKind `json:"kind"`
	Cards  int64                 `json:"cards"`
}

// weeks reads ?weeks=, by default a quarter.
func weeks(c echo.Context) (int, error) {
	text := c.QueryParam("weeks")
	if text == "" {
		return shownWeeks, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, malformed("weeks", "weeks must be a number from 1 to 52")
	}
	return n, nil
}

// Deadlines answers GET /admin/v1/statistics/deadlines?weeks=.
func (h StaffStatistics) Deadlines(c echo.Context) error {
	asked, err := weeks(c)
	if err != nil {
		return err
	}
	exposure, err := h.Statistics.Exposure(c.Request().Context(), asked)
	if err != nil {
		return err
	}
	items := make([]exposureWeekBody, len(exposure.Weeks))
	for i, week := range exposure.Weeks {
		items[i] = exposureWeekBody(week)
	}
	return c.JSON(http.StatusOK, struct {
		CountedAt string             `json:"counted_at"`
		Missing   int                `json:"missing_days"`
		Items     []exposureWeekBody `json:"items"`
	}{moment(exposure.CountedAt), exposure.Missing, items})
}
