package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/static"
)

// nanjing is the built-in record of the home city, with members changed.
func nanjing(t *testing.T, changed map[string]any) string {
	t.Helper()
	var file struct {
		Policies []map[string]any `json:"policies"`
	}
	require.NoError(t, json.Unmarshal([]byte(static.Policy), &file))
	maps.Copy(file.Policies[0], changed)
	return asJSON(t, file.Policies[0])
}

// TestADryRunJudgesEveryCardByTheRules puts cards on both sides of each clock, and tries a policy with shorter and one
// with longer clocks.
func TestADryRunJudgesEveryCardByTheRules(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			r := onRecord(t, fresh(t))
			refs := r.cards(t, 0, 8)
			today := citycard.DateOf(recordedAt)
			e := openEditor(t, r.address, engine)
			received := func(ref string, daysAgo int, states string) {
				e.one("UPDATE card SET received_on = ?"+states+" WHERE ref = ?", today.AddDays(-daysAgo).String(), ref)
			}
			received(refs[0], 150, "")                                                 // restricted after 100 days, not after 180
			received(refs[1], 250, "")                                                 // restricted either way; lost after 200 days, not after 300
			received(refs[2], 250, ", financial = 'active'")                           // neither
			received(refs[3], 350, "")                                                 // restricted and lost either way
			received(refs[4], 250, ", social = 'canceled'")                            // out of use
			received(refs[5], 50, "")                                                  // neither
			received(refs[6], 250, ", fulfilment = 'ready_for_pickup'")                // not in hand
			received(refs[7], 250, ", social = 'auto_lost', social_before = 'active'") // on record as lost already, was active

			policies, err := citycard.ParsePolicies(strings.NewReader(static.Policy))
			require.NoError(t, err)
			desk := &citycard.PolicyDesk{
				Policies: policies, Versions: r.store, Trials: r.store, Cards: r.store, Records: r.store,
				Background: func(do func(context.Context)) { do(t.Context()) },
				NewID:      auditID, Clock: func() time.Time { return recordedAt },
			}
			sue := citycard.StaffSession{Staff: citycard.Staff{ID: "s1", Role: citycard.RoleSupervisor}}
			try := func(changed map[string]any) citycard.TrialView {
				begun, err := desk.Try(t.Context(), sue, []byte(nanjing(t, changed)))
				require.NoError(t, err)
				assert.Equal(t, citycard.TrialRunning, begun.State)
				view, err := desk.Trial(t.Context(), sue, begun.ID, 0, 100)
				require.NoError(t, err)
				assert.Equal(t, citycard.TrialDone, view.State)
				assert.Equal(t, int64(8), view.Judged)
				return view
			}
			found := func(view citycard.TrialView) map[string]citycard.TrialKind {
				kinds := map[string]citycard.TrialKind{}
				for _, card := range view.Cards {
					kinds[card.Ref] = card.Kind
				}
				return kinds
			}
			day := today.String()
			shorter := try(map[string]any{"valid_from": day, "medical_restriction": map[string]int{"days": 100}, "financial_deadline": map[string]int{"days": 200}})
			assert.Equal(t, map[string]citycard.TrialKind{refs[0]: citycard.TrialRestricted, refs[1]: citycard.TrialLost}, found(shorter))
			assert.Equal(t, map[citycard.TrialKind]int64{citycard.TrialRestricted: 1, citycard.TrialLost: 1}, shorter.Counts)
			longer := try(map[string]any{"valid_from": day, "medical_restriction": map[string]int{"days": 3000}, "financial_deadline": map[string]int{"days": 3000}})
			assert.Equal(t, map[citycard.TrialKind]int64{citycard.TrialUnrestricted: 2, citycard.TrialReleased: 1}, longer.Counts)
			later := try(map[string]any{"valid_from": today.AddDays(40).String(), "financial_deadline": map[string]int{"days": 60}})
			assert.Equal(t, map[citycard.TrialKind]int64{citycard.TrialLost: 3}, later.Counts, "judged as on its first day")
		})
	}
}

// awaitTrial polls a dry run until it has ended.
func (c *client) awaitTrial(t *testing.T, address string) map[string]any {
	t.Helper()
	var trial map[string]any
	require.Eventually(t, func() bool {
		trial = c.must(t, http.StatusOK, http.MethodGet, address, "")
		return trial["state"] != "running"
	}, patience, moment)
	require.Equal(t, "done", trial["state"])
	return trial
}

