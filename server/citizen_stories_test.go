package main_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stories is what each made-up person's activation comes to: the identity check first asked for, and the code of
// the refusal, or the two states of the card afterwards.
var stories = map[string]struct {
	method            string
	refusal           string
	social, financial string
	changed           bool
}{
	"new":               {"certdoc", "", "active", "active", true},
	"already_active":    {"certdoc", "", "active", "active", false},
	"sealed":            {"certdoc", "", "active", "active", true},
	"temp_lost":         {"certdoc", "card_temp_lost", "temp_lost", "inactive", false},
	"formal_lost":       {"certdoc", "card_formal_lost", "formal_lost", "inactive", false},
	"frozen":            {"certdoc", "card_frozen", "frozen", "inactive", false},
	"received_179_days": {"certdoc", "", "active", "active", true},
	"received_181_days": {"certdoc", "", "active", "active", true},
	"received_299_days": {"certdoc", "", "active", "active", true},
	"received_301_days": {"certdoc", "card_auto_lost", "sealed", "inactive", false},
	"expired":           {"certdoc", "card_expired", "active", "inactive", false},
	"not_collected":     {"certdoc", "card_not_collected", "sealed", "inactive", false},
	"two_cards":         {"certdoc", "multiple_cards", "active", "inactive", false},
	"bank_confirm":      {"certdoc", "", "active", "pending_bank", true},
	"online_face":       {"face", "", "active", "active", true},
	"two_numbers":       {"face", "", "active", "active", true},
	"minority_name":     {"certdoc", "", "active", "active", true},
	"hmt_permit":        {"face", "", "active", "active", true},
	"foreign_permanent": {"face", "", "active", "active", true},
	"wrong_name":        {"certdoc", "card_not_matched", "active", "inactive", false},
	"no_card":           {"certdoc", "card_not_matched", "", "", false},
	"elder":             {"certdoc", "", "active", "active", true},
	"agent":             {"certdoc", "", "active", "active", false},
	"child":             {"certdoc", "", "active", "active", true},
}

// facePage is the address of a face check, on the page that asks who stands before the phone.
var facePage = regexp.MustCompile(`"(/faces/[^"]+)"`)

// TestEveryStoryComesToItsAnswer walks each made-up person through the API, as their mini-program would.
func TestEveryStoryComesToItsAnswer(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address := fresh(t)
			running := startProcess(t, environment(address, t.TempDir()))
			people, db := running.people(t), database(t, address)
			require.Len(t, people, len(stories))
			for story, want := range stories {
				who := people[story]
				method, answer := running.activate(t, who)
				assert.Equal(t, want.method, method, story)
				var got struct {
					Social    string `db:"social"`
					Financial string `db:"financial"`
				}
				if who.CardNumber != "" {
					require.NoError(t, db.Get(&got, db.Rebind("SELECT social, financial FROM card WHERE card_number = ?"), who.CardNumber))
				}
				assert.Equal(t, want.social, got.Social, story)
				assert.Equal(t, want.financial, got.Financial, story)
				if want.refusal != "" {
					assert.Equal(t, want.refusal, answer.field(t, "code"), story)
					assert.Equal(t, "application/problem+json", answer.header.Get("Content-Type"))
					continue
				}
				require.Equal(t, http.StatusOK, answer.status, answer.body)
				status := map[string]string{"active": "activated", "pending_bank": "pending_bank"}[want.financial]
				assert.Equal(t, status, answer.field(t, "status"), story)
				assert.Equal(t, want.changed, strings.Contains(answer.body, `"changed":true`), story)
				assert.NotEmpty(t, answer.field(t, "receipt"), story)
			}
		})
	}
}

// activate starts and confirms an activation in a mini-program, and gives the first check's method and the last answer.
func (p *process) activate(t *testing.T, who person) (method string, answer reply) {
	t.Helper()
	citizen := p.logIn(t, who.User)
	begun, err := citizen.post(p.service+"/v1/activations", activationBody(who))
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, begun.status, begun.body)
	method = begun.field(t, "identity_method")
	if method == "certdoc" {
		return method, p.confirm(t, citizen, who, begun)
	}
	p.passFace(t, who, begun)
	answer, err = citizen.post(p.service+"/v1/activations/"+begun.field(t, "id")+"/confirm", "{}")
	require.NoError(t, err)
	return method, answer
}

// passFace lets a person pass the face check of an activation.
func (p *process) passFace(t *testing.T, who person, begun reply) {
	t.Helper()
	page, err := newClient("").get(begun.field(t, "authorize_url"))
	require.NoError(t, err)
	form := facePage.FindStringSubmatch(page.body)
	require.NotNil(t, form, page.body)
	scanned, err := newClient("").get(p.superApp + form[1] + "?result=pass&user=" + who.User)
	require.NoError(t, err)
	require.Less(t, scanned.status, http.StatusInternalServerError)
}
