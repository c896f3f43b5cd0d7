package citycard

import (
	"errors"
	"time"
)

// Error is a refusal or failure with a stable code. Message says precisely what is wrong and may be shown to
// the caller; it never holds personal data. Cause is for the log only.
type Error struct {
	Code    Code
	Message string
	// Field names the offending input, empty where none is.
	Field string
	// RetryAfter is set where trying again later helps.
	RetryAfter time.Duration
	// Members are further members of the problem document, such as from, to and allowed of invalid_transition.
	Members map[string]any
	Cause   error
}

// Error prints code, message and cause.
func (e *Error) Error() string {
	text := string(e.Code)
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is compares codes, so that errors.Is(err, &Error{Code: CodeCardFrozen}) asks for a code.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Code == e.Code
}

// Refusals are the Errors that err joins, or the one that it is; none where it is no Error.
func Refusals(err error) []*Error {
	if joined, many := err.(interface{ Unwrap() []error }); many {
		parts := joined.Unwrap()
		all := make([]*Error, 0, len(parts))
		for _, one := range parts {
			all = append(all, Refusals(one)...)
		}
		return all
	}
	var coded *Error
	if errors.As(err, &coded) {
		return []*Error{coded}
	}
	return nil
}

// CodeOf is the code of the first Error in err's chain: empty for nil, CodeInternal for an error without one.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var coded *Error
	if errors.As(err, &coded) {
		return coded.Code
	}
	return CodeInternal
}

func refuse(code Code, message string) error { return &Error{Code: code, Message: message} }

func refuseField(code Code, field, message string) error {
	return &Error{Code: code, Field: field, Message: message}
}
