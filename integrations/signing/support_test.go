package signing_test

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

const (
	rsaKeyID     = "bank-demo-rsa-2026a"
	sm2KeyID     = "bank-demo-sm2-2026a"
	ed25519KeyID = "bank-demo-ed25519-2026a"
	p256KeyID    = "bank-demo-p256-2026a"
)

// now is the clock of the vectors: 2026-11-22 09:30:00 +08:00.
var now = time.Unix(1795311000, 0)

func formHeader() http.Header {
	return http.Header{"Content-Type": {"application/x-www-form-urlencoded;charset=utf-8"}}
}

func readFile(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(tb, err)
	return data
}

func readJSON(tb testing.TB, name string, into any) {
	tb.Helper()
	require.NoError(tb, json.Unmarshal(readFile(tb, name), into))
}

func privateKey(tb testing.TB, name string) *signing.PrivateKey {
	tb.Helper()
	key, err := signing.ParsePrivateKey(readFile(tb, "keys/"+name+".pem"))
	require.NoError(tb, err)
	return key
}

func publicKey(tb testing.TB, name string) *signing.PublicKey {
	tb.Helper()
	key, err := signing.ParsePublicKey(readFile(tb, "keys/"+name+".pub"))
	require.NoError(tb, err)
	return key
}

func generateKey(tb testing.TB, keyType signing.KeyType) *signing.PrivateKey {
	tb.Helper()
	key, err := signing.GenerateKey(keyType)
	require.NoError(tb, err)
	return key
}

// bank is the registered sender of the vectors.
func bank(tb testing.TB) signing.Sender {
	tb.Helper()
	return signing.Sender{
		Active: true,
		Types:  []signing.KeyType{signing.KeyRSA2, signing.KeySM2, signing.KeyEd25519},
		Keys: []signing.VerifyingKey{
			{ID: rsaKeyID, Key: publicKey(tb, "partner_rsa")},
			{ID: sm2KeyID, Key: publicKey(tb, "partner_sm2")},
			{ID: ed25519KeyID, Key: publicKey(tb, "partner_ed25519")},
		},
	}
}

// requireRefusal checks that err is a refusal and returns it.
func requireRefusal(tb testing.TB, err error) *signing.Refusal {
	tb.Helper()
	require.Error(tb, err, "accepted")
	var refusal *signing.Refusal
	require.ErrorAs(tb, err, &refusal)
	return refusal
}

// published reads a key as its standard prints it, in whatever PEM form, and returns it as this package
// takes it.
func publishedPublic(tb testing.TB, name string) *signing.PublicKey {
	tb.Helper()
	block, _ := pem.Decode(readFile(tb, name))
	require.NotNil(tb, block)
	var key crypto.PublicKey
	var err error
	if block.Type == "RSA PUBLIC KEY" {
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	} else {
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	}
	require.NoError(tb, err)
	return publicOf(tb, key)
}

func publicOf(tb testing.TB, key crypto.PublicKey) *signing.PublicKey {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(tb, err)
	parsed, err := signing.ParsePublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	require.NoError(tb, err)
	return parsed
}

func publishedPrivate(tb testing.TB, name string) *signing.PrivateKey {
	tb.Helper()
	block, _ := pem.Decode(readFile(tb, name))
	require.NotNil(tb, block)
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	require.NoError(tb, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(tb, err)
	parsed, err := signing.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	require.NoError(tb, err)
	return parsed
}

// sm2PEM wraps a raw SM2 private key as PKCS #8.
func sm2PEM(tb testing.TB, scalar []byte) []byte {
	tb.Helper()
	oid := func(arcs ...int) asn1.ObjectIdentifier { return arcs }
	inner, err := asn1.Marshal(struct {
		Version int
		Key     []byte
	}{1, scalar})
	require.NoError(tb, err)
	curve, err := asn1.Marshal(oid(1, 2, 156, 10197, 1, 301))
	require.NoError(tb, err)
	der, err := asn1.Marshal(struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}{0, pkix.AlgorithmIdentifier{Algorithm: oid(1, 2, 840, 10045, 2, 1), Parameters: asn1.RawValue{FullBytes: curve}}, inner})
	require.NoError(tb, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// publicProfile is the message profile of the vectors' public host.
func publicProfile(tb testing.TB) *signing.MessageProfile {
	tb.Helper()
	profile, err := signing.NewMessageProfile("https://api.citycard.example")
	require.NoError(tb, err)
	return profile
}

// tradeStatusSync is the allow-list of the payment notification.
var tradeStatusSync = signing.NotifyType{Names: []string{
	"out_trade_no", "seller_id", "total_amount", "trade_no", "trade_status", "subject", "body", "buyer_id",
	"gmt_payment", "fund_bill_list", "biz_content",
}}

// platformKeys are the platform's own verifying keys.
func platformKeys(tb testing.TB) []signing.VerifyingKey {
	tb.Helper()
	return []signing.VerifyingKey{{ID: "platform-2026a", Key: publicKey(tb, "platform_rsa")}}
}
