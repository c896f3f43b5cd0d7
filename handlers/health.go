package handlers

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// Health tells the operator's machinery how the process does.
type Health struct {
	// Ready says why the service cannot serve now: the database is not reachable or has the wrong schema, or
	// the process is on its way out. It is nil where it can.
	Ready func(ctx context.Context) error
}

type healthBody struct {
	Status string `json:"status"`
}

// Live answers GET /livez: the process is up.
func (Health) Live(c echo.Context) error { return c.JSON(http.StatusOK, healthBody{"up"}) }

// Readiness answers GET /readyz: 200, or 503 where no request should be sent here.
func (h Health) Readiness(c echo.Context) error {
	err := h.Ready(c.Request().Context())
	var coded *citycard.Error
	switch {
	case err == nil:
		return c.JSON(http.StatusOK, healthBody{"ready"})
	case errors.As(err, &coded):
		return err
	}
	return &citycard.Error{Code: citycard.CodeStorageUnavailable, Message: "the service is not ready", Cause: err}
}
