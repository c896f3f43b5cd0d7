package citycard

import "time"

// Offer is an action that a card's state allows now, with what it asks for.
type Offer struct {
	Action  CardAction
	Reasons []Reason
	// Second tells that a second person approves it.
	Second bool
	// Evidence, Place, Paper and Agent tell what the action asks for, or takes.
	Evidence, Place, Paper, Agent bool
	// Steps are those of the card's making that are possible now.
	Steps []Step
}

// trial is a copy of what was found, on which a rule may be tried without touching the original.
func (ch *Change) trial() *Change {
	copied := &Change{Person: ch.Person}
	for _, card := range ch.Cards {
		clone := card.Clone()
		copied.Cards = append(copied.Cards, clone)
		if card == ch.Card {
			copied.Card = clone
		}
	}
	return copied
}

// offers are the actions that the role may do with the card now: each is tried, with everything it asks for, on a copy.
// Whatever the rules allow is offered, and nothing else.
func (ch *Change) offers(p Policy, role StaffRole, now time.Time) []Offer {
	var list []Offer
	for _, action := range CardActions() {
		how := deskActions[action]
		if !how.mayAct(role) {
			continue
		}
		offer := Offer{
			Action: action, Reasons: how.reasons, Second: how.second != "", Evidence: how.evidence, Place: how.place,
			Paper: how.paper, Agent: how.agent,
		}
		if action != ActionFulfilment {
			if ch.allows(p, ActionRequest{Action: action}, now) {
				list = append(list, offer)
			}
			continue
		}
		for _, step := range deskSteps {
			if ch.allows(p, ActionRequest{Action: action, Step: step}, now) {
				offer.Steps = append(offer.Steps, step)
			}
		}
		if len(offer.Steps) > 0 {
			list = append(list, offer)
		}
	}
	return list
}

// allows tells whether an action would change the card now, with the best of papers and places.
func (ch *Change) allows(p Policy, r ActionRequest, now time.Time) bool {
	how, trial := deskActions[r.Action], ch.trial()
	r.Reason, r.AccountLast4 = how.reasons[0], ch.Card.Account.Last4
	r.ReceivedOn, r.ActivatedOn = DateOf(now).String(), DateOf(now).String()
	if len(p.DesignatedPlaces) > 0 {
		r.Place = p.DesignatedPlaces[0].Code
	}
	cause := Cause{Actor: Actor{Kind: ActorStaff}, Channel: ChannelCounter, Reason: r.Reason, Occurred: now}
	changed, err := how.apply(&deskTurn{request: r, change: trial, policy: p, cause: cause, now: now})
	return err == nil && changed
}

// mayReissue tells whether the card can be replaced now.
func (ch *Change) mayReissue(p Policy, now time.Time) bool {
	trial := ch.trial()
	order := ReissueOrder{Reason: ReissueDamaged, Note: "-", Ref: "-", Number: "-"}
	_, err := trial.OpenReissue(p, order, Cause{Actor: Actor{Kind: ActorStaff}, Channel: ChannelCounter, Occurred: now}, now)
	return err == nil
}
