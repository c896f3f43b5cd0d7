package citycard

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"
)

// PartnerDesk is the use case of partners' reports and queries. It takes what an adapter has authenticated, and
// gives every event its effect exactly once.
type PartnerDesk struct {
	Cards    Cards
	Sessions TwoCardSessions
	Policies *Policies
	// Decode reads one strict JSON object into a struct; its errors are malformed_request or invalid_payload.
	Decode func(data []byte, into any) error
	Clock  func() time.Time
	// Patience is how long a report may wait for its commit, or for that of the same one under way, until it is
	// request_in_progress; zero sets no limit. The event's number makes coming back safe.
	Patience time.Duration
}

// PartnerRequest is an event or a query of an authenticated partner.
type PartnerRequest struct {
	Partner Partner
	Profile Profile
	Method  Method
	// Content is the JSON text as it was signed: biz_content, or the body of the message-signature profile.
	Content []byte
	// OnceKey is the Idempotency-Key that the message-signature profile sends beside the content.
	OnceKey string
}

// EventResult says whether an event counted.
type EventResult string

// The results.
const (
	ResultApplied EventResult = "APPLIED"
	// ResultStale is that of an event older than what is known already; it changed nothing.
	ResultStale EventResult = "STALE"
)

// PartnerReply is what an event is answered with. It is stored with the effect and comes back the same for
// every repetition, ServerTime included. Hint is empty where the partner has nothing more to do.
type PartnerReply struct {
	AppID        string
	OutRequestNo string
	Result       EventResult
	Changed      bool
	Hint         Text
	ServerTime   time.Time
	// Repeated says that the event took effect before and this is its stored reply.
	Repeated bool
}

// partnerRetry is when to ask again for a report that is still under way.
const partnerRetry = time.Second

// fingerprintOf is the SHA-256 in hex of what an event says: method, line feed, content.
func fingerprintOf(method Method, content []byte) string {
	sum := sha256.New()
	sum.Write([]byte(string(method) + "\n"))
	sum.Write(content)
	return hex.EncodeToString(sum.Sum(nil))
}

// eventScope is the scope of a partner's event numbers.
func eventScope(appID string) string { return "partner:" + appID }

// event is a request as it was read.
type event struct {
	request     PartnerRequest
	content     content
	occurred    time.Time
	subject     Subject
	fingerprint string
	opened      TwoCards
}

// Report applies an event. Its checks come in the order of the callback contract: the method (Admit), the content
// (malformed_request, invalid_payload, password_in_body, bank_not_issuer, agent_not_authorised,
// occurred_in_future), the number (event_id_reused, request_in_progress), the card (card_not_matched, the same for
// an unknown card and one outside the partner's scope), its state. With an error nothing took effect, save that
// nobody knows after request_in_progress and storage_unavailable: the same number tells. The reply to an error
// still names the app, the time and, once it was read, the event's number.
func (d *PartnerDesk) Report(ctx context.Context, r PartnerRequest) (PartnerReply, error) {
	reply := PartnerReply{AppID: r.Partner.AppID, ServerTime: d.Clock()}
	if err := r.Partner.Admit(r.Profile, r.Method); err != nil {
		return reply, err
	}
	if r.Method == MethodCardQuery {
		return reply, refuse(CodeNotFound, "a query is no event")
	}
	e, err := d.read(r)
	if e.subject.Once.Key != "" {
		reply.OutRequestNo = e.subject.Once.Key
	}
	if err != nil {
		return reply, err
	}
	done, err := d.within(ctx, &e)
	if err != nil {
		return reply, err
	}
	return done, nil
}

// read takes the content apart. Where it fails behind the event's number, that number is in the event already.
func (d *PartnerDesk) read(r PartnerRequest) (event, error) {
	e := event{request: r, content: methodRules[r.Method].content(), fingerprint: fingerprintOf(r.Method, r.Content)}
	if err := RefusePassword(r.Content); err != nil {
		return e, err
	}
	if err := d.Decode(r.Content, e.content); err != nil {
		return e, err
	}
	head := e.content.head()
	if err := cmp.Or(head.checkType(r), checkForm("out_request_no", head.OutRequestNo, outRequestForm)); err != nil {
		return e, err
	}
	once := OnceKey{Scope: eventScope(r.Partner.AppID), Key: head.OutRequestNo}
	e.subject.Once = once
	if r.OnceKey != "" && r.OnceKey != head.OutRequestNo {
		return e, refuseField(CodeInvalidPayload, "out_request_no", "Idempotency-Key and out_request_no do not agree")
	}
	subject, err := head.subject()
	if err != nil {
		return e, err
	}
	subject.Once = once
	e.subject = subject
	if e.occurred, err = head.occurred(); err != nil {
		return e, err
	}
	return e, cmp.Or(e.content.check(r.Partner), Cause{Occurred: e.occurred}.CheckOccurred(d.Clock()))
}

