package main

import (
	"citycard"
	"citycard/handlers"
	"citycard/integrations/passkey"
	"citycard/integrations/password"
)

// passwordsAtOnce bounds the memory that log-ins take: about 20 MB each.
const passwordsAtOnce = 2

// firstPassword is how many characters a password has that is made here: 80 bits.
const firstPassword = 16

// secureStaff tells whether staff comes by https: as its own address says or, where it is given none, the public one.
func (p *parts) secureStaff() bool {
	return p.staff.Scheme == https || p.config.adminURL == nil && p.secure()
}

func (p *parts) staffLogin() *citycard.StaffLogin {
	return &citycard.StaffLogin{
		Accounts: p.store, Attempts: p.store, Records: p.store, Passwords: password.New(passwordsAtOnce), Code: password.Code,
		NewID: newID, Blind: p.ring.Index, Clock: p.config.clock,
	}
}

// staffDoors makes the ways in: log-in, own account, and the accounts of all.
func (p *parts) staffDoors(plane *staffPlane, login *citycard.StaffLogin) error {
	ceremony, err := passkey.New(p.staff)
	if err != nil {
		return err
	}
	provider, err := p.config.singleSignOn(p.staff)
	if err != nil {
		return err
	}
	registry := &citycard.StaffRegistry{
		Accounts: p.store, Passwords: login.Passwords, NewSecret: newSecret, NewCodeSecret: password.NewCodeSecret,
		NewID: newID, Clock: p.config.clock, Login: login,
	}
	plane.logIn = &handlers.StaffLogInPages{Pages: plane.pages, Login: login, Enter: plane.gate.Enter, Leave: plane.gate.Leave}
	plane.account = &handlers.StaffAccountPages{Pages: plane.pages, Registry: registry}
	plane.directory = &handlers.StaffDirectoryPages{
		Pages: plane.pages, Registry: registry, CodeURI: password.CodeURI, CodeImage: password.CodeImage,
		NewPassword: func() string { return newSecret()[:firstPassword] },
	}
	if ceremony != nil {
		keys := &citycard.PasskeyDesk{Login: login, Keys: p.store, Challenges: p.store, Ceremony: ceremony, NewSecret: newSecret}
		plane.logIn.Passkeys, plane.account.Passkeys = keys, keys
	}
	if provider != nil {
		plane.logIn.SSO = &citycard.StaffSSO{
			Login: login, Provider: provider, Identities: p.store, Challenges: p.store, NewSecret: newSecret,
		}
	}
	return nil
}
