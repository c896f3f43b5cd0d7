package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
	"citycard/sql/sqltest"
)

const testKeys = "../integrations/signing/testdata/keys/"

func addBank(t *testing.T, environ []string, more ...string) outcome {
	t.Helper()
	return command(t, environ, append([]string{
		"partner", "add", "--app-id", "2026000000000001", "--kind", "bank", "--name", "示范银行", "--region", "320100,330100",
		"--bank-code", "102", "--methods", "citycard.financial.activate,citycard.financial.lose",
	}, more...)...)
}

func addKey(t *testing.T, environ []string, kind, file string, more ...string) outcome {
	t.Helper()
	return command(t, environ, append([]string{
		"partner", "key", "add", "--app-id", "2026000000000001", "--type", kind, "--file", file,
	}, more...)...)
}

func TestPartnersAreRegisteredNextToTheDatabase(t *testing.T) {
	t.Parallel()
	for engine, environ := range map[string][]string{
		"sqlite":   home(t),
		"postgres": append(home(t), "CITYCARD_DATABASE_URL="+sqltest.Postgres(t)),
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			added := addBank(t, environ)
			require.Equal(t, 0, added.code, added)
			for kind, file := range map[string]string{"RSA2": "partner_rsa.pub", "SM2": "partner_sm2.pub", "ED25519": "partner_ed25519.pub"} {
				key := addKey(t, environ, kind, testKeys+file, "--key-id", "bank-"+strings.ToLower(kind), "--not-before", "2026-01-01", "--not-after", "2099-12-31")
				require.Equal(t, 0, key.code, key)
				assert.Contains(t, key.stdout, "until 2100-01-01 00:00:00; no second person was asked")
			}
			revoked := command(t, environ, "partner", "key", "revoke", "--app-id", "2026000000000001", "--key-id", "bank-sm2")
			require.Equal(t, 0, revoked.code, revoked)
			list := command(t, environ, "partner", "list")
			require.Equal(t, 0, list.code, list)
			assert.Contains(t, list.stdout, "2026000000000001 bank 102, active, 示范银行\n  regions 320100, 330100\n"+
				"  methods citycard.financial.activate, citycard.financial.lose\n")
			assert.Regexp(t, `bank-rsa2 +RSA2 +active +2026-01-01 +2100-01-01 +command:\S+ +nobody asked: command line`, list.stdout)
			assert.Regexp(t, `bank-sm2 +SM2 +revoked`, list.stdout)
			assert.Regexp(t, `bank-ed25519 +ED25519 +active`, list.stdout)
			assert.NotContains(t, list.stdout, "warning")
		})
	}
}

func TestAKeyThatEndsSoonIsWarnedOf(t *testing.T) {
	t.Parallel()
	environ := append(home(t), "CITYCARD_NOW=2026-11-22T09:30:00+08:00")
	require.Equal(t, 0, addBank(t, environ).code)
	key := addKey(t, environ, "RSA2", testKeys+"partner_rsa.pub", "--not-after", "2026-12-01")
	require.Equal(t, 0, key.code, key)
	assert.Contains(t, key.stdout, "key rsa2-5f0de3952357 of partner")
	list := command(t, environ, "partner", "list")
	assert.Contains(t, list.stdout, "warning: the last RSA2 key of partner 2026000000000001, rsa2-5f0de3952357, ends in 10 days")

	running := launch(t, environ)
	require.Eventually(t, func() bool {
		return strings.Contains(running.stderr.String(), `"key":"rsa2-5f0de3952357","type":"RSA2","days_left":10`)
	}, patience, moment, "the running service says so in its log")
	assert.Contains(t, string(scrape(t, &process{log: running.stderr})), `citycard_partner_key_days_left{key="rsa2-5f0de3952357",partner="2026000000000001",type="RSA2"} 10`)
}

func TestAPartnerIsChangedAndSuspended(t *testing.T) {
	t.Parallel()
	environ := home(t)
	require.Equal(t, 0, addBank(t, environ).code)
	change := func(words ...string) outcome {
		return command(t, environ, append([]string{"partner", "change", "--app-id", "2026000000000001"}, words...)...)
	}
	done := change("--state", "suspended", "--region", "330100", "--methods", "citycard.financial.lose,citycard.card.query", "--name", "新名", "--bank-code", "103")
	require.Equal(t, 0, done.code, done)
	assert.Equal(t, "partner 2026000000000001 is changed\n", done.stdout)
	list := command(t, environ, "partner", "list").stdout
	assert.Contains(t, list, "2026000000000001 bank 103, suspended, 新名\n  regions 330100\n  methods citycard.financial.lose, citycard.card.query\n")
	require.Equal(t, 0, change("--state", "active").code)
	assert.Contains(t, command(t, environ, "partner", "list").stdout, "bank 103, active, 新名\n  regions 330100\n")
	for names, words := range map[string][]string{"--methods: ": {"--methods", "citycard.social.activate"}, "--region: ": {"--region", "x"}, "--state": {"--state", "asleep"}} {
		failed := change(words...)
		assert.Equal(t, 2, failed.code, names)
		assert.Contains(t, failed.stderr, names)
	}
}

