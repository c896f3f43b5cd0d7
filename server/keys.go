package main

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"citycard/integrations/alipay"
	"citycard/integrations/keyfile"
	"citycard/integrations/signing"
)

type keysCommand struct {
	Generate keysGenerateCommand `cmd:"" help:"Make a new key ring."`
	Show     keysShowCommand     `cmd:"" help:"List the keys, without their secrets, and the platform's public keys."`
	Rotate   keysRotateCommand   `cmd:"" help:"Put a new key of one kind into use."`
}

// Help is the example.
func (keysCommand) Help() string {
	return "Example:\n\n  citycard keys show"
}

type keysGenerateCommand struct {
	Suite string `kong:"enum='aes,gm',default='aes',help='aes (AES-256-GCM, HMAC-SHA-256) or gm (SM4-GCM, HMAC-SM3).'"`
}

// Help is the example.
func (keysGenerateCommand) Help() string {
	return "Example:\n\n  CITYCARD_KEYS_DIR=/etc/citycard/keys CITYCARD_ENV=production citycard keys generate --suite gm\n\n" +
		"Keep a copy of the directory where the database's backups are not: without it the data cannot be read."
}

// Run makes the ring. It needs no other setting: keys come before everything else.
func (k keysGenerateCommand) Run(p *program) error {
	directory := p.settings.keysDir()
	ring, err := keyfile.Generate(directory, keyfile.Options{
		Suite: keyfile.Suite(k.Suite), Development: p.settings.Environment != production, Now: time.Now(),
	})
	if err != nil {
		return err
	}
	return p.say("%d keys of suite %s are in %s\n", len(ring.Keys()), ring.Suite(), directory)
}

type keysShowCommand struct{}

// Help is the example.
func (keysShowCommand) Help() string {
	return "Example:\n\n  citycard keys show --keys-dir /etc/citycard/keys"
}

// Run lists the keys.
func (keysShowCommand) Run(p *program) error {
	ring, err := keyfile.Load(p.settings.keysDir())
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "KEY\tKIND\tSTATE\tCREATED")
	for _, key := range ring.Keys() {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", key.ID, key.Kind, key.State, key.CreatedAt.Format(time.DateOnly))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	keys, err := signingKeys(ring)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := p.say("\n%s (%s, %s)\n%s", key.id, key.private.Type(), key.state, key.private.Public().PEM()); err != nil {
			return err
		}
	}
	log, err := ledgerLog(ring)
	if err != nil {
		return err
	}
	return p.say("\npublic keys of the audit ledger, the signing one first\n%s\n", strings.Join(log.Public(), "\n"))
}

type keysRotateCommand struct {
	Kind string `arg:"" enum:"data,session,platform_rsa2,platform_sm2,ledger,master" help:"data, session, platform_rsa2, platform_sm2, ledger or master."`
}

// Help is the example.
func (keysRotateCommand) Help() string {
	return "Example:\n\n  citycard keys rotate data --keys-dir /etc/citycard/keys\n\n" +
		"What older data keys sealed stays readable. Running replicas read new data keys by themselves; restart them to sign with a new key."
}

// Run rotates one kind.
func (k keysRotateCommand) Run(p *program) error {
	directory := p.settings.keysDir()
	var err error
	if k.Kind == "master" {
		err = keyfile.RotateMaster(directory)
	} else {
		err = keyfile.Rotate(directory, keyfile.Kind(k.Kind), time.Now())
	}
	if err != nil {
		return err
	}
	return p.say("a new %s key is in use\n", k.Kind)
}

// keysDir is the key ring's directory.
func (s settings) keysDir() string {
	if s.KeysDir == "" {
		return defaultKeysDir
	}
	return s.KeysDir
}

// openRing reads the key ring. In development it is generated where there is none, and two processes that start
// at once share one; production refuses such a ring.
func (c *config) openRing() (*keyfile.Ring, error) {
	if !c.production() && !keyfile.Exists(c.KeysDir) {
		ring, err := keyfile.Generate(c.KeysDir, keyfile.Options{Suite: keyfile.SuiteAES, Development: true, Now: time.Now()})
		if !errors.Is(err, keyfile.ErrExists) {
			return ring, err
		}
	}
	ring, err := keyfile.Load(c.KeysDir)
	if err != nil {
		return nil, usage("CITYCARD_KEYS_DIR: %w", err)
	}
	if c.production() && ring.Development() {
		return nil, usage("not in production: CITYCARD_KEYS_DIR: the key ring was generated for development")
	}
	return c.withLedgerKey(ring)
}

