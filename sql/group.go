package sql

import (
	"context"
	"runtime"
	"sync"
)

// group gathers what arrives while the last round runs into the next round. There is no fixed waiting: a lone
// item runs at once.
type group[T any] struct {
	run  func([]T)
	most int
	// about tells what an item is about, where several rounds may be under way: two items about the same are in one
	// round or one after the other, in the order in which they arrived. Without it there is one round at a time.
	about func(T) finder
	// beside is how many must wait for a round to begin beside another.
	beside int

	lock    sync.Mutex
	waiting []T
	// running counts the rounds under way.
	running int
	// taken is what the rounds under way are about.
	taken map[finder]bool
	wake  chan struct{}
}

// newGroup makes a group whose rounds hold no more items than most.
func newGroup[T any](most int, run func([]T)) *group[T] {
	return &group[T]{run: run, most: most, taken: map[finder]bool{}, wake: make(chan struct{}, 1)}
}

// work runs rounds until ctx ends, and then what still waits. It may be called more than once, for as many rounds at
// a time.
func (g *group[T]) work(ctx context.Context, running *sync.WaitGroup) {
	defer running.Done()
	round := make([]T, 0, g.most)
	for {
		// Whoever the last round answered gets to run, and perhaps to ask again, before this one is gathered.
		runtime.Gosched()
		if round = g.gather(round[:0]); len(round) > 0 {
			g.run(round)
			g.finish(round)
			continue
		}
		select {
		case <-g.wake:
		case <-ctx.Done():
			if round = g.gather(round[:0]); len(round) == 0 {
				return
			}
			g.run(round)
			g.finish(round)
		}
	}
}

// gather moves what waits into the round, as far as no other round under way is about the same.
func (g *group[T]) gather(round []T) []T {
	g.lock.Lock()
	defer g.lock.Unlock()
	if g.idle() {
		return round
	}
	left := g.waiting[:0]
	var mine map[finder]bool
	if g.about != nil && len(g.waiting) > 0 {
		mine = make(map[finder]bool, len(g.waiting))
	}
	for _, item := range g.waiting {
		switch {
		case len(round) == g.most:
			left = append(left, item)
		case g.about == nil:
			round = append(round, item)
		case g.taken[g.about(item)] && !mine[g.about(item)]:
			left = append(left, item)
		default:
			g.taken[g.about(item)], mine[g.about(item)] = true, true
			round = append(round, item)
		}
	}
	clear(g.waiting[len(left):])
	g.waiting = left
	if len(round) > 0 {
		g.running++
		g.rouse() // whatever is left may be for another worker
	}
	return round
}

// idle tells that no further round is to begin: nothing waits, or so little that it had better wait for the round under
// way, whose end begins the next.
func (g *group[T]) idle() bool {
	return len(g.waiting) == 0 || g.running > 0 && len(g.waiting) < g.beside
}

// finish ends a round.
func (g *group[T]) finish(round []T) {
	g.lock.Lock()
	defer g.lock.Unlock()
	g.running--
	if g.about != nil {
		for _, item := range round {
			delete(g.taken, g.about(item))
		}
	}
	clear(round)
}

// rouse lets a worker that waits look again, where there is something for it.
func (g *group[T]) rouse() {
	if g.idle() {
		return
	}
	select {
	case g.wake <- struct{}{}:
	default: // one is about to
	}
}

// add hands an item over, unless its caller has given up.
func (g *group[T]) add(ctx context.Context, item T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	g.lock.Lock()
	defer g.lock.Unlock()
	g.waiting = append(g.waiting, item)
	g.rouse()
	return nil
}
