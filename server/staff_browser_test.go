package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// staffWalked is what it saw.
type staffWalked struct {
	Steps    []string `json:"steps"`
	Problems []string `json:"problems"`
	Alerts   []string `json:"alerts"`
	Slip     string   `json:"slip"`
	Social   string   `json:"social"`
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
			require.NoError(t, installBrowser())
			address, folder := fresh(t), t.TempDir()
			running := startProcess(t, environment(address, folder))
			amy := addStaff(t, environment(address, folder), "clerk")
			walk := map[string]any{ // what testdata/browser/staff.mjs is given
				"service": running.service, "account": amy.account, "password": staffPassword,
				"codes": []string{"000000", amy.recovery[0]}, "lang": langs[engine],
				"idNumber": running.people(t)["already_active"].IDNumber,
			}
			browsers <- struct{}{}
			defer func() { <-browsers }()
			if folder := os.Getenv("SCREENSHOTS"); folder != "" {
				shots := filepath.Join(folder, "staff-"+engine)
				require.NoError(t, os.MkdirAll(shots, 0o700))
				walk["screenshots"] = shots
			}
			given, err := json.Marshal(walk)
			require.NoError(t, err)
			node := exec.CommandContext(t.Context(), "node", "staff.mjs")
			var output, complaints bytes.Buffer
			node.Dir, node.Stdin, node.Stdout, node.Stderr = browserFolder, bytes.NewReader(given), &output, &complaints
			require.NoError(t, node.Run(), "%s", &complaints)
			var seen staffWalked
			require.NoError(t, json.Unmarshal(output.Bytes(), &seen))
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
