package citycard

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"
)

// Passkey is a key pair on a device of a staff member, which logs in by itself once the device verified its user (W3C
// Web Authentication).
type Passkey struct {
	ID      string
	StaffID string
	// Name is what its owner calls it.
	Name string
	// CredentialID is the authenticator's own identifier, base64url.
	CredentialID string
	// Record is all that an authenticator tells of the key: public key, flags, attestation. Only the ceremony reads it.
	Record string
	// SignCount is the authenticator's count of signatures; many keep none and it stays 0.
	SignCount uint32
	AddedAt   time.Time
	UsedAt    time.Time
	// CopiedAt is when it came with a count already seen, as a copy of the key would; it lets nobody in since.
	CopiedAt time.Time
}

// StaffPasskeys is the store of passkeys.
type StaffPasskeys interface {
	// AddPasskey stores a new one with the action that records it; invalid_payload where the credential is known.
	AddPasskey(ctx context.Context, key Passkey, by StaffAction) error
	// Passkeys lists those of an account, oldest first.
	Passkeys(ctx context.Context, staffID string) ([]Passkey, error)
	// PasskeyOf finds one with its account as it is now; not_found where there is none.
	PasskeyOf(ctx context.Context, credentialID string) (Passkey, Staff, error)
	// UsePasskey stores the record and count of a use, if the count still is the one it was found with: false where
	// another use came between.
	UsePasskey(ctx context.Context, key Passkey, foundCount uint32) (bool, error)
	// StopPasskey notes that one was copied.
	StopPasskey(ctx context.Context, id string, by StaffAction) error
	// RemovePasskey removes one of an account; not_found where that has none of the id.
	RemovePasskey(ctx context.Context, staffID, id string, by StaffAction) error
}

// ChallengeKind says what a challenge is for; one kind is never taken for another.
type ChallengeKind string

// The kinds of challenges.
const (
	ChallengePasskeyLogIn ChallengeKind = "passkey_log_in"
	ChallengePasskeyAdd   ChallengeKind = "passkey_add"
	ChallengeSSO          ChallengeKind = "sso"
)

// StaffChallenge is what one browser of staff must answer: once, and in time. SecretHash and BrowserHash are SHA-256
// in hex of the values that the answer and the browser's cookie carry.
type StaffChallenge struct {
	SecretHash  string
	BrowserHash string
	Kind        ChallengeKind
	// StaffID is whose it is, empty at a log-in.
	StaffID string
	// State is what the answer is held against.
	State     string
	ReturnTo  string
	ExpiresAt time.Time
}

// StaffChallenges is the store of challenges.
type StaffChallenges interface {
	// KeepStaffChallenge stores one.
	KeepStaffChallenge(ctx context.Context, c StaffChallenge) error
	// TakeStaffChallenge removes and returns the one with this kind and both hashes, if it has not expired;
	// credentials_invalid otherwise. Of any number of callers at once, one gets it.
	TakeStaffChallenge(ctx context.Context, of StaffChallenge, now time.Time) (StaffChallenge, error)
}

// PasskeyCeremony speaks Web Authentication. Options are for the browser, as JSON; state is kept here until the answer
// comes. An answer that does not hold is credentials_invalid.
type PasskeyCeremony interface {
	// AskToAdd asks for a new key of an account that has some.
	AskToAdd(owner Staff, has []Passkey) (options, state string, err error)
	// Add holds the answer and gives the new key.
	Add(owner Staff, state, answer string) (Passkey, error)
	// AskToLogIn asks for any key of ours that is on the device.
	AskToLogIn() (options, state string, err error)
	// LogIn holds the answer against the key that find gives for its credential, whose owner must be the one the
	// device names, and gives that key as it is after this use; copied tells that its count was seen before.
	LogIn(state, answer string, find func(credentialID string) (Passkey, error)) (key Passkey, copied bool, err error)
}

const (
	// challengeLifetime is how long an answer may take.
	challengeLifetime = 5 * time.Minute
	// challengesPerAddress is how many log-ins may be begun from an address in an hour.
	challengesPerAddress = 600
	// passkeysPerAccount is how many an account may have.
	passkeysPerAccount = 10
	maxPasskeyName     = 40
)

// PasskeyDesk adds passkeys and logs staff in by them.
type PasskeyDesk struct {
	Login      *StaffLogin
	Keys       StaffPasskeys
	Challenges StaffChallenges
	Ceremony   PasskeyCeremony
	// NewSecret gives an unguessable text of at least 128 bits.
	NewSecret func() string
}

// Question is a challenge on its way to a browser: Options for its script, Secret for the answer, Browser for the
// cookie.
type Question struct {
	Options string
	Secret  string
	Browser string
}

// Answer is what came back of a Question.
type Answer struct {
	Credential string
	Secret     string
	Browser    string
	// Address is the client's network address, for the limits.
	Address string
}

// List gives the passkeys of who is logged in.
func (d *PasskeyDesk) List(ctx context.Context, s StaffSession) ([]Passkey, error) {
	return d.Keys.Passkeys(ctx, s.Staff.ID)
}

