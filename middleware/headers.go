package middleware

import (
	"maps"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// pageFeatures turns off what no page here needs (W3C Permissions Policy).
const pageFeatures = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"

// HeadersConfig says what the answers' security headers depend on.
type HeadersConfig struct {
	// HTTPS is set where the public address is https; browsers are then told to stay with it.
	HTTPS bool
	// FormTargets are the origins, besides our own, to which submitting a form may lead, redirects included:
	// the platform's consent page.
	FormTargets []string
}

// Headers sets what every answer carries: a content security policy under which pages hold no script and
// nothing from elsewhere, protection against framing and sniffing, and Cache-Control: no-store. A handler of
// public content replaces the last one.
func Headers(config HeadersConfig) echo.MiddlewareFunc {
	policy := "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; " +
		"form-action " + strings.Join(append([]string{"'self'"}, config.FormTargets...), " ")
	// Made once and shared by all answers: whoever wants another value sets one, which replaces the list.
	fixed := http.Header{}
	fixed.Set(echo.HeaderContentSecurityPolicy, policy)
	fixed.Set(echo.HeaderXContentTypeOptions, "nosniff")
	fixed.Set(echo.HeaderXFrameOptions, "DENY")
	fixed.Set(echo.HeaderReferrerPolicy, "same-origin")
	fixed.Set("Permissions-Policy", pageFeatures)
	fixed.Set("Cross-Origin-Opener-Policy", "same-origin")
	fixed.Set("Cross-Origin-Resource-Policy", "same-origin")
	fixed.Set(echo.HeaderCacheControl, "no-store")
	if config.HTTPS {
		fixed.Set(echo.HeaderStrictTransportSecurity, "max-age=31536000")
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			maps.Copy(c.Response().Header(), fixed)
			return next(c)
		}
	}
}
