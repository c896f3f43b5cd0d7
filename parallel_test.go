package citycard_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// manyTimes does something at once as often as asked, and gives what each got.
func manyTimes(n int, do func() (citycard.ActivationView, error)) ([]citycard.ActivationView, []error) {
	views, errs := make([]citycard.ActivationView, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { views[i], errs[i] = do() })
	}
	all.Wait()
	return views, errs
}

func assertEqualAnswers(t *testing.T, views []citycard.ActivationView, errs []error) {
	t.Helper()
	for i := range views {
		require.NoError(t, errs[i])
		assert.Equal(t, views[0], views[i])
	}
}

func TestAHundredParallelConfirmsOfOneActivation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		town := newTown()
		a, li := town.activator(t, nanjing), town.enter("li")
		id := started(t, a, request(li, "李雷", liNumber))
		code := town.consent("li")
		views, errs := manyTimes(100, func() (citycard.ActivationView, error) { return a.Confirm(t.Context(), li, id, code, "") })
		assertEqualAnswers(t, views, errs)
		assert.True(t, views[0].Activation.Changed)
		assert.NotNil(t, views[0].Card)
		assert.Equal(t, 1, town.calls["exchange"])
		assert.Equal(t, 1, town.calls["update"])
		assert.Len(t, town.history, 2)
		assert.Zero(t, town.counted(citycard.AttemptByCitizen))
	})
}

func TestAHundredParallelConfirmsThatAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		town := newTown()
		town.passed = false
		a, li := town.activator(t, nanjing), town.enter("li")
		id := started(t, a, request(li, "李雷", liNumber))
		code := town.consent("li")
		_, errs := manyTimes(100, func() (citycard.ActivationView, error) { return a.Confirm(t.Context(), li, id, code, "") })
		for _, err := range errs {
			assertCode(t, citycard.CodeIdentityMismatch, err)
			assert.Equal(t, errs[0], err)
		}
		assert.Equal(t, 1, town.calls["exchange"])
	})
}

func TestManyParallelStartsOfOneRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		town := newTown()
		a, li := town.activator(t, nanjing), town.enter("li")
		views, errs := manyTimes(50, func() (citycard.ActivationView, error) {
			return a.Start(t.Context(), request(li, "李雷", liNumber))
		})
		assertEqualAnswers(t, views, errs)
		assert.Equal(t, 1, town.calls["prepare"], "a second check would void the first page")
		assert.Equal(t, 1, town.counted(citycard.AttemptByCitizen))
		_, err := a.Start(t.Context(), request(li, "李雷", liNumber))
		require.NoError(t, err)
		assert.Equal(t, 1, town.counted(citycard.AttemptByCitizen), "the same open request counts once")
	})
}

func TestManyParallelStartsOfABoundCitizen(t *testing.T) {
	t.Parallel()
	town := newTown()
	town.bound["zli"] = "li"
	a, li := town.activator(t, nanjing), town.enter("li")
	r := request(li, "李雷", liNumber)
	r.OnceKey = "key-1"
	views, errs := manyTimes(100, func() (citycard.ActivationView, error) { return a.Start(t.Context(), r) })
	assertEqualAnswers(t, views, errs)
	assert.True(t, views[0].Activation.Changed)
	assert.Len(t, town.history, 2)
	assert.Len(t, town.acts, 1)
}

func TestAClaimWhoseHolderDied(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		town := newTown()
		noon, began := town.now(), time.Now()
		town.now = func() time.Time { return noon.Add(time.Since(began)) }
		a, li := town.activator(t, nanjing), town.enter("li")
		id := started(t, a, request(li, "李雷", liNumber))
		claimed, err := town.ClaimActivation(t.Context(), id, noon, noon.Add(20*time.Second))
		require.NoError(t, err)
		require.True(t, claimed)

		code := town.consent("li")
		for range 2 {
			_, err = a.Confirm(t.Context(), li, id, code, "")
			assertCode(t, citycard.CodeRequestInProgress, err)
		}
		done, err := a.Confirm(t.Context(), li, id, code, "")
		require.NoError(t, err, "the lease is over")
		assert.True(t, done.Activation.Changed)
	})
}

// slowChecker is a platform that answers so late that another caller has finished meanwhile.
type slowChecker struct {
	*town
	verdict func() citycard.Verdict
}

