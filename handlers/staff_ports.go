package handlers

import (
	"context"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffLogin is the log-in of staff, *citycard.StaffLogin.
type StaffLogin interface {
	LogIn(ctx context.Context, c citycard.StaffCredentials) (citycard.StaffSession, error)
	LogOut(ctx context.Context, s citycard.StaffSession) error
}

// StaffDesk is what staff does with people's cards, *citycard.StaffDesk.
type StaffDesk interface {
	Search(ctx context.Context, s citycard.StaffSession, q citycard.StaffSearch) ([]citycard.CardView, error)
	Card(ctx context.Context, s citycard.StaffSession, ref string) (citycard.StaffCard, error)
	Act(ctx context.Context, s citycard.StaffSession, r citycard.ActionRequest) (citycard.StaffCard, bool, error)
	Reissue(ctx context.Context, s citycard.StaffSession, r citycard.ReissueRequest) (citycard.ReissueView, error)
	FindReissue(ctx context.Context, s citycard.StaffSession, id string) (citycard.ReissueView, error)
	Actions(ctx context.Context, s citycard.StaffSession, before string, limit int) ([]citycard.StaffAction, error)
}

// StaffApprovals is the queue of what needs a second person, *citycard.ApprovalQueue.
type StaffApprovals interface {
	List(ctx context.Context, s citycard.StaffSession, state citycard.ApprovalState, before string, limit int) ([]citycard.Approval, string, error)
	Find(ctx context.Context, s citycard.StaffSession, id string) (citycard.Approval, error)
	Approve(ctx context.Context, s citycard.StaffSession, id, note string) (citycard.Approval, error)
	Refuse(ctx context.Context, s citycard.StaffSession, id, note string) (citycard.Approval, error)
	Withdraw(ctx context.Context, s citycard.StaffSession, id string) (citycard.Approval, error)
}

var (
	_ StaffLogin     = (*citycard.StaffLogin)(nil)
	_ StaffDesk      = (*citycard.StaffDesk)(nil)
	_ StaffApprovals = (*citycard.ApprovalQueue)(nil)
)

// staffOf is the log-in of staff that the route's middleware proved.
func staffOf(c echo.Context) (citycard.StaffSession, error) {
	session, ok := citycard.StaffSessionOf(c.Request().Context())
	if !ok {
		return citycard.StaffSession{}, &citycard.Error{Code: citycard.CodeSessionRequired}
	}
	return session, nil
}
