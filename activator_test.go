package citycard_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

const nanjing, hangzhou, guangzhou = "320100", "330100", "440100"

func request(s citycard.Session, name, number string) citycard.ActivationRequest {
	return citycard.ActivationRequest{Session: s, Name: name, IDNumber: number, Address: "192.0.2.1"}
}

// started is the id of an activation that awaits the identity.
func started(t *testing.T, a *citycard.Activator, r citycard.ActivationRequest) string {
	t.Helper()
	view, err := a.Start(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, citycard.ActivationAwaitingIdentity, view.Activation.Status)
	return view.Activation.ID
}

func assertCode(t *testing.T, code citycard.Code, err error) {
	t.Helper()
	assert.Equal(t, code, citycard.CodeOf(err), "%v", err)
	if err != nil {
		for _, secret := range []string{"李雷", "王伟", "ALICE", liNumber, wangNumber, aliceNumber} {
			assert.NotContains(t, err.Error(), secret)
		}
	}
}

func TestFromTheFormToTheReceipt(t *testing.T) {
	t.Parallel()
	town := newTown()
	a, li := town.activator(t, nanjing), town.enter("li")

	view, err := a.Start(t.Context(), request(li, "李 雷", liNumber))
	require.NoError(t, err)
	id := view.Activation.ID
	assert.Equal(t, citycard.ActivationAwaitingIdentity, view.Activation.Status)
	assert.Equal(t, citycard.IdentityCertdoc, view.Activation.Method)
	assert.Equal(t, "https://platform/authorize?scope=id_verify&check="+view.Activation.CheckID+"&state="+id+"&to=https://us/callback", view.AuthorizeURL)
	assert.Nil(t, view.Card)
	assert.Equal(t, 1, town.counted(citycard.AttemptByCitizen))

	done, err := a.Confirm(t.Context(), li, id, town.consent("li"), "")
	require.NoError(t, err)
	assert.Equal(t, citycard.ActivationActivated, done.Activation.Status)
	assert.True(t, done.Activation.Changed)
	assert.Regexp(t, `^20261122-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$`, done.Activation.Receipt)
	assert.True(t, done.Activation.Name.IsZero())
	assert.True(t, done.Activation.Number.IsZero())
	assert.Equal(t, citycard.FinancialActive, done.Card.Financial)
	assert.Equal(t, 0, town.counted(citycard.AttemptByCitizen), "a right guess does not count")

	again, err := a.Confirm(t.Context(), li, id, "a used code", "")
	require.NoError(t, err)
	assert.Equal(t, done, again)
	found, err := a.Find(t.Context(), li, id)
	require.NoError(t, err)
	assert.Equal(t, done, found)
	assert.Equal(t, 1, town.calls["exchange"])

	bound, err := a.Start(t.Context(), request(town.enter("li"), "李雷", liNumber))
	require.NoError(t, err)
	assert.Equal(t, citycard.ActivationActivated, bound.Activation.Status)
	assert.Equal(t, citycard.IdentityBound, bound.Activation.Method)
	assert.False(t, bound.Activation.Changed, "the card is active already")
	assert.Len(t, town.history, 2)
	for _, other := range []func() error{
		func() error { _, err := a.Find(t.Context(), town.enter("wang"), id); return err },
		func() error { _, err := a.Confirm(t.Context(), town.enter("wang"), id, "x", ""); return err },
		func() error { _, err := a.Find(t.Context(), li, "nonesuch"); return err },
	} {
		assertCode(t, citycard.CodeNotFound, other())
	}
}

func TestBothWrongEntriesAreNamed(t *testing.T) {
	t.Parallel()
	town := newTown()
	a := town.activator(t, nanjing)
	_, err := a.Start(t.Context(), request(town.enter("li"), " ", "32010019900101003X"))
	assertCode(t, citycard.CodeIDCheckDigit, err)
	refused := citycard.Refusals(err)
	require.Len(t, refused, 2)
	assert.Equal(t, [2]string{"id_number", "name"}, [2]string{refused[0].Field, refused[1].Field})
	assert.Equal(t, citycard.CodeNameEmpty, refused[1].Code)
	assert.Empty(t, citycard.Refusals(context.Canceled))
	assert.Empty(t, citycard.Refusals(nil))
	assert.Empty(t, town.acts)
}