func (s slowChecker) ConsultCheck(context.Context, string, citycard.PlatformUser) (citycard.Verdict, error) {
	return s.verdict(), nil
}

func TestAHolderWhoCameTooLateAnswersWhatIsStored(t *testing.T) {
	t.Parallel()
	for name, passed := range map[string]bool{"a late yes": true, "a late no": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			town := newTown()
			a, li := town.activator(t, nanjing), town.enter("li")
			id := started(t, a, request(li, "李雷", liNumber))
			var winner citycard.ActivationView
			slow := *a
			slow.Identity = slowChecker{town, func() citycard.Verdict {
				now := town.now()
				fast := *a
				fast.Clock = func() time.Time { return now.Add(21 * time.Second) }
				var err error
				winner, err = fast.Confirm(t.Context(), li, id, town.consent("li"), "")
				require.NoError(t, err)
				return citycard.Verdict{Passed: passed}
			}}
			late, err := slow.Confirm(t.Context(), li, id, town.consent("li"), "")
			require.NoError(t, err)
			assert.Equal(t, winner.Activation, late.Activation)
			assert.Equal(t, winner.Card, late.Card)
			assert.Len(t, town.history, 2)
			assert.Zero(t, town.counted(citycard.AttemptByCitizen), "returned once")
		})
	}
}

func TestAttemptsAreLockedAfterFiveDistinctWrongStarts(t *testing.T) {
	t.Parallel()
	town := newTown()
	a, li := town.activator(t, nanjing), town.enter("li")
	for i := range 5 {
		r := request(li, fmt.Sprintf("王%d", i), wangNumber)
		id := started(t, a, r)
		_, err := a.Confirm(t.Context(), li, id, town.consent("li"), "")
		assertCode(t, citycard.CodeCardNotMatched, err)
	}
	for range 2 {
		_, err := a.Start(t.Context(), request(li, "李雷", liNumber))
		assertCode(t, citycard.CodeAttemptsLocked, err)
		var refusal *citycard.Error
		require.ErrorAs(t, err, &refusal)
		assert.Equal(t, 12*time.Hour, refusal.RetryAfter)
	}
	assert.Equal(t, 5, town.counted(citycard.AttemptByCitizen))
	assert.Equal(t, 5, town.calls["prepare"])
	started(t, a, request(town.enter("lis other phone"), "李雷", liNumber))

	tomorrow := town.now().AddDate(0, 0, 1)
	town.now = func() time.Time { return tomorrow }
	started(t, a, request(li, "李雷", liNumber))
}

func TestABoundCitizen(t *testing.T) {
	t.Parallel()
	town := newTown()
	town.bound["zli"] = "li"
	a, li := town.activator(t, nanjing), town.enter("li")
	for range 5 {
		_, err := a.Start(t.Context(), request(li, "李蕾", liNumber))
		assertCode(t, citycard.CodeCardNotMatched, err)
	}
	_, err := a.Start(t.Context(), request(li, "李蕾", liNumber))
	assertCode(t, citycard.CodeAttemptsLocked, err)
	_, err = a.Start(t.Context(), request(li, "王伟", wangNumber))
	assertCode(t, citycard.CodeAttemptsLocked, err)

	town.cards[0].Social = citycard.SocialFrozen
	_, err = a.Start(t.Context(), request(li, "李雷", liNumber))
	assertCode(t, citycard.CodeCardFrozen, err)
	town.cards[0].Social = citycard.SocialSealed
	done, err := a.Start(t.Context(), request(li, "李雷", liNumber))
	require.NoError(t, err, "the right name is never locked out")
	assert.True(t, done.Activation.Changed)
	assert.Zero(t, town.calls["prepare"])
}

