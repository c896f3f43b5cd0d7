package passkey_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/integrations/passkey"
)

var amy = citycard.Staff{ID: "0123456789abcdef0123456789abcdef", Account: "amy", Name: "王店员"}

func at(t *testing.T, address string) *passkey.Ceremony {
	t.Helper()
	origin, err := url.Parse(address)
	require.NoError(t, err)
	made, err := passkey.New(origin)
	require.NoError(t, err)
	return made
}

// added is a device whose key is stored.
func added(t *testing.T) (*passkey.Ceremony, *device, citycard.Passkey) {
	t.Helper()
	ceremony, d := at(t, "https://desk.example.gov.cn"), newDevice(t)
	options, state, err := ceremony.AskToAdd(amy, nil)
	require.NoError(t, err)
	key, err := ceremony.Add(amy, state, d.create(t, options))
	require.NoError(t, err)
	key.StaffID = amy.ID
	return ceremony, d, key
}

func TestPasskeysNeedASecureAddressWithAName(t *testing.T) {
	t.Parallel()
	for address, served := range map[string]bool{
		"https://desk.example.gov.cn": true, "http://localhost:8080": true, "http://desk.example.gov.cn": false,
		"https://10.0.0.5": false, "http://127.0.0.1:8080": false, "https://[::1]:8443": false,
	} {
		assert.Equal(t, served, at(t, address) != nil, address)
	}
}

func TestOptionsAskForAKeyOnTheDeviceThatVerifiesItsUser(t *testing.T) {
	t.Parallel()
	ceremony, _, key := added(t)
	options, _, err := ceremony.AskToAdd(amy, []citycard.Passkey{key})
	require.NoError(t, err)
	var asked struct {
		RP                     struct{ ID string }
		User                   struct{ ID, Name, DisplayName string }
		AuthenticatorSelection struct {
			ResidentKey, UserVerification string
			RequireResidentKey            bool
		}
		ExcludeCredentials []struct{ ID string }
		Attestation        string
	}
	require.NoError(t, json.Unmarshal([]byte(options), &asked))
	assert.Equal(t, "desk.example.gov.cn", asked.RP.ID)
	assert.Equal(t, encoded([]byte(amy.ID)), asked.User.ID)
	assert.Equal(t, "王店员", asked.User.DisplayName)
	assert.Equal(t, "required", asked.AuthenticatorSelection.ResidentKey)
	assert.True(t, asked.AuthenticatorSelection.RequireResidentKey)
	assert.Equal(t, "required", asked.AuthenticatorSelection.UserVerification)
	require.Len(t, asked.ExcludeCredentials, 1)
	assert.Equal(t, key.CredentialID, asked.ExcludeCredentials[0].ID)
	assert.Equal(t, "none", asked.Attestation)

	options, _, err = ceremony.AskToLogIn()
	require.NoError(t, err)
	assert.Contains(t, options, `"userVerification":"required"`)
	assert.NotContains(t, options, "allowCredentials")
}

func TestAPasskeyLogsInAndKeepsItsFlags(t *testing.T) {
	t.Parallel()
	ceremony, d, key := added(t)
	assert.Equal(t, encoded(d.id), key.CredentialID)
	for _, flag := range []string{`"userPresent":true`, `"userVerified":true`, `"backupEligible":true`, `"backupState":true`} {
		assert.Contains(t, key.Record, flag)
	}
	options, state, err := ceremony.AskToLogIn()
	require.NoError(t, err)
	d.flags &^= flagBS // the device was told to forget its backup
	used, copied, err := ceremony.LogIn(state, d.sign(t, options), func(id string) (citycard.Passkey, error) {
		assert.Equal(t, key.CredentialID, id)
		return key, nil
	})
	require.NoError(t, err)
	assert.False(t, copied)
	assert.Equal(t, uint32(1), used.SignCount)
	assert.Equal(t, key.CredentialID, used.CredentialID)
	assert.Contains(t, used.Record, `"backupState":false`)

	options, state, err = ceremony.AskToLogIn()
	require.NoError(t, err)
	d.count = 0
	_, copied, err = ceremony.LogIn(state, d.sign(t, options), func(string) (citycard.Passkey, error) { return used, nil })
	require.NoError(t, err)
	assert.True(t, copied, "the count did not grow")
}

