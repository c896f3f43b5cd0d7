package password

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"net/url"

	"github.com/pquerna/otp/hotp"
	qrcode "github.com/skip2/go-qrcode"
)

// secretSize is the size of a secret in bytes: that of the hash beneath (RFC 4226, 4).
const secretSize = 20

// NewCodeSecret gives the secret of somebody's one-time codes, base32.
func NewCodeSecret() string {
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	return base32.StdEncoding.EncodeToString(secret)
}

// Code is the one-time code of a secret in a time step: six digits by HMAC-SHA-1, as authenticator apps show it
// (RFC 6238).
func Code(secret string, step int64) (string, error) {
	code, err := hotp.GenerateCode(secret, uint64(step)) //nolint:gosec // steps count up from 1970
	if err != nil {
		return "", fmt.Errorf("make one-time code: %w", err)
	}
	return code, nil
}

// CodeURI is what authenticator apps read a secret from.
func CodeURI(account, secret string) string {
	address := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/citycard:" + account,
		RawQuery: url.Values{
			"secret": {secret}, "issuer": {"citycard"}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"},
		}.Encode(),
	}
	return address.String()
}

// imageSize is the width of a code's picture in pixels.
const imageSize = 320

// CodeImage is a text as a QR code (ISO/IEC 18004), PNG.
func CodeImage(text string) ([]byte, error) {
	image, err := qrcode.Encode(text, qrcode.Medium, imageSize)
	if err != nil {
		return nil, fmt.Errorf("draw QR code: %w", err)
	}
	return image, nil
}
