package main_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// everyone runs n calls at once and gives their answers.
func everyone(t *testing.T, n int, call func() (reply, error)) []reply {
	t.Helper()
	answers, errs := make([]reply, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { answers[i], errs[i] = call() })
	}
	all.Wait()
	for i := range n {
		require.NoError(t, errs[i])
	}
	return answers
}

// database opens a database beside the running program.
func database(t *testing.T, address string) *sqlx.DB {
	t.Helper()
	driver, name := "pgx", address
	if file, ok := strings.CutPrefix(address, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+file+"?_pragma=busy_timeout(5000)&mode=ro"
	}
	db, err := sqlx.Open(driver, name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func TestFiveHundredSubmitsOfOneActivationMakeOneTransition(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address := fresh(t)
			running := startProcess(t, environment(address, t.TempDir()))
			who := running.people(t)["sealed"]
			citizen := running.logIn(t, who.User)

			begun := everyone(t, 500, func() (reply, error) {
				return citizen.post(running.service+"/v1/activations", activationBody(who))
			})
			for _, answer := range begun {
				require.Equal(t, http.StatusAccepted, answer.status, answer.body)
				require.Equal(t, begun[0].field(t, "id"), answer.field(t, "id"))
			}
			id := begun[0].field(t, "id")
			code := running.code(t, who.User, "id_verify", checkOf(t, begun[0].field(t, "authorize_url")))
			confirmed := everyone(t, 500, func() (reply, error) {
				return citizen.post(running.service+"/v1/activations/"+id+"/confirm", `{"auth_code":"`+code+`"}`)
			})
			for _, answer := range confirmed {
				require.Equal(t, http.StatusOK, answer.status, answer.body)
				require.Equal(t, confirmed[0].body, answer.body)
			}
			assert.Contains(t, confirmed[0].body, `"changed":true`)

			citizen.header.Set("Idempotency-Key", "one-request-0001")
			repeated := everyone(t, 500, func() (reply, error) {
				return citizen.post(running.service+"/v1/activations", activationBody(who))
			})
			for _, answer := range repeated {
				require.Equal(t, http.StatusOK, answer.status, answer.body)
				require.Equal(t, repeated[0].body, answer.body)
			}

			var flips []string
			require.NoError(t, database(t, address).SelectContext(t.Context(), &flips,
				"SELECT to_state FROM transition WHERE machine = 'financial'"))
			assert.Equal(t, []string{"active"}, flips)
		})
	}
}