func TestAnswersThatDoNotHold(t *testing.T) {
	t.Parallel()
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ceremony, _, _ := added(t)
	other, _, err := ceremony.AskToLogIn()
	require.NoError(t, err)
	for name, wrong := range map[string]func(d *device, options *string){
		"a page of another site":          func(d *device, _ *string) { d.origin = "https://desk.example.gov.cn.evil.example" },
		"the same name without TLS":       func(d *device, _ *string) { d.origin = "http://desk.example.gov.cn" },
		"a key for another site":          func(d *device, _ *string) { d.party = "evil.example" },
		"a user who was not verified":     func(d *device, _ *string) { d.flags &^= flagUV },
		"nobody there":                    func(d *device, _ *string) { d.flags &^= flagUP },
		"another key":                     func(d *device, _ *string) { d.key = stranger },
		"another account's handle":        func(d *device, _ *string) { d.handle = []byte("ffffffffffffffffffffffffffffffff") },
		"no handle":                       func(d *device, _ *string) { d.handle = nil },
		"the answer to another challenge": func(_ *device, options *string) { *options = other },
		"a key that became backed up":     func(d *device, _ *string) { d.flags &^= flagBE | flagBS },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ceremony, d, key := added(t)
			options, state, err := ceremony.AskToLogIn()
			require.NoError(t, err)
			wrong(d, &options)
			_, _, err = ceremony.LogIn(state, d.sign(t, options), func(string) (citycard.Passkey, error) { return key, nil })
			assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err))
			assert.NotContains(t, err.Error(), encoded(d.id))
		})
	}
}

func TestNewKeysThatDoNotHold(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]func(d *device){
		"a page of another site":      func(d *device) { d.origin = "https://evil.example" },
		"a key for another site":      func(d *device) { d.party = "evil.example" },
		"a user who was not verified": func(d *device) { d.flags &^= flagUV },
	} {
		ceremony, d := at(t, "https://desk.example.gov.cn"), newDevice(t)
		options, state, err := ceremony.AskToAdd(amy, nil)
		require.NoError(t, err)
		wrong(d)
		_, err = ceremony.Add(amy, state, d.create(t, options))
		assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err), name)
	}
	ceremony, d := at(t, "https://desk.example.gov.cn"), newDevice(t)
	options, state, err := ceremony.AskToAdd(amy, nil)
	require.NoError(t, err)
	_, err = ceremony.Add(citycard.Staff{ID: "another"}, state, d.create(t, options))
	assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err))
}

func TestWhatIsNoAnswer(t *testing.T) {
	t.Parallel()
	ceremony, d, key := added(t)
	options, state, err := ceremony.AskToLogIn()
	require.NoError(t, err)
	never := func(string) (citycard.Passkey, error) { return citycard.Passkey{}, errors.New("not asked") }
	for _, text := range []string{"", "{}", "[]", "null", `{"id":"x"}`, strings.Repeat("{", 10000)} {
		_, _, err := ceremony.LogIn(state, text, never)
		assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err), text)
		_, err = ceremony.Add(amy, state, text)
		assert.Equal(t, citycard.CodeCredentialsInvalid, citycard.CodeOf(err), text)
	}
	unknown := &citycard.Error{Code: citycard.CodeNotFound}
	_, _, err = ceremony.LogIn(state, d.sign(t, options), func(string) (citycard.Passkey, error) { return citycard.Passkey{}, unknown })
	assert.ErrorIs(t, err, unknown)
	key.Record = "broken"
	_, _, err = ceremony.LogIn(state, d.sign(t, options), func(string) (citycard.Passkey, error) { return key, nil })
	assert.Equal(t, citycard.CodeInternal, citycard.CodeOf(err))
	for _, broken := range []string{"", "["} {
		_, _, err = ceremony.LogIn(broken, "{}", never)
		assert.Equal(t, citycard.CodeInternal, citycard.CodeOf(err))
		_, err = ceremony.Add(amy, broken, "{}")
		assert.Equal(t, citycard.CodeInternal, citycard.CodeOf(err))
	}
	_, _, err = ceremony.AskToAdd(amy, []citycard.Passkey{key})
	assert.Error(t, err)
}
