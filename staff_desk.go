package citycard

import (
	"context"
	"slices"
	"strings"
	"time"
)

// StaffDesk is what staff does with people's cards. Everything it does and shows is recorded.
type StaffDesk struct {
	Cards    Cards
	Records  StaffRecords
	Queue    *ApprovalQueue
	Callers  Callers
	People   People
	Cases    Corrections
	Attempts Attempts
	Policies *Policies
	// NewCardNumber gives a card number; one that is taken is tried again with another.
	NewCardNumber func() CardNumber
	NewID         func() string
	// NFKC brings text into Unicode normalisation form KC.
	NFKC func(string) string
	// Blind is a keyed hash: what requests are compared by.
	Blind func(purpose, value string) string
	Clock func() time.Time
}

// StaffCard is a card as staff sees it.
type StaffCard struct {
	CardView

	History  []Transition
	Reissues []StaffReissue
	// Offers are the actions that the session's role may do with it now; MayReissue tells whether it can be replaced.
	Offers     []Offer
	MayReissue bool
	// Places are the city's designated ones, Banks its issuing banks, Waivers its reasons to waive the fee.
	Corrections []Correction
	Places      []Place
	Banks       map[Bank]Text
	Waivers     []Reason
}

// StaffReissue is a reissue with how far it is.
type StaffReissue struct {
	Reissue

	State ReissueState
}

// ReissueView is a reissue with both cards.
type ReissueView struct {
	StaffReissue

	Old CardView
	New CardView
}

// mostHistory is how many transitions a card's page shows at most.
const mostHistory = 500

// Card shows one card: states, blockers, history and reissues. An unknown one is not_found.
func (d *StaffDesk) Card(ctx context.Context, s StaffSession, ref string) (StaffCard, error) {
	card, err := d.card(ctx, s, ref)
	if err != nil {
		return StaffCard{}, err
	}
	return card, d.Records.RecordAction(ctx, d.action(ctx, s, "view", ref))
}

func (d *StaffDesk) card(ctx context.Context, s StaffSession, ref string) (StaffCard, error) {
	found, err := d.Cards.Holding(ctx, Subject{Ref: ref})
	if err != nil {
		return StaffCard{}, err
	}
	if found.Card == nil {
		return StaffCard{}, noSuchCard()
	}
	shown := StaffCard{CardView: d.Policies.View(found.Person, found.Card, d.Clock())}
	if shown.History, err = d.Cards.History(ctx, ref, 0, mostHistory); err != nil {
		return StaffCard{}, err
	}
	reissues, err := d.Records.Reissues(ctx, ref)
	if err != nil {
		return StaffCard{}, err
	}
	for _, reissue := range reissues {
		shown.Reissues = append(shown.Reissues, reissue.with(found))
	}
	if shown.Corrections, err = d.Cases.Corrections(ctx, CorrectionQuery{CardRef: ref, Limit: mostHistory}); err != nil {
		return StaffCard{}, err
	}
	if policy, known := d.Policies.For(found.Card.Region, DateOf(d.Clock())); known {
		shown.Offers = found.offers(policy, s.Staff.Role, d.Clock())
		shown.MayReissue = slices.Contains(serving, s.Staff.Role) && found.mayReissue(policy, d.Clock())
		shown.Places, shown.Banks, shown.Waivers = policy.DesignatedPlaces, policy.Banks, policy.Waivers
	}
	return shown, nil
}

// with adds how far a reissue is, by the person's cards.
func (r Reissue) with(found *Change) StaffReissue {
	for _, card := range found.Cards {
		if card.Ref == r.ID {
			return StaffReissue{r, card.ReissueState()}
		}
	}
	return StaffReissue{r, ReissueCanceled}
}

func noSuchCard() error { return refuse(CodeNotFound, "there is no such card") }

func (d *StaffDesk) action(ctx context.Context, s StaffSession, what, object string) StaffAction {
	return StaffAction{
		ID: d.NewID(), StaffID: s.Staff.ID, Role: s.Staff.Role, Action: what, Object: object,
		RequestID: RequestIDOf(ctx), At: d.Clock(),
	}
}

// ReissueRequest is what staff submits. Waiver is nil where the fee is charged; OnceKey the caller's
// Idempotency-Key, empty where none was sent.
type ReissueRequest struct {
	Ref    string
	Reason ReissueReason
	Waiver *Reason
	Note   string
	Bank   Bank
	// Evidence is the reference of the document seen.
	Evidence string
	Channel  Channel
	// Identification is that of the caller on the hotline, Agent who came for the cardholder.
	Identification string
	Agent          Agent
	OnceKey        string
}

