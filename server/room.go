package main

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"citycard/handlers"
)

// The paths on which files come in, which may be larger and take longer than anything else, and on which lists go out.
const (
	uploadPath     = "/admin/v1/imports"
	uploadPagePath = "/admin/imports"
	listPath       = "/admin/v1/partners/:ref/reconciliation"
	listPagePath   = "/admin/partners/:ref/reconciliation/:day"
)

// roominess is what a route may take beyond others.
type roominess struct {
	body int64
	time time.Duration
}

// roomy tells what the routes of files and lists may take; false for every other route.
func roomy(c echo.Context) (roominess, bool) {
	switch c.Path() {
	case uploadPath, uploadPagePath:
		return roominess{handlers.MaxUploadBody, handlers.UploadTimeout}, c.Request().Method == http.MethodPost
	case listPath, listPath + "/difference", listPagePath, listPagePath + "/list", listPagePath + "/difference":
		return roominess{handlers.MaxReconciliationBody, handlers.ListTimeout}, true
	}
	return roominess{}, false
}
