package citycard

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// CarryOut does what a second person approved, once however often it is called: under the once-key of the approval
// (Approval.OnceKey). The outcome names what came of it, never personal data.
type CarryOut func(ctx context.Context, a Approval, decider StaffSession) (outcome string, err error)

// OnceKey is the number under which the request takes effect once.
func (a Approval) OnceKey() OnceKey { return OnceKey{Scope: "approval", Key: a.ID} }

// ApprovalQueue is the one queue of what needs a second person. Every step leaves a line in the record of staff's
// actions.
type ApprovalQueue struct {
	Store Approvals
	// Records takes the lines of what is shown.
	Records interface {
		RecordAction(ctx context.Context, a StaffAction) error
	}
	// Carry does what was approved, by kind. Kinds that the one who asked uses once have none.
	Carry map[ApprovalKind]CarryOut
	NewID func() string
	// Blind is a keyed hash: what requests are compared by.
	Blind func(purpose, value string) string
	Clock func() time.Time
}

// Asking is what somebody asks for. Request is written as JSON; OnceKey is the caller's Idempotency-Key.
type Asking struct {
	Kind    ApprovalKind
	Object  string
	Request any
	Reason  string
	Note    string
	OnceKey string
}

// Ask puts a request into the queue. A role that may not ask for the kind is role_required; repeated with the same
// OnceKey it is the same request, with another content event_id_reused.
func (q *ApprovalQueue) Ask(ctx context.Context, s StaffSession, r Asking) (Approval, error) {
	if !MayAsk(s.Staff.Role, r.Kind) {
		return Approval{}, refuse(CodeRoleRequired, "the role "+string(s.Staff.Role)+" may not ask for this")
	}
	if err := checkNote(r.Note); err != nil {
		return Approval{}, err
	}
	request, err := json.Marshal(r.Request)
	if err != nil {
		return Approval{}, &Error{Code: CodeInternal, Cause: err}
	}
	asked := Approval{
		ID: q.NewID(), Kind: r.Kind, Object: r.Object, Request: request, Reason: r.Reason, Note: r.Note,
		RequestedBy: s.Staff.ID, RequestedAt: q.Clock(), State: ApprovalOpen,
	}
	if once := deskOnce(s, r.OnceKey); once.Key != "" {
		asked.Once = once.Scope + "/" + once.Key
		asked.Fingerprint = q.Blind("staff_request", digest(string(r.Kind))+digest(r.Object)+digest(string(request))+digest(r.Reason)+digest(r.Note))
	}
	stored, err := q.Store.AddApproval(ctx, asked, q.action(ctx, s, "ask_approval", asked))
	if err != nil {
		return Approval{}, err
	}
	if stored.Fingerprint != asked.Fingerprint {
		return Approval{}, refuse(CodeEventIDReused, "this number was used for another request")
	}
	return stored.At(q.Clock()), nil
}

func (q *ApprovalQueue) action(ctx context.Context, s StaffSession, what string, a Approval) StaffAction {
	return StaffAction{
		ID: q.NewID(), StaffID: s.Staff.ID, Role: s.Staff.Role, Action: what, Object: a.ID, Reason: string(a.Kind),
		RequestID: RequestIDOf(ctx), At: q.Clock(),
	}
}

// Show shows a request as Find does, with what people wrote; that it was looked at is on record.
func (q *ApprovalQueue) Show(ctx context.Context, s StaffSession, id string) (Approval, error) {
	a, err := q.Find(ctx, s, id)
	if err != nil {
		return Approval{}, err
	}
	return a, q.Records.RecordAction(ctx, q.action(ctx, s, "view_approval", a))
}

// Find finds a request that the role may see; any other is not_found.
func (q *ApprovalQueue) Find(ctx context.Context, s StaffSession, id string) (Approval, error) {
	a, err := q.Store.Approval(ctx, id)
	if err != nil {
		return Approval{}, err
	}
	if !slices.Contains(kindsSeen(s.Staff.Role), a.Kind) && a.RequestedBy != s.Staff.ID {
		return Approval{}, refuse(CodeNotFound, "there is no such request")
	}
	return a.At(q.Clock()), nil
}

