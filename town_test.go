package citycard_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"citycard"
)

var (
	_ citycard.Cards           = (*town)(nil)
	_ citycard.Activations     = (*town)(nil)
	_ citycard.Attempts        = (*town)(nil)
	_ citycard.Citizens        = (*town)(nil)
	_ citycard.LoginStates     = (*town)(nil)
	_ citycard.LoginPlatform   = (*town)(nil)
	_ citycard.IdentityChecker = (*town)(nil)
	_ citycard.FaceChecker     = (*town)(nil)
)

// town is a store and a platform in memory: everything around the use cases.
type town struct {
	mu       sync.Mutex
	now      func() time.Time
	ids      int
	people   map[string]citycard.Person // by number
	cards    []*citycard.Card
	history  []citycard.Transition
	acts     map[string]citycard.Activation
	once     map[citycard.OnceKey]*citycard.Once
	bound    map[string]string // citizen to person
	citizens map[string]citycard.Citizen
	sessions map[string]citycard.Session
	states   map[string]citycard.LoginState
	attempts map[string]int
	reissues []citycard.Reissue
	actions  []citycard.StaffAction
	phones   map[string]string // by person
	callers  []citycard.Identification
	cases    []citycard.Correction
	// tray is the queue of what needs a second person.
	tray *tray
	// codes are the platform's authorization codes not yet used, with the open id of their user.
	codes map[string]string
	// face and passed are the platform's verdicts; faults are what its methods and the store's Update fail with.
	face, passed bool
	faults       map[string]error
	calls        map[string]int
}

const (
	liNumber    = "320100199001010034"
	wangNumber  = "320100199001010050"
	aliceNumber = "USA110085010112"
	// hanNumber was given in a district of Hangzhou.
	hanNumber = "330106199001010026"
)

// newTown is a town at noon of a day in 2026 in which Li holds a collected card.
func newTown() *town {
	t := &town{
		now:    func() time.Time { return noonOf("2026-11-22") },
		people: map[string]citycard.Person{}, acts: map[string]citycard.Activation{}, once: map[citycard.OnceKey]*citycard.Once{},
		bound: map[string]string{}, citizens: map[string]citycard.Citizen{}, sessions: map[string]citycard.Session{},
		states: map[string]citycard.LoginState{}, attempts: map[string]int{}, codes: map[string]string{},
		phones: map[string]string{"li": "13812345678"}, tray: newTray(),
		face: true, passed: true, faults: map[string]error{}, calls: map[string]int{},
	}
	t.people[liNumber] = citycard.Person{ID: "li", Name: citycard.RestoreName("李雷")}
	t.people[aliceNumber] = citycard.Person{ID: "alice", Name: citycard.RestoreName("ALICE SMITH")}
	t.issue("li", "c1", func(*citycard.Card) {})
	t.issue("alice", "c9", func(*citycard.Card) {})
	return t
}

// issue adds a collected card to a person.
func (t *town) issue(person, ref string, change func(*citycard.Card)) {
	card := heldCard(citycard.DateOf(t.now()).AddDays(-10))
	card.Ref, card.PersonID, card.Account.Last4 = ref, person, "0001"
	change(card)
	t.cards = append(t.cards, card)
}

func (t *town) clock() time.Time { return t.now() }

func (t *town) newID() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ids++
	return fmt.Sprintf("id%d", t.ids)
}

// fault counts a call and gives what it fails with.
func (t *town) fault(method string) error {
	t.calls[method]++
	return t.faults[method]
}

