package main_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// staffWalk is what staff.mjs is given.
type staffWalk struct {
	visit

	Service  string   `json:"service"`
	Account  string   `json:"account"`
	Password string   `json:"password"`
	Codes    []string `json:"codes"`
	IDNumber string   `json:"idNumber"`
}

// staffWalked is what it saw.
type staffWalked struct {
	visited

	Alerts []string `json:"alerts"`
	Slip   string   `json:"slip"`
	Social string   `json:"social"`
}

func TestStaffReplacesACardInABrowser(t *testing.T) {
	t.Parallel()
	alerts := map[string][]string{
		"zh": {"账号、密码或验证码不对。", "这张卡已经在补办中"}, "en": {"Account, password or code is not right.", "A new card is already being made"},
	}
	langs := map[string]string{"sqlite": "zh", "postgres": "en"}
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, folder := fresh(t), t.TempDir()
			running := startProcess(t, environment(address, folder))
			amy := addStaff(t, environment(address, folder), "clerk")
			var seen staffWalked
			inChromium(t, "staff.mjs", staffWalk{
				visit:   visit{Lang: langs[engine]},
				Service: running.service, Account: amy.account, Password: staffPassword,
				Codes: []string{"000000", amy.recovery[0]}, IDNumber: running.people(t)["already_active"].IDNumber,
			}, &seen)
			require.Empty(t, seen.Problems, seen.Steps)
			require.Len(t, seen.Alerts, 2)
			for i, want := range alerts[langs[engine]] {
				assert.Contains(t, seen.Alerts[i], want)
			}
			assert.Regexp(t, `^/admin/reissues/[0-9a-f]{32}$`, seen.Slip)
			assert.Contains(t, seen.Social, "state-formal_lost")
		})
	}
}
