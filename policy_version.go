package citycard

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"
)

// PolicyVersion is a policy that one person asked for and another approved. It holds in its period instead of what
// held there before; ID is that of the approval, Number counts the versions from 1 in the order in which they were
// approved. It is only ever appended.
type PolicyVersion struct {
	ID     string
	Number int64
	// Record is the policy as JSON, as in the policy file.
	Record      []byte
	Region      string
	ValidFrom   Date
	ValidTo     Date
	RequestedBy string
	ApprovedBy  string
	ApprovedAt  time.Time
}

// PolicyVersions is the store of approved versions.
type PolicyVersions interface {
	// PolicyVersions lists them in the order of their numbers.
	PolicyVersions(ctx context.Context) ([]PolicyVersion, error)
	// AddPolicyVersion stores one under the next number, once for each id, with the action that records it.
	AddPolicyVersion(ctx context.Context, v PolicyVersion, by StaffAction) error
	// NewestPolicy is the number of the last version, 0 before the first.
	NewestPolicy(ctx context.Context) (int64, error)
}

// Apply puts versions in force over the policies of the file, in the order of their numbers. Where the result would
// be broken everything stays as it is.
func (p *Policies) Apply(versions []PolicyVersion) error {
	laid, err := p.over(versions)
	if err == nil {
		p.inForce.Store(&laid)
	}
	return err
}

// With is what Apply would put in force, beside the policies themselves.
func (p *Policies) With(versions []PolicyVersion) (*Policies, error) {
	laid, err := p.over(versions)
	if err != nil {
		return nil, err
	}
	made := &Policies{Home: p.Home, file: p.file}
	made.inForce.Store(&laid)
	return made, nil
}

func (p *Policies) over(versions []PolicyVersion) (map[string][]Policy, error) {
	laid := maps.Clone(p.file)
	for _, version := range versions {
		policy, err := ParsePolicy(version.Record)
		if err != nil {
			return nil, err
		}
		laid[policy.Region] = policy.over(laid[policy.Region])
	}
	found := &policyProblems{}
	found.checkSuccession(p.Home, laid)
	if len(found.list) > 0 {
		return nil, &PolicyError{Problems: found.list}
	}
	return laid, nil
}

// over lays a policy over others of its region: what held in its period ends before it and goes on after it.
func (p Policy) over(others []Policy) []Policy {
	laid := []Policy{p}
	for _, other := range others {
		before, after := other, other
		if last := p.ValidFrom.AddDays(-1); other.ValidTo.IsZero() || last.Before(other.ValidTo) {
			before.ValidTo = last
		}
		if !before.ValidTo.Before(before.ValidFrom) {
			laid = append(laid, before)
		}
		if p.ValidTo.IsZero() {
			continue
		}
		if first := p.ValidTo.AddDays(1); after.ValidFrom.Before(first) {
			after.ValidFrom = first
		}
		if after.ValidTo.IsZero() || !after.ValidTo.Before(after.ValidFrom) {
			laid = append(laid, after)
		}
	}
	slices.SortFunc(laid, func(a, b Policy) int { return b.ValidFrom.DaysUntil(a.ValidFrom) })
	return laid
}

// PolicyFieldChange is one field in which two policies differ, as JSON; empty where one has no such field.
type PolicyFieldChange struct {
	Field string
	Was   string
	Will  string
}

// Changes lists the fields in which another policy differs from this one, by name; the periods are no difference.
func (p Policy) Changes(other Policy) ([]PolicyFieldChange, error) {
	was, err := p.fields()
	if err != nil {
		return nil, err
	}
	will, err := other.fields()
	if err != nil {
		return nil, err
	}
	var changes []PolicyFieldChange
	for _, field := range slices.Sorted(maps.Keys(will)) {
		if !bytes.Equal(was[field], will[field]) {
			changes = append(changes, PolicyFieldChange{field, string(was[field]), string(will[field])})
		}
	}
	return changes, nil
}

// fields are the policy's members as JSON, without its period.
func (p Policy) fields() (map[string]json.RawMessage, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	delete(fields, "valid_from")
	delete(fields, "valid_to")
	return fields, nil
}

// PolicyWatch puts approved versions in force in this process, and notices those approved through other replicas.
type PolicyWatch struct {
	Policies *Policies
	Store    PolicyVersions

	mu     sync.Mutex
	newest int64
}

// Refresh puts in force what was approved since the last time.
func (w *PolicyWatch) Refresh(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	newest, err := w.Store.NewestPolicy(ctx)
	if err != nil || newest == w.newest {
		return err
	}
	versions, err := w.Store.PolicyVersions(ctx)
	if err != nil {
		return err
	}
	if err := w.Policies.Apply(versions); err != nil {
		return err
	}
	w.newest = newest
	return nil
}

// Run refreshes at every tick until ctx ends. Failures go to failed; the policies then stay as they are.
func (w *PolicyWatch) Run(ctx context.Context, ticks <-chan time.Time, failed func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
			if err := w.Refresh(ctx); err != nil && ctx.Err() == nil {
				failed(err)
			}
		}
	}
}
