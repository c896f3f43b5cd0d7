package sandbox_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/sandbox"
)

// npmCall is one call for testdata/npm/peer.mjs.
type npmCall struct {
	Name   string         `json:"name"`
	Method string         `json:"method"`
	Params map[string]any `json:"params"`
}

// npmResult is what came of it.
type npmResult struct {
	Reply map[string]any `json:"reply"`
	Error string         `json:"error"`
}

var npmFolder = filepath.Join("testdata", "npm")

// installPeer installs what the lock file names, where it is missing; npm writes the file looked for last.
var installPeer = sync.OnceValue(func() error {
	if _, err := os.Stat(filepath.Join(npmFolder, "node_modules", ".package-lock.json")); err == nil {
		return nil
	}
	install := exec.Command("npm", "ci")
	install.Dir = npmFolder
	if output, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w: %s", err, output)
	}
	return nil
})

// runPeer runs the unmodified npm alipay-sdk.
func runPeer(t *testing.T, given map[string]any, results any) {
	t.Helper()
	require.NoError(t, installPeer())
	text, err := json.Marshal(given)
	require.NoError(t, err)
	peer := exec.CommandContext(t.Context(), "node", "peer.mjs")
	peer.Dir, peer.Stdin = npmFolder, bytes.NewReader(text)
	peer.Env = append(os.Environ(), "TZ=Asia/Shanghai") // the SDK writes the machine's local time
	var output, complaints bytes.Buffer
	peer.Stdout, peer.Stderr = &output, &complaints
	require.NoError(t, peer.Run(), complaints.String())
	require.NoError(t, json.Unmarshal(output.Bytes(), results))
}

// TestTheUnmodifiedNpmSDKCallsTheGateway has the SDK sign its way (common parameters in the query, the rest in the
// body) and verify every reply.
func TestTheUnmodifiedNpmSDKCallsTheGateway(t *testing.T) {
	t.Parallel()
	s, server := startListening(t)
	code := s.authCode(t)
	results := map[string]json.RawMessage{}
	given := map[string]any{
		"gateway": server.URL + "/gateway.do", "app_id": appID,
		"private_key": stripped(privatePEM(appKey())), "platform_key": stripped(publicPEM(platformKey())),
		"calls": []npmCall{
			{"token", tokenMethod, map[string]any{"grant_type": "authorization_code", "code": code}},
			{"used", tokenMethod, map[string]any{"grant_type": "authorization_code", "code": code}},
			{"preconsult", preconsult, map[string]any{"biz_content": map[string]any{
				"user_name": "陆晓棠", "cert_type": "IDENTITY_CARD", "cert_no": "320100199003070022"}}},
			{"initialize", "alipay.user.certify.open.initialize", map[string]any{"biz_content": map[string]any{
				"outer_order_no": "npm1", "biz_code": "FACE",
				"identity_param": map[string]any{"identity_type": "CERT_INFO", "cert_type": "IDENTITY_CARD",
					"cert_name": "陆晓棠", "cert_no": "320100199003070022"},
				"merchant_config": map[string]any{"return_url": "http://service.test:8080/"}}}},
			{"query", queryMethod, map[string]any{"biz_content": map[string]any{"certify_id": "nobody"}}},
		},
	}
	runPeer(t, given, &results)
	read := func(name string) npmResult {
		var result npmResult
		require.NoError(t, json.Unmarshal(results[name], &result))
		assert.Empty(t, result.Error, name)
		return result
	}
	assert.NotEmpty(t, read("token").Reply["access_token"])
	assert.NotEmpty(t, read("token").Reply["open_id"])
	var used npmResult
	require.NoError(t, json.Unmarshal(results["used"], &used))
	assert.Contains(t, used.Error, "isv.code-invalid", "the SDK looks for the signed text under the method's name only")
	assert.Equal(t, "10000", read("preconsult").Reply["code"])
	assert.Regexp(t, `^[0-9a-f]{32}$`, read("preconsult").Reply["verify_id"])
	assert.Equal(t, "CERTIFY_ID_EXPIRED", read("query").Reply["sub_code"])
	certifyID, _ := read("initialize").Reply["certify_id"].(string)
	require.NotEmpty(t, certifyID)

	face := s.get("/faces/" + certifyID + "?user=new&result=pass")
	require.Equal(t, http.StatusSeeOther, face.Status)
	given["calls"] = []npmCall{{"query", queryMethod, map[string]any{"biz_content": map[string]any{"certify_id": certifyID}}}}
	given["page"] = npmCall{Method: "alipay.user.certify.open.certify", Params: map[string]any{"biz_content": map[string]any{"certify_id": certifyID}}}
	runPeer(t, given, &results)
	assert.Equal(t, "T", read("query").Reply["passed"])
	var page string
	require.NoError(t, json.Unmarshal(results["page"], &page))
	opened := s.get(strings.TrimPrefix(page, server.URL))
	assert.Equal(t, "/faces/"+certifyID, opened.Header.Get("Location"))
}

// TestTheNpmSDKSeesThroughBadSignatures holds that its verification is really on.
func TestTheNpmSDKSeesThroughBadSignatures(t *testing.T) {
	t.Parallel()
	s, server := startListening(t)
	s.send(t, http.MethodPut, "/faults", `{"bad_signature":true}`)
	var results map[string]npmResult
	runPeer(t, map[string]any{
		"gateway": server.URL + "/gateway.do", "app_id": appID,
		"private_key": stripped(privatePEM(appKey())), "platform_key": stripped(publicPEM(platformKey())),
		"calls": []npmCall{{"query", queryMethod, map[string]any{"biz_content": map[string]any{"certify_id": "x"}}}},
	}, &results)
	assert.Nil(t, results["query"].Reply)
	assert.Contains(t, results["query"].Error, "验签失败")
}

// startListening serves a stand-in that runs on the machine's clock, as the SDK does.
func startListening(t *testing.T) (stand, *httptest.Server) {
	t.Helper()
	s := newStand(t, func(c *sandbox.Config) { c.Now = time.Now })
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	return s, server
}

// stripped is a key as the SDK takes it: the base64 text without the PEM frame.
func stripped(file []byte) string {
	lines := strings.Split(strings.TrimSpace(string(file)), "\n")
	return strings.Join(lines[1:len(lines)-1], "")
}
