package sql

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"slices"

	"citycard"
)

// round is a group of changes between load and commit: what was loaded, as each judged change leaves it for
// the next, and what is to be written.
type round struct {
	people map[string]*holding
	found  map[finder]string
	once   map[citycard.OnceKey]*citycard.Once
	acts   map[string]*citycard.Activation
	writes writes
}

// holding is a person and their cards, in the state the last judged change left them.
type holding struct {
	person citycard.Person
	cards  []*citycard.Card
}

// writes is what a round stores.
type writes struct {
	cards map[string]changedCard
	// places are where loaded cards lie, by their refs.
	places      map[string]string
	newCards    []*citycard.Card
	transitions []citycard.Transition
	newActs     map[string]*citycard.Activation
	acts        map[string]*citycard.Activation
	once        []*citycard.Once
	bindings    []*citycard.Binding
	returned    []citycard.AttemptLimit
	reissues    []*citycard.Reissue
	actions     []citycard.StaffAction
}

// changedCard is a card as it shall be, and the version that must still be stored. Received tells whether its day of
// receipt is another one.
type changedCard struct {
	card     *citycard.Card
	version  int64
	received bool
}

func newRound() *round {
	return &round{
		people: map[string]*holding{}, found: map[finder]string{},
		once: map[citycard.OnceKey]*citycard.Once{}, acts: map[string]*citycard.Activation{},
		writes: writes{
			cards: map[string]changedCard{}, places: map[string]string{},
			newActs: map[string]*citycard.Activation{}, acts: map[string]*citycard.Activation{},
		},
	}
}

// sort brings everybody's cards into the order in which they were made, which is that of their refs.
func (r *round) sort() {
	for _, h := range r.people {
		slices.SortFunc(h.cards, func(a, b *citycard.Card) int { return cmp.Compare(a.Ref, b.Ref) })
	}
}

// change is what a unit's judge sees: copies, so that a refusal leaves nothing behind.
func (r *round) change(u *unit) *citycard.Change {
	subject, ch := u.subject, &citycard.Change{}
	if h := r.people[r.found[u.by]]; h != nil {
		ch.Person = h.person
		ch.Cards = make([]*citycard.Card, len(h.cards))
		for i, card := range h.cards {
			ch.Cards[i] = card.Clone()
			if named(subject, card) {
				ch.Card = ch.Cards[i]
			}
		}
	}
	if act := r.acts[subject.ActivationID]; act != nil {
		copied := *act
		ch.Activation = &copied
	}
	ch.Earlier = r.once[subject.Once]
	return ch
}

func named(subject citycard.Subject, card *citycard.Card) bool {
	switch {
	case subject.Ref != "":
		return card.Ref == subject.Ref
	case subject.CardNumber != "":
		return card.Region == subject.Region && card.Number == subject.CardNumber
	case subject.IdentificationCode != "":
		return card.IdentificationCode == subject.IdentificationCode
	}
	return false
}

// judge runs one unit's judge and takes over what it changed. A judge that panics fails alone.
func (r *round) judge(u *unit) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &citycard.Error{Code: citycard.CodeInternal, Cause: fmt.Errorf("judge panicked: %v\n%s", cause, debug.Stack())}
		}
	}()
	ch := r.change(u)
	if err := u.judge(ch); err != nil {
		return err
	}
	if err := ch.Conclude(); err != nil {
		return err
	}
	r.take(ch)
	return nil
}

// takeCards takes over what became of a person's cards.
func (w *writes) takeCards(h *holding, cards []*citycard.Card) {
	for i, card := range cards {
		if fresh := card.Fresh(); len(fresh) > 0 {
			changed := changedCard{card, h.cards[i].Version, card.ReceivedOn != h.cards[i].ReceivedOn}
			if earlier, again := w.cards[card.Ref]; again {
				changed.version, changed.received = earlier.version, changed.received || earlier.received
			}
			w.cards[card.Ref] = changed
			w.transitions = append(w.transitions, fresh...)
			card.Stored()
		}
		h.cards[i] = card
	}
}

func (r *round) take(ch *citycard.Change) {
	w := &r.writes
	if h := r.people[ch.Person.ID]; h != nil {
		w.takeCards(h, ch.Cards)
		h.cards = append(h.cards, ch.NewCards...)
	}
	for _, card := range ch.NewCards {
		w.transitions = append(w.transitions, card.Fresh()...)
		card.Stored()
	}
	w.newCards = append(w.newCards, ch.NewCards...)
	if act := ch.Activation; act != nil {
		if r.acts[act.ID] == nil || w.newActs[act.ID] != nil {
			w.newActs[act.ID] = act
		} else if act.Final() && !r.acts[act.ID].Final() {
			w.acts[act.ID] = act
		}
		r.acts[act.ID] = act
	}
	if ch.Once != nil {
		w.once = append(w.once, ch.Once)
		r.once[ch.Once.OnceKey] = ch.Once
	}
	if ch.Binding != nil {
		w.bindings = append(w.bindings, ch.Binding)
	}
	if ch.Reissue != nil {
		w.reissues = append(w.reissues, ch.Reissue)
	}
	w.actions = append(w.actions, ch.Actions...)
	w.returned = append(w.returned, ch.ReturnAttempts...)
}
