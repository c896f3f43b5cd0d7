package signing_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func derOf(tb testing.TB, text []byte) []byte {
	tb.Helper()
	block, _ := pem.Decode(text)
	require.NotNil(tb, block)
	return block.Bytes
}

func derPKIX(tb testing.TB, key any) []byte {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(tb, err)
	return der
}

func TestKeysRoundTrip(t *testing.T) {
	t.Parallel()
	message := []byte("message")
	for _, keyType := range []signing.KeyType{signing.KeyRSA2, signing.KeySM2, signing.KeyEd25519, signing.KeyP256} {
		t.Run(string(keyType), func(t *testing.T) {
			t.Parallel()
			key := generateKey(t, keyType)
			assert.Equal(t, keyType, key.Type())
			text, err := key.PEM()
			require.NoError(t, err)
			again, err := signing.ParsePrivateKey(text)
			require.NoError(t, err)
			public, err := signing.ParsePublicKey(key.Public().PEM())
			require.NoError(t, err)
			assert.Equal(t, key.Public().Fingerprint(), public.Fingerprint())
			assert.Equal(t, public.Fingerprint(), again.Public().Fingerprint())
			assert.Len(t, public.Fingerprint(), 64)
			signature, err := again.Sign(message)
			require.NoError(t, err)
			assert.True(t, public.Verify(message, signature))
			assert.False(t, public.Verify([]byte("massage"), signature))
			assert.False(t, generateKey(t, keyType).Public().Verify(message, signature))
			assert.False(t, public.Verify(message, nil))
			assert.False(t, signing.IsTestKey(public))
		})
	}
	_, err := signing.GenerateKey("RSA")
	assert.Error(t, err)
}

// The key files are what other tools write, byte for byte.
func TestKeyFilesAreTheirKeysEncoding(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"partner_ed25519", "partner_rsa", "partner_sm2", "platform_rsa", "platform_sm2"} {
		key := privateKey(t, name)
		text, err := key.PEM()
		require.NoError(t, err)
		assert.Equal(t, string(readFile(t, "keys/"+name+".pem")), string(text))
		assert.Equal(t, string(readFile(t, "keys/"+name+".pub")), string(key.Public().PEM()))
	}
}

func TestEveryTestKeyIsKnown(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	files, err := fs.Glob(os.DirFS("testdata"), "*/*.pub")
	require.NoError(t, err)
	require.Len(t, files, 9)
	for _, name := range files {
		key := anyPublic(t, name)
		assert.True(t, signing.IsTestKey(key), name)
		known[key.Fingerprint()] = true
	}
	scalar, err := hex.DecodeString(loadVectors(t).SM2Standard.PrivateKey)
	require.NoError(t, err)
	standard, err := signing.ParsePrivateKey(sm2PEM(t, scalar))
	require.NoError(t, err)
	known[standard.Public().Fingerprint()] = true
	for _, fingerprint := range signing.KnownTestKeys() {
		assert.True(t, known[fingerprint], fingerprint)
	}
	assert.Len(t, signing.KnownTestKeys(), len(known))
}

// anyPublic reads a published key of any kind, SM2 too.
func anyPublic(tb testing.TB, name string) *signing.PublicKey {
	tb.Helper()
	if key, err := signing.ParsePublicKey(readFile(tb, name)); err == nil {
		return key
	}
	return publishedPublic(tb, name)
}

func TestPublicKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	bits := func(n int) *big.Int { return new(big.Int).SetBit(big.NewInt(1), n-1, 1) }
	good := derOf(t, readFile(t, "keys/partner_rsa.pub"))
	modulus := bits(2048)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	sm2Key := derOf(t, readFile(t, "keys/partner_sm2.pub"))
	offCurve := slices.Clone(sm2Key)
	offCurve[len(offCurve)-1] ^= 1
	three, err := asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}{
		pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, Parameters: asn1.NullRawValue},
		bitString(t, struct{ N, E, Extra *big.Int }{modulus, big.NewInt(65537), big.NewInt(1)}),
	})
	require.NoError(t, err)
	x25519, err := x509.MarshalPKIXPublicKey(x25519Key(t))
	require.NoError(t, err)
	tests := map[string][]byte{
		"RSA with 2047 bits":      pemOf("PUBLIC KEY", derPKIX(t, &rsa.PublicKey{N: bits(2047), E: 65537})),
		"RSA with 4097 bits":      pemOf("PUBLIC KEY", derPKIX(t, &rsa.PublicKey{N: bits(4097), E: 65537})),
		"RSA with e = 3":          pemOf("PUBLIC KEY", derPKIX(t, &rsa.PublicKey{N: modulus, E: 3})),
		"RSA with e = 65539":      pemOf("PUBLIC KEY", derPKIX(t, &rsa.PublicKey{N: modulus, E: 65539})),
		"RSA with e = 1":          pemOf("PUBLIC KEY", derPKIX(t, &rsa.PublicKey{N: modulus, E: 1})),
		"RSA of three numbers":    pemOf("PUBLIC KEY", three),
		"an even RSA modulus":     pemOf("PUBLIC KEY", derPKIX(t, &rsa.PublicKey{N: new(big.Int).Sub(modulus, big.NewInt(1)), E: 65537})),
		"P-384":                   pemOf("PUBLIC KEY", derPKIX(t, &p384.PublicKey)),
		"X25519":                  pemOf("PUBLIC KEY", x25519),
		"SM2 off its curve":       pemOf("PUBLIC KEY", offCurve),
		"SM2 cut short":           pemOf("PUBLIC KEY", sm2Key[:len(sm2Key)-1]),
		"SM2 with a byte behind":  pemOf("PUBLIC KEY", append(slices.Clone(sm2Key), 0)),
		"SM2 with half the point": pemOf("PUBLIC KEY", sm2Key[:len(sm2Key)-32]),
		"DER with a byte behind":  pemOf("PUBLIC KEY", append(slices.Clone(good), 0)),
		"a private key":           readFile(t, "keys/partner_rsa.pem"),
		"another label":           pemOf("RSA PUBLIC KEY", good),
		"no PEM":                  good,
		"base64 without its PEM":  []byte(base64.StdEncoding.EncodeToString(good)),
		"nothing":                 nil,
		"two keys":                append(readFile(t, "keys/partner_rsa.pub"), readFile(t, "keys/partner_sm2.pub")...),
		"text before":             append([]byte("bank\n"), readFile(t, "keys/partner_rsa.pub")...),
		"text behind":             append(readFile(t, "keys/partner_rsa.pub"), "bank"...),
		"a header inside":         pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Headers: map[string]string{"A": "b"}, Bytes: good}),
		"too long":                append(readFile(t, "keys/partner_rsa.pub"), bytes.Repeat([]byte{'\n'}, 16<<10)...),
	}
	for name, text := range tests {
		_, err := signing.ParsePublicKey(text)
		assert.Error(t, err, name)
	}
	for name, text := range map[string]string{
		"CRLF":                  strings.ReplaceAll(string(readFile(t, "keys/partner_rsa.pub")), "\n", "\r\n"),
		"blank lines around":    "\n\n" + string(readFile(t, "keys/partner_rsa.pub")) + "\n\n",
		"no line feed at end":   strings.TrimSpace(string(readFile(t, "keys/partner_sm2.pub"))),
		"all base64 on a line":  "-----BEGIN PUBLIC KEY-----\n" + base64.StdEncoding.EncodeToString(good) + "\n-----END PUBLIC KEY-----\n",
		"2048 bits, just right": string(pemOf("PUBLIC KEY", derPKIX(t, &rsa.PublicKey{N: modulus, E: 65537}))),
		"4096 bits, just right": string(pemOf("PUBLIC KEY", derPKIX(t, &rsa.PublicKey{N: bits(4096), E: 65537}))),
	} {
		_, err := signing.ParsePublicKey([]byte(text))
		assert.NoError(t, err, name)
	}
}

