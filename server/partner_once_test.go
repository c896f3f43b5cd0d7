package main_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/sql/sqltest"
)

// event is one signed event of the bank, ready to be sent any number of times.
func (town *partnerTown) event(tb testing.TB, card record, number string) *formDraft {
	tb.Helper()
	now := time.Now()
	return gatewayEvent{town.keys[bankRSA], bankRSA, "", activate, jsonOf(tb, card.activation(number, now.Truncate(time.Second)))}.draft(tb, now)
}

func (d *formDraft) post(c *client, service string) (reply, error) {
	return c.form(service+d.path+"?"+encode(d.query), encode(d.body))
}

func TestFiftyDuplicatesToTwoProcessesHaveOneEffectAndEqualAnswers(t *testing.T) {
	t.Parallel()
	town := newPartnerTown(t, sqltest.Postgres(t), 5)
	services := []*process{startProcess(t, town.environment), startProcess(t, town.environment)}
	c := newClient("")
	for i, card := range town.cards {
		draft := town.event(t, card, fmt.Sprintf("PARALLEL-%04d", i))
		var mu sync.Mutex
		sent := 0
		answers := everyone(t, 50, func() (reply, error) {
			mu.Lock()
			sent++
			to := services[sent%len(services)]
			mu.Unlock()
			return draft.post(c, to.service)
		})
		hits := 0
		for _, answer := range answers {
			require.Equal(t, http.StatusOK, answer.status, answer.body)
			require.Equal(t, answers[0].body, answer.body)
			if answer.header.Get("Idempotency-Hit") == "true" {
				hits++
			}
		}
		assert.Contains(t, answers[0].body, `"result":"APPLIED","changed":true`)
		assert.Equal(t, 49, hits, "one of them had the effect")
	}
	var flips []string
	require.NoError(t, database(t, town.database).SelectContext(t.Context(), &flips,
		"SELECT card_ref FROM transition WHERE machine = 'financial'"))
	assert.Len(t, slices.Compact(slices.Sorted(slices.Values(flips))), len(town.cards))
	assert.Len(t, flips, len(town.cards))
}

// pending is an event and the answer to it, if one came.
type pending struct {
	number   string
	draft    *formDraft
	answered bool
}

// TestARetryAfterAKillGetsTheStoredReply kills the service while events are under way, until one of them took
// effect and was not answered.
func TestARetryAfterAKillGetsTheStoredReply(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			town := newPartnerTown(t, fresh(t), 1500)
			next, lost := 0, 0
			for round := 0; lost == 0 && round < 20; round++ {
				running := startProcess(t, town.environment)
				events := town.reportUntilKilled(t, running, next, round)
				next += len(events)
				lost += town.retry(t, events)
			}
			require.Positive(t, lost, "no kill came between effect and reply")
			var flips, cards int
			db := database(t, town.database)
			require.NoError(t, db.GetContext(t.Context(), &flips, "SELECT count(*) FROM transition WHERE machine = 'financial'"))
			require.NoError(t, db.GetContext(t.Context(), &cards, "SELECT count(DISTINCT card_ref) FROM transition WHERE machine = 'financial'"))
			assert.Equal(t, cards, flips)
			t.Logf("%s: %d events, %d took effect unanswered", engine, next, lost)
		})
	}
}

// reportUntilKilled sends events from many callers at once and kills the service under them.
func (town *partnerTown) reportUntilKilled(t *testing.T, running *process, next, round int) []*pending {
	t.Helper()
	const callers, each = 24, 3
	var events []*pending
	var all sync.WaitGroup
	for range callers {
		var own []*pending
		for range each {
			e := &pending{number: fmt.Sprintf("KILLED-%02d-%06d", round, next)}
			e.draft = town.event(t, town.cards[next], e.number)
			events, own = append(events, e), append(own, e)
			next++
		}
		all.Go(func() {
			c := newClient("")
			for _, e := range own {
				answer, err := e.draft.post(c, running.service)
				if err != nil {
					return
				}
				e.answered = true
				assert.Contains(t, answer.body, `"code":"10000"`)
			}
		})
	}
	timer := time.NewTimer(time.Duration(5+rand.IntN(60)) * time.Millisecond)
	<-timer.C
	running.kill()
	all.Wait()
	return events
}

// retry sends every event again to a new process. It counts those that had taken effect without an answer.
func (town *partnerTown) retry(t *testing.T, events []*pending) int {
	t.Helper()
	running := startProcess(t, town.environment)
	defer running.kill()
	stored, c, lost := town.numbers(t), newClient(""), 0
	for _, e := range events {
		took := slices.Contains(stored, e.number)
		require.True(t, took || !e.answered, "an acknowledged event is gone")
		answer, err := e.draft.post(c, running.service)
		require.NoError(t, err)
		require.Contains(t, answer.body, `"result":"APPLIED","changed":true`, "the reply is that of the first time")
		require.Equal(t, took, answer.header.Get("Idempotency-Hit") == "true")
		if took && !e.answered {
			lost++
		}
	}
	return lost
}
