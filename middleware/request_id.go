package middleware

import (
	"regexp"

	"github.com/labstack/echo/v4"

	"citycard"
)

// requestIDForm is a UUID with or without its hyphens: what proxies make. Free text would let a caller write
// into the log whatever the proxy passes on.
var requestIDForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}$`)

// RequestID gives each request a number, on its context and in the answer's X-Request-Id, so that a citizen's
// report, a problem document and the log line can be brought together. A UUID that a trusted proxy set is kept.
func RequestID(proxies Proxies, newID func() string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			id := r.Header.Get(echo.HeaderXRequestID)
			if !proxies.Sent(r) || !requestIDForm.MatchString(id) {
				id = newID()
			}
			c.SetRequest(r.WithContext(citycard.WithRequestID(r.Context(), id)))
			c.Response().Header().Set(echo.HeaderXRequestID, id)
			return next(c)
		}
	}
}
