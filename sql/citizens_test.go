package sql_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql"
)

func sessions(t *testing.T, e engine) {
	store, address := migrated(t, e)
	citizen, err := store.SeeCitizen(t.Context(), citycard.Citizen{ID: newID(), AppID: "app", OpenID: "open", SeenAt: now})
	require.NoError(t, err)
	session := citycard.Session{
		ID: newID(), Audience: citycard.AudienceCitizen, Channel: citycard.ChannelH5, CitizenID: citizen.ID,
		IssuedAt: now.UTC(), ExpiresAt: now.UTC().Add(30 * time.Minute),
	}
	opened, err := store.OpenSession(t.Context(), session, nil)
	require.NoError(t, err)
	assert.Equal(t, session, opened)
	replica := open(t, address)
	for _, err := range together(30, func(int) error {
		found, err := replica.Session(t.Context(), session.ID)
		assert.Equal(t, session, found)
		return err
	}) {
		require.NoError(t, err)
	}
	require.NoError(t, store.RevokeSession(t.Context(), session.ID, now))
	found, err := replica.Session(t.Context(), session.ID)
	require.NoError(t, err)
	assert.True(t, now.Equal(found.RevokedAt))
}

// numberedSessions are opened by two processes at once under one number, for the same request and for others.
func numberedSessions(t *testing.T, e engine) {
	first, address := migrated(t, e)
	stores := []*sql.Store{first, open(t, address)}
	citizen, err := first.SeeCitizen(t.Context(), citycard.Citizen{ID: newID(), AppID: "app", OpenID: "open", SeenAt: now})
	require.NoError(t, err)
	key := citycard.OnceKey{Scope: "login", Key: "number-1"}
	kept, err := first.Earlier(t.Context(), key)
	require.NoError(t, err)
	assert.Nil(t, kept)
	sessionFor := func(fingerprint string) (citycard.Session, *citycard.Once) {
		s := citycard.Session{
			ID: newID(), Audience: citycard.AudienceCitizen, Channel: citycard.ChannelMiniProgram, CitizenID: citizen.ID,
			IssuedAt: now.UTC(), ExpiresAt: now.UTC().Add(30 * time.Minute),
		}
		return s, &citycard.Once{OnceKey: key, Fingerprint: fingerprint, Result: s.ID, RecordedAt: now}
	}
	opened := make([]citycard.Session, 40)
	for _, err := range together(40, func(i int) error {
		s, once := sessionFor("the same")
		var err error
		opened[i], err = stores[i%2].OpenSession(t.Context(), s, once)
		return err
	}) {
		require.NoError(t, err)
	}
	for _, s := range opened {
		assert.Equal(t, opened[0], s)
	}
	kept, err = stores[1].Earlier(t.Context(), key)
	require.NoError(t, err)
	assert.Equal(t, opened[0].ID, kept.Result)
	assert.Equal(t, "the same", kept.Fingerprint)

	s, once := sessionFor("another")
	_, err = first.OpenSession(t.Context(), s, once)
	assert.Equal(t, citycard.CodeEventIDReused, citycard.CodeOf(err))
	_, err = first.Session(t.Context(), s.ID)
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err), "a refused number opens nothing")
}

func sessionsTell(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	seed(t, store, 2)
	citizens := make([]string, 2)
	for i := range citizens {
		seen, err := store.SeeCitizen(t.Context(), citycard.Citizen{ID: newID(), AppID: "app", OpenID: strconv.Itoa(i), SeenAt: now})
		require.NoError(t, err)
		citizens[i] = seen.ID
	}
	login := func(id, citizen string) {
		_, err := store.OpenSession(t.Context(), citycard.Session{ID: id, CitizenID: citizen, IssuedAt: now, ExpiresAt: now.Add(time.Hour)}, nil)
		require.NoError(t, err)
	}
	confirm := func(n int) (person string) {
		require.NoError(t, store.Update(t.Context(), citycard.Subject{Number: cardRow(n).Number}, func(ch *citycard.Change) error {
			person = ch.Person.ID
			ch.Binding = &citycard.Binding{CitizenID: citizens[0], PersonID: person, Method: citycard.IdentityCertdoc, BoundAt: now}
			return nil
		}))
		return person
	}
	told := func(person string, ids ...string) {
		t.Helper()
		for _, id := range ids {
			session, err := store.Session(t.Context(), id)
			require.NoError(t, err)
			assert.Equal(t, person, session.PersonID, id)
		}
	}
	login("before", citizens[0])
	login("other", citizens[1])
	told("", "before", "other")
	first := confirm(0)
	login("after", citizens[0])
	told(first, "before", "after")
	second := confirm(1)
	require.NotEqual(t, first, second)
	told(second, "before", "after")
	told("", "other")
}

func sessionsAfterMigration(t *testing.T, e engine) {
	address := e.fresh(t)
	store := open(t, address)
	db := connect(t, address)
	older(t, db, e, 35)
	for _, row := range []string{
		"person (id, name, phone, created_at) VALUES ('p', '', '', 0)",
		"citizen (id, app_id, open_id_index, open_id, seen_at) VALUES ('bound', 'app', 'a', '', 0), ('new', 'app', 'b', '', 0)",
		"binding (citizen_id, person_id, method, bound_at) VALUES ('bound', 'p', 'certdoc', 0)",
		"session (id, audience, channel, citizen_id, issued_at, expires_at, revoked_at) VALUES ('s1', 'citizen', 'h5', 'bound', 0, 1, 0), ('s2', 'citizen', 'h5', 'new', 0, 1, 0)",
	} {
		_, err := db.Exec("INSERT INTO " + row)
		require.NoError(t, err)
	}
	require.NoError(t, store.Migrate(t.Context()))
	for id, person := range map[string]string{"s1": "p", "s2": ""} {
		session, err := store.Session(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, person, session.PersonID, id)
	}
}
