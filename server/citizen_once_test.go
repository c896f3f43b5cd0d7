package main_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNumberedRequestsOnTheWire repeats every POST of a mini-program under its Idempotency-Key, and puts another
// request under the same one.
func TestNumberedRequestsOnTheWire(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			running := startProcess(t, environment(fresh(t), t.TempDir()))
			who := running.people(t)["new"]

			first := newClient("")
			first.header.Set("Idempotency-Key", "log-in-00001")
			code := running.code(t, who.User, "auth_base", "")
			opened := twice(t, first, running.service+"/v1/sessions", `{"auth_code":"`+code+`"}`)
			require.Equal(t, http.StatusCreated, opened.status, opened.body)
			refusedNumber(t, first, running.service+"/v1/sessions", `{"auth_code":"`+running.code(t, who.User, "auth_base", "")+`"}`)

			citizen := newClient(opened.field(t, "token"))
			citizen.header.Set("Idempotency-Key", "activation-1")
			started := twice(t, citizen, running.service+"/v1/activations", activationBody(who))
			require.Equal(t, http.StatusAccepted, started.status, started.body)
			refusedNumber(t, citizen, running.service+"/v1/activations", activationBody(person{Name: who.Name + "儿", IDNumber: who.IDNumber}))

			confirm := running.service + "/v1/activations/" + started.field(t, "id") + "/confirm"
			consent := running.code(t, who.User, "id_verify", checkOf(t, started.field(t, "authorize_url")))
			refusedNumber(t, citizen, confirm, `{"auth_code":"`+consent+`"}`)
			citizen.header.Set("Idempotency-Key", "confirmation-1")
			done := twice(t, citizen, confirm, `{"auth_code":"`+consent+`"}`)
			require.Equal(t, http.StatusOK, done.status, done.body)
			assert.Contains(t, done.body, `"status":"activated","changed":true`)
			refusedNumber(t, citizen, confirm, `{"auth_code":"another"}`)
		})
	}
}

// twice sends a request two times and gives the one answer.
func twice(t *testing.T, c *client, address, body string) reply {
	t.Helper()
	first, err := c.post(address, body)
	require.NoError(t, err)
	second, err := c.post(address, body)
	require.NoError(t, err)
	assert.Equal(t, first.status, second.status)
	assert.JSONEq(t, first.body, second.body)
	return first
}

func refusedNumber(t *testing.T, c *client, address, body string) {
	t.Helper()
	answer, err := c.post(address, body)
	require.NoError(t, err)
	assert.Equal(t, http.StatusUnprocessableEntity, answer.status, answer.body)
	assert.Equal(t, "event_id_reused", answer.field(t, "code"))
}
