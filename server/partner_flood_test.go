package main_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	floodCallers = 8
	// floodPace is the pause of each forger between two forgeries: together they send at most 2000 a second.
	floodPace = 4 * time.Millisecond
	// goodPace is the time between two good events.
	goodPace = 10 * time.Millisecond
)

// BenchmarkGoodCallbacksBesideAFlood is how long good events take alone, and beside forgeries from another address and
// from their own.
func BenchmarkGoodCallbacksBesideAFlood(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			town := newPartnerTown(b, databases[engine](b), 1)
			running := startProcess(b, town.environment)
			c := newClient("")
			requireTaken(b, c, running, town.sign(b, bankRSA, activate, town.cards[0].activation("FLOOD-000000", time.Now())))
			for from, address := range map[string]net.IP{"elsewhere": net.IPv4(127, 0, 0, 2), "their-own-address": net.IPv4(127, 0, 0, 1)} {
				b.Run(from, func(b *testing.B) { town.besideFlood(b, c, running, address) })
			}
		})
	}
}

// besideFlood measures good events alone and then beside forgeries from an address.
func (town *partnerTown) besideFlood(b *testing.B, c *client, running *process, address net.IP) {
	b.Helper()
	alone := town.pace(b, c, running)
	ctx, stop := context.WithCancel(b.Context())
	start := time.Now()
	forged, held, all := town.flood(ctx, b, running, address)
	beside := town.pace(b, c, running)
	stop()
	all.Wait()
	lasted := time.Since(start)
	b.ReportMetric(float64(alone.Microseconds())/1000, "p99-alone-ms")
	b.ReportMetric(float64(beside.Microseconds())/1000, "p99-beside-ms")
	b.ReportMetric(float64(forged.Load())/lasted.Seconds(), "forgeries/s")
	b.ReportMetric(float64(held.Load())/float64(max(forged.Load(), 1))*100, "held-%")
}

// pace sends good events one after the other at an even pace and gives the 99th percentile of their times.
func (town *partnerTown) pace(b *testing.B, c *client, running *process) time.Duration {
	b.Helper()
	run := time.Now().UnixNano()
	var drafts []*formDraft
	for i := range max(b.N, 200) / 2 * 2 {
		method := []string{"citycard.financial.lose", "citycard.financial.restore"}[i%2]
		drafts = append(drafts, town.sign(b, bankRSA, method, map[string]any{
			"out_request_no": fmt.Sprintf("FLOOD-%d-%d", run, i), "occurred_at": time.Now().Format(time.RFC3339),
			"region": townRegion, "card_number": town.cards[0]["card_number"], "reason": "lost",
		}))
	}
	ticker := time.NewTicker(goodPace)
	defer ticker.Stop()
	var times []time.Duration
	for _, draft := range drafts {
		<-ticker.C
		start := time.Now()
		requireTaken(b, c, running, draft)
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	return times[len(times)*99/100]
}

// flood sends forgeries of the bank's from an address until ctx ends.
func (town *partnerTown) flood(ctx context.Context, b *testing.B, running *process, address net.IP) (forged, held *atomic.Int64, all *sync.WaitGroup) {
	b.Helper()
	elsewhere := &net.Dialer{LocalAddr: &net.TCPAddr{IP: address}}
	stranger := newClient("")
	stranger.http.Transport = &http.Transport{DialContext: elsewhere.DialContext, MaxIdleConnsPerHost: floodCallers}
	draft := town.event(b, town.cards[0], "FORGED-0001")
	draft.set("sign", strings.Replace(draft.value("sign"), draft.value("sign")[:4], "AAAA", 1))
	forged, held, all = &atomic.Int64{}, &atomic.Int64{}, &sync.WaitGroup{}
	for range floodCallers {
		all.Go(func() {
			ticker := time.NewTicker(floodPace)
			defer ticker.Stop()
			for ctx.Err() == nil {
				<-ticker.C
				answer, err := draft.post(stranger, running.service)
				if err != nil {
					continue
				}
				forged.Add(1)
				if answer.status == http.StatusTooManyRequests {
					held.Add(1)
				}
			}
		})
	}
	return forged, held, all
}