func TestAPolicyIsTriedAskedForApprovedAndInForceOnEveryReplica(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, folder := fresh(t), t.TempDir()
			settings := environment(address, folder)
			one := startProcess(t, settings)
			other := startProcess(t, settings)
			desks := map[string]*client{}
			for account, role := range map[string]string{"sue": "supervisor", "sam": "supervisor", "ada": "auditor", "otto": "operator"} {
				desks[account] = hireStaff(t, settings, account, role).enter(t, one.service)
			}
			base, region := one.service+"/admin/v1", "/admin/v1/policies/320100"
			today := citycard.DateOf(time.Now()).String()
			feeOf := func(service string) (float64, int) {
				city := desks["otto"].must(t, http.StatusOK, http.MethodGet, service+region, "")
				periods, _ := city["periods"].([]any)
				for _, item := range periods {
					period, _ := item.(map[string]any)
					policy, _ := period["policy"].(map[string]any)
					if period["current"] == true {
						fee, _ := policy["reissue_fee_fen"].(float64)
						return fee, len(periods)
					}
				}
				return -1, len(periods)
			}
			broken := desks["sue"].must(t, http.StatusBadRequest, http.MethodPost, base+"/policies/dry-runs",
				nanjing(t, map[string]any{"valid_from": today, "temp_loss_days": 6, "reissue_fee_fen": -1}))
			assert.Equal(t, "invalid_payload", broken["code"])
			assert.Equal(t, []any{
				map[string]any{"field": "temp_loss_days", "problem": "must be one of [5 7 10 15]"},
				map[string]any{"field": "reissue_fee_fen", "problem": "must not be negative"},
			}, broken["problems"])
			past := desks["sue"].must(t, http.StatusBadRequest, http.MethodPost, base+"/policies/dry-runs", nanjing(t, map[string]any{"valid_from": "2026-01-01"}))
			assert.Equal(t, "valid_from", past["field"])

			begun := desks["sue"].must(t, http.StatusAccepted, http.MethodPost, base+"/policies/dry-runs",
				nanjing(t, map[string]any{"valid_from": today, "reissue_fee_fen": 1234, "financial_deadline": map[string]int{"days": 1}}))
			dryRun := fmt.Sprint(base, "/policies/dry-runs/", begun["id"])
			trial := desks["sue"].awaitTrial(t, dryRun)
			counts, _ := trial["counts"].(map[string]any)
			assert.Positive(t, counts["lost"], "made-up people lose their cards by a deadline of one day")
			assert.Equal(t, counts, desks["ada"].must(t, http.StatusOK, http.MethodGet, dryRun, "")["counts"])
			assert.Len(t, trial["changes"], 2)
			assert.NotEmpty(t, trial["items"])
			assert.NotContains(t, asJSON(t, trial), one.people(t)["new"].IDNumber)
			desks["otto"].must(t, http.StatusForbidden, http.MethodGet, dryRun, "")

			asked := desks["sue"].must(t, http.StatusCreated, http.MethodPost, dryRun+"/approval", `{"note":"council decision 7"}`)
			approve := fmt.Sprint(base, "/approvals/", asked["id"], "/approve")
			own := desks["sue"].must(t, http.StatusForbidden, http.MethodPost, approve, `{"note":""}`)
			assert.Equal(t, "second_person_required", own["code"])
			fee, periods := feeOf(one.service)
			assert.InDelta(t, 2000, fee, 0)
			assert.Equal(t, 1, periods)
			done := desks["sam"].must(t, http.StatusOK, http.MethodPost, approve, `{"note":""}`)
			assert.Equal(t, "done", done["state"])
			assert.Equal(t, "applied", done["outcome"])
			fee, periods = feeOf(one.service)
			assert.InDelta(t, 1234, fee, 0, "at once where it was approved")
			assert.Equal(t, 2, periods)
			require.Eventually(t, func() bool {
				fee, _ := feeOf(other.service)
				return fee == 1234
			}, 10*time.Second, moment, "on another replica within seconds")
			assert.Positive(t, desks["sue"].lostCards(t, one), "the clocks go by the new policy")

			verified := command(t, []string{"CITYCARD_DATABASE_URL=" + address, "CITYCARD_KEYS_DIR=" + folder + "/keys"}, "audit", "verify")
			assert.Equal(t, 0, verified.code, verified.stdout)
			again := startProcess(t, settings)
			fee, _ = feeOf(again.service)
			assert.InDelta(t, 1234, fee, 0, "and after a restart")
			e := openEditor(t, address, engine)
			e.one("UPDATE policy_version SET record = ?", nanjing(t, map[string]any{"valid_from": today, "reissue_fee_fen": 1}))
			altered := command(t, []string{"CITYCARD_DATABASE_URL=" + address, "CITYCARD_KEYS_DIR=" + folder + "/keys"}, "audit", "verify")
			assert.Equal(t, 1, altered.code)
			assert.Contains(t, altered.stdout, "altered: policy_version "+fmt.Sprint(asked["id"]))
		})
	}
}

// lostCards counts made-up people whose card now counts as lost by deadline.
func (c *client) lostCards(t *testing.T, running *process) int {
	t.Helper()
	lost := 0
	for _, person := range running.people(t) {
		found := c.must(t, http.StatusOK, http.MethodPost, running.service+"/admin/v1/searches", fmt.Sprintf(`{"id_number":%q}`, person.IDNumber))
		lost += strings.Count(asJSON(t, found), `"social":"auto_lost"`)
	}
	return lost
}
