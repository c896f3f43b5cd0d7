package keyfile

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"

	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"
)

// Suite names the algorithms that a key ring encrypts and indexes with.
type Suite string

// The suites: AES-256-GCM with HMAC-SHA-256, and the national algorithms SM4-GCM with HMAC-SM3
// (GB/T 32907, GB/T 32905).
const (
	SuiteAES Suite = "aes"
	SuiteGM  Suite = "gm"
)

const indexKeySize = 32

func (s Suite) keySize() int {
	if s == SuiteGM {
		return sm4.BlockSize
	}
	return 32
}

func (s Suite) check() error {
	if s != SuiteAES && s != SuiteGM {
		return fmt.Errorf("suite %q is not %s or %s", string(s), SuiteAES, SuiteGM)
	}
	return nil
}

// aead is the suite's authenticated encryption under one key; both take a nonce of 12 bytes and add a tag of 16.
func (s Suite) aead(key []byte) (cipher.AEAD, error) {
	if len(key) != s.keySize() {
		return nil, fmt.Errorf("a key of suite %s has %d bytes, not %d", s, s.keySize(), len(key))
	}
	newCipher := aes.NewCipher
	if s == SuiteGM {
		newCipher = sm4.NewCipher
	}
	block, err := newCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (s Suite) mac(key []byte) hash.Hash {
	if s == SuiteGM {
		return hmac.New(sm3.New, key)
	}
	return hmac.New(sha256.New, key)
}
