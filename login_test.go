package citycard_test

import (
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

func (t *town) login() *citycard.Login {
	return &citycard.Login{
		Platform: t, Citizens: t, States: t, CallbackURL: "https://us/callback",
		NewID: t.newID, NewSecret: func() string { return "secret-" + t.newID() }, Clock: t.clock,
	}
}

// stateIn is the state that a redirect carries to the platform.
func stateIn(t *testing.T, redirect citycard.Redirect) string {
	t.Helper()
	address, err := url.Parse(redirect.URL)
	require.NoError(t, err)
	return address.Query().Get("state")
}

func TestLoggingInByRedirect(t *testing.T) {
	t.Parallel()
	town := newTown()
	login := town.login()
	redirect, err := login.Begin(t.Context(), "/h5/cards")
	require.NoError(t, err)
	state := stateIn(t, redirect)
	assert.Equal(t, "https://platform/authorize?scope=auth_base&check=&state="+state+"&to=https://us/callback", redirect.URL)
	assert.NotEqual(t, state, redirect.Browser)
	assert.NotContains(t, fmt.Sprint(town.states), state, "the store knows hashes only")
	assert.NotContains(t, fmt.Sprint(town.states), redirect.Browser)

	_, err = login.Return(t.Context(), state, "another browser")
	assertCode(t, citycard.CodeLoginCodeInvalid, err)
	_, err = login.Return(t.Context(), "lost", redirect.Browser)
	assertCode(t, citycard.CodeLoginCodeInvalid, err)
	back, err := login.Return(t.Context(), state, redirect.Browser)
	require.NoError(t, err)
	assert.Equal(t, "/h5/cards", back.ReturnTo)
	assert.Empty(t, back.ActivationID)
	_, err = login.Return(t.Context(), state, redirect.Browser)
	assertCode(t, citycard.CodeLoginCodeInvalid, err)
}

func TestALoginStateIsUsedOnceAndInTime(t *testing.T) {
	t.Parallel()
	town := newTown()
	login, start := town.login(), town.now()
	for _, c := range []struct {
		after time.Duration
		taken int
	}{{15*time.Minute - time.Millisecond, 1}, {15 * time.Minute, 0}} {
		town.now = func() time.Time { return start }
		redirect, err := login.BeginIdentity(t.Context(), citycard.Activation{ID: "a1", CheckID: "k1"})
		require.NoError(t, err)
		assert.Contains(t, redirect.URL, "scope=id_verify&check=k1")
		state := stateIn(t, redirect)
		town.now = func() time.Time { return start.Add(c.after) }
		var all sync.WaitGroup
		var mu sync.Mutex
		taken := 0
		for range 20 {
			all.Go(func() {
				back, err := login.Return(t.Context(), state, redirect.Browser)
				mu.Lock()
				defer mu.Unlock()
				if err == nil && back.ActivationID == "a1" {
					taken++
				}
			})
		}
		all.Wait()
		assert.Equal(t, c.taken, taken)
	}
}

func TestLoggingInByCode(t *testing.T) {
	t.Parallel()
	town := newTown()
	login := town.login()
	code := town.consent("li")
	session, err := login.ByCode(t.Context(), code, citycard.ChannelMiniProgram, "")
	require.NoError(t, err)
	assert.Equal(t, citycard.AudienceCitizen, session.Audience)
	assert.Equal(t, citycard.ChannelMiniProgram, session.Channel)
	assert.Equal(t, town.now().Add(30*time.Minute), session.ExpiresAt)
	assert.Empty(t, session.PersonID)
	_, err = login.ByCode(t.Context(), code, citycard.ChannelMiniProgram, "")
	assertCode(t, citycard.CodeLoginCodeInvalid, err)

	town.bound[session.CitizenID] = "li"
	again, err := login.ByCode(t.Context(), town.consent("li"), citycard.ChannelH5, "")
	require.NoError(t, err)
	assert.Equal(t, session.CitizenID, again.CitizenID)
	assert.NotEqual(t, session.ID, again.ID)
	assert.Equal(t, "li", again.PersonID)

	for _, method := range []string{"exchange", "citizen"} {
		town.faults[method] = &citycard.Error{Code: citycard.CodePlatformUnavailable}
		known := len(town.sessions)
		_, err = login.ByCode(t.Context(), town.consent("li"), citycard.ChannelH5, "")
		assertCode(t, citycard.CodePlatformUnavailable, err)
		assert.Len(t, town.sessions, known, "no session without the platform's word")
		delete(town.faults, method)
	}
	town.faults["keep"] = &citycard.Error{Code: citycard.CodeStorageUnavailable}
	_, err = login.Begin(t.Context(), "/h5/")
	assertCode(t, citycard.CodeStorageUnavailable, err)
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	town := newTown()
	login, start := town.login(), town.now()
	session, err := login.ByCode(t.Context(), town.consent("li"), citycard.ChannelH5, "")
	require.NoError(t, err)
	check := func(id string, audience citycard.Audience) error {
		_, err := login.Check(t.Context(), id, audience)
		return err
	}
	require.NoError(t, check(session.ID, citycard.AudienceCitizen))
	assertCode(t, citycard.CodeSessionRequired, check(session.ID, citycard.AudienceStaff))
	assertCode(t, citycard.CodeSessionRequired, check("nonesuch", citycard.AudienceCitizen))

	town.now = func() time.Time { return start.Add(30*time.Minute - 1) }
	require.NoError(t, check(session.ID, citycard.AudienceCitizen))
	town.now = func() time.Time { return start.Add(30 * time.Minute) }
	assertCode(t, citycard.CodeSessionExpired, check(session.ID, citycard.AudienceCitizen))

	town.now = func() time.Time { return start }
	require.NoError(t, login.End(t.Context(), session))
	assertCode(t, citycard.CodeSessionExpired, check(session.ID, citycard.AudienceCitizen))
	town.faults["session"] = &citycard.Error{Code: citycard.CodeStorageUnavailable}
	assertCode(t, citycard.CodeStorageUnavailable, check(session.ID, citycard.AudienceCitizen))
}

func TestANumberedLogInOpensOneSession(t *testing.T) {
	t.Parallel()
	town := newTown()
	login, start := town.login(), town.now()
	code := town.consent("li")
	byCode := func(code, key string) (citycard.Session, error) {
		return login.ByCode(t.Context(), code, citycard.ChannelMiniProgram, key)
	}
	session, err := byCode(code, "number-1")
	require.NoError(t, err)
	again, err := byCode(code, "number-1")
	require.NoError(t, err, "the platform takes the code once, we take the request again")
	assert.Equal(t, session, again)
	assert.Len(t, town.sessions, 1)
	assert.NotContains(t, fmt.Sprint(*town.once[citycard.OnceKey{Scope: "login", Key: "number-1"}]), code)

	_, err = byCode(town.consent("li"), "number-1")
	assertCode(t, citycard.CodeEventIDReused, err)
	_, err = byCode(code, "number-2")
	assertCode(t, citycard.CodeLoginCodeInvalid, err)
	_, err = byCode(code, "")
	assertCode(t, citycard.CodeLoginCodeInvalid, err)
	assert.Len(t, town.sessions, 1)

	// A try that the platform did not answer leaves nothing behind: the same number may come again.
	town.faults["exchange"] = &citycard.Error{Code: citycard.CodePlatformUnavailable}
	_, err = byCode(town.consent("li"), "number-3")
	assertCode(t, citycard.CodePlatformUnavailable, err)
	delete(town.faults, "exchange")
	_, err = byCode(town.consent("li"), "number-3")
	require.NoError(t, err)

	town.now = func() time.Time { return start.Add(30 * time.Minute) }
	_, err = byCode(code, "number-1")
	assertCode(t, citycard.CodeSessionExpired, err)
	town.faults["earlier"] = &citycard.Error{Code: citycard.CodeStorageUnavailable}
	_, err = byCode(town.consent("li"), "number-4")
	assertCode(t, citycard.CodeStorageUnavailable, err)
}

// The same request, sent many times at once, uses the code up once; everybody who reads the record afterwards gets
// the one session.
func TestANumberedLogInSentManyTimesAtOnce(t *testing.T) {
	t.Parallel()
	town := newTown()
	login, code := town.login(), town.consent("li")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			_, err := login.ByCode(t.Context(), code, citycard.ChannelMiniProgram, "number-1")
			if err != nil {
				assertCode(t, citycard.CodeLoginCodeInvalid, err)
			}
		})
	}
	all.Wait()
	assert.Len(t, town.sessions, 1)
	_, err := login.ByCode(t.Context(), code, citycard.ChannelMiniProgram, "number-1")
	require.NoError(t, err)
}
