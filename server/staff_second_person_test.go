package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bureau is a running service with people of staff at their desks.
type bureau struct {
	running *process
	address string
	// base is where the interface of staff begins.
	base  string
	desks map[string]*client
}

// openBureau starts the service and logs in one person for each account, "role" or "role-name".
func openBureau(t *testing.T, address string, accounts ...string) *bureau {
	t.Helper()
	settings := environment(address, t.TempDir())
	b := &bureau{running: startProcess(t, settings), address: address, desks: map[string]*client{}}
	b.base = b.running.service + "/admin/v1"
	for _, account := range accounts {
		role, _, _ := strings.Cut(account, "-")
		b.desks[account] = hireStaff(t, settings, account, role).enter(t, b.running.service)
	}
	return b
}

// card is the ref of a made-up person's one card.
func (b *bureau) card(t *testing.T, who string) string {
	t.Helper()
	return b.desks["supervisor-sun"].findCard(t, b.running.service, b.running.people(t)[who].IDNumber)
}

func (b *bureau) post(t *testing.T, who string, status int, path, body string) map[string]any {
	t.Helper()
	return b.desks[who].must(t, status, http.MethodPost, b.base+path, body)
}

func (b *bureau) get(t *testing.T, who, path string) map[string]any {
	t.Helper()
	return b.desks[who].must(t, http.StatusOK, http.MethodGet, b.base+path, "")
}

// count asks the database.
func (b *bureau) count(t *testing.T, query string) int {
	t.Helper()
	var n int
	require.NoError(t, database(t, b.address).Get(&n, query))
	return n
}

func TestASecondPersonDecides(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			b := openBureau(t, fresh(t), "supervisor-sun", "supervisor-zhou", "supervisor-wu", "clerk", "operator", "operator-li", "auditor")
			t.Run("a hold", func(t *testing.T) { holdByTwo(t, b) })
			t.Run("fifty decisions at once are one", func(t *testing.T) { decideAtOnce(t, b) })
			t.Run("a cancellation, and a bank's paper", func(t *testing.T) { cancelAndPaper(t, b) })
			t.Run("a partner's key", func(t *testing.T) { partnerKeyByTwo(t, b) })
			t.Run("reveals beyond the day's number", func(t *testing.T) { revealByTwo(t, b) })
		})
	}
}

func holdByTwo(t *testing.T, b *bureau) {
	ref := b.card(t, "new")
	body := `{"reason":"fraud_hold","note":"two reports","evidence":"case-7"}`
	b.post(t, "clerk", http.StatusForbidden, "/cards/"+ref+"/freeze", body)
	asked := b.post(t, "supervisor-sun", http.StatusAccepted, "/cards/"+ref+"/freeze", body)
	id, _ := asked["id"].(string)
	assert.Equal(t, "open", asked["state"])
	assert.Equal(t, map[string]any{"reason": "fraud_hold", "evidence": "case-7"}, asked["request"])
	own := b.post(t, "supervisor-sun", http.StatusForbidden, "/approvals/"+id+"/approve", "{}")
	assert.Equal(t, "second_person_required", own["code"])
	own = b.post(t, "supervisor-sun", http.StatusForbidden, "/approvals/"+id+"/refuse", "{}")
	assert.Equal(t, "second_person_required", own["code"])
	b.post(t, "operator", http.StatusNotFound, "/approvals/"+id+"/approve", "{}")
	b.post(t, "auditor", http.StatusForbidden, "/approvals/"+id+"/approve", "{}")
	assert.Len(t, b.get(t, "auditor", "/approvals?state=open")["items"], 1)
	assert.Empty(t, b.get(t, "operator", "/approvals")["items"], "operators see nothing of cards")
	assert.Equal(t, "active", b.get(t, "clerk", "/cards/"+ref)["social"], "nothing happens before")
	done := b.post(t, "supervisor-zhou", http.StatusOK, "/approvals/"+id+"/approve", `{"note":"seen"}`)
	assert.Equal(t, "done", done["state"])
	card := b.get(t, "clerk", "/cards/"+ref)
	assert.Equal(t, "frozen", card["social"])
	history, _ := card["history"].([]any)
	require.NotEmpty(t, history)
	last, _ := history[len(history)-1].(map[string]any)
	assert.Equal(t, "document=case-7 approval="+id, last["evidence"])
	assert.Equal(t, "supervisor", last["actor_kind"])
	b.post(t, "supervisor-wu", http.StatusConflict, "/approvals/"+id+"/refuse", "{}")

	freed := b.post(t, "supervisor-zhou", http.StatusAccepted, "/cards/"+ref+"/release", `{"reason":"hold_released","note":"cleared"}`)
	id, _ = freed["id"].(string)
	refused := b.post(t, "supervisor-sun", http.StatusOK, "/approvals/"+id+"/refuse", `{"note":"not yet"}`)
	assert.Equal(t, "refused", refused["state"])
	assert.Equal(t, "frozen", b.get(t, "clerk", "/cards/"+ref)["social"])
	again := b.post(t, "supervisor-zhou", http.StatusAccepted, "/cards/"+ref+"/release", `{"reason":"hold_released","note":"cleared"}`)
	id, _ = again["id"].(string)
	b.post(t, "supervisor-sun", http.StatusForbidden, "/approvals/"+id+"/withdraw", "{}")
	assert.Equal(t, "withdrawn", b.post(t, "supervisor-zhou", http.StatusOK, "/approvals/"+id+"/withdraw", "{}")["state"])
	for action, want := range map[string]int{"ask_approval": 3, "approve": 1, "carry_out": 1, "refuse": 1, "withdraw": 1, "freeze": 1} {
		assert.Equal(t, want, b.count(t, "SELECT count(*) FROM staff_action WHERE action = '"+action+"'"), action)
	}
}

