package middleware

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
)

// AccessLog writes one line per request, after the answer is sent: which route, what came of it, how long it
// took. It logs the route's pattern, never the path, query, headers, body or address: those may be personal.
// A refusal is logged by its code. The text of an error appears only for failures of ours (5xx). Health checks that pass are debug lines.
//
// It is the outermost middleware, hands errors to echo's error handler and returns none.
func AccessLog(log *slog.Logger, clock func() time.Time) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			start := clock()
			err := next(c)
			if err != nil {
				c.Error(err)
			}
			line := accessLine(c, err, start, clock())
			if ctx := context.WithoutCancel(c.Request().Context()); log.Enabled(ctx, line.Level) {
				_ = log.Handler().Handle(ctx, line)
			}
			return nil
		}
	}
}

// accessLine is the line about a request that was answered. It is made by hand because a Logger would have the runtime
// find out who calls it, which no line shows.
func accessLine(c echo.Context, err error, start, end time.Time) slog.Record {
	status, route := c.Response().Status, c.Path()
	if route == "" {
		route = "unmatched"
	}
	level := slog.LevelInfo
	switch {
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case status < http.StatusBadRequest && (route == "/livez" || route == "/readyz"):
		level = slog.LevelDebug
	}
	line := slog.NewRecord(end, level, "request", 0)
	line.AddAttrs(
		slog.String("method", knownMethod(c.Request().Method)),
		slog.String("route", route),
		slog.Int("status", status),
		slog.Float64("duration_ms", float64(end.Sub(start).Microseconds())/1000),
		slog.Int64("bytes", c.Response().Size),
		slog.String("request_id", citycard.RequestIDOf(c.Request().Context())),
	)
	if err != nil {
		line.AddAttrs(slog.String("code", codeOf(err)))
		if level == slog.LevelError {
			line.AddAttrs(slog.String("error", err.Error()))
		}
	}
	return line
}

// codeOf is the code that a refusal was answered with. The gateway refuses with codes of its own, most of them with HTTP
// 200; what echo and net/http refuse has that of its status.
func codeOf(err error) string {
	var refusal interface{ RefusalCode() string }
	var coded *citycard.Error
	var unserved *echo.HTTPError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &refusal):
		return refusal.RefusalCode()
	case errors.As(err, &coded):
		return string(coded.Code)
	case errors.As(err, &tooLarge):
		return string(citycard.CodeBodyTooLarge)
	case errors.As(err, &unserved):
		return string(citycard.CodeOfStatus(unserved.Code))
	}
	return string(citycard.CodeInternal)
}

// knownMethod keeps a made-up method, which is the sender's free text, out of the log.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}
