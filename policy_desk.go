package citycard

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// PolicyDesk is what staff does with city policies: view, try on live data, and change with a second person.
type PolicyDesk struct {
	Policies  *Policies
	Versions  PolicyVersions
	Trials    PolicyTrials
	Cards     Cards
	Records   AuditRecords
	Approvals *ApprovalQueue
	// Background runs something beside the request that asked for it, until it ends or the process does.
	Background func(do func(ctx context.Context))
	// Approved tells this process that there is a new version, so that it need not wait to notice.
	Approved func(ctx context.Context) error
	NewID    func() string
	Clock    func() time.Time
}

// PolicyPeriod is a policy with where it comes from: the version that was approved, or nil where it is of the file.
type PolicyPeriod struct {
	Policy

	Version *PolicyVersion
	// Current tells whether it is in force today.
	Current bool
}

// CityPolicies are one region's policies, earliest first.
type CityPolicies struct {
	Region  string
	Home    bool
	Periods []PolicyPeriod
}

func (d *PolicyDesk) line(ctx context.Context, s StaffSession, what, object string) StaffAction {
	made := StaffAction{ID: d.NewID(), StaffID: s.Staff.ID, Role: s.Staff.Role, Action: what, Object: object, At: d.Clock()}
	return made.of(ctx)
}

// List shows the policies of every city.
func (d *PolicyDesk) List(ctx context.Context, s StaffSession) ([]CityPolicies, error) {
	versions, err := d.Versions.PolicyVersions(ctx)
	if err != nil {
		return nil, err
	}
	regions := d.Policies.Regions()
	cities := make([]CityPolicies, 0, len(regions))
	for _, region := range regions {
		cities = append(cities, d.city(region, versions))
	}
	return cities, d.Records.RecordAction(ctx, d.line(ctx, s, "view_policies", ""))
}

// Find shows the policies of one city; not_found where there is none.
func (d *PolicyDesk) Find(ctx context.Context, s StaffSession, region string) (CityPolicies, error) {
	versions, err := d.Versions.PolicyVersions(ctx)
	if err != nil {
		return CityPolicies{}, err
	}
	city := d.city(region, versions)
	if len(city.Periods) == 0 {
		return CityPolicies{}, refuse(CodeNotFound, "there is no policy for this region")
	}
	return city, d.Records.RecordAction(ctx, d.line(ctx, s, "view_policies", region))
}

func (d *PolicyDesk) city(region string, versions []PolicyVersion) CityPolicies {
	today := DateOf(d.Clock())
	city := CityPolicies{Region: region, Home: region == d.Policies.Home}
	for _, policy := range d.Policies.Periods(region) {
		period := PolicyPeriod{Policy: policy, Current: policy.InForce(today)}
		for i := range versions {
			v := &versions[i]
			holds := v.Region == region && !policy.ValidFrom.Before(v.ValidFrom) && (v.ValidTo.IsZero() || !v.ValidTo.Before(policy.ValidFrom))
			if holds { // the last one laid over this day
				period.Version = v
			}
		}
		city.Periods = append(city.Periods, period)
	}
	return city
}

// proposed reads a record and tells what would be in force with it. What is wrong with it is invalid_payload with
// every problem as the member problems and a PolicyError as the cause.
func (d *PolicyDesk) proposed(ctx context.Context, record []byte) (Policy, *Policies, error) {
	policy, err := ParsePolicy(record)
	if err != nil {
		return Policy{}, nil, refusePolicy(err)
	}
	if policy.ValidFrom.Before(DateOf(d.Clock())) {
		return Policy{}, nil, refusePolicy(&PolicyError{Problems: []PolicyProblem{{Field: "valid_from", Problem: "must not lie before today"}}})
	}
	versions, err := d.Versions.PolicyVersions(ctx)
	if err != nil {
		return Policy{}, nil, err
	}
	with, err := d.Policies.With(append(versions, PolicyVersion{Record: record}))
	if err != nil {
		return Policy{}, nil, refusePolicy(err)
	}
	return policy, with, nil
}

func refusePolicy(err error) error {
	var broken *PolicyError
	if !errors.As(err, &broken) {
		return err
	}
	list := make([]map[string]string, len(broken.Problems))
	for i, problem := range broken.Problems {
		list[i] = map[string]string{"field": problem.Field, "problem": problem.Problem}
	}
	return &Error{
		Code: CodeInvalidPayload, Field: broken.Problems[0].Field, Message: broken.Error(), Cause: broken,
		Members: map[string]any{"problems": list},
	}
}

// Try begins a dry run of a record on every card of its region, as on its first day.
func (d *PolicyDesk) Try(ctx context.Context, s StaffSession, record []byte) (PolicyTrial, error) {
	policy, with, err := d.proposed(ctx, record)
	if err != nil {
		return PolicyTrial{}, err
	}
	now := d.Clock()
	trial := PolicyTrial{
		ID: d.NewID(), Record: record, Region: policy.Region, ValidFrom: policy.ValidFrom, ValidTo: policy.ValidTo, On: policy.ValidFrom,
		State: TrialRunning, Counts: map[TrialKind]int64{}, RequestedBy: s.Staff.ID, StartedAt: now, SeenAt: now,
	}
	if err := d.Trials.AddTrial(ctx, trial, d.line(ctx, s, "try_policy", trial.ID)); err != nil {
		return PolicyTrial{}, err
	}
	d.Background(func(ctx context.Context) { d.run(ctx, trial, with) })
	return trial, nil
}

