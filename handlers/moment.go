package handlers

import (
	"time"

	"citycard"
)

// moment writes a time as RFC 3339 in UTC+8.
func moment(t time.Time) string { return t.In(citycard.Shanghai).Format(time.RFC3339) }

// optionalMoment is nil for the zero time.
func optionalMoment(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return optional(moment(t))
}

// optional is nil for an empty text, which JSON writes as null.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
