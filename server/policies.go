package main

import (
	"context"
	"log/slog"
	"time"

	"citycard"
	"citycard/handlers"
	"citycard/sql"
)

// policyEvery is how often a replica looks for policies that were approved through another.
const policyEvery = 2 * time.Second

// cityPolicies are the staff plane's view of city policies, and what carries approved ones out.
func (p *parts) cityPolicies(plane *staffPlane, queue *citycard.ApprovalQueue) {
	desk := &citycard.PolicyDesk{
		Policies: p.config.policies, Versions: p.store, Trials: p.store, Cards: p.store, Records: p.store, Approvals: queue,
		Background: p.beside, Approved: p.watch.Refresh, NewID: newID, Clock: p.config.clock,
	}
	queue.Carry[citycard.ApprovePolicy] = desk.CarryOut
	plane.policies = handlers.StaffPolicies{Desk: desk}
	plane.policyPages = &handlers.StaffPolicyPages{Pages: plane.pages, Desk: desk}
}

// withVersions puts the approved policies in force over those of the file.
func (c *config) withVersions(ctx context.Context, store *sql.Store) (*citycard.PolicyWatch, error) {
	watch := &citycard.PolicyWatch{Policies: c.policies, Store: store}
	return watch, watch.Refresh(ctx)
}

// watching notices newly approved policies until ctx ends.
func (s *service) watching(ctx context.Context) {
	ticker := time.NewTicker(policyEvery)
	defer ticker.Stop()
	s.watch.Run(ctx, ticker.C, func(err error) { s.log.Error("read city policies", slog.String("error", err.Error())) })
}

// lend runs something until it ends or the process does, which waits for it.
func (s *service) lend(ctx context.Context) func(func(context.Context)) {
	return func(do func(context.Context)) { s.work.Go(func() { do(ctx) }) }
}
