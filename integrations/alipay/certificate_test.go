package alipay_test

import (
	"crypto/md5" //nolint:gosec // the platform's own serials
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/integrations/alipay"
)

// authority issues certificates for certificate mode.
type authority struct {
	certificate *x509.Certificate
	key         *rsa.PrivateKey
}

func newAuthority(t *testing.T, name string, under *authority) authority {
	t.Helper()
	key := newKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(name))), Subject: pkix.Name{Organization: []string{"Test"}, CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if under == nil {
		under = &authority{template, key}
	}
	return authority{issue(t, template, &key.PublicKey, *under), key}
}

func (a authority) leaf(t *testing.T, name string, key *rsa.PrivateKey) *x509.Certificate {
	t.Helper()
	return issue(t, &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(name)) + 424242), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, &key.PublicKey, a)
}

func issue(t *testing.T, template *x509.Certificate, key *rsa.PublicKey, by authority) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, by.certificate, key, by.key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return certificate
}

func file(certificates ...*x509.Certificate) []byte {
	var text []byte
	for _, certificate := range certificates {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	}
	return text
}

func serialOf(certificate *x509.Certificate) string {
	sum := md5.Sum([]byte(certificate.Issuer.String() + certificate.SerialNumber.String())) //nolint:gosec // see import
	return hex.EncodeToString(sum[:])
}

func TestCertificateMode(t *testing.T) {
	t.Parallel()
	root := newAuthority(t, "root", nil)
	between := newAuthority(t, "intermediate", &root)
	platform, app := between.leaf(t, "platform", platformKey()), between.leaf(t, "app", appKey())
	unreadable := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("an SM2 certificate")})
	good := alipay.Certificates{
		App: file(app), Root: append(unreadable, file(root.certificate)...), Platform: file(platform, between.certificate),
	}
	use := func(c *alipay.Config) { c.PlatformPublicKey, c.Certificates = nil, good }
	naming := func(serial string) answer {
		return func(method string, r *http.Request) string {
			reply := signed(passed)(method, r)
			return strings.TrimSuffix(reply, "}") + `,"alipay_cert_sn":"` + serial + `"}`
		}
	}

	t.Run("requests name both certificates and the reply's is the configured one", func(t *testing.T) {
		t.Parallel()
		var appSerial, rootSerial string
		gateway := script(t, use, func(method string, r *http.Request) string {
			appSerial, rootSerial = r.FormValue("app_cert_sn"), r.FormValue("alipay_root_cert_sn")
			return naming(serialOf(platform))(method, r)
		})
		verdict, err := gateway.client.QueryFace(t.Context(), "id")
		require.NoError(t, err)
		assert.True(t, verdict.Passed)
		assert.Equal(t, serialOf(app), appSerial)
		assert.Equal(t, serialOf(root.certificate), rootSerial)
	})
	t.Run("a reply that names another certificate is not believed and nothing is fetched", func(t *testing.T) {
		t.Parallel()
		gateway := script(t, use, naming(serialOf(app)))
		_, err := gateway.client.QueryFace(t.Context(), "id")
		requireUnavailable(t, err)
		assert.Equal(t, int64(1), gateway.calls.Load())
	})
	t.Run("a reply signed by another key is not believed", func(t *testing.T) {
		t.Parallel()
		gateway := script(t, use, func(method string, _ *http.Request) string {
			return `{"` + member(method) + `":` + passed + `,"sign":"` + sign(strangerKey(), passed) + `","alipay_cert_sn":"` + serialOf(platform) + `"}`
		})
		verdict, err := gateway.client.QueryFace(t.Context(), "id")
		assert.Equal(t, citycard.CodePlatformUnavailable, citycard.CodeOf(err))
		assert.Zero(t, verdict)
	})
	t.Run("files that do not belong together", func(t *testing.T) {
		t.Parallel()
		stranger := newAuthority(t, "stranger", nil)
		for want, change := range map[string]func(*alipay.Config){
			"does not chain":                     func(c *alipay.Config) { c.Certificates.Root = file(stranger.certificate) },
			"does not chain to the root":         func(c *alipay.Config) { c.Certificates.Platform = file(platform) },
			"has expired":                        func(c *alipay.Config) { c.Now = func() time.Time { return time.Now().Add(2 * time.Hour) } },
			"is not that of PrivateKey":          func(c *alipay.Config) { c.Certificates.App = file(platform) },
			"application certificate: no":        func(c *alipay.Config) { c.Certificates.App = nil },
			"root certificates: no readable":     func(c *alipay.Config) { c.Certificates.Root = unreadable },
			"platform certificate: no readable":  func(c *alipay.Config) { c.Certificates.Platform = []byte("x") },
			"exactly one of PlatformPublicKey a": func(c *alipay.Config) { c.PlatformPublicKey = publicPEM(platformKey()) },
		} {
			config := clientConfig("http://localhost:8081")
			use(&config)
			change(&config)
			_, err := alipay.New(config)
			assert.ErrorContains(t, err, want)
		}
	})
}
