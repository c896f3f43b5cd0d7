package citycard

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	minPassword = 12
	maxPassword = 128
	// recoveryCodes is how many recovery codes an account is given.
	recoveryCodes = 8
)

// StaffRegistry is the use case of adding, resetting and disabling staff accounts.
type StaffRegistry struct {
	Accounts  StaffAccounts
	Passwords Passwords
	// NewSecret gives a recovery code: 26 unguessable letters and digits of base32 (RFC 4648). NewCodeSecret gives the
	// secret of one-time codes, base32 too.
	NewSecret     func() string
	NewCodeSecret func() string
	NewID         func() string
	Clock         func() time.Time
	// Login proves who changes the own password; the command line, which changes nobody's own, has none.
	Login *StaffLogin
}

// StaffKeys are what a member of staff logs in with beside the password; they are shown once and never again.
type StaffKeys struct {
	// CodeSecret is the secret of the one-time codes, base32.
	CodeSecret string
	// Recovery are codes that count once each, for when the one-time codes are out of reach.
	Recovery []string
}

// List lists all accounts.
func (r *StaffRegistry) List(ctx context.Context) ([]Staff, error) { return r.Accounts.ListStaff(ctx) }

// Add adds an active account. By is who does so: an account, or the command line.
func (r *StaffRegistry) Add(ctx context.Context, s Staff, password string, by Staff) (StaffKeys, error) {
	s.ID, s.State, s.AddedAt = r.NewID(), StaffActive, r.Clock()
	if err := s.Check(); err != nil {
		return StaffKeys{}, err
	}
	keys, recovery, err := r.secure(ctx, &s, password, by)
	if err != nil {
		return StaffKeys{}, err
	}
	return keys, r.Accounts.AddStaff(ctx, s, recovery, r.action(ctx, "staff_add", s.Account, by))
}

// Reset gives an account a new password and new codes, forgets its passkeys, and ends its sessions. Nobody resets the
// own account.
func (r *StaffRegistry) Reset(ctx context.Context, account, password string, by Staff) (StaffKeys, error) {
	if err := refuseOwn(account, by); err != nil {
		return StaffKeys{}, err
	}
	s, err := r.Accounts.StaffByAccount(ctx, account)
	if err != nil {
		return StaffKeys{}, err
	}
	keys, recovery, err := r.secure(ctx, &s, password, by)
	if err != nil {
		return StaffKeys{}, err
	}
	return keys, r.Accounts.ResetStaff(ctx, s, recovery, r.action(ctx, "staff_reset", account, by))
}

// ChangeRole gives an account another role, at once, also where it is logged in. Nobody changes the own one.
func (r *StaffRegistry) ChangeRole(ctx context.Context, account string, role StaffRole, by Staff) error {
	if err := refuseOwn(account, by); err != nil {
		return err
	}
	if !slices.Contains(StaffRoles(), role) {
		return refuseField(CodeInvalidPayload, "role", "the roles are clerk, supervisor, auditor and operator")
	}
	action := r.action(ctx, "staff_role", account, by)
	action.Reason = string(role)
	return r.Accounts.ChangeStaffRole(ctx, account, role, action)
}

// Disable shuts an account out at once, on every replica. Nobody disables the own one.
func (r *StaffRegistry) Disable(ctx context.Context, account string, by Staff) error {
	if err := refuseOwn(account, by); err != nil {
		return err
	}
	return r.Accounts.DisableStaff(ctx, account, r.action(ctx, "staff_disable", account, by))
}

// ChangePassword gives who is logged in another password, once they proved again to be the account's owner, and ends
// the account's other sessions.
func (r *StaffRegistry) ChangePassword(ctx context.Context, s StaffSession, c StaffCredentials, password string) error {
	if err := checkPassword(s.Staff.Account, password); err != nil {
		return err
	}
	if err := r.Login.Prove(ctx, s, c); err != nil {
		return err
	}
	hash, err := r.Passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	return r.Accounts.SetStaffPassword(ctx, s.Staff.ID, hash, s.ID, r.action(ctx, "staff_password", s.Staff.Account, s.Staff))
}

// refuseOwn keeps accounts from being changed by who uses them.
func refuseOwn(account string, by Staff) error {
	if by.Account == account {
		return refuse(CodeSecondPersonRequired, "somebody else must change this account: it is your own")
	}
	return nil
}

func (r *StaffRegistry) action(ctx context.Context, what, account string, by Staff) StaffAction {
	return StaffAction{ID: r.NewID(), StaffID: by.ID, Role: by.Role, Action: what, Object: account, At: r.Clock()}.of(ctx)
}

// secure gives an account a password hash and new codes. Digests are those of the recovery codes. A password that another
// account gives is a first one; at the command line its owner may have typed it.
func (r *StaffRegistry) secure(ctx context.Context, s *Staff, password string, by Staff) (keys StaffKeys, digests []string, err error) {
	if err := checkPassword(s.Account, password); err != nil {
		return StaffKeys{}, nil, err
	}
	if s.PasswordHash, err = r.Passwords.Hash(ctx, password); err != nil {
		return StaffKeys{}, nil, err
	}
	s.CodeSecret = r.NewCodeSecret()
	s.FirstPassword = by.Account != ""
	keys.CodeSecret = s.CodeSecret
	for range recoveryCodes {
		code := r.NewSecret()
		keys.Recovery = append(keys.Recovery, code)
		digests = append(digests, digest(code))
	}
	return keys, digests, nil
}

// checkPassword refuses a password that is too short, too long or gives itself away.
func checkPassword(account, password string) error {
	if n := utf8.RuneCountInString(password); n < minPassword || n > maxPassword {
		return refuseField(CodeInvalidPayload, "password", "a password has 12 to 128 characters")
	}
	if strings.Contains(strings.ToLower(password), account) {
		return refuseField(CodeInvalidPayload, "password", "the password must not contain the account")
	}
	return nil
}