func decideAtOnce(t *testing.T, b *bureau) {
	ref := b.card(t, "already_active")
	asked := b.post(t, "supervisor-sun", http.StatusAccepted, "/cards/"+ref+"/freeze", `{"reason":"court_order","note":"order 5"}`)
	id, _ := asked["id"].(string)
	var mu sync.Mutex
	var all sync.WaitGroup
	done := 0
	for i := range 50 {
		all.Go(func() {
			who := []string{"supervisor-zhou", "supervisor-wu"}[i%2]
			answer, err := b.desks[who].post(b.base+"/approvals/"+id+"/approve", "{}")
			if !assert.NoError(t, err) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if answer.status == http.StatusOK {
				done++
				return
			}
			assert.Equal(t, http.StatusConflict, answer.status, answer.body)
		})
	}
	all.Wait()
	assert.GreaterOrEqual(t, done, 1, "the one who decided may ask again")
	assert.Equal(t, 1, b.count(t, "SELECT count(*) FROM staff_action WHERE action = 'approve' AND object = '"+id+"'"))
	assert.Equal(t, 1, b.count(t, "SELECT count(*) FROM transition WHERE card_ref = '"+ref+"' AND to_state = 'frozen'"))
}

func cancelAndPaper(t *testing.T, b *bureau) {
	ref := b.card(t, "sealed")
	b.post(t, "clerk", http.StatusBadRequest, "/cards/"+ref+"/cancel", `{"reason":"deceased","note":"no paper"}`)
	var last4 string
	require.NoError(t, database(t, b.address).Get(&last4, "SELECT account_last4 FROM card WHERE ref = '"+ref+"'"))
	paper := fmt.Sprintf(`{"reason":"act_bank","evidence":"letter-1","account_last4":%q,"activated_on":"2026-11-01","note":"bank's letter"}`, last4)
	wrong := strings.Replace(paper, last4, "0000", 1)
	b.post(t, "clerk", http.StatusNotFound, "/cards/"+ref+"/manual-activation", wrong)
	asked := b.post(t, "clerk", http.StatusAccepted, "/cards/"+ref+"/manual-activation", paper)
	id, _ := asked["id"].(string)
	b.post(t, "clerk", http.StatusForbidden, "/approvals/"+id+"/approve", "{}")
	assert.Equal(t, "done", b.post(t, "supervisor-sun", http.StatusOK, "/approvals/"+id+"/approve", "{}")["state"])
	assert.Equal(t, "active", b.get(t, "clerk", "/cards/"+ref)["financial"])

	cancel := b.post(t, "clerk", http.StatusAccepted, "/cards/"+ref+"/cancel", `{"reason":"deceased","evidence":"F-1","note":"certificate"}`)
	id, _ = cancel["id"].(string)
	assert.Equal(t, "done", b.post(t, "supervisor-sun", http.StatusOK, "/approvals/"+id+"/approve", "{}")["state"])
	assert.Equal(t, "canceled", b.get(t, "clerk", "/cards/"+ref)["social"])
}