// BeginAdd asks the browser for a new passkey, once who is logged in proved again to be the account's owner.
func (d *PasskeyDesk) BeginAdd(ctx context.Context, s StaffSession, name string, c StaffCredentials) (Question, error) {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > maxPasskeyName {
		return Question{}, refuseField(CodeInvalidPayload, "name", "a passkey's name has 1 to 40 characters")
	}
	has, err := d.Keys.Passkeys(ctx, s.Staff.ID)
	switch {
	case err != nil:
		return Question{}, err
	case len(has) >= passkeysPerAccount:
		return Question{}, refuseField(CodeInvalidPayload, "name", "an account has ten passkeys at most; remove one first")
	}
	if err := d.Login.Prove(ctx, s, c); err != nil {
		return Question{}, err
	}
	options, state, err := d.Ceremony.AskToAdd(s.Staff, has)
	if err != nil {
		return Question{}, err
	}
	return d.ask(ctx, options, StaffChallenge{Kind: ChallengePasskeyAdd, StaffID: s.Staff.ID, State: state, ReturnTo: name})
}

// Add stores the passkey that the browser made.
func (d *PasskeyDesk) Add(ctx context.Context, s StaffSession, a Answer) error {
	challenge, err := d.take(ctx, ChallengePasskeyAdd, a)
	if err != nil {
		return err
	}
	if challenge.StaffID != s.Staff.ID {
		return refuse(CodeCredentialsInvalid, "the passkey was begun by another account; start again")
	}
	key, err := d.Ceremony.Add(s.Staff, challenge.State, a.Credential)
	if err != nil {
		return err
	}
	key.ID, key.StaffID, key.Name, key.AddedAt = d.Login.NewID(), s.Staff.ID, challenge.ReturnTo, d.Login.Clock()
	return d.Keys.AddPasskey(ctx, key, d.Login.action(ctx, s.Staff, "passkey_add", key.ID))
}

// Remove takes a passkey away from who is logged in.
func (d *PasskeyDesk) Remove(ctx context.Context, s StaffSession, id string) error {
	return d.Keys.RemovePasskey(ctx, s.Staff.ID, id, d.Login.action(ctx, s.Staff, "passkey_remove", id))
}

// BeginLogIn asks a browser for a passkey.
func (d *PasskeyDesk) BeginLogIn(ctx context.Context, returnTo, address string) (Question, error) {
	if err := d.Login.begin(ctx, address); err != nil {
		return Question{}, err
	}
	options, state, err := d.Ceremony.AskToLogIn()
	if err != nil {
		return Question{}, err
	}
	return d.ask(ctx, options, StaffChallenge{Kind: ChallengePasskeyLogIn, State: state, ReturnTo: returnTo})
}

// LogIn opens a session for the owner of the passkey that answers, and gives the page asked for. Whatever is wrong
// with the answer is credentials_invalid. A key whose count was seen before lets nobody in, then and later.
func (d *PasskeyDesk) LogIn(ctx context.Context, a Answer) (StaffSession, string, error) {
	challenge, err := d.take(ctx, ChallengePasskeyLogIn, a)
	if err != nil {
		return StaffSession{}, "", err
	}
	var key Passkey
	limits := []AttemptLimit{d.Login.byAddress(a.Address)}
	staff, err := d.Login.try(ctx, attempt{byPasskey, "", limits}, func(now time.Time) (Staff, error) {
		var staff Staff
		staff, key, err = d.prove(ctx, challenge.State, a.Credential, now)
		return staff, err
	})
	if err != nil {
		return StaffSession{}, "", err
	}
	session, err := d.Login.enter(ctx, staff, byPasskey, key.ID)
	return session, challenge.ReturnTo, err
}

func (d *PasskeyDesk) prove(ctx context.Context, state, answer string, now time.Time) (Staff, Passkey, error) {
	var staff Staff
	var found Passkey
	key, copied, err := d.Ceremony.LogIn(state, answer, func(credentialID string) (Passkey, error) {
		var err error
		found, staff, err = d.Keys.PasskeyOf(ctx, credentialID)
		return found, err
	})
	switch {
	case CodeOf(err) == CodeNotFound:
		return Staff{}, key, invalidPasskey()
	case err != nil:
		return staff, key, err
	case !found.CopiedAt.IsZero(), staff.State != StaffActive:
		return staff, key, invalidPasskey()
	case copied:
		err := d.Keys.StopPasskey(ctx, found.ID, d.Login.action(ctx, staff, "passkey_copied", found.ID))
		return staff, key, firstError(err, invalidPasskey())
	}
	key.UsedAt = now
	used, err := d.Keys.UsePasskey(ctx, key, found.SignCount)
	if err == nil && !used {
		err = invalidPasskey()
	}
	return staff, key, err
}

func invalidPasskey() error {
	return refuse(CodeCredentialsInvalid, "the passkey is not known here, or its answer does not hold")
}

// ask keeps a challenge and gives what the browser needs to answer it.
func (d *PasskeyDesk) ask(ctx context.Context, options string, c StaffChallenge) (Question, error) {
	q := Question{Options: options, Secret: d.NewSecret(), Browser: d.NewSecret()}
	c.SecretHash, c.BrowserHash = digest(q.Secret), digest(q.Browser)
	c.ExpiresAt = d.Login.Clock().Add(challengeLifetime)
	return q, d.Challenges.KeepStaffChallenge(ctx, c)
}

func (d *PasskeyDesk) take(ctx context.Context, kind ChallengeKind, a Answer) (StaffChallenge, error) {
	of := StaffChallenge{Kind: kind, SecretHash: digest(a.Secret), BrowserHash: digest(a.Browser)}
	return d.Challenges.TakeStaffChallenge(ctx, of, d.Login.Clock())
}
