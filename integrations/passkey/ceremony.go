package passkey

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"citycard"
)

var _ citycard.PasskeyCeremony = (*Ceremony)(nil)

// Ceremony is the relying party of Web Authentication Level 3 at one address.
type Ceremony struct{ party *webauthn.WebAuthn }

// New makes the ceremony for pages at an origin such as https://desk.example.gov.cn. Browsers give keys to secure
// addresses with a name only: elsewhere it is nil, and staff logs in by password.
func New(origin *url.URL) (*Ceremony, error) {
	host := origin.Hostname()
	if net.ParseIP(host) != nil || origin.Scheme != "https" && host != "localhost" {
		return nil, nil //nolint:nilnil // no passkeys at such an address is no error
	}
	party, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: "citycard", RPOrigins: []string{origin.Scheme + "://" + origin.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("set up passkeys: %w", err)
	}
	return &Ceremony{party}, nil
}

// AskToAdd implements citycard.PasskeyCeremony: a key that is on the device, verifies its user, and is none of those
// the account has.
func (c *Ceremony) AskToAdd(owner citycard.Staff, has []citycard.Passkey) (options, state string, err error) {
	user, err := userOf(owner.ID, has...)
	if err != nil {
		return "", "", err
	}
	user.name, user.display = owner.Account, owner.Name
	known := make([]protocol.CredentialDescriptor, len(user.keys))
	for i := range user.keys {
		known[i] = user.keys[i].Descriptor()
	}
	asked, session, err := c.party.BeginRegistration(user, webauthn.WithExclusions(known))
	if err != nil {
		return "", "", fmt.Errorf("ask for a new passkey: %w", err)
	}
	return texts(asked.Response, session)
}

// Add implements citycard.PasskeyCeremony.
func (c *Ceremony) Add(owner citycard.Staff, state, answer string) (citycard.Passkey, error) {
	session, err := read(state)
	if err != nil {
		return citycard.Passkey{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return citycard.Passkey{}, invalid(err)
	}
	made, err := c.party.CreateCredential(user{id: owner.ID}, session, parsed)
	if err != nil {
		return citycard.Passkey{}, invalid(err)
	}
	return write(citycard.Passkey{}, made)
}

// AskToLogIn implements citycard.PasskeyCeremony.
func (c *Ceremony) AskToLogIn() (options, state string, err error) {
	asked, session, err := c.party.BeginDiscoverableLogin()
	if err != nil {
		return "", "", fmt.Errorf("ask for a passkey: %w", err)
	}
	return texts(asked.Response, session)
}

// LogIn implements citycard.PasskeyCeremony.
func (c *Ceremony) LogIn(state, answer string, find func(string) (citycard.Passkey, error)) (key citycard.Passkey, copied bool, err error) {
	session, err := read(state)
	if err != nil {
		return citycard.Passkey{}, false, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return citycard.Passkey{}, false, invalid(err)
	}
	var found citycard.Passkey
	var failed error
	used, err := c.party.ValidateDiscoverableLogin(func(id, _ []byte) (webauthn.User, error) {
		var owner user
		if found, failed = find(base64.RawURLEncoding.EncodeToString(id)); failed == nil {
			owner, failed = userOf(found.StaffID, found)
		}
		return owner, failed
	}, session, parsed)
	switch {
	case failed != nil:
		return citycard.Passkey{}, false, failed
	case err != nil:
		return citycard.Passkey{}, false, invalid(err)
	}
	key, err = write(found, used)
	return key, used.Authenticator.CloneWarning, err
}

// user is an account as the library sees it. The handle that devices keep is the account's id, which says nothing
// about the person.
type user struct {
	id, name, display string
	keys              []webauthn.Credential
}

func (u user) WebAuthnID() []byte                         { return []byte(u.id) }
func (u user) WebAuthnName() string                       { return u.name }
func (u user) WebAuthnDisplayName() string                { return u.display }
func (u user) WebAuthnCredentials() []webauthn.Credential { return u.keys }

func userOf(id string, has ...citycard.Passkey) (user, error) {
	u := user{id: id, keys: make([]webauthn.Credential, len(has))}
	for i, key := range has {
		if err := json.Unmarshal([]byte(key.Record), &u.keys[i]); err != nil {
			return user{}, fmt.Errorf("read passkey record: %w", err)
		}
		u.keys[i].Authenticator.SignCount = key.SignCount
	}
	return u, nil
}

// write puts what the library knows of a key into the record, flags and attestation included.
func write(key citycard.Passkey, c *webauthn.Credential) (citycard.Passkey, error) {
	record, err := json.Marshal(c)
	if err != nil {
		return citycard.Passkey{}, fmt.Errorf("write passkey record: %w", err)
	}
	key.CredentialID = base64.RawURLEncoding.EncodeToString(c.ID)
	key.Record, key.SignCount = string(record), c.Authenticator.SignCount
	return key, nil
}

// texts are the options for the browser and the state to keep.
func texts(options any, session *webauthn.SessionData) (string, string, error) {
	asked, err := json.Marshal(options)
	if err != nil {
		return "", "", fmt.Errorf("write passkey options: %w", err)
	}
	kept, err := json.Marshal(session)
	if err != nil {
		return "", "", fmt.Errorf("write passkey state: %w", err)
	}
	return string(asked), string(kept), nil
}

func read(state string) (webauthn.SessionData, error) {
	var session webauthn.SessionData
	if err := json.Unmarshal([]byte(state), &session); err != nil {
		return webauthn.SessionData{}, fmt.Errorf("read passkey state: %w", err)
	}
	return session, nil
}

// invalid is the refusal of an answer. The library's error may hold what the browser sent and stays for the log.
func invalid(err error) error {
	cause := err
	var detailed *protocol.Error
	if errors.As(err, &detailed) {
		cause = errors.New(detailed.Type + ": " + detailed.Details)
	}
	return &citycard.Error{Code: citycard.CodeCredentialsInvalid, Message: "the passkey is not known here, or its answer does not hold", Cause: cause}
}
