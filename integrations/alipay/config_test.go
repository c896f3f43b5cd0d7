package alipay_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/alipay"
)

func TestTheRealGatewayNeedsConfigurationOnly(t *testing.T) {
	t.Parallel()
	config := clientConfig("")
	config.Gateway = "https://openapi.alipay.com/gateway.do"
	config.Authorize = "https://openauth.alipay.com/oauth2/publicAppAuthorize.htm"
	config.PrivateKey = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(appKey())})
	client, err := alipay.New(config)
	require.NoError(t, err)
	address, err := client.FaceURL("0123456789abcdef")
	require.NoError(t, err)
	assert.Regexp(t, `^https://openapi\.alipay\.com/gateway\.do\?.*method=alipay\.user\.certify\.open\.certify.*&sign=.*&sign_type=RSA2`, address)
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	t.Parallel()
	small, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // to be refused
	require.NoError(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	curveDER, err := x509.MarshalPKIXPublicKey(&curve.PublicKey)
	require.NoError(t, err)
	for want, change := range map[string]func(*alipay.Config){
		"Gateway must be an absolute":                       func(c *alipay.Config) { c.Gateway = "/gateway.do" },
		"Gateway must have no query":                        func(c *alipay.Config) { c.Gateway += "?a=b" },
		"Authorize must be an absolute":                     func(c *alipay.Config) { c.Authorize = "ftp://host/" },
		"AppID must have 16 to 20 digits":                   func(c *alipay.Config) { c.AppID = "2021" },
		"Now is missing":                                    func(c *alipay.Config) { c.Now = nil },
		"must be negative":                                  func(c *alipay.Config) { c.Timeout = -time.Second },
		"PrivateKey: must be one PEM block":                 func(c *alipay.Config) { c.PrivateKey = []byte("MIIE") },
		"PrivateKey: must be an RSA key in PKCS":            func(c *alipay.Config) { c.PrivateKey = c.PlatformPublicKey },
		"PrivateKey: must have 2048 to 4096 bits":           func(c *alipay.Config) { c.PrivateKey = privatePEM(small) },
		"exactly one of PlatformPublicKey and Certificates": func(c *alipay.Config) { c.PlatformPublicKey = nil },
		"exactly one of PlatformPublicKey":                  func(c *alipay.Config) { c.Certificates.App = []byte("x") },
		"PlatformPublicKey: must be an RSA public key":      func(c *alipay.Config) { c.PlatformPublicKey = c.PrivateKey },
		"PlatformPublicKey: must be an RSA key":             func(c *alipay.Config) { c.PlatformPublicKey = pem.EncodeToMemory(&pem.Block{Bytes: curveDER}) },
		"PlatformPublicKey: must have 2048 to 4096 bits":    func(c *alipay.Config) { c.PlatformPublicKey = publicPEM(small) },
	} {
		config := clientConfig("http://localhost:8081")
		change(&config)
		client, err := alipay.New(config)
		assert.ErrorContains(t, err, want)
		assert.Nil(t, client)
	}
}
