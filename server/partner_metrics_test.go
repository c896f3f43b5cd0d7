package main_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCallbacksAreCountedByPartnerAndCode: what a forged message says of its sender is no label.
func TestCallbacksAreCountedByPartnerAndCode(t *testing.T) {
	t.Parallel()
	town := newPartnerTown(t, "sqlite:"+filepath.Join(t.TempDir(), "citycard.db"), 1)
	running := startProcess(t, town.environment)
	c := newClient("")
	good := town.event(t, town.cards[0], "COUNT-0001")
	good.send(t, c, running.service)
	good.send(t, c, running.service)
	stale := town.cards[0].activation("COUNT-0002", time.Now().Add(-24*time.Hour))
	delete(stale, "bank_code")
	delete(stale, "account_last4")
	delete(stale, "password_set")
	stale["reason"] = "found"
	town.sign(t, bankRSA, "citycard.financial.restore", stale).send(t, c, running.service)
	town.sign(t, bankRSA, "citycard.financial.close", stale).send(t, c, running.service)
	forged := town.event(t, town.cards[0], "COUNT-0003")
	forged.set("app_id", "2026000000009999")
	forged.send(t, c, running.service)
	_, err := c.form(running.service+"/callbacks/alipay", "a=1")
	require.NoError(t, err)

	var counted []string
	for line := range strings.SplitSeq(string(scrape(t, running)), "\n") {
		if strings.HasPrefix(line, "citycard_callbacks_total{") {
			counted = append(counted, strings.TrimPrefix(line, "citycard_callbacks_total"))
		}
	}
	assert.ElementsMatch(t, []string{
		`{code="",outcome="accepted",partner="` + bankApp + `",profile="gateway"} 1`,
		`{code="",outcome="repeated",partner="` + bankApp + `",profile="gateway"} 1`,
		`{code="",outcome="stale",partner="` + bankApp + `",profile="gateway"} 1`,
		`{code="isv.insufficient-isv-permissions",outcome="refused",partner="` + bankApp + `",profile="gateway"} 1`,
		`{code="isv.invalid-app-id",outcome="refused",partner="",profile="gateway"} 1`,
		`{code="isv.unknown-parameter",outcome="refused",partner="",profile="notify"} 1`,
	}, counted)
}