// checkType holds that the message-signature profile names the method in the content, and no other does.
func (h *eventHead) checkType(r PartnerRequest) error {
	switch {
	case r.Profile == ProfileMessage && h.Type != string(r.Method):
		return refuseField(CodeInvalidPayload, "type", "type is missing or not the method")
	case r.Profile != ProfileMessage && h.Type != "":
		return refuseField(CodeInvalidPayload, "type", "only the message-signature profile has a type")
	}
	return nil
}

// within applies the event in the time there is. A judge may still be at work when the time is over, so that its
// reply counts only where there is no error.
func (d *PartnerDesk) within(ctx context.Context, e *event) (PartnerReply, error) {
	limited := ctx
	if d.Patience > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, d.Patience)
		defer cancel()
	}
	var reply PartnerReply
	err := d.joinTwoCards(limited, e)
	if err == nil {
		err = d.Cards.Update(limited, e.subject, func(ch *Change) (err error) {
			reply, err = d.judge(ch, e)
			return err
		})
	}
	switch {
	case err == nil:
		return reply, nil
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return PartnerReply{}, &Error{
			Code: CodeRequestInProgress, Message: "the event is still being worked on", RetryAfter: partnerRetry, Cause: err,
		}
	}
	return PartnerReply{}, err
}

// joinTwoCards opens a session for an original card, and looks it up for a new one. It comes before the effect:
// a report that dies between the two is repeated, and opens the same session again.
func (d *PartnerDesk) joinTwoCards(ctx context.Context, e *event) error {
	at := Terminal{AppID: e.request.Partner.AppID}
	switch inserted := e.content.(type) {
	case *originalInsert:
		at.InstitutionCode, at.TerminalID = inserted.InstitutionCode, inserted.TerminalID
		found, err := d.Cards.Holding(ctx, e.subject)
		if err != nil || found.Earlier != nil || e.cardIn(found) == nil {
			return err // the judge answers these
		}
		opened := TwoCards{Terminal: at, PersonID: found.Person.ID, EventID: e.subject.Once.Key, Occurred: e.occurred}
		return d.Sessions.OpenTwoCards(ctx, opened, d.Clock())
	case *newInsert:
		at.InstitutionCode, at.TerminalID = inserted.InstitutionCode, inserted.TerminalID
		var err error
		e.opened, err = d.Sessions.TwoCards(ctx, at)
		return err
	}
	return nil
}

// judge is the event's effect on what was loaded, or the stored reply of the same event before.
func (d *PartnerDesk) judge(ch *Change, e *event) (PartnerReply, error) {
	earlier, repeated, err := ch.Repetition(e.fingerprint)
	if err != nil {
		return PartnerReply{}, err
	}
	if repeated {
		return e.storedReply(earlier)
	}
	now := d.Clock()
	card := e.cardIn(ch)
	if card == nil {
		return PartnerReply{}, noCard()
	}
	policy, known := d.Policies.For(card.Region, DateOf(now))
	if !known {
		return PartnerReply{}, &Error{Code: CodeInternal, Message: "no city policy is in force for region " + card.Region}
	}
	cause := Cause{
		Actor: e.request.Partner.actor(), Channel: ChannelCallback, Occurred: e.occurred, EventID: e.subject.Once.Key,
	}
	done, err := e.content.apply(&turn{
		partner: e.request.Partner, change: ch, card: card, policy: policy, cause: cause, now: now, opened: e.opened,
	})
	if err != nil {
		return PartnerReply{}, err
	}
	record := eventRecord{
		Method: e.request.Method, Result: ResultApplied, Changed: done.changed, Hint: done.hint,
		Region: card.Region, CardNumberMasked: card.Number.Mask(), CardRef: card.Ref,
		OccurredAt: e.occurred.UnixMilli(), ServerTime: now.UnixMilli(),
	}
	if done.stale {
		record.Result = ResultStale
	}
	text, err := record.encode()
	if err != nil {
		return PartnerReply{}, err
	}
	ch.Once = &Once{OnceKey: e.subject.Once, Fingerprint: e.fingerprint, Result: text, RecordedAt: now}
	return record.reply(e.subject.Once, e.request.Partner.AppID), nil
}

// noCard is the one answer for a card that is not there, is not in the partner's scope, or does not fit.
func noCard() error { return refuse(CodeCardNotMatched, "no card matches") }

// cardIn is the card that the event is about; nil where it is unknown or outside the partner's scope. A card
// maker's new card number means the card that replaces the one named.
func (e *event) cardIn(ch *Change) *Card {
	card := ch.Card
	head := e.content.head()
	if card == nil || !e.request.Partner.covers(card) || (head.Region != "" && head.Region != card.Region) {
		return nil
	}
	report, made := e.content.(*cardReport)
	if !made || report.NewCardNumber == "" || string(card.Number) == report.NewCardNumber {
		return card
	}
	for _, other := range ch.Cards {
		if other.ReplacementFor == card.Ref && string(other.Number) == report.NewCardNumber && e.request.Partner.covers(other) {
			return other
		}
	}
	return nil
}
