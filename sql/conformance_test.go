package sql_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/sql"
)

// conformance is what every engine must do.
var conformance = []struct {
	name string
	run  func(t *testing.T, e engine)
}{
	{"a card comes back as it was stored, by every way to find it", roundTrip},
	{"an account that the bank tells is kept", accountTold},
	{"the unlocks of a password are counted", unlocksCounted},
	{"the day of receipt is kept, whatever else happens", receiptKept},
	{"an absent card is judged as absent", absent},
	{"a failed judge stores nothing", failedJudge},
	{"fifty parallel updates of one card lose none", parallelUpdates},
	{"two processes that race for one card keep every transition once", twoProcesses},
	{"the same key twice takes effect once", sameKeyTwice},
	{"refused changes leave their neighbours alone", refusedNeighbours},
	{"a row the engine refuses fails alone", poisonedRow},
	{"a judge that panics fails alone", panickingJudge},
	{"a cancelled caller leaves the others alone", cancelledCaller},
	{"a database that goes away in mid-batch answers everybody once", databaseGone},
	{"an activation, its binding and returned attempts are stored with the card", activationUnit},
	{"an activation that became final meanwhile is not finished twice", finishedOnce},
	{"migrating twice at once is safe", migrateTwice},
	{"a newer schema is refused", newerSchema},
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		for _, c := range conformance {
			t.Run(e.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.run(t, e)
			})
		}
	}
}

func roundTrip(t *testing.T, e engine) {
	store, address := migrated(t, e)
	ref := seed(t, store, 3)[1]
	require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: ref}, toggle("e1")))
	again := open(t, address)
	row := cardRow(1)
	for _, subject := range []citycard.Subject{
		{Ref: ref}, {Number: row.Number}, {Region: "320100", CardNumber: row.Card.Number},
		{IdentificationCode: row.Card.IdentificationCode},
	} {
		found, err := again.Holding(t.Context(), subject)
		require.NoError(t, err)
		require.Len(t, found.Cards, 1)
		assert.Equal(t, "王小1", found.Person.Name.Reveal())
		card := found.Cards[0]
		if subject.Number.IsZero() {
			assert.Same(t, card, found.Card)
		}
		assert.Equal(t, citycard.SocialFrozen, card.Social)
		assert.Equal(t, citycard.SocialSealed, card.SocialHeld)
		assert.Equal(t, int64(1), card.Version)
		assert.True(t, now.Equal(card.Since[citycard.MachineSocial]))
		assert.Equal(t, row.Card.ReceivedOn, card.ReceivedOn)
		assert.True(t, card.ValidTo.IsZero())
	}
	list := history(t, again, ref)
	require.Len(t, list, 1)
	requireChain(t, list)
	assert.Equal(t, "e1", list[0].Cause.EventID)
	assert.Equal(t, "case 7", list[0].Cause.Evidence)
}

func absent(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	seed(t, store, 1)
	for _, subject := range []citycard.Subject{
		{Ref: "none"}, {Number: citycard.RestoreIDNumber("110101199001019999")}, {PersonID: "nobody"},
		{Region: "440100", CardNumber: "A00000000"}, {IdentificationCode: "none"},
	} {
		judged := false
		require.NoError(t, store.Update(t.Context(), subject, func(ch *citycard.Change) error {
			judged = true
			assert.False(t, ch.Person.Known())
			assert.Empty(t, ch.Cards)
			assert.Nil(t, ch.Card)
			return nil
		}))
		assert.True(t, judged)
	}
	_, err := store.Activation(t.Context(), "none")
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
	_, err = store.Session(t.Context(), "none")
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
}

func failedJudge(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	ref := seed(t, store, 1)[0]
	refusal := &citycard.Error{Code: citycard.CodeCardFrozen}
	err := store.Update(t.Context(), citycard.Subject{Ref: ref}, func(ch *citycard.Change) error {
		require.NoError(t, ch.Card.Freeze(cause("e"), now))
		ch.Once = &citycard.Once{OnceKey: citycard.OnceKey{Scope: "s", Key: "12345678"}, Fingerprint: "f", RecordedAt: now}
		return refusal
	})
	require.ErrorIs(t, err, refusal)
	found, err := store.Holding(t.Context(), citycard.Subject{Ref: ref, Once: citycard.OnceKey{Scope: "s", Key: "12345678"}})
	require.NoError(t, err)
	assert.Equal(t, int64(0), found.Card.Version)
	assert.Equal(t, citycard.SocialSealed, found.Card.Social)
	assert.Nil(t, found.Earlier)
	assert.Empty(t, history(t, store, ref))
}

// together runs n calls at once and collects their errors.
func together(n int, call func(i int) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = call(i) })
	}
	all.Wait()
	return errs
}

func parallelUpdates(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	ref := seed(t, store, 1)[0]
	for i, err := range together(50, func(i int) error {
		return store.Update(t.Context(), citycard.Subject{Ref: ref}, toggle(strconv.Itoa(i)))
	}) {
		require.NoError(t, err, "update %d", i)
	}
	requireAll(t, history(t, store, ref), 50)
}

