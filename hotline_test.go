package citycard_test

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// right is what Li says of the card.
func right() citycard.Answers {
	return citycard.Answers{citycard.AskName: "李雷", citycard.AskBank: "102", citycard.AskPhoneLast4: "5678"}
}

func TestACallerIsIdentifiedByThreeAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(citycard.Answers)
		passed bool
	}{
		"name, bank and phone": {func(citycard.Answers) {}, true},
		"all of them": {func(a citycard.Answers) {
			maps.Copy(a, citycard.Answers{citycard.AskBirthDate: "1990-01-01", citycard.AskDocumentLast4: "0034", citycard.AskReceivedMonth: "2026-11"})
		}, true},
		"an empty answer is none":     {func(a citycard.Answers) { a[citycard.AskReceivedMonth] = "" }, true},
		"a name with spaces":          {func(a citycard.Answers) { a[citycard.AskName] = "李 雷" }, true},
		"two answers":                 {func(a citycard.Answers) { delete(a, citycard.AskBank) }, false},
		"nothing":                     {func(a citycard.Answers) { clear(a) }, false},
		"a wrong one among four":      {func(a citycard.Answers) { a[citycard.AskReceivedMonth] = "2026-10" }, false},
		"a wrong name":                {func(a citycard.Answers) { a[citycard.AskName] = "韩梅梅" }, false},
		"a question that nobody asks": {func(a citycard.Answers) { a["colour"] = "blue" }, false},
		"day of birth and document are one": {func(a citycard.Answers) {
			clear(a)
			maps.Copy(a, citycard.Answers{citycard.AskName: "李雷", citycard.AskBirthDate: "1990-01-01", citycard.AskDocumentLast4: "0034"})
		}, false},
	} {
		city, answers := newTown(), right()
		c.change(answers)
		made, err := city.desk(t).Identify(t.Context(), amy, "c1", answers)
		line := city.actions[len(city.actions)-1]
		assert.Equal(t, "identify_caller", line.Action)
		assert.Equal(t, map[bool]string{true: "passed", false: "failed"}[c.passed], line.Reason, name)
		if !c.passed {
			assert.Equal(t, citycard.CodeCallerNotIdentified, citycard.CodeOf(err), name)
			assert.Empty(t, made.ID)
			continue
		}
		require.NoError(t, err, name)
		assert.Zero(t, city.counted(citycard.AttemptByCaller), "who was right is not counted")
	}
}

func TestTheHotlineAsksWhatTheRecordCanAnswer(t *testing.T) {
	t.Parallel()
	city := newTown()
	questions, err := city.desk(t).Questions(t.Context(), amy, "c1")
	require.NoError(t, err)
	assert.Equal(t, citycard.CallerQuestions(), questions)
	questions, err = city.desk(t).Questions(t.Context(), amy, "c9")
	require.NoError(t, err)
	assert.NotContains(t, questions, citycard.AskPhoneLast4)
	_, err = city.desk(t).Questions(t.Context(), amy, "x")
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
}

func TestWrongAnswersAreLimited(t *testing.T) {
	t.Parallel()
	city := newTown()
	desk := city.desk(t)
	for range 5 {
		_, err := desk.Identify(t.Context(), amy, "c1", citycard.Answers{citycard.AskName: "韩梅梅"})
		require.Equal(t, citycard.CodeCallerNotIdentified, citycard.CodeOf(err))
	}
	_, err := desk.Identify(t.Context(), sun, "c1", right())
	assert.Equal(t, citycard.CodeAttemptsLocked, citycard.CodeOf(err), "of this card, whoever asks")
	city.now = func() time.Time { return noonOf("2026-11-23") }
	_, err = desk.Identify(t.Context(), sun, "c1", right())
	require.NoError(t, err)
}

func TestALossIsRecordedForAnIdentifiedCaller(t *testing.T) {
	t.Parallel()
	city := newTown()
	desk := city.desk(t)
	lose := citycard.ActionRequest{Ref: "c1", Action: citycard.ActionLoss, Channel: citycard.ChannelHotline}
	act := func(s citycard.StaffSession, r citycard.ActionRequest) citycard.Code {
		_, _, err := desk.Act(t.Context(), s, r)
		return citycard.CodeOf(err)
	}
	assert.Equal(t, citycard.CodeCallerNotIdentified, act(amy, lose))
	made, err := desk.Identify(t.Context(), amy, "c1", right())
	require.NoError(t, err)
	lose.Identification = "made-up"
	assert.Equal(t, citycard.CodeCallerNotIdentified, act(amy, lose))
	lose.Identification = made.ID
	assert.Equal(t, citycard.CodeCallerNotIdentified, act(sun, lose), "another member of staff heard nothing")
	other := lose
	other.Ref = "c9"
	assert.Equal(t, citycard.CodeCallerNotIdentified, act(amy, other), "another card")
	formal := lose
	formal.Action, formal.Evidence = citycard.ActionFormalLoss, "x"
	assert.Equal(t, citycard.CodeInvalidPayload, act(amy, formal), "a formal loss needs a document")
	atCounter := lose
	atCounter.Channel = ""
	assert.Equal(t, citycard.CodeInvalidPayload, act(amy, atCounter))
	assert.Empty(t, act(amy, lose))
	assert.Equal(t, citycard.SocialTempLost, city.card(t, "c1").Social)
	last := city.last(t).Cause
	assert.Equal(t, citycard.ChannelHotline, last.Channel)
	assert.Equal(t, "identification="+made.ID, last.Evidence)

	_, err = desk.Reissue(t.Context(), amy, citycard.ReissueRequest{Ref: "c1", Reason: citycard.ReissueLost, Note: "x", Channel: citycard.ChannelHotline})
	assert.Equal(t, citycard.CodeCallerNotIdentified, citycard.CodeOf(err))
	city.now = func() time.Time { return noonOf("2026-11-22").Add(30 * time.Minute) }
	found := citycard.ActionRequest{Ref: "c1", Action: citycard.ActionFound, Channel: citycard.ChannelHotline, Identification: made.ID}
	assert.Equal(t, citycard.CodeCallerNotIdentified, act(amy, found), "half an hour later")
	city.now = func() time.Time { return noonOf("2026-11-22").Add(29 * time.Minute) }
	view, err := desk.Reissue(t.Context(), amy, citycard.ReissueRequest{
		Ref: "c1", Reason: citycard.ReissueLost, Note: "x", Channel: citycard.ChannelHotline, Identification: made.ID,
	})
	require.NoError(t, err)
	assert.Equal(t, citycard.ReissueOpen, view.State)
	assert.Equal(t, citycard.SocialFormalLost, city.card(t, "c1").Social)
}
