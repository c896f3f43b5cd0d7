package signing

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"

	"github.com/emmansun/gmsm/sm2"
)

// sm2UserID is the signer's distinguishing identifier that GM/T 0009 fixes for everyone. A signature made
// with an empty one does not verify.
var sm2UserID = []byte("1234567812345678")

var (
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidSM2Curve    = asn1.ObjectIdentifier{1, 2, 156, 10197, 1, 301}
)

// sm2PublicPrefix is everything of an SM2 SubjectPublicKeyInfo before its uncompressed point: id-ecPublicKey
// with the curve 1.2.156.10197.1.301, and a bit string of 65 bytes.
var sm2PublicPrefix = decodeHex("3059301306072a8648ce3d020106082a811ccf5501822d034200")[0]

const (
	sm2ScalarSize = 32
	sm2PointSize  = 1 + 2*sm2ScalarSize
)

func marshalSM2Public(key *ecdsa.PublicKey) ([]byte, error) {
	point, err := sm2.PublicKeyToECDH(key)
	if err != nil {
		return nil, fmt.Errorf("encode SM2 key: %w", err)
	}
	return append(append([]byte(nil), sm2PublicPrefix...), point.Bytes()...), nil
}

// verifySM2 is SM2 with SM3 (GB/T 32918.2 §7) over a signature in strict DER.
func verifySM2(key *ecdsa.PublicKey, message, signature []byte) bool {
	return isDERSignature(signature) && sm2.VerifyASN1WithSM2(key, sm2UserID, message, signature)
}

func signSM2(key *sm2.PrivateKey, message []byte) ([]byte, error) {
	signature, err := key.Sign(rand.Reader, message, sm2.NewSM2SignerOption(true, sm2UserID))
	if err != nil {
		return nil, fmt.Errorf("sign with SM2: %w", err)
	}
	return signature, nil
}

// isDERSignature tells whether b is SEQUENCE { r INTEGER, s INTEGER } in its one DER encoding (X.690): short
// lengths (two such integers never need a long one), positive integers of at most 256 bits without padding, and nothing behind.
func isDERSignature(b []byte) bool {
	if len(b) < 2 || b[0] != 0x30 || int(b[1]) != len(b)-2 {
		return false
	}
	rest, ok := cutDERInteger(b[2:])
	if !ok {
		return false
	}
	rest, ok = cutDERInteger(rest)
	return ok && len(rest) == 0
}

// cutDERInteger removes one positive INTEGER of at most 256 bits from the front of b.
func cutDERInteger(b []byte) (rest []byte, ok bool) {
	if len(b) < 3 || b[0] != 0x02 {
		return nil, false
	}
	size := int(b[1])
	if size == 0 || size > sm2ScalarSize+1 || len(b) < 2+size {
		return nil, false
	}
	value, rest := b[2:2+size], b[2+size:]
	switch {
	case value[0] >= 0x80: // negative
		return nil, false
	case value[0] == 0 && (size == 1 || value[1] < 0x80): // zero, or padded
		return nil, false
	case value[0] != 0 && size > sm2ScalarSize:
		return nil, false
	}
	return rest, true
}

// pkcs8 is PrivateKeyInfo (RFC 5208) without attributes; crypto/x509 does not know the SM2 curve.
type pkcs8 struct {
	Version    int
	Algorithm  pkix.AlgorithmIdentifier
	PrivateKey []byte
}

// ecPrivateKey is ECPrivateKey (RFC 5915).
type ecPrivateKey struct {
	Version    int
	PrivateKey []byte
	NamedCurve asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	PublicKey  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

// isSM2PKCS8 tells whether der is a private key on the SM2 curve.
func isSM2PKCS8(der []byte) bool {
	var outer pkcs8
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) != 0 {
		return false
	}
	var curve asn1.ObjectIdentifier
	rest, err := asn1.Unmarshal(outer.Algorithm.Parameters.FullBytes, &curve)
	return err == nil && len(rest) == 0 && outer.Algorithm.Algorithm.Equal(oidECPublicKey) && curve.Equal(oidSM2Curve)
}

func parseSM2Private(der []byte) (*sm2.PrivateKey, error) {
	var outer pkcs8
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) != 0 {
		return nil, errors.New("SM2 key is not PKCS #8")
	}
	var inner ecPrivateKey
	if rest, err := asn1.Unmarshal(outer.PrivateKey, &inner); err != nil || len(rest) != 0 {
		return nil, errors.New("SM2 key is not an ECPrivateKey")
	}
	if outer.Version != 0 || inner.Version != 1 || len(inner.PrivateKey) != sm2ScalarSize {
		return nil, errors.New("SM2 key has the wrong version or size")
	}
	if len(inner.NamedCurve) > 0 && !inner.NamedCurve.Equal(oidSM2Curve) {
		return nil, errors.New("SM2 key names another curve")
	}
	key, err := sm2.NewPrivateKey(inner.PrivateKey)
	if err != nil {
		return nil, errors.New("SM2 key is out of range")
	}
	if point := inner.PublicKey.RightAlign(); len(point) > 0 {
		public, err := sm2.NewPublicKey(point)
		if err != nil || !public.Equal(&key.PublicKey) {
			return nil, errors.New("SM2 key does not fit its public key")
		}
	}
	return key, nil
}

func marshalSM2Private(key *sm2.PrivateKey) ([]byte, error) {
	scalar := make([]byte, sm2ScalarSize)
	key.D.FillBytes(scalar)
	public, err := marshalSM2Public(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	point := public[len(public)-sm2PointSize:]
	inner, err := asn1.Marshal(ecPrivateKey{
		Version: 1, PrivateKey: scalar, PublicKey: asn1.BitString{Bytes: point, BitLength: 8 * len(point)},
	})
	if err != nil {
		return nil, fmt.Errorf("encode SM2 key: %w", err)
	}
	curve, err := asn1.Marshal(oidSM2Curve)
	if err != nil {
		return nil, fmt.Errorf("encode SM2 key: %w", err)
	}
	algorithm := pkix.AlgorithmIdentifier{Algorithm: oidECPublicKey, Parameters: asn1.RawValue{FullBytes: curve}}
	der, err := asn1.Marshal(pkcs8{Algorithm: algorithm, PrivateKey: inner})
	if err != nil {
		return nil, fmt.Errorf("encode SM2 key: %w", err)
	}
	return der, nil
}
