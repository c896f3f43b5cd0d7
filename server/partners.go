package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"citycard"
	"citycard/integrations/signing"
	"citycard/sql"
)

type partnerCommand struct {
	Add    partnerAddCommand    `cmd:"" help:"Register a partner platform."`
	Change partnerChangeCommand `cmd:"" help:"Change what a partner may report, or suspend it."`
	Key    partnerKeyCommand    `cmd:"" help:"Register or revoke a partner's public key."`
	List   partnerListCommand   `cmd:"" help:"List partners and their keys, and warn of keys that end soon."`
	Send   partnerSendCommand   `cmd:"" help:"Send an event as a partner would, and check the reply."`

	Reconcile partnerReconcileCommand `cmd:"" help:"List a partner's events of a day, or compare them with the partner's list."`
}

// Help is the example.
func (partnerCommand) Help() string {
	return "Example:\n\n  citycard partner list"
}

type partnerAddCommand struct {
	AppID    string   `name:"app-id" required:"" placeholder:"ID" help:"The app id that the partner signs with: 16 to 20 digits."`
	Kind     string   `required:"" enum:"bank,hospital,pharmacy,card_maker,centre" help:"bank, hospital, pharmacy, card_maker or centre."`
	Name     string   `required:"" help:"The partner's name."`
	Region   []string `required:"" placeholder:"R" help:"The region codes whose cards the partner reports on, separated by commas."`
	BankCode string   `placeholder:"C" help:"The bank's code of three digits; for a bank only."`
	Methods  []string `required:"" placeholder:"M" help:"The methods granted, separated by commas."`
}

// Help is the example, and which methods there are.
func (partnerAddCommand) Help() string {
	var text strings.Builder
	text.WriteString("Example:\n\n  citycard partner add --app-id 2026000000000001 --kind bank --name \"Demo Bank\" --region 320100 \\\n" +
		"    --bank-code 102 --methods citycard.financial.activate,citycard.financial.lose\n\nMethods of each kind:\n")
	for _, kind := range []citycard.PartnerKind{
		citycard.PartnerBank, citycard.PartnerHospital, citycard.PartnerPharmacy, citycard.PartnerCardMaker, citycard.PartnerCentre,
	} {
		fmt.Fprintf(&text, "\n%s\n", kind)
		for _, method := range citycard.MethodsOf(kind) {
			fmt.Fprintf(&text, "  %s\n", method)
		}
	}
	return text.String()
}

// Run registers the partner.
func (a partnerAddCommand) Run(p *program) error {
	partner := citycard.Partner{
		AppID: a.AppID, Kind: citycard.PartnerKind(a.Kind), Name: a.Name, Regions: a.Region, Bank: citycard.Bank(a.BankCode),
		Methods: methodsOf(a.Methods),
	}
	if err := partner.Check(); err != nil {
		return refusedFlag(err)
	}
	return p.withPartners(func(registry *citycard.PartnerRegistry) error {
		if err := registry.AddPartner(p.ctx, partner, commandLine()); err != nil {
			return refusedFlag(err)
		}
		return p.say("partner %s is registered; now register its key: citycard partner key add --app-id %s --type RSA2 --file PUB.pem\n", a.AppID, a.AppID)
	})
}

type partnerKeyCommand struct {
	Add    partnerKeyAddCommand    `cmd:"" help:"Register a public key."`
	Revoke partnerKeyRevokeCommand `cmd:"" help:"End a key at once and for good."`
}

// Help is the example.
func (partnerKeyCommand) Help() string {
	return "Example:\n\n  citycard partner key add --app-id 2026000000000001 --type RSA2 --file bank.pub.pem"
}

