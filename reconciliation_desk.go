package citycard

import (
	"context"
	"io"
)

// ReconciliationDesk is what staff does with the daily lists of partners. A list names the partner's own events and cards
// masked, nobody's name or number, so that no second person is asked for; who fetched or compared which is on record.
type ReconciliationDesk struct {
	Lists    *Reconciliation
	Partners Partners
	Records  StaffRecords
	NewID    func() string
}

// The actions of the desk as the record names them: the object is the partner, the reason the day.
const (
	actionFetchList       = "reconciliation_list"
	actionCompareLists    = "reconciliation_compare"
	actionViewDifference  = "reconciliation_view"
	actionFetchDifference = "reconciliation_difference"
)

// Partner finds the partner whose lists they are; not_found where there is none.
func (d *ReconciliationDesk) Partner(ctx context.Context, appID string) (PartnerRecord, error) {
	return findPartner(ctx, d.Partners, appID)
}

// Today is the day it is; its list goes on.
func (d *ReconciliationDesk) Today() Date { return DateOf(d.Lists.Clock()) }

func (d *ReconciliationDesk) line(ctx context.Context, s StaffSession, what, appID string, on Date) StaffAction {
	made := StaffAction{
		ID: d.NewID(), StaffID: s.Staff.ID, Role: s.Staff.Role, Action: what, Object: appID, Reason: on.String(), At: d.Lists.Clock(),
	}
	return made.of(ctx)
}

// admit holds that there is the partner and the day, and records what is done with them.
func (d *ReconciliationDesk) admit(ctx context.Context, s StaffSession, what, appID string, on Date) error {
	if _, err := d.Partner(ctx, appID); err != nil {
		return err
	}
	if err := d.Lists.checkDay(on); err != nil {
		return err
	}
	return d.Records.RecordAction(ctx, d.line(ctx, s, what, appID, on))
}

// Ours calls do for every event of our list of a day.
func (d *ReconciliationDesk) Ours(ctx context.Context, s StaffSession, appID string, on Date, do func(ReconciliationRow) error) error {
	if err := d.admit(ctx, s, actionFetchList, appID, on); err != nil {
		return err
	}
	return d.Lists.Each(ctx, appID, [2]Date{on, on}, do)
}

// comparedLines is how many lines of each kind a comparison answers with; all are kept.
const comparedLines = 1000

// Compare compares a partner's list, see Reconcile, and gives what it found with the first lines of each kind.
func (d *ReconciliationDesk) Compare(ctx context.Context, s StaffSession, appID string, on Date, list io.Reader) (Difference, error) {
	if _, err := d.Partner(ctx, appID); err != nil {
		return Difference{}, err
	}
	by := d.line(ctx, s, actionCompareLists, appID, on)
	if _, err := d.Lists.Reconcile(ctx, appID, on, list, &by); err != nil {
		return Difference{}, err
	}
	return d.first(ctx, appID, on, comparedLines)
}

// Difference is a comparison as it is shown: what was counted, and the first lines of each kind.
type Difference struct {
	ReconciliationResult

	First map[DifferenceKind][]DifferenceLine
}

// More is how many lines of a kind there are beyond the first ones.
func (d Difference) More(kind DifferenceKind) int64 {
	return d.Count(kind) - int64(len(d.First[kind]))
}

// Difference is what was kept of a day, with at most the given number of lines of each kind; not_found where nothing was
// compared.
func (d *ReconciliationDesk) Difference(ctx context.Context, s StaffSession, appID string, on Date, most int) (Difference, error) {
	if err := d.admit(ctx, s, actionViewDifference, appID, on); err != nil {
		return Difference{}, err
	}
	return d.first(ctx, appID, on, most)
}

func (d *ReconciliationDesk) first(ctx context.Context, appID string, on Date, most int) (Difference, error) {
	result, err := d.Lists.Kept.FindReconciliation(ctx, appID, on)
	if err != nil {
		return Difference{}, err
	}
	found := Difference{result, map[DifferenceKind][]DifferenceLine{}}
	for _, kind := range DifferenceKinds() {
		if found.First[kind], err = d.Lists.Differences(ctx, appID, on, kind, most); err != nil {
			return Difference{}, err
		}
	}
	return found, nil
}

// EachDifference calls do for every line that was kept of a day; not_found where nothing was compared.
func (d *ReconciliationDesk) EachDifference(
	ctx context.Context, s StaffSession, appID string, on Date, do func(DifferenceKind, DifferenceLine) error,
) error {
	if err := d.admit(ctx, s, actionFetchDifference, appID, on); err != nil {
		return err
	}
	if _, err := d.Lists.Kept.FindReconciliation(ctx, appID, on); err != nil {
		return err
	}
	for _, kind := range DifferenceKinds() {
		err := d.Lists.EachDifference(ctx, appID, on, kind, func(line DifferenceLine) error { return do(kind, line) })
		if err != nil {
			return err
		}
	}
	return nil
}
