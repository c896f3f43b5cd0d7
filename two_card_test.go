package citycard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

func TestTwoCardsAtATill(t *testing.T) {
	t.Parallel()
	c := newCounter(t, citycard.PartnerPharmacy)
	first, err := c.report(t, citycard.MethodOriginalInsert, fields{"occurred_at": c.now.Add(-3 * time.Minute).Format(time.RFC3339)})
	require.NoError(t, err)
	assert.False(t, first.Changed)
	assert.Contains(t, first.Hint.EN, "now insert the new card")
	assert.Contains(t, first.Hint.ZH, "新社保卡")
	assert.Equal(t, citycard.SocialSealed, c.card().Social)
	second, err := c.report(t, citycard.MethodNewInsert, nil)
	require.NoError(t, err)
	assert.True(t, second.Changed)
	assert.Empty(t, second.Hint)
	assert.Equal(t, citycard.SocialActive, c.card().Social)
	made := c.card().Fresh()[0].Cause
	assert.Equal(t, citycard.ReasonActPharmacyTwoCard, made.Reason)
	assert.Equal(t, "institution=P001 terminal=T1 original=EVENT-000001", made.Evidence)
	assert.Equal(t, citycard.PasswordInitial, c.card().Password)
}

func TestTwoCardsThatDoNotBelongTogether(t *testing.T) {
	t.Parallel()
	window := time.Duration(homePolicy(t).TwoCardWindowMinutes) * time.Minute
	for _, c := range []struct {
		name    string
		members fields
		change  func(*counter)
		code    citycard.Code
	}{
		{"within the window to the minute", nil, func(c *counter) { c.shiftSession(c.now.Add(-time.Minute).Add(-window)) }, ""},
		{"at the same moment", nil, func(c *counter) { c.shiftSession(c.now.Add(-time.Minute)) }, ""},
		{"a second too late", nil, func(c *counter) { c.shiftSession(c.now.Add(-time.Minute).Add(-window).Add(-time.Second)) }, "two_card_order"},
		{"the new card first", nil, func(c *counter) { c.shiftSession(c.now) }, "two_card_order"},
		{"no original card at all", nil, func(c *counter) { clear(c.sessions) }, "two_card_order"},
		{"another terminal", fields{"terminal_id": "T2"}, nil, "two_card_order"},
		{"another pharmacy", fields{"institution_code": "P002"}, nil, "two_card_order"},
		{"another partner", nil, func(c *counter) { c.partner.AppID = "2026000000000002" }, "two_card_order"},
		{"another person's original card", nil, func(c *counter) { c.card().PersonID = "p2" }, "two_card_order"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			desk := newCounter(t, citycard.PartnerPharmacy)
			desk.openSession()
			if c.change != nil {
				c.change(desk)
			}
			_, err := desk.report(t, citycard.MethodNewInsert, c.members)
			assert.Equal(t, c.code, citycard.CodeOf(err))
			assert.Equal(t, c.code == "", desk.card().Social == citycard.SocialActive)
		})
	}
}

func homePolicy(t *testing.T) citycard.Policy {
	t.Helper()
	policy, found := defaultPolicies(t).For("320100", day(t, "2026-11-22"))
	require.True(t, found)
	return policy
}

// shiftSession moves the first insertion to another moment.
func (c *counter) shiftSession(to time.Time) {
	for at, session := range c.sessions {
		session.Occurred = to
		c.sessions[at] = session
	}
}

