package citycard

import (
	"context"
	"time"
)

const (
	// activationLifetime is how long an activation awaits the identity: the platform's check lives two hours. Where
	// the city asks for a fresh face check, it is no longer than that stays fresh.
	activationLifetime = 2 * time.Hour
	// claimLease bounds how long one caller may talk to the platform about an activation; it is longer than the
	// platform client's time-outs together.
	claimLease = 20 * time.Second
	// claimPatience is how long others wait for that caller before they are told to come back.
	claimPatience = 8 * time.Second
)

// Activator is the activation use case: name and number in, identity confirmed by the platform, the record
// matched, the financial application activated exactly once.
type Activator struct {
	Cards       Cards
	Activations Activations
	Attempts    Attempts
	Citizens    Citizens
	Login       LoginPlatform
	Identity    IdentityChecker
	Face        FaceChecker
	Policies    *Policies
	// CallbackURL is our address for the platform's consent page to return to; FaceReturnURL the one for its
	// face page, to which the activation's id is appended.
	CallbackURL   string
	FaceReturnURL string
	// NFKC brings text into Unicode normalisation form KC.
	NFKC func(string) string
	// Blind is a keyed hash: what personal data is compared by where it must not be kept.
	Blind func(purpose, value string) string
	NewID func() string
	Clock func() time.Time
	// Pause waits, or returns the context's error.
	Pause func(ctx context.Context, d time.Duration) error
}

// ActivationRequest is what a citizen submits. Address is the client's network address, for the limits;
// OnceKey the caller's Idempotency-Key, empty where none was sent.
type ActivationRequest struct {
	Session  Session
	Name     string
	IDNumber string
	Address  string
	OnceKey  string
}

// ActivationView is an activation as its citizen sees it. AuthorizeURL is where to go next while it awaits the
// identity; Card is there once it is final and a card was found.
type ActivationView struct {
	Activation   Activation
	AuthorizeURL string
	Card         *CardView
}

// Start begins an activation. It goes straight through where the platform user is already bound to that
// person; otherwise the view awaits the identity and carries the platform's page. Whether the record matches
// is judged only after the identity, so that nobody can probe for other people's records.
func (a *Activator) Start(ctx context.Context, r ActivationRequest) (ActivationView, error) {
	draft, err := a.draft(r)
	if err != nil {
		return ActivationView{}, err
	}
	once := a.once(r, draft)
	if r.Session.PersonID != "" {
		view, through, err := a.straight(ctx, r, &draft, once)
		if through || err != nil {
			return view, err
		}
	}
	draft.Attempts = a.attempts(r, draft.Number)
	return a.await(ctx, r.Session, draft, once)
}

// draft checks what was submitted; its errors name the field, and are two where both entries are wrong.
func (a *Activator) draft(r ActivationRequest) (Activation, error) {
	now := a.Clock()
	home := a.Policies.HomePolicy(DateOf(now))
	number, err := ParseIDNumber(r.IDNumber, DateOf(now))
	if err == nil {
		err = home.Accepts(number)
	}
	name, nameErr := ParseName(r.Name, a.NFKC)
	if err := firstError(err, nameErr); err != nil {
		return Activation{}, err
	}
	method, lifetime := a.check(number, DateOf(now))
	return Activation{
		ID: a.NewID(), CitizenID: r.Session.CitizenID, Channel: r.Session.Channel,
		Name: name, Number: number, Method: method, Status: ActivationAwaitingIdentity,
		Dedup:     a.Blind("activation", r.Session.CitizenID+"\n"+number.Reveal()+"\n"+name.Reveal()),
		StartedAt: now, ExpiresAt: now.Add(lifetime),
	}, nil
}

// attempts are the keyed hashes under which a guess at this person is counted.
func (a *Activator) attempts(r ActivationRequest, number IDNumber) map[AttemptKind]string {
	return map[AttemptKind]string{
		AttemptByCitizen: a.Blind("attempt", r.Session.CitizenID),
		AttemptByNumber:  a.Blind("attempt", number.Reveal()),
		AttemptByAddress: a.Blind("attempt", r.Address),
	}
}

// check is how the identity is confirmed, and how long the activation may await that. The card and its city are
// not known before the identity, and asking for them would tell about other people; the city that the number
// names often is the card's, and reading it off the number tells nobody anything.
func (a *Activator) check(number IDNumber, today Date) (IdentityMethod, time.Duration) {
	method, lifetime := IdentityCertdoc, activationLifetime
	if number.DocumentType() != DocumentCitizenID {
		method = IdentityFace
	}
	home := a.Policies.HomePolicy(today)
	named, known := a.Policies.For(number.City(), today)
	if !known {
		named = home
	}
	for _, city := range []Policy{home, named} {
		if city.FinancialActivation == OnlineFace {
			method, lifetime = IdentityFace, min(lifetime, time.Duration(city.FaceMinutes)*time.Minute)
		}
	}
	return method, lifetime
}

func (a *Activator) once(r ActivationRequest, draft Activation) *Once {
	if r.OnceKey == "" {
		return nil
	}
	return &Once{
		OnceKey:     OnceKey{Scope: "citizen:" + r.Session.CitizenID, Key: r.OnceKey},
		Fingerprint: draft.Dedup, Result: draft.ID, RecordedAt: draft.StartedAt,
	}
}

