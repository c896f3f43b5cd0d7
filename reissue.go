package citycard

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// ReissueReason says why a card is replaced.
type ReissueReason string

// The reasons. Lost and stolen end the old card's use at once; with the others it keeps working until the new
// card's social security application is active.
const (
	ReissueLost               ReissueReason = "lost"
	ReissueStolen             ReissueReason = "stolen"
	ReissueDamaged            ReissueReason = "damaged"
	ReissueExpired            ReissueReason = "expired"
	ReissueInformationChanged ReissueReason = "information_changed"
	ReissueBankChanged        ReissueReason = "bank_changed"
	ReissueGenerationUpgrade  ReissueReason = "generation_upgrade"
)

// ReissueReasons lists the reasons in the order in which they are offered.
func ReissueReasons() []ReissueReason {
	return []ReissueReason{
		ReissueLost, ReissueStolen, ReissueDamaged, ReissueExpired, ReissueInformationChanged, ReissueBankChanged,
		ReissueGenerationUpgrade,
	}
}

// gone tells whether the old card is out of the person's hands, with the reason of its formal loss.
func (r ReissueReason) gone() (Reason, bool) {
	switch r {
	case ReissueLost:
		return ReasonLost, true
	case ReissueStolen:
		return ReasonStolen, true
	}
	return "", false
}

// ReissueState is how far a reissue is. It is read off the new card and never stored.
type ReissueState string

// The states of a reissue: the new card is on its way, in the person's hand, or will never be.
const (
	ReissueOpen     ReissueState = "open"
	ReissueDone     ReissueState = "done"
	ReissueCanceled ReissueState = "canceled"
)

// Reissue is the record of one replacement of a card. It goes by the ref of the card it makes.
type Reissue struct {
	// ID is the new card's ref.
	ID      string
	OldCard string
	// Ordinal counts the reissues of the old card from 1: two at once would have the same one.
	Ordinal int
	Reason  ReissueReason
	// Waiver is why no fee is charged, empty where it is.
	Waiver Reason
	FeeFen int
	// Note is what staff wrote about it; it may hold personal data.
	Note     string
	OpenedBy string
	OpenedAt time.Time
	// PaidAt is when the platform reported the fee as paid; zero where it did not. The store reads it.
	PaidAt time.Time
}

// ReissueState is how far the reissue that makes this card is.
func (c *Card) ReissueState() ReissueState {
	switch c.Fulfilment {
	case FulfilmentCollected, FulfilmentReplaced:
		return ReissueDone
	}
	if !c.Live() {
		return ReissueCanceled
	}
	return ReissueOpen
}

// ReissueOrder is what staff asks for. Waiver is nil where the fee is charged. Bank is the new issuing bank, empty
// where that stays. Ref and Number are the new card's.
type ReissueOrder struct {
	Reason ReissueReason
	Waiver *Reason
	Note   string
	Bank   Bank
	Ref    string
	Number CardNumber
}

// maxNote is the most characters of a note.
const maxNote = 500

// check refuses an order that no card could be reissued by.
func (o ReissueOrder) check(p Policy) error {
	if !slices.Contains(ReissueReasons(), o.Reason) {
		return refuseField(CodeInvalidPayload, "reason", "this is no reason for a reissue")
	}
	if o.Waiver != nil && !slices.Contains(p.Waivers, *o.Waiver) {
		return refuseField(CodeWaiverReasonRequired, "waiver", "the city waives the fee for none but its own reasons")
	}
	if _, known := p.Banks[o.Bank]; o.Bank != "" && !known {
		return refuseField(CodeInvalidPayload, "bank_code", "the city has no issuing bank of this code")
	}
	if o.Reason == ReissueBankChanged && o.Bank == "" {
		return refuseField(CodeInvalidPayload, "bank_code", "the new issuing bank is missing")
	}
	return checkNote(o.Note)
}

// checkNote holds that staff says something, and not too much.
func checkNote(note string) error {
	if strings.TrimSpace(note) == "" || utf8.RuneCountInString(note) > maxNote {
		return refuseField(CodeInvalidPayload, "note", "the note must have 1 to 500 characters")
	}
	return nil
}

// OpenReissueOf is the card under way that replaces the given one; nil where there is none.
func (ch *Change) OpenReissueOf(card *Card) *Card {
	for _, other := range ch.Cards {
		if other.ReplacementFor == card.Ref && other.ReissueState() == ReissueOpen {
			return other
		}
	}
	return nil
}

