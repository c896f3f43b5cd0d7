package sandbox_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const allOff = `{"delay_ms":0,"status":0,"drop_reply":false,"bad_signature":false,"no_signature":false,` +
	`"open_id_only":false,"fail_next":0,"methods":[]}`

func TestFaultsAreReadBackAsSet(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	assert.JSONEq(t, allOff, s.get("/faults").Body)
	set := `{"delay_ms":5,"status":502,"drop_reply":true,"bad_signature":true,"no_signature":true,` +
		`"open_id_only":true,"fail_next":3,"methods":["alipay.system.oauth.token"]}`
	status, answer := s.send(t, http.MethodPut, "/faults", set)
	assert.Equal(t, http.StatusOK, status)
	given, err := json.Marshal(answer)
	require.NoError(t, err)
	assert.JSONEq(t, set, string(given))
	assert.JSONEq(t, set, s.get("/faults").Body)
	s.send(t, http.MethodPut, "/faults", `{}`)
	assert.JSONEq(t, allOff, s.get("/faults").Body, "what is not named is off")
}

func TestFaultsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for _, body := range []string{
		`{"delay_ms":-1}`, `{"delay_ms":60001}`, `{"status":200}`, `{"status":600}`, `{"status":40004}`, `{"fail_next":-1}`,
		`{"methods":["alipay.trade.pay"]}`, `{"delay":5}`, `{"delay_ms":"5"}`, `[]`, ``, `{}{}`,
	} {
		status, answer := s.send(t, http.MethodPut, "/faults", body)
		assert.Equal(t, http.StatusBadRequest, status, body)
		assert.NotEmpty(t, answer["error"], body)
	}
	assert.JSONEq(t, allOff, s.get("/faults").Body)
}

func TestFailNextCountsMatchingCallsOnly(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.send(t, http.MethodPut, "/faults", `{"status":20000,"fail_next":2,"methods":["`+queryMethod+`"]}`)
	token := with(common(tokenMethod, ""), "grant_type", "authorization_code")
	assert.Equal(t, "isv.code-invalid", s.call(t, token).word("sub_code"))
	for range 2 {
		answer := s.call(t, common(queryMethod, nobody))
		assert.Equal(t, []string{"20000", "aop.unknow-error"}, []string{answer.word("code"), answer.word("sub_code")})
	}
	assert.Equal(t, "40004", s.call(t, common(queryMethod, nobody)).word("code"))
	assert.JSONEq(t, allOff, s.get("/faults").Body)
}

func TestFaultsOfTheReply(t *testing.T) {
	t.Parallel()
	values := sign(common(queryMethod, nobody))
	for it, test := range map[string]struct {
		faults string
		check  func(*testing.T, answered)
	}{
		"HTTP status": {`{"status":503}`, func(t *testing.T, r answered) {
			assert.Equal(t, http.StatusServiceUnavailable, r.Status)
		}},
		"no signature": {`{"no_signature":true}`, func(t *testing.T, r answered) {
			var members map[string]json.RawMessage
			require.NoError(t, json.Unmarshal([]byte(r.Body), &members))
			assert.NotContains(t, members, "sign")
			assert.Contains(t, members, "alipay_user_certify_open_query_response")
		}},
		"bad signature": {`{"bad_signature":true}`, func(t *testing.T, r answered) {
			var members map[string]json.RawMessage
			require.NoError(t, json.Unmarshal([]byte(r.Body), &members))
			assert.Len(t, string(members["sign"]), 346, "of the right form")
		}},
		"limit": {`{"status":40005}`, func(t *testing.T, r answered) {
			assert.Equal(t, "isv.app-call-limited", readReply(t, r).word("sub_code"))
		}},
		"late": {`{"delay_ms":1}`, func(t *testing.T, r answered) {
			assert.Equal(t, "40004", readReply(t, r).word("code"))
		}},
	} {
		t.Run(it, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			s.send(t, http.MethodPut, "/faults", test.faults)
			test.check(t, s.post("/gateway.do", values))
		})
	}
}

func TestADroppedReplyIsACarriedOutCall(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	params := with(with(common(tokenMethod, ""), "grant_type", "authorization_code"), "code", s.authCode(t))
	s.send(t, http.MethodPut, "/faults", `{"drop_reply":true,"fail_next":1}`)
	assert.PanicsWithError(t, http.ErrAbortHandler.Error(), func() { s.post("/gateway.do", sign(params)) })
	assert.Equal(t, "isv.code-invalid", s.call(t, params).word("sub_code"), "the code is used up")
}
