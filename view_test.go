package citycard_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

func TestCitizensSeeTheirOwnCardsOnly(t *testing.T) {
	t.Parallel()
	town := newTown()
	town.issue("li", "c2", func(c *citycard.Card) { c.ReplacementFor = "c1" })
	town.bound["zli"] = "li"
	reader := &citycard.CardReader{Cards: town, Policies: defaultPolicies(t), Clock: town.clock}
	li, nobody := town.enter("li"), town.enter("nobody")

	cards, err := reader.List(t.Context(), li)
	require.NoError(t, err)
	require.Len(t, cards, 2)
	assert.Equal(t, []string{"c2", "c1"}, []string{cards[0].Ref, cards[1].Ref}, "newest first")
	assert.Equal(t, "李*", cards[0].HolderMasked)
	none, err := reader.List(t.Context(), nobody)
	require.NoError(t, err)
	assert.Empty(t, none)

	own, err := reader.Find(t.Context(), li, "c1")
	require.NoError(t, err)
	assert.Equal(t, cards[1], own)
	_, absent := reader.Find(t.Context(), li, "nonesuch")
	assertCode(t, citycard.CodeNotFound, absent)
	_, others := reader.Find(t.Context(), li, "c9")
	assert.Equal(t, absent, others)
	_, unknown := reader.Find(t.Context(), nobody, "c1")
	assert.Equal(t, absent, unknown)

	a := town.activator(t, nanjing)
	_, err = a.Start(t.Context(), request(li, "李雷", liNumber))
	require.NoError(t, err)
	history, err := reader.History(t.Context(), li, "c2", 1, 5)
	require.NoError(t, err)
	require.Len(t, history, 1)
	assert.Equal(t, int64(2), history[0].Seq)
	_, err = reader.History(t.Context(), nobody, "c2", 0, 5)
	assert.Equal(t, absent, err)
}

func TestTheStatesShownAreThoseInForce(t *testing.T) {
	t.Parallel()
	today := day(t, "2026-11-22")
	policies := defaultPolicies(t)
	card := heldCard(today.AddDays(-301))
	card.Financial = citycard.FinancialPendingBank
	card.Since[citycard.MachineFinancial] = noon(today.AddDays(-8))
	view := policies.View(citycard.Person{}, card, noon(today))
	assert.Equal(t, citycard.SocialAutoLost, view.Social)
	assert.Equal(t, citycard.FinancialInactive, view.Financial)
	assert.Equal(t, today.AddDays(-1), view.FinancialDueOn)

	assert.False(t, view.Activatable)
	card.ReceivedOn = today
	assert.True(t, policies.View(citycard.Person{}, card, noon(today)).Activatable)
	card.ReplacedBy = "c2"
	assert.False(t, policies.View(citycard.Person{}, card, noon(today)).Activatable)

	card.Region = "990000"
	view = policies.View(citycard.Person{}, card, noon(today))
	assert.Equal(t, citycard.SocialSealed, view.Social, "no policy, nothing derived")
	assert.Empty(t, view.Blockers)
}

func TestWhatAnImportedRowMeans(t *testing.T) {
	t.Parallel()
	li, other := citycard.Person{ID: "p1", Name: citycard.RestoreName("李雷")}, citycard.Person{ID: "p2", Name: citycard.RestoreName("李雷")}
	wang := citycard.Person{ID: "p3", Name: citycard.RestoreName("王伟")}
	row := citycard.CardRow{Line: 7, Name: citycard.RestoreName("李 雷")}
	cases := []struct {
		name    string
		record  citycard.ImportRecord
		verdict citycard.ImportVerdict
		column  string
	}{
		{"nobody and nothing on record", citycard.ImportRecord{}, citycard.ImportNew, ""},
		{"a known person's new card", citycard.ImportRecord{Person: li}, citycard.ImportNew, ""},
		{"the same card again", citycard.ImportRecord{Person: li, Holder: li, CodeTaken: true}, citycard.ImportUnchanged, ""},
		{"the same card under a further number", citycard.ImportRecord{Holder: li, CodeTaken: true}, citycard.ImportAlias, ""},
		{"another name under the number", citycard.ImportRecord{Person: wang}, citycard.ImportRefused, "name"},
		{"a code that another card has", citycard.ImportRecord{CodeTaken: true}, citycard.ImportRefused, "card_identification_code"},
		{"a card of somebody else", citycard.ImportRecord{Holder: wang}, citycard.ImportRefused, "card_number"},
		{"a card of somebody else of the same name", citycard.ImportRecord{Person: li, Holder: other}, citycard.ImportRefused, "card_number"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			verdict, problem := c.record.Verdict(row)
			assert.Equal(t, c.verdict, verdict)
			assert.Equal(t, c.column, problem.Column)
			assert.Equal(t, c.column != "", problem.Line == 7)
		})
	}
}
