package citycard

import (
	"maps"
	"slices"
	"sync/atomic"
)

// FinancialMode is how a city lets citizens activate the financial application online.
type FinancialMode string

// The modes: at once, at once after a fresh face check, or when the issuing bank confirms.
const (
	OnlineFull  FinancialMode = "online_full"
	OnlineFace  FinancialMode = "online_face"
	BankConfirm FinancialMode = "bank_confirm"
)

// Period is a number of days or of months; both zero means the clock is off.
type Period struct {
	Days   int `json:"days,omitempty"`
	Months int `json:"months,omitempty"`
}

// Place is a designated place: where losses by deadline are cured and cards are collected.
type Place struct {
	Code    string `json:"code"`
	Name    Text   `json:"name"`
	Address Text   `json:"address"`
	Phone   string `json:"phone"`
}

// MismatchLimit bounds match attempts per citizen and day, ID number and day, and address and hour.
type MismatchLimit struct {
	PerCitizenDay  int `json:"per_citizen_day"`
	PerNumberDay   int `json:"per_number_day"`
	PerAddressHour int `json:"per_address_hour"`
}

// Policy is what one city decided, for one period: the rules that differ from city to city, as data. It holds
// from ValidFrom to ValidTo, both days included; without ValidTo it has no end.
type Policy struct {
	Region    string `json:"region"`
	ValidFrom Date   `json:"valid_from"`
	ValidTo   Date   `json:"valid_to"`
	Name      Text   `json:"name"`

	FinancialActivation FinancialMode `json:"financial_activation"`
	// FaceMinutes is how long a face check stays fresh, in the mode online_face.
	FaceMinutes int `json:"face_minutes"`
	// BankConfirmDays is how long the bank may take to confirm, in the mode bank_confirm.
	BankConfirmDays         int  `json:"bank_confirm_days"`
	SocialOnlineAllowed     bool `json:"social_online_allowed"`
	ActivateBeforeCollected bool `json:"activate_before_collected"`
	SocialWithFinancial     bool `json:"social_with_financial"`
	OnlineCureAllowed       bool `json:"online_cure_allowed"`
	OtherForeignersAllowed  bool `json:"other_foreigners_allowed"`

	TempLossDays        int    `json:"temp_loss_days"`
	FormalLossRevocable bool   `json:"formal_loss_revocable"`
	MedicalRestriction  Period `json:"medical_restriction"`
	FinancialDeadline   Period `json:"financial_deadline"`
	// RenewalNoticeDays are days before the end of a card's validity; the longest opens the renewal.
	RenewalNoticeDays []int `json:"renewal_notice_days"`

	DesignatedPlaces     []Place         `json:"designated_places"`
	Banks                map[Bank]Text   `json:"banks"`
	ReissueFeeFen        int             `json:"reissue_fee_fen"`
	Waivers              []Reason        `json:"waivers"`
	PasswordRetry        int             `json:"password_retry"`
	GuardianAge          int             `json:"guardian_age"`
	QualificationMonths  int             `json:"qualification_months"`
	TwoCardWindowMinutes int             `json:"two_card_window_minutes"`
	MismatchLimit        MismatchLimit   `json:"mismatch_limit"`
	Texts                map[string]Text `json:"texts"`
}

// The reasons for which a city may waive the fee of a reissue.
const (
	WaiverFirstIssue    Reason = "first_issue"
	WaiverWarranty      Reason = "warranty"
	WaiverIssuerMistake Reason = "issuer_mistake"
	WaiverExpired       Reason = "expired"
	WaiverLowIncome     Reason = "low_income"
)

// InForce tells whether the policy holds on a day; both ends of its period belong to it.
func (p Policy) InForce(on Date) bool {
	return !on.Before(p.ValidFrom) && (p.ValidTo.IsZero() || !p.ValidTo.Before(on))
}

// Accepts refuses a number whose document the city does not serve: unsupported_document_type.
func (p Policy) Accepts(n IDNumber) error {
	switch n.DocumentType() {
	case DocumentCitizenID, DocumentHMTResidencePermit, DocumentForeignPermanentResident:
		return nil
	case DocumentForeignOther:
		if p.OtherForeignersAllowed {
			return nil
		}
	}
	return refuseField(CodeUnsupportedDocumentType, idNumberField, "this city does not serve this kind of document here")
}

// BankName is the bank's name, or "the issuing bank" where the policy does not know the code.
func (p Policy) BankName(bank Bank) Text {
	if name, known := p.Banks[bank]; known {
		return name
	}
	return Text{ZH: "发卡银行", EN: "the issuing bank"}
}

// Designates tells whether the code is one of the city's designated places.
func (p Policy) Designates(place string) bool {
	return slices.ContainsFunc(p.DesignatedPlaces, func(d Place) bool { return d.Code == place })
}

// Policies is a checked set of city policies: those of the file, and over them the versions that were approved
// since. Home is the region of the city that runs the service: its policy holds where no card's region is known
// yet. It is safe for concurrent use; Apply puts other versions in force.
type Policies struct {
	Home string
	// file are each region's policies by ValidFrom, earliest first, inForce the same with the versions over them.
	file    map[string][]Policy
	inForce atomic.Pointer[map[string][]Policy]
}

// periods are each region's policies, by ValidFrom, earliest first.
func (p *Policies) periods() map[string][]Policy {
	if records := p.inForce.Load(); records != nil {
		return *records
	}
	return nil
}

// For is the policy in force in a region on a day; false where there is none.
func (p *Policies) For(region string, on Date) (Policy, bool) {
	for _, policy := range p.periods()[region] {
		if policy.InForce(on) {
			return policy, true
		}
	}
	return Policy{}, false
}

// HomePolicy is the home city's policy on a day. Its periods have no gap and no end; before the first of them
// the first holds.
func (p *Policies) HomePolicy(on Date) Policy {
	if policy, found := p.For(p.Home, on); found {
		return policy
	}
	return p.periods()[p.Home][0]
}

// Periods lists a region's policies, earliest first.
func (p *Policies) Periods(region string) []Policy { return slices.Clone(p.periods()[region]) }

// Regions lists the regions that have a policy, in order.
func (p *Policies) Regions() []string { return slices.Sorted(maps.Keys(p.periods())) }
