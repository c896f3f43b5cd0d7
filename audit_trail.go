package citycard

import (
	"context"
	"encoding/json"
	"regexp"
	"time"
)

// ActionQuery chooses lines of the record of staff's actions, newest first: empty members choose all. From is
// included, Until is not. Before is the id of the line that the last page ended with.
type ActionQuery struct {
	StaffID string
	Action  string
	Object  string
	From    time.Time
	Until   time.Time
	Before  string
	Limit   int
}

// AuditRecords is the store of the record of staff's actions, as it is looked through.
type AuditRecords interface {
	// FindActions lists those chosen, newest first.
	FindActions(ctx context.Context, q ActionQuery) ([]StaffAction, error)
	// RecordAction appends an action.
	RecordAction(ctx context.Context, a StaffAction) error
	// StaffByAccount finds an account; not_found where there is none.
	StaffByAccount(ctx context.Context, account string) (Staff, error)
}

// AuditFilter is what somebody looks for in the record. Staff is the name or the id of an account; From and To are
// days in Asia/Shanghai, both included.
type AuditFilter struct {
	Staff  string `json:"staff"`
	Action string `json:"action"`
	Object string `json:"object"`
	From   Date   `json:"from"`
	To     Date   `json:"to"`
}

var (
	filterForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,63}$`)
	actionForm = regexp.MustCompile(`^[a-z_]{1,40}$`)
)

// Check refuses a filter that nothing can match: invalid_payload with the field.
func (f AuditFilter) Check() error {
	switch {
	case f.Staff != "" && !filterForm.MatchString(f.Staff):
		return refuseField(CodeInvalidPayload, "staff", "staff is the name or the id of an account")
	case f.Action != "" && !actionForm.MatchString(f.Action):
		return refuseField(CodeInvalidPayload, "action", "an action is a word of small letters and _")
	case f.Object != "" && !filterForm.MatchString(f.Object):
		return refuseField(CodeInvalidPayload, "object", "the object is the ref of a card or another id")
	case !f.From.IsZero() && !f.To.IsZero() && f.To.Before(f.From):
		return refuseField(CodeInvalidPayload, "to", "the last day lies before the first")
	}
	return nil
}

const (
	// ExportAudit names the export of the record of staff's actions, in a request for approval.
	ExportAudit = "audit"
	// mostExportDays bounds what one export holds.
	mostExportDays = 92
	// exportPage is how many lines an export reads at a time.
	exportPage = 1000
)

// AuditTrail shows what staff did and the signed state of the ledger that covers it. Looking is on record as well.
type AuditTrail struct {
	Records   AuditRecords
	Ledger    Ledger
	Log       LedgerLog
	Approvals *ApprovalQueue
	NewID     func() string
	Clock     func() time.Time
}

func (a *AuditTrail) record(ctx context.Context, s StaffSession, what, object, reason string) error {
	line := StaffAction{
		ID: a.NewID(), StaffID: s.Staff.ID, Role: s.Staff.Role, Action: what, Object: object, Reason: reason, At: a.Clock(),
	}
	return a.Records.RecordAction(ctx, line.of(ctx))
}

// List shows lines of the record, newest first, at most limit of them older than the one with the id before. Next
// is where to go on, empty at the end.
func (a *AuditTrail) List(ctx context.Context, s StaffSession, f AuditFilter, before string, limit int) (page []StaffAction, next string, err error) {
	query, err := a.query(ctx, f)
	if err != nil {
		return nil, "", err
	}
	query.Before, query.Limit = before, limit+1
	page, err = a.Records.FindActions(ctx, query)
	if err != nil {
		return nil, "", err
	}
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].ID
	}
	return page, next, a.record(ctx, s, "view_audit", f.Object, "")
}

// query is what a filter asks the store for.
func (a *AuditTrail) query(ctx context.Context, f AuditFilter) (ActionQuery, error) {
	if err := f.Check(); err != nil {
		return ActionQuery{}, err
	}
	q := ActionQuery{StaffID: f.Staff, Action: f.Action, Object: f.Object}
	if f.Staff != "" {
		staff, err := a.Records.StaffByAccount(ctx, f.Staff)
		switch {
		case err == nil:
			q.StaffID = staff.ID
		case CodeOf(err) != CodeNotFound:
			return ActionQuery{}, err
		}
	}
	if !f.From.IsZero() {
		q.From = f.From.Start()
	}
	if !f.To.IsZero() {
		q.Until = f.To.End()
	}
	return q, nil
}

// AskExport asks a second person for the export of what the filter chooses. It names the days, no more than 92.
func (a *AuditTrail) AskExport(ctx context.Context, s StaffSession, f AuditFilter, note, once string) (Approval, error) {
	if err := f.Check(); err != nil {
		return Approval{}, err
	}
	if f.From.IsZero() || f.To.IsZero() || f.From.DaysUntil(f.To) >= mostExportDays {
		return Approval{}, refuseField(CodeInvalidPayload, "from", "an export names its first and its last day, 92 days at most")
	}
	return a.Approvals.Ask(ctx, s, Asking{Kind: ApproveExport, Object: ExportAudit, Request: f, Reason: "audit", Note: note, OnceKey: once})
}

// Exports lists the session's own exports of the record that were approved and not fetched yet.
func (a *AuditTrail) Exports(ctx context.Context, s StaffSession) ([]Approval, error) {
	const most = 50
	approved, _, err := a.Approvals.List(ctx, s, ApprovalApproved, "", most)
	if err != nil {
		return nil, err
	}
	var own []Approval
	for _, approval := range approved {
		if approval.Kind == ApproveExport && approval.Object == ExportAudit && approval.RequestedBy == s.Staff.ID {
			own = append(own, approval)
		}
	}
	return own, nil
}

// Export uses an approved request of the session's own, once, and visits the lines that it chooses. What is no such
// request is not_found.
func (a *AuditTrail) Export(ctx context.Context, s StaffSession, id string, visit func([]StaffAction) error) error {
	asked, err := a.Approvals.Find(ctx, s, id)
	if err != nil {
		return err
	}
	if asked.Kind != ApproveExport || asked.Object != ExportAudit || asked.RequestedBy != s.Staff.ID {
		return refuse(CodeNotFound, "there is no such request")
	}
	approval, err := a.Approvals.Use(ctx, s, id, ApproveExport, ExportAudit)
	if err != nil {
		return err
	}
	var f AuditFilter
	if err := json.Unmarshal(approval.Request, &f); err != nil {
		return &Error{Code: CodeInternal, Cause: err}
	}
	query, err := a.query(ctx, f)
	if err != nil {
		return err
	}
	if err := a.record(ctx, s, "export_audit", id, approval.Reason); err != nil {
		return err
	}
	for query.Limit = exportPage; ; {
		lines, err := a.Records.FindActions(ctx, query)
		if err != nil {
			return err
		}
		if err := visit(lines); err != nil {
			return err
		}
		if len(lines) < exportPage {
			return nil
		}
		query.Before = lines[len(lines)-1].ID
	}
}

// LedgerState is the signed state of the ledger. Proof shows, to whoever kept the checkpoint of Since entries, that
// those are still the first ones (RFC 6962, 2.1.2); it is empty where nobody asked. Keys are the public keys, the
// signing one first.
type LedgerState struct {
	LedgerTree

	Checkpoint string
	Keys       []string
	Since      int64
	Proof      []string
}

// Checkpoint shows the signed state of the ledger, with a proof for a checkpoint of since entries where that is not
// 0. Before anything is on record it is not_found.
func (a *AuditTrail) Checkpoint(ctx context.Context, s StaffSession, since int64) (LedgerState, error) {
	head, err := a.Ledger.LedgerHead(ctx)
	if err != nil {
		return LedgerState{}, err
	}
	if head.Checkpoint == "" {
		return LedgerState{}, refuse(CodeNotFound, "there is nothing in the ledger yet")
	}
	tree, err := a.Log.Open(head.Checkpoint)
	if err != nil {
		return LedgerState{}, &Error{Code: CodeInternal, Message: "the ledger is not as the service left it: run citycard audit verify", Cause: err}
	}
	state := LedgerState{LedgerTree: tree, Checkpoint: head.Checkpoint, Keys: a.Log.Public(), Since: since}
	if since < 0 || since > tree.Size {
		return LedgerState{}, refuseField(CodeInvalidPayload, "since", "the ledger has no such number of entries")
	}
	if since > 0 {
		state.Proof, err = a.Log.Consistency(tree, since, func(level int, number int64) ([]byte, error) {
			return a.Ledger.LedgerTile(ctx, level, number)
		})
		if err != nil {
			return LedgerState{}, &Error{Code: CodeInternal, Message: "the ledger is not as the service left it: run citycard audit verify", Cause: err}
		}
	}
	return state, a.record(ctx, s, "view_checkpoint", "", "")
}
