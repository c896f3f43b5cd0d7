package main_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// faults are the stand-in's switches, each for the next call of the method named.
var faults = map[string]string{
	"late":               `"delay_ms":6000`,
	"server error":       `"status":502`,
	"lost reply":         `"drop_reply":true`,
	"wrongly signed":     `"bad_signature":true`,
	"unsigned":           `"no_signature":true`,
	"platform's trouble": `"status":20000`,
}

func TestAPlatformThatFailsNeitherLogsInNorFlips(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		for name, fault := range faults {
			t.Run(engine+", "+name, func(t *testing.T) {
				t.Parallel()
				address := fresh(t)
				running := startProcess(t, environment(address, t.TempDir()))
				who := running.people(t)["new"]

				running.fail(t, fault, "alipay.system.oauth.token")
				answer, err := newClient("").post(running.service+"/v1/sessions", `{"auth_code":"`+running.code(t, who.User, "auth_base", "")+`"}`)
				require.NoError(t, err)
				requireUnavailable(t, answer)
				running.fail(t, "", "")
				citizen := running.logIn(t, who.User)

				begun := running.startDespite(t, fault, "alipay.user.certdoc.certverify.preconsult", citizen, who)
				for _, method := range []string{"alipay.system.oauth.token", "alipay.user.certdoc.certverify.consult"} {
					running.fail(t, fault, method)
					requireUnavailable(t, running.confirm(t, citizen, who, begun))
					assert.Equal(t, "inactive", financialOf(t, address, who))
				}
				running.fail(t, "", "")
				confirmed := running.confirm(t, citizen, who, begun)
				require.Equal(t, http.StatusOK, confirmed.status, confirmed.body)
				assert.Equal(t, "active", financialOf(t, address, who))

				running.faceDespite(t, fault, address)
			})
		}
	}
}

// startDespite starts an activation while a method fails, and then while it does not.
func (p *process) startDespite(t *testing.T, fault, method string, citizen *client, who person) reply {
	t.Helper()
	p.fail(t, fault, method)
	answer, err := citizen.post(p.service+"/v1/activations", activationBody(who))
	require.NoError(t, err)
	requireUnavailable(t, answer)
	p.fail(t, "", "")
	begun, err := citizen.post(p.service+"/v1/activations", activationBody(who))
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, begun.status, begun.body)
	return begun
}

// faceDespite activates by face check while one of its methods after the other fails.
func (p *process) faceDespite(t *testing.T, fault, address string) {
	t.Helper()
	who := p.people(t)["hmt_permit"]
	citizen := p.logIn(t, who.User)
	begun := p.startDespite(t, fault, "alipay.user.certify.open.initialize", citizen, who)
	p.passFace(t, who, begun)
	confirm := p.service + "/v1/activations/" + begun.field(t, "id") + "/confirm"
	p.fail(t, fault, "alipay.user.certify.open.query")
	answer, err := citizen.post(confirm, "{}")
	require.NoError(t, err)
	requireUnavailable(t, answer)
	assert.Equal(t, "inactive", financialOf(t, address, who))
	p.fail(t, "", "")
	answer, err = citizen.post(confirm, "{}")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	assert.Equal(t, "active", financialOf(t, address, who))
}

// TestAnOpenIDIsEnough switches to what the platform tells new applications.
func TestAnOpenIDIsEnough(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address := fresh(t)
			running := startProcess(t, environment(address, t.TempDir()))
			running.fail(t, `"open_id_only":true`, "alipay.system.oauth.token")
			who := running.people(t)["new"]
			_, answer := running.activate(t, who)
			require.Equal(t, http.StatusOK, answer.status, answer.body)
			assert.Equal(t, "active", financialOf(t, address, who))
			var named int
			require.NoError(t, database(t, address).Get(&named, "SELECT count(*) FROM citizen WHERE user_id IS NOT NULL OR union_id IS NOT NULL"))
			assert.Zero(t, named)
		})
	}
}

// fail sets the stand-in's switches for one method, or ends them.
func (p *process) fail(t *testing.T, fault, method string) {
	t.Helper()
	body := "{}"
	if fault != "" {
		body = `{` + fault + `,"methods":["` + method + `"]}`
	}
	request, err := http.NewRequest(http.MethodPut, p.superApp+"/faults", strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	answer, err := newClient("").do(request)
	require.NoError(t, err)
	require.Less(t, answer.status, 300, answer.body)
}

// confirm sends a fresh code of the consent page.
func (p *process) confirm(t *testing.T, citizen *client, who person, begun reply) reply {
	t.Helper()
	code := p.code(t, who.User, "id_verify", checkOf(t, begun.field(t, "authorize_url")))
	answer, err := citizen.post(p.service+"/v1/activations/"+begun.field(t, "id")+"/confirm", `{"auth_code":"`+code+`"}`)
	require.NoError(t, err)
	return answer
}

func requireUnavailable(t *testing.T, answer reply) {
	t.Helper()
	require.Equal(t, http.StatusServiceUnavailable, answer.status, answer.body)
	require.Equal(t, "platform_unavailable", answer.field(t, "code"))
	require.NotEmpty(t, answer.header.Get("Retry-After"))
}

// financialOf is the state of a person's card.
func financialOf(t *testing.T, address string, who person) string {
	t.Helper()
	db := database(t, address)
	var state string
	require.NoError(t, db.GetContext(t.Context(), &state, db.Rebind("SELECT financial FROM card WHERE card_number = ?"), who.CardNumber))
	return state
}
