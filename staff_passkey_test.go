package citycard_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// keyring is the store of passkeys, challenges and identities, and what stands for devices and the identity provider.
// An answer is the credential's name and its count: "c1 5".
type keyring struct {
	*office

	keys       map[string]citycard.Passkey
	challenges map[string]citycard.StaffChallenge
	bound      map[string]string
	lost       bool // a use came between
	identity   citycard.SSOIdentity
	asked      citycard.SSORequest
	fault      error
}

func newKeyring(tb testing.TB) (*keyring, *citycard.PasskeyDesk, *citycard.StaffSSO) {
	tb.Helper()
	o, login, _ := newOffice(tb)
	k := &keyring{
		office: o, keys: map[string]citycard.Passkey{}, challenges: map[string]citycard.StaffChallenge{}, bound: map[string]string{},
		identity: citycard.SSOIdentity{Issuer: "https://id", Subject: "sub-1", Account: "amy"},
	}
	secret := func() string { return strings.Repeat("x", 26) + o.newID() }
	return k, &citycard.PasskeyDesk{Login: login, Keys: k, Challenges: k, Ceremony: k, NewSecret: secret},
		&citycard.StaffSSO{Login: login, Provider: k, Identities: k, Challenges: k, NewSecret: secret}
}

func (k *keyring) AddPasskey(_ context.Context, key citycard.Passkey, by citycard.StaffAction) error {
	k.keys[key.CredentialID] = key
	k.actions = append(k.actions, by)
	return nil
}

func (k *keyring) Passkeys(context.Context, string) ([]citycard.Passkey, error) {
	var list []citycard.Passkey
	for _, key := range k.keys {
		list = append(list, key)
	}
	return list, nil
}

func (k *keyring) PasskeyOf(_ context.Context, credential string) (citycard.Passkey, citycard.Staff, error) {
	key, found := k.keys[credential]
	if !found {
		return key, citycard.Staff{}, &citycard.Error{Code: citycard.CodeNotFound}
	}
	return key, k.staff, nil
}

func (k *keyring) UsePasskey(_ context.Context, key citycard.Passkey, found uint32) (bool, error) {
	if k.lost || k.keys[key.CredentialID].SignCount != found {
		return false, nil
	}
	k.keys[key.CredentialID] = key
	return true, nil
}

func (k *keyring) StopPasskey(_ context.Context, id string, by citycard.StaffAction) error {
	for credential, key := range k.keys {
		if key.ID == id {
			key.CopiedAt = by.At
			k.keys[credential] = key
		}
	}
	k.actions = append(k.actions, by)
	return nil
}

func (k *keyring) RemovePasskey(_ context.Context, staffID, id string, by citycard.StaffAction) error {
	for credential, key := range k.keys {
		if key.ID == id && key.StaffID == staffID {
			delete(k.keys, credential)
			k.actions = append(k.actions, by)
			return nil
		}
	}
	return &citycard.Error{Code: citycard.CodeNotFound}
}

func (k *keyring) KeepStaffChallenge(_ context.Context, c citycard.StaffChallenge) error {
	k.challenges[c.SecretHash] = c
	return nil
}

func (k *keyring) TakeStaffChallenge(_ context.Context, of citycard.StaffChallenge, now time.Time) (citycard.StaffChallenge, error) {
	c, found := k.challenges[of.SecretHash]
	if !found || c.BrowserHash != of.BrowserHash || c.Kind != of.Kind || !now.Before(c.ExpiresAt) {
		return citycard.StaffChallenge{}, &citycard.Error{Code: citycard.CodeCredentialsInvalid}
	}
	delete(k.challenges, of.SecretHash)
	return c, nil
}

func (k *keyring) AskToAdd(owner citycard.Staff, _ []citycard.Passkey) (options, state string, err error) {
	return "add for " + owner.Account, "add", nil
}

func (k *keyring) Add(_ citycard.Staff, _, answer string) (citycard.Passkey, error) {
	if answer == "forged" {
		return citycard.Passkey{}, &citycard.Error{Code: citycard.CodeCredentialsInvalid}
	}
	return citycard.Passkey{CredentialID: answer}, nil
}

func (k *keyring) AskToLogIn() (options, state string, err error) { return "log in", "log in", nil }

func (k *keyring) LogIn(_, answer string, find func(string) (citycard.Passkey, error)) (key citycard.Passkey, copied bool, err error) {
	if answer == "forged" {
		return citycard.Passkey{}, false, &citycard.Error{Code: citycard.CodeCredentialsInvalid}
	}
	key, err = find(answer[:2])
	if err != nil {
		return key, false, err
	}
	n, err := strconv.ParseUint(answer[3:], 10, 32)
	copied = uint32(n) <= key.SignCount
	key.SignCount = uint32(n)
	return key, copied, err
}

func (k *keyring) AuthorizeURL(_ context.Context, r citycard.SSORequest) (string, error) {
	k.asked = r
	return "https://id/authorize", k.fault
}

