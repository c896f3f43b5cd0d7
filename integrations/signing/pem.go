package signing

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/emmansun/gmsm/sm2"
)

const (
	pemPublic  = "PUBLIC KEY"
	pemPrivate = "PRIVATE KEY"

	// maxPEM bounds what is parsed; an RSA key of 4096 bits takes about 3.3 kB.
	maxPEM = 16 << 10
)

// ParsePublicKey reads one PEM block `PUBLIC KEY` (RFC 7468, SubjectPublicKeyInfo) that holds an RSA key
// of 2048 to 4096 bits with e = 65537, an SM2, an Ed25519 or a P-256 key. The file must hold nothing else,
// and the DER must be the one encoding of its key.
func ParsePublicKey(data []byte) (*PublicKey, error) {
	der, err := decodePEM(data, pemPublic)
	if err != nil {
		return nil, fmt.Errorf("parse public key: %w", err)
	}
	var key crypto.PublicKey
	if point, ok := bytes.CutPrefix(der, sm2PublicPrefix); ok {
		key, err = sm2.NewPublicKey(point)
	} else {
		key, err = x509.ParsePKIXPublicKey(der)
	}
	if err != nil {
		return nil, fmt.Errorf("parse public key: %w", err)
	}
	k, err := newPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("parse public key: %w", err)
	}
	if !bytes.Equal(k.der, der) {
		return nil, errors.New("parse public key: not the DER encoding of its key")
	}
	return k, nil
}

// ParsePrivateKey reads one PEM block `PRIVATE KEY` (RFC 7468, PKCS #8, not encrypted) of the kinds that
// ParsePublicKey takes. Errors never quote the file.
func ParsePrivateKey(data []byte) (*PrivateKey, error) {
	der, err := decodePEM(data, pemPrivate)
	if err != nil {
		return nil, fmt.Errorf("parse private key: %w", err)
	}
	key, err := parsePKCS8(der)
	if err != nil {
		return nil, fmt.Errorf("parse private key: %w", err)
	}
	k, err := newPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("parse private key: %w", err)
	}
	return k, nil
}

func parsePKCS8(der []byte) (crypto.Signer, error) {
	if rest, err := asn1.Unmarshal(der, new(asn1.RawValue)); err != nil || len(rest) != 0 {
		return nil, errors.New("not one DER value")
	}
	if isSM2PKCS8(der) {
		return parseSM2Private(der)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return key, nil
	case ed25519.PrivateKey:
		return key, nil
	case *ecdsa.PrivateKey:
		return key, nil
	}
	return nil, errors.New("not an RSA, SM2, Ed25519 or P-256 key")
}

// PEM encodes the key so that ParsePublicKey reads it back.
func (k *PublicKey) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: k.der})
}

// PEM encodes the key so that ParsePrivateKey reads it back. The result is secret.
func (k *PrivateKey) PEM() ([]byte, error) {
	var der []byte
	var err error
	if key, ok := k.key.(*sm2.PrivateKey); ok {
		der, err = marshalSM2Private(key)
	} else {
		der, err = x509.MarshalPKCS8PrivateKey(k.key)
	}
	if err != nil {
		return nil, fmt.Errorf("encode private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPrivate, Bytes: der}), nil
}

// decodePEM returns the bytes of the single block of that kind. encoding/pem skips whatever it does not
// understand; here the text must be the block's own encoding, white space apart, so that what a person
// approved is what is used.
func decodePEM(data []byte, kind string) ([]byte, error) {
	if len(data) > maxPEM {
		return nil, errors.New("PEM text too long")
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != kind || len(block.Headers) != 0 {
		return nil, fmt.Errorf("no PEM block %q", kind)
	}
	if !bytes.Equal(withoutSpace(data), withoutSpace(pem.EncodeToMemory(block))) {
		return nil, fmt.Errorf("PEM text is not exactly one block %q", kind)
	}
	return block.Bytes, nil
}

func withoutSpace(b []byte) []byte {
	return bytes.Join(bytes.Fields(b), nil)
}
