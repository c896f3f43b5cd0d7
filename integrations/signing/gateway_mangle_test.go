package signing_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // a SHA-1 signature must be refused
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

var gatewayParameters = []string{
	"app_id", "method", "format", "charset", "sign_type", "sign", "timestamp", "version", "biz_content", "nonce",
	"key_id", "app_cert_sn", "alipay_root_cert_sn", "alipay_sdk",
}

var (
	badSignature = outcome{signing.RowSignature, "isv.invalid-signature"}
	badTime      = outcome{signing.RowTime, "isv.invalid-timestamp"}
	badType      = outcome{signing.RowSignType, "isv.invalid-signature-type"}
	badParameter = outcome{signing.RowPattern, "isv.invalid-parameter"}
	badFormat    = outcome{signing.RowPattern, "isv.invalid-format"}
	badCharset   = outcome{signing.RowPattern, "isv.invalid-charset"}
	badVersion   = outcome{signing.RowPattern, "isv.invalid-version"}
)

func missing(what string) outcome { return outcome{signing.RowMissing, "isv.missing-" + what} }

// gatewayAnswers says, for each parameter, how its removal, an empty value, a letter more and a smuggled
// pair are answered.
var gatewayAnswers = map[string]answers{
	"app_id":              {missing("app-id"), missing("app-id"), badParameter, badParameter},
	"method":              {missing("method"), missing("method"), badSignature, badParameter},
	"format":              {badSignature, badFormat, badFormat, badFormat},
	"charset":             {missing("charset"), missing("charset"), badCharset, badCharset},
	"sign_type":           {missing("signature-type"), missing("signature-type"), badType, badType},
	"sign":                {missing("signature"), missing("signature"), badSignature, badSignature},
	"timestamp":           {missing("timestamp"), missing("timestamp"), badTime, badTime},
	"version":             {missing("version"), missing("version"), badVersion, badVersion},
	"biz_content":         {missing("biz-content"), missing("biz-content"), badSignature, badSignature},
	"nonce":               {badSignature, badParameter, badSignature, badParameter},
	"key_id":              {badSignature, badParameter, badSignature, badParameter},
	"app_cert_sn":         {badSignature, badParameter, badSignature, badParameter},
	"alipay_root_cert_sn": {badSignature, badParameter, badSignature, badParameter},
	"alipay_sdk":          {badSignature, badParameter, badSignature, badParameter},
}

// gatewayValueKinds mangle values after signing.
func gatewayValueKinds() []kind {
	kinds := valueKinds(gatewayAnswers)
	for what, timestamp := range map[string]string{
		"301 s early": "2026-11-22 09:24:59", "301 s late": "2026-11-22 09:35:01", "in UTC": "2026-11-22 01:30:00",
		"with a fraction": "2026-11-22 09:30:00.0", "with a short hour": "2026-11-22 9:30:00", "with a T": "2026-11-22T09:30:00",
		"with an offset": "2026-11-22 09:30:00+08:00", "on 30 February": "2026-02-30 09:30:00", "with full-width digits": "２026-11-22 09:30:00",
		"as seconds": "1795311000", "with a space before": " 2026-11-22 09:30:00", "in year 0": "0000-00-00 00:00:00",
	} {
		kinds = append(kinds, kind{"timestamp " + what, func(d *draft) { d.setDecoded("timestamp", timestamp) }, badTime})
	}
	for _, signType := range []string{"RSA", "rsa2", "RSA2 ", "SM2", "SM3", "MD5", "HMAC", "none", "ED25519", "ECDSA_P256"} {
		want := badType
		if signType == "SM2" {
			want = badSignature // registered, but the signature is no SM2 signature
		}
		kinds = append(kinds, kind{"sign_type " + signType, func(d *draft) { d.setDecoded("sign_type", signType) }, want})
	}
	for what, change := range map[string]struct{ name, value string }{
		"another amount of JSON": {"biz_content", strings.Replace(bizContent, "320100", "320200", 1)},
		"a space in the JSON":    {"biz_content", bizContent + " "},
		"another app":            {"app_id", "2026000000000002"},
		"another method":         {"method", "citycard.financial.close"},
		"charset spelt low":      {"charset", "utf-8"},
		"another key id":         {"key_id", sm2KeyID},
		"another nonce":          {"nonce", "q1Zk3mY8tVw0RrXb2LpE7B"},
		"another second":         {"timestamp", "2026-11-22 09:30:01"},
		"another SDK":            {"alipay_sdk", "alipay-sdk-nodejs-4.14.1"},
		"encoded twice":          {"biz_content", "%7B%7D"},
	} {
		kinds = append(kinds, kind{what, func(d *draft) { d.setDecoded(change.name, change.value) }, badSignature})
	}
	return kinds
}

