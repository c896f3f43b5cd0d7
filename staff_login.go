package citycard

import (
	"context"
	"crypto/hmac"
	"regexp"
	"strings"
	"time"
)

const (
	// codePeriod is how long a one-time code is shown; one before and one after the current one are taken too, for
	// clocks that differ (RFC 6238, 5.2).
	codePeriod = 30 * time.Second
	// Wrong log-ins allowed an hour, by account and by network address.
	staffTriesPerAccount = 10
	staffTriesPerAddress = 30
	// touchEvery is how often the use of a session is noted at most.
	touchEvery = time.Minute
)

// Passwords is a slow password hash.
type Passwords interface {
	// Hash gives a salted hash.
	Hash(ctx context.Context, password string) (string, error)
	// Matches tells whether a hash is that of the password. An empty hash matches nothing, in the same time.
	Matches(ctx context.Context, password, hash string) (bool, error)
}

// StaffLogin logs staff in by password and one-time code.
type StaffLogin struct {
	Accounts  StaffAccounts
	Attempts  Attempts
	Records   StaffRecords
	Passwords Passwords
	// Code is the one-time code of a secret in a time step (RFC 6238).
	Code  func(secret string, step int64) (string, error)
	NewID func() string
	// Blind is a keyed hash: what accounts and addresses are counted by.
	Blind func(purpose, value string) string
	Clock func() time.Time
}

// StaffCredentials are what a member of staff enters. Code is the one-time code or a recovery code; Address the
// client's network address, for the limits.
type StaffCredentials struct {
	Account  string
	Password string
	Code     string
	Address  string
}

// LogIn opens a session. Whatever is wrong, the answer is credentials_invalid, after the same work; after too many
// tries it is attempts_locked until the hour is over. A code counts once.
func (l *StaffLogin) LogIn(ctx context.Context, c StaffCredentials) (StaffSession, error) {
	now := l.Clock()
	limits := l.limits(c, now)
	if err := l.Attempts.ReserveAttempt(ctx, limits, now); err != nil {
		return StaffSession{}, err
	}
	staff, err := l.prove(ctx, c, now)
	if CodeOf(err) == CodeCredentialsInvalid && staff.ID != "" {
		failed := StaffAction{ID: l.NewID(), StaffID: staff.ID, Role: staff.Role, Action: "log_in_failed", At: now}
		err = firstError(err, l.Records.RecordAction(ctx, failed.of(ctx)))
	}
	if err != nil {
		return StaffSession{}, err
	}
	session := StaffSession{
		ID: l.NewID(), Staff: staff, IssuedAt: now, SeenAt: now, ExpiresAt: now.Add(StaffSessionLifetime),
	}
	opened := StaffAction{ID: l.NewID(), StaffID: staff.ID, Role: staff.Role, Action: "log_in", At: now}
	if err := l.Accounts.OpenStaffSession(ctx, session, opened.of(ctx)); err != nil {
		return StaffSession{}, err
	}
	return session, l.Attempts.ReturnAttempt(ctx, limits)
}

// of adds what the request's context knows.
func (a StaffAction) of(ctx context.Context) StaffAction {
	a.RequestID = RequestIDOf(ctx)
	return a
}

func (l *StaffLogin) limits(c StaffCredentials, now time.Time) []AttemptLimit {
	hour := now.In(Shanghai).Truncate(time.Hour)
	return []AttemptLimit{
		{AttemptByStaffAccount, l.Blind("attempt", c.Account), staffTriesPerAccount, hour, hour.Add(time.Hour)},
		{AttemptByStaffAddress, l.Blind("attempt", c.Address), staffTriesPerAddress, hour, hour.Add(time.Hour)},
	}
}

// prove finds out who enters. With credentials_invalid the account is there where one was named.
func (l *StaffLogin) prove(ctx context.Context, c StaffCredentials, now time.Time) (Staff, error) {
	invalid := refuse(CodeCredentialsInvalid, "account, password or code is wrong")
	staff, err := l.Accounts.StaffByAccount(ctx, c.Account)
	if err != nil && CodeOf(err) != CodeNotFound {
		return Staff{}, err
	}
	matches, err := l.Passwords.Matches(ctx, c.Password, staff.PasswordHash)
	if err != nil {
		return Staff{}, err
	}
	if !matches || staff.State != StaffActive {
		return staff, invalid
	}
	used, err := l.useCode(ctx, staff, c.Code, now)
	if err == nil && !used {
		err = invalid
	}
	return staff, err
}

var (
	codeForm     = regexp.MustCompile(`^[0-9]{6}$`)
	recoveryForm = regexp.MustCompile(`^[A-Z2-7]{26}$`)
)

// useCode takes a one-time code or a recovery code; false where it is wrong or was taken before.
func (l *StaffLogin) useCode(ctx context.Context, staff Staff, code string, now time.Time) (bool, error) {
	if recovery := strings.ToUpper(strings.ReplaceAll(code, "-", "")); recoveryForm.MatchString(recovery) {
		return l.Accounts.UseRecoveryCode(ctx, staff.ID, digest(recovery), now)
	}
	if !codeForm.MatchString(code) {
		return false, nil
	}
	current := now.Unix() / int64(codePeriod/time.Second)
	for step := current - 1; step <= current+1; step++ {
		right, err := l.Code(staff.CodeSecret, step)
		if err != nil {
			return false, err
		}
		if hmac.Equal([]byte(right), []byte(code)) {
			return l.Accounts.UseCodeStep(ctx, staff.ID, step)
		}
	}
	return false, nil
}

// Check finds the session of a token's id and notes its use: session_required where it is unknown,
// session_expired where it was revoked, its time is over, it lay idle, or its account may not log in any more.
func (l *StaffLogin) Check(ctx context.Context, id string) (StaffSession, error) {
	now := l.Clock()
	session, err := l.Accounts.StaffSession(ctx, id)
	switch {
	case CodeOf(err) == CodeNotFound:
		return StaffSession{}, refuse(CodeSessionRequired, "the session is not known here; log in again")
	case err != nil:
		return StaffSession{}, err
	case !session.RevokedAt.IsZero(), session.Staff.State != StaffActive, !now.Before(session.ExpiresAt),
		now.Sub(session.SeenAt) >= StaffIdleTime:
		return StaffSession{}, refuse(CodeSessionExpired, "the session has ended; log in again")
	}
	if now.Sub(session.SeenAt) >= touchEvery {
		return session, l.Accounts.TouchStaffSession(ctx, id, now)
	}
	return session, nil
}

// LogOut revokes a session at once on every replica.
func (l *StaffLogin) LogOut(ctx context.Context, s StaffSession) error {
	ended := StaffAction{ID: l.NewID(), StaffID: s.Staff.ID, Role: s.Staff.Role, Action: "log_out", At: l.Clock()}
	return l.Accounts.RevokeStaffSession(ctx, s.ID, ended.of(ctx))
}
