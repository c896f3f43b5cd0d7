package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFiftyReissuesOverTwoProcessesAreOne asks two replicas at once; SQLite, which is for one machine, one process.
func TestFiftyReissuesOverTwoProcessesAreOne(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, folder := fresh(t), t.TempDir()
			settings := environment(address, folder)
			replicas := []*process{startProcess(t, settings)}
			if engine == "postgres" {
				replicas = append(replicas, startProcess(t, settings))
			}
			amy := addStaff(t, settings, "clerk")
			desk := amy.enter(t, replicas[0].service)
			ref := desk.findCard(t, replicas[0].service, replicas[0].people(t)["already_active"].IDNumber)
			var mu sync.Mutex
			var all sync.WaitGroup
			var made []string
			refused := map[string]int{}
			for i := range 50 {
				all.Go(func() {
					service := replicas[i%len(replicas)].service
					request, err := http.NewRequest(http.MethodPost, service+"/admin/v1/cards/"+ref+"/reissue", strings.NewReader(`{"reason":"damaged","waiver":"warranty","note":"torn"}`))
					if !assert.NoError(t, err) {
						return
					}
					request.Header = desk.header.Clone()
					request.Header.Set("Content-Type", "application/json")
					answer, err := desk.do(request)
					if !assert.NoError(t, err) {
						return
					}
					mu.Lock()
					defer mu.Unlock()
					var body struct {
						Reissue json.RawMessage `json:"reissue"`
					}
					assert.NoError(t, json.Unmarshal([]byte(answer.body), &body))
					if answer.status == http.StatusCreated {
						var opened struct{ ID string }
						assert.NoError(t, json.Unmarshal(body.Reissue, &opened))
						made = append(made, opened.ID)
						return
					}
					assert.Equal(t, "reissue_open", answer.field(t, "code"), answer.body)
					refused[answer.field(t, "reissue")]++
				})
			}
			all.Wait()
			require.Len(t, made, 1)
			assert.Equal(t, map[string]int{made[0]: 49}, refused)
			var cards int
			require.NoError(t, database(t, address).Get(&cards, "SELECT count(*) FROM card WHERE replacement_for = '"+ref+"'"))
			assert.Equal(t, 1, cards)
		})
	}
}

// TestAReissueIsMadeAndHandedOverByItsMaker takes a lost card's replacement from the desk through the maker's signed
// reports to the person's hand.
func TestAReissueIsMadeAndHandedOverByItsMaker(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			b := openBureau(t, fresh(t), "supervisor-sun", "clerk")
			runCommand(t, b.running.command.Env, "partner", "add", "--app-id", bankApp, "--kind", "card_maker", "--name", "Maker",
				"--region", townRegion, "--methods", "citycard.card.produced,citycard.card.ready,citycard.card.collect")
			runCommand(t, b.running.command.Env, "partner", "key", "add", "--app-id", bankApp, "--type", "RSA2",
				"--file", filepath.Join(signingData, "keys", "partner_rsa.pub"), "--key-id", bankRSA)
			ref := b.card(t, "already_active")
			done := b.post(t, "clerk", http.StatusCreated, "/cards/"+ref+"/reissue", `{"reason":"stolen","note":"on the train","evidence":"ID-1"}`)
			reissue, _ := done["reissue"].(map[string]any)
			assert.Equal(t, "open", reissue["state"])
			assert.InDelta(t, 2000, reissue["fee_fen"], 0)
			made, _ := reissue["id"].(string)
			for _, step := range []string{"review", "accept"} {
				b.post(t, "clerk", http.StatusOK, "/cards/"+made+"/fulfilment", `{"step":"`+step+`"}`)
			}
			assert.Equal(t, "formal_lost", b.get(t, "clerk", "/cards/"+ref)["social"])
			var number string
			require.NoError(t, database(t, b.address).Get(&number, "SELECT card_number FROM card WHERE ref = '"+made+"'"))
			key := privateKey(t, "partner_rsa")
			for i, method := range []string{"citycard.card.produced", "citycard.card.ready", "citycard.card.collect"} {
				content := map[string]any{
					"out_request_no": fmt.Sprintf("MADE-%04d", i), "occurred_at": time.Now().Format(time.RFC3339Nano), "region": townRegion, "card_number": number,
				}
				if method == "citycard.card.collect" {
					content["received_on"] = time.Now().UTC().Add(8 * time.Hour).Format(time.DateOnly)
				}
				answer := gatewayEvent{key, bankRSA, "", method, jsonOf(t, content)}.draft(t, time.Now()).send(t, newClient(""), b.running.service)
				require.Equal(t, http.StatusOK, answer.status, answer.body)
				require.Contains(t, answer.body, `"result":"APPLIED"`, answer.body)
			}
			shown := b.get(t, "clerk", "/reissues/"+made)
			reissue, _ = shown["reissue"].(map[string]any)
			assert.Equal(t, "done", reissue["state"])
			old := b.get(t, "clerk", "/cards/"+ref)
			assert.Equal(t, "canceled", old["social"])
			assert.Equal(t, made, old["replaced_by"])
		})
	}
}

