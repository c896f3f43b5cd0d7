package handlers

import (
	"context"

	"github.com/labstack/echo/v4"

	"citycard"
)

// Login is the log-in use case, *citycard.Login.
type Login interface {
	Begin(ctx context.Context, returnTo string) (citycard.Redirect, error)
	BeginIdentity(ctx context.Context, a citycard.Activation) (citycard.Redirect, error)
	Return(ctx context.Context, state, browser string) (citycard.LoginState, error)
	ByCode(ctx context.Context, authCode string, channel citycard.Channel, onceKey string) (citycard.Session, error)
	End(ctx context.Context, s citycard.Session) error
}

// Activator is the activation use case, *citycard.Activator.
type Activator interface {
	Start(ctx context.Context, r citycard.ActivationRequest) (citycard.ActivationView, error)
	Confirm(ctx context.Context, s citycard.Session, id, authCode, onceKey string) (citycard.ActivationView, error)
	Find(ctx context.Context, s citycard.Session, id string) (citycard.ActivationView, error)
}

// CardReader is what a citizen may see of their own cards, *citycard.CardReader.
type CardReader interface {
	List(ctx context.Context, s citycard.Session) ([]citycard.CardView, error)
	Find(ctx context.Context, s citycard.Session, ref string) (citycard.CardView, error)
	History(ctx context.Context, s citycard.Session, ref string, after int64, limit int) ([]citycard.Transition, error)
}

var (
	_ Login      = (*citycard.Login)(nil)
	_ Activator  = (*citycard.Activator)(nil)
	_ CardReader = (*citycard.CardReader)(nil)
)

// sessionOf is the session that the route's middleware proved.
func sessionOf(c echo.Context) (citycard.Session, error) {
	session, ok := citycard.SessionOf(c.Request().Context())
	if !ok {
		return citycard.Session{}, &citycard.Error{Code: citycard.CodeSessionRequired}
	}
	return session, nil
}