func TestANumberedConfirmationIsOneRequest(t *testing.T) {
	t.Parallel()
	town := newTown()
	a, li := town.activator(t, nanjing), town.enter("li")
	numbered := request(li, "李雷", liNumber)
	numbered.OnceKey = "number-of-start"
	id := started(t, a, numbered)
	code := town.consent("li")
	_, err := a.Confirm(t.Context(), li, id, code, "number-of-start")
	assertCode(t, citycard.CodeEventIDReused, err)
	done, err := a.Confirm(t.Context(), li, id, code, "number-1")
	require.NoError(t, err)
	assert.Equal(t, citycard.ActivationActivated, done.Activation.Status)
	again, err := a.Confirm(t.Context(), li, id, code, "number-1")
	require.NoError(t, err)
	assert.Equal(t, done, again)
	_, err = a.Confirm(t.Context(), li, id, "another code", "number-1")
	assertCode(t, citycard.CodeEventIDReused, err)
	other, err := a.Confirm(t.Context(), li, id, "another code", "number-2")
	require.NoError(t, err, "an activation that has ended answers whoever asks")
	assert.Equal(t, done, other)
	town.faults["earlier"] = &citycard.Error{Code: citycard.CodeStorageUnavailable}
	_, err = a.Confirm(t.Context(), li, id, code, "number-1")
	assertCode(t, citycard.CodeStorageUnavailable, err)
}

func TestWhatWasEnteredIsCheckedFirst(t *testing.T) {
	t.Parallel()
	town := newTown()
	a := town.activator(t, nanjing)
	for code, r := range map[citycard.Code]citycard.ActivationRequest{
		citycard.CodeIDLength:                request(town.enter("li"), "李雷", "1"),
		citycard.CodeNameEmpty:               request(town.enter("li"), " ", liNumber),
		citycard.CodeUnsupportedDocumentType: request(town.enter("li"), "李雷", "GBR0A1B2C3D4E5F6G7"),
	} {
		_, err := a.Start(t.Context(), r)
		assertCode(t, code, err)
	}
	assert.Empty(t, town.acts)
	id := started(t, a, request(town.enter("li"), "李雷", liNumber))
	_, err := a.Confirm(t.Context(), town.enter("li"), id, "", "")
	assertCode(t, citycard.CodeInvalidPayload, err)
}

// refusals are towns in which Li's activation is refused after the identity.
var refusals = []struct {
	name   string
	change func(*town)
	user   string
	enter  [2]string
	code   citycard.Code
}{
	{"another platform user", func(*town) {}, "wang", [2]string{"李雷", liNumber}, "identity_mismatch"},
	{"the platform says no", func(t *town) { t.passed = false }, "li", [2]string{"李雷", liNumber}, "identity_mismatch"},
	{"an unknown person", func(*town) {}, "li", [2]string{"王伟", wangNumber}, "card_not_matched"},
	{"a wrong name", func(*town) {}, "li", [2]string{"李蕾", liNumber}, "card_not_matched"},
	{"two cards", func(t *town) { t.issue("li", "c2", func(*citycard.Card) {}) }, "li", [2]string{"李雷", liNumber}, "multiple_cards"},
	{"uncollected", func(t *town) { t.cards[0].Fulfilment = citycard.FulfilmentReadyForPickup }, "li", [2]string{"李雷", liNumber}, "card_not_collected"},
	{"ended", func(t *town) { t.cards[0].Fulfilment = citycard.FulfilmentDestroyed }, "li", [2]string{"李雷", liNumber}, "card_canceled"},
	{"canceled", func(t *town) { t.cards[0].Social = citycard.SocialCanceled }, "li", [2]string{"李雷", liNumber}, "card_canceled"},
	{"lost for a time", func(t *town) { t.cards[0].Social = citycard.SocialTempLost }, "li", [2]string{"李雷", liNumber}, "card_temp_lost"},
	{"formally lost", func(t *town) { t.cards[0].Social = citycard.SocialFormalLost }, "li", [2]string{"李雷", liNumber}, "card_formal_lost"},
	{"past the deadline", func(t *town) { t.cards[0].ReceivedOn = citycard.DateOf(t.now()).AddDays(-301) }, "li", [2]string{"李雷", liNumber}, "card_auto_lost"},
	{"on hold", func(t *town) { t.cards[0].Social = citycard.SocialFrozen }, "li", [2]string{"李雷", liNumber}, "card_frozen"},
	{"expired", func(t *town) { t.cards[0].ValidTo = citycard.DateOf(t.now()).AddDays(-1) }, "li", [2]string{"李雷", liNumber}, "card_expired"},
	{"account closed", func(t *town) { t.cards[0].Financial = citycard.FinancialClosed }, "li", [2]string{"李雷", liNumber}, "invalid_transition"},
	{"the card's city asks for a face", func(t *town) { t.cards[0].Region = hangzhou }, "li", [2]string{"李雷", liNumber}, "face_required"},
}