// OpenReissue replaces the change's card: the new one has every machine at its start and the old one's region and
// bank. A lost or stolen card is formally lost at once. A reissue that is open already is reissue_open with its
// id, another live card of the person in the city multiple_cards.
func (ch *Change) OpenReissue(p Policy, o ReissueOrder, cause Cause, now time.Time) (*Card, error) {
	if err := o.check(p); err != nil {
		return nil, err
	}
	old := ch.Card
	if err := ch.replaceable(old); err != nil {
		return nil, err
	}
	if why, gone := o.Reason.gone(); gone {
		cause.Reason = why
		if _, err := old.LoseFormally(p, cause, now); err != nil {
			return nil, err
		}
	}
	made := &Card{
		Ref: o.Ref, PersonID: old.PersonID, Region: old.Region, Number: o.Number, Bank: old.Bank,
		Fulfilment: FulfilmentApplied, Social: SocialSealed, Financial: FinancialInactive, Password: PasswordInitial,
		ReplacementFor: old.Ref,
	}
	if o.Bank != "" {
		made.Bank = o.Bank
	}
	record := &Reissue{
		ID: made.Ref, OldCard: old.Ref, Ordinal: ch.reissuesOf(old) + 1, Reason: o.Reason, FeeFen: p.ReissueFeeFen,
		Note: o.Note, OpenedBy: cause.Actor.ID, OpenedAt: now,
	}
	if o.Waiver != nil {
		record.Waiver, record.FeeFen = *o.Waiver, 0
	}
	ch.NewCards, ch.Reissue = append(ch.NewCards, made), record
	return made, nil
}

// replaceable refuses to replace a card that is being replaced, has ended, is held or was never received, and one
// beside which the person has another live card in the city. A card that this one replaced may still be working.
func (ch *Change) replaceable(old *Card) error {
	if open := ch.OpenReissueOf(old); open != nil {
		return &Error{
			Code: CodeReissueOpen, Message: "a reissue of this card is open already", Members: map[string]any{"reissue": open.Ref},
		}
	}
	switch {
	case !old.Live():
		return refuse(CodeCardCanceled, "the card is no longer valid")
	case old.Social == SocialFrozen:
		return refuse(CodeCardFrozen, "a card that is held cannot be replaced")
	case old.Fulfilment != FulfilmentCollected:
		return refuse(CodeCardNotCollected, "a card that was not collected cannot be replaced")
	}
	for _, other := range ch.Cards {
		if other != old && other.Region == old.Region && other.Live() && other.Ref != old.ReplacementFor {
			return refuse(CodeMultipleCards, "the person has another valid card in this city")
		}
	}
	return nil
}

func (ch *Change) reissuesOf(card *Card) int {
	count := 0
	for _, other := range ch.Cards {
		if other.ReplacementFor == card.Ref {
			count++
		}
	}
	return count
}

// CancelReissue gives up the change's card, which replaces another and is not in production yet.
func (ch *Change) CancelReissue(cause Cause, now time.Time) (changed bool, err error) {
	made := ch.Card
	switch {
	case made.ReplacementFor == "":
		return false, refuse(CodeNotFound, "there is no such reissue")
	case made.Social == SocialCanceled:
		return false, nil
	}
	switch made.Fulfilment {
	case FulfilmentApplied, FulfilmentInReview, FulfilmentAwaitingFee:
		return made.Cancel(cause, now)
	}
	return false, notAllowed("the new card is in production already", string(made.Fulfilment), string(StepCancel), nil)
}

// Conclude draws what follows by itself from what a judge changed, whoever asked for it: a formally lost card is
// canceled once its replacement enters production, any other replaced card once the replacement's social security
// application is active. Cards that those cards replaced, and that still work, follow.
func (ch *Change) Conclude() error {
	for _, made := range ch.Cards {
		old := ch.replacedBy(made)
		for ; old != nil; old = ch.replacedBy(old) {
			if old.Social == SocialCanceled || !made.supersedes(old) {
				continue
			}
			latest, changed := latestOf(made, old)
			if !changed {
				continue
			}
			if err := old.giveWay(made.Ref, latest); err != nil {
				return err
			}
		}
	}
	return nil
}

func (ch *Change) replacedBy(made *Card) *Card {
	if made.ReplacementFor == "" {
		return nil
	}
	for _, card := range ch.Cards {
		if card.Ref == made.ReplacementFor {
			return card
		}
	}
	return nil
}

// supersedes tells whether the replacement is far enough for the old card to end.
func (c *Card) supersedes(old *Card) bool {
	switch {
	case !c.Live():
		return false
	case c.Social == SocialActive:
		return true
	}
	switch c.Fulfilment {
	case FulfilmentInProduction, FulfilmentFailedMaking, FulfilmentReadyForPickup, FulfilmentReturned, FulfilmentCollected:
		return old.Social == SocialFormalLost
	}
	return false
}

// latestOf is the latest of the transitions just made of either card; false where nothing was changed.
func latestOf(cards ...*Card) (latest Transition, changed bool) {
	for _, card := range cards {
		for _, made := range card.fresh {
			if !changed || made.RecordedAt.After(latest.RecordedAt) {
				latest, changed = made, true
			}
		}
	}
	return latest, changed
}

// giveWay ends a card that was replaced.
func (c *Card) giveWay(to string, because Transition) error {
	cause := systemCause(ReasonReplaced, because.Cause.Occurred)
	if _, err := c.Cancel(cause, because.RecordedAt); err != nil {
		return err
	}
	c.ReplacedBy = to
	if c.Fulfilment != FulfilmentCollected {
		return nil
	}
	return c.moveFulfilment(StepReplace, cause, because.RecordedAt)
}
