package main_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	server "citycard/server"
)

// TestTheStandInRunsByItself has the super-app in a program of its own, and a service that knows its gateway only.
func TestTheStandInRunsByItself(t *testing.T) {
	t.Parallel()
	environ := home(t)
	stdout, stderr := &output{}, &output{}
	ctx, stop := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() {
		code <- server.Run(ctx, []string{"sandbox"}, append(environ, "CITYCARD_SANDBOX_ADDR=127.0.0.1:0"), stdout, stderr)
	}()
	require.Eventually(t, func() bool { return superAppLine.MatchString(stdout.String()) }, patience, moment, "%s", stderr)
	superApp := superAppLine.FindStringSubmatch(stdout.String())[1]

	service := launch(t, append(environ, "CITYCARD_ALIPAY_GATEWAY="+superApp+"/gateway.do",
		"CITYCARD_ADDR=127.0.0.1:0", "CITYCARD_METRICS_ADDR=127.0.0.1:0"))
	assert.NotContains(t, service.stdout.String(), "super-app", "the service runs none of its own")
	both := &process{service: service.url, superApp: superApp}
	_, answer := both.activate(t, both.people(t)["new"])
	require.Equal(t, http.StatusOK, answer.status, answer.body)

	require.Equal(t, 0, service.stop())
	stop()
	select {
	case ended := <-code:
		assert.Zero(t, ended, stderr)
	case <-time.After(patience):
		t.Fatal("the stand-in did not end")
	}
}