func (k *keyring) Identify(_ context.Context, code string, r citycard.SSORequest) (citycard.SSOIdentity, error) {
	switch {
	case k.fault != nil:
		return citycard.SSOIdentity{}, k.fault
	case code != "good" || r != k.asked:
		return citycard.SSOIdentity{}, &citycard.Error{Code: citycard.CodeCredentialsInvalid}
	}
	return k.identity, nil
}

func (k *keyring) BindIdentity(_ context.Context, staffID string, id citycard.SSOIdentity, by citycard.StaffAction) (bool, error) {
	if k.bound[staffID] == "" {
		k.bound[staffID] = id.Subject
		k.actions = append(k.actions, by)
	}
	return k.bound[staffID] == id.Subject, nil
}

// loggedIn is Amy, who came in with a code.
func (k *keyring) loggedIn(t *testing.T, login *citycard.StaffLogin) citycard.StaffSession {
	t.Helper()
	session, err := login.LogIn(t.Context(), citycard.StaffCredentials{Account: "amy", Password: "correct horse", Code: k.code(-1)})
	require.NoError(t, err)
	return session
}

func answerTo(q citycard.Question, credential string) citycard.Answer {
	return citycard.Answer{Credential: credential, Secret: q.Secret, Browser: q.Browser, Address: "192.0.2.1"}
}

// withPasskey is Amy with the passkey c1.
func withPasskey(t *testing.T) (*keyring, *citycard.PasskeyDesk, citycard.StaffSession) {
	t.Helper()
	k, desk, _ := newKeyring(t)
	session := k.loggedIn(t, desk.Login)
	q, err := desk.BeginAdd(t.Context(), session, " 工位电脑 ", citycard.StaffCredentials{Password: "correct horse", Code: k.code(0)})
	require.NoError(t, err)
	assert.Equal(t, "add for amy", q.Options)
	require.NoError(t, desk.Add(t.Context(), session, answerTo(q, "c1")))
	return k, desk, session
}

func TestAPasskeyIsAddedAfterProvingAgainWhoAdds(t *testing.T) {
	t.Parallel()
	k, desk, session := withPasskey(t)
	list, err := desk.List(t.Context(), session)
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.Equal(t, "工位电脑", list[0].Name)
	assert.Equal(t, session.Staff.ID, list[0].StaffID)
	assert.Equal(t, k.at, list[0].AddedAt)
	last := k.actions[len(k.actions)-1]
	assert.Equal(t, "passkey_add", last.Action)
	assert.Equal(t, list[0].ID, last.Object)

	for name, c := range map[string]citycard.StaffCredentials{
		"a wrong password": {Password: "wrong horse!", Code: k.code(1)},
		"a used code":      {Password: "correct horse", Code: k.code(0)},
		"no code":          {Password: "correct horse"},
	} {
		_, err := desk.BeginAdd(t.Context(), session, "x", c)
		assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err), name)
	}
	assert.Equal(t, 3, k.counted(citycard.AttemptByStaffAccount))
	for _, name := range []string{"", "  ", "一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一二三四五六七八九十一"} {
		_, err := desk.BeginAdd(t.Context(), session, name, citycard.StaffCredentials{})
		assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err))
	}
	q, err := desk.BeginAdd(t.Context(), session, "second", citycard.StaffCredentials{Password: "correct horse", Code: k.code(1)})
	require.NoError(t, err)
	other := session
	other.Staff.ID = "bob"
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(desk.Add(t.Context(), other, answerTo(q, "c2"))))
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(desk.Add(t.Context(), session, answerTo(q, "c2"))), "taken already")

	require.NoError(t, desk.Remove(t.Context(), session, list[0].ID))
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(desk.Remove(t.Context(), session, list[0].ID)))
}

func TestAnAccountHasTenPasskeysAtMost(t *testing.T) {
	t.Parallel()
	k, desk, _ := newKeyring(t)
	session := k.loggedIn(t, desk.Login)
	for i := range 10 {
		k.keys[strconv.Itoa(i)] = citycard.Passkey{}
	}
	_, err := desk.BeginAdd(t.Context(), session, "x", citycard.StaffCredentials{Password: "correct horse", Code: k.code(0)})
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err))
}

