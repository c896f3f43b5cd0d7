package middleware

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"citycard"
)

// signing is the one accepted method: a token that names another, or none, is no token (RFC 8725, 3.1).
var signing = jwt.SigningMethodHS256

// header begins every token of ours: the base64url of {"alg":"HS256","typ":"JWT"} and a dot.
const header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."

// strict refuses a second spelling of the same bytes.
var strict = base64.RawURLEncoding.Strict()

// Tokens issues and reads session tokens: JWTs (RFC 7519) under HMAC-SHA256 that carry a session's id,
// audience and times, and nothing about the person.
type Tokens struct {
	// Keys are secrets of 32 bytes or more. The first one signs, each of them verifies, so that a key can be
	// replaced without logging everybody out.
	Keys  [][]byte
	Clock func() time.Time
}

// Issue writes the token of a session.
func (t Tokens) Issue(s citycard.Session) (string, error) {
	if len(t.Keys) == 0 {
		return "", errors.New("issue token: there is no signing key")
	}
	claims := jwt.RegisteredClaims{
		ID:        s.ID,
		Audience:  jwt.ClaimStrings{string(s.Audience)},
		IssuedAt:  jwt.NewNumericDate(s.IssuedAt),
		ExpiresAt: jwt.NewNumericDate(s.ExpiresAt),
	}
	token, err := jwt.NewWithClaims(signing, claims).SignedString(t.Keys[0])
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return token, nil
}

// claims are what the payload of a token of ours says. The audience is kept as it is written: one name, alone or
// as a list.
type claims struct {
	ID        string          `json:"jti"`
	Audience  json.RawMessage `json:"aud"`
	IssuedAt  *int64          `json:"iat"`
	ExpiresAt *int64          `json:"exp"`
}

// Parse gives the id of the session a token stands for. A token past its time is session_expired; one that is
// forged, malformed or for another audience is session_required. Whether the session still stands is for the
// store to say.
//
// The header is compared with the one that Issue writes and never read, so that a token cannot choose how it is
// verified; and nothing is read of a payload before its signature is proven.
func (t Tokens) Parse(token string, audience citycard.Audience) (string, error) {
	invalid := &citycard.Error{Code: citycard.CodeSessionRequired, Message: "the session token is not valid; log in again"}
	end := strings.LastIndexByte(token, '.')
	if !strings.HasPrefix(token, header) || end < len(header) || !t.signed(token[:end], token[end+1:]) {
		return "", invalid
	}
	payload, err := strict.DecodeString(token[len(header):end])
	if err != nil {
		return "", invalid
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil || c.ID == "" || c.IssuedAt == nil || c.ExpiresAt == nil {
		return "", invalid
	}
	now, name := t.Clock(), `"`+string(audience)+`"`
	if written := string(c.Audience); written != name && written != "["+name+"]" || now.Before(time.Unix(*c.IssuedAt, 0)) {
		return "", invalid
	}
	if !now.Before(time.Unix(*c.ExpiresAt, 0)) {
		return "", &citycard.Error{Code: citycard.CodeSessionExpired, Message: "the session has ended; log in again"}
	}
	return c.ID, nil
}

// signed tells whether one of the keys made the signature.
func (t Tokens) signed(text, signature string) bool {
	sum, err := strict.DecodeString(signature)
	if err != nil {
		return false
	}
	for _, key := range t.Keys {
		if signing.Verify(text, sum, key) == nil {
			return true
		}
	}
	return false
}
