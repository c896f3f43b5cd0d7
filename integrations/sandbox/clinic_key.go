package sandbox

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/pem"
	"math/big"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/smx509"
)

// sm2User is the user id that GM/T 0009 fixes for everyone.
var sm2User = []byte("1234567812345678")

// clinicKey is a test key ready for use.
type clinicKey struct {
	TestKey

	public any
}

func readClinicKey(given TestKey) (clinicKey, bool) {
	block, _ := pem.Decode([]byte(given.PEM))
	if block == nil {
		return clinicKey{}, false
	}
	public, err := smx509.ParsePKIXPublicKey(block.Bytes)
	return clinicKey{given, public}, err == nil
}

// signType is the sign_type of the key in forms, empty where it has none.
func (k clinicKey) signType() string {
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return "RSA2"
	case *ecdsa.PublicKey:
		if public.Curve == sm2.P256() {
			return "SM2"
		}
	}
	return ""
}

func sha256Of(text []byte) []byte {
	sum := sha256.Sum256(text)
	return sum[:]
}

func (k clinicKey) verifies(text, signature []byte) bool {
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, sha256Of(text), signature) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(public, text, signature)
	case *ecdsa.PublicKey:
		if public.Curve == sm2.P256() {
			return sm2.VerifyASN1WithSM2(public, sm2User, text, signature)
		}
		if public.Curve != elliptic.P256() || len(signature) != 64 {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
		return ecdsa.Verify(public, sha256Of(text), r, s)
	}
	return false
}

// verifiesWithoutUser tells an SM2 signature made without the user id, a mistake of several libraries.
func (k clinicKey) verifiesWithoutUser(text, signature []byte) bool {
	public, ok := k.public.(*ecdsa.PublicKey)
	if !ok || public.Curve != sm2.P256() {
		return false
	}
	point, err := sm2.PublicKeyToECDH(public)
	if err != nil {
		return false
	}
	curve := public.Params()
	parts := []*big.Int{new(big.Int).Sub(curve.P, big.NewInt(3)), curve.B, curve.Gx, curve.Gy}
	za := []byte{0, 0} // the length of an empty id (GB/T 32918.2, 5.5)
	for _, part := range parts {
		za = append(za, part.FillBytes(make([]byte, 32))...)
	}
	user := sm3.Sum(append(za, point.Bytes()[1:]...))
	sum := sm3.Sum(append(user[:], text...))
	return sm2.VerifyASN1(public, sum[:], signature)
}

// digestInfos are the DigestInfo prefixes of EMSA-PKCS1-v1_5 (RFC 8017, 9.2).
var digestInfos = []struct {
	hash   string
	prefix []byte
}{
	{"SHA-256", []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}},
	{"SHA-1", []byte{0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14}},
	{"SHA-512", []byte{0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40}},
	{"MD5", []byte{0x30, 0x20, 0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05, 0x05, 0x00, 0x04, 0x10}},
}

// recover opens an RSA signature with the public key: what it was made of is there for everybody to see. It is
// false where another key made it.
func (k clinicKey) recover(signature []byte) (hash string, digest []byte, ok bool) {
	public, isRSA := k.public.(*rsa.PublicKey)
	if !isRSA || len(signature) != public.Size() {
		return "", nil, false
	}
	number := new(big.Int).SetBytes(signature)
	if number.Cmp(public.N) >= 0 {
		return "", nil, false
	}
	block := number.Exp(number, big.NewInt(int64(public.E)), public.N).FillBytes(make([]byte, public.Size()))
	padding, info, found := bytes.Cut(block[2:], []byte{0})
	if !found || block[0] != 0 || block[1] != 1 || len(padding) < 8 || len(bytes.Trim(padding, "\xff")) > 0 {
		return "", nil, false
	}
	for _, known := range digestInfos {
		if rest, has := bytes.CutPrefix(info, known.prefix); has {
			return known.hash, rest, true
		}
	}
	return "an unknown hash", info, true
}
