package handlers

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffDashboard shows the figures as pictures, each with its table.
type StaffDashboard struct {
	Pages      *StaffPages
	Statistics Statistics
	// PartnerNames gives the partners' names by app id.
	PartnerNames func(ctx context.Context) (map[string]string, error)
	// CityNames gives the cities' names by region, as they are today.
	CityNames func() map[string]citycard.Text
	Clock     func() time.Time
	Exports   Exports
}

// dashboardPage is what the page is given.
type dashboardPage struct {
	From, To, Today citycard.Date

	Daily chart
	Days  []dashboardDay

	Channels     chart
	ChannelLines []dashboardChannel

	Funnel      chart
	Stages      []dashboardStage
	Drops       []dashboardDrop
	PendingBank int64

	Callbacks []dashboardCallback

	Deadlines chart
	Weeks     []dashboardWeek
	CountedAt time.Time
	Missing   int

	// ExportKinds are what the role may ask for, Ready its requests that may be fetched now.
	ExportKinds []citycard.ExportKind
	Ready       []citycard.Approval
	Once        string
}

// enabledSums are what was enabled: financial and social security applications, and requests that await the bank.
type enabledSums struct{ Financial, Social, Pending int64 }

func (s *enabledSums) add(e citycard.EnabledCount) {
	switch {
	case e.Machine == citycard.MachineSocial:
		s.Social += e.Count
	case e.State == string(citycard.FinancialPendingBank):
		s.Pending += e.Count
	default:
		s.Financial += e.Count
	}
}

type dashboardDay struct {
	enabledSums

	Day citycard.Date
	// Begun and Failed are citizens' requests.
	Begun, Failed int64
}

type dashboardChannel struct {
	enabledSums

	Channel citycard.Channel
	Partner string
}

type dashboardStage struct {
	Stage citycard.FunnelStage
	Count int64
	// Share is the part of those who started, in percent.
	Share string
}

type dashboardDrop struct {
	citycard.Drop

	// Why says it in words; empty for those still open.
	Why citycard.Text
}

type dashboardCallback struct {
	citycard.PartnerResult

	Partner string
}

type dashboardWeek struct {
	region string

	From, To         citycard.Date
	City             citycard.Text
	Restricted, Lost int64
}

// Show answers GET /admin/dashboard?from=&to=.
func (h *StaffDashboard) Show(c echo.Context) error { return h.show(c, nil) }

func (h *StaffDashboard) show(c echo.Context, refusal error) error {
	today := citycard.DateOf(h.Clock())
	body := &dashboardPage{Today: today}
	from, to, err := days(c, today)
	if err == nil {
		body.From, body.To = from, to
		err = h.fill(c, body)
	}
	if err != nil && body.From.IsZero() {
		body.From, body.To = today.AddDays(1-shownDays), today
	}
	if refusal == nil {
		refusal = err
	}
	if err := h.offerExports(c, body); err != nil {
		return err
	}
	return h.Pages.show(c, "dashboard", body, refusal)
}

// offerExports fills in what the session may export.
func (h *StaffDashboard) offerExports(c echo.Context, body *dashboardPage) error {
	session, err := staffOf(c)
	if err != nil || !citycard.MayAsk(session.Staff.Role, citycard.ApproveExport) {
		return err
	}
	body.ExportKinds, body.Once = citycard.ExportKinds(), h.Pages.NewID()
	body.Ready, err = h.Exports.Ready(c.Request().Context(), session)
	return err
}

func (h *StaffDashboard) fill(c echo.Context, body *dashboardPage) error {
	ctx := c.Request().Context()
	words := &page{Lang: languageOf(c), texts: h.Pages.Templates.texts[languageOf(c)]}
	counted, err := h.Statistics.Daily(ctx, body.From, body.To)
	if err != nil {
		return err
	}
	results, err := h.Statistics.PartnerResults(ctx, body.From, body.To)
	if err != nil {
		return err
	}
	exposure, err := h.Statistics.Exposure(ctx, shownWeeks)
	if err != nil {
		return err
	}
	names, err := h.PartnerNames(ctx)
	if err != nil {
		return err
	}
	for _, result := range results {
		name := cmp.Or(names[result.AppID], result.AppID)
		body.Callbacks = append(body.Callbacks, dashboardCallback{result, name})
	}
	text := &texter{page: words}
	body.daily(text, counted)
	body.channels(text, counted, names)
	body.funnel(text, citycard.FunnelOf(counted))
	body.deadlines(text, exposure, h.CityNames())
	return text.err
}

// texter looks texts up and keeps the first that is missing.
type texter struct {
	*page

	err error
}

func (t *texter) text(key string) string {
	found, err := t.T(key)
	if t.err == nil {
		t.err = err
	}
	return found
}

