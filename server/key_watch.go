package main

import (
	"context"
	"log/slog"
	"time"

	"citycard"
)

// keyWatchEvery is how often partners' keys are looked at for their ends.
const keyWatchEvery = time.Hour

// watchingKeys warns of partners' keys that end without a successor until ctx ends: in the metrics at every look, in the
// log at the first one and then once a day.
func (s *service) watchingKeys(ctx context.Context) {
	ticker := time.NewTicker(keyWatchEvery)
	defer ticker.Stop()
	var warned citycard.Date
	for {
		now := s.config.clock()
		today := citycard.DateOf(now)
		if err := s.watchKeys(ctx, now, warned != today); err != nil {
			s.log.Error("look at partners' keys", slog.String("error", err.Error()))
		} else {
			warned = today
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *service) watchKeys(ctx context.Context, now time.Time, warn bool) error {
	records, err := s.store.Partners(ctx)
	if err != nil {
		return err
	}
	warnings := citycard.KeyWarnings(records, now)
	s.metrics.endingKeys(warnings)
	if !warn {
		return nil
	}
	for _, w := range warnings {
		s.log.Warn("a partner's last key of its type ends soon", slog.String("partner", w.AppID), slog.String("key", w.KeyID),
			slog.String("type", string(w.Type)), slog.Int("days_left", w.DaysLeft))
	}
	return nil
}
