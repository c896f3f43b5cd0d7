package main_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rsaKeys are a private and a public key in PEM, made once.
var rsaKeys = sync.OnceValues(func() (private, public []byte) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	publicDER, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateDER}),
		pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER})
})

// realPlace is a folder with everything that production needs, and the environment that names it.
type realPlace struct {
	folder  string
	environ []string
}

func production(t *testing.T) *realPlace {
	t.Helper()
	p := &realPlace{folder: t.TempDir()}
	private, public := rsaKeys()
	p.write(t, "app.pem", private)
	p.write(t, "alipay.pub", public)
	policy, err := os.ReadFile("../static/policy.json")
	require.NoError(t, err)
	p.write(t, "policy.json", policy)
	p.environ = []string{
		"CITYCARD_ENV=production", "CITYCARD_ADDR=127.0.0.1:0", "CITYCARD_METRICS_ADDR=127.0.0.1:0",
		"CITYCARD_PUBLIC_URL=https://card.example", "CITYCARD_DATABASE_URL=sqlite:" + p.path("citycard.db"),
		"CITYCARD_POLICY_FILE=" + p.path("policy.json"), "CITYCARD_KEYS_DIR=" + p.path("keys"),
		"CITYCARD_ALIPAY_GATEWAY=https://127.0.0.1:1/gateway.do", "CITYCARD_ALIPAY_APP_ID=2021000000000001",
		"CITYCARD_ALIPAY_PRIVATE_KEY_FILE=" + p.path("app.pem"), "CITYCARD_ALIPAY_PUBLIC_KEY_FILE=" + p.path("alipay.pub"),
	}
	made := command(t, p.environ, "keys", "generate")
	require.Equal(t, 0, made.code, made)
	return p
}

func (p *realPlace) path(name string) string { return filepath.Join(p.folder, name) }

func (p *realPlace) write(t *testing.T, name string, text []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(p.path(name), text, 0o600))
}

// set gives a variable another value; an empty one takes it away.
func (p *realPlace) set(name, value string) {
	for i, line := range p.environ {
		if strings.HasPrefix(line, name+"=") {
			p.environ[i] = name + "=" + value
			return
		}
	}
	p.environ = append(p.environ, name+"="+value)
}

func TestProductionStartsOnRealParts(t *testing.T) {
	t.Parallel()
	p := production(t)
	imported := command(t, p.environ, "migrate")
	require.Equal(t, 0, imported.code, imported)
	doctor := command(t, p.environ, "doctor")
	assert.Contains(t, doctor.stdout, "ok    configuration: production")
	assert.Contains(t, doctor.stdout, "FAIL  platform: ", "nobody answers at port 1")
}

func TestProductionRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		spoil func(t *testing.T, p *realPlace)
		names string
	}{
		"the stand-in":          {func(_ *testing.T, p *realPlace) { p.set("CITYCARD_SANDBOX_ADDR", ":0") }, "CITYCARD_SANDBOX_ADDR"},
		"a shifted clock":       {func(_ *testing.T, p *realPlace) { p.set("CITYCARD_NOW", "+1d") }, "CITYCARD_NOW"},
		"no public address":     {func(_ *testing.T, p *realPlace) { p.set("CITYCARD_PUBLIC_URL", "") }, "CITYCARD_PUBLIC_URL is missing"},
		"a plain public one":    {func(_ *testing.T, p *realPlace) { p.set("CITYCARD_PUBLIC_URL", "http://card.example") }, "CITYCARD_PUBLIC_URL must begin with https://"},
		"no gateway":            {func(_ *testing.T, p *realPlace) { p.set("CITYCARD_ALIPAY_GATEWAY", "") }, "CITYCARD_ALIPAY"},
		"a plain gateway":       {func(_ *testing.T, p *realPlace) { p.set("CITYCARD_ALIPAY_GATEWAY", "http://localhost:8081/gateway.do") }, "CITYCARD_ALIPAY_GATEWAY must begin with https://"},
		"no application":        {func(_ *testing.T, p *realPlace) { p.set("CITYCARD_ALIPAY_APP_ID", "") }, "CITYCARD_ALIPAY_APP_ID"},
		"the stand-in's number": {func(_ *testing.T, p *realPlace) { p.set("CITYCARD_ALIPAY_APP_ID", "9021000123456789") }, "CITYCARD_ALIPAY_APP_ID"},
		"no platform keys": {func(_ *testing.T, p *realPlace) {
			p.set("CITYCARD_ALIPAY_PRIVATE_KEY_FILE", "")
			p.set("CITYCARD_ALIPAY_PUBLIC_KEY_FILE", "")
		}, "CITYCARD_ALIPAY_PRIVATE_KEY_FILE is missing"},
		"the example policies": {func(_ *testing.T, p *realPlace) { p.set("CITYCARD_POLICY_FILE", "") }, "CITYCARD_POLICY_FILE is missing"},
		"a broken policy":      {func(t *testing.T, p *realPlace) { p.write(t, "policy.json", []byte(`{"home":"320100"}`)) }, "CITYCARD_POLICY_FILE"},
		"no database":          {func(_ *testing.T, p *realPlace) { p.set("CITYCARD_DATABASE_URL", "") }, "CITYCARD_DATABASE_URL is missing"},
		"no keys directory":    {func(_ *testing.T, p *realPlace) { p.set("CITYCARD_KEYS_DIR", "") }, "CITYCARD_KEYS_DIR is missing"},
		"an empty one":         {func(_ *testing.T, p *realPlace) { p.set("CITYCARD_KEYS_DIR", p.path("none")) }, "CITYCARD_KEYS_DIR"},
		"keys of development": {func(t *testing.T, p *realPlace) {
			p.set("CITYCARD_KEYS_DIR", p.path("development"))
			require.Equal(t, 0, command(t, []string{"CITYCARD_KEYS_DIR=" + p.path("development")}, "keys", "generate").code)
		}, "the key ring was generated for development"},
		"a key ring others can read": {func(t *testing.T, p *realPlace) {
			require.NoError(t, os.Chmod(p.path("keys/keyring.json"), 0o644))
		}, "keyring.json can be read by others"},
		"a private key others can read": {func(t *testing.T, p *realPlace) {
			require.NoError(t, os.Chmod(p.path("app.pem"), 0o644))
		}, "app.pem can be read by others"},
		"a database file others can read": {func(t *testing.T, p *realPlace) {
			p.set("CITYCARD_DATABASE_URL", "")
			p.set("CITYCARD_DATABASE_URL_FILE", p.path("url"))
			p.write(t, "url", []byte("sqlite:"+p.path("citycard.db")))
			require.NoError(t, os.Chmod(p.path("url"), 0o644))
		}, "url can be read by others"},
		"our key published": {func(t *testing.T, p *realPlace) {
			p.write(t, "app.pem", testKey(t, "partner_rsa.pem"))
		}, "CITYCARD_ALIPAY_PRIVATE_KEY_FILE holds a published test key"},
		"the platform's key published": {func(t *testing.T, p *realPlace) {
			p.write(t, "alipay.pub", testKey(t, "platform_rsa.pub"))
		}, "CITYCARD_ALIPAY_PUBLIC_KEY_FILE holds a published test key"},
		"made-up people": {func(t *testing.T, p *realPlace) {
			file := p.path("cards.csv")
			require.Equal(t, 0, command(t, nil, "demo", "cards", "--count", "3", "--out", file).code)
			require.Equal(t, 0, command(t, []string{
				"CITYCARD_DATABASE_URL=sqlite:" + p.path("citycard.db"), "CITYCARD_KEYS_DIR=" + p.path("keys"),
			}, "import", "cards", file).code)
		}, "the database holds made-up cards"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := production(t)
			c.spoil(t, p)
			refused := command(t, p.environ, "serve")
			assert.Empty(t, refused.stdout)
			assert.Contains(t, refused.stderr, c.names)
			assert.Equal(t, 1, strings.Count(refused.stderr, "\n"), refused.stderr)
			assert.Equal(t, 2, refused.code)
		})
	}
}

func testKey(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../integrations/signing/testdata/keys", name))
	require.NoError(t, err)
	return text
}

func TestProductionImportsNoMadeUpCards(t *testing.T) {
	t.Parallel()
	p := production(t)
	file := p.path("cards.csv")
	require.Equal(t, 0, command(t, nil, "demo", "cards", "--count", "3", "--out", file).code)
	refused := command(t, p.environ, "import", "cards", file)
	assert.Equal(t, 2, refused.code)
	assert.Contains(t, refused.stderr, "line 2: the file holds made-up cards")
}

func TestThereIsNoStandInInProduction(t *testing.T) {
	t.Parallel()
	refused := command(t, []string{"CITYCARD_ENV=production"}, "sandbox")
	assert.Equal(t, 2, refused.code)
}

func TestProductionEndsByDraining(t *testing.T) {
	t.Parallel()
	p := production(t)
	s := launch(t, p.environ)
	require.Equal(t, http.StatusOK, get(t, s.url+"/readyz"))
	ended := make(chan int, 1)
	go func() { ended <- s.stop() }()
	require.Eventually(t, func() bool { return get(t, s.url+"/readyz") == http.StatusServiceUnavailable }, patience, moment)
	assert.Equal(t, http.StatusOK, get(t, s.url+"/livez"), "it still serves while load balancers look away")
	assert.Equal(t, 0, <-ended)
}
