package citycard

import "context"

type contextKey int

const (
	sessionKey contextKey = iota
	requestIDKey
	staffSessionKey
)

// WithSession puts the session that a request proved onto its context.
func WithSession(ctx context.Context, s Session) context.Context {
	return context.WithValue(ctx, sessionKey, s)
}

// SessionOf is the session the request proved; false where it proved none.
func SessionOf(ctx context.Context) (Session, bool) {
	s, ok := ctx.Value(sessionKey).(Session)
	return s, ok
}

// WithStaffSession puts the log-in of staff that a request proved onto its context.
func WithStaffSession(ctx context.Context, s StaffSession) context.Context {
	return context.WithValue(ctx, staffSessionKey, s)
}

// StaffSessionOf is the log-in of staff that the request proved; false where it proved none.
func StaffSessionOf(ctx context.Context) (StaffSession, bool) {
	s, ok := ctx.Value(staffSessionKey).(StaffSession)
	return s, ok
}

// WithRequestID puts the number that log lines and problem documents of one request share onto its context.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey, id)
}

// RequestIDOf is the request's number, empty outside a request.
func RequestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey).(string)
	return id
}
