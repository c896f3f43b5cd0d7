package citycard_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

func TestSearchByNameAndDayOfBirth(t *testing.T) {
	t.Parallel()
	city := newTown()
	found, err := city.desk(t).Search(t.Context(), amy, citycard.StaffSearch{Name: "李 雷", BirthDate: "1990-01-01"})
	require.NoError(t, err)
	require.Len(t, found.Cards, 1)
	assert.Equal(t, "c1", found.Cards[0].Ref)
	assert.Equal(t, "李*", found.Cards[0].HolderMasked)
	assert.False(t, found.More)
	assert.Equal(t, "li", city.actions[0].Object, "whose cards were shown is recorded")
	nobody, err := city.desk(t).Search(t.Context(), amy, citycard.StaffSearch{Name: "李雷", BirthDate: "1990-01-02"})
	require.NoError(t, err)
	assert.Empty(t, nobody.Cards)
	for name, q := range map[string]citycard.StaffSearch{
		"nothing":             {},
		"two ways at once":    {IDNumber: liNumber, CardNumber: "A00000001"},
		"a name alone":        {Name: "李雷"},
		"a day alone":         {BirthDate: "1990-01-01"},
		"a day that is none":  {Name: "李雷", BirthDate: "1990-13-01"},
		"a number and a name": {IDNumber: liNumber, Name: "李雷", BirthDate: "1990-01-01"},
	} {
		_, err := city.desk(t).Search(t.Context(), amy, q)
		assert.Contains(t, []citycard.Code{citycard.CodeInvalidPayload, citycard.CodeNameEmpty}, citycard.CodeOf(err), name)
	}
}

func TestASearchShowsTwentyPeopleAtMost(t *testing.T) {
	t.Parallel()
	city := newTown()
	for i := range 25 {
		id := fmt.Sprintf("p%02d", i)
		city.people[fmt.Sprintf("3201001990010110%02d", i)] = citycard.Person{ID: id, Name: citycard.RestoreName("王伟")}
		city.issue(id, "w"+id, func(*citycard.Card) {})
	}
	found, err := city.desk(t).Search(t.Context(), amy, citycard.StaffSearch{Name: "王伟", BirthDate: "1990-01-01"})
	require.NoError(t, err)
	assert.Len(t, found.Cards, 20)
	assert.True(t, found.More)
}

func TestSearchesAreLimitedByPersonAndHour(t *testing.T) {
	t.Parallel()
	city := newTown()
	desk := city.desk(t)
	for range 300 {
		_, err := desk.Search(t.Context(), amy, citycard.StaffSearch{IDNumber: liNumber})
		require.NoError(t, err)
	}
	_, err := desk.Search(t.Context(), amy, citycard.StaffSearch{IDNumber: liNumber})
	assert.Equal(t, citycard.CodeAttemptsLocked, citycard.CodeOf(err))
	_, err = desk.Search(t.Context(), sun, citycard.StaffSearch{IDNumber: liNumber})
	require.NoError(t, err)
	city.now = func() time.Time { return noonOf("2026-11-22").Add(time.Hour) }
	_, err = desk.Search(t.Context(), amy, citycard.StaffSearch{IDNumber: liNumber})
	require.NoError(t, err)
}

func TestOneFieldIsRevealedForAReason(t *testing.T) {
	t.Parallel()
	city := newTown()
	for field, want := range map[citycard.RevealField][]string{
		citycard.RevealName: {"李雷"}, citycard.RevealDocumentNumber: {liNumber}, citycard.RevealPhone: {"13812345678"},
		citycard.RevealAccountLast4: {"0001"},
	} {
		values, err := city.desk(t).Reveal(t.Context(), amy, citycard.RevealRequest{Ref: "c1", Field: field, Reason: "call_back", Note: "he asked"})
		require.NoError(t, err)
		assert.Equal(t, want, values)
		line := city.actions[len(city.actions)-1]
		assert.Equal(t, "reveal_"+string(field), line.Action)
		assert.Equal(t, "c1", line.Object)
		assert.Equal(t, "call_back", line.Reason)
	}
	none, err := city.desk(t).Reveal(t.Context(), amy, citycard.RevealRequest{Ref: "c9", Field: citycard.RevealPhone, Reason: "call_back", Note: "x"})
	require.NoError(t, err)
	assert.Empty(t, none)
	for name, c := range map[string]struct {
		request citycard.RevealRequest
		code    citycard.Code
	}{
		"no reason":       {citycard.RevealRequest{Ref: "c1", Field: citycard.RevealName, Note: "x"}, citycard.CodeInvalidPayload},
		"no note":         {citycard.RevealRequest{Ref: "c1", Field: citycard.RevealName, Reason: "call_back"}, citycard.CodeInvalidPayload},
		"no such field":   {citycard.RevealRequest{Ref: "c1", Field: "all", Reason: "call_back", Note: "x"}, citycard.CodeInvalidPayload},
		"an unknown card": {citycard.RevealRequest{Ref: "x", Field: citycard.RevealName, Reason: "call_back", Note: "x"}, citycard.CodeNotFound},
	} {
		_, err := city.desk(t).Reveal(t.Context(), amy, c.request)
		assert.Equal(t, c.code, citycard.CodeOf(err), name)
	}
	city.faults["record"] = &citycard.Error{Code: citycard.CodeStorageUnavailable}
	values, err := city.desk(t).Reveal(t.Context(), amy, citycard.RevealRequest{Ref: "c1", Field: citycard.RevealName, Reason: "call_back", Note: "x"})
	require.Error(t, err)
	assert.Empty(t, values, "what cannot be recorded is not shown")
}

