package sql

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numbered is the n-th item about something.
type numbered struct {
	about string
	n     int
}

func TestRoundsAtOnceKeepApartWhatIsAboutTheSame(t *testing.T) {
	t.Parallel()
	const things, each = 5, 400
	var lock sync.Mutex
	busy, seen := map[string]int{}, map[string][]int{}
	g := newGroup(16, func(round []numbered) {
		lock.Lock()
		mine := map[string]bool{}
		for _, item := range round {
			if !mine[item.about] {
				mine[item.about] = true
				busy[item.about]++
				assert.Equal(t, 1, busy[item.about], "%s is in two rounds", item.about)
			}
			seen[item.about] = append(seen[item.about], item.n)
		}
		lock.Unlock()
		lock.Lock()
		defer lock.Unlock()
		for about := range mine {
			busy[about]--
		}
	})
	g.about = func(item numbered) finder { return finder{byRef, item.about} }
	ctx, stop := context.WithCancel(t.Context())
	var running, callers sync.WaitGroup
	for range 3 {
		running.Add(1)
		go g.work(ctx, &running)
	}
	for thing := range things {
		callers.Go(func() {
			for n := range each {
				assert.NoError(t, g.add(t.Context(), numbered{strconv.Itoa(thing), n}))
			}
		})
	}
	callers.Wait()
	stop()
	running.Wait()
	require.Len(t, seen, things)
	for _, numbers := range seen {
		require.Len(t, numbers, each)
		for n, got := range numbers {
			require.Equal(t, n, got, "out of order")
		}
	}
	assert.Empty(t, g.waiting)
	assert.Empty(t, g.taken)
}

func TestASecondRoundBeginsOnlyWhenEnoughWaits(t *testing.T) {
	t.Parallel()
	began, end := make(chan int), make(chan struct{})
	g := newGroup(16, func(round []numbered) {
		began <- len(round)
		<-end
	})
	g.beside = 3
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range 2 {
		running.Add(1)
		go g.work(ctx, &running)
	}
	add := func(count int) {
		for n := range count {
			require.NoError(t, g.add(t.Context(), numbered{n: n}))
		}
	}
	add(1)
	require.Equal(t, 1, <-began, "a lone item goes at once")
	add(2)
	g.lock.Lock()
	assert.True(t, g.idle(), "two wait for the end of the first round")
	g.lock.Unlock()
	add(1)
	require.Equal(t, 3, <-began, "three are a round of their own")
	add(2)
	end <- struct{}{}
	end <- struct{}{}
	assert.Equal(t, 2, <-began, "the end of both begins the next")
	stop()
	close(end)
	running.Wait()
}