// run judges every card, and tells how far it is now and then. A failure of the store ends it; what it told last
// stays.
func (d *PolicyDesk) run(ctx context.Context, trial PolicyTrial, with *Policies) {
	at := trial.On.Start()
	if now := d.Clock(); at.Before(now) {
		at = now
	}
	after, _ := with.For(trial.Region, trial.On)
	// A region without a policy until then has no clocks.
	before, _ := d.Policies.For(trial.Region, trial.On)
	trial.State = TrialDone
	err := d.Trials.EachCard(ctx, trial.Region, func(card *Card) error {
		trial = trial.with(card.Ref, trialOf(card, before, after, at))
		if trial.Judged%trialBeat != 0 {
			return nil
		}
		beat := trial
		beat.State, beat.SeenAt = TrialRunning, d.Clock()
		return d.Trials.SaveTrial(ctx, beat)
	})
	if err != nil {
		trial.State = TrialFailed
	}
	trial.SeenAt = d.Clock()
	_ = d.Trials.SaveTrial(context.WithoutCancel(ctx), trial) // left unsaved it is failed in a minute
}

// TrialView is a dry run with the fields in which its policy differs from the one in force, and the cards of the
// page asked for, masked as in every list.
type TrialView struct {
	PolicyTrial

	Changes []PolicyFieldChange
	Cards   []TrialCardView
	// Next is where the next page begins, 0 at the end.
	Next int
}

// TrialCardView is a card that a policy would do something to.
type TrialCardView struct {
	CardView

	Kind TrialKind
}

// Trial shows a dry run and, from an offset on, at most limit of the cards that it found.
func (d *PolicyDesk) Trial(ctx context.Context, s StaffSession, id string, from, limit int) (TrialView, error) {
	trial, err := d.Trials.Trial(ctx, id)
	if err != nil {
		return TrialView{}, err
	}
	shown := TrialView{PolicyTrial: trial.At(d.Clock())}
	policy, err := ParsePolicy(trial.Record)
	if err != nil {
		return TrialView{}, &Error{Code: CodeInternal, Cause: err}
	}
	before, _ := d.Policies.For(trial.Region, trial.On)
	if shown.Changes, err = before.Changes(policy); err != nil {
		return TrialView{}, &Error{Code: CodeInternal, Cause: err}
	}
	for i := max(0, from); i < len(trial.Found); i++ {
		if len(shown.Cards) == limit {
			shown.Next = i
			break
		}
		found, err := d.Cards.Holding(ctx, Subject{Ref: trial.Found[i].Ref})
		if err != nil {
			return TrialView{}, err
		}
		if found.Card != nil {
			view := d.Policies.View(found.Person, found.Card, d.Clock())
			shown.Cards = append(shown.Cards, TrialCardView{view, trial.Found[i].Kind})
		}
	}
	return shown, d.Records.RecordAction(ctx, d.line(ctx, s, "view_policy_trial", id))
}

// policyRequest is what a second person is asked: the policy of a dry run.
type policyRequest struct {
	Region    string `json:"region"`
	ValidFrom Date   `json:"valid_from"`
	ValidTo   Date   `json:"valid_to"`
	Changed   string `json:"changed"`
	// Digest is the SHA-256 of the record in hex: what was tried is what is put in force.
	Digest string `json:"digest"`
}

// Ask asks a second person to put the policy of a finished dry run in force.
func (d *PolicyDesk) Ask(ctx context.Context, s StaffSession, id, note, once string) (Approval, error) {
	trial, err := d.Trials.Trial(ctx, id)
	if err != nil {
		return Approval{}, err
	}
	if trial.State != TrialDone {
		return Approval{}, refuse(CodeRequestInProgress, "a policy is asked for when its dry run has ended; one that stopped is tried anew")
	}
	policy, _, err := d.proposed(ctx, trial.Record)
	if err != nil {
		return Approval{}, err
	}
	before, _ := d.Policies.For(trial.Region, trial.On)
	changes, err := before.Changes(policy)
	if err != nil {
		return Approval{}, &Error{Code: CodeInternal, Cause: err}
	}
	request := policyRequest{
		Region: trial.Region, ValidFrom: trial.ValidFrom, ValidTo: trial.ValidTo, Digest: digest(string(trial.Record)),
	}
	for i, change := range changes {
		if i > 0 {
			request.Changed += ", "
		}
		request.Changed += change.Field
	}
	return d.Approvals.Ask(ctx, s, Asking{Kind: ApprovePolicy, Object: id, Request: request, Reason: "policy", Note: note, OnceKey: once})
}

// CarryOut puts the policy of an approved request in force.
func (d *PolicyDesk) CarryOut(ctx context.Context, a Approval, decider StaffSession) (string, error) {
	trial, err := d.Trials.Trial(ctx, a.Object)
	if err != nil {
		return "", err
	}
	var asked policyRequest
	if err := json.Unmarshal(a.Request, &asked); err != nil {
		return "", &Error{Code: CodeInternal, Cause: err}
	}
	policy, _, err := d.proposed(ctx, trial.Record)
	if err != nil {
		return "", err
	}
	if digest(string(trial.Record)) != asked.Digest {
		return "", refuse(CodeVersionConflict, "the policy is not the one that was asked for")
	}
	by := d.line(ctx, decider, "apply_policy", a.ID)
	by.Reason = a.Reason
	err = d.Versions.AddPolicyVersion(ctx, PolicyVersion{
		ID: a.ID, Record: trial.Record, Region: policy.Region, ValidFrom: policy.ValidFrom, ValidTo: policy.ValidTo,
		RequestedBy: a.RequestedBy, ApprovedBy: decider.Staff.ID, ApprovedAt: d.Clock(),
	}, by)
	if err != nil {
		return "", err
	}
	return "applied", d.Approved(ctx)
}