// A key of low order verifies signatures that nobody made: this is why it is refused.
func TestEd25519KeysOfLowOrderAreRefused(t *testing.T) {
	t.Parallel()
	low := []string{
		"0000000000000000000000000000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000000000000000000000080",
		"0100000000000000000000000000000000000000000000000000000000000000", "0100000000000000000000000000000000000000000000000000000000000080",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	}
	for _, text := range low {
		key, err := hex.DecodeString(text)
		require.NoError(t, err)
		_, err = signing.ParsePublicKey(pemOf("PUBLIC KEY", derPKIX(t, ed25519.PublicKey(key))))
		assert.Error(t, err, text)
		assert.True(t, forgeable(t, key, low), "%s verifies a signature without a private key", text)
	}
}

// forgeable looks for a message under which the signature (low-order point, 0) verifies.
func forgeable(t *testing.T, key ed25519.PublicKey, points []string) bool {
	t.Helper()
	for message := range byte(64) {
		for _, point := range points {
			signature, err := hex.DecodeString(point + strings.Repeat("00", 32))
			require.NoError(t, err)
			if ed25519.Verify(key, []byte{message}, signature) {
				return true
			}
		}
	}
	return false
}

func TestPrivateKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	rsaDER := derOf(t, readFile(t, "keys/partner_rsa.pem"))
	sm2DER := derOf(t, readFile(t, "keys/partner_sm2.pem"))
	strange := slices.Clone(sm2DER)
	strange[len(strange)-1] ^= 1    // the public half is off the curve
	swapped := slices.Clone(sm2DER) // the public half of somebody else
	other := derOf(t, readFile(t, "keys/platform_sm2.pub"))
	copy(swapped[len(swapped)-64:], other[len(other)-64:])
	for name, text := range map[string][]byte{
		"SM2 with a public half of another key": pemOf("PRIVATE KEY", swapped),
		"a public key":                          readFile(t, "keys/partner_rsa.pub"),
		"PKCS #1":                               readFile(t, "rfc9421/test-key-rsa.pem"),
		"SEC 1":                                 readFile(t, "rfc9421/test-key-ecc-p256.pem"),
		"a byte behind":                         pemOf("PRIVATE KEY", append(slices.Clone(rsaDER), 0)),
		"SM2 with a byte behind":                pemOf("PRIVATE KEY", append(slices.Clone(sm2DER), 0)),
		"SM2 with another public":               pemOf("PRIVATE KEY", strange),
		"SM2 of zero":                           sm2PEM(t, make([]byte, 32)),
		"SM2 above the order":                   sm2PEM(t, bytes.Repeat([]byte{0xff}, 32)),
		"SM2 of 31 bytes":                       sm2PEM(t, bytes.Repeat([]byte{1}, 31)),
		"nothing":                               nil,
	} {
		_, err := signing.ParsePrivateKey(text)
		assert.Error(t, err, name)
	}
}

func TestPrivateKeysDoNotPrint(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"partner_ed25519", "partner_sm2", "partner_rsa"} {
		key := privateKey(t, name)
		want := fmt.Sprintf("%s private key %s", key.Type(), key.Public().Fingerprint())
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			assert.Equal(t, want, fmt.Sprintf(verb, key), verb)
		}
	}
}

func bitString(tb testing.TB, value any) asn1.BitString {
	tb.Helper()
	der, err := asn1.Marshal(value)
	require.NoError(tb, err)
	return asn1.BitString{Bytes: der, BitLength: 8 * len(der)}
}

func x25519Key(tb testing.TB) *ecdh.PublicKey {
	tb.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(tb, err)
	return key.PublicKey()
}
