package citycard

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// PartnerKind says what a partner platform is; it bounds what the partner may report.
type PartnerKind string

// The kinds of partners.
const (
	PartnerBank      PartnerKind = "bank"
	PartnerHospital  PartnerKind = "hospital"
	PartnerPharmacy  PartnerKind = "pharmacy"
	PartnerCardMaker PartnerKind = "card_maker"
	PartnerCentre    PartnerKind = "centre"
)

// partnerActors is as what each kind of partner appears in a card's history.
var partnerActors = map[PartnerKind]ActorKind{
	PartnerBank: ActorBank, PartnerHospital: ActorHospital, PartnerPharmacy: ActorPharmacy,
	PartnerCardMaker: ActorCardMaker, PartnerCentre: ActorCardCentre,
}

// PartnerState tells whether a partner is let in.
type PartnerState string

// The states of a partner.
const (
	PartnerActive    PartnerState = "active"
	PartnerSuspended PartnerState = "suspended"
)

// Partner is a partner platform: what it is and what it was granted.
type Partner struct {
	AppID string
	Kind  PartnerKind
	Name  string
	// Regions are the region codes whose cards the partner may report on.
	Regions []string
	// Bank is the bank a partner of kind bank is; only cards it issued are in its scope.
	Bank    Bank
	Methods []Method
	State   PartnerState
	AddedBy string
	AddedAt time.Time
}

// PartnerRecord is a partner with all its keys, revoked ones included.
type PartnerRecord struct {
	Partner

	Keys []PartnerKey
}

// Partners is the store of partners and their keys.
type Partners interface {
	// AddPartner stores a new partner; invalid_payload where its app id is registered already.
	AddPartner(ctx context.Context, p Partner) error
	// ChangePartner loads one, lets change decide, and stores partner and keys as one unit; not_found where there
	// is none. Changes of one partner follow one after the other on all replicas, and change may run twice. A key
	// that is registered under any app already is invalid_payload.
	ChangePartner(ctx context.Context, appID string, change func(*PartnerRecord) error) error
	// Partners lists all of them, by app id.
	Partners(ctx context.Context) ([]PartnerRecord, error)
}

const maxPartnerName = 100

var appIDForm = regexp.MustCompile(`^[0-9]{16,20}$`)

// Check refuses a partner that cannot be registered: invalid_payload, Field names what is wrong.
func (p Partner) Check() error {
	_, known := partnerActors[p.Kind]
	switch {
	case !appIDForm.MatchString(p.AppID):
		return refuseField(CodeInvalidPayload, "app_id", "an app id has 16 to 20 digits")
	case !known:
		return refuseField(CodeInvalidPayload, "kind", "a partner is a bank, hospital, pharmacy, card_maker or centre")
	case strings.TrimSpace(p.Name) == "", utf8.RuneCountInString(p.Name) > maxPartnerName:
		return refuseField(CodeInvalidPayload, "name", "a partner has a name of at most 100 characters")
	case p.Kind == PartnerBank && !bankForm.MatchString(string(p.Bank)):
		return refuseField(CodeInvalidPayload, "bank_code", "a bank has a code of three digits")
	case p.Kind != PartnerBank && p.Bank != "":
		return refuseField(CodeInvalidPayload, "bank_code", "only banks have a bank code")
	}
	return cmp.Or(p.checkRegions(), p.checkMethods())
}

func (p Partner) checkRegions() error {
	if len(p.Regions) == 0 || repeats(p.Regions) {
		return refuseField(CodeInvalidPayload, "regions", "a partner has at least one region, each once")
	}
	for _, region := range p.Regions {
		if !regionForm.MatchString(region) {
			return refuseField(CodeInvalidPayload, "regions", "a region code has six digits")
		}
	}
	return nil
}

func (p Partner) checkMethods() error {
	if len(p.Methods) == 0 || repeats(p.Methods) {
		return refuseField(CodeInvalidPayload, "methods", "a partner is granted at least one method, each once")
	}
	for _, method := range p.Methods {
		rule, known := methodRules[method]
		switch {
		case !known:
			return refuseField(CodeInvalidPayload, "methods", string(method)+" is no method")
		case !slices.Contains(rule.kinds, p.Kind):
			return refuseField(CodeInvalidPayload, "methods", string(method)+" is not for a "+string(p.Kind))
		}
	}
	return nil
}

func repeats[T cmp.Ordered](list []T) bool {
	return len(slices.Compact(slices.Sorted(slices.Values(list)))) != len(list)
}

// actor is the partner in a card's history.
func (p Partner) actor() Actor { return Actor{Kind: partnerActors[p.Kind], ID: p.AppID} }

// covers tells whether the card is in the partner's scope: of one of its regions and, for a bank, issued by it.
func (p Partner) covers(card *Card) bool {
	return slices.Contains(p.Regions, card.Region) && (p.Kind != PartnerBank || card.Bank == p.Bank)
}