func TestTheIdempotencyKey(t *testing.T) {
	t.Parallel()
	for name, bound := range map[string]bool{"of a bound citizen": true, "of one not known yet": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			town := newTown()
			if bound {
				town.bound["zli"] = "li"
			}
			a, li := town.activator(t, nanjing), town.enter("li")
			r := request(li, "李雷", liNumber)
			r.OnceKey = "key-1"
			first, err := a.Start(t.Context(), r)
			require.NoError(t, err)
			again, err := a.Start(t.Context(), r)
			require.NoError(t, err)
			assert.Equal(t, first, again)
			other := r
			other.Name = "李蕾"
			_, err = a.Start(t.Context(), other)
			assertCode(t, citycard.CodeEventIDReused, err)

			wang := request(town.enter("wang"), "王伟", wangNumber)
			wang.OnceKey = "key-1"
			theirs, err := a.Start(t.Context(), wang)
			require.NoError(t, err, "a key is its citizen's own")
			assert.NotEqual(t, first.Activation.ID, theirs.Activation.ID)
			if bound {
				return
			}
			done, err := a.Confirm(t.Context(), li, first.Activation.ID, town.consent("li"), "")
			require.NoError(t, err)
			r.Session = town.enter("li")
			later, err := a.Start(t.Context(), r)
			require.NoError(t, err)
			assert.Equal(t, done, later, "the key's answer is the activation's outcome")
		})
	}
}

func TestAnExpiredActivation(t *testing.T) {
	t.Parallel()
	town := newTown()
	a, li := town.activator(t, nanjing), town.enter("li")
	start := town.now()
	id := started(t, a, request(li, "李雷", liNumber))
	town.now = func() time.Time { return start.Add(2 * time.Hour) }
	for range 2 {
		_, err := a.Confirm(t.Context(), li, id, town.consent("li"), "")
		assertCode(t, citycard.CodeLoginCodeInvalid, err)
	}
	assert.Zero(t, town.calls["exchange"])
	assert.NotEqual(t, id, started(t, a, request(li, "李雷", liNumber)))
}

func TestARequestWhoseCheckWasNeverBegun(t *testing.T) {
	t.Parallel()
	town := newTown()
	a, li := town.activator(t, nanjing), town.enter("li")
	town.faults["prepare"] = &citycard.Error{Code: citycard.CodePlatformUnavailable}
	r := request(li, "李雷", liNumber)
	r.OnceKey = "key-1"
	_, err := a.Start(t.Context(), r)
	assertCode(t, citycard.CodePlatformUnavailable, err)
	require.Len(t, town.acts, 1)
	for id := range town.acts {
		view, err := a.Find(t.Context(), li, id)
		require.NoError(t, err)
		assert.Empty(t, view.AuthorizeURL)
		_, err = a.Confirm(t.Context(), li, id, town.consent("li"), "")
		assertCode(t, citycard.CodeLoginCodeInvalid, err)
	}
	assert.Zero(t, town.calls["exchange"])

	start := town.now()
	town.now = func() time.Time { return start.Add(3 * time.Hour) }
	view, err := a.Start(t.Context(), r)
	require.NoError(t, err)
	assert.Equal(t, citycard.CodeLoginCodeInvalid, view.Activation.Failure, "the key's request took too long")
}

// racing is a store in which somebody else is faster between the look at an activation and the claim of it.
type racing struct {
	*town
	faster func()
}

func (r *racing) ClaimActivation(ctx context.Context, id string, now, until time.Time) (bool, error) {
	if faster := r.faster; faster != nil {
		r.faster = nil
		faster()
	}
	return r.town.ClaimActivation(ctx, id, now, until)
}

func TestAClaimTakenJustAfterTheWorkWasDone(t *testing.T) {
	t.Parallel()
	town := newTown()
	a, li := town.activator(t, nanjing), town.enter("li")
	var first citycard.ActivationView
	store := &racing{town: town, faster: func() {
		var err error
		first, err = a.Start(t.Context(), request(li, "李雷", liNumber))
		require.NoError(t, err)
	}}
	raced := *a
	raced.Activations = store
	second, err := raced.Start(t.Context(), request(li, "李雷", liNumber))
	require.NoError(t, err)
	assert.Equal(t, first, second)
	assert.Equal(t, 1, town.calls["prepare"])
	assert.Equal(t, 1, town.counted(citycard.AttemptByCitizen))

	id, code := first.Activation.ID, town.consent("li")
	store.faster = func() {
		_, err := a.Confirm(t.Context(), li, id, code, "")
		require.NoError(t, err)
	}
	late, err := raced.Confirm(t.Context(), li, id, code, "")
	require.NoError(t, err, "the claim ended with the first one's work")
	assert.True(t, late.Activation.Changed)
	assert.Equal(t, 1, town.calls["exchange"])
}