func TestARepeatedInsertionOpensNothingNew(t *testing.T) {
	t.Parallel()
	c := newCounter(t, citycard.PartnerPharmacy)
	original, inserted := c.event(citycard.MethodOriginalInsert, nil), c.event(citycard.MethodNewInsert, fields{"out_request_no": "NEW-00000001"})
	_, err := c.post(t, citycard.MethodOriginalInsert, original)
	require.NoError(t, err)
	done, err := c.post(t, citycard.MethodNewInsert, inserted)
	require.NoError(t, err)
	clear(c.sessions)
	again, err := c.post(t, citycard.MethodOriginalInsert, original)
	require.NoError(t, err)
	assert.True(t, again.Repeated)
	assert.Empty(t, c.sessions)
	repeated, err := c.post(t, citycard.MethodNewInsert, inserted)
	require.NoError(t, err, "the stored reply needs no session")
	assert.True(t, repeated.Repeated)
	assert.Equal(t, done.Changed, repeated.Changed)
}

func TestAFirstInsertionThatDiedIsRepeatedWhole(t *testing.T) {
	t.Parallel()
	c := newCounter(t, citycard.PartnerPharmacy)
	original := c.event(citycard.MethodOriginalInsert, nil)
	c.failing = errDown
	_, err := c.post(t, citycard.MethodOriginalInsert, original)
	require.ErrorIs(t, err, errDown)
	c.failing = nil
	reply, err := c.post(t, citycard.MethodOriginalInsert, original)
	require.NoError(t, err)
	assert.False(t, reply.Repeated)
	assert.Len(t, c.sessions, 1)
}

func TestAVerifiedPasswordIsCarriedOver(t *testing.T) {
	t.Parallel()
	for password, want := range map[citycard.PasswordState]citycard.PasswordState{
		"initial": "set", "set": "set", "locked": "locked", "dead": "dead",
	} {
		c := newCounter(t, citycard.PartnerPharmacy)
		c.card().Password = password
		_, err := c.report(t, citycard.MethodPasswordVerified, nil)
		require.NoError(t, err)
		assert.Equal(t, citycard.SocialActive, c.card().Social)
		assert.Equal(t, want, c.card().Password, password)
	}
}

func TestQueriesSeeTheirOwnScope(t *testing.T) {
	t.Parallel()
	ask := func(c *counter, content string) (citycard.CardView, error) {
		return c.desk.Query(t.Context(), citycard.PartnerRequest{
			Partner: c.partner, Profile: citycard.ProfileMessage, Method: citycard.MethodCardQuery, Content: []byte(content), OnceKey: "QUERY-00001",
		})
	}
	const card = `{"type":"citycard.card.query","region":"320100","card_number":"A12345678"}`
	for _, kind := range partnerKinds {
		c := newCounter(t, kind)
		view, err := ask(c, card)
		require.NoError(t, err)
		assert.Equal(t, "A12****78", view.CardNumberMasked)
		assert.Equal(t, "王*明", view.HolderMasked)
		c.partner.Regions = []string{"330100"}
		_, err = ask(c, card)
		require.EqualError(t, err, "card_not_matched: no card matches", "outside the scope")
		_, err = ask(c, `{"type":"citycard.card.query","region":"320100","card_number":"B00000000"}`)
		require.EqualError(t, err, "card_not_matched: no card matches", "unknown")
	}
	bank := newCounter(t, citycard.PartnerBank)
	bank.card().Bank = "103"
	_, err := ask(bank, card)
	assert.Equal(t, citycard.CodeCardNotMatched, citycard.CodeOf(err))
	for content, code := range map[string]citycard.Code{
		`{"region":"320100","card_number":"A12345678"}`:                                                             "invalid_payload",
		`{"type":"citycard.card.query","region":"320100"}`:                                                          "invalid_payload",
		`{"type":"citycard.card.query","region":"320100","card_number":"A12345678","out_request_no":"QUERY-00002"}`: "invalid_payload",
		`{"type":"citycard.card.query","region":"320100","card_number":"A12345678","password":"1"}`:                 "password_in_body",
		`{"type":"citycard.card.query","region":"320100","card_number":"A12345678","reason":"x"}`:                   "invalid_payload",
	} {
		_, err := ask(bank, content)
		assert.Equal(t, code, citycard.CodeOf(err), content)
	}
}
