package sql_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql"
)

// passkeys is what every engine must do for the other ways to log in.
var passkeys = []struct {
	name string
	run  func(t *testing.T, e engine)
}{
	{"a passkey comes back with its owner as it was stored, its record sealed", storedPasskeys},
	{"a passkey's count is taken once, by one of fifty over two replicas", usedPasskeys},
	{"a stopped passkey is used no more", stoppedPasskeys},
	{"a challenge is taken once, by one of fifty over two replicas, in its browser and in time", takenChallenges},
	{"an identity belongs to one account and an account to one identity", boundIdentities},
	{"a reset forgets passkeys and identity", forgottenWays},
	{"a new role counts in open sessions and ends none", changedRoles},
}

func newPasskey() citycard.Passkey {
	return citycard.Passkey{
		ID: newID(), StaffID: "id-amy", Name: "钥匙 1", CredentialID: "c1", Record: `{"flags":"RECORD"}`, SignCount: 7, AddedAt: now.UTC(),
	}
}

// withAmy is a store with her account, and a second replica of it.
func withAmy(t *testing.T, e engine) (first, second *sql.Store, address string) {
	t.Helper()
	store, address := migrated(t, e)
	require.NoError(t, store.AddStaff(t.Context(), member(), nil, action("staff_add", "amy")))
	return store, open(t, address), address
}

// oneOf tells how many of fifty callers at once succeed.
func oneOf(t *testing.T, try func(i int) (bool, error)) int64 {
	t.Helper()
	var done atomic.Int64
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			ok, err := try(i)
			assert.NoError(t, err)
			if ok {
				done.Add(1)
			}
		})
	}
	all.Wait()
	return done.Load()
}

func storedPasskeys(t *testing.T, e engine) {
	store, again, address := withAmy(t, e)
	key := newPasskey()
	require.NoError(t, store.AddPasskey(t.Context(), key, action("passkey_add", key.ID)))
	found, owner, err := again.PasskeyOf(t.Context(), "c1")
	require.NoError(t, err)
	assert.Equal(t, key, found)
	assert.Equal(t, member(), owner)
	second := newPasskey()
	err = again.AddPasskey(t.Context(), second, action("passkey_add", second.ID))
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err), "a credential is one passkey's")
	_, _, err = again.PasskeyOf(t.Context(), "c2")
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
	list, err := again.Passkeys(t.Context(), "id-amy")
	require.NoError(t, err)
	assert.Equal(t, []citycard.Passkey{key}, list)
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(again.RemovePasskey(t.Context(), "id-bob", key.ID, action("passkey_remove", key.ID))))
	require.NoError(t, again.RemovePasskey(t.Context(), "id-amy", key.ID, action("passkey_remove", key.ID)))
	list, err = store.Passkeys(t.Context(), "id-amy")
	require.NoError(t, err)
	assert.Empty(t, list)
	if e.name == "sqlite" {
		file, err := os.ReadFile(address[len("sqlite:"):] + "-wal")
		require.NoError(t, err)
		assert.NotContains(t, string(file), "RECORD")
	}
}

func usedPasskeys(t *testing.T, e engine) {
	store, again, _ := withAmy(t, e)
	key := newPasskey()
	require.NoError(t, store.AddPasskey(t.Context(), key, action("passkey_add", key.ID)))
	stores := []*sql.Store{store, again}
	used := key
	used.Record, used.SignCount, used.UsedAt = "later", 8, now.Add(time.Minute).UTC()
	assert.Equal(t, int64(1), oneOf(t, func(i int) (bool, error) {
		return stores[i%2].UsePasskey(context.Background(), used, 7)
	}))
	found, _, err := store.PasskeyOf(t.Context(), "c1")
	require.NoError(t, err)
	assert.Equal(t, used, found)
}

func stoppedPasskeys(t *testing.T, e engine) {
	store, again, _ := withAmy(t, e)
	key := newPasskey()
	require.NoError(t, store.AddPasskey(t.Context(), key, action("passkey_add", key.ID)))
	require.NoError(t, store.StopPasskey(t.Context(), key.ID, action("passkey_copied", key.ID)))
	found, _, err := again.PasskeyOf(t.Context(), "c1")
	require.NoError(t, err)
	assert.Equal(t, now.UTC(), found.CopiedAt)
	key.SignCount = 99
	used, err := again.UsePasskey(t.Context(), key, 7)
	require.NoError(t, err)
	assert.False(t, used)
}

