package main_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// auditWalk is what audit.mjs is given.
type auditWalk struct {
	visit

	Service string `json:"service"`
	Token   string `json:"token"`
	Object  string `json:"object"`
}

// auditWalked is what it saw.
type auditWalked struct {
	visited

	All        []string `json:"all"`
	Found      []string `json:"found"`
	Request    string   `json:"request"`
	Checkpoint string   `json:"checkpoint"`
	Narrow     float64  `json:"narrow"`
}

func TestTheRecordOfActionsInABrowser(t *testing.T) {
	t.Parallel()
	langs := map[string]string{"sqlite": "zh", "postgres": "en"}
	words := map[string]string{"zh": "临时挂失", "en": "Temporary loss"}
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, folder := fresh(t), t.TempDir()
			settings := append(environment(address, folder), "CITYCARD_NOW=2026-11-22T09:30:00+08:00")
			running := startProcess(t, settings)
			amy := hireStaff(t, settings, "amy", "clerk").enter(t, running.service)
			card := amy.findCard(t, running.service, running.people(t)["already_active"].IDNumber)
			amy.must(t, http.StatusOK, http.MethodPost, running.service+"/admin/v1/cards/"+card+"/loss", `{"reason":"lost","note":"on the bus"}`)
			ada := hireStaff(t, settings, "ada", "auditor").enter(t, running.service)
			require.Eventually(t, func() bool {
				answer, err := ada.get(running.service + "/admin/v1/audit/checkpoint")
				return err == nil && answer.status == http.StatusOK
			}, patience, moment)

			var seen auditWalked
			lang := langs[engine]
			inChromium(t, "audit.mjs", auditWalk{visit: visit{Lang: lang}, Service: running.service, Token: ada.token(), Object: card}, &seen)
			require.Empty(t, seen.Problems, seen.Steps)
			assert.Greater(t, len(seen.All), len(seen.Found))
			require.Len(t, seen.Found, 1)
			assert.Contains(t, seen.Found[0], words[lang])
			assert.Contains(t, seen.Found[0], "on the bus")
			assert.Contains(t, seen.Found[0], card)
			assert.True(t, strings.HasPrefix(seen.Checkpoint, "citycard-ledger\n"), seen.Checkpoint)
			assert.Regexp(t, `^/admin/approvals/[0-9a-f]{32}$`, seen.Request)
			assert.LessOrEqual(t, seen.Narrow, 390.0)
		})
	}
}