// withLedgerKey holds that the ring has a key for the audit ledger: rings made before there was one have none.
func (c *config) withLedgerKey(ring *keyfile.Ring) (*keyfile.Ring, error) {
	if len(ring.Secrets(keyfile.KindLedger)) > 0 {
		return ring, nil
	}
	if c.production() {
		return nil, usage("CITYCARD_KEYS_DIR: the key ring has no key for the audit ledger: run citycard keys rotate ledger")
	}
	if err := keyfile.Rotate(c.KeysDir, keyfile.KindLedger, time.Now()); err != nil {
		return nil, err
	}
	return keyfile.Load(c.KeysDir)
}

// ownKey is one of our keys towards partners.
type ownKey struct {
	id      string
	state   keyfile.State
	created time.Time
	private *signing.PrivateKey
}

// signingKeys are our keys towards partners: of each type the active one, then the next.
func signingKeys(ring *keyfile.Ring) ([]ownKey, error) {
	var keys []ownKey
	for _, kind := range []keyfile.Kind{keyfile.KindPlatformRSA2, keyfile.KindPlatformSM2} {
		for _, kept := range ring.Secrets(kind) {
			private, err := signing.ParsePrivateKey(privatePEM(kept))
			if err != nil {
				return nil, fmt.Errorf("read key %s: %w", kept.ID, err)
			}
			keys = append(keys, ownKey{kept.ID, kept.State, kept.CreatedAt, private})
		}
	}
	return keys, nil
}

func privatePEM(key keyfile.Secret) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key.Bytes})
}

// developmentKey is one of the keys that only a ring for development holds.
func developmentKey(ring *keyfile.Ring, kind keyfile.Kind) ([]byte, error) {
	kept := ring.Secrets(kind)
	if len(kept) == 0 {
		return nil, usage("CITYCARD_KEYS_DIR: the key ring was not generated for development and has no %s key", kind)
	}
	return privatePEM(kept[0]), nil
}

// publicOf is the public half of an RSA key in PEM.
func publicOf(private []byte) ([]byte, error) {
	key, err := signing.ParsePrivateKey(private)
	if err != nil {
		return nil, err
	}
	return key.Public().PEM(), nil
}

// platformKeys are the keys between us and the super-app platform: our application's private key, and the
// platform's public key or certificates. In development the stand-in's private key is there too.
type platformKeys struct {
	private, public, standIn []byte
	certificates             alipay.Certificates
}

// readPlatformKeys reads the files that the settings name, or takes the keys of development.
func (c *config) readPlatformKeys(ring *keyfile.Ring) (platformKeys, error) {
	if c.developmentKeys() {
		return standInKeys(ring)
	}
	var keys platformKeys
	for _, file := range []struct {
		variable, path string
		into           *[]byte
	}{
		{"ALIPAY_PRIVATE_KEY_FILE", c.PrivateKey, &keys.private},
		{"ALIPAY_PUBLIC_KEY_FILE", c.PublicKey, &keys.public},
		{"ALIPAY_APP_CERT_FILE", c.AppCert, &keys.certificates.App},
		{"ALIPAY_ROOT_CERT_FILE", c.RootCert, &keys.certificates.Root},
		{"ALIPAY_PLATFORM_CERT_FILE", c.PlatformCert, &keys.certificates.Platform},
	} {
		if file.path == "" {
			continue
		}
		text, err := os.ReadFile(file.path)
		if err != nil {
			return platformKeys{}, usage("%s%s: %w", variablePrefix, file.variable, err)
		}
		*file.into = text
	}
	return keys, nil
}

func standInKeys(ring *keyfile.Ring) (platformKeys, error) {
	private, err := developmentKey(ring, keyfile.KindApplication)
	if err != nil {
		return platformKeys{}, err
	}
	platform, err := developmentKey(ring, keyfile.KindStandIn)
	if err != nil {
		return platformKeys{}, err
	}
	public, err := publicOf(platform)
	return platformKeys{private: private, public: public, standIn: platform}, err
}

// isTestKey tells whether a PEM file of a private key, a public key or a certificate holds a key whose private
// half is published. A file that cannot be read here is for its user to refuse.
func isTestKey(file []byte) bool {
	block, _ := pem.Decode(file)
	if block == nil {
		return false
	}
	der, err := x509.MarshalPKIXPublicKey(publicHalf(block))
	if err != nil {
		return false
	}
	key, err := signing.ParsePublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	return err == nil && signing.IsTestKey(key)
}

func publicHalf(block *pem.Block) crypto.PublicKey {
	switch block.Type {
	case "CERTIFICATE":
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			return certificate.PublicKey
		}
	case "PUBLIC KEY":
		if key, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			return key
		}
	case "RSA PRIVATE KEY":
		if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
			return key.Public()
		}
	case "PRIVATE KEY":
		if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if signer, ok := key.(crypto.Signer); ok {
				return signer.Public()
			}
		}
	}
	return nil
}

// say writes to the command's output.
func (p *program) say(format string, args ...any) error {
	_, err := fmt.Fprintf(p.stdout, format, args...)
	return err
}