func TestBeyondTheDaysNumberARevealNeedsASecondPerson(t *testing.T) {
	t.Parallel()
	city := newTown()
	desk := city.desk(t)
	request := citycard.RevealRequest{Ref: "c1", Field: citycard.RevealPhone, Reason: "call_back", Note: "x"}
	for range citycard.RevealsPerDay {
		_, err := desk.Reveal(t.Context(), amy, request)
		require.NoError(t, err)
	}
	_, err := desk.Reveal(t.Context(), amy, request)
	require.Equal(t, citycard.CodeSecondPersonRequired, citycard.CodeOf(err))
	asked, err := desk.AskReveal(t.Context(), amy, request)
	require.NoError(t, err)
	request.Approval = asked.ID
	_, err = desk.Reveal(t.Context(), amy, request)
	require.Equal(t, citycard.CodeSecondPersonRequired, citycard.CodeOf(err), "nobody approved it yet")
	_, err = desk.Queue.Approve(t.Context(), zhou, asked.ID, "")
	require.NoError(t, err)
	other := request
	other.Field = citycard.RevealName
	_, err = desk.Reveal(t.Context(), amy, other)
	require.Equal(t, citycard.CodeSecondPersonRequired, citycard.CodeOf(err), "it was for the phone")
	values, err := desk.Reveal(t.Context(), amy, request)
	require.NoError(t, err)
	assert.Equal(t, []string{"13812345678"}, values)
	_, err = desk.Reveal(t.Context(), amy, request)
	require.Equal(t, citycard.CodeSecondPersonRequired, citycard.CodeOf(err), "it was used")
	city.now = func() time.Time { return noonOf("2026-11-23") }
	request.Approval = ""
	_, err = desk.Reveal(t.Context(), amy, request)
	require.NoError(t, err, "the next day")
}

func TestACaseIsOpenedAndResolved(t *testing.T) {
	t.Parallel()
	city := newTown()
	desk := city.desk(t)
	opened, err := desk.OpenCorrection(t.Context(), amy, citycard.NewCorrection{Ref: "c1", Kind: citycard.CorrectName, Description: "雷 not 蕾", OnceKey: "12345678"})
	require.NoError(t, err)
	assert.Equal(t, "li", opened.PersonID)
	again, err := desk.OpenCorrection(t.Context(), amy, citycard.NewCorrection{Ref: "c1", Kind: citycard.CorrectName, Description: "雷 not 蕾", OnceKey: "12345678"})
	require.NoError(t, err)
	assert.Equal(t, opened.ID, again.ID)
	_, err = desk.OpenCorrection(t.Context(), amy, citycard.NewCorrection{Ref: "c1", Kind: citycard.CorrectBank, Description: "other", OnceKey: "12345678"})
	assert.Equal(t, citycard.CodeEventIDReused, citycard.CodeOf(err))
	card, err := desk.Card(t.Context(), amy, "c1")
	require.NoError(t, err)
	require.Len(t, card.Corrections, 1)
	_, err = desk.ResolveCorrection(t.Context(), sun, opened.ID, "")
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err))
	done, err := desk.ResolveCorrection(t.Context(), sun, opened.ID, "written anew")
	require.NoError(t, err)
	assert.Equal(t, citycard.CorrectionResolved, done.State)
	_, err = desk.ResolveCorrection(t.Context(), sun, opened.ID, "written anew")
	require.NoError(t, err)
	_, err = desk.ResolveCorrection(t.Context(), amy, opened.ID, "me too")
	assert.Equal(t, citycard.CodeInvalidTransition, citycard.CodeOf(err))
	page, next, err := desk.Corrections(t.Context(), amy, citycard.CorrectionQuery{State: citycard.CorrectionResolved, Limit: 10})
	require.NoError(t, err)
	assert.Len(t, page, 1)
	assert.Empty(t, next)
	for name, n := range map[string]citycard.NewCorrection{
		"no such kind":   {Ref: "c1", Kind: "mood", Description: "x"},
		"no description": {Ref: "c1", Kind: citycard.CorrectName},
	} {
		_, err := desk.OpenCorrection(t.Context(), amy, n)
		assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err), name)
	}
	_, err = desk.OpenCorrection(t.Context(), amy, citycard.NewCorrection{Ref: "x", Kind: citycard.CorrectName, Description: "x"})
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
}
