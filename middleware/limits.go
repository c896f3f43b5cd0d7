package middleware

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
)

// BodyLimit refuses bodies of more than the given number of bytes with body_too_large: at once where the length is declared,
// and otherwise when reading gets there, as a *http.MaxBytesError.
func BodyLimit(bytes int64) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if r.ContentLength > bytes {
				c.Response().Header().Set(echo.HeaderConnection, "close")
				return &citycard.Error{Code: citycard.CodeBodyTooLarge}
			}
			r.Body = http.MaxBytesReader(c.Response().Writer, r.Body, bytes)
			return next(c)
		}
	}
}

// HeaderLimit refuses requests whose request line and header fields have more than the given number of bytes, by their
// status alone, as net/http does: that reads some kilobytes more on a connection that is used again.
func HeaderLimit(bytes int) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if headerSize(c.Request()) > bytes {
				c.Response().Header().Set(echo.HeaderConnection, "close")
				return c.NoContent(http.StatusRequestHeaderFieldsTooLarge)
			}
			return next(c)
		}
	}
}

// headerSize is how many bytes the request line and the header fields took.
func headerSize(r *http.Request) int {
	const spaces, fieldMarks = len("  \r\n"), len(": \r\n")
	size := len(r.Method) + len(r.RequestURI) + len(r.Proto) + spaces + len("Host") + len(r.Host) + fieldMarks
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value) + fieldMarks
		}
	}
	return size
}

// Timeout ends a request's context after the given time. What fails because of that, without a code of its
// own, is storage_unavailable: nobody knows what came of it, and asking again is safe.
func Timeout(after time.Duration) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			ctx, cancel := context.WithTimeout(r.Context(), after)
			defer cancel()
			c.SetRequest(r.WithContext(ctx))
			err := next(c)
			if err != nil && ctx.Err() != nil && citycard.CodeOf(err) == citycard.CodeInternal {
				return &citycard.Error{Code: citycard.CodeStorageUnavailable, Message: "the request was not done in time", Cause: err}
			}
			return err
		}
	}
}

// Draining asks clients to close their connections while the process is on its way out, so that their next
// request reaches another replica.
func Draining(draining func() bool) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if draining() {
				c.Response().Header().Set(echo.HeaderConnection, "close")
			}
			return next(c)
		}
	}
}
