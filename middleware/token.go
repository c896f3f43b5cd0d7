package middleware

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"citycard"
)

// signing is the one accepted method: a token that names another, or none, is no token (RFC 8725, 3.1).
var signing = jwt.SigningMethodHS256

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

// Parse gives the id of the session a token stands for. A token past its time is session_expired; one that is
// forged, malformed or for another audience is session_required. Whether the session still stands is for the
// store to say.
func (t Tokens) Parse(token string, audience citycard.Audience) (string, error) {
	keys := jwt.VerificationKeySet{}
	for _, key := range t.Keys {
		keys.Keys = append(keys.Keys, key)
	}
	var claims jwt.RegisteredClaims
	_, err := jwt.ParseWithClaims(token, &claims,
		func(*jwt.Token) (any, error) { return keys, nil },
		jwt.WithValidMethods([]string{signing.Alg()}),
		jwt.WithAudience(string(audience)),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(t.Clock),
	)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return "", &citycard.Error{Code: citycard.CodeSessionExpired, Message: "the session has ended; log in again"}
	case err != nil, claims.ID == "", claims.IssuedAt == nil:
		return "", &citycard.Error{Code: citycard.CodeSessionRequired, Message: "the session token is not valid; log in again"}
	}
	return claims.ID, nil
}