func TestARefusalIsStoredAndAnsweredAgain(t *testing.T) {
	t.Parallel()
	calls := map[string]map[string]int{}
	for _, c := range refusals {
		town := newTown()
		c.change(town)
		a, li := town.activator(t, nanjing), town.enter("li")
		id := started(t, a, request(li, c.enter[0], c.enter[1]))
		_, first := a.Confirm(t.Context(), li, id, town.consent(c.user), "")
		assertCode(t, c.code, first)
		calls[c.name] = map[string]int{}
		for method, n := range town.calls {
			calls[c.name][method] = n
		}
		_, second := a.Confirm(t.Context(), li, id, town.consent("li"), "")
		assert.Equal(t, first, second, c.name)
		view, err := a.Find(t.Context(), li, id)
		require.NoError(t, err)
		assert.Equal(t, citycard.ActivationFailed, view.Activation.Status, c.name)
		assert.Equal(t, c.code, view.Activation.Failure, c.name)
		assert.Nil(t, view.Card, c.name)
		assert.True(t, view.Activation.Name.IsZero(), c.name)
		assert.Empty(t, town.history, c.name)
		wrong := c.code == citycard.CodeIdentityMismatch || c.code == citycard.CodeCardNotMatched
		assert.Equal(t, wrong, town.counted(citycard.AttemptByNumber) == 1, "%s: only a wrong guess counts", c.name)
		assert.Equal(t, wrong, town.bound[li.CitizenID] == "", c.name)
	}
	assert.Equal(t, calls["an unknown person"], calls["a wrong name"], "the same work for both")
}

func TestAReplacementInHandIsTheOneMeant(t *testing.T) {
	t.Parallel()
	town := newTown()
	town.issue("li", "c2", func(c *citycard.Card) { c.ReplacementFor = "c1" })
	a, li := town.activator(t, nanjing), town.enter("li")
	done, err := a.Confirm(t.Context(), li, started(t, a, request(li, "李雷", liNumber)), town.consent("li"), "")
	require.NoError(t, err)
	assert.Equal(t, "c2", done.Activation.CardRef)
	assert.Equal(t, citycard.FinancialInactive, town.card(t, "c1").Financial)
}

func TestTheBankConfirms(t *testing.T) {
	t.Parallel()
	town := newTown()
	town.cards[0].Region = guangzhou
	a, li := town.activator(t, nanjing), town.enter("li")
	done, err := a.Confirm(t.Context(), li, started(t, a, request(li, "李雷", liNumber)), town.consent("li"), "")
	require.NoError(t, err)
	assert.Equal(t, citycard.ActivationPendingBank, done.Activation.Status)
	assert.True(t, done.Activation.Changed)
	again, err := a.Start(t.Context(), request(town.enter("li"), "李雷", liNumber))
	require.NoError(t, err)
	assert.Equal(t, citycard.ActivationPendingBank, again.Activation.Status)
	assert.False(t, again.Activation.Changed)
}

func TestWhenAFaceIsAskedFor(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, home, region string
		enter              [2]string
	}{
		{"a foreign permanent resident", nanjing, nanjing, [2]string{"Alice Smith", aliceNumber}},
		{"a city that asks everybody", hangzhou, hangzhou, [2]string{"李雷", liNumber}},
		{"a number from another city that asks everybody", nanjing, hangzhou, [2]string{"韩梅", hanNumber}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			town := newTown()
			town.people[aliceNumber] = citycard.Person{ID: "alice", Name: citycard.RestoreName("Alice Smith")}
			town.people[hanNumber] = citycard.Person{ID: "han", Name: citycard.RestoreName("韩梅")}
			town.issue("han", "c2", func(*citycard.Card) {})
			for _, card := range town.cards {
				card.Region = c.region
			}
			a, s := town.activator(t, c.home), town.enter("u")
			view, err := a.Start(t.Context(), request(s, c.enter[0], c.enter[1]))
			require.NoError(t, err)
			assert.Equal(t, citycard.IdentityFace, view.Activation.Method)
			assert.Equal(t, "https://platform/face/face-"+view.Activation.ID, view.AuthorizeURL)

			town.face = false
			for range 2 {
				_, err = a.Confirm(t.Context(), s, view.Activation.ID, "", "")
				assertCode(t, citycard.CodeFaceRequired, err)
			}
			town.face = true
			done, err := a.Confirm(t.Context(), s, view.Activation.ID, "", "")
			require.NoError(t, err)
			assert.Equal(t, citycard.ActivationActivated, done.Activation.Status)
			assert.Zero(t, town.calls["exchange"])
		})
	}
}