type partnerKeyAddCommand struct {
	AppID     string `name:"app-id" required:"" placeholder:"ID" help:"The partner."`
	Type      string `required:"" enum:"RSA2,SM2,ED25519,ECDSA_P256" help:"RSA2, SM2, ED25519 or ECDSA_P256; it must be that of the file."`
	File      string `required:"" placeholder:"PUB.pem" help:"The public key, PEM."`
	KeyID     string `name:"key-id" placeholder:"K" help:"The key's id; made of the key by default."`
	NotBefore string `placeholder:"DAY" help:"The first day, YYYY-MM-DD; at once by default."`
	NotAfter  string `placeholder:"DAY" help:"The last day, YYYY-MM-DD; two years later by default."`
}

// Help is the example.
func (partnerKeyAddCommand) Help() string {
	return "Example:\n\n  citycard partner key add --app-id 2026000000000001 --type RSA2 --file bank.pub.pem --key-id bank-2026\n\n" +
		"Next to the database no second person is asked, and the record says so. A partner has at most two keys of a type: " +
		"the one before goes on verifying for 30 days. Running replicas follow within 60 seconds. Refused are RSA keys below " +
		"2048 bits or with another exponent than 65537, and a key that is registered already."
}

// Run registers the key.
func (a partnerKeyAddCommand) Run(p *program) error {
	text, err := os.ReadFile(a.File)
	if err != nil {
		return usage("--file: %w", err)
	}
	key := citycard.NewKey{AppID: a.AppID, ID: a.KeyID, Type: citycard.KeyType(a.Type), PEM: text}
	if key.NotBefore, err = dayFlag("--not-before", a.NotBefore, citycard.Date.Start); err != nil {
		return err
	}
	if key.NotAfter, err = dayFlag("--not-after", a.NotAfter, citycard.Date.End); err != nil {
		return err
	}
	return p.withPartners(func(registry *citycard.PartnerRegistry) error {
		stored, err := registry.AddKey(p.ctx, key, commandLine())
		if err != nil {
			return refusedFlag(err)
		}
		return p.say("key %s of partner %s is in use until %s; no second person was asked\n",
			stored.ID, stored.AppID, stored.NotAfter.In(citycard.Shanghai).Format(time.DateTime))
	})
}

func dayFlag(flag, text string, moment func(citycard.Date) time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := citycard.ParseDate(text)
	if err != nil {
		return time.Time{}, usage("%s: %w", flag, err)
	}
	return moment(day), nil
}

type partnerKeyRevokeCommand struct {
	AppID string `name:"app-id" required:"" placeholder:"ID" help:"The partner."`
	KeyID string `name:"key-id" required:"" placeholder:"K" help:"The key."`
}

// Help is the example.
func (partnerKeyRevokeCommand) Help() string {
	return "Example:\n\n  citycard partner key revoke --app-id 2026000000000001 --key-id bank-2026\n\n" +
		"Running replicas follow within 60 seconds. A revoked key never comes back, also not under another id."
}

// Run revokes the key.
func (r partnerKeyRevokeCommand) Run(p *program) error {
	return p.withPartners(func(registry *citycard.PartnerRegistry) error {
		if err := registry.RevokeKey(p.ctx, r.AppID, r.KeyID, commandLine()); err != nil {
			return refusedFlag(err)
		}
		return p.say("key %s of partner %s is revoked\n", r.KeyID, r.AppID)
	})
}

type partnerListCommand struct{}

// Help is the example.
func (partnerListCommand) Help() string { return "Example:\n\n  citycard partner list" }

