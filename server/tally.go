package main

import (
	"context"
	"log/slog"
	"time"

	"citycard"
)

const (
	// tallyEvery is how often counted callbacks are handed to the database.
	tallyEvery = 10 * time.Second
	// tallyWithin is how long the last handing over may take.
	tallyWithin = 5 * time.Second
)

// counting counts each callback in the metrics and for the daily lists.
func (s *service) counting(m metrics) func(citycard.CallbackKind) {
	s.tally.Counts, s.tally.Clock = s.store, s.config.clock
	return func(kind citycard.CallbackKind) {
		m.callback(kind)
		s.tally.Add(kind)
	}
}

// tallying hands over what was counted until ctx ends.
func (s *service) tallying(ctx context.Context) {
	ticker := time.NewTicker(tallyEvery)
	defer ticker.Stop()
	s.tally.Run(ctx, ticker.C, func(err error) { s.log.Error("count callbacks", slog.String("error", err.Error())) })
}

// tallyLast hands over what the last requests counted.
func (s *service) tallyLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, tallyWithin)
	defer cancel()
	if err := s.tally.Flush(ctx); err != nil {
		s.log.Error("count callbacks", slog.String("error", err.Error()))
	}
}
