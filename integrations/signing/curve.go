package signing

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// p256Signature is the length of r || s, 32 bytes each (RFC 9421 §3.3.4).
const p256Signature = 64

func verifyP256(key *ecdsa.PublicKey, message, signature []byte) bool {
	if len(signature) != p256Signature {
		return false
	}
	digest := sha256.Sum256(message)
	r := new(big.Int).SetBytes(signature[:p256Signature/2])
	s := new(big.Int).SetBytes(signature[p256Signature/2:])
	return ecdsa.Verify(key, digest[:], r, s)
}

func signP256(key *ecdsa.PrivateKey, message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		return nil, fmt.Errorf("sign with P-256: %w", err)
	}
	signature := make([]byte, p256Signature)
	r.FillBytes(signature[:p256Signature/2])
	s.FillBytes(signature[p256Signature/2:])
	return signature, nil
}

// lowOrderEd25519 lists the y coordinates, sign bit cleared, of the points whose order divides the
// cofactor 8, in every encoding a verifier takes.
var lowOrderEd25519 = decodeHex(
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)

func decodeHex(texts ...string) [][]byte {
	out := make([][]byte, len(texts))
	for i, text := range texts {
		b, err := hex.DecodeString(text)
		if err != nil {
			panic("signing: constant is not hex: " + text)
		}
		out[i] = b
	}
	return out
}

// checkEd25519 refuses keys of low order: anybody can make signatures that verify under one, with no
// private key at all.
func checkEd25519(key ed25519.PublicKey) error {
	y := slices.Clone([]byte(key))
	y[len(y)-1] &= 0x7f
	for _, low := range lowOrderEd25519 {
		if bytes.Equal(y, low) {
			return errors.New("Ed25519 key is of low order")
		}
	}
	return nil
}
