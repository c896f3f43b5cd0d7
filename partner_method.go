package citycard

import (
	"maps"
	"slices"
)

// Method is what a partner reports or asks.
type Method string

// The methods.
const (
	MethodFinancialActivate Method = "citycard.financial.activate"
	MethodFinancialLose     Method = "citycard.financial.lose"
	MethodFinancialRestore  Method = "citycard.financial.restore"
	MethodFinancialFreeze   Method = "citycard.financial.freeze"
	MethodFinancialUnfreeze Method = "citycard.financial.unfreeze"
	MethodFinancialClose    Method = "citycard.financial.close"
	MethodSocialActivate    Method = "citycard.social.activate"
	MethodOriginalInsert    Method = "citycard.pharmacy.original.insert"
	MethodNewInsert         Method = "citycard.pharmacy.new.insert"
	MethodPasswordVerified  Method = "citycard.pharmacy.password.verified" //nolint:gosec // a method's name, no secret
	MethodPurchase          Method = "citycard.pharmacy.purchase"
	MethodPasswordReport    Method = "citycard.password.report"
	MethodCardProduced      Method = "citycard.card.produced"
	MethodCardFailed        Method = "citycard.card.failed"
	MethodCardReady         Method = "citycard.card.ready"
	MethodCardCollect       Method = "citycard.card.collect"
	MethodCardReturned      Method = "citycard.card.returned"
	MethodCardQuery         Method = "citycard.card.query"
)

// Profile is the form in which a partner's message arrived.
type Profile string

// The profiles of partners' messages.
const (
	ProfileGateway Profile = "gateway"
	ProfileMessage Profile = "message"
	ProfileNotify  Profile = "notify"
)

// methodRule says which kinds of partners may use a method, and makes what its content is read into.
type methodRule struct {
	kinds   []PartnerKind
	content func() content
}

var (
	forBanks      = []PartnerKind{PartnerBank}
	forHospitals  = []PartnerKind{PartnerHospital}
	forPharmacies = []PartnerKind{PartnerPharmacy}
	forMakers     = []PartnerKind{PartnerCardMaker, PartnerCentre}
	forPasswords  = []PartnerKind{PartnerPharmacy, PartnerHospital, PartnerCentre}
	forEverybody  = []PartnerKind{PartnerBank, PartnerHospital, PartnerPharmacy, PartnerCardMaker, PartnerCentre}
)

// methodRules is the method table of the callback contract.
var methodRules = map[Method]methodRule{
	MethodFinancialActivate: {forBanks, func() content { return &bankActivation{} }},
	MethodFinancialLose:     {forBanks, func() content { return &bankReport{step: StepTempLose} }},
	MethodFinancialRestore:  {forBanks, func() content { return &bankReport{step: StepRestore} }},
	MethodFinancialFreeze:   {forBanks, func() content { return &bankReport{step: StepFreeze} }},
	MethodFinancialUnfreeze: {forBanks, func() content { return &bankReport{step: StepRelease} }},
	MethodFinancialClose:    {forBanks, func() content { return &bankReport{step: StepClose} }},
	MethodSocialActivate:    {forHospitals, func() content { return &hospitalVisit{} }},
	MethodOriginalInsert:    {forPharmacies, func() content { return &originalInsert{} }},
	MethodNewInsert:         {forPharmacies, func() content { return &newInsert{} }},
	MethodPasswordVerified:  {forPharmacies, func() content { return &pharmacyProof{reason: ReasonActPharmacyOriginalPassword} }},
	MethodPurchase:          {forPharmacies, func() content { return &pharmacyProof{reason: ReasonActPharmacyPayment} }},
	MethodPasswordReport:    {forPasswords, func() content { return &passwordReport{} }},
	MethodCardProduced:      {forMakers, func() content { return &cardReport{step: StepProduce, to: FulfilmentInProduction} }},
	MethodCardFailed:        {forMakers, func() content { return &cardReport{step: StepFail, to: FulfilmentFailedMaking} }},
	MethodCardReady:         {forMakers, func() content { return &cardReport{step: StepReady, to: FulfilmentReadyForPickup} }},
	MethodCardCollect:       {forMakers, func() content { return &cardReport{step: StepCollect, to: FulfilmentCollected} }},
	MethodCardReturned:      {forMakers, func() content { return &cardReport{step: StepReturn, to: FulfilmentReturned} }},
	MethodCardQuery:         {forEverybody, func() content { return nil }},
}

// MethodsOf lists the methods that a kind of partner can be granted, in order.
func MethodsOf(kind PartnerKind) []Method {
	var list []Method
	for _, method := range slices.Sorted(maps.Keys(methodRules)) {
		if slices.Contains(methodRules[method].kinds, kind) {
			list = append(list, method)
		}
	}
	return list
}

// Admit tells whether the partner may use the method in this profile. A method that is not there, and a query
// outside the message-signature profile, are not_found; one that was not granted, or is not for the partner's
// kind, is partner_scope.
func (p Partner) Admit(profile Profile, method Method) error {
	rule, known := methodRules[method]
	switch {
	case !known, method == MethodCardQuery && profile != ProfileMessage:
		return refuse(CodeNotFound, "there is no such method")
	case p.State != PartnerActive:
		return refuse(CodePartnerSuspended, "")
	case !slices.Contains(p.Methods, method), !slices.Contains(rule.kinds, p.Kind):
		return refuse(CodePartnerScope, "the method is not granted to this partner")
	}
	return nil
}
