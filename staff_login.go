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

// The ways in which staff logs in, as the record names them.
const (
	byPassword = "password"
	byPasskey  = "passkey"
	bySSO      = "sso"
)

// LogIn opens a session. Whatever is wrong, the answer is credentials_invalid, after the same work; after too many
// tries it is attempts_locked until the hour is over. A code counts once.
func (l *StaffLogin) LogIn(ctx context.Context, c StaffCredentials) (StaffSession, error) {
	staff, err := l.try(ctx, l.attempt(c), func(now time.Time) (Staff, error) { return l.prove(ctx, c, now) })
	if err != nil {
		return StaffSession{}, err
	}
	return l.enter(ctx, staff, byPassword, "")
}

// Prove holds that who is logged in knows the account's password and a code of it that was not used before. Wrong
// tries count like those of a log-in.
func (l *StaffLogin) Prove(ctx context.Context, s StaffSession, c StaffCredentials) error {
	c.Account = s.Staff.Account
	_, err := l.try(ctx, l.attempt(c), func(now time.Time) (Staff, error) { return l.prove(ctx, c, now) })
	return err
}

// attempt is one try to log in: how, what it counts against, and which account it names.
type attempt struct {
	way     string
	account string
	limits  []AttemptLimit
}

// try counts an attempt, finds out who makes it, and takes it back where that went well or was not judged. A failed one is recorded,
// with the account, or with a keyed hash of the name where there is none: the work is the same.
func (l *StaffLogin) try(ctx context.Context, a attempt, prove func(now time.Time) (Staff, error)) (Staff, error) {
	now := l.Clock()
	if err := l.Attempts.ReserveAttempt(ctx, a.limits, now); err != nil {
		return Staff{}, err
	}
	staff, err := prove(now)
	if CodeOf(err) == CodeCredentialsInvalid {
		failed := l.action(ctx, staff, "log_in_failed", "")
		failed.Reason = a.way
		if staff.ID == "" {
			failed.Object = l.Blind("attempt", a.account)
		}
		return staff, firstError(l.Records.RecordAction(ctx, failed), err)
	}
	return staff, firstError(err, l.Attempts.ReturnAttempt(ctx, a.limits))
}

// enter opens a session of somebody who proved to be the account's owner.
func (l *StaffLogin) enter(ctx context.Context, staff Staff, way, object string) (StaffSession, error) {
	now := l.Clock()
	session := StaffSession{
		ID: l.NewID(), Staff: staff, IssuedAt: now, SeenAt: now, ExpiresAt: now.Add(StaffSessionLifetime),
	}
	opened := l.action(ctx, staff, "log_in", object)
	opened.Reason = way
	if err := l.Accounts.OpenStaffSession(ctx, session, opened); err != nil {
		return StaffSession{}, err
	}
	return session, nil
}

// of adds what the request's context knows.
func (a StaffAction) of(ctx context.Context) StaffAction {
	a.RequestID = RequestIDOf(ctx)
	return a
}

// attempt counts by account and by address.
func (l *StaffLogin) attempt(c StaffCredentials) attempt {
	start, end := hourOf(l.Clock())
	return attempt{byPassword, c.Account, []AttemptLimit{
		{AttemptByStaffAccount, l.Blind("attempt", c.Account), staffTriesPerAccount, start, end},
		l.byAddress(c.Address),
	}}
}

// byAddress is the limit of wrong tries from a network address.
func (l *StaffLogin) byAddress(address string) AttemptLimit {
	start, end := hourOf(l.Clock())
	return AttemptLimit{AttemptByStaffAddress, l.Blind("attempt", address), staffTriesPerAddress, start, end}
}

// begin counts log-ins that are only begun, each of which is remembered for a while.
func (l *StaffLogin) begin(ctx context.Context, address string) error {
	start, end := hourOf(l.Clock())
	return l.Attempts.ReserveAttempt(ctx, []AttemptLimit{
		{AttemptByStaffBegin, l.Blind("attempt", address), challengesPerAddress, start, end},
	}, l.Clock())
}

// action is what an account did, for the record.
func (l *StaffLogin) action(ctx context.Context, by Staff, what, object string) StaffAction {
	return StaffAction{ID: l.NewID(), StaffID: by.ID, Role: by.Role, Action: what, Object: object, At: l.Clock()}.of(ctx)
}

// hourOf is the hour in Asia/Shanghai that a time lies in.
func hourOf(now time.Time) (start, end time.Time) {
	start = now.In(Shanghai).Truncate(time.Hour)
	return start, start.Add(time.Hour)
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
	return l.Accounts.RevokeStaffSession(ctx, s.ID, l.action(ctx, s.Staff, "log_out", ""))
}
