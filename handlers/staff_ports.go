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
	Search(ctx context.Context, s citycard.StaffSession, q citycard.StaffSearch) (citycard.Found, error)
	Card(ctx context.Context, s citycard.StaffSession, ref string) (citycard.StaffCard, error)
	Act(ctx context.Context, s citycard.StaffSession, r citycard.ActionRequest) (citycard.StaffCard, bool, error)
	Ask(ctx context.Context, s citycard.StaffSession, r citycard.ActionRequest) (citycard.Approval, error)
	Reissue(ctx context.Context, s citycard.StaffSession, r citycard.ReissueRequest) (citycard.ReissueView, error)
	FindReissue(ctx context.Context, s citycard.StaffSession, id string) (citycard.ReissueView, error)
}

// StaffReveals shows single fields of people's records, *citycard.StaffDesk.
type StaffReveals interface {
	Reveal(ctx context.Context, s citycard.StaffSession, r citycard.RevealRequest) ([]string, error)
	AskReveal(ctx context.Context, s citycard.StaffSession, r citycard.RevealRequest) (citycard.Approval, error)
}

// StaffCallers identifies callers on the hotline, *citycard.StaffDesk.
type StaffCallers interface {
	Questions(ctx context.Context, s citycard.StaffSession, ref string) ([]citycard.CallerQuestion, error)
	Identify(ctx context.Context, s citycard.StaffSession, ref string, answers citycard.Answers) (citycard.Identification, error)
}

// StaffCases are the cases of wrong records, *citycard.StaffDesk.
type StaffCases interface {
	OpenCorrection(ctx context.Context, s citycard.StaffSession, n citycard.NewCorrection) (citycard.Correction, error)
	Correction(ctx context.Context, s citycard.StaffSession, id string) (citycard.Correction, error)
	Corrections(ctx context.Context, s citycard.StaffSession, q citycard.CorrectionQuery) ([]citycard.Correction, string, error)
	ResolveCorrection(ctx context.Context, s citycard.StaffSession, id, resolution string) (citycard.Correction, error)
}

// StaffPartnerOffice is what staff does with partners' keys, *citycard.PartnerOffice.
type StaffPartnerOffice interface {
	List(ctx context.Context, s citycard.StaffSession) ([]citycard.PartnerRecord, []citycard.KeyWarning, error)
	Find(ctx context.Context, s citycard.StaffSession, appID string) (citycard.PartnerRecord, error)
	AskKey(ctx context.Context, s citycard.StaffSession, r citycard.KeyRequest) (citycard.Approval, error)
	RevokeKey(ctx context.Context, s citycard.StaffSession, r citycard.KeyRequest) error
}

// StaffApprovals is the queue of what needs a second person, *citycard.ApprovalQueue.
type StaffApprovals interface {
	List(ctx context.Context, s citycard.StaffSession, state citycard.ApprovalState, before string, limit int) ([]citycard.Approval, string, error)
	Show(ctx context.Context, s citycard.StaffSession, id string) (citycard.Approval, error)
	Approve(ctx context.Context, s citycard.StaffSession, id, note string) (citycard.Approval, error)
	Refuse(ctx context.Context, s citycard.StaffSession, id, note string) (citycard.Approval, error)
	Withdraw(ctx context.Context, s citycard.StaffSession, id string) (citycard.Approval, error)
}

// StaffPasskeys is the passkeys of staff, *citycard.PasskeyDesk.
type StaffPasskeys interface {
	List(ctx context.Context, s citycard.StaffSession) ([]citycard.Passkey, error)
	BeginAdd(ctx context.Context, s citycard.StaffSession, name string, c citycard.StaffCredentials) (citycard.Question, error)
	Add(ctx context.Context, s citycard.StaffSession, a citycard.Answer) error
	Remove(ctx context.Context, s citycard.StaffSession, id string) error
	BeginLogIn(ctx context.Context, returnTo, address string) (citycard.Question, error)
	LogIn(ctx context.Context, a citycard.Answer) (citycard.StaffSession, string, error)
}

// StaffSSO is the log-in at an identity provider, *citycard.StaffSSO.
type StaffSSO interface {
	Begin(ctx context.Context, returnTo, address string) (citycard.Redirect, error)
	Return(ctx context.Context, code string, a citycard.Answer) (citycard.StaffSession, string, error)
}

// StaffRegistry is the staff accounts, *citycard.StaffRegistry.
type StaffRegistry interface {
	List(ctx context.Context) ([]citycard.Staff, error)
	Add(ctx context.Context, s citycard.Staff, password string, by citycard.Staff) (citycard.StaffKeys, error)
	Reset(ctx context.Context, account, password string, by citycard.Staff) (citycard.StaffKeys, error)
	ChangeRole(ctx context.Context, account string, role citycard.StaffRole, by citycard.Staff) error
	Disable(ctx context.Context, account string, by citycard.Staff) error
	ChangePassword(ctx context.Context, s citycard.StaffSession, c citycard.StaffCredentials, password string) error
}

var (
	_ StaffPasskeys      = (*citycard.PasskeyDesk)(nil)
	_ StaffSSO           = (*citycard.StaffSSO)(nil)
	_ StaffRegistry      = (*citycard.StaffRegistry)(nil)
	_ StaffLogin         = (*citycard.StaffLogin)(nil)
	_ StaffDesk          = (*citycard.StaffDesk)(nil)
	_ StaffReveals       = (*citycard.StaffDesk)(nil)
	_ StaffCallers       = (*citycard.StaffDesk)(nil)
	_ StaffCases         = (*citycard.StaffDesk)(nil)
	_ StaffPartnerOffice = (*citycard.PartnerOffice)(nil)
	_ StaffApprovals     = (*citycard.ApprovalQueue)(nil)
)

// staffOf is the log-in of staff that the route's middleware proved.
func staffOf(c echo.Context) (citycard.StaffSession, error) {
	session, ok := citycard.StaffSessionOf(c.Request().Context())
	if !ok {
		return citycard.StaffSession{}, &citycard.Error{Code: citycard.CodeSessionRequired}
	}
	return session, nil
}

// staffOn is the log-in of staff with the reference of what the route is about.
func staffOn(c echo.Context) (session citycard.StaffSession, ref string, err error) {
	if session, err = staffOf(c); err != nil {
		return citycard.StaffSession{}, "", err
	}
	ref, err = reference(c, "ref")
	return session, ref, err
}