func partnerKeyByTwo(t *testing.T, b *bureau) {
	pem, err := os.ReadFile(filepath.Join(signingData, "keys", "partner_ed25519.pub"))
	require.NoError(t, err)
	runCommand(t, b.running.command.Env, "partner", "add", "--app-id", bankApp, "--kind", "bank", "--name", "Demo Bank",
		"--region", townRegion, "--bank-code", townBank, "--methods", "citycard.financial.activate")
	body, err := json.Marshal(map[string]string{"type": "ED25519", "public_key": string(pem), "key_id": "bank-next", "note": "the next one"})
	require.NoError(t, err)
	b.post(t, "supervisor-sun", http.StatusForbidden, "/partners/"+bankApp+"/keys", string(body))
	asked := b.post(t, "operator", http.StatusAccepted, "/partners/"+bankApp+"/keys", string(body))
	id, _ := asked["id"].(string)
	assert.Empty(t, b.get(t, "auditor", "/partners/"+bankApp)["keys"], "nothing is registered before it is approved")
	b.post(t, "operator", http.StatusForbidden, "/approvals/"+id+"/approve", "{}")
	done := b.post(t, "operator-li", http.StatusOK, "/approvals/"+id+"/approve", "{}")
	assert.Equal(t, "done", done["state"])
	assert.Equal(t, "bank-next", done["outcome"])
	keys, _ := b.get(t, "auditor", "/partners/"+bankApp)["keys"].([]any)
	require.Len(t, keys, 1)
	key, _ := keys[0].(map[string]any)
	assert.Equal(t, "active", key["state"])
	assert.NotEqual(t, key["added_by"], key["approved_by"])
	b.post(t, "operator", http.StatusBadRequest, "/partners/"+bankApp+"/keys", string(body))
	b.post(t, "operator", http.StatusNotFound, "/partners/"+bankApp+"/keys/other/revoke", `{"note":"lost"}`)
	revoked := b.post(t, "operator", http.StatusOK, "/partners/"+bankApp+"/keys/bank-next/revoke", `{"note":"lost"}`)
	keys, _ = revoked["keys"].([]any)
	key, _ = keys[0].(map[string]any)
	assert.Equal(t, "revoked", key["state"])
	assert.Equal(t, 1, b.count(t, "SELECT count(*) FROM staff_action WHERE action = 'revoke_partner_key'"))
}

func revealByTwo(t *testing.T, b *bureau) {
	who := b.running.people(t)["new"]
	ref := b.card(t, "new")
	reveal := `{"field":"document_number","reason":"verify_identity","note":"at the counter"}`
	for range 20 {
		shown := b.post(t, "clerk", http.StatusOK, "/cards/"+ref+"/reveal", reveal)
		require.Equal(t, []any{who.IDNumber}, shown["values"])
	}
	beyond := b.post(t, "clerk", http.StatusForbidden, "/cards/"+ref+"/reveal", reveal)
	assert.Equal(t, "second_person_required", beyond["code"])
	asked := b.post(t, "clerk", http.StatusAccepted, "/cards/"+ref+"/reveal/approval", reveal)
	id, _ := asked["id"].(string)
	withApproval := strings.Replace(reveal, "}", `,"approval":"`+id+`"}`, 1)
	b.post(t, "clerk", http.StatusForbidden, "/cards/"+ref+"/reveal", withApproval)
	b.post(t, "supervisor-zhou", http.StatusOK, "/approvals/"+id+"/approve", "{}")
	b.post(t, "supervisor-zhou", http.StatusForbidden, "/cards/"+ref+"/reveal", withApproval)
	answer, err := b.desks["clerk"].post(b.base+"/cards/"+ref+"/reveal", withApproval)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	assert.Equal(t, "no-store", answer.header.Get("Cache-Control"))
	b.post(t, "clerk", http.StatusForbidden, "/cards/"+ref+"/reveal", withApproval)
	assert.Equal(t, 21, b.count(t, "SELECT count(*) FROM staff_action WHERE action = 'reveal_document_number' AND reason = 'verify_identity'"))
	assert.NotContains(t, b.running.log.String(), who.IDNumber)
}
