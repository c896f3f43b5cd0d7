package citycard

import (
	"context"
	"strings"
)

// deadlineRows is how many cards are read at a time; those that no deadline strikes are left out.
const deadlineRows = 500

// deadlines lists the cards that a deadline strikes within seven days, by day of receipt. The days of receipt are
// worked out by the policies, and each card is judged by their rules.
func (w *WorkLists) deadlines(ctx context.Context, after string, limit int) (WorkPage, error) {
	now := w.Statistics.Clock()
	today := DateOf(now)
	from, ref, err := readDeadlineCursor(after)
	if err != nil {
		return WorkPage{}, err
	}
	page := WorkPage{}
	for _, day := range w.Statistics.Policies.receivedDays(today, today.AddDays(daysOfWeek)) {
		if day.Before(from) {
			continue
		}
		query := ReceivedQuery{Day: day, States: exposedStates, Limit: deadlineRows}
		if day == from {
			query.After = ref
		}
		full, err := w.deadlinesOf(ctx, query, limit, &page)
		if full || err != nil {
			return page, err
		}
	}
	return page, nil
}

// deadlinesOf adds the cards of one day of receipt; full tells that there are more than fit.
func (w *WorkLists) deadlinesOf(ctx context.Context, query ReceivedQuery, limit int, page *WorkPage) (full bool, err error) {
	for {
		held, err := w.Store.CardsReceived(ctx, query)
		if err != nil {
			return false, err
		}
		for _, h := range held {
			query.After = h.Card.Ref
			items := w.strikes(h, query.Day)
			if len(items) > 0 && len(page.Items) >= limit {
				page.Next = page.Items[len(page.Items)-1].Cursor
				return true, nil
			}
			page.Items = append(page.Items, items...)
		}
		if len(held) < query.Limit {
			return false, nil
		}
	}
}

// strikes are the deadlines that end within seven days for a card.
func (w *WorkLists) strikes(h HeldCard, received Date) []WorkItem {
	now := w.Statistics.Clock()
	today := DateOf(now)
	var items []WorkItem
	for _, kind := range DeadlineKinds() {
		last := w.Statistics.Policies.Deadline(kind, h.Card, today)
		if last.IsZero() || !last.Before(today.AddDays(daysOfWeek)) {
			continue
		}
		view := w.Statistics.Policies.View(h.Person, h.Card, now)
		items = append(items, WorkItem{
			Cursor: received.String() + "_" + h.Card.Ref, Kind: string(kind), Card: &view, Due: last,
			What: deadlineTexts[kind], Next: EntryOf(CodeFinancialNotActive).Next,
		})
	}
	return items
}

var deadlineTexts = map[DeadlineKind]Text{
	DeadlineRestricted: {ZH: "期满后原医保卡受限", EN: "The old medical card is restricted after that day"},
	DeadlineLost:       {ZH: "期满后社保功能自动挂失", EN: "The social security function is lost after that day"},
}

// readDeadlineCursor reads DAY_REF.
func readDeadlineCursor(text string) (Date, string, error) {
	if text == "" {
		return Date{}, "", nil
	}
	day, ref, found := strings.Cut(text, "_")
	from, err := ParseDate(day)
	if !found || err != nil || from.IsZero() {
		return Date{}, "", refuseField(CodeMalformedRequest, "cursor", "cursor must be the next_cursor of an earlier answer")
	}
	return from, ref, nil
}
