package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/labstack/echo/v4"
)

// Recover turns a panic into an error, so that one request's defect is answered and logged like any failure.
// The error carries the stack; of the panic's value only what the Go runtime itself says, since other values
// may hold personal data. http.ErrAbortHandler goes on, as net/http wants it.
func Recover() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			defer func() {
				switch value := recover().(type) {
				case nil:
				case runtime.Error:
					err = fmt.Errorf("panic: %w\n%s", value, debug.Stack())
				default:
					if cause, isError := value.(error); isError && errors.Is(cause, http.ErrAbortHandler) {
						panic(value)
					}
					err = fmt.Errorf("panic: a value of type %T\n%s", value, debug.Stack())
				}
			}()
			return next(c)
		}
	}
}
