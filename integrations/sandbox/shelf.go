package sandbox

import (
	"sync"
	"time"
)

// sweepEvery is how many puts lie between two clearings of what has expired.
const sweepEvery = 1024

// shelf keeps values under keys until they expire.
type shelf[T any] struct {
	mu    sync.Mutex
	items map[string]kept[T]
	puts  int
}

type kept[T any] struct {
	value   T
	expires time.Time
}

func (s *shelf[T]) put(key string, value T, now, expires time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.items == nil {
		s.items = map[string]kept[T]{}
	}
	if s.puts++; s.puts%sweepEvery == 0 {
		for old, item := range s.items {
			if !now.Before(item.expires) {
				delete(s.items, old)
			}
		}
	}
	s.items[key] = kept[T]{value, expires}
}

// get finds a value that has not expired.
func (s *shelf[T]) get(key string, now time.Time) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	item, found := s.items[key]
	if !found || !now.Before(item.expires) {
		var none T
		return none, false
	}
	return item.value, true
}

// take is get, once: the value is gone afterwards.
func (s *shelf[T]) take(key string, now time.Time) (T, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	item, found := s.items[key]
	delete(s.items, key)
	if !found || !now.Before(item.expires) {
		var none T
		return none, false
	}
	return item.value, true
}

// change replaces a value that has not expired.
func (s *shelf[T]) change(key string, now time.Time, change func(*T)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if item, found := s.items[key]; found && now.Before(item.expires) {
		change(&item.value)
		s.items[key] = item
	}
}