// Reissue replaces a card under the rules of Change.OpenReissue. Repeated with the same OnceKey it gives the same
// reissue again.
func (d *StaffDesk) Reissue(ctx context.Context, s StaffSession, r ReissueRequest) (ReissueView, error) {
	channel, err := deskChannel(r.Channel)
	if err != nil {
		return ReissueView{}, err
	}
	if r.Evidence != "" && !evidenceForm.MatchString(r.Evidence) {
		return ReissueView{}, refuseField(CodeInvalidPayload, "evidence", "evidence is a reference: letters, digits and _ . : / -")
	}
	if err := r.Agent.check(DateOf(d.Clock())); err != nil {
		return ReissueView{}, err
	}
	if err := d.identified(ctx, s, channel, r.Ref, r.Identification); err != nil {
		return ReissueView{}, err
	}
	waiver := "-"
	if r.Waiver != nil {
		waiver = "+" + string(*r.Waiver)
	}
	cause := d.cause(s, channel)
	cause.Evidence = (&ActionRequest{Evidence: r.Evidence, Identification: r.Identification, Agent: r.Agent}).evidence()
	fingerprint := d.fingerprint("reissue", r.Ref, string(r.Reason), waiver, string(r.Bank), string(channel), r.Note, cause.Evidence)
	action := d.action(ctx, s, "reissue", r.Ref)
	action.Reason, action.Note = string(r.Reason), r.Note
	once, id := deskOnce(s, r.OnceKey), ""
	err = d.Cards.Update(ctx, Subject{Ref: r.Ref, Once: once}, func(ch *Change) error {
		result, repeated, err := ch.Repetition(fingerprint)
		if repeated || err != nil {
			id = result
			return err
		}
		policy, err := d.policyOf(ch.Card)
		if err != nil {
			return err
		}
		order := ReissueOrder{
			Reason: r.Reason, Waiver: r.Waiver, Note: r.Note, Bank: r.Bank, Ref: d.NewID(), Number: d.NewCardNumber(),
		}
		made, err := ch.OpenReissue(policy, order, cause, d.Clock())
		if err != nil {
			return err
		}
		id = made.Ref
		ch.Actions = append(ch.Actions, action)
		ch.keep(once, fingerprint, id, d.Clock())
		return nil
	})
	if err != nil {
		return ReissueView{}, err
	}
	return d.reissue(ctx, id)
}

// FindReissue shows a reissue with both cards; not_found where there is none.
func (d *StaffDesk) FindReissue(ctx context.Context, s StaffSession, id string) (ReissueView, error) {
	view, err := d.reissue(ctx, id)
	if err != nil {
		return ReissueView{}, err
	}
	return view, d.Records.RecordAction(ctx, d.action(ctx, s, "view_reissue", id))
}

func (d *StaffDesk) reissue(ctx context.Context, id string) (ReissueView, error) {
	record, err := d.Records.Reissue(ctx, id)
	if err != nil {
		return ReissueView{}, err
	}
	found, err := d.Cards.Holding(ctx, Subject{Ref: id})
	if err != nil {
		return ReissueView{}, err
	}
	view := ReissueView{StaffReissue: record.with(found)}
	for _, card := range found.Cards {
		switch card.Ref {
		case record.OldCard:
			view.Old = d.Policies.View(found.Person, card, d.Clock())
		case record.ID:
			view.New = d.Policies.View(found.Person, card, d.Clock())
		}
	}
	return view, nil
}

// policyOf is the policy of a card's city; a card that is not there is not_found.
func (d *StaffDesk) policyOf(card *Card) (Policy, error) {
	if card == nil {
		return Policy{}, noSuchCard()
	}
	policy, known := d.Policies.For(card.Region, DateOf(d.Clock()))
	if !known {
		return Policy{}, &Error{Code: CodeInternal, Message: "no city policy is in force for region " + card.Region}
	}
	return policy, nil
}

func (d *StaffDesk) cause(s StaffSession, channel Channel) Cause {
	return Cause{Actor: s.Staff.Actor(), Channel: channel, Occurred: d.Clock()}
}

// fingerprint is what a request is compared by; it may cover a note, so it is keyed.
func (d *StaffDesk) fingerprint(parts ...string) string {
	var text strings.Builder
	for _, part := range parts {
		text.WriteString(digest(part))
	}
	return d.Blind("staff_request", text.String())
}

// deskOnce scopes a caller's number to the member of staff.
func deskOnce(s StaffSession, key string) OnceKey {
	if key == "" {
		return OnceKey{}
	}
	return OnceKey{Scope: "staff:" + s.Staff.ID, Key: key}
}

// keep records that a numbered request took effect.
func (ch *Change) keep(once OnceKey, fingerprint, result string, now time.Time) {
	if once.Key != "" {
		ch.Once = &Once{OnceKey: once, Fingerprint: fingerprint, Result: result, RecordedAt: now}
	}
}

// deskChannel is where staff was asked: at the counter where nothing is said, or on the hotline.
func deskChannel(channel Channel) (Channel, error) {
	switch channel {
	case "":
		return ChannelCounter, nil
	case ChannelCounter, ChannelHotline:
		return channel, nil
	}
	return "", refuseField(CodeInvalidPayload, "channel", "the channel is counter or hotline")
}