func (t *town) activator(tb testing.TB, home string) *citycard.Activator {
	tb.Helper()
	policies := defaultPolicies(tb)
	policies.Home = home
	return &citycard.Activator{
		Cards: t, Activations: t, Attempts: t, Citizens: t, Login: t, Identity: t, Face: t, Policies: policies,
		CallbackURL: "https://us/callback", FaceReturnURL: "https://us/faces/", NFKC: norm.NFKC.String,
		Blind: func(purpose, value string) string { return purpose + "#" + value }, NewID: t.newID, Clock: t.clock,
		Pause: func(ctx context.Context, d time.Duration) error {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	}
}

// enter is the session of a platform user, as the store shows it now.
func (t *town) enter(openID string) citycard.Session {
	citizen, _ := t.SeeCitizen(context.Background(), citycard.Citizen{ID: "z" + openID, AppID: "app", OpenID: openID})
	return citycard.Session{Channel: citycard.ChannelH5, CitizenID: citizen.ID, PersonID: citizen.PersonID}
}

// consent is a fresh authorization code of a platform user.
func (t *town) consent(openID string) string {
	code := "code-" + t.newID()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.codes[code] = openID
	return code
}

func (t *town) card(tb testing.TB, ref string) *citycard.Card {
	tb.Helper()
	i := slices.IndexFunc(t.cards, func(c *citycard.Card) bool { return c.Ref == ref })
	require.GreaterOrEqual(tb, i, 0)
	return t.cards[i]
}

func (t *town) load(s citycard.Subject) *citycard.Change {
	ch := &citycard.Change{Person: t.people[s.Number.Reveal()], Earlier: t.once[s.Once]}
	owner := s.PersonID + ch.Person.ID
	for _, card := range t.cards {
		if s.Ref != "" && card.Ref == s.Ref {
			owner = card.PersonID
		}
	}
	for _, person := range t.people {
		if person.ID == owner {
			ch.Person = person
		}
	}
	for _, card := range t.cards {
		if owner != "" && card.PersonID == owner {
			ch.Cards = append(ch.Cards, card.Clone())
			if card.Ref == s.Ref {
				ch.Card = ch.Cards[len(ch.Cards)-1]
			}
		}
	}
	if act, found := t.acts[s.ActivationID]; found {
		ch.Activation = &act
	}
	return ch
}

func (t *town) Update(ctx context.Context, s citycard.Subject, judge func(*citycard.Change) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	// The first judgement is of a race that was lost.
	_ = judge(t.load(s))
	ch := t.load(s)
	if err := judge(ch); err != nil {
		return err
	}
	if err := ch.Conclude(); err != nil {
		return err
	}
	if err := t.fault("update"); err != nil {
		return err
	}
	for _, changed := range ch.Cards {
		t.history = append(t.history, changed.Fresh()...)
		changed.Stored()
		for i, card := range t.cards {
			if card.Ref == changed.Ref {
				t.cards[i] = changed
			}
		}
	}
	for _, made := range ch.NewCards {
		t.history = append(t.history, made.Fresh()...)
		made.Stored()
	}
	t.cards = append(t.cards, ch.NewCards...)
	t.actions = append(t.actions, ch.Actions...)
	if ch.Reissue != nil {
		t.reissues = append(t.reissues, *ch.Reissue)
	}
	if ch.Activation != nil {
		t.acts[ch.Activation.ID] = *ch.Activation
	}
	if ch.Once != nil {
		t.once[ch.Once.OnceKey] = ch.Once
	}
	if ch.Binding != nil {
		t.bound[ch.Binding.CitizenID] = ch.Binding.PersonID
	}
	t.giveBack(ch.ReturnAttempts)
	return nil
}

func (t *town) Holding(_ context.Context, s citycard.Subject) (*citycard.Change, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.load(s), t.fault("holding")
}

func (t *town) History(_ context.Context, ref string, after int64, limit int) ([]citycard.Transition, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []citycard.Transition
	for _, made := range t.history {
		if made.CardRef == ref && made.Seq > after && len(list) < limit {
			list = append(list, made)
		}
	}
	return list, nil
}

func (t *town) OpenActivation(_ context.Context, a citycard.Activation, once *citycard.Once) (citycard.Activation, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if once != nil {
		ch := citycard.Change{Earlier: t.once[once.OnceKey]}
		if result, repeated, err := ch.Repetition(once.Fingerprint); repeated || err != nil {
			return t.acts[result], false, err
		}
	}
	stored, created := a, true
	for id, open := range t.acts {
		if open.Dedup == a.Dedup && !open.Final() {
			stored, created = open, false
			if !a.StartedAt.Before(open.ExpiresAt) {
				open.Status, open.Failure = citycard.ActivationFailed, citycard.CodeLoginCodeInvalid
				t.acts[id], stored, created = open, a, true
			}
		}
	}
	if created {
		t.acts[a.ID] = a
	}
	if once != nil {
		kept := *once
		kept.Result = stored.ID
		t.once[once.OnceKey] = &kept
	}
	return stored, created, nil
}

func (t *town) Activation(_ context.Context, id string) (citycard.Activation, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	act, found := t.acts[id]
	if !found {
		return act, &citycard.Error{Code: citycard.CodeNotFound}
	}
	return act, nil
}

func (t *town) ClaimActivation(_ context.Context, id string, now, leaseUntil time.Time) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	act := t.acts[id]
	if act.Final() || now.Before(act.ClaimedUntil) {
		return false, nil
	}
	act.ClaimedUntil = leaseUntil
	t.acts[id] = act
	return true, nil
}

func (t *town) SaveActivation(ctx context.Context, a citycard.Activation) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if stored := t.acts[a.ID]; !stored.Final() {
		a.ClaimedUntil = time.Time{}
		t.acts[a.ID] = a
	}
	return nil
}

func attemptKey(l citycard.AttemptLimit) string {
	return string(l.Kind) + l.Subject + l.WindowStart.String()
}

func (t *town) ReserveAttempt(_ context.Context, limits []citycard.AttemptLimit, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range limits {
		if t.attempts[attemptKey(l)] >= l.Max {
			return &citycard.Error{Code: citycard.CodeAttemptsLocked, RetryAfter: l.WindowEnd.Sub(now)}
		}
	}
	for _, l := range limits {
		t.attempts[attemptKey(l)]++
	}
	return nil
}

func (t *town) ReturnAttempt(ctx context.Context, limits []citycard.AttemptLimit) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.giveBack(limits)
	return ctx.Err()
}

func (t *town) giveBack(limits []citycard.AttemptLimit) {
	for _, l := range limits {
		t.attempts[attemptKey(l)]--
	}
}

// counted is how many attempts count against a kind of subject.
func (t *town) counted(kind citycard.AttemptKind) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := 0
	for key, n := range t.attempts {
		if strings.HasPrefix(key, string(kind)) {
			sum += n
		}
	}
	return sum
}
