package citycard

import (
	"context"
	"slices"
	"time"
)

// ApprovalKind says what a second person is asked to approve.
type ApprovalKind string

// The kinds.
const (
	ApproveCancelCard       ApprovalKind = "cancel_card"
	ApproveManualActivation ApprovalKind = "manual_activation"
	ApproveFreeze           ApprovalKind = "freeze"
	ApproveReleaseHold      ApprovalKind = "release_hold"
	ApprovePartnerKey       ApprovalKind = "partner_key"
	ApproveExport           ApprovalKind = "export"
	ApproveReveal           ApprovalKind = "reveal"
	ApprovePolicy           ApprovalKind = "policy"
)

// ApprovalState is how far a request is.
type ApprovalState string

// The states of a request. Approved is on its way: it is being carried out or, of kinds that the one who asked uses
// once, waits for that. Done, failed, refused, withdrawn and expired are final; expired is read off the clock and
// never stored.
const (
	ApprovalOpen      ApprovalState = "open"
	ApprovalApproved  ApprovalState = "approved"
	ApprovalDone      ApprovalState = "done"
	ApprovalFailed    ApprovalState = "failed"
	ApprovalRefused   ApprovalState = "refused"
	ApprovalWithdrawn ApprovalState = "withdrawn"
	ApprovalExpired   ApprovalState = "expired"
)

// ApprovalStates lists the states in the order in which they are offered.
func ApprovalStates() []ApprovalState {
	return []ApprovalState{
		ApprovalOpen, ApprovalApproved, ApprovalDone, ApprovalFailed, ApprovalRefused, ApprovalWithdrawn, ApprovalExpired,
	}
}

const (
	// approvalLifetime is how long a request may be decided, and one to be used may be used.
	approvalLifetime = 7 * 24 * time.Hour
	// approvalLease is how long an approved request belongs to the one who approved it; one that was not carried out
	// by then was left by a process that stopped, and may be decided again.
	approvalLease = time.Minute
)

// approvalRule says which roles may ask for a kind and decide it. What is used once by the one who asked has nobody
// to carry it out.
type approvalRule struct {
	ask, decide []StaffRole
	used        bool
}

// approvalRules is the one table of who may ask for what and who decides it. Whoever asked never decides.
var approvalRules = map[ApprovalKind]approvalRule{
	ApproveCancelCard:       {ask: []StaffRole{RoleClerk, RoleSupervisor}, decide: []StaffRole{RoleSupervisor}},
	ApproveManualActivation: {ask: []StaffRole{RoleClerk, RoleSupervisor}, decide: []StaffRole{RoleSupervisor}},
	ApproveFreeze:           {ask: []StaffRole{RoleSupervisor}, decide: []StaffRole{RoleSupervisor}},
	ApproveReleaseHold:      {ask: []StaffRole{RoleSupervisor}, decide: []StaffRole{RoleSupervisor}},
	ApprovePartnerKey:       {ask: []StaffRole{RoleOperator}, decide: []StaffRole{RoleOperator, RoleSupervisor}},
	ApproveExport:           {ask: []StaffRole{RoleSupervisor, RoleAuditor}, decide: []StaffRole{RoleSupervisor}, used: true},
	ApproveReveal:           {ask: []StaffRole{RoleClerk, RoleSupervisor, RoleAuditor}, decide: []StaffRole{RoleSupervisor}, used: true},
	ApprovePolicy:           {ask: []StaffRole{RoleSupervisor}, decide: []StaffRole{RoleSupervisor}},
}

// ApprovalKinds lists the kinds, sorted.
func ApprovalKinds() []ApprovalKind { return kindsWhere(func(approvalRule) bool { return true }) }

