// Package middleware holds what every request passes on its way to a handler: who is calling and from where,
// how much may be sent and how long it may take, which headers every answer carries, and what is logged.
// Each is a function that takes what it needs and returns an echo.MiddlewareFunc; facts about the request go
// onto its context.
package middleware
