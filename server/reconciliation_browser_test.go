package main_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// reconciliationWalk is what reconciliation.mjs is given.
type reconciliationWalk struct {
	visit

	Service string            `json:"service"`
	Token   string            `json:"token"`
	Auditor string            `json:"auditor"`
	App     string            `json:"app"`
	Day     string            `json:"day"`
	Files   map[string]string `json:"files"`
}

// reconciliationWalked is what it saw.
type reconciliationWalked struct {
	visited

	Counts     []string            `json:"counts"`
	Rows       map[string][]string `json:"rows"`
	More       string              `json:"more"`
	Refused    string              `json:"refused"`
	Ours       string              `json:"ours"`
	Difference string              `json:"difference"`
	Card       string              `json:"card"`
	Work       string              `json:"work"`
	Same       []string            `json:"same"`
	Auditor    int                 `json:"auditor"`
	Left       string              `json:"left"`
}

// TestAPartnersListInABrowser has every kind of difference found, seen, fetched and settled.
func TestAPartnersListInABrowser(t *testing.T) {
	t.Parallel()
	texts := map[string]struct{ lang, refused, more, event, told string }{
		"sqlite": {"zh", "第 3 行 · occurred_at 列 · 不是有效的时间，应写作 2026-11-22T11:59:00+08:00 或 2026-11-22 11:59:00", "还有 80 笔没有列出，请下载完整差异。", "激活金融功能 已生效", "结果 我方 已生效 · 对方 过时，未采用"},
		"postgres": {
			"en", "Line 3 · column occurred_at · this is no time; write it as 2026-11-22T11:59:00+08:00 or 2026-11-22 11:59:00",
			"80 more are not shown: they are in the file.", "Financial application activated applied", "Result ours applied · theirs too late, not applied",
		},
	}
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			want := texts[engine]
			town, running, numbers := busyTown(t, fresh(t))
			sue := hireStaff(t, town.environment, "sue", "supervisor").enter(t, running.service)
			ann := hireStaff(t, town.environment, "ann", "auditor").enter(t, running.service)
			today := citycard.DateOf(time.Now()).String()
			files := map[string]string{"broken": filepath.Join(town.folder, "broken.csv"), "theirs": filepath.Join(town.folder, "theirs.csv")}
			require.NoError(t, os.WriteFile(files["broken"], []byte("out_request_no,occurred_at\n"+numbers[0]+",\n"+numbers[2]+",noon\n"), 0o600))
			var theirs strings.Builder
			theirs.WriteString("out_request_no,method,result,card_number_masked\n" + numbers[0] + ",,,\n" + formulaNumber + ",,STALE,B98****21\n")
			for i := range 130 {
				fmt.Fprintf(&theirs, "BANK-EVENT-9%03d,%s,APPLIED,C12****34\n", i, activate)
			}
			require.NoError(t, os.WriteFile(files["theirs"], []byte(theirs.String()), 0o600))

			var seen reconciliationWalked
			inChromium(t, "reconciliation.mjs", reconciliationWalk{
				visit: visit{Lang: want.lang}, Service: running.service, Token: sue.token(), Auditor: ann.token(), App: bankApp, Day: today, Files: files,
			}, &seen)
			require.Empty(t, seen.Problems, seen.Steps)
			assert.Equal(t, want.refused, seen.Refused)
			assert.Equal(t, []string{"1", "1", "130", "1"}, seen.Counts)
			require.Len(t, seen.Rows["only_ours"], 1)
			assert.True(t, strings.HasPrefix(seen.Rows["only_ours"][0], numbers[2]+" "+masked(town.cards[2])+" | "+want.event+" | "+today), seen.Rows)
			assert.Len(t, seen.Rows["only_theirs"], 50)
			assert.Equal(t, want.more, seen.More)
			require.Len(t, seen.Rows["different"], 1)
			assert.Contains(t, seen.Rows["different"][0], want.told)
			assert.Regexp(t, `^/admin/cards/[0-9a-f-]+$`, seen.Card)
			assert.Equal(t, "/admin/partners/"+bankApp+"/reconciliation/"+today, seen.Work)
			rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(seen.Difference, "\ufeff"))).ReadAll()
			require.NoError(t, err)
			assert.Len(t, rows, 1+1+130+1, "the whole difference")
			assert.Equal(t, 4, strings.Count(seen.Ours, "\r\n"))
			assert.Equal(t, []string{"3", "0", "0", "0"}, seen.Same)
			assert.Equal(t, "0", seen.Left, "the work list is done")
			assert.Zero(t, seen.Auditor, "who looks on uploads nothing")
		})
	}
}
