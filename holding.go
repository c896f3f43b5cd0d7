package citycard

// ActiveCandidate picks the one card of a person that can be activated. Where a replacement is in the
// person's hand beside the card it replaces, the replacement is meant. No card at all is card_not_matched; cards
// that all ended, card_canceled; only uncollected ones, card_not_collected; more than one, multiple_cards.
func (ch *Change) ActiveCandidate(policies *Policies, today Date) (*Card, error) {
	if len(ch.Cards) == 0 {
		return nil, refuse(CodeCardNotMatched, "")
	}
	var held []*Card
	waiting := false
	replaced := map[string]bool{}
	for _, card := range ch.Cards {
		if !card.Live() {
			continue
		}
		if !policies.inHand(card, today) {
			waiting = true
			continue
		}
		held = append(held, card)
		replaced[card.ReplacementFor] = true
	}
	var found *Card
	for _, card := range held {
		if replaced[card.Ref] {
			continue
		}
		if found != nil {
			return nil, refuse(CodeMultipleCards, "more than one valid card is on record for this person")
		}
		found = card
	}
	switch {
	case found != nil:
		return found, nil
	case waiting:
		return nil, refuse(CodeCardNotCollected, "the card has not been collected yet")
	}
	return nil, refuse(CodeCardCanceled, "the card is no longer valid")
}

// inHand tells whether the card was collected, or is ready in a city that activates before collection.
func (p *Policies) inHand(card *Card, today Date) bool {
	if card.Fulfilment == FulfilmentCollected {
		return true
	}
	policy, ok := p.For(card.Region, today)
	return ok && policy.ActivateBeforeCollected && card.Fulfilment == FulfilmentReadyForPickup
}

// Repetition tells whether the change's numbered request took effect before, and with which result. The same
// number with another content is event_id_reused.
func (ch *Change) Repetition(fingerprint string) (result string, repeated bool, err error) {
	if ch.Earlier == nil {
		return "", false, nil
	}
	if ch.Earlier.Fingerprint != fingerprint {
		return "", false, refuse(CodeEventIDReused, "the number was used before for a different request; use a new one")
	}
	return ch.Earlier.Result, true, nil
}
