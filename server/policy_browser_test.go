package main_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// policyWalk is what policy.mjs is given.
type policyWalk struct {
	visit

	Service string   `json:"service"`
	Tokens  []string `json:"tokens"`
	Broken  string   `json:"broken"`
	Record  string   `json:"record"`
}

// policyWalked is what it saw.
type policyWalked struct {
	visited

	Refused string         `json:"problems_seen"`
	Counts  map[string]int `json:"counts"`
	Cards   int            `json:"cards"`
	Changed []string       `json:"changed"`
	Own     int            `json:"own"`
	Outcome string         `json:"outcome"`
	Periods []string       `json:"periods"`
	Looking int            `json:"looking"`
	Narrow  float64        `json:"narrow"`
}

func TestAPolicyIsChangedByTwoPeopleInABrowser(t *testing.T) {
	t.Parallel()
	langs := map[string]string{"sqlite": "zh", "postgres": "en"}
	ended := map[string]string{"zh": "已办结", "en": "Done"}
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, folder := fresh(t), t.TempDir()
			settings := environment(address, folder)
			running := startProcess(t, settings)
			var tokens []string
			for _, member := range [][2]string{{"sue", "supervisor"}, {"sam", "supervisor"}, {"otto", "operator"}} {
				tokens = append(tokens, hireStaff(t, settings, member[0], member[1]).enter(t, running.service).token())
			}
			today := citycard.DateOf(time.Now())
			var seen policyWalked
			lang := langs[engine]
			inChromium(t, "policy.mjs", policyWalk{
				visit: visit{Lang: lang}, Service: running.service, Tokens: tokens,
				Broken: nanjing(t, map[string]any{"valid_from": today.String(), "temp_loss_days": 6}),
				Record: nanjing(t, map[string]any{"valid_from": today.String(), "financial_deadline": map[string]int{"days": 1}}),
			}, &seen)
			require.Empty(t, seen.Problems, seen.Steps)
			assert.Contains(t, seen.Refused, "temp_loss_days")
			assert.Positive(t, seen.Counts["lost"])
			assert.Equal(t, seen.Counts["lost"]+seen.Counts["restricted"]+seen.Counts["unrestricted"]+seen.Counts["released"], seen.Cards)
			assert.Equal(t, []string{`financial_deadline | {"days":300} | {"days":1}`}, seen.Changed)
			assert.Zero(t, seen.Own, "nobody is offered to approve the own request")
			assert.NotEmpty(t, seen.Outcome)
			assert.Equal(t, ended[lang], seen.Outcome)
			require.Len(t, seen.Periods, 2)
			assert.Contains(t, seen.Periods[1], today.String())
			assert.Contains(t, seen.Periods[1], "Amy Lu")
			assert.Zero(t, seen.Looking, "operators look only")
			assert.LessOrEqual(t, seen.Narrow, 390.0)
		})
	}
}
