package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"
)

//go:embed wrk.lua
var wrkScript []byte

// kind is one thing that is measured.
type kind string

const (
	activation     kind = "activation"
	unbatched      kind = "activation, one transaction each"
	cardRead       kind = "card read"
	withoutStorage kind = "activation without storage"
	emptyRoute     kind = "empty route"
	// pgbenchSix is how pgbench comes: each statement is planned anew.
	pgbenchSix      kind = "pgbench, six statements"
	pgbenchPrepared kind = "pgbench, six statements, prepared"
	pgbenchTogether kind = "pgbench, one statement"
)

// What is measured on either engine, and everything, which PostgreSQL has.
var (
	onEither   = []kind{activation, unbatched, cardRead, withoutStorage, emptyRoute}
	everything = append(slices.Clip(onEither), pgbenchSix, pgbenchPrepared, pgbenchTogether)
)

// sample is one measurement. Times are microseconds; processor times are per request.
type sample struct {
	rate, p50, p99   float64
	service, storage float64
	requests         int
	errors           int
}

// point is what is measured at how many connections.
type point struct {
	what        kind
	connections int
}

// plan lists what is measured in each round: everything everywhere, or in the short form what targets compare.
func (o *options) plan(engine string) []point {
	kinds := onEither
	if engine == postgres {
		kinds = everything
	}
	var points []point
	for _, connections := range o.connections {
		for _, what := range kinds {
			named := slices.Contains(o.only, what)
			if named || len(o.only) == 0 && (!o.short || inShort(engine, what, connections)) {
				points = append(points, point{what, connections})
			}
		}
	}
	return points
}

func inShort(engine string, what kind, connections int) bool {
	switch what {
	case activation:
		return true
	case unbatched:
		return connections == 1 || connections <= 64 && engine == sqlite
	case pgbenchSix, pgbenchPrepared:
		return connections >= 64
	}
	return connections == 64
}

// target is what a point is measured on.
type target struct {
	bench    *bench
	database *database
	people   *citizens
	services map[kind]*process
	// last is the rate of a point when it was last measured.
	last map[point]float64
	// answered counts activations answered with success, cut those that were under way at the end of a run.
	answered, cut int
	script        string
	region        string
	stride        int
	pgbenches     int
}

// measure takes one sample.
func (t *target) measure(ctx context.Context, p point, seconds int) (sample, error) {
	if p.what == pgbenchSix || p.what == pgbenchPrepared || p.what == pgbenchTogether {
		return t.pgbench(ctx, p, seconds)
	}
	serving := t.services[p.what]
	slice, seconds, err := t.slice(ctx, p, seconds)
	if err != nil {
		return sample{}, err
	}
	method, path := "POST", "/v1/activations"
	switch p.what {
	case cardRead:
		method, path = "GET", "/v1/cards/"
	case emptyRoute:
		path = "/v1/empty"
	}
	watch, err := t.watch(serving)
	if err != nil {
		return sample{}, err
	}
	command := exec.CommandContext(ctx, "wrk", "--latency", "--timeout", "15s", "-t", "1", "-c", strconv.Itoa(p.connections), //nolint:gosec // our own words
		"-d", strconv.Itoa(seconds)+"s", "-s", t.script, serving.address, "--", slice, method, path)
	printed, err := command.CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("wrk: %w: %s", err, printed)
	}
	s, err := readWrk(printed)
	if err != nil {
		return sample{}, err
	}
	t.last[p] = s.rate
	if p.what == activation || p.what == unbatched {
		t.people.next += s.requests + p.connections + 1 // one more is made up to look at the script
		t.answered += s.requests - s.errors
		t.cut += p.connections
	}
	err = watch.into(&s)
	return s, err
}

// slice writes enough requests for a measurement of that many seconds, or of fewer where there are not enough
// cards.
func (t *target) slice(ctx context.Context, p point, seconds int) (string, int, error) {
	rate := t.last[p]
	if rate == 0 {
		rate = 6000
		if p.what == cardRead || p.what == emptyRoute || p.what == withoutStorage {
			rate = 20_000
		}
	}
	people, file := t.people, t.bench.path("slice")
	need := func() int { return int(rate*float64(seconds)*3/2) + 2*p.connections + 2 }
	if p.what != activation && p.what != unbatched {
		// Reading changes nothing: anybody may come twice.
		list := make([]citizen, 0, need())
		for len(list) < need() {
			list = append(list, people.list[:min(len(people.list), need()-len(list))]...)
		}
		return file, seconds, people.writeSlice(file, list, p.what)
	}
	for seconds > 1 && need() > len(people.list) {
		seconds--
	}
	if people.next+need() > len(people.list) {
		// What was under way when the last measurement ended is stored first: it would undo the reset of its card.
		if err := rest(ctx, time.Second); err != nil {
			return "", 0, err
		}
		if err := t.database.reset(ctx); err != nil {
			return "", 0, err
		}
		people.next = 0
	}
	end := min(len(people.list), people.next+need())
	return file, seconds, people.writeSlice(file, people.list[people.next:end], p.what)
}

func readWrk(printed []byte) (sample, error) {
	_, line, found := bytes.Cut(printed, []byte("\nRESULT "))
	var r struct {
		Microseconds float64 `json:"microseconds"`
		Requests     int     `json:"requests"`
		P50          float64 `json:"p50"`
		P99          float64 `json:"p99"`
		Refused      int     `json:"refused"`
		Broken       int     `json:"broken"`
	}
	if !found || json.Unmarshal(line, &r) != nil || r.Requests == 0 {
		return sample{}, fmt.Errorf("wrk printed no result: %s", printed)
	}
	return sample{
		rate: float64(r.Requests) / r.Microseconds * 1e6, p50: r.P50, p99: r.P99,
		requests: r.Requests, errors: r.Refused + r.Broken,
	}, nil
}

// watch notes the processor time of a service and of the database server so far.
type watch struct {
	service, storage       int
	serviceTime, storeTime time.Duration
}

func (t *target) watch(serving *process) (*watch, error) {
	w := &watch{storage: t.database.process}
	if serving != nil {
		w.service = serving.command.Process.Pid
	}
	var err error
	w.serviceTime, w.storeTime, err = w.now()
	return w, err
}

func (w *watch) now() (service, storage time.Duration, err error) {
	var problems [2]error
	if w.service != 0 {
		service, problems[0] = usage(w.service, false)
	}
	if w.storage != 0 {
		storage, problems[1] = usage(w.storage, true)
	}
	return service, storage, errors.Join(problems[:]...)
}

// into writes the time since then into a sample.
func (w *watch) into(s *sample) error {
	service, storage, err := w.now()
	s.service = float64((service - w.serviceTime).Microseconds()) / float64(s.requests)
	s.storage = float64((storage - w.storeTime).Microseconds()) / float64(s.requests)
	return err
}

func (b *bench) writeScript() (string, error) {
	path := b.path("wrk.lua")
	return path, os.WriteFile(path, wrkScript, 0o600)
}
