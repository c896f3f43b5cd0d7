package citycard

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// DifferenceKind says in what way two lists differ about an event.
type DifferenceKind string

// The kinds.
const (
	// DifferenceOurs is an event that took effect here on that day and is not on the partner's list.
	DifferenceOurs DifferenceKind = "only_ours"
	// DifferenceTheirs is an event on the partner's list that had no effect here on that day or those beside it: never
	// received, refused, or of another day.
	DifferenceTheirs DifferenceKind = "only_theirs"
	// DifferenceTold is an event that both lists have and tell differently.
	DifferenceTold DifferenceKind = "different"
)

// DifferenceKinds lists the kinds in the order in which they are shown.
func DifferenceKinds() []DifferenceKind {
	return []DifferenceKind{DifferenceOurs, DifferenceTheirs, DifferenceTold}
}

// TheirValue is what a partner's list says in a column: ToldOther for a text that is none of the column's kind.
type TheirValue struct {
	Column string `json:"column"`
	Value  string `json:"value"`
}

// DifferenceLine is an event about which two lists differ. Ours has the number alone where the event is only on the
// partner's list; Theirs is what that list says of it, or, where both have it, what it says differently.
type DifferenceLine struct {
	Ours   ReconciliationRow
	Theirs []TheirValue
}

// Their is what the partner's list says in a column, empty where it does not differ.
func (l DifferenceLine) Their(column string) string {
	for _, their := range l.Theirs {
		if their.Column == column {
			return their.Value
		}
	}
	return ""
}

// Our is what our own list says in a column.
func (l DifferenceLine) Our(column string) string {
	if at := slices.Index(ReconciliationColumns(), column); at >= 0 {
		return l.Ours.Fields()[at]
	}
	return ""
}

// TheirColumns are the columns in which a partner's list may differ, in the order in which they are shown.
func TheirColumns() []string { return slices.Clone(toldColumns[:]) }

// ReconciliationResult is what comparing a partner's list of a day with ours gave. Same counts the events that both have
// and that agree.
type ReconciliationResult struct {
	AppID                               string
	Day                                 Date
	Same, OnlyOurs, OnlyTheirs, Differs int64
	ComparedAt                          time.Time
}

// Differences counts the events about which the lists differ.
func (r ReconciliationResult) Differences() int64 { return r.OnlyOurs + r.OnlyTheirs + r.Differs }

// Count is how many lines there are of a kind.
func (r ReconciliationResult) Count(kind DifferenceKind) int64 {
	switch kind {
	case DifferenceOurs:
		return r.OnlyOurs
	case DifferenceTheirs:
		return r.OnlyTheirs
	}
	return r.Differs
}

// Strange tells whether the partner's list has no event of that day: it is then the list of another day or partner.
func (r ReconciliationResult) Strange() bool { return r.Same+r.Differs == 0 && r.OnlyTheirs > 0 }

// Reconcile compares a partner's list of a day with ours and keeps what it finds, in place of an earlier comparison. The
// list is CSV with a header of which out_request_no is needed; the other columns of the daily list are compared where
// they are there and filled in, times to the second, card numbers masked or whole; further columns are ignored. An
// event that one side puts on the day before or after is the same event. by records who did it, nil for nobody of staff.
//
// A list that cannot be read is invalid_payload with a ReconciliationProblem as the cause, and leaves what was kept
// before; a day that has not come is invalid_payload too.
func (r *Reconciliation) Reconcile(ctx context.Context, appID string, on Date, list io.Reader, by *StaffAction) (ReconciliationResult, error) {
	if err := r.checkDay(on); err != nil {
		return ReconciliationResult{}, err
	}
	if r.Turns != nil {
		select {
		case r.Turns <- struct{}{}:
			defer func() { <-r.Turns }()
		case <-ctx.Done():
			return ReconciliationResult{}, ctx.Err()
		}
	}
	theirs, err := readPartnerList(list)
	if err != nil {
		return ReconciliationResult{}, err
	}
	found := Comparison{ReconciliationResult: ReconciliationResult{AppID: appID, Day: on, ComparedAt: r.Clock()}}
	if err := r.compare(ctx, &found, theirs); err != nil {
		return ReconciliationResult{}, fmt.Errorf("compare reconciliation lists: %w", err)
	}
	return found.ReconciliationResult, r.Kept.KeepReconciliation(ctx, found, by)
}

// checkDay refuses days that have not come.
func (r *Reconciliation) checkDay(on Date) error {
	if on.IsZero() || DateOf(r.Clock()).Before(on) {
		return refuseField(CodeInvalidPayload, "day", "the day is missing or has not come yet")
	}
	return nil
}

func (r *Reconciliation) compare(ctx context.Context, found *Comparison, theirs *partnerList) error {
	on := found.Day
	days := [2]Date{on.AddDays(-1), on.AddDays(1)}
	var ours, told, only packedLines
	err := r.Each(ctx, found.AppID, days, func(row ReconciliationRow) error {
		values, listed := theirs.told(row.OutRequestNo)
		if !listed {
			if DateOf(row.ServerTime) != on {
				return nil
			}
			found.OnlyOurs++
			return ours.add(DifferenceLine{Ours: row})
		}
		delete(theirs.rows, row.OutRequestNo)
		differing := values.against(row)
		if len(differing) == 0 {
			found.Same++
			return nil
		}
		found.Differs++
		return told.add(DifferenceLine{row, differing})
	})
	if err != nil {
		return err
	}
	for _, number := range slices.Sorted(maps.Keys(theirs.rows)) {
		found.OnlyTheirs++
		values, _ := theirs.told(number)
		if err := only.add(DifferenceLine{ReconciliationRow{OutRequestNo: number}, values.said()}); err != nil {
			return err
		}
	}
	found.Lines, err = packed(map[DifferenceKind]*packedLines{DifferenceOurs: &ours, DifferenceTheirs: &only, DifferenceTold: &told})
	return err
}

// against are the columns in which a partner's row tells something else than ours. What the partner left empty is not
// compared. Ours alone know whether a report changed anything, and when it arrived.
func (t told) against(ours ReconciliationRow) []TheirValue {
	own := told{string(ours.Method), string(ours.Result), ours.Region, ours.CardNumberMasked, ours.OccurredAt.In(Shanghai).Format(time.RFC3339)}
	var differing []TheirValue
	for i, column := range toldColumns {
		if t[i] != "" && t[i] != own[i] {
			differing = append(differing, TheirValue{column, t[i]})
		}
	}
	return differing
}

// said is everything that a partner's row tells.
func (t told) said() []TheirValue { return t.against(ReconciliationRow{}) }