// transportKinds mangle what is around the parameters.
func transportKinds() []kind {
	tooLarge, badMediaType := outcome{signing.RowSize, ""}, outcome{signing.RowMediaType, ""}
	encoding := outcome{signing.RowEncoding, "isv.invalid-encoding"}
	kinds := []kind{
		{"body over 64 KiB", func(d *draft) { d.set("biz_content", strings.Repeat("a", 64<<10)) }, tooLarge},
		{"query over 16 KiB", func(d *draft) { d.query = append(d.query, pair{"a", strings.Repeat("a", 16<<10)}) }, tooLarge},
		{"33 parameters", func(d *draft) {
			for len(d.query)+len(d.body) <= 32 {
				d.query = append(d.query, pair{"a", "1"})
			}
		}, tooLarge},
		{"biz_content over 32 KiB", func(d *draft) { d.set("biz_content", strings.Repeat("a", 32<<10+1)) }, badParameter},
		{"biz_content in the query", func(d *draft) { d.move("biz_content") }, missing("biz-content")},
		{"an empty pair", func(d *draft) { d.body = append(d.body, pair{"", ""}, pair{"&", ""}) }, encoding},
		{"a nameless pair", func(d *draft) { d.body = append(d.body, pair{"", "1"}) }, outcome{signing.RowUnknownName, "isv.unknown-parameter"}},
		{"no parameters", func(d *draft) { d.query, d.body = nil, nil }, missing("app-id")},
		{"a Content-Encoding", func(d *draft) { d.header.Set("Content-Encoding", "gzip") }, badMediaType},
		{"no Content-Type", func(d *draft) { d.header.Del("Content-Type") }, badMediaType},
		{"two Content-Types", func(d *draft) { d.header.Add("Content-Type", d.header.Get("Content-Type")) }, badMediaType},
	}
	for _, mediaType := range []string{
		"application/json", "multipart/form-data; boundary=a", "application/x-www-form-urlencoded; charset=GBK", "text/plain",
		"application/x-www-form-urlencoded; boundary=a", "application/x-www-form-urlencoded; charset=utf-8; a=b", ";",
	} {
		kinds = append(kinds, kind{"Content-Type " + mediaType, func(d *draft) { d.header.Set("Content-Type", mediaType) }, badMediaType})
	}
	return kinds
}

// base64Kinds mangle the spelling of the signature, for any profile that has `sign`.
func base64Kinds() []kind {
	spell := func(change func(text string) string) func(d *draft) {
		return func(d *draft) { d.setDecoded("sign", change(d.decoded("sign"))) }
	}
	binary := func(change func(b []byte) []byte) func(d *draft) {
		return spell(func(text string) string {
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				panic(err)
			}
			return base64.StdEncoding.EncodeToString(change(b))
		})
	}
	return []kind{
		{"sign without padding", spell(func(s string) string { return strings.TrimRight(s, "=") }), badSignature},
		{"sign with more padding", spell(func(s string) string { return s + "====" }), badSignature},
		{"sign with a space before", spell(func(s string) string { return " " + s }), badSignature},
		{"sign with a space inside", spell(func(s string) string { return s[:8] + " " + s[8:] }), badSignature},
		{"sign with stray bits", spell(strayBits), badSignature},
		{"sign in URL-safe base64", spell(func(string) string { return "-_-_" }), badSignature},
		{"sign in hex", spell(func(s string) string { return hex.EncodeToString([]byte(s)) }), badSignature},
		{"sign in lower case", spell(strings.ToLower), badSignature},
		{"sign with its plus signs sent raw", func(d *draft) { d.set("sign", "AAAA+AAA") }, badSignature},
		{"sign of padding only", spell(func(string) string { return "====" }), badSignature},
		{"sign with a bit turned", binary(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), badSignature},
		{"sign with its first bit turned", binary(func(b []byte) []byte { b[0] ^= 0x80; return b }), badSignature},
		{"sign a byte short", binary(func(b []byte) []byte { return b[:len(b)-1] }), badSignature},
		{"sign a byte long", binary(func(b []byte) []byte { return append(b, 0) }), badSignature},
		{"sign with a zero before", binary(func(b []byte) []byte { return append([]byte{0}, b...) }), badSignature},
		{"sign all zero", binary(func(b []byte) []byte { return make([]byte, len(b)) }), badSignature},
		{"sign one", binary(func(b []byte) []byte { c := make([]byte, len(b)); c[len(c)-1] = 1; return c }), badSignature},
	}
}