// requireAll holds that n events, numbered from 0, each made exactly one transition.
func requireAll(t *testing.T, list []citycard.Transition, n int) {
	t.Helper()
	requireChain(t, list)
	var events []string
	for _, transition := range list {
		events = append(events, transition.Cause.EventID)
	}
	slices.Sort(events)
	assert.Len(t, slices.Compact(events), n)
	assert.Len(t, list, n)
}

func twoProcesses(t *testing.T, e engine) {
	first, address := migrated(t, e)
	ref := seed(t, first, 1)[0]
	stores := []*sql.Store{first, open(t, address)}
	for i, err := range together(60, func(i int) error {
		return stores[i%2].Update(t.Context(), citycard.Subject{Ref: ref}, toggle(strconv.Itoa(i)))
	}) {
		require.NoError(t, err, "update %d", i)
	}
	requireAll(t, history(t, first, ref), 60)
}

func sameKeyTwice(t *testing.T, e engine) {
	first, address := migrated(t, e)
	ref := seed(t, first, 1)[0]
	stores := []*sql.Store{first, open(t, address)}
	key := citycard.OnceKey{Scope: "partner:1", Key: "BANK-0001"}
	results := make([]string, 40)
	for i, err := range together(40, func(i int) error {
		return stores[i%2].Update(t.Context(), citycard.Subject{Ref: ref, Once: key}, func(ch *citycard.Change) error {
			result, repeated, err := ch.Repetition("fingerprint")
			if repeated || err != nil {
				results[i] = result
				return err
			}
			results[i] = fmt.Sprint("effect of ", ch.Card.Version)
			ch.Once = &citycard.Once{OnceKey: key, Fingerprint: "fingerprint", Result: results[i], RecordedAt: now}
			return toggle("once")(ch)
		})
	}) {
		require.NoError(t, err, "update %d", i)
		assert.Equal(t, "effect of 0", results[i])
	}
	require.Len(t, history(t, first, ref), 1)
	err := first.Update(t.Context(), citycard.Subject{Ref: ref, Once: key}, func(ch *citycard.Change) error {
		_, _, err := ch.Repetition("another")
		return err
	})
	assert.Equal(t, citycard.CodeEventIDReused, citycard.CodeOf(err))
}

func refusedNeighbours(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	refs := seed(t, store, 40)
	refusal := &citycard.Error{Code: citycard.CodeCardExpired}
	errs := together(80, func(i int) error {
		judge := toggle(strconv.Itoa(i))
		return store.Update(t.Context(), citycard.Subject{Ref: refs[i/2]}, func(ch *citycard.Change) error {
			err := judge(ch)
			if i%2 == 1 {
				return refusal
			}
			return err
		})
	})
	for i, ref := range refs {
		require.NoError(t, errs[2*i])
		require.ErrorIs(t, errs[2*i+1], refusal)
		list := history(t, store, ref)
		require.Len(t, list, 1)
		assert.Equal(t, strconv.Itoa(2*i), list[0].Cause.EventID)
	}
}

// finished is an activation that ended well.
func finished(id, ref string) *citycard.Activation {
	return &citycard.Activation{
		ID: id, CitizenID: "c", Channel: citycard.ChannelH5, Method: citycard.IdentityBound,
		Status: citycard.ActivationActivated, CardRef: ref, Changed: true, Receipt: "r", StartedAt: now, FinishedAt: now,
	}
}

func poisonedRow(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	refs := seed(t, store, 40)
	add := func(id, ref string) func(*citycard.Change) error {
		return func(ch *citycard.Change) error {
			ch.Activation = finished(id, ref)
			return toggle(id)(ch)
		}
	}
	require.NoError(t, store.Update(t.Context(), citycard.Subject{Ref: refs[0]}, add("taken", refs[0])))
	errs := together(40, func(i int) error {
		id := fmt.Sprint("a", i)
		if i == 20 {
			id = "taken"
		}
		return store.Update(t.Context(), citycard.Subject{Ref: refs[i]}, add(id, refs[i]))
	})
	for i, err := range errs {
		if i == 20 {
			assert.Equal(t, citycard.CodeStorageUnavailable, citycard.CodeOf(err))
			assert.Empty(t, history(t, store, refs[i]))
			continue
		}
		require.NoError(t, err, "update %d", i)
		assert.Len(t, history(t, store, refs[i]), 1+min(1, max(0, 1-i)))
	}
}

func panickingJudge(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	refs := seed(t, store, 20)
	errs := together(20, func(i int) error {
		return store.Update(t.Context(), citycard.Subject{Ref: refs[i]}, func(ch *citycard.Change) error {
			if i == 10 {
				panic("a mistake")
			}
			return toggle("e")(ch)
		})
	})
	for i, err := range errs {
		if i == 10 {
			assert.Equal(t, citycard.CodeInternal, citycard.CodeOf(err))
			continue
		}
		require.NoError(t, err)
	}
}