func TestAFaceCheckMustBeFresh(t *testing.T) {
	t.Parallel()
	town := newTown()
	town.cards[0].Region = hangzhou
	a, li := town.activator(t, hangzhou), town.enter("li")
	start := town.now()
	id := started(t, a, request(li, "李雷", liNumber))
	town.now = func() time.Time { return start.Add(10 * time.Minute) }
	_, err := a.Confirm(t.Context(), li, id, "", "")
	assertCode(t, citycard.CodeLoginCodeInvalid, err)
	id = started(t, a, request(li, "李雷", liNumber))
	town.now = func() time.Time { return start.Add(20*time.Minute - time.Second) }
	_, err = a.Confirm(t.Context(), li, id, "", "")
	require.NoError(t, err)
}

func TestANumberFromAnotherCityIsHeldToItsFreshness(t *testing.T) {
	t.Parallel()
	town := newTown()
	a := town.activator(t, nanjing)
	view, err := a.Start(t.Context(), request(town.enter("han"), "韩梅", hanNumber))
	require.NoError(t, err)
	assert.Equal(t, town.now().Add(10*time.Minute), view.Activation.ExpiresAt)
	view, err = a.Start(t.Context(), request(town.enter("li"), "李雷", liNumber))
	require.NoError(t, err)
	assert.Equal(t, citycard.IdentityCertdoc, view.Activation.Method)
	assert.Equal(t, town.now().Add(2*time.Hour), view.Activation.ExpiresAt)
}

func TestTheCardsCityAsksForAFaceWhileHomeDoesNot(t *testing.T) {
	t.Parallel()
	town := newTown()
	town.cards[0].Region = hangzhou
	a, li := town.activator(t, nanjing), town.enter("li")
	_, err := a.Confirm(t.Context(), li, started(t, a, request(li, "李雷", liNumber)), town.consent("li"), "")
	assertCode(t, citycard.CodeFaceRequired, err)

	li = town.enter("li")
	view, err := a.Start(t.Context(), request(li, "李雷", liNumber))
	require.NoError(t, err)
	assert.Equal(t, citycard.IdentityFace, view.Activation.Method)
	done, err := a.Confirm(t.Context(), li, view.Activation.ID, "", "")
	require.NoError(t, err)
	assert.True(t, done.Activation.Changed)
}

func TestAnUnavailablePlatformChangesNothingAndTheNextTryWorks(t *testing.T) {
	t.Parallel()
	down := &citycard.Error{Code: citycard.CodePlatformUnavailable, Message: "no answer", RetryAfter: time.Second}
	for _, method := range []string{"prepare", "exchange", "consult", "citizen", "update"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			town := newTown()
			a, li := town.activator(t, nanjing), town.enter("li")
			r := request(li, "李雷", liNumber)
			r.OnceKey = "key-1"
			if method == "prepare" {
				town.faults[method] = down
				_, err := a.Start(t.Context(), r)
				assertCode(t, citycard.CodePlatformUnavailable, err)
				assert.Zero(t, town.counted(citycard.AttemptByCitizen), "the attempt came back")
				delete(town.faults, method)
			}
			id := started(t, a, r)
			assert.Equal(t, 1, town.counted(citycard.AttemptByCitizen))
			if method != "prepare" {
				town.faults[method] = down
				_, err := a.Confirm(t.Context(), li, id, town.consent("li"), "")
				var refusal *citycard.Error
				require.ErrorAs(t, err, &refusal)
				assert.Equal(t, down, refusal)
				assert.Empty(t, town.history)
				assert.Equal(t, 1, town.counted(citycard.AttemptByCitizen))
				delete(town.faults, method)
			}
			done, err := a.Confirm(t.Context(), li, id, town.consent("li"), "")
			require.NoError(t, err)
			assert.True(t, done.Activation.Changed)
			assert.Zero(t, town.counted(citycard.AttemptByCitizen))
		})
	}
}

func TestACallerWhoLeftMidwayLeavesItUsable(t *testing.T) {
	t.Parallel()
	town := newTown()
	a, li := town.activator(t, nanjing), town.enter("li")
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err := a.Start(gone, request(li, "李雷", liNumber))
	require.NoError(t, err)
	id := started(t, a, request(li, "李雷", liNumber))
	_, err = a.Confirm(gone, li, id, town.consent("li"), "")
	require.ErrorIs(t, err, context.Canceled)
	done, err := a.Confirm(t.Context(), li, id, town.consent("li"), "")
	require.NoError(t, err)
	assert.True(t, done.Activation.Changed)
}
