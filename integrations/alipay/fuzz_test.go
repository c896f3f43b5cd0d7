package alipay_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"citycard/integrations/alipay"
)

// FuzzVerifyReply holds that whatever is let through carries a signature that fits what will be read from it.
// The seeds are signed by a key made for this test alone, whose public half lies in testdata.
func FuzzVerifyReply(f *testing.F) {
	text, err := os.ReadFile("testdata/fuzz-platform-public.pem")
	require.NoError(f, err)
	block, _ := pem.Decode(text)
	require.NotNil(f, block)
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	require.NoError(f, err)
	key, ok := parsed.(*rsa.PublicKey)
	require.True(f, ok)
	for _, forged := range forgeries() {
		if len(forged) < 4096 {
			f.Add([]byte(forged))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if alipay.VerifyReply(key, body) != nil {
			return
		}
		var members map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(body, &members))
		var signature string
		require.NoError(t, json.Unmarshal(members["sign"], &signature))
		raw, err := base64.StdEncoding.DecodeString(signature)
		require.NoError(t, err)
		for name, inner := range members {
			if strings.HasSuffix(name, "_response") {
				sum := sha256.Sum256(inner)
				require.NoError(t, rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw))
				require.True(t, json.Valid(inner))
			}
		}
	})
}
