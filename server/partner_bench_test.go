package main_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

// callbackCallers is how many partners' connections report at once.
const callbackCallers = 16

// BenchmarkCallbacks is the whole route of the gateway profile, over HTTP and through durable commits, beside the
// bare verification of the same signatures in the same run. Every event changes its card: lost and found in turn.
func BenchmarkCallbacks(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			town := newPartnerTown(b, databases[engine](b), callbackCallers)
			running := startProcess(b, town.environment)
			c := newClient("")
			for i, card := range town.cards {
				requireTaken(b, c, running, town.sign(b, bankRSA, activate, card.activation(fmt.Sprintf("BENCH-%06d", i), time.Now())))
			}
			for _, keyID := range []string{bankRSA, bankSM2} {
				b.Run(keyID[10:13], func(b *testing.B) { town.bench(b, running, c, keyID) })
			}
		})
	}
}

func (town *partnerTown) sign(tb testing.TB, keyID, method string, content map[string]any) *formDraft {
	tb.Helper()
	return gatewayEvent{town.keys[keyID], keyID, "", method, jsonOf(tb, content)}.draft(tb, time.Now())
}

func requireTaken(tb testing.TB, c *client, running *process, draft *formDraft) {
	tb.Helper()
	answer, err := draft.post(c, running.service)
	require.NoError(tb, err)
	require.Equal(tb, http.StatusOK, answer.status)
	require.Contains(tb, answer.body, `"result":"APPLIED","changed":true`)
}

// bench sends events signed beforehand, then verifies their signatures alone.
func (town *partnerTown) bench(b *testing.B, running *process, c *client, keyID string) {
	b.Helper()
	drafts := make([][]*formDraft, callbackCallers)
	run := time.Now().UnixNano()
	for i := range max(b.N, callbackCallers) / callbackCallers * 2 {
		method := []string{"citycard.financial.lose", "citycard.financial.restore"}[i%2]
		for caller := range drafts {
			drafts[caller] = append(drafts[caller], town.sign(b, keyID, method, map[string]any{
				"out_request_no": fmt.Sprintf("BENCH-%d-%d-%d", run, caller, i), "occurred_at": time.Now().Format(time.RFC3339),
				"region": townRegion, "card_number": town.cards[caller]["card_number"], "reason": "lost",
			}))
		}
	}
	var all sync.WaitGroup
	b.ResetTimer()
	for _, own := range drafts {
		all.Go(func() {
			for _, draft := range own {
				if answer, err := draft.post(c, running.service); err != nil || !strings.Contains(answer.body, `"changed":true`) {
					b.Errorf("%v: %s", err, answer.body)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	sent := callbackCallers * len(drafts[0])
	b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "callbacks/s")
	b.ReportMetric(verifications(b, town.keys[keyID], drafts[0]), "verifications/s/core")
}

// verifications is how many of the signatures one core verifies in a second.
func verifications(b *testing.B, private *signing.PrivateKey, drafts []*formDraft) float64 {
	b.Helper()
	text := []byte(drafts[0].canonical())
	signature, err := private.Sign(text)
	require.NoError(b, err)
	key, count, start := private.Public(), 0, time.Now()
	for time.Since(start) < 500*time.Millisecond {
		if !key.Verify(text, signature) {
			b.Fatal("a good signature does not verify")
		}
		count++
	}
	return float64(count) / time.Since(start).Seconds()
}
