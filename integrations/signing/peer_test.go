package signing_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/remitly-oss/httpsig-go"
	"github.com/remitly-oss/httpsig-go/keyman"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

var peerFields = httpsig.Fields("@method", "@authority", "@path", "@query", "content-type", "content-digest", "idempotency-key")

// peerKey is one key as this package and as httpsig-go hold it.
type peerKey struct {
	id        string
	algorithm httpsig.Algorithm
	ours      *signing.PrivateKey
	theirs    crypto.Signer
}

func peerKeys(t *testing.T) []peerKey {
	t.Helper()
	keys := []peerKey{
		{id: rsaKeyID, algorithm: httpsig.Algo_RSA_v1_5_sha256, ours: privateKey(t, "partner_rsa")},
		{id: ed25519KeyID, algorithm: httpsig.Algo_ED25519, ours: privateKey(t, "partner_ed25519")},
		{id: p256KeyID, algorithm: httpsig.Algo_ECDSA_P256_SHA256, ours: generateKey(t, signing.KeyP256)},
	}
	for i := range keys {
		text, err := keys[i].ours.PEM()
		require.NoError(t, err)
		block, _ := pem.Decode(text)
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		require.NoError(t, err)
		theirs, ok := parsed.(crypto.Signer)
		require.True(t, ok)
		keys[i].theirs = theirs
	}
	return keys
}

func peerRequest(t *testing.T, target string) (*http.Request, []byte) {
	t.Helper()
	body := []byte(`{"type":"citycard.card.ready","out_request_no":"MAKER-20261122-000001"}`)
	request := httptest.NewRequest(http.MethodPost, target, bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", `"MAKER-20261122-000001"`)
	return request, body
}

var peerTargets = []string{
	"https://api.citycard.example/v1/partner/events",
	"https://api.citycard.example/v1/partner/queries?a=1&b=%E4%BD%A0&c",
}

func TestPeerSignsWeVerify(t *testing.T) {
	t.Parallel()
	for _, key := range peerKeys(t) {
		for _, target := range peerTargets {
			request, body := peerRequest(t, target)
			require.NoError(t, httpsig.Sign(request, httpsig.SigningProfile{
				Algorithm: key.algorithm, Fields: peerFields,
				Metadata: []httpsig.Metadata{
					httpsig.MetaCreated, httpsig.MetaExpires, httpsig.MetaNonce, httpsig.MetaKeyID, httpsig.MetaTag,
				},
			}, httpsig.SigningKey{Key: key.theirs, MetaKeyID: key.id, MetaTag: signing.TagPartner}))

			parsed, err := publicProfile(t).Parse(signing.NewMessage(request, body))
			require.NoError(t, err, key.id)
			sender := signing.Sender{Active: true, Keys: []signing.VerifyingKey{{ID: key.id, Key: key.ours.Public()}}}
			// The peer signs by the clock of the machine.
			require.NoError(t, parsed.Verify(sender, time.Now()), key.id)
		}
	}
}

func TestWeSignPeerVerifies(t *testing.T) {
	t.Parallel()
	for _, key := range peerKeys(t) {
		spec := httpsig.KeySpec{KeyID: key.id, Algo: key.algorithm, PubKey: key.theirs.Public()}
		fetcher := keyman.NewKeyFetchInMemory(map[string]httpsig.KeySpec{key.id: spec})
		profile := httpsig.VerifyProfile{
			SignatureLabel: httpsig.DefaultSignatureLabel, RequiredFields: peerFields, DisableTimeEnforcement: true,
			AllowedAlgorithms:  []httpsig.Algorithm{key.algorithm},
			DisallowedMetadata: []httpsig.Metadata{httpsig.MetaAlgorithm},
		}
		for _, target := range peerTargets {
			request, body := peerRequest(t, target)
			require.NoError(t, signing.SignRequest(signing.NewMessage(request, body), messageParams(key.id), key.ours))
			result, err := httpsig.Verify(request, fetcher, profile)
			require.NoError(t, err, key.id)
			assert.True(t, result.Verified, key.id)

			again, _ := peerRequest(t, target)
			again.Header = request.Header.Clone()
			again.Header.Set("Idempotency-Key", `"MAKER-20261122-000002"`)
			_, err = httpsig.Verify(again, fetcher, profile)
			assert.Error(t, err, key.id)
		}
	}
}
