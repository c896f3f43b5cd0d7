package handlers

import (
	"regexp"

	"github.com/labstack/echo/v4"

	"citycard"
)

const onceHeader = "Idempotency-Key"

var (
	onceForm      = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)
	referenceForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	authCodeForm  = regexp.MustCompile(`^[\x21-\x7e]{1,256}$`)
)

// onceKey is the caller's number for a request that must take effect once, empty where none was sent.
func onceKey(c echo.Context) (string, error) {
	values := c.Request().Header.Values(onceHeader)
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1, !onceForm.MatchString(values[0]):
		return "", malformed(onceHeader, "Idempotency-Key must be 8 to 64 letters, digits, - or _, sent once")
	}
	return values[0], nil
}

// reference is an identifier out of the path. One that no object of ours can have is not looked up: it answers
// like an absent one.
func reference(c echo.Context, name string) (string, error) {
	ref := c.Param(name)
	if !referenceForm.MatchString(ref) {
		return "", &citycard.Error{Code: citycard.CodeNotFound}
	}
	return ref, nil
}
