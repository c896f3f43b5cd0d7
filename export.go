package citycard

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// ExportKind says which of the dashboard's figures are exported.
type ExportKind string

// The kinds.
const (
	ExportActivations ExportKind = "activations"
	ExportRequests    ExportKind = "requests"
	ExportCallbacks   ExportKind = "callbacks"
	ExportDeadlines   ExportKind = "deadlines"
)

// ExportKinds lists the kinds.
func ExportKinds() []ExportKind {
	return []ExportKind{ExportActivations, ExportRequests, ExportCallbacks, ExportDeadlines}
}

// Export is what may leave as a file once a second person approved it: figures of some days. Deadlines are exported from
// the day on which the file is made, whatever the days say.
type Export struct {
	What ExportKind `json:"what"`
	From Date       `json:"from"`
	To   Date       `json:"to"`
}

// Object names the export in its approval.
func (e Export) Object() string {
	return strings.Join([]string{string(e.What), e.From.String(), e.To.String()}, ".")
}

// exportOf reads what Object wrote.
func exportOf(object string) (Export, error) {
	what, days, _ := strings.Cut(object, ".")
	first, last, _ := strings.Cut(days, ".")
	from, errFrom := ParseDate(first)
	to, errTo := ParseDate(last)
	if errFrom != nil || errTo != nil || from.IsZero() || to.IsZero() || !slices.Contains(ExportKinds(), ExportKind(what)) {
		return Export{}, refuse(CodeNotFound, "there is no such export")
	}
	return Export{ExportKind(what), from, to}, nil
}

// ExportFile is a table to be written to a file.
type ExportFile struct {
	Name   string
	Header []string
	Rows   [][]string
}

// Exports gives figures out as files, each with a second person's approval.
type Exports struct {
	Statistics *Statistics
	Queue      *ApprovalQueue
}

// exportReason is what the approval's record says of why it is asked for; staff says the rest in the note.
const exportReason = "export"

// Ask asks for an export.
func (x *Exports) Ask(ctx context.Context, s StaffSession, e Export, note, onceKey string) (Approval, error) {
	if !slices.Contains(ExportKinds(), e.What) {
		return Approval{}, refuseField(CodeInvalidPayload, "what", "the figures are activations, requests, callbacks or deadlines")
	}
	if err := checkRange(e.From, e.To, DateOf(x.Statistics.Clock())); err != nil {
		return Approval{}, err
	}
	return x.Queue.Ask(ctx, s, Asking{
		Kind: ApproveExport, Object: e.Object(), Request: e, Reason: exportReason, Note: note, OnceKey: onceKey,
	})
}

// Ready lists the session's own exports that were approved and not fetched yet, newest first.
func (x *Exports) Ready(ctx context.Context, s StaffSession) ([]Approval, error) {
	const most = 50
	approved, _, err := x.Queue.List(ctx, s, ApprovalApproved, "", most)
	return slices.DeleteFunc(approved, func(a Approval) bool {
		_, unknown := exportOf(a.Object)
		return a.Kind != ApproveExport || unknown != nil || a.RequestedBy != s.Staff.ID || a.State != ApprovalApproved
	}), err
}

// Fetch makes the file of an approved export, once, for the one who asked: second_person_required without an approval.
func (x *Exports) Fetch(ctx context.Context, s StaffSession, id string) (ExportFile, error) {
	a, err := x.Queue.Find(ctx, s, id)
	if err != nil {
		return ExportFile{}, err
	}
	asked, err := exportOf(a.Object)
	if err != nil {
		return ExportFile{}, err
	}
	// Whether there is an approval is told before anything is counted, and it is taken once the file is made.
	if a.State != ApprovalApproved {
		return ExportFile{}, refuse(CodeSecondPersonRequired, "this export was not approved by a second person, or was fetched before")
	}
	file, err := x.file(ctx, asked)
	if err != nil {
		return ExportFile{}, err
	}
	_, err = x.Queue.Use(ctx, s, id, ApproveExport, a.Object)
	return file, err
}

func (x *Exports) file(ctx context.Context, e Export) (ExportFile, error) {
	file := ExportFile{Name: "citycard-" + e.Object() + ".csv"}
	var err error
	switch e.What {
	case ExportActivations, ExportRequests:
		var days []DayCounts
		days, err = x.Statistics.Daily(ctx, e.From, e.To)
		file.days(e.What, days)
	case ExportCallbacks:
		var results []PartnerResult
		results, err = x.Statistics.PartnerResults(ctx, e.From, e.To)
		file.Header = []string{"app_id", "outcome", "code", "count"}
		for _, r := range results {
			file.add(r.Count, r.AppID, string(r.Outcome), r.Code)
		}
	case ExportDeadlines:
		var exposure Exposure
		exposure, err = x.Statistics.Exposure(ctx, MostExposureWeeks)
		file.Header = []string{"week_from", "region", "deadline", "cards"}
		for _, week := range exposure.Weeks {
			file.add(week.Cards, week.From.String(), week.Region, string(week.Kind))
		}
	}
	return file, err
}

func (f *ExportFile) days(what ExportKind, days []DayCounts) {
	f.Header = []string{"day", "channel", "status", "failure", "count"}
	if what == ExportActivations {
		f.Header = []string{"day", "application", "state", "channel", "app_id", "count"}
	}
	for _, day := range days {
		if what == ExportActivations {
			for _, e := range day.Enabled {
				f.add(e.Count, day.Day.String(), string(e.Machine), e.State, string(e.Channel), e.Partner)
			}
			continue
		}
		for _, r := range day.Requests {
			f.add(r.Count, day.Day.String(), string(r.Channel), string(r.Status), string(r.Failure))
		}
	}
}

func (f *ExportFile) add(count int64, fields ...string) {
	f.Rows = append(f.Rows, append(fields, strconv.FormatInt(count, 10)))
}
