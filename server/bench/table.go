package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

const megabyte = 1 << 20

// spread is the median of some measurements, and the least and the most of them.
type spread struct{ median, least, most float64 }

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	slices.Sort(values)
	middle := len(values) / 2
	median := values[middle]
	if len(values)%2 == 0 {
		median = (values[middle-1] + values[middle]) / 2
	}
	return spread{median, values[0], values[len(values)-1]}
}

func over(samples []sample, value func(sample) float64) spread {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = value(s)
	}
	return spreadOf(values)
}

// in formats a spread in a unit, with so many digits behind the point.
func (s spread) in(unit float64, digits int) string {
	return fmt.Sprintf("%.*f (%.*f–%.*f)", digits, s.median/unit, digits, s.least/unit, digits, s.most/unit)
}

// The values of a sample that are shown.
var (
	rate    = func(s sample) float64 { return s.rate }
	p50     = func(s sample) float64 { return s.p50 }
	p99     = func(s sample) float64 { return s.p99 }
	service = func(s sample) float64 { return s.service }
	storage = func(s sample) float64 { return s.storage }
)

const millisecond = 1000

func (b *bench) printResult(r *result) {
	b.printf("\n## %s, %d cards\n\n", r.name, r.cards)
	b.printf("Medians of %d rounds of %d s; least and most in parentheses.\n\n", b.rounds, b.seconds)
	b.printf("| connections | what | per second | p50 ms | p99 ms | CPU µs each, service | database | errors |\n")
	b.printf("|--:|---|--:|--:|--:|--:|--:|--:|\n")
	for _, p := range r.points {
		list := r.samples[p]
		failed := 0
		for _, s := range list {
			failed += s.errors
		}
		b.printf("| %d | %s | %s | %s | %s | %.0f | %.0f | %d |\n", p.connections, p.what, over(list, rate).in(1, 0),
			over(list, p50).in(millisecond, 2), over(list, p99).in(millisecond, 1),
			over(list, service).median, over(list, storage).median, failed)
	}
	b.printf("\n| | value | target | |\n|---|--:|--:|---|\n")
	for _, c := range r.comparisons() {
		b.printf("| %s | %s | %s | %s |\n", c.what, c.value, c.target, c.verdict())
	}
	b.printf("\nImport: %.0f rows/s (%s), peak memory %d MB. ", float64(r.cards)/r.imported.took.Seconds(),
		r.imported.took.Round(10*time.Millisecond), r.imported.peak/megabyte)
	b.printf("Answered with success: %d activations; stored: %d activations, %d transitions, %d outgoing events, %d idempotency records"+
		" (up to %d were under way when a measurement ended). Errors: %d.\n",
		r.answered, r.stored[0], r.stored[1], r.stored[2], r.stored[3], r.cut, r.errors)
	if r.heaviest != "" {
		b.printf("\n%s\n", r.heaviest)
	}
}

// comparison is a measured value beside its target.
type comparison struct {
	what, value, target string
	met                 bool
	// open is a comparison without a target.
	open bool
}

func (c comparison) verdict() string {
	switch {
	case c.open:
		return ""
	case c.met:
		return "met"
	}
	return "**missed**"
}

// ratio compares two points of the same rounds: round by round, so that what slows the machine down slows both.
func (r *result) ratio(value func(sample) float64, above, below point) (spread, bool) {
	rounds := min(len(r.samples[above]), len(r.samples[below]))
	ratios := make([]float64, 0, rounds)
	for i := range rounds {
		ratios = append(ratios, value(r.samples[above][i])/value(r.samples[below][i]))
	}
	return spreadOf(ratios), len(ratios) > 0
}

type wantedRatio struct {
	what         string
	value        func(sample) float64
	above, below point
	// at is the target: at least that, or at most where negative; 0 is none.
	at float64
}

func (r *result) comparisons() []comparison {
	wanted := []wantedRatio{
		{"activation p50 / one transaction each, 1 connection", p50, point{activation, 1}, point{unbatched, 1}, -1.2},
		{"card read p99 / empty route, 64 connections", p99, point{cardRead, 64}, point{emptyRoute, 64}, -3},
		{"activation rate / without storage, 64 connections", rate, point{activation, 64}, point{withoutStorage, 64}, 0},
	}
	if r.engine == postgres {
		wanted = append(wanted,
			wantedRatio{"activation rate / pgbench six statements, 64 connections", rate, point{activation, 64}, point{pgbenchSix, 64}, 2},
			wantedRatio{"activation rate / pgbench six statements, 256 connections", rate, point{activation, 256}, point{pgbenchSix, 256}, 3},
			wantedRatio{"the same with prepared statements, 64 connections", rate, point{activation, 64}, point{pgbenchPrepared, 64}, 2},
			wantedRatio{"the same with prepared statements, 256 connections", rate, point{activation, 256}, point{pgbenchPrepared, 256}, 3},
			wantedRatio{"activation rate / pgbench one statement, 64 connections", rate, point{activation, 64}, point{pgbenchTogether, 64}, 0})
	} else {
		wanted = append(wanted,
			wantedRatio{"activation rate / one transaction each, 16 connections", rate, point{activation, 16}, point{unbatched, 16}, 3},
			wantedRatio{"activation rate / one transaction each, 64 connections", rate, point{activation, 64}, point{unbatched, 64}, 3})
	}
	var list []comparison
	for _, w := range wanted {
		s, known := r.ratio(w.value, w.above, w.below)
		if !known {
			continue
		}
		c := comparison{what: w.what, value: s.in(1, 2), target: "–", open: w.at == 0}
		if w.at > 0 {
			c.target, c.met = fmt.Sprintf("≥ %g", w.at), s.median >= w.at
		} else if w.at < 0 {
			c.target, c.met = fmt.Sprintf("≤ %g", -w.at), s.median <= -w.at
		}
		list = append(list, c)
	}
	ready := make([]float64, len(r.ready))
	for i, took := range r.ready {
		ready[i] = took.Seconds()
	}
	start := spreadOf(ready)
	return append(list,
		comparison{what: "memory at rest, MB", value: strconv.FormatInt(r.atRest/megabyte, 10), target: "≤ 40", met: r.atRest <= 40*megabyte},
		comparison{what: "memory under load at its peak, MB", value: strconv.FormatInt(r.underLoad/megabyte, 10), target: "≤ 120", met: r.underLoad <= 120*megabyte},
		comparison{what: "start to ready, s", value: start.in(1, 3), target: "≤ 1", met: start.median <= 1},
	)
}

// printGrowth compares the slowest answers with the most cards to those with the fewest.
func (b *bench) printGrowth() {
	if len(b.cards) < 2 {
		return
	}
	b.printf("\n## Growth\n\n| engine | connections | p99 ms at %d cards | at %d cards | ratio | target ≤ 1.3 |\n|---|--:|--:|--:|--:|---|\n",
		b.cards[0], b.cards[len(b.cards)-1])
	for _, engine := range b.engines {
		list := b.finished[engine]
		for _, connections := range b.connections {
			p := point{activation, connections}
			few, many := over(list[0].samples[p], p99), over(list[len(list)-1].samples[p], p99)
			c := comparison{met: many.median <= 1.3*few.median}
			b.printf("| %s | %d | %s | %s | %.2f | %s |\n", engine, connections, few.in(millisecond, 1), many.in(millisecond, 1),
				many.median/few.median, c.verdict())
		}
	}
	b.printf("\nEach number of cards is a run of its own: this ratio is not interleaved, see least and most.\n")
}
