package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/emmansun/gmsm/sm2"
)

// KeyType is the type of a registered key, which is also the algorithm of every signature it makes or
// verifies. RSA2 and SM2 are the sign_type values of the form profiles; message signatures take all four.
type KeyType string

// The types of keys that can be registered.
const (
	KeyRSA2    KeyType = "RSA2"       // RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017)
	KeySM2     KeyType = "SM2"        // SM2 with SM3 (GB/T 32918.2), signatures in DER
	KeyEd25519 KeyType = "ED25519"    // Ed25519 (RFC 8032)
	KeyP256    KeyType = "ECDSA_P256" // ECDSA on P-256 with SHA-256, signatures as r || s (RFC 9421 §3.3.4)
)

// formKeyType reads a sign_type, exactly as the form profiles spell it.
func formKeyType(signType string) (KeyType, bool) {
	switch keyType := KeyType(signType); keyType {
	case KeyRSA2, KeySM2:
		return keyType, true
	}
	return "", false
}

// PublicKey is a verifying key whose algorithm is fixed. It is safe for concurrent use.
type PublicKey struct {
	keyType     KeyType
	key         crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey (SM2, P-256) or ed25519.PublicKey
	der         []byte           // SubjectPublicKeyInfo
	fingerprint string
}

// Type is the key's type and algorithm.
func (k *PublicKey) Type() KeyType { return k.keyType }

// Fingerprint is the SHA-256 of the key's SubjectPublicKeyInfo (RFC 5280) in lower-case hex. Two files
// with the same key have the same fingerprint, so it finds a key that is registered under two apps.
func (k *PublicKey) Fingerprint() string { return k.fingerprint }

// Verify tells whether signature is this key's signature over message.
func (k *PublicKey) Verify(message, signature []byte) bool {
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		return verifyRSA(key, message, signature)
	case ed25519.PublicKey:
		return ed25519.Verify(key, message, signature)
	case *ecdsa.PublicKey:
		if k.keyType == KeySM2 {
			return verifySM2(key, message, signature)
		}
		return verifyP256(key, message, signature)
	}
	return false
}

// PrivateKey is a signing key whose algorithm is fixed. It is safe for concurrent use and prints as its
// public fingerprint.
type PrivateKey struct {
	key    crypto.Signer
	public *PublicKey
}

// Type is the key's type and algorithm.
func (k *PrivateKey) Type() KeyType { return k.public.keyType }

// Public returns the verifying half.
func (k *PrivateKey) Public() *PublicKey { return k.public }

// Format prints the key's type and fingerprint for every verb, so that no log line shows the key itself.
func (k *PrivateKey) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "%s private key %s", k.public.keyType, k.public.fingerprint)
}

// Sign signs message. RSA2 and Ed25519 signatures are the same every time, SM2 and ECDSA ones are not.
func (k *PrivateKey) Sign(message []byte) ([]byte, error) {
	switch key := k.key.(type) {
	case *rsa.PrivateKey:
		return signRSA(key, message)
	case ed25519.PrivateKey:
		return ed25519.Sign(key, message), nil
	case *ecdsa.PrivateKey:
		return signP256(key, message)
	case *sm2.PrivateKey:
		return signSM2(key, message)
	}
	return nil, fmt.Errorf("sign with %s key: no algorithm", k.public.keyType)
}

// GenerateKey makes a new key of the type; RSA keys have 2048 bits, the least that is accepted, since each
// reply costs a signature.
func GenerateKey(keyType KeyType) (*PrivateKey, error) {
	var key crypto.Signer
	var err error
	switch keyType {
	case KeyRSA2:
		key, err = rsa.GenerateKey(rand.Reader, minRSABits)
	case KeySM2:
		key, err = sm2.GenerateKey(rand.Reader)
	case KeyEd25519:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case KeyP256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		err = errors.New("unknown key type")
	}
	if err != nil {
		return nil, fmt.Errorf("generate %s key: %w", keyType, err)
	}
	return newPrivateKey(key)
}

func newPrivateKey(key crypto.Signer) (*PrivateKey, error) {
	public, err := newPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	return &PrivateKey{key: key, public: public}, nil
}

// newPublicKey fixes the type of a key and refuses the keys that no app may register.
func newPublicKey(key crypto.PublicKey) (*PublicKey, error) {
	k := &PublicKey{key: key}
	var err error
	switch key := key.(type) {
	case *rsa.PublicKey:
		k.keyType, err = KeyRSA2, checkRSA(key)
	case ed25519.PublicKey:
		k.keyType, err = KeyEd25519, checkEd25519(key)
	case *ecdsa.PublicKey:
		k.keyType, err = curveType(key)
	default:
		err = errors.New("not an RSA, SM2, Ed25519 or P-256 key")
	}
	if err != nil {
		return nil, err
	}
	if k.der, err = marshalPublic(key); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(k.der)
	k.fingerprint = hex.EncodeToString(sum[:])
	return k, nil
}

// marshalPublic encodes a key as SubjectPublicKeyInfo; crypto/x509 does not know the SM2 curve.
func marshalPublic(key crypto.PublicKey) ([]byte, error) {
	if ec, ok := key.(*ecdsa.PublicKey); ok && ec.Curve == sm2.P256() {
		return marshalSM2Public(ec)
	}
	return x509.MarshalPKIXPublicKey(key)
}

func curveType(key *ecdsa.PublicKey) (KeyType, error) {
	switch key.Curve {
	case elliptic.P256():
		return KeyP256, nil
	case sm2.P256():
		return KeySM2, nil
	}
	return "", errors.New("elliptic curve is neither P-256 nor SM2")
}
