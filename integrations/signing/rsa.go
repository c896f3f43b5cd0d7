package signing

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
)

const (
	minRSABits  = 2048
	maxRSABits  = 4096
	rsaExponent = 65537
)

// checkRSA refuses keys that are weak or that cost too much to verify with.
func checkRSA(key *rsa.PublicKey) error {
	if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("RSA key has %d bits, not %d to %d", bits, minRSABits, maxRSABits)
	}
	if key.E != rsaExponent {
		return fmt.Errorf("RSA exponent is not %d", rsaExponent)
	}
	if key.N.Bit(0) == 0 {
		return errors.New("RSA modulus is even")
	}
	return nil
}

// verifyRSA is RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2.2). A signature of another length than the
// modulus, or not below it, is none.
func verifyRSA(key *rsa.PublicKey, message, signature []byte) bool {
	digest := sha256.Sum256(message)
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
}

func signRSA(key *rsa.PrivateKey, message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		return nil, fmt.Errorf("sign with RSA: %w", err)
	}
	return signature, nil
}
