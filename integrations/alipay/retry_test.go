package alipay_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/integrations/alipay"
)

func TestRetryTableOfCallsThatMayBeRepeated(t *testing.T) {
	t.Parallel()
	for it, test := range map[string]struct {
		answers []answer
		calls   int64
		want    citycard.Code
	}{
		"20000 twice, then done": {[]answer{
			signed(refusing("20000", "aop.unknow-error")), signed(refusing("20000", "aop.unknow-error")), signed(passed)}, 3, ""},
		"20000 for good":             {[]answer{signed(refusing("20000", "aop.unknow-error"))}, 3, citycard.CodePlatformUnavailable},
		"ACQ.SYSTEM_ERROR once":      {[]answer{signed(refusing("40004", "ACQ.SYSTEM_ERROR")), signed(passed)}, 2, ""},
		"ACQ.SYSTEM_ERROR for good":  {[]answer{signed(refusing("40004", "ACQ.SYSTEM_ERROR"))}, 3, citycard.CodePlatformUnavailable},
		"40005 once":                 {[]answer{signed(refusing("40005", "isv.app-call-limited")), signed(passed)}, 2, ""},
		"40005 for good":             {[]answer{signed(refusing("40005", "isv.app-call-limited"))}, 3, citycard.CodePlatformUnavailable},
		"10003 is asked until done":  {[]answer{signed(`{"code":"10003"}`), signed(`{"code":"10003"}`), signed(`{"code":"10003"}`), signed(`{"code":"10003"}`), signed(passed)}, 5, ""},
		"40001 never":                {[]answer{signed(refusing("40001", "isv.missing-version")), signed(passed)}, 1, citycard.CodeInternal},
		"40002 never":                {[]answer{signed(refusing("40002", "isv.invalid-signature")), signed(passed)}, 1, citycard.CodeInternal},
		"40003 never":                {[]answer{signed(refusing("40003", "isv.conditions")), signed(passed)}, 1, citycard.CodeInternal},
		"40004 never":                {[]answer{signed(refusing("40004", "CERTIFY_ID_EXPIRED")), signed(passed)}, 1, citycard.CodeIdentityMismatch},
		"40006 never":                {[]answer{signed(refusing("40006", "isv.insufficient-isv-permissions")), signed(passed)}, 1, citycard.CodeInternal},
		"a reply without a code":     {[]answer{signed(`{"passed":"T"}`)}, 1, citycard.CodeInternal},
		"success without a verdict":  {[]answer{signed(`{"code":"10000"}`)}, 1, citycard.CodePlatformUnavailable},
		"success with an odd word":   {[]answer{signed(`{"code":"10000","passed":"true"}`)}, 1, citycard.CodePlatformUnavailable},
		"success with another type":  {[]answer{signed(`{"code":"10000","passed":true}`)}, 1, citycard.CodePlatformUnavailable},
		"a signed error without one": {[]answer{signedError(refusing("40002", "isv.invalid-app-id"))}, 1, citycard.CodeInternal},
	} {
		t.Run(it, func(t *testing.T) {
			t.Parallel()
			gateway := script(t, nil, test.answers...)
			verdict, err := gateway.client.QueryFace(t.Context(), "id")
			assert.Equal(t, test.want, citycard.CodeOf(err))
			assert.Equal(t, test.want == "", verdict.Passed)
			assert.Equal(t, test.calls, gateway.calls.Load())
		})
	}
}

func TestPollingEndsWithTheDeadline(t *testing.T) {
	t.Parallel()
	gateway := script(t, func(c *alipay.Config) { c.Timeout, c.Backoff = time.Second, 10*time.Millisecond },
		signed(`{"code":"10003"}`))
	_, err := gateway.client.QueryFace(t.Context(), "id")
	assert.Equal(t, citycard.CodePlatformUnavailable, citycard.CodeOf(err))
	assert.Greater(t, gateway.calls.Load(), int64(1))
}

func TestASingleUseCodeIsNotSentAgainOnceItMayBeUsed(t *testing.T) {
	t.Parallel()
	for it, test := range map[string]struct {
		answers []answer
		calls   int64
		want    citycard.Code
	}{
		"20000":                    {[]answer{signedError(refusing("20000", "isp.unknow-error")), signed(token)}, 1, citycard.CodePlatformUnavailable},
		"ACQ.SYSTEM_ERROR":         {[]answer{signedError(refusing("20000", "ACQ.SYSTEM_ERROR")), signed(token)}, 1, citycard.CodePlatformUnavailable},
		"10003":                    {[]answer{signed(`{"code":"10003"}`), signed(token)}, 1, citycard.CodePlatformUnavailable},
		"no reply":                 {[]answer{hangUp, signed(token)}, 1, citycard.CodePlatformUnavailable},
		"not carried out: 40005":   {[]answer{signedError(refusing("40005", "isv.app-call-limited")), signed(token)}, 2, ""},
		"success without open_id":  {[]answer{signed(`{"access_token":"a","user_id":"2088000000000000"}`)}, 1, citycard.CodePlatformUnavailable},
		"success without a token":  {[]answer{signed(`{"open_id":"0open"}`)}, 1, citycard.CodePlatformUnavailable},
		"error under its own name": {[]answer{signed(refusing("40002", "isv.code-invalid"))}, 1, citycard.CodeLoginCodeInvalid},
	} {
		t.Run(it, func(t *testing.T) {
			t.Parallel()
			gateway := script(t, nil, test.answers...)
			user, err := gateway.client.ExchangeCode(t.Context(), "code")
			assert.Equal(t, test.want, citycard.CodeOf(err))
			assert.Equal(t, test.want == "", user.OpenID != "")
			assert.Equal(t, test.calls, gateway.calls.Load())
		})
	}
}

func hangUp(string, *http.Request) string { panic(http.ErrAbortHandler) }

func TestALapsedTokenIsNotRefreshedTwice(t *testing.T) {
	t.Parallel()
	lapsed := signed(refusing("20001", "aop.auth-token-time-out"))
	gateway := script(t, nil, lapsed, signed(token), lapsed)
	_, err := gateway.client.ConsultCheck(t.Context(), "id", citycard.PlatformUser{AccessToken: "old", RefreshToken: "r"})
	assert.Equal(t, citycard.CodeLoginCodeInvalid, citycard.CodeOf(err))
	require.Equal(t, int64(3), gateway.calls.Load())
	assert.Equal(t, "alipay.user.certdoc.certverify.consult", <-gateway.methods)
	assert.Equal(t, "alipay.system.oauth.token", <-gateway.methods)
	assert.Equal(t, "alipay.user.certdoc.certverify.consult", <-gateway.methods)
}

func TestTheRefreshedTokenIsTheOneSent(t *testing.T) {
	t.Parallel()
	var sent []string
	watch := func(then answer) answer {
		return func(method string, r *http.Request) string {
			sent = append(sent, r.FormValue("auth_token")+r.FormValue("refresh_token"))
			return then(method, r)
		}
	}
	gateway := script(t, nil,
		watch(signed(refusing("20001", "aop.invalid-auth-token"))), watch(signed(token)), watch(signed(passed)))
	verdict, err := gateway.client.ConsultCheck(t.Context(), "id", citycard.PlatformUser{AccessToken: "old", RefreshToken: "r"})
	require.NoError(t, err)
	assert.True(t, verdict.Passed)
	assert.Equal(t, []string{"old", "r", "authusrBnew"}, sent)
}
