package alipay_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/integrations/alipay"
	"citycard/integrations/sandbox"
)

func retryAfterOf(err error) time.Duration {
	var coded *citycard.Error
	if errors.As(err, &coded) {
		return coded.RetryAfter
	}
	return 0
}

// switches are the stand-in's faults after which nothing may be believed.
func switches() map[string]sandbox.Faults {
	return map[string]sandbox.Faults{
		"late":                   {DelayMS: 5_000},
		"late and broken":        {DelayMS: 5_000, Status: 502},
		"HTTP 500":               {Status: 500},
		"HTTP 502":               {Status: 502},
		"HTTP 503":               {Status: 503},
		"HTTP 404":               {Status: 404},
		"dropped":                {DropReply: true},
		"wrongly signed":         {BadSignature: true},
		"unsigned":               {NoSignature: true},
		"platform error 20000":   {Status: 20000},
		"platform limit 40005":   {Status: 40005},
		"unsigned and id only":   {NoSignature: true, OpenIDOnly: true},
		"wrong signature, delay": {BadSignature: true, DelayMS: 1},
	}
}

// patience is the client's time-out: where the switch makes replies late, shorter than the delay, and still long
// enough for a loaded machine.
func patience(faults sandbox.Faults) func(*alipay.Config) {
	return func(c *alipay.Config) {
		if faults.DelayMS > 1000 {
			c.Timeout = 2 * time.Second
		}
	}
}

func TestEveryFaultSwitchLogsNobodyIn(t *testing.T) {
	t.Parallel()
	for it, faults := range switches() {
		t.Run(it, func(t *testing.T) {
			t.Parallel()
			p := startPlatform(t, patience(faults))
			p.setFaults(t, faults)
			user, err := p.client.ExchangeCode(t.Context(), p.authCode(t, "new", citycard.ScopeLogin, ""))
			requireUnavailable(t, err)
			assert.Zero(t, user)

			p.setFaults(t, sandbox.Faults{})
			assert.NotEmpty(t, p.user(t, "new", "").OpenID, "the next try works")
		})
	}
}

func TestEveryFaultSwitchPassesNobody(t *testing.T) {
	t.Parallel()
	person := madeUp(t, "new")
	for it, faults := range switches() {
		t.Run(it, func(t *testing.T) {
			t.Parallel()
			p := startPlatform(t, patience(faults))
			checkID, err := p.client.PrepareCheck(t.Context(), nameOf(person), numberOf(person))
			require.NoError(t, err)
			user := p.user(t, "new", checkID)
			faults.Methods = []string{"alipay.user.certdoc.certverify.consult"}
			p.setFaults(t, faults)
			verdict, err := p.client.ConsultCheck(t.Context(), checkID, user)
			requireUnavailable(t, err)
			assert.Zero(t, verdict)

			p.setFaults(t, sandbox.Faults{})
			verdict, err = p.client.ConsultCheck(t.Context(), checkID, user)
			require.NoError(t, err, "the next try works")
			assert.True(t, verdict.Passed)
		})
	}
}

func TestEveryFaultSwitchOnFaceAndPreparation(t *testing.T) {
	t.Parallel()
	person := madeUp(t, "online_face")
	face := citycard.FaceCheck{Order: "A1", Name: nameOf(person), Number: numberOf(person), ReturnURL: callbackURL}
	for it, faults := range switches() {
		t.Run(it, func(t *testing.T) {
			t.Parallel()
			p := startPlatform(t, patience(faults))
			checkID, err := p.client.InitializeFace(t.Context(), face)
			require.NoError(t, err)
			status, _ := follow(t, p.url+"/faces/"+checkID+"?user=online_face&result=pass")
			require.Equal(t, 303, status)

			p.setFaults(t, faults)
			verdict, err := p.client.QueryFace(t.Context(), checkID)
			requireUnavailable(t, err)
			assert.Zero(t, verdict)
			_, err = p.client.PrepareCheck(t.Context(), nameOf(person), numberOf(person))
			requireUnavailable(t, err)
			_, err = p.client.InitializeFace(t.Context(), face)
			requireUnavailable(t, err)

			p.setFaults(t, sandbox.Faults{})
			verdict, err = p.client.QueryFace(t.Context(), checkID)
			require.NoError(t, err, "the next try works")
			assert.True(t, verdict.Passed)
		})
	}
}