// Run lists partners, keys and warnings.
func (partnerListCommand) Run(p *program) error {
	return p.withPartners(func(registry *citycard.PartnerRegistry) error {
		records, err := registry.Partners.Partners(p.ctx)
		if err != nil {
			return err
		}
		now := registry.Clock()
		for _, record := range records {
			if err := p.showPartner(record, now); err != nil {
				return err
			}
		}
		for _, w := range citycard.KeyWarnings(records, now) {
			if err := p.say("warning: the last %s key of partner %s, %s, ends in %d days\n", w.Type, w.AppID, w.KeyID, w.DaysLeft); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *program) showPartner(record citycard.PartnerRecord, now time.Time) error {
	bank := ""
	if record.Bank != "" {
		bank = " " + string(record.Bank)
	}
	methods := make([]string, len(record.Methods))
	for i, method := range record.Methods {
		methods[i] = string(method)
	}
	err := p.say("%s %s%s, %s, %s\n  regions %s\n  methods %s\n", record.AppID, record.Kind, bank, record.State, record.Name,
		strings.Join(record.Regions, ", "), strings.Join(methods, ", "))
	if err != nil || len(record.Keys) == 0 {
		return err
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "  KEY\tTYPE\tSTATE\tFROM\tUNTIL\tADDED BY\tAPPROVED BY")
	for _, key := range record.Keys {
		state := string(key.State)
		if (key.State == citycard.KeyActive || key.State == citycard.KeyRetiring) && !now.Before(key.NotAfter) {
			state = "ended"
		}
		approved := key.ApprovedBy
		if key.CommandLine {
			approved = "nobody asked: command line"
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", key.ID, key.Type, state,
			key.Begins().In(citycard.Shanghai).Format(time.DateOnly), key.NotAfter.In(citycard.Shanghai).Format(time.DateOnly),
			key.AddedBy, approved)
	}
	return table.Flush()
}

// withPartners lends a command the registry of partners, which holds nothing that is sealed.
func (p *program) withPartners(use func(*citycard.PartnerRegistry) error) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	return p.withStore(func(store *sql.Store) error {
		if err := store.Migrate(p.ctx); err != nil {
			return err
		}
		return use(&citycard.PartnerRegistry{Partners: store, ReadKey: c.readPartnerKey, Clock: c.clock})
	})
}

// readPartnerKey reads a public key as the verifier takes it; published test keys have no business in production.
func (c *config) readPartnerKey(text []byte) (citycard.PublicKey, error) {
	key, err := signing.ParsePublicKey(text)
	if err != nil {
		return citycard.PublicKey{}, err
	}
	if c.production() && signing.IsTestKey(key) {
		return citycard.PublicKey{}, errors.New("its private half is published")
	}
	return citycard.PublicKey{Type: citycard.KeyType(key.Type()), PEM: string(key.PEM()), Fingerprint: key.Fingerprint()}, nil
}

// refusePartnerTestKeys refuses a registry in which a key that was not revoked can be used by anybody.
func refusePartnerTestKeys(ctx context.Context, store citycard.Partners) error {
	records, err := store.Partners(ctx)
	if err != nil {
		return err
	}
	for _, record := range records {
		for _, kept := range record.Keys {
			key, err := signing.ParsePublicKey([]byte(kept.PEM))
			if err == nil && kept.State != citycard.KeyRevoked && signing.IsTestKey(key) {
				return usage("not in production: key %s of partner %s is a published test key; revoke it", kept.ID, kept.AppID)
			}
		}
	}
	return nil
}

// commandLine is who sits next to the database.
func commandLine() citycard.Registrar {
	name := "unknown"
	if account, err := user.Current(); err == nil {
		name = account.Username
	}
	return citycard.Registrar{ID: "command:" + name, CommandLine: true}
}

// partnerFlags are the flags by the fields that the registry names.
var partnerFlags = map[string]string{
	"app_id": "--app-id", "kind": "--kind", "name": "--name", "regions": "--region", "bank_code": "--bank-code",
	"methods": "--methods", "key_id": "--key-id", "public_key": "--file", "type": "--type", "not_after": "--not-after",
}

// refusedFlag names the flag that the registry refused.
func refusedFlag(err error) error {
	var refused *citycard.Error
	if !errors.As(err, &refused) {
		return err
	}
	flag, known := partnerFlags[refused.Field]
	if !known {
		return err
	}
	return usage("%s: %s", flag, refused.Message)
}
