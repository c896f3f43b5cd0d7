package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// result is what one engine did with a number of cards.
type result struct {
	engine    string
	name      string
	cards     int
	imported  ended
	ready     []time.Duration
	atRest    int64
	underLoad int64
	points    []point
	samples   map[point][]sample
	errors    int
	answered  int
	cut       int
	stored    [4]int64
	heaviest  string
}

// starts is how often the start of the service is timed.
const starts = 3

// engine measures one engine and prints its table.
func (b *bench) engine(ctx context.Context, engine string, cards int, file string) error {
	d, err := b.openDatabase(ctx, engine)
	if err != nil {
		return err
	}
	defer d.stop()
	defer b.removeSQLite()
	r := &result{engine: engine, cards: cards, samples: map[point][]sample{}, points: b.plan(engine)}
	if r.name, err = d.name(ctx); err != nil {
		return err
	}
	sayf("%s: importing", engine)
	if r.imported, err = b.command(ctx, d.address, "import", "cards", file); err != nil {
		return err
	}
	if b.pause {
		if err := b.wait(ctx); err != nil {
			return err
		}
	}
	people, err := b.people(ctx, d, cards, file)
	if err != nil {
		return err
	}
	t := &target{bench: b, database: d, people: people, last: map[point]float64{}, stride: stride(cards)}
	if err := b.runAll(ctx, t, r); err != nil {
		b.printResult(r) // as far as it came
		return err
	}
	if r.stored, err = d.stored(ctx); err != nil {
		return err
	}
	r.answered, r.cut = t.answered, t.cut
	if b.finished == nil {
		b.finished = map[string][]*result{}
	}
	b.finished[engine] = append(b.finished[engine], r)
	b.printResult(r)
	return r.verify()
}

// wait returns when somebody says that the machine is at rest. What is measured is the program as it is then.
func (b *bench) wait(ctx context.Context) error {
	sayf("imported; a line on standard input starts the measurement")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return fmt.Errorf("-pause: wait for a line: %w", err)
	}
	return b.build(ctx)
}

// people binds citizens to cards.
func (b *bench) people(ctx context.Context, d *database, cards int, file string) (*citizens, error) {
	sayf("%s: logging in citizens", d.engine)
	now := time.Now()
	if err := d.bind(ctx, stride(cards), now); err != nil {
		return nil, err
	}
	refs, err := d.refs(ctx, stride(cards))
	if err != nil {
		return nil, err
	}
	c, err := readCitizens(file, stride(cards), refs)
	if err != nil {
		return nil, err
	}
	c.issued = now
	c.tokens, err = b.newTokens()
	return c, err
}

// runAll starts the service and its variants and goes through the rounds.
func (b *bench) runAll(ctx context.Context, t *target, r *result) (err error) {
	if t.script, err = b.writeScript(); err != nil {
		return err
	}
	if err := t.database.QueryRowContext(ctx, "SELECT region FROM card WHERE card_number LIKE 'D2%' LIMIT 1").Scan(&t.region); err != nil {
		return fmt.Errorf("find the region: %w", err)
	}
	service, err := b.startTimed(ctx, t.database.address, r)
	if err != nil {
		return err
	}
	defer service.stop()
	alone, err := b.start(ctx, t.database.address, "unbatched")
	if err != nil {
		return err
	}
	defer alone.stop()
	without, err := b.start(ctx, t.database.address, "memory")
	if err != nil {
		return err
	}
	defer without.stop()
	t.services = map[kind]*process{
		activation: service, cardRead: service, unbatched: alone, withoutStorage: without, emptyRoute: without,
	}
	for _, what := range []kind{activation, unbatched, cardRead, withoutStorage, emptyRoute} {
		if _, err := t.measure(ctx, point{what, 16}, 1); err != nil { // to warm up
			return err
		}
	}
	if err := b.repeat(ctx, t, r); err != nil {
		return err
	}
	if b.profile {
		if r.heaviest, err = t.heaviest(ctx); err != nil {
			return err
		}
	}
	r.underLoad, err = memory(service.command.Process.Pid, "VmHWM")
	return err
}

// startTimed starts the service a few times, notes how long each start took and what memory it then holds, and
// leaves the last one running.
func (b *bench) startTimed(ctx context.Context, database string, r *result) (*process, error) {
	for {
		service, err := b.start(ctx, database, "")
		if err != nil {
			return nil, err
		}
		if r.ready = append(r.ready, service.ready); len(r.ready) < starts {
			service.stop()
			continue
		}
		if err := rest(ctx, time.Second); err != nil {
			service.stop()
			return nil, err
		}
		r.atRest, err = memory(service.command.Process.Pid, "VmRSS")
		return service, err
	}
}

// repeat measures every point once in each round.
func (b *bench) repeat(ctx context.Context, t *target, r *result) error {
	for round := range b.rounds {
		sayf("%s: round %d of %d", r.engine, round+1, b.rounds)
		order := slices.Clone(r.points)
		if round%2 == 1 {
			slices.Reverse(order) // what comes first has no advantage
		}
		for _, p := range order {
			s, err := t.measure(ctx, p, b.seconds)
			if err != nil {
				return fmt.Errorf("%s at %d connections: %w", p.what, p.connections, err)
			}
			r.samples[p] = append(r.samples[p], s)
			r.errors += s.errors
		}
	}
	return nil
}

// verify holds that what was answered is what was stored: each answered activation has its rows, and beyond
// them there are at most those that were under way when a measurement ended.
func (r *result) verify() error {
	var problems []error
	if r.errors > 0 {
		problems = append(problems, fmt.Errorf("%d requests failed", r.errors))
	}
	names := [...]string{"activations", "transitions", "outgoing events", "idempotency records"}
	for i, count := range r.stored {
		if count != r.stored[0] || count < int64(r.answered) || count > int64(r.answered+r.cut) {
			problems = append(problems, fmt.Errorf("%d %s are stored, but %d to %d were answered", count, names[i], r.answered, r.answered+r.cut))
		}
	}
	return errors.Join(problems...)
}

// rest lets a service come to rest before its memory is read, or returns the context's error.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
