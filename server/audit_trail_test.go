package main_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// linesOf lists "action object" of the record, filtered.
func (c *client) linesOf(t *testing.T, base, filter string) []string {
	t.Helper()
	found := c.must(t, http.StatusOK, http.MethodGet, base+"/audit?"+filter, "")
	items, _ := found["items"].([]any)
	lines := make([]string, 0, len(items))
	for _, item := range items {
		line, _ := item.(map[string]any)
		lines = append(lines, strings.TrimSpace(fmt.Sprint(line["action"], " ", line["object"])))
	}
	return lines
}

func TestAuditorsLookThroughTheRecordAndExportItWithASecondPerson(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, folder := fresh(t), t.TempDir()
			settings := append(environment(address, folder), "CITYCARD_NOW=2026-11-22T09:30:00+08:00")
			running := startProcess(t, settings)
			desks := map[string]*client{}
			for account, role := range map[string]string{"amy": "clerk", "ben": "supervisor", "eve": "supervisor", "ada": "auditor", "otto": "operator"} {
				desks[account] = hireStaff(t, settings, account, role).enter(t, running.service)
			}
			base := running.service + "/admin/v1"
			card := desks["amy"].findCard(t, running.service, running.people(t)["already_active"].IDNumber)
			desks["amy"].must(t, http.StatusOK, http.MethodPost, base+"/cards/"+card+"/loss", `{"reason":"lost","note":"=HYPERLINK(\"http://x\")"}`)

			ada := desks["ada"]
			assert.Equal(t, []string{"loss " + card}, ada.linesOf(t, base, "object="+card))
			assert.Equal(t, []string{"log_in"}, ada.linesOf(t, base, "staff=otto"))
			assert.Equal(t, []string{"loss " + card}, ada.linesOf(t, base, "staff=amy&action=loss&from=2026-11-22&to=2026-11-22"))
			assert.Empty(t, ada.linesOf(t, base, "action=loss&to=2026-11-21"))
			assert.Empty(t, ada.linesOf(t, base, "action=loss&from=2026-11-23"))
			assert.Empty(t, ada.linesOf(t, base, "staff=nobody"))
			assert.Len(t, ada.linesOf(t, base, "action=view_audit"), 6, "looking is on record")
			first := ada.must(t, http.StatusOK, http.MethodGet, base+"/audit?action=log_in&limit=3", "")
			cursor, _ := first["next_cursor"].(string)
			require.NotEmpty(t, cursor)
			assert.Len(t, ada.linesOf(t, base, "action=log_in&cursor="+cursor), 2)
			for _, wrong := range []string{"action=x%27", "object=" + url.QueryEscape("a\nb"), "from=22.11.2026", "staff=%3B", "from=2026-11-22&to=2026-11-21"} {
				ada.must(t, http.StatusBadRequest, http.MethodGet, base+"/audit?"+wrong, "")
			}

			wanted := `{"staff":"amy","action":"loss","object":"","from":"2026-11-01","to":"2026-11-30","note":"=quarterly report"}`
			ada.must(t, http.StatusBadRequest, http.MethodPost, base+"/audit/exports", strings.Replace(wanted, "2026-11-01", "2026-01-01", 1))
			asked := ada.must(t, http.StatusCreated, http.MethodPost, base+"/audit/exports", wanted)
			id, _ := asked["id"].(string)
			fetch := base + "/audit/exports/" + id
			ada.must(t, http.StatusForbidden, http.MethodPost, fetch, "{}")
			ada.must(t, http.StatusForbidden, http.MethodPost, base+"/approvals/"+id+"/approve", `{"note":""}`)
			desks["ben"].must(t, http.StatusOK, http.MethodPost, base+"/approvals/"+id+"/approve", `{"note":""}`)
			desks["eve"].must(t, http.StatusNotFound, http.MethodPost, fetch, "{}")
			answer, err := ada.post(fetch, "{}")
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, answer.status, answer.body)
			assert.Equal(t, "text/csv; charset=utf-8", answer.header.Get("Content-Type"))
			lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(answer.body, "\ufeff"))).ReadAll()
			require.NoError(t, err)
			require.Len(t, lines, 2)
			assert.Equal(t, []string{"clerk", "loss", card, "lost", `'=HYPERLINK("http://x")`}, lines[1][3:8])
			ada.must(t, http.StatusForbidden, http.MethodPost, fetch, "{}")
			assert.Equal(t, []string{"export_audit " + id}, ada.linesOf(t, base, "action=export_audit"))

			requireConsistent(t, desks["otto"], base+"/audit/checkpoint")
		})
	}
}

// requireConsistent takes a checkpoint, lets more enter, and proves that the later one holds the earlier.
func requireConsistent(t *testing.T, keeper *client, address string) {
	t.Helper()
	var earlier, later map[string]any
	require.Eventually(t, func() bool {
		answer, err := keeper.get(address)
		return err == nil && answer.status == http.StatusOK
	}, patience, moment)
	earlier = keeper.must(t, http.StatusOK, http.MethodGet, address, "")
	require.Eventually(t, func() bool {
		later = keeper.must(t, http.StatusOK, http.MethodGet, fmt.Sprintf("%s?since=%v", address, earlier["size"]), "")
		return later["size"] != earlier["size"]
	}, patience, moment)
	keys, _ := later["public_keys"].([]any)
	require.Len(t, keys, 1)
	verifier, err := note.NewVerifier(fmt.Sprint(keys[0]))
	require.NoError(t, err)
	hashOf := func(text any) tlog.Hash {
		hash, err := tlog.ParseHash(fmt.Sprint(text))
		require.NoError(t, err)
		return hash
	}
	for _, checkpoint := range []map[string]any{earlier, later} {
		opened, err := note.Open([]byte(fmt.Sprint(checkpoint["checkpoint"])), note.VerifierList(verifier))
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("citycard-ledger\n%v\n%v\n", checkpoint["size"], checkpoint["root"]), opened.Text)
	}
	var proof tlog.TreeProof
	hashes, _ := later["consistency_proof"].([]any)
	for _, text := range hashes {
		proof = append(proof, hashOf(text))
	}
	size := func(of map[string]any) int64 { number, _ := of["size"].(float64); return int64(number) }
	require.NoError(t, tlog.CheckTree(proof, size(later), hashOf(later["root"]), size(earlier), hashOf(earlier["root"])))
	for _, wrong := range []string{"0", "-1", "x", strconv.FormatInt(size(later)+100_000, 10)} {
		keeper.must(t, http.StatusBadRequest, http.MethodGet, address+"?since="+wrong, "")
	}
}