// TestTheHotlineByInterface identifies a caller, records the loss and orders the new card.
func TestTheHotlineByInterface(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			b := openBureau(t, fresh(t), "supervisor-sun", "clerk")
			who := b.running.people(t)["already_active"]
			ref := b.card(t, "already_active")
			var card struct {
				Bank     string `db:"bank_code"`
				Received string `db:"received_on"`
			}
			require.NoError(t, database(t, b.address).Get(&card, "SELECT bank_code, received_on FROM card WHERE ref = '"+ref+"'"))
			questions := b.get(t, "clerk", "/cards/"+ref+"/questions")
			assert.Contains(t, questions["items"], "bank_code")
			right := fmt.Sprintf(`{"name":%q,"bank_code":%q,"received_month":%q}`, who.Name, card.Bank, card.Received[:7])
			wrong := b.post(t, "clerk", http.StatusForbidden, "/cards/"+ref+"/identifications", strings.Replace(right, card.Received[:7], "2001-01", 1))
			assert.Equal(t, "caller_not_identified", wrong["code"])
			assert.NotContains(t, jsonOf(t, wrong), card.Received[:7])
			b.post(t, "clerk", http.StatusForbidden, "/cards/"+ref+"/loss", `{"channel":"hotline"}`)
			made := b.post(t, "clerk", http.StatusCreated, "/cards/"+ref+"/identifications", right)
			id, _ := made["id"].(string)
			lost := b.post(t, "clerk", http.StatusOK, "/cards/"+ref+"/loss", `{"channel":"hotline","identification":"`+id+`"}`)
			assert.Equal(t, true, lost["changed"])
			b.post(t, "clerk", http.StatusCreated, "/cards/"+ref+"/reissue", `{"reason":"lost","note":"by telephone","channel":"hotline","identification":"`+id+`"}`)
			assert.Equal(t, 1, b.count(t, "SELECT count(*) FROM staff_action WHERE action = 'identify_caller' AND reason = 'failed'"))
			assert.Equal(t, 1, b.count(t, "SELECT count(*) FROM staff_action WHERE action = 'identify_caller' AND reason = 'passed'"))
			assert.NotContains(t, b.running.log.String(), who.Name)
		})
	}
}

// TestPeopleAreFoundByNameAndAgentsNeedTheirPapers searches as the counter does, and acts for somebody else.
func TestPeopleAreFoundByNameAndAgentsNeedTheirPapers(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			b := openBureau(t, fresh(t), "supervisor-sun", "clerk")
			who := b.running.people(t)["already_active"]
			born := who.IDNumber[6:10] + "-" + who.IDNumber[10:12] + "-" + who.IDNumber[12:14]
			found := b.post(t, "clerk", http.StatusOK, "/searches", fmt.Sprintf(`{"name":%q,"birth_date":%q}`, who.Name, born))
			items, _ := found["items"].([]any)
			require.Len(t, items, 1)
			assert.Equal(t, false, found["more"])
			assert.NotContains(t, jsonOf(t, found), who.Name)
			card, _ := items[0].(map[string]any)
			ref, _ := card["ref"].(string)

			agent := `{"agent":{"document":"A-1","cardholder_document":"C-1","attorney":"%s","until":"2099-12-31"}}`
			refused := b.post(t, "clerk", http.StatusForbidden, "/cards/"+ref+"/loss", fmt.Sprintf(agent, ""))
			assert.Equal(t, "agent_not_authorised", refused["code"])
			b.post(t, "clerk", http.StatusOK, "/cards/"+ref+"/loss", fmt.Sprintf(agent, "P-1"))

			opened := b.post(t, "clerk", http.StatusCreated, "/cards/"+ref+"/corrections", `{"kind":"phone","description":"the number is old"}`)
			id, _ := opened["id"].(string)
			assert.Len(t, b.get(t, "supervisor-sun", "/corrections?state=open")["items"], 1)
			resolved := b.post(t, "supervisor-sun", http.StatusOK, "/corrections/"+id+"/resolve", `{"resolution":"written anew"}`)
			assert.Equal(t, "resolved", resolved["state"])
			assert.Empty(t, b.get(t, "supervisor-sun", "/corrections?state=open")["items"])
			assert.Len(t, b.get(t, "clerk", "/cards/"+ref)["corrections"], 1)
		})
	}
}
