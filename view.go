package citycard

import (
	"context"
	"time"
)

// CardView is a card as its holder and staff see it: masked, with everything derived at the given moment.
type CardView struct {
	Ref              string
	Region           string
	CardNumberMasked string
	HolderMasked     string
	Bank             Bank
	BankName         Text
	Fulfilment       FulfilmentState
	// Social and Financial are the states in force now: clocks that lapsed are already counted.
	Social    SocialState
	Financial FinancialState
	Password  PasswordState

	ReceivedOn          Date
	ValidTo             Date
	MedicalRestrictedOn Date
	FinancialDueOn      Date
	Blockers            []Blocker
	// Activatable tells whether the financial application can be activated online now; a card that was replaced is
	// not offered, although it still may be the one in use.
	Activatable    bool
	ReplacementFor string
	ReplacedBy     string
	Version        int64
}

// CardReader answers what a citizen may see of their own cards.
type CardReader struct {
	Cards    Cards
	Policies *Policies
	Clock    func() time.Time
}

// List gives the cards of the session's confirmed person, newest first; none where nobody is confirmed yet.
func (r *CardReader) List(ctx context.Context, s Session) ([]CardView, error) {
	if s.PersonID == "" {
		return nil, nil
	}
	holding, err := r.Cards.Holding(ctx, Subject{PersonID: s.PersonID})
	if err != nil {
		return nil, err
	}
	views := make([]CardView, 0, len(holding.Cards))
	for i := len(holding.Cards) - 1; i >= 0; i-- {
		views = append(views, r.Policies.View(holding.Person, holding.Cards[i], r.Clock()))
	}
	return views, nil
}

// Find gives one card of the session's person. Somebody else's card answers like an absent one: not_found.
func (r *CardReader) Find(ctx context.Context, s Session, ref string) (CardView, error) {
	holding, err := r.own(ctx, s, ref)
	if err != nil {
		return CardView{}, err
	}
	return r.Policies.View(holding.Person, holding.Card, r.Clock()), nil
}

// History gives a card's transitions after the sequence number, oldest first, at most limit of them.
func (r *CardReader) History(ctx context.Context, s Session, ref string, after int64, limit int) ([]Transition, error) {
	if _, err := r.own(ctx, s, ref); err != nil {
		return nil, err
	}
	return r.Cards.History(ctx, ref, after, limit)
}

func (r *CardReader) own(ctx context.Context, s Session, ref string) (*Change, error) {
	holding, err := r.Cards.Holding(ctx, Subject{Ref: ref})
	if err != nil {
		return nil, err
	}
	if holding.Card == nil || s.PersonID == "" || holding.Person.ID != s.PersonID {
		return nil, refuse(CodeNotFound, "there is no such card")
	}
	return holding, nil
}

// View shows a card at a moment, under the policy of the card's region. Where that region has no policy in
// force, nothing that depends on one is derived.
func (p *Policies) View(person Person, card *Card, now time.Time) CardView {
	view := CardView{
		Ref: card.Ref, Region: card.Region, CardNumberMasked: card.Number.Mask(), HolderMasked: person.Name.Mask(),
		Bank: card.Bank, Fulfilment: card.Fulfilment, Social: card.Social, Financial: card.Financial,
		Password: card.Password, ReceivedOn: card.ReceivedOn, ValidTo: card.ValidTo,
		ReplacementFor: card.ReplacementFor, ReplacedBy: card.ReplacedBy, Version: card.Version,
	}
	policy, known := p.For(card.Region, DateOf(now))
	if !known {
		return view
	}
	view.BankName = policy.BankName(card.Bank)
	view.Social, view.Financial = card.SocialAt(policy, now), card.FinancialAt(policy, now)
	view.MedicalRestrictedOn = card.MedicalRestrictedOn(policy)
	view.FinancialDueOn = card.FinancialDueOn(policy)
	view.Blockers = Blockers(card, policy, now)
	view.Activatable = card.ActivatableOnline(policy, now) && card.ReplacedBy == ""
	return view
}