// List shows the requests that the role may see, newest first, at most limit of them older than the one with the id
// before: those of one state or, where it is empty, all. Next is where to go on, empty at the end.
func (q *ApprovalQueue) List(ctx context.Context, s StaffSession, state ApprovalState, before string, limit int) (page []Approval, next string, err error) {
	now := q.Clock()
	query := ApprovalQuery{
		Kinds: kindsSeen(s.Staff.Role), States: []ApprovalState{state}, Before: before, Limit: limit + 1,
	}
	switch state {
	case "":
		query.States = ApprovalStates()
	case ApprovalOpen:
		query.After = now.Add(-approvalLifetime)
	case ApprovalExpired:
		query.States, query.Until = []ApprovalState{ApprovalOpen, ApprovalApproved}, now.Add(-approvalLifetime)
	}
	found, err := q.Store.Approvals(ctx, query)
	if err != nil {
		return nil, "", err
	}
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].ID
	}
	for _, a := range found {
		if a = a.At(now); state == "" || a.State == state {
			page = append(page, a)
		}
	}
	return page, next, nil
}

// Waiting counts the open requests that the session may decide.
func (q *ApprovalQueue) Waiting(ctx context.Context, s StaffSession) (int, error) {
	kinds := kindsWhere(func(r approvalRule) bool { return slices.Contains(r.decide, s.Staff.Role) })
	if len(kinds) == 0 {
		return 0, nil
	}
	return q.Store.CountApprovals(ctx, ApprovalQuery{
		Kinds: kinds, States: []ApprovalState{ApprovalOpen}, NotBy: s.Staff.ID, After: q.Clock().Add(-approvalLifetime),
	})
}

// Approve approves a request and has it carried out; it is then done or, where a rule stood in the way, failed with
// the rule's code as the outcome. Whoever asked is second_person_required, a role that does not decide the kind
// role_required. Of several who decide at once one does, the others get request_in_progress or, later,
// invalid_transition; the same decision again by the same person gives the request as it is. One that was approved by a
// process that stopped may be approved again.
func (q *ApprovalQueue) Approve(ctx context.Context, s StaffSession, id, note string) (Approval, error) {
	a, err := q.judged(ctx, s, id)
	if err != nil {
		return Approval{}, err
	}
	if a.DecidedBy == s.Staff.ID && (a.State == ApprovalDone || a.State == ApprovalFailed || (a.State == ApprovalApproved && approvalRules[a.Kind].used)) {
		return a, nil
	}
	if !a.left(q.Clock()) {
		if err := a.mustBeOpen("approve"); err != nil {
			return Approval{}, err
		}
	}
	claimed, err := q.decide(ctx, s, a, ApprovalApproved, note)
	if err != nil || approvalRules[a.Kind].used {
		return claimed, err
	}
	return q.carryOut(context.WithoutCancel(ctx), s, claimed)
}

// Refuse turns a request down; refusals of the decision itself are those of Approve.
func (q *ApprovalQueue) Refuse(ctx context.Context, s StaffSession, id, note string) (Approval, error) {
	a, err := q.judged(ctx, s, id)
	if err != nil {
		return Approval{}, err
	}
	if a.State == ApprovalRefused && a.DecidedBy == s.Staff.ID {
		return a, nil
	}
	if err := a.mustBeOpen("refuse"); err != nil {
		return Approval{}, err
	}
	return q.decide(ctx, s, a, ApprovalRefused, note)
}

// judged finds a request that the session may decide.
func (q *ApprovalQueue) judged(ctx context.Context, s StaffSession, id string) (Approval, error) {
	a, err := q.Find(ctx, s, id)
	switch {
	case err != nil:
		return Approval{}, err
	case a.RequestedBy == s.Staff.ID:
		return Approval{}, refuse(CodeSecondPersonRequired, "a request is decided by another person than the one who asked")
	case !mayDecide(s.Staff.Role, a.Kind):
		return Approval{}, refuse(CodeRoleRequired, "the role "+string(s.Staff.Role)+" does not decide this")
	}
	return a, nil
}

func (a Approval) mustBeOpen(step string) error {
	switch a.State {
	case ApprovalOpen:
		return nil
	case ApprovalApproved:
		if !approvalRules[a.Kind].used {
			return refuse(CodeRequestInProgress, "the request is being carried out")
		}
	}
	return notAllowed("the request is "+string(a.State), string(a.State), step, nil)
}

