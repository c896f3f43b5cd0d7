package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/smartwalle/alipay/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// npmPeer holds the unmodified alipay-sdk of npm; .ci/install installs it.
var npmPeer = filepath.Join("..", "integrations", "sandbox", "testdata", "npm")

// TestUnmodifiedSDKsActivateACardAndVerifyOurReply has the SDKs in use sign each its own way: npm's alipay-sdk
// splits the parameters between query and body, Go's smartwalle/alipay puts all into the body.
func TestUnmodifiedSDKsActivateACardAndVerifyOurReply(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			town := newPartnerTown(t, fresh(t), 4)
			running := startProcess(t, town.environment)
			viaNpm(t, running, town)
			viaGo(t, running, town)
			var flips []string
			require.NoError(t, database(t, town.database).SelectContext(t.Context(), &flips,
				"SELECT to_state FROM transition WHERE machine = 'financial' AND channel = 'callback'"))
			assert.Equal(t, []string{"active", "active"}, flips)
		})
	}
}

func viaNpm(t *testing.T, running *process, town *partnerTown) {
	t.Helper()
	type call struct {
		Name   string         `json:"name"`
		Method string         `json:"method"`
		Params map[string]any `json:"params"`
	}
	event := map[string]any{"biz_content": town.cards[0].activation("NPM-000001", time.Now())}
	unknown := map[string]any{"biz_content": record{"region": townRegion, "card_number": "ZZZZZZZZZ", "account_number": "0000"}.
		activation("NPM-000002", time.Now())}
	private, err := town.keys[bankRSA].PEM()
	require.NoError(t, err)
	given := jsonOf(t, map[string]any{
		"gateway": running.service + "/gateway.do", "app_id": bankApp, "private_key": stripped(private),
		"platform_key": stripped(platformKey(t, running, "RSA2").PEM()),
		"calls": []call{
			{"first", string(citycard.MethodFinancialActivate), event},
			{"again", string(citycard.MethodFinancialActivate), event},
			{"unknown", string(citycard.MethodFinancialActivate), unknown},
		},
	})
	peer := exec.CommandContext(t.Context(), "node", "peer.mjs")
	peer.Dir, peer.Stdin = npmPeer, bytes.NewReader([]byte(given))
	peer.Env = append(os.Environ(), "TZ=Asia/Shanghai") // the SDK stamps the machine's local time
	var printed, complaints bytes.Buffer
	peer.Stdout, peer.Stderr = &printed, &complaints
	require.NoError(t, peer.Run(), complaints.String())
	var results map[string]struct {
		Reply map[string]any `json:"reply"`
		Error string         `json:"error"`
	}
	require.NoError(t, json.Unmarshal(printed.Bytes(), &results))
	for _, result := range results {
		require.Empty(t, result.Error, "the SDK did not verify the reply")
	}
	assert.Equal(t, "10000", results["first"].Reply["code"], "%v", results)
	assert.Equal(t, "APPLIED", results["first"].Reply["result"])
	assert.Equal(t, true, results["first"].Reply["changed"])
	assert.Equal(t, "NPM-000001", results["first"].Reply["out_request_no"])
	delete(results["first"].Reply, "traceId")
	delete(results["again"].Reply, "traceId")
	assert.Equal(t, results["first"].Reply, results["again"].Reply)
	assert.Equal(t, "citycard.card-not-found", results["unknown"].Reply["sub_code"])
}

func viaGo(t *testing.T, running *process, town *partnerTown) {
	t.Helper()
	private, err := town.keys[bankRSA].PEM()
	require.NoError(t, err)
	client, err := alipay.New(bankApp, stripped(private), false,
		alipay.WithSandboxGateway(running.service+"/gateway.do"), alipay.WithTimeLocation(citycard.Shanghai))
	require.NoError(t, err)
	require.NoError(t, client.LoadAliPayPublicKey(stripped(platformKey(t, running, "RSA2").PEM())))
	event := alipay.NewPayload(string(citycard.MethodFinancialActivate))
	for name, value := range town.cards[1].activation("GO-0000001", time.Now()) {
		event.AddBizField(name, value)
	}
	var reply struct {
		alipay.Error
		Result  string `json:"result"`
		Changed bool   `json:"changed"`
	}
	require.NoError(t, client.Request(t.Context(), event, &reply), "the SDK verifies every reply")
	assert.Equal(t, alipay.CodeSuccess, reply.Code, "%+v", reply)
	assert.Equal(t, "APPLIED", reply.Result)
	assert.True(t, reply.Changed)
}