func takenChallenges(t *testing.T, e engine) {
	store, again, _ := withAmy(t, e)
	stores := []*sql.Store{store, again}
	keep := func(secret string) citycard.StaffChallenge {
		c := citycard.StaffChallenge{
			SecretHash: secret, BrowserHash: "b", Kind: citycard.ChallengePasskeyLogIn, StaffID: "s", State: "state of " + secret,
			ReturnTo: "/admin/x", ExpiresAt: now.Add(time.Minute).UTC(),
		}
		require.NoError(t, store.KeepStaffChallenge(t.Context(), c))
		return c
	}
	first := keep("one")
	assert.Equal(t, int64(1), oneOf(t, func(i int) (bool, error) {
		taken, err := stores[i%2].TakeStaffChallenge(context.Background(), first, now)
		if citycard.CodeOf(err) == citycard.CodeCredentialsInvalid {
			return false, nil
		}
		assert.Equal(t, first, taken)
		return err == nil, err
	}))
	kept := keep("two")
	for name, wrong := range map[string]func(c *citycard.StaffChallenge) time.Time{
		"another browser": func(c *citycard.StaffChallenge) time.Time { c.BrowserHash = "x"; return now },
		"another secret":  func(c *citycard.StaffChallenge) time.Time { c.SecretHash = "x"; return now },
		"another kind":    func(c *citycard.StaffChallenge) time.Time { c.Kind = citycard.ChallengeSSO; return now },
		"too late":        func(*citycard.StaffChallenge) time.Time { return now.Add(time.Minute) },
	} {
		c := kept
		at := wrong(&c)
		_, err := store.TakeStaffChallenge(t.Context(), c, at)
		assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err), name)
	}
	_, err := store.TakeStaffChallenge(t.Context(), kept, now)
	assert.NoError(t, err, "wrong tries leave it where it is")
}

func boundIdentities(t *testing.T, e engine) {
	store, again, _ := withAmy(t, e)
	bob := member()
	bob.ID, bob.Account = "id-bob", "bob"
	require.NoError(t, store.AddStaff(t.Context(), bob, nil, action("staff_add", "bob")))
	stores := []*sql.Store{store, again}
	bind := func(on *sql.Store, staff, subject string) bool {
		ok, err := on.BindIdentity(context.Background(), staff, citycard.SSOIdentity{Issuer: "i", Subject: subject}, action("sso_bind", ""))
		assert.NoError(t, err)
		return ok
	}
	assert.Equal(t, int64(1), oneOf(t, func(i int) (bool, error) {
		return bind(stores[i%2], "id-amy", fmt.Sprintf("subject %d", i)), nil
	}), "the first one is kept")
	assert.False(t, bind(store, "id-amy", "another"))
	require.True(t, bind(store, "id-bob", "bob"))
	assert.True(t, bind(again, "id-bob", "bob"), "again")
	assert.False(t, bind(store, "id-amy", "bob"))
	actions, err := store.Actions(t.Context(), "", 100)
	require.NoError(t, err)
	assert.Len(t, actions, 4, "two accounts, two identities")
}

func forgottenWays(t *testing.T, e engine) {
	store, again, _ := withAmy(t, e)
	key := newPasskey()
	require.NoError(t, store.AddPasskey(t.Context(), key, action("passkey_add", key.ID)))
	identity := citycard.SSOIdentity{Issuer: "i", Subject: "s"}
	_, err := store.BindIdentity(t.Context(), "id-amy", identity, action("sso_bind", ""))
	require.NoError(t, err)
	require.NoError(t, again.ResetStaff(t.Context(), member(), nil, action("staff_reset", "amy")))
	_, _, err = store.PasskeyOf(t.Context(), "c1")
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
	identity.Subject = "another"
	bound, err := store.BindIdentity(t.Context(), "id-amy", identity, action("sso_bind", ""))
	require.NoError(t, err)
	assert.True(t, bound)
}

func changedRoles(t *testing.T, e engine) {
	store, again, _ := withAmy(t, e)
	session := citycard.StaffSession{ID: newID(), Staff: member(), IssuedAt: now, SeenAt: now, ExpiresAt: now.Add(time.Hour)}
	require.NoError(t, store.OpenStaffSession(t.Context(), session, action("log_in", "")))
	require.NoError(t, store.ChangeStaffRole(t.Context(), "amy", citycard.RoleAuditor, action("staff_role", "amy")))
	found, err := again.StaffSession(t.Context(), session.ID)
	require.NoError(t, err)
	assert.Equal(t, citycard.RoleAuditor, found.Staff.Role)
	assert.True(t, found.RevokedAt.IsZero())
	err = store.ChangeStaffRole(t.Context(), "bob", citycard.RoleAuditor, action("staff_role", "bob"))
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
	require.NoError(t, again.SetStaffPassword(t.Context(), "id-amy", "other", session.ID, action("staff_password", "amy")))
	changed, err := store.StaffByAccount(t.Context(), "amy")
	require.NoError(t, err)
	assert.Equal(t, "other", changed.PasswordHash)
	assert.False(t, changed.FirstPassword, "the owner's own choice")
	list, err := again.ListStaff(t.Context())
	require.NoError(t, err)
	want := member()
	want.Role, want.PasswordHash, want.CodeSecret, want.FirstPassword = citycard.RoleAuditor, "", "", false
	assert.Equal(t, []citycard.Staff{want}, list)
}