// weakKey is an RSA key of 1024 bits.
const weakKey = `-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDbe5FhG3RV+TcyrgEIZ3YaHrH5
+XotEpl2OqzYDWyIzYY24AH+jCiVClKsq/5zBNQ0hWw1J6srNfdOHi696tSMH3Xq
QadfQ12ToeFNm8YyDjqWXnfd/TqXZmYWY0W0bR1H/izya36FVf9Mt/0OUDEHmHu5
FlgR7O/ZeSjaUcQwwQIDAQAB
-----END PUBLIC KEY-----
`

func TestWhatIsNotRegisteredNamesTheFlag(t *testing.T) {
	t.Parallel()
	weak := filepath.Join(t.TempDir(), "weak.pem")
	require.NoError(t, os.WriteFile(weak, []byte(weakKey), 0o600))
	environ := home(t)
	require.Equal(t, 0, addBank(t, environ).code)
	require.Equal(t, 0, addKey(t, environ, "RSA2", testKeys+"partner_rsa.pub").code)
	other := command(t, environ, "partner", "add", "--app-id", "2026000000000002", "--kind", "hospital", "--name", "示范医院",
		"--region", "320100", "--methods", "citycard.social.activate")
	require.Equal(t, 0, other.code, other)
	for name, c := range map[string]struct {
		failed outcome
		names  string
	}{
		"the same app id":             {addBank(t, environ), "--app-id: a partner with this app id is registered already"},
		"a method of another kind":    {addBank(t, environ, "--methods", "citycard.social.activate"), "--methods: citycard.social.activate is not for a bank"},
		"a region that is none":       {addBank(t, environ, "--region", "Nanjing"), "--region: "},
		"a kind that is none":         {addBank(t, environ, "--kind", "school"), "--kind"},
		"a file that is not there":    {addKey(t, environ, "RSA2", "/none.pem"), "--file: open /none.pem"},
		"a private key":               {addKey(t, environ, "RSA2", testKeys+"partner_rsa.pem"), "--file: this key cannot be registered"},
		"a weak key":                  {addKey(t, environ, "RSA2", weak), "--file: this key cannot be registered"},
		"a key of another type":       {addKey(t, environ, "RSA2", testKeys+"partner_sm2.pub"), "--type: the file holds a key of type SM2"},
		"the same key":                {addKey(t, environ, "RSA2", testKeys+"partner_rsa.pub", "--key-id", "again"), "--file: this key is registered already"},
		"a key id that is none":       {addKey(t, environ, "SM2", testKeys+"partner_sm2.pub", "--key-id", "Bank"), "--key-id: "},
		"a day that is none":          {addKey(t, environ, "SM2", testKeys+"partner_sm2.pub", "--not-after", "2026-02-30"), "--not-after: "},
		"a day gone by":               {addKey(t, environ, "SM2", testKeys+"partner_sm2.pub", "--not-after", "2020-01-01"), "--not-after: "},
		"an unknown partner":          {command(t, environ, "partner", "key", "add", "--app-id", "2026000000000009", "--type", "SM2", "--file", testKeys+"partner_sm2.pub"), "--app-id: there is no such partner"},
		"an unknown key":              {command(t, environ, "partner", "key", "revoke", "--app-id", "2026000000000001", "--key-id", "none"), "--key-id: "},
		"the same key, another app":   {command(t, environ, "partner", "key", "add", "--app-id", "2026000000000002", "--type", "RSA2", "--file", testKeys+"partner_rsa.pub", "--key-id", "mine"), "--file: this key is registered already"},
		"another app's key to revoke": {command(t, environ, "partner", "key", "revoke", "--app-id", "2026000000000002", "--key-id", "rsa2-5f0de3952357"), "--key-id: "},
	} {
		assert.Equal(t, 2, c.failed.code, name)
		assert.Contains(t, c.failed.stderr, c.names, name)
		assert.Equal(t, 1, strings.Count(c.failed.stderr, "\n"), name)
		assert.Empty(t, c.failed.stdout, name)
	}
}

func TestPublishedKeysAreNotRegisteredInProduction(t *testing.T) {
	t.Parallel()
	p := production(t)
	require.Equal(t, 0, addBank(t, p.environ).code)
	failed := addKey(t, p.environ, "RSA2", testKeys+"partner_rsa.pub")
	assert.Equal(t, 2, failed.code)
	assert.Contains(t, failed.stderr, "its private half is published")
	own, err := signing.GenerateKey(signing.KeySM2)
	require.NoError(t, err)
	p.write(t, "own.pem", own.Public().PEM())
	assert.Equal(t, 0, addKey(t, p.environ, "SM2", p.path("own.pem")).code)
}

func TestProductionDoesNotStartOnPublishedPartnerKeys(t *testing.T) {
	t.Parallel()
	p := production(t)
	tried := []string{"CITYCARD_DATABASE_URL=sqlite:" + p.path("citycard.db")}
	require.Equal(t, 0, addBank(t, tried).code)
	require.Equal(t, 0, addKey(t, tried, "RSA2", testKeys+"partner_rsa.pub", "--key-id", "tried").code)
	refused := command(t, p.environ, "serve")
	assert.Equal(t, 2, refused.code)
	assert.Contains(t, refused.stderr, "key tried of partner 2026000000000001 is a published test key")
	revoked := command(t, p.environ, "partner", "key", "revoke", "--app-id", "2026000000000001", "--key-id", "tried")
	require.Equal(t, 0, revoked.code, revoked)
	s := launch(t, p.environ)
	assert.Equal(t, 0, s.stop())
}
