package citycard

import (
	"context"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"
)

// StaffRole says what a member of staff may do; the route table names the roles of each route.
type StaffRole string

// The roles: clerks serve people at counters and on the hotline, supervisors also decide what clerks may not,
// auditors see everything and change nothing, operators look after the service and see no person's records.
const (
	RoleClerk      StaffRole = "clerk"
	RoleSupervisor StaffRole = "supervisor"
	RoleAuditor    StaffRole = "auditor"
	RoleOperator   StaffRole = "operator"
)

// StaffRoles lists the roles.
func StaffRoles() []StaffRole {
	return []StaffRole{RoleClerk, RoleSupervisor, RoleAuditor, RoleOperator}
}

// StaffState says whether an account may log in.
type StaffState string

// The states of a staff account.
const (
	StaffActive   StaffState = "active"
	StaffDisabled StaffState = "disabled"
)

const (
	// StaffSessionLifetime is how long a log-in of staff lasts at most.
	StaffSessionLifetime = 8 * time.Hour
	// StaffIdleTime is how long a log-in of staff lasts unused.
	StaffIdleTime = 15 * time.Minute
)

// Staff is a staff account.
type Staff struct {
	ID      string
	Account string
	Name    string
	Role    StaffRole
	State   StaffState
	// PasswordHash is the slow hash of the password, CodeSecret the secret of the one-time codes (RFC 6238, base32).
	PasswordHash string
	CodeSecret   string
	// FirstPassword tells that somebody else made the password and knows it: until its owner changes it, it lets in only
	// as far as that.
	FirstPassword bool
	AddedAt       time.Time
}

var (
	staffAccountForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,31}$`)
	maxStaffName     = 64
)

// Check refuses an account that cannot be added: invalid_payload with the field.
func (s Staff) Check() error {
	switch {
	case !staffAccountForm.MatchString(s.Account):
		return refuseField(CodeInvalidPayload, "account", "an account has 2 to 32 small letters, digits, dots, - or _, and begins with a letter or digit")
	case s.Name == "" || utf8.RuneCountInString(s.Name) > maxStaffName:
		return refuseField(CodeInvalidPayload, "name", "a name has 1 to 64 characters")
	case !slices.Contains(StaffRoles(), s.Role):
		return refuseField(CodeInvalidPayload, "role", "the roles are clerk, supervisor, auditor and operator")
	}
	return nil
}

// Actor is who the account's changes are made by.
func (s Staff) Actor() Actor {
	if s.Role == RoleSupervisor {
		return Actor{Kind: ActorSupervisor, ID: s.ID}
	}
	return Actor{Kind: ActorStaff, ID: s.ID}
}

// StaffSession is a log-in of staff. Staff is the account as it is now, not as it was at the log-in, so that a
// new role or a disabled account counts at once.
type StaffSession struct {
	ID        string
	Staff     Staff
	IssuedAt  time.Time
	ExpiresAt time.Time
	// SeenAt is when it was last used, to the minute.
	SeenAt    time.Time
	RevokedAt time.Time
}

// StaffAction is one line of the record of what staff did and saw. It is only ever appended.
type StaffAction struct {
	ID      string
	StaffID string
	Role    StaffRole
	// Action names what was done, as in the route: reissue, formal_loss, search, …
	Action string
	// Object is the ref of the card or the account acted on, empty where there is none.
	Object string
	Reason string
	// Note is what staff wrote about it; it may hold personal data.
	Note      string
	RequestID string
	At        time.Time
}

// StaffAccounts is the store of staff accounts and their sessions.
type StaffAccounts interface {
	// AddStaff stores a new account with the digests of its recovery codes and the action that records it. An account
	// of that name is invalid_payload with field account.
	AddStaff(ctx context.Context, s Staff, recovery []string, by StaffAction) error
	// ResetStaff gives an account a new password hash, code secret and recovery codes, forgets its passkeys and its
	// identity at a provider, makes it active and ends its sessions; not_found where there is none of that name.
	ResetStaff(ctx context.Context, s Staff, recovery []string, by StaffAction) error
	// DisableStaff shuts an account out and ends its sessions; not_found where there is none of that name.
	DisableStaff(ctx context.Context, account string, by StaffAction) error
	// ChangeStaffRole gives an account another role, which counts in its open sessions at once; not_found where there is
	// none of that name.
	ChangeStaffRole(ctx context.Context, account string, role StaffRole, by StaffAction) error
	// SetStaffPassword gives an account another password hash, of its owner's own choice, and ends its sessions but for one; not_found where there is
	// no account of the id.
	SetStaffPassword(ctx context.Context, staffID, hash, keptSession string, by StaffAction) error
	// ListStaff lists all accounts by name, without what they log in with.
	ListStaff(ctx context.Context) ([]Staff, error)
	// StaffByAccount finds an account; not_found where there is none.
	StaffByAccount(ctx context.Context, account string) (Staff, error)
	// UseCodeStep takes the time step of a one-time code, once and never an earlier one: false where it, or a later
	// one, was taken before. Of any number of callers at once, one gets it.
	UseCodeStep(ctx context.Context, staffID string, step int64) (bool, error)
	// UseRecoveryCode takes a recovery code by its digest; false where it is unknown or was taken before.
	UseRecoveryCode(ctx context.Context, staffID, digest string, now time.Time) (bool, error)

	// OpenStaffSession stores a session with the action that records it.
	OpenStaffSession(ctx context.Context, s StaffSession, by StaffAction) error
	// StaffSession finds one by id with its account as it is now; not_found where there is none.
	StaffSession(ctx context.Context, id string) (StaffSession, error)
	// TouchStaffSession notes that a session was used.
	TouchStaffSession(ctx context.Context, id string, now time.Time) error
	// RevokeStaffSession ends a session at once on every replica.
	RevokeStaffSession(ctx context.Context, id string, by StaffAction) error
}

// StaffRecords is the store of reissues and of what staff did.
type StaffRecords interface {
	// RecordAction appends an action that changes no card.
	RecordAction(ctx context.Context, a StaffAction) error
	// Reissue finds a reissue by id; not_found where there is none.
	Reissue(ctx context.Context, id string) (Reissue, error)
	// Reissues lists those of which the card is the old or the new one, oldest first.
	Reissues(ctx context.Context, cardRef string) ([]Reissue, error)
}
