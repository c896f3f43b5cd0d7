package sql

import (
	"context"
	"runtime"
	"sync"
)

// group gathers what arrives while the last round runs into the next round. There is no fixed waiting: a lone
// item runs at once.
type group[T any] struct {
	queue chan T
	run   func([]T)
	most  int
}

// newGroup makes a group whose rounds hold no more items than most.
func newGroup[T any](most int, run func([]T)) *group[T] {
	return &group[T]{queue: make(chan T, 4*most), run: run, most: most}
}

// work runs rounds until ctx ends, and then what is still queued.
func (g *group[T]) work(ctx context.Context, running *sync.WaitGroup) {
	defer running.Done()
	round := make([]T, 0, g.most)
	for {
		select {
		case first := <-g.queue:
			// Whoever the last round answered gets to run, and perhaps to ask again, before this one is gathered.
			runtime.Gosched()
			round = g.gather(append(round[:0], first))
			g.run(round)
			clear(round)
		case <-ctx.Done():
			for round = g.gather(round[:0]); len(round) > 0; round = g.gather(round[:0]) {
				g.run(round)
			}
			return
		}
	}
}

func (g *group[T]) gather(round []T) []T {
	for len(round) < g.most {
		select {
		case next := <-g.queue:
			round = append(round, next)
		default:
			return round
		}
	}
	return round
}

// add queues an item, or gives up with the caller's context.
func (g *group[T]) add(ctx context.Context, item T) error {
	select {
	case g.queue <- item:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
