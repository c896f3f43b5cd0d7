package main

import "citycard"

type partnerChangeCommand struct {
	AppID    string   `name:"app-id" required:"" placeholder:"ID" help:"The partner."`
	Name     string   `help:"Its new name."`
	Region   []string `placeholder:"R" help:"The region codes, in place of those it has, separated by commas."`
	BankCode string   `placeholder:"C" help:"The bank's new code of three digits; for a bank only."`
	Methods  []string `placeholder:"M" help:"The methods granted, in place of those it has, separated by commas."`
	State    string   `enum:"active,suspended," default:"" help:"active or suspended."`
}

// Help is the example.
func (partnerChangeCommand) Help() string {
	return "Example:\n\n  citycard partner change --app-id 2026000000000001 --state suspended\n\n" +
		"What is not named stays. Running replicas follow within 60 seconds. A suspended partner's messages are refused like those of an unknown one."
}

// Run changes the partner.
func (a partnerChangeCommand) Run(p *program) error {
	return p.withPartners(func(registry *citycard.PartnerRegistry) error {
		if err := registry.ChangePartner(p.ctx, a.AppID, a.change); err != nil {
			return refusedFlag(err)
		}
		return p.say("partner %s is changed\n", a.AppID)
	})
}

func (a partnerChangeCommand) change(partner *citycard.Partner) {
	if a.Name != "" {
		partner.Name = a.Name
	}
	if len(a.Region) > 0 {
		partner.Regions = a.Region
	}
	if a.BankCode != "" {
		partner.Bank = citycard.Bank(a.BankCode)
	}
	if len(a.Methods) > 0 {
		partner.Methods = methodsOf(a.Methods)
	}
	if a.State != "" {
		partner.State = citycard.PartnerState(a.State)
	}
}

func methodsOf(names []string) []citycard.Method {
	methods := make([]citycard.Method, len(names))
	for i, name := range names {
		methods[i] = citycard.Method(name)
	}
	return methods
}