func (p *dashboardPage) daily(t *texter, counted []citycard.DayCounts) {
	columns := make([]chartColumn, 0, len(counted))
	for _, counts := range counted {
		day := dashboardDay{Day: counts.Day}
		for _, e := range counts.Enabled {
			day.add(e)
		}
		for _, r := range counts.Requests {
			day.Begun += r.Count
			if r.Status == citycard.ActivationFailed {
				day.Failed += r.Count
			}
		}
		p.Days = append(p.Days, day)
		columns = append(columns, chartColumn{shortDay(day.Day), []int64{day.Financial, day.Social}})
	}
	p.Daily = columnChart(t.text("staff.stats_daily"), []string{t.text("machine.financial"), t.text("machine.social")}, columns)
}

// shortDay is a day without its year.
func shortDay(day citycard.Date) string { return day.String()[len("2006-"):] }

func (p *dashboardPage) channels(t *texter, counted []citycard.DayCounts, names map[string]string) {
	type key struct {
		channel citycard.Channel
		partner string
	}
	sums := map[key]*dashboardChannel{}
	for _, counts := range counted {
		for _, e := range counts.Enabled {
			at := key{e.Channel, e.Partner}
			if sums[at] == nil {
				sums[at] = &dashboardChannel{Channel: e.Channel, Partner: cmp.Or(names[e.Partner], e.Partner)}
			}
			sums[at].add(e)
		}
	}
	for _, line := range sums {
		p.ChannelLines = append(p.ChannelLines, *line)
	}
	slices.SortFunc(p.ChannelLines, func(a, b dashboardChannel) int {
		return cmp.Or(cmp.Compare(b.Financial+b.Social, a.Financial+a.Social), cmp.Compare(a.Channel, b.Channel),
			cmp.Compare(a.Partner, b.Partner))
	})
	rows := make([]chartRow, 0, len(p.ChannelLines))
	for _, line := range p.ChannelLines {
		label := t.text("channel." + string(line.Channel))
		if line.Partner != "" {
			label += " · " + line.Partner
		}
		all := line.Financial + line.Social
		rows = append(rows, chartRow{label, 1, all, thousands(all)})
	}
	p.Channels = rowChart(t.text("staff.stats_channels"), rows)
}

func (p *dashboardPage) funnel(t *texter, funnel citycard.Funnel) {
	p.PendingBank = funnel.PendingBank
	rows := make([]chartRow, 0, len(citycard.FunnelStages()))
	started := max(1, funnel.Reached[citycard.FunnelStarted])
	for _, name := range citycard.FunnelStages() {
		count := funnel.Reached[name]
		stage := dashboardStage{name, count, fmt.Sprintf("%.1f%%", 100*float64(count)/float64(started))}
		p.Stages = append(p.Stages, stage)
		rows = append(rows, chartRow{t.text("staff.stage_" + string(name)), 1, count, thousands(count) + " · " + stage.Share})
	}
	p.Funnel = rowChart(t.text("staff.stats_funnel"), rows)
	for _, drop := range funnel.Drops {
		shown := dashboardDrop{Drop: drop}
		if drop.Reason != string(citycard.ActivationAwaitingIdentity) {
			shown.Why = citycard.EntryOf(citycard.Code(drop.Reason)).Message
		}
		p.Drops = append(p.Drops, shown)
	}
}

func (p *dashboardPage) deadlines(t *texter, exposure citycard.Exposure, cities map[string]citycard.Text) {
	p.CountedAt, p.Missing = exposure.CountedAt, exposure.Missing
	columns := make([]chartColumn, shownWeeks)
	for i := range columns {
		columns[i] = chartColumn{shortDay(p.Today.AddDays(7 * i)), make([]int64, len(citycard.DeadlineKinds()))}
	}
	for _, week := range exposure.Weeks {
		at := slices.Index(citycard.DeadlineKinds(), week.Kind)
		columns[p.Today.DaysUntil(week.From)/7].Values[at] += week.Cards
		last := len(p.Weeks) - 1
		if last < 0 || p.Weeks[last].From != week.From || p.Weeks[last].region != week.Region {
			city, known := cities[week.Region]
			if !known {
				city = citycard.Text{ZH: week.Region, EN: week.Region}
			}
			p.Weeks = append(p.Weeks, dashboardWeek{region: week.Region, From: week.From, To: week.From.AddDays(6), City: city})
			last++
		}
		if week.Kind == citycard.DeadlineRestricted {
			p.Weeks[last].Restricted += week.Cards
		} else {
			p.Weeks[last].Lost += week.Cards
		}
	}
	series := []string{t.text("staff.deadline_restricted"), t.text("staff.deadline_lost")}
	p.Deadlines = columnChart(t.text("staff.stats_deadlines"), series, columns)
}