// strayBits sets bits that the last character of a padded base64 text does not carry.
func strayBits(s string) string {
	end := strings.IndexByte(s, '=')
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	return s[:end-1] + string(alphabet[strings.IndexByte(alphabet, s[end-1])|1]) + s[end:]
}

// foreignKinds sign the same request in ways that are not the profile's.
func foreignKinds(t *testing.T) []kind {
	t.Helper()
	block, _ := pem.Decode(readFile(t, "keys/partner_rsa.pem"))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	require.NoError(t, err)
	key, ok := parsed.(*rsa.PrivateKey)
	require.True(t, ok)
	with := func(sign func(text string) ([]byte, error)) func(d *draft) {
		return func(d *draft) {
			signature, err := sign(d.canonical("sign"))
			if err != nil {
				panic(err)
			}
			d.setDecoded("sign", base64.StdEncoding.EncodeToString(signature))
		}
	}
	pkcs1 := func(hash crypto.Hash, digest func(text string) []byte) func(d *draft) {
		return with(func(text string) ([]byte, error) { return rsa.SignPKCS1v15(nil, key, hash, digest(text)) })
	}
	return []kind{
		{"signed with SHA-1", pkcs1(crypto.SHA1, func(s string) []byte {
			b := sha1.Sum([]byte(s)) //nolint:gosec // a SHA-1 signature must be refused
			return b[:]
		}), badSignature},
		{"signed with SHA-512", pkcs1(crypto.SHA512, func(s string) []byte { b := sha512.Sum512([]byte(s)); return b[:] }), badSignature},
		{"signed with PSS", with(func(s string) ([]byte, error) {
			b := sha256.Sum256([]byte(s))
			return rsa.SignPSS(rand.Reader, key, crypto.SHA256, b[:], nil)
		}), badSignature},
		{"signed without a hash name", pkcs1(0, func(s string) []byte { b := sha256.Sum256([]byte(s)); return b[:] }), badSignature},
		{"signed over the hash", pkcs1(crypto.SHA256, func(s string) []byte {
			b := sha256.Sum256([]byte(s))
			b = sha256.Sum256(b[:])
			return b[:]
		}), badSignature},
		{"plus the modulus", with(func(s string) ([]byte, error) {
			b := sha256.Sum256([]byte(s))
			signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, b[:])
			return new(big.Int).Add(new(big.Int).SetBytes(signature), key.N).Bytes(), err
		}), badSignature},
		{"signed by the platform", func(d *draft) { d.sign(t, privateKey(t, "platform_rsa"), d.canonical("sign")) }, badSignature},
		{"signed with SM2 under RSA2", func(d *draft) { d.sign(t, privateKey(t, "partner_sm2"), d.canonical("sign")) }, badSignature},
		{"signed with Ed25519 under RSA2", func(d *draft) { d.sign(t, privateKey(t, "partner_ed25519"), d.canonical("sign")) }, badSignature},
		{"signed without sign_type", func(d *draft) { d.sign(t, privateKey(t, "partner_rsa"), d.canonical("sign", "sign_type")) }, badSignature},
		{"signed with sign", func(d *draft) { d.sign(t, privateKey(t, "partner_rsa"), d.canonical()) }, badSignature},
		{"signed over escaped values", func(d *draft) { d.sign(t, privateKey(t, "partner_rsa"), encodePairs(d.query)) }, badSignature},
		{"signed with a line feed", func(d *draft) { d.sign(t, privateKey(t, "partner_rsa"), d.canonical("sign")+"\n") }, badSignature},
		{"signed over nothing", func(d *draft) { d.sign(t, privateKey(t, "partner_rsa"), "") }, badSignature},
	}
}

func runKinds(t *testing.T, good *draft, kinds []kind, judge func(d *draft) outcome) {
	t.Helper()
	require.GreaterOrEqual(t, len(kinds), 60)
	for _, kind := range kinds {
		mangled := good.clone()
		kind.mangle(mangled)
		assert.Equal(t, kind.want, judge(mangled), kind.name)
		require.Equal(t, outcome{}, judge(good), "a good one in between")
	}
	t.Logf("%d kinds", len(kinds))
}

func TestGatewayRefusesMangledRequests(t *testing.T) {
	t.Parallel()
	good := gatewayDraft(t, gatewayValues(), privateKey(t, "partner_rsa"))
	kinds := encodingKinds(gatewayParameters)
	kinds = append(kinds, nameKinds(gatewayParameters)...)
	kinds = append(kinds, gatewayValueKinds()...)
	kinds = append(kinds, transportKinds()...)
	kinds = append(kinds, base64Kinds()...)
	kinds = append(kinds, foreignKinds(t)...)
	runKinds(t, good, kinds, func(d *draft) outcome { return judgeGateway(t, d, bank(t)) })
}
