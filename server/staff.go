package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"citycard"
	"citycard/integrations/password"
)

type staffCommand struct {
	Add     staffAddCommand     `cmd:"" help:"Add a staff account."`
	Reset   staffResetCommand   `cmd:"" help:"Give an account a new password and new codes, and end its sessions."`
	Role    staffRoleCommand    `cmd:"" help:"Give an account another role, at once."`
	Disable staffDisableCommand `cmd:"" help:"Shut an account out at once."`
}

// Help is the example.
func (staffCommand) Help() string {
	return "Example:\n\n  citycard staff add --account amy --name \"Amy Lu\" --role clerk --password-stdin < password.txt"
}

type staffAddCommand struct {
	Account       string `required:"" placeholder:"A" help:"The account's name: 2 to 32 small letters, digits, dots, - or _."`
	Name          string `required:"" placeholder:"N" help:"The person's name."`
	Role          string `required:"" enum:"clerk,supervisor,auditor,operator" help:"clerk, supervisor, auditor or operator."`
	PasswordStdin bool   `required:"" name:"password-stdin" help:"Read the password, one line of 12 to 128 characters, from standard input."`
}

// staffKeysHelp says what the commands that make keys print.
const staffKeysHelp = "\n\nStandard output gets the secret of the one-time codes as an otpauth:// address for an authenticator app; " +
	"recovery codes, which count once each, go to standard error. Neither is ever shown again."

// Help is the example.
func (staffAddCommand) Help() string {
	return "Example:\n\n  citycard staff add --account amy --name \"Amy Lu\" --role clerk --password-stdin < password.txt" + staffKeysHelp
}

// Run adds the account.
func (a staffAddCommand) Run(p *program) error {
	secret, err := readPassword(os.Stdin)
	if err != nil {
		return err
	}
	return p.withStaff(func(registry *citycard.StaffRegistry) error {
		staff := citycard.Staff{Account: a.Account, Name: a.Name, Role: citycard.StaffRole(a.Role)}
		keys, err := registry.Add(p.ctx, staff, secret, byCommand())
		if err != nil {
			return refusedStaffFlag(err)
		}
		return p.showStaffKeys(a.Account, keys)
	})
}

type staffResetCommand struct {
	Account       string `required:"" placeholder:"A" help:"The account."`
	PasswordStdin bool   `required:"" name:"password-stdin" help:"Read the new password, one line of 12 to 128 characters, from standard input."`
}

// Help is the example.
func (staffResetCommand) Help() string {
	return "Example:\n\n  citycard staff reset --account amy --password-stdin < password.txt" + staffKeysHelp
}

// Run resets the account.
func (r staffResetCommand) Run(p *program) error {
	secret, err := readPassword(os.Stdin)
	if err != nil {
		return err
	}
	return p.withStaff(func(registry *citycard.StaffRegistry) error {
		keys, err := registry.Reset(p.ctx, r.Account, secret, byCommand())
		if err != nil {
			return refusedStaffFlag(err)
		}
		return p.showStaffKeys(r.Account, keys)
	})
}

type staffRoleCommand struct {
	Account string `required:"" placeholder:"A" help:"The account."`
	Role    string `required:"" enum:"clerk,supervisor,auditor,operator" help:"clerk, supervisor, auditor or operator."`
}

// Help is the example.
func (staffRoleCommand) Help() string {
	return "Example:\n\n  citycard staff role --account amy --role supervisor\n\nIt counts at once, also where the account is logged in."
}

// Run changes the role.
func (r staffRoleCommand) Run(p *program) error {
	return p.withStaff(func(registry *citycard.StaffRegistry) error {
		if err := registry.ChangeRole(p.ctx, r.Account, citycard.StaffRole(r.Role), byCommand()); err != nil {
			return refusedStaffFlag(err)
		}
		return p.say("account %s is %s now\n", r.Account, r.Role)
	})
}

type staffDisableCommand struct {
	Account string `required:"" placeholder:"A" help:"The account."`
}

// Help is the example.
func (staffDisableCommand) Help() string {
	return "Example:\n\n  citycard staff disable --account amy\n\nIts sessions end at once on every replica; citycard staff reset lets it in again."
}

// Run disables the account.
func (d staffDisableCommand) Run(p *program) error {
	return p.withStaff(func(registry *citycard.StaffRegistry) error {
		if err := registry.Disable(p.ctx, d.Account, byCommand()); err != nil {
			return refusedStaffFlag(err)
		}
		return p.say("account %s is disabled\n", d.Account)
	})
}

// byCommand is who sits next to the database; it is no account.
func byCommand() citycard.Staff { return citycard.Staff{ID: commandLine().ID} }

func (p *program) showStaffKeys(account string, keys citycard.StaffKeys) error {
	if err := p.say("%s\n", password.CodeURI(account, keys.CodeSecret)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.stderr, "recovery codes of %s, to be kept on paper:\n%s\n", account, strings.Join(keys.Recovery, "\n"))
	return err
}

// readPassword reads one line.
func readPassword(from io.Reader) (string, error) {
	const most = 4 << 10
	line, err := bufio.NewReader(io.LimitReader(from, most)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read password: %w", err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// withStaff lends a command the registry of staff.
func (p *program) withStaff(use func(*citycard.StaffRegistry) error) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	ring, err := c.openRing()
	if err != nil {
		return err
	}
	store, err := c.openStore(p.ctx, ring)
	if err != nil {
		return err
	}
	err = store.Migrate(p.ctx)
	if err == nil {
		err = use(&citycard.StaffRegistry{
			Accounts: store, Passwords: password.New(1), NewSecret: newSecret, NewCodeSecret: password.NewCodeSecret,
			NewID: newID, Clock: c.clock,
		})
	}
	return errors.Join(err, store.Close())
}

// refusedStaffFlag names the flag that the registry refused.
func refusedStaffFlag(err error) error {
	var refused *citycard.Error
	if !errors.As(err, &refused) || refused.Field == "" {
		return err
	}
	flag := "--" + refused.Field
	if refused.Field == "password" {
		flag = "--password-stdin"
	}
	return usage("%s: %s", flag, refused.Message)
}
