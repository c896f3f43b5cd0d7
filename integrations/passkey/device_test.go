package passkey_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/stretchr/testify/require"
)

// The flags of authenticator data (W3C Web Authentication, 6.1).
const (
	flagUP byte = 1 << 0
	flagUV byte = 1 << 2
	flagBE byte = 1 << 3
	flagBS byte = 1 << 4
	flagAT byte = 1 << 6
)

// device is an authenticator with one ES256 key, and the browser before it. What it says can be changed, to say it
// wrongly.
type device struct {
	key    *ecdsa.PrivateKey
	id     []byte
	handle []byte
	party  string
	origin string
	flags  byte
	count  uint32
}

func newDevice(t *testing.T) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	id := make([]byte, 32)
	_, err = rand.Read(id)
	require.NoError(t, err)
	return &device{key: key, id: id, party: "desk.example.gov.cn", origin: "https://desk.example.gov.cn", flags: flagUP | flagUV | flagBE | flagBS}
}

func encoded(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// challengeOf reads the options as a browser would.
func challengeOf(t *testing.T, options string) (challenge string, handle []byte) {
	t.Helper()
	var asked struct {
		Challenge string `json:"challenge"`
		User      struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	require.NoError(t, json.Unmarshal([]byte(options), &asked))
	require.GreaterOrEqual(t, len(asked.Challenge), 22)
	handle, err := base64.RawURLEncoding.DecodeString(asked.User.ID)
	require.NoError(t, err)
	return asked.Challenge, handle
}

func (d *device) clientData(t *testing.T, kind, challenge string) []byte {
	t.Helper()
	data, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": false})
	require.NoError(t, err)
	return data
}

func (d *device) authData(more byte) []byte {
	party := sha256.Sum256([]byte(d.party))
	return binary.BigEndian.AppendUint32(append(party[:], d.flags|more), d.count)
}

// create makes the key known: attestation none.
func (d *device) create(t *testing.T, options string) string {
	t.Helper()
	challenge, handle := challengeOf(t, options)
	d.handle = handle
	point, err := d.key.PublicKey.Bytes() // 4 ‖ x ‖ y
	require.NoError(t, err)
	public, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	require.NoError(t, err)
	data := append(d.authData(flagAT), make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.id)))
	data = append(append(data, d.id...), public...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	require.NoError(t, err)
	return answer(t, d.id, map[string]any{
		"clientDataJSON": encoded(d.clientData(t, "webauthn.create", challenge)), "attestationObject": encoded(object),
		"transports": []string{"internal"},
	})
}

// sign answers a log-in and counts.
func (d *device) sign(t *testing.T, options string) string {
	t.Helper()
	challenge, _ := challengeOf(t, options)
	d.count++
	client, data := d.clientData(t, "webauthn.get", challenge), d.authData(0)
	sum := sha256.Sum256(client)
	signed := sha256.Sum256(append(append([]byte{}, data...), sum[:]...))
	signature, err := d.key.Sign(rand.Reader, signed[:], crypto.SHA256)
	require.NoError(t, err)
	return answer(t, d.id, map[string]any{
		"clientDataJSON": encoded(client), "authenticatorData": encoded(data), "signature": encoded(signature), "userHandle": encoded(d.handle),
	})
}

func answer(t *testing.T, id []byte, response map[string]any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"id": encoded(id), "rawId": encoded(id), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{},
	})
	require.NoError(t, err)
	return string(text)
}
