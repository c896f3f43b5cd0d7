package main

import (
	"context"
	"log/slog"
	"time"

	"citycard"
	"citycard/handlers"
)

// countEvery is how often the counts that the dashboard shows are looked after in the background.
const countEvery = time.Minute

// statistics counts for the dashboard, from the database.
func (p *parts) statistics() *citycard.Statistics {
	return &citycard.Statistics{Days: p.store, Callbacks: p.store, Policies: p.config.policies, Clock: p.config.clock}
}

// figures are the staff plane's dashboard, its exports, the work lists, and their JSON.
func (p *parts) figures(plane *staffPlane, queue *citycard.ApprovalQueue) {
	statistics := p.statistics()
	exports := &citycard.Exports{Statistics: statistics, Queue: queue}
	lists := &citycard.WorkLists{
		Store: p.store, Statistics: statistics, Corrections: p.store, Queue: queue, Records: p.store, NewID: newID,
	}
	plane.exports = handlers.StaffExports{Exports: exports}
	plane.work = handlers.StaffWork{Lists: lists}
	plane.workPages = &handlers.StaffWorkPages{Pages: plane.pages, Lists: lists, PartnerNames: p.partnerNames}
	plane.pages.Counts["lists"] = plane.workPages.Count
	plane.statistics = handlers.StaffStatistics{Statistics: statistics, Clock: p.config.clock}
	plane.dashboard = &handlers.StaffDashboard{
		Pages: plane.pages, Statistics: statistics, PartnerNames: p.partnerNames, CityNames: p.cityNames,
		Clock: p.config.clock, Exports: exports,
	}
}

// cityNames are the cities' names by region, as they are today.
func (p *parts) cityNames() map[string]citycard.Text {
	names := map[string]citycard.Text{}
	for _, region := range p.config.policies.Regions() {
		if policy, known := p.config.policies.For(region, citycard.DateOf(p.config.clock())); known {
			names[region] = policy.Name
		}
	}
	return names
}

// partnerNames are the partners' names by app id.
func (p *parts) partnerNames(ctx context.Context) (map[string]string, error) {
	records, err := p.store.Partners(ctx)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(records))
	for _, record := range records {
		names[record.AppID] = record.Name
	}
	return names, nil
}

// countingCards keeps the dashboard's counts young until ctx ends.
func (s *service) countingCards(ctx context.Context) {
	statistics := &citycard.Statistics{Days: s.store, Callbacks: s.store, Policies: s.config.policies, Clock: s.config.clock}
	ticker := time.NewTicker(countEvery)
	defer ticker.Stop()
	statistics.Run(ctx, ticker.C, func(err error) { s.log.Error("count cards", slog.String("error", err.Error())) })
}
