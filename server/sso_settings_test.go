package main_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSettingsOfSingleSignOnBelongTogether(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte("hunter2\n"), 0o600))
	const issuer, client, secret = "CITYCARD_OIDC_ISSUER=https://id.example", "CITYCARD_OIDC_CLIENT_ID=citycard", "CITYCARD_OIDC_CLIENT_SECRET=hunter2"
	fromFile := "CITYCARD_OIDC_CLIENT_SECRET_FILE=" + file
	for name, c := range map[string]struct {
		given []string
		says  string
	}{
		"all":                   {[]string{issuer, client, secret}, ""},
		"the secret in a file":  {[]string{issuer, client, fromFile}, ""},
		"no issuer":             {[]string{client}, "CITYCARD_OIDC_ISSUER: it is missing"},
		"a method alone":        {[]string{"CITYCARD_OIDC_AMR=mfa"}, "CITYCARD_OIDC_ISSUER: it is missing"},
		"no client":             {[]string{issuer, secret}, "belong to it"},
		"no secret":             {[]string{issuer, client}, "belong to it"},
		"no address":            {[]string{"CITYCARD_OIDC_ISSUER=id.example", client, secret}, "not an address"},
		"the secret twice":      {[]string{issuer, client, secret, fromFile}, "both given"},
		"a file that is absent": {[]string{issuer, client, "CITYCARD_OIDC_CLIENT_SECRET_FILE=" + file + "x"}, "CITYCARD_OIDC_CLIENT_SECRET_FILE"},
		"a staff path":          {[]string{"CITYCARD_ADMIN_URL=https://desk.example/admin"}, "CITYCARD_ADMIN_URL"},
	} {
		done := command(t, append(home(t), c.given...), "migrate")
		if c.says == "" {
			assert.Equal(t, 0, done.code, "%s: %s", name, done.stderr)
			continue
		}
		assert.Equal(t, 2, done.code, name)
		assert.Contains(t, done.stderr, c.says, name)
		assert.NotContains(t, done.stderr, "hunter2", name)
	}
}

func TestStaffComesBySecureAddressesInProduction(t *testing.T) {
	t.Parallel()
	place := production(t)
	for says, settings := range map[string][]string{
		"CITYCARD_ADMIN_URL must begin with https://":   {"CITYCARD_ADMIN_URL=http://desk.example"},
		"CITYCARD_OIDC_ISSUER must begin with https://": {"CITYCARD_OIDC_ISSUER=http://id.example", "CITYCARD_OIDC_CLIENT_ID=c", "CITYCARD_OIDC_CLIENT_SECRET=s"},
	} {
		refused := command(t, append(slices.Clone(place.environ), settings...), "doctor")
		assert.NotEqual(t, 0, refused.code)
		assert.Contains(t, refused.stdout+refused.stderr, says)
	}
}
