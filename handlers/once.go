package handlers

import (
	"regexp"
	"strings"

	"github.com/labstack/echo/v4"

	"citycard"
)

const onceHeader = "Idempotency-Key"

var authCodeForm = regexp.MustCompile(`^[\x21-\x7e]{1,256}$`)

// isOnceKey tells whether a text can be a caller's number: 8 to 64 letters, digits, - or _.
func isOnceKey(text string) bool { return len(text) >= 8 && isReference(text) }

// isReference tells whether a text can be an identifier of ours: 1 to 64 letters, digits, - or _.
func isReference(text string) bool {
	return 0 < len(text) && len(text) <= 64 && !strings.ContainsFunc(text, func(r rune) bool {
		isLetter, isDigit := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z', '0' <= r && r <= '9'
		return !isLetter && !isDigit && r != '-' && r != '_'
	})
}

// onceKey is the caller's number for a request that must take effect once, empty where none was sent.
func onceKey(c echo.Context) (string, error) {
	values := c.Request().Header.Values(onceHeader)
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1, !isOnceKey(values[0]):
		return "", malformed(onceHeader, "Idempotency-Key must be 8 to 64 letters, digits, - or _, sent once")
	}
	return values[0], nil
}

// reference is an identifier out of the path. One that no object of ours can have is not looked up: it answers
// like an absent one.
func reference(c echo.Context, name string) (string, error) {
	ref := c.Param(name)
	if !isReference(ref) {
		return "", &citycard.Error{Code: citycard.CodeNotFound}
	}
	return ref, nil
}
