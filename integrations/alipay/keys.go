package alipay

import (
	"bytes"
	"crypto"
	"crypto/md5" //nolint:gosec // the platform defines certificate serials as MD5; nothing is protected by it
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"time"

	sdk "github.com/smartwalle/alipay/v3"
	"github.com/smartwalle/nsign"

	"citycard"
)

// Certificates are the three files of certificate mode, PEM: the application's certificate, the platform's root
// certificates and the platform's own certificate with its issuer. A certificate named by a reply is never
// fetched: when the platform changes its own, the new file is configured.
type Certificates struct {
	App      []byte
	Root     []byte
	Platform []byte
}

func (c Certificates) empty() bool { return len(c.App)+len(c.Root)+len(c.Platform) == 0 }

// keys are the parsed keys: ours to sign with, the platform's to verify with, and the serial of the platform's
// certificate, which is empty in key mode.
type keys struct {
	private  *rsa.PrivateKey
	platform *rsa.PublicKey
	serial   string
}

func readKeys(config Config) (keys, error) {
	private, err := parsePrivateKey(config.PrivateKey)
	if err != nil {
		return keys{}, fmt.Errorf("PrivateKey: %w", err)
	}
	keyMode := len(config.PlatformPublicKey) > 0
	if keyMode != config.Certificates.empty() {
		return keys{}, errors.New("exactly one of PlatformPublicKey and Certificates must be given")
	}
	if keyMode {
		platform, err := parsePublicKey(config.PlatformPublicKey)
		if err != nil {
			return keys{}, fmt.Errorf("PlatformPublicKey: %w", err)
		}
		return keys{private: private, platform: platform}, nil
	}
	leaf, err := checkCertificates(config.Certificates, private, config.Now())
	if err != nil {
		return keys{}, fmt.Errorf("Certificates: %w", err)
	}
	platform, err := checkPublicKey(leaf.PublicKey)
	if err != nil {
		return keys{}, fmt.Errorf("Certificates: platform certificate: %w", err)
	}
	return keys{private: private, platform: platform, serial: certificateSerial(leaf)}, nil
}

func (k keys) signer() nsign.Signer {
	return nsign.New(nsign.WithMethod(nsign.NewRSAMethod(crypto.SHA256, k.private, nil)), nsign.WithEncoder(sdk.Encoder{}))
}

// load gives the SDK what it verifies with and names in its requests.
func (k keys) load(client *sdk.Client, config Config) error {
	if k.serial == "" {
		return client.LoadAliPayPublicKey(string(config.PlatformPublicKey))
	}
	if err := client.LoadAppCertPublicKey(string(config.Certificates.App)); err != nil {
		return err
	}
	if err := client.LoadAliPayRootCert(string(config.Certificates.Root)); err != nil {
		return err
	}
	return client.LoadAlipayCertPublicKey(string(config.Certificates.Platform))
}

// stampingSigner puts our clock's time into a request before it is signed: the SDK knows only the machine's.
type stampingSigner struct {
	nsign.Signer
	now func() time.Time
}

func (s stampingSigner) SignValues(values url.Values, options ...nsign.SignOption) ([]byte, error) {
	values.Set("timestamp", s.now().In(citycard.Shanghai).Format(time.DateTime))
	return s.Signer.SignValues(values, options...)
}

// checkCertificates proves that the platform's certificate chains to the pinned roots and that the application's
// belongs to our private key. It returns the platform's.
func checkCertificates(files Certificates, private *rsa.PrivateKey, now time.Time) (*x509.Certificate, error) {
	app, err := parseCertificates(files.App)
	if err != nil {
		return nil, fmt.Errorf("application certificate: %w", err)
	}
	if !private.PublicKey.Equal(app[0].PublicKey) {
		return nil, errors.New("the application certificate is not that of PrivateKey")
	}
	trusted, err := parseCertificates(files.Root)
	if err != nil {
		return nil, fmt.Errorf("root certificates: %w", err)
	}
	platform, err := parseCertificates(files.Platform)
	if err != nil {
		return nil, fmt.Errorf("platform certificate: %w", err)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, certificate := range trusted {
		roots.AddCert(certificate)
	}
	for _, certificate := range platform[1:] {
		between.AddCert(certificate)
	}
	_, err = platform[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil, fmt.Errorf("platform certificate does not chain to the root certificates: %w", err)
	}
	return platform[0], nil
}

// parseCertificates reads the certificates of a PEM file. The platform's root file also holds SM2 certificates,
// which this library cannot read and RSA2 does not need: they are passed over.
func parseCertificates(file []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			found = append(found, certificate)
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no readable certificate in PEM")
	}
	return found, nil
}

// certificateSerial is the platform's name for a certificate: MD5 of the issuer's RFC 2253 string followed by the
// decimal serial number.
func certificateSerial(certificate *x509.Certificate) string {
	sum := md5.Sum([]byte(certificate.Issuer.String() + certificate.SerialNumber.String())) //nolint:gosec // see import
	return hex.EncodeToString(sum[:])
}

func parsePrivateKey(file []byte) (*rsa.PrivateKey, error) {
	block, rest := pem.Decode(file)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("must be one PEM block")
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("must be an RSA key in PKCS #1 or PKCS #8")
		}
		private, ok := parsed.(*rsa.PrivateKey)
		if !ok {
			return nil, errors.New("must be an RSA key")
		}
		key = private
	}
	_, err = checkPublicKey(&key.PublicKey)
	return key, err
}

func parsePublicKey(file []byte) (*rsa.PublicKey, error) {
	block, rest := pem.Decode(file)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("must be one PEM block")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("must be an RSA public key in PKIX")
	}
	return checkPublicKey(parsed)
}

func checkPublicKey(parsed any) (*rsa.PublicKey, error) {
	key, ok := parsed.(*rsa.PublicKey)
	switch {
	case !ok:
		return nil, errors.New("must be an RSA key")
	case key.N.BitLen() < 2048 || key.N.BitLen() > 4096:
		return nil, errors.New("must have 2048 to 4096 bits")
	case key.E != 65537:
		return nil, errors.New("must have the exponent 65537")
	}
	return key, nil
}