func TestStaffLogsInWithAPasskey(t *testing.T) {
	t.Parallel()
	k, desk, _ := withPasskey(t)
	try := func(credential string) (citycard.StaffSession, string, error) {
		q, err := desk.BeginLogIn(t.Context(), "/admin/x", "192.0.2.1")
		require.NoError(t, err)
		return desk.LogIn(t.Context(), answerTo(q, credential))
	}
	session, returnTo, err := try("c1 1")
	require.NoError(t, err)
	assert.Equal(t, "amy", session.Staff.Account)
	assert.Equal(t, "/admin/x", returnTo)
	opened := k.actions[len(k.actions)-1]
	assert.Equal(t, []string{"log_in", "passkey", k.keys["c1"].ID}, []string{opened.Action, opened.Reason, opened.Object})
	assert.Equal(t, k.at, k.keys["c1"].UsedAt)
	assert.Zero(t, k.counted(citycard.AttemptByStaffAddress))

	for _, wrong := range []string{"forged", "c9 1"} {
		_, _, err := try(wrong)
		assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err), wrong)
	}
	assert.Equal(t, 2, k.counted(citycard.AttemptByStaffAddress))
	k.lost = true
	_, _, err = try("c1 2")
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err), "the count was taken by another use")
	k.lost = false
	k.staff.State = citycard.StaffDisabled
	_, _, err = try("c1 3")
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err))
	k.staff.State = citycard.StaffActive

	q, err := desk.BeginLogIn(t.Context(), "/admin", "192.0.2.1")
	require.NoError(t, err)
	k.at = k.at.Add(5 * time.Minute)
	_, _, err = desk.LogIn(t.Context(), answerTo(q, "c1 4"))
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err), "too late")
}

func TestACopiedPasskeyLetsNobodyInAnyMore(t *testing.T) {
	t.Parallel()
	k, desk, _ := withPasskey(t)
	try := func(credential string) error {
		q, err := desk.BeginLogIn(t.Context(), "/admin", "192.0.2.1")
		require.NoError(t, err)
		_, _, err = desk.LogIn(t.Context(), answerTo(q, credential))
		return err
	}
	require.NoError(t, try("c1 5"))
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(try("c1 5")), "the count stands still")
	assert.Equal(t, k.at, k.keys["c1"].CopiedAt)
	var recorded []string
	for _, a := range k.actions {
		recorded = append(recorded, a.Action)
	}
	assert.Contains(t, recorded, "passkey_copied")
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(try("c1 99")), "neither the copy nor the device")
}

func TestLogInsThatAreOnlyBegunAreCounted(t *testing.T) {
	t.Parallel()
	_, desk, sso := newKeyring(t)
	for range 300 {
		_, err := desk.BeginLogIn(t.Context(), "/admin", "192.0.2.1")
		require.NoError(t, err)
		_, err = sso.Begin(t.Context(), "/admin", "192.0.2.1")
		require.NoError(t, err)
	}
	_, err := desk.BeginLogIn(t.Context(), "/admin", "192.0.2.1")
	assert.Equal(t, citycard.CodeAttemptsLocked, citycard.CodeOf(err))
	_, err = sso.Begin(t.Context(), "/admin", "192.0.2.1")
	assert.Equal(t, citycard.CodeAttemptsLocked, citycard.CodeOf(err))
	_, err = desk.BeginLogIn(t.Context(), "/admin", "192.0.2.2")
	assert.NoError(t, err)
}

func TestStaffLogsInBySingleSignOn(t *testing.T) {
	t.Parallel()
	k, _, sso := newKeyring(t)
	try := func(code string) (citycard.StaffSession, string, error) {
		redirect, err := sso.Begin(t.Context(), "/admin/x", "192.0.2.1")
		require.NoError(t, err)
		assert.Equal(t, "https://id/authorize", redirect.URL)
		assert.GreaterOrEqual(t, len(k.asked.Verifier), 43, "RFC 7636, 4.1")
		return sso.Return(t.Context(), code, citycard.Answer{Secret: k.asked.State, Browser: redirect.Browser, Address: "192.0.2.1"})
	}
	session, returnTo, err := try("good")
	require.NoError(t, err)
	assert.Equal(t, "amy", session.Staff.Account)
	assert.Equal(t, "/admin/x", returnTo)
	_, _, err = sso.Return(t.Context(), "good", citycard.Answer{Secret: k.asked.State, Browser: "x"})
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err), "a state counts once")

	_, _, err = try("bad")
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err))
	k.identity.Subject = "sub-2"
	_, _, err = try("good")
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err), "the account belongs to another identity")
	k.identity = citycard.SSOIdentity{Issuer: "https://id", Subject: "sub-3", Account: "bob"}
	_, _, err = try("good")
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err), "no account is made")
	k.identity = citycard.SSOIdentity{Issuer: "https://id", Subject: "sub-1", Account: "amy"}
	k.staff.State = citycard.StaffDisabled
	_, _, err = try("good")
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err))
	k.staff.State = citycard.StaffActive
	assert.Equal(t, 4, k.counted(citycard.AttemptByStaffAddress))

	k.fault = &citycard.Error{Code: citycard.CodePlatformUnavailable}
	_, err = sso.Begin(t.Context(), "/admin", "192.0.2.1")
	assert.Equal(t, citycard.CodePlatformUnavailable, citycard.CodeOf(err))
	k.fault = nil
	redirect, err := sso.Begin(t.Context(), "/admin", "192.0.2.1")
	require.NoError(t, err)
	k.fault = errors.New("broken")
	_, _, err = sso.Return(t.Context(), "good", citycard.Answer{Secret: k.asked.State, Browser: redirect.Browser, Address: "192.0.2.1"})
	require.Error(t, err)
	assert.Equal(t, 4, k.counted(citycard.AttemptByStaffAddress), "what was not judged does not count")
}