// decide takes the request for the session: of any number at once, one gets it.
func (q *ApprovalQueue) decide(ctx context.Context, s StaffSession, a Approval, state ApprovalState, note string) (Approval, error) {
	if note != "" {
		if err := checkNote(note); err != nil {
			return Approval{}, err
		}
	}
	to := a
	to.State, to.DecidedBy, to.DecidedAt, to.DecisionNote = state, s.Staff.ID, q.Clock(), note
	what := map[ApprovalState]string{ApprovalApproved: "approve", ApprovalRefused: "refuse"}[state]
	first, err := q.Store.MoveApproval(ctx, a, to, q.action(ctx, s, what, a))
	if err != nil {
		return Approval{}, err
	}
	if !first {
		return Approval{}, refuse(CodeRequestInProgress, "somebody else decides this request right now")
	}
	return to, nil
}

// carryOut does what was approved. A rule that stands in the way is the request's outcome; a failure of ours leaves
// the request approved, to be decided again.
func (q *ApprovalQueue) carryOut(ctx context.Context, s StaffSession, a Approval) (Approval, error) {
	carry := q.Carry[a.Kind]
	if carry == nil {
		return Approval{}, &Error{Code: CodeInternal, Message: "nothing carries out approvals of the kind " + string(a.Kind)}
	}
	outcome, err := carry(ctx, a, s)
	to, what := a, "carry_out"
	to.State, to.Outcome = ApprovalDone, outcome
	if err != nil {
		code := CodeOf(err)
		if EntryOf(code).Status >= 500 {
			return Approval{}, err
		}
		to.State, to.Outcome, what = ApprovalFailed, string(code), "fail_to_carry_out"
	}
	first, err := q.Store.MoveApproval(ctx, a, to, q.action(ctx, s, what, a))
	if err != nil {
		return Approval{}, err
	}
	if !first {
		return q.Find(ctx, s, a.ID)
	}
	return to, nil
}

// Withdraw takes back a request of the session's own; anybody else's is role_required, one that is no longer open
// invalid_transition.
func (q *ApprovalQueue) Withdraw(ctx context.Context, s StaffSession, id string) (Approval, error) {
	a, err := q.Find(ctx, s, id)
	switch {
	case err != nil:
		return Approval{}, err
	case a.RequestedBy != s.Staff.ID:
		return Approval{}, refuse(CodeRoleRequired, "a request is withdrawn by the one who asked")
	case a.State == ApprovalWithdrawn:
		return a, nil
	}
	if err := a.mustBeOpen("withdraw"); err != nil {
		return Approval{}, err
	}
	to := a
	to.State = ApprovalWithdrawn
	first, err := q.Store.MoveApproval(ctx, a, to, q.action(ctx, s, "withdraw", a))
	if err != nil {
		return Approval{}, err
	}
	if !first {
		return Approval{}, refuse(CodeRequestInProgress, "somebody decides this request right now")
	}
	return to, nil
}

// Use takes an approved request of a kind that is used once, by the one who asked, for the object it was approved for:
// second_person_required where there is none such, or it was used before.
func (q *ApprovalQueue) Use(ctx context.Context, s StaffSession, id string, kind ApprovalKind, object string) (Approval, error) {
	missing := refuse(CodeSecondPersonRequired, "this needs a request of your own that a second person approved and that was not used yet")
	a, err := q.Store.Approval(ctx, id)
	if CodeOf(err) == CodeNotFound {
		return Approval{}, missing
	}
	if err != nil {
		return Approval{}, err
	}
	a = a.At(q.Clock())
	if !approvalRules[kind].used || a.Kind != kind || a.Object != object || a.RequestedBy != s.Staff.ID || a.State != ApprovalApproved {
		return Approval{}, missing
	}
	to := a
	to.State, to.Outcome = ApprovalDone, "used"
	first, err := q.Store.MoveApproval(ctx, a, to, q.action(ctx, s, "use_approval", a))
	if err != nil {
		return Approval{}, err
	}
	if !first {
		return Approval{}, missing
	}
	return to, nil
}