// straight activates for a citizen who was confirmed before. Through is false where this is not the person
// they were confirmed to be, or where the card's city asks for a fresh face check, which the draft then is for.
func (a *Activator) straight(ctx context.Context, r ActivationRequest, draft *Activation, once *Once) (view ActivationView, through bool, err error) {
	subject := Subject{Number: draft.Number}
	if once != nil {
		subject.Once = once.OnceKey
	}
	type outcome struct {
		earlier  string
		mismatch bool
		card     *Card // nil where it did not go through
		person   Person
		act      Activation
	}
	var came outcome
	err = a.Cards.Update(ctx, subject, func(ch *Change) error {
		came = outcome{}
		result, repeated, err := ch.Repetition(draft.Dedup)
		if repeated || err != nil {
			came.earlier = result
			return err
		}
		if ch.Person.ID != r.Session.PersonID {
			return nil
		}
		if _, same := ch.Person.Name.Matches(draft.Name); !same {
			came.mismatch = true
			return nil
		}
		done := *draft
		done.Method, done.Dedup = IdentityBound, ""
		card, err := a.judge(ch, &done, Proof{Method: IdentityBound, At: draft.StartedAt})
		if CodeOf(err) == CodeFaceRequired {
			draft.Method = IdentityFace
			return nil
		}
		if err != nil {
			return err
		}
		ch.Activation, ch.Once = &done, once
		came = outcome{card: card, person: ch.Person, act: done}
		return nil
	})
	switch {
	case err != nil:
		return ActivationView{}, true, err
	case came.earlier != "":
		view, err = a.Find(ctx, r.Session, came.earlier)
		return view, true, err
	case came.mismatch:
		draft.Attempts = a.attempts(r, draft.Number)
		return ActivationView{}, true, a.mismatch(ctx, *draft)
	case came.card == nil:
		return ActivationView{}, false, nil
	}
	// Others' changes wait for the judging above, not for what is shown.
	return a.view(came.act, came.person, came.card), true, nil
}

// mismatch counts a wrong guess and answers it: card_not_matched, or attempts_locked once they are used up.
func (a *Activator) mismatch(ctx context.Context, draft Activation) error {
	if err := a.Attempts.ReserveAttempt(ctx, a.limits(draft), draft.StartedAt); err != nil {
		return err
	}
	return refuse(CodeCardNotMatched, "")
}

// judge applies the rules of cards to a confirmed person: it picks the card, activates it and writes the
// outcome into the activation.
func (a *Activator) judge(ch *Change, act *Activation, proof Proof) (*Card, error) {
	now := a.Clock()
	card, err := ch.ActiveCandidate(a.Policies, DateOf(now))
	if err != nil {
		return nil, err
	}
	policy, known := a.Policies.For(card.Region, DateOf(now))
	if !known {
		return nil, &Error{Code: CodeInternal, Message: "no city policy is in force for region " + card.Region}
	}
	cause := Cause{
		Actor: Actor{Kind: ActorCitizen, ID: act.CitizenID}, Channel: act.Channel,
		Reason: ReasonActOnline, Evidence: act.ID, Occurred: now,
	}
	changed, err := card.ActivateOnline(policy, proof, cause, now)
	if err != nil {
		return nil, err
	}
	status := ActivationActivated
	if card.Financial == FinancialPendingBank {
		status = ActivationPendingBank
	}
	act.finish(status, "", now)
	act.CardRef, act.Changed, act.Receipt = card.Ref, changed, receiptNumber(act.ID, now)
	return card, nil
}

// Find gives a citizen's own activation; somebody else's answers like an absent one: not_found.
func (a *Activator) Find(ctx context.Context, s Session, id string) (ActivationView, error) {
	act, err := a.own(ctx, s, id)
	if err != nil {
		return ActivationView{}, err
	}
	return a.show(ctx, act)
}

func (a *Activator) own(ctx context.Context, s Session, id string) (Activation, error) {
	act, err := a.Activations.Activation(ctx, id)
	if err != nil {
		return Activation{}, err
	}
	if act.CitizenID != s.CitizenID {
		return Activation{}, refuse(CodeNotFound, "there is no such activation")
	}
	return act, nil
}

// show builds the view of a stored activation.
func (a *Activator) show(ctx context.Context, act Activation) (ActivationView, error) {
	if act.CardRef != "" {
		holding, err := a.Cards.Holding(ctx, Subject{Ref: act.CardRef})
		if err != nil {
			return ActivationView{}, err
		}
		return a.view(act, holding.Person, holding.Card), nil
	}
	view := ActivationView{Activation: act}
	if act.Final() || act.CheckID == "" {
		return view, nil
	}
	url, err := a.authorizeURL(act)
	view.AuthorizeURL = url
	return view, err
}

func (a *Activator) view(act Activation, person Person, card *Card) ActivationView {
	shown := a.Policies.View(person, card, a.Clock())
	return ActivationView{Activation: act, Card: &shown}
}

func (a *Activator) authorizeURL(act Activation) (string, error) {
	if act.Method == IdentityFace {
		return a.Face.FaceURL(act.CheckID)
	}
	return a.Login.AuthorizeURL(Authorization{
		Scope: ScopeIdentity, RedirectURI: a.CallbackURL, State: act.ID, CheckID: act.CheckID,
	}), nil
}
