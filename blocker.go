package citycard

import (
	"slices"
	"time"
)

// Blocker is one reason why a card cannot be used now, with what to do about it.
type Blocker struct {
	Code   string
	Reason Text
	Next   NextStep
}

// The blockers that no refusal's code stands for; the others are named by that code.
const (
	BlockerApplicationRejected = "application_rejected"
	BlockerCardNotReady        = "card_not_ready"
	BlockerFinancialPending    = "financial_pending_bank"
	BlockerFinancialTempLost   = "financial_temp_lost"
	BlockerFinancialFormalLost = "financial_formal_lost"
	BlockerFinancialFrozen     = "financial_frozen"
	BlockerFinancialClosed     = "financial_closed"
	BlockerPasswordInitial     = "password_initial"
	BlockerPasswordLocked      = "password_locked"
	BlockerPasswordDead        = "password_dead"
	// BlockerMedicalRestricted concerns the original medical insurance card; activating this card lifts it.
	BlockerMedicalRestricted = "medical_restricted"
)

// Blockers lists why the card cannot be used at a moment, in the order in which it helps to read them: the card
// as a whole, the social security application, the financial one, the password, the original medical card. A
// card that ended or is not in the person's hand has that one reason only; a usable card has none.
func Blockers(card *Card, p Policy, now time.Time) []Blocker {
	if whole := card.wholeBlocker(); whole != "" {
		return []Blocker{card.blocker(whole, p)}
	}
	var codes []string
	if card.Expired(DateOf(now)) {
		codes = append(codes, string(CodeCardExpired))
	}
	codes = append(codes, card.socialBlocker(p, now), card.financialBlocker(p, now), passwordBlockers[card.Password])
	if card.MedicalRestricted(p, DateOf(now)) {
		codes = append(codes, BlockerMedicalRestricted)
	}
	var blockers []Blocker
	for _, code := range codes {
		if code != "" {
			blockers = append(blockers, card.blocker(code, p))
		}
	}
	card.adviseOffline(blockers, p, now)
	return blockers
}

// adviseOffline mends the advice to activate on the phone where the phone would be refused: after a loss by
// deadline the bank's branch comes first, otherwise what the first blocker says. What only the social security
// application lacks is mended where it is used.
func (c *Card) adviseOffline(blockers []Blocker, p Policy, now time.Time) {
	if !slices.ContainsFunc(blockers, Blocker.onPhone) || c.ActivatableOnline(p, now) {
		return
	}
	for i := range blockers {
		b := &blockers[i]
		switch {
		case !b.onPhone():
		case c.SocialAt(p, now) == SocialAutoLost:
			b.Next = firstAtBank
			b.Next.Where = branchOf(p, c.Bank)
		case i > 0 && refusesOnline[blockers[0].Code]:
			b.Next.Action, b.Next.Where, b.Next.Bring = afterTheFirst, blockers[0].Next.Where, blockers[0].Next.Bring
		case b.Code == string(CodeSocialNotActive):
			b.Next = socialInUse
		}
	}
}

// onPhone tells whether the advice is to activate on the phone.
func (b Blocker) onPhone() bool {
	return b.Code == string(CodeFinancialNotActive) || b.Code == string(CodeSocialNotActive) || b.Code == BlockerMedicalRestricted
}

// refusesOnline are the blockers that have to be dealt with before anything can be activated on the phone.
var refusesOnline = map[string]bool{
	string(CodeCardExpired): true, string(CodeCardTempLost): true, string(CodeCardFormalLost): true, string(CodeCardFrozen): true,
}

var passwordBlockers = map[PasswordState]string{
	PasswordInitial: BlockerPasswordInitial,
	PasswordLocked:  BlockerPasswordLocked,
	PasswordDead:    BlockerPasswordDead,
}

var financialBlockers = map[FinancialState]string{
	FinancialInactive:    string(CodeFinancialNotActive),
	FinancialPendingBank: BlockerFinancialPending,
	FinancialTempLost:    BlockerFinancialTempLost,
	FinancialFormalLost:  BlockerFinancialFormalLost,
	FinancialFrozen:      BlockerFinancialFrozen,
	FinancialClosed:      BlockerFinancialClosed,
}

func (c *Card) wholeBlocker() string {
	switch {
	case c.Fulfilment == FulfilmentRejected:
		return BlockerApplicationRejected
	case !c.Live():
		return string(CodeCardCanceled)
	case c.Fulfilment == FulfilmentReadyForPickup, c.Fulfilment == FulfilmentReturned:
		return string(CodeCardNotCollected)
	case c.Fulfilment != FulfilmentCollected:
		return BlockerCardNotReady
	}
	return ""
}

func (c *Card) socialBlocker(p Policy, now time.Time) string {
	state := c.SocialAt(p, now)
	if state == SocialSealed {
		return string(CodeSocialNotActive)
	}
	return string(socialRefusals[state])
}

func (c *Card) financialBlocker(p Policy, now time.Time) string {
	if c.PendingBankLapsed(p, now) {
		return string(CodeFinancialNotActive)
	}
	return financialBlockers[c.Financial]
}

// blocker fills a code with its texts, naming the card's own bank and the city's own places.
func (c *Card) blocker(code string, p Policy) Blocker {
	texts, own := blockerTexts[code]
	if !own {
		entry := EntryOf(Code(code))
		texts = Blocker{Reason: entry.Message, Next: entry.Next}
	}
	if code == string(CodeCardAutoLost) && c.Financial == FinancialActive {
		texts.Next = afterCure
	}
	texts.Code = code
	switch texts.Next.Where {
	case atBank:
		texts.Next.Where = branchOf(p, c.Bank)
	case atCentre:
		texts.Next.Where = placesOf(p)
	}
	return texts
}

// branchOf is where to find the card's bank.
func branchOf(p Policy, bank Bank) Text {
	name, known := p.Banks[bank]
	if !known {
		return atBank
	}
	return Text{ZH: name.ZH + "的任一网点", EN: "Any branch of " + name.EN}
}

// placesOf lists the city's designated places with address and phone.
func placesOf(p Policy) Text {
	if len(p.DesignatedPlaces) == 0 {
		return atCentre
	}
	var all Text
	for i, place := range p.DesignatedPlaces {
		if i > 0 {
			all.ZH += "；"
			all.EN += "; "
		}
		all.ZH += place.Name.ZH + "（" + place.Address.ZH + "，电话 " + place.Phone + "）"
		all.EN += place.Name.EN + " (" + place.Address.EN + ", phone " + place.Phone + ")"
	}
	return all
}
