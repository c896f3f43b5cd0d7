package middleware

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"citycard"
)

// SameOrigin refuses, with cross_origin, requests that change something and that a browser sent on behalf of
// another site (by Sec-Fetch-Site or, from older browsers, Origin). It guards the routes that take a cookie.
// The public origin, such as https://card.example.gov.cn, is ours also where a proxy changes the Host header;
// it may be empty.
func SameOrigin(publicOrigin string) (echo.MiddlewareFunc, error) {
	protection := http.NewCrossOriginProtection()
	if publicOrigin != "" {
		if err := protection.AddTrustedOrigin(strings.TrimSuffix(publicOrigin, "/")); err != nil {
			return nil, fmt.Errorf("trust public origin: %w", err)
		}
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := protection.Check(c.Request()); err != nil {
				return &citycard.Error{Code: citycard.CodeCrossOrigin, Message: "the request comes from another site", Cause: err}
			}
			return next(c)
		}
	}, nil
}