func requireUnavailable(t *testing.T, err error) {
	t.Helper()
	require.Equal(t, citycard.CodePlatformUnavailable, citycard.CodeOf(err))
	require.GreaterOrEqual(t, retryAfterOf(err), 5*time.Second)
}

func TestFaultsForAFewCallsPassByThemselves(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	p.setFaults(t, sandbox.Faults{Status: 20000, FailNext: 2})
	person := madeUp(t, "new")
	_, err := p.client.PrepareCheck(t.Context(), nameOf(person), numberOf(person))
	require.NoError(t, err, "two failures are within the repetitions")
}

func TestBreakerOpensOnPlatformFailuresAndCloses(t *testing.T) {
	t.Parallel()
	p := startPlatform(t, func(c *alipay.Config) { c.BreakerPause = 300 * time.Millisecond })
	p.setFaults(t, sandbox.Faults{Status: 503})
	for range 5 {
		_, err := p.client.ExchangeCode(t.Context(), "code")
		requireUnavailable(t, err)
	}
	assert.False(t, p.client.Ready())
	p.setFaults(t, sandbox.Faults{FailNext: 1})
	_, err := p.client.ExchangeCode(t.Context(), "code")
	require.Equal(t, citycard.CodePlatformUnavailable, citycard.CodeOf(err))
	assert.Equal(t, 300*time.Millisecond, retryAfterOf(err))
	var left sandbox.Faults
	p.send(t, http.MethodGet, "/faults", nil, &left)
	assert.Equal(t, 1, left.FailNext, "an open breaker sends nothing")

	p.setFaults(t, sandbox.Faults{})
	require.Eventually(t, func() bool {
		_, err := p.client.ExchangeCode(context.WithoutCancel(t.Context()), "code")
		return citycard.CodeOf(err) == citycard.CodeLoginCodeInvalid
	}, 5*time.Second, 20*time.Millisecond)
	assert.True(t, p.client.Ready())
}

func TestWhatDoesNotOpenTheBreaker(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for it, call := range map[string]func(*testing.T, *alipay.Client){
		"refused codes": func(t *testing.T, c *alipay.Client) {
			_, err := c.ExchangeCode(t.Context(), "used")
			assert.Equal(t, citycard.CodeLoginCodeInvalid, citycard.CodeOf(err))
		},
		"callers who went away": func(_ *testing.T, c *alipay.Client) {
			_, err := c.ExchangeCode(gone, "code")
			assert.Equal(t, citycard.CodePlatformUnavailable, citycard.CodeOf(err))
		},
	} {
		t.Run(it, func(t *testing.T) {
			t.Parallel()
			p := startPlatform(t)
			for range 20 {
				call(t, p.client)
			}
			assert.True(t, p.client.Ready())
			p.user(t, "new", "")
		})
	}
	t.Run("refusals nobody signed", func(t *testing.T) {
		t.Parallel()
		gateway := script(t, nil, func(string, *http.Request) string { return forgeries()["unsigned code-invalid"] })
		for range 20 {
			_, err := gateway.client.ExchangeCode(t.Context(), "code")
			requireUnavailable(t, err)
		}
		assert.Equal(t, int64(20), gateway.calls.Load())
	})
}

func TestACallersOwnDeadlineHolds(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	p.setFaults(t, sandbox.Faults{DelayMS: 30_000})
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	started := time.Now()
	_, err := p.client.ExchangeCode(soon, "code")
	requireUnavailable(t, err)
	assert.Less(t, time.Since(started), 4*time.Second)
}

func TestNobodyListening(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	client, err := alipay.New(clientConfig(server.URL))
	require.NoError(t, err)
	_, err = client.ExchangeCode(t.Context(), "code")
	requireUnavailable(t, err)
}