func cancelledCaller(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	refs := seed(t, store, 30)
	gone, cancel := context.WithCancel(t.Context())
	errs := together(30, func(i int) error {
		ctx := t.Context()
		if i%3 == 0 {
			ctx = gone
		}
		return store.Update(ctx, citycard.Subject{Ref: refs[i]}, func(ch *citycard.Change) error {
			if i%3 == 0 {
				cancel()
			}
			return toggle("e")(ch)
		})
	})
	for i, err := range errs {
		if i%3 != 0 {
			require.NoError(t, err, "update %d", i)
			assert.Len(t, history(t, store, refs[i]), 1)
		} else if err != nil {
			require.ErrorIs(t, err, context.Canceled)
		}
	}
}

func activationUnit(t *testing.T, e engine) {
	store, _ := migrated(t, e)
	ref := seed(t, store, 1)[0]
	citizen, err := store.SeeCitizen(t.Context(), citycard.Citizen{ID: newID(), AppID: "app", OpenID: "open", SeenAt: now})
	require.NoError(t, err)
	act, limits := waiting("act", citizen.ID), limitsOf(2)
	_, created, err := store.OpenActivation(t.Context(), act, nil)
	require.NoError(t, err)
	require.True(t, created)
	require.NoError(t, store.ReserveAttempt(t.Context(), limits, now))
	require.NoError(t, store.Update(t.Context(), citycard.Subject{Number: cardRow(0).Number, ActivationID: "act"}, func(ch *citycard.Change) error {
		assert.Equal(t, "王小0", ch.Activation.Name.Reveal())
		ch.Binding = &citycard.Binding{CitizenID: citizen.ID, PersonID: ch.Person.ID, Method: citycard.IdentityCertdoc, BoundAt: now}
		ch.ReturnAttempts = limits
		*ch.Activation = *finished("act", ref)
		return ch.Cards[0].Freeze(cause("e"), now)
	}))
	stored, err := store.Activation(t.Context(), "act")
	require.NoError(t, err)
	assert.Equal(t, citycard.ActivationActivated, stored.Status)
	assert.True(t, stored.Name.IsZero())
	assert.True(t, stored.Changed)
	again, err := store.SeeCitizen(t.Context(), citycard.Citizen{ID: newID(), AppID: "app", OpenID: "open", UserID: "u", SeenAt: now})
	require.NoError(t, err)
	assert.Equal(t, citizen.ID, again.ID)
	assert.Equal(t, "u", again.UserID)
	assert.NotEmpty(t, again.PersonID)
	require.NoError(t, store.ReserveAttempt(t.Context(), limits, now))
	require.NoError(t, store.ReserveAttempt(t.Context(), limits, now))
	require.Error(t, store.ReserveAttempt(t.Context(), limits, now))
}

func finishedOnce(t *testing.T, e engine) {
	first, address := migrated(t, e)
	ref := seed(t, first, 1)[0]
	stores := []*sql.Store{first, open(t, address)}
	_, _, err := first.OpenActivation(t.Context(), waiting("act", "c"), nil)
	require.NoError(t, err)
	var mutex sync.Mutex
	effects := map[bool]int{}
	for _, err := range together(20, func(i int) error {
		did := false
		err := stores[i%2].Update(t.Context(), citycard.Subject{Ref: ref, ActivationID: "act"}, func(ch *citycard.Change) error {
			if did = !ch.Activation.Final(); !did {
				return nil
			}
			*ch.Activation = *finished("act", ref)
			return toggle("e")(ch)
		})
		mutex.Lock()
		defer mutex.Unlock()
		effects[did && err == nil]++
		return err
	}) {
		require.NoError(t, err)
	}
	assert.Equal(t, map[bool]int{true: 1, false: 19}, effects)
	assert.Len(t, history(t, first, ref), 1)
}

func migrateTwice(t *testing.T, e engine) {
	address := e.fresh(t)
	for _, err := range together(4, func(int) error {
		store, err := sql.Open(t.Context(), address, options())
		if err != nil {
			return err
		}
		return errors.Join(store.Migrate(t.Context()), store.Close())
	}) {
		require.NoError(t, err)
	}
	store := open(t, address)
	applied, known, err := store.Status(t.Context())
	require.NoError(t, err)
	assert.Equal(t, known, applied)
	require.NoError(t, store.Ready(t.Context()))
}

func newerSchema(t *testing.T, e engine) {
	store, address := migrated(t, e)
	insert(t, address, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
	require.ErrorContains(t, store.Migrate(t.Context()), "schema version 9999")
	err := store.Ready(t.Context())
	assert.Equal(t, citycard.CodeStorageUnavailable, citycard.CodeOf(err))
	assert.ErrorContains(t, err, "install the newer program")

	empty := open(t, e.fresh(t))
	err = empty.Ready(t.Context())
	assert.Equal(t, citycard.CodeStorageUnavailable, citycard.CodeOf(err))
	assert.ErrorContains(t, err, "no schema yet: run citycard migrate")
}
