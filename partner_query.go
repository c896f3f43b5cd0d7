package citycard

import "context"

// Query answers what a partner may see of a card in its own scope. An unknown card and one outside the scope
// get the same answer: card_not_matched. Repetitions are refused before, by Replays.
func (d *PartnerDesk) Query(ctx context.Context, r PartnerRequest) (CardView, error) {
	if err := r.Partner.Admit(r.Profile, r.Method); err != nil {
		return CardView{}, err
	}
	if r.Method != MethodCardQuery {
		return CardView{}, refuse(CodeNotFound, "an event is no query")
	}
	head, err := d.readQuery(r)
	if err != nil {
		return CardView{}, err
	}
	subject, err := head.subject()
	if err != nil {
		return CardView{}, err
	}
	found, err := d.Cards.Holding(ctx, subject)
	if err != nil {
		return CardView{}, err
	}
	card := found.Card
	if card == nil || !r.Partner.covers(card) || (head.Region != "" && head.Region != card.Region) {
		return CardView{}, noCard()
	}
	return d.Policies.View(found.Person, card, d.Clock()), nil
}

// readQuery reads a query's content. Number and time may be left out: a query has no effect to be counted once.
func (d *PartnerDesk) readQuery(r PartnerRequest) (*eventHead, error) {
	head := &eventHead{}
	if err := RefusePassword(r.Content); err != nil {
		return nil, err
	}
	if err := d.Decode(r.Content, head); err != nil {
		return nil, err
	}
	if err := head.checkType(r); err != nil {
		return nil, err
	}
	if head.OutRequestNo != "" && r.OnceKey != "" && head.OutRequestNo != r.OnceKey {
		return nil, refuseField(CodeInvalidPayload, "out_request_no", "Idempotency-Key and out_request_no do not agree")
	}
	return head, nil
}