func kindsWhere(holds func(approvalRule) bool) []ApprovalKind {
	var kinds []ApprovalKind
	for kind, rule := range approvalRules {
		if holds(rule) {
			kinds = append(kinds, kind)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// MayAsk tells whether a role may ask for a kind.
func MayAsk(role StaffRole, kind ApprovalKind) bool {
	return slices.Contains(approvalRules[kind].ask, role)
}

// mayDecide tells whether a role may decide a kind.
func mayDecide(role StaffRole, kind ApprovalKind) bool {
	return slices.Contains(approvalRules[kind].decide, role)
}

// kindsSeen are the kinds of which a role sees the requests: those it asks for or decides; auditors see all.
func kindsSeen(role StaffRole) []ApprovalKind {
	return kindsWhere(func(r approvalRule) bool {
		return role == RoleAuditor || slices.Contains(r.ask, role) || slices.Contains(r.decide, role)
	})
}

// Approval is a request that a second person decides.
type Approval struct {
	ID   string
	Kind ApprovalKind
	// Object is what it is about: the ref of a card, the id of a person, a partner's app id, the name of an export.
	Object string
	// Request is JSON of what is to be done; it may hold personal data.
	Request []byte
	Reason  string
	// Note and DecisionNote are what staff wrote; they may hold personal data.
	Note        string
	RequestedBy string
	RequestedAt time.Time
	// Once is the requester's Idempotency-Key with its scope, empty where none was sent; Fingerprint what was asked for
	// under it.
	Once        string
	Fingerprint string

	State        ApprovalState
	DecidedBy    string
	DecidedAt    time.Time
	DecisionNote string
	// Outcome is what carrying it out gave, or the code of why it could not be.
	Outcome string
}

// ExpiresAt is when the request lapses undecided or unused.
func (a Approval) ExpiresAt() time.Time { return a.RequestedAt.Add(approvalLifetime) }

// At is the request at a moment: expired where nobody decided, or used, it in time.
func (a Approval) At(now time.Time) Approval {
	waits := a.State == ApprovalOpen || (a.State == ApprovalApproved && approvalRules[a.Kind].used)
	if waits && !now.Before(a.ExpiresAt()) {
		a.State = ApprovalExpired
	}
	return a
}

// Decidable tells whether the role may decide the request of another now.
func (a Approval) Decidable(s StaffSession) bool {
	return a.State == ApprovalOpen && mayDecide(s.Staff.Role, a.Kind) && a.RequestedBy != s.Staff.ID
}

// left tells whether the request was approved by somebody whose process stopped before it was carried out.
func (a Approval) left(now time.Time) bool {
	return a.State == ApprovalApproved && !approvalRules[a.Kind].used && !now.Before(a.DecidedAt.Add(approvalLease))
}

// ApprovalQuery chooses requests. Empty Kinds and States choose none, empty Before the newest; zero times bound
// nothing. NotBy leaves out the requests of one account.
type ApprovalQuery struct {
	Kinds  []ApprovalKind
	States []ApprovalState
	NotBy  string
	// After and Until bound when they were requested: after the one, at the other or before.
	After  time.Time
	Until  time.Time
	Before string
	Limit  int
}

// Approvals is the store of requests.
type Approvals interface {
	// AddApproval stores a new request with the action that records it. Where one with the same Once is there already,
	// that one comes back and nothing is stored.
	AddApproval(ctx context.Context, a Approval, by StaffAction) (Approval, error)
	// Approval finds one by id; not_found where there is none.
	Approval(ctx context.Context, id string) (Approval, error)
	// Approvals lists those chosen, newest first, at most Limit of them older than the one with the id Before.
	Approvals(ctx context.Context, q ApprovalQuery) ([]Approval, error)
	// CountApprovals counts those chosen, whatever Before and Limit.
	CountApprovals(ctx context.Context, q ApprovalQuery) (int, error)
	// MoveApproval stores the state, decision and outcome of to, with the action, if the request still is in the state
	// and of the decision of from: false where somebody was first.
	MoveApproval(ctx context.Context, from, to Approval, by StaffAction) (bool, error)
}
