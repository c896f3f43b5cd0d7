package citycard

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"
)

// OncePage asks for once-records of one scope recorded from From on and before To, oldest first, behind the
// record After where one is given, and at most Limit of them.
type OncePage struct {
	Scope string
	From  time.Time
	To    time.Time
	After *Once
	Limit int
}

// OnceRecords reads what partners' events left behind.
type OnceRecords interface {
	// PartnerRecords gives a page; the scope is a partner's.
	PartnerRecords(ctx context.Context, p OncePage) ([]Once, error)
}

// ReconciliationRow is one event that took effect or was stale, as the daily list shows it.
type ReconciliationRow struct {
	OutRequestNo     string
	Method           Method
	Result           EventResult
	Changed          bool
	Region           string
	CardNumberMasked string
	// CardRef leads to the card; empty for events that were recorded without it.
	CardRef    string
	OccurredAt time.Time
	// ServerTime is when it took effect here, as the reply said; its day decides on which list the event is.
	ServerTime time.Time
}

// Reconciliation compares what partners believe they reported with what took effect here.
type Reconciliation struct {
	Records OnceRecords
	// Kept is where comparisons stay; lists alone are made without it.
	Kept  Reconciliations
	Clock func() time.Time
	// Turns bounds by its capacity how many lists are compared at once, each of which is held in memory; nil sets no limit.
	Turns chan struct{}
}

// reconciliationPage is how many rows are read at a time.
const reconciliationPage = 2000

// ReconciliationColumns are the columns of the daily list, those of ReconciliationRow.Fields.
func ReconciliationColumns() []string {
	return []string{
		columnNumber, columnMethod, columnResult, "changed", columnRegion, columnMasked, columnOccurred, "server_time",
	}
}

// Each calls do for every event of a partner that took effect from one day to another, both included, oldest first.
func (r *Reconciliation) Each(ctx context.Context, appID string, days [2]Date, do func(ReconciliationRow) error) error {
	page := OncePage{Scope: eventScope(appID), From: days[0].Start(), To: days[1].End(), Limit: reconciliationPage}
	for {
		records, err := r.Records.PartnerRecords(ctx, page)
		if err != nil {
			return err
		}
		for _, once := range records {
			row, err := reconciliationRow(once)
			if err != nil {
				return err
			}
			if err := do(row); err != nil {
				return err
			}
		}
		if len(records) < page.Limit {
			return nil
		}
		page.After = &records[len(records)-1]
	}
}

func reconciliationRow(once Once) (ReconciliationRow, error) {
	record, err := readEventRecord(once.Result)
	return ReconciliationRow{
		OutRequestNo: once.Key, Method: record.Method, Result: record.Result, Changed: record.Changed,
		Region: record.Region, CardNumberMasked: record.CardNumberMasked, CardRef: record.CardRef,
		OccurredAt: time.UnixMilli(record.OccurredAt).In(Shanghai), ServerTime: time.UnixMilli(record.ServerTime).In(Shanghai),
	}, err
}

// WriteList writes a partner's list of one day as CSV (RFC 4180) with a header.
func (r *Reconciliation) WriteList(ctx context.Context, to io.Writer, appID string, on Date) error {
	out := csv.NewWriter(to)
	if err := out.Write(ReconciliationColumns()); err != nil {
		return fmt.Errorf("write reconciliation list: %w", err)
	}
	err := r.Each(ctx, appID, [2]Date{on, on}, func(row ReconciliationRow) error { return out.Write(row.Fields()) })
	if err != nil {
		return fmt.Errorf("write reconciliation list: %w", err)
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write reconciliation list: %w", err)
	}
	return nil
}

// Fields are the row under ReconciliationColumns: times as RFC 3339 with the offset of Asia/Shanghai.
func (r ReconciliationRow) Fields() []string {
	return []string{
		r.OutRequestNo, string(r.Method), string(r.Result), strconv.FormatBool(r.Changed), r.Region, r.CardNumberMasked,
		r.OccurredAt.Format(time.RFC3339), r.ServerTime.Format(time.RFC3339),
	}
}
