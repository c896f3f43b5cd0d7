package citycard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

func TestContentThatCannotBeRight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		method  citycard.Method
		members fields
		code    citycard.Code
		field   string
	}{
		{"no number", citycard.MethodFinancialActivate, fields{"out_request_no": nil}, "invalid_payload", "out_request_no"},
		{"a number too short", citycard.MethodFinancialActivate, fields{"out_request_no": "E-1"}, "invalid_payload", "out_request_no"},
		{"no time", citycard.MethodFinancialActivate, fields{"occurred_at": nil}, "invalid_payload", "occurred_at"},
		{"a time without offset", citycard.MethodFinancialActivate, fields{"occurred_at": "2026-11-22T09:00:00"}, "invalid_payload", "occurred_at"},
		{"a time with an hour of one digit", citycard.MethodFinancialActivate, fields{"occurred_at": "2026-11-22T9:00:00+08:00"}, "invalid_payload", "occurred_at"},
		{"a time with a decimal comma", citycard.MethodFinancialActivate, fields{"occurred_at": "2026-11-22T09:00:00,5+08:00"}, "invalid_payload", "occurred_at"},
		{"a time before all cards", citycard.MethodFinancialActivate, fields{"occurred_at": "1970-01-01T00:00:00Z"}, "invalid_payload", "occurred_at"},
		{"a time ahead", citycard.MethodFinancialActivate, fields{"occurred_at": "2026-11-22T12:05:01+08:00"}, "occurred_in_future", "occurred_at"},
		{"no card", citycard.MethodFinancialActivate, fields{"card_number": nil}, "invalid_payload", "card_number"},
		{"a card number without its region", citycard.MethodFinancialActivate, fields{"region": nil}, "invalid_payload", "region"},
		{"a region that is none", citycard.MethodFinancialActivate, fields{"region": "32"}, "invalid_payload", "region"},
		{"a card named twice", citycard.MethodFinancialActivate, fields{"card_identification_code": "32010000000000000000000000000001"}, "invalid_payload", "card_number"},
		{"a type outside its profile", citycard.MethodFinancialActivate, fields{"type": "citycard.financial.activate"}, "invalid_payload", "type"},
		{"a member of another method", citycard.MethodFinancialActivate, fields{"terminal_id": "T1"}, "invalid_payload", ""},
		{"no bank", citycard.MethodFinancialActivate, fields{"bank_code": nil}, "invalid_payload", "bank_code"},
		{"another bank's name", citycard.MethodFinancialActivate, fields{"bank_code": "103"}, "bank_not_issuer", "bank_code"},
		{"no account", citycard.MethodFinancialActivate, fields{"account_last4": nil}, "invalid_payload", "account_last4"},
		{"an agent without a paper", citycard.MethodFinancialActivate, fields{"agent": fields{"document_type": "citizen_id", "document_number_last4": "001X"}}, "agent_not_authorised", "agent.power_of_attorney_ref"},
		{"an agent without a document", citycard.MethodFinancialActivate, fields{"agent": fields{"power_of_attorney_ref": "POA-1"}}, "invalid_payload", "agent.document_type"},
		{"no reason", citycard.MethodFinancialLose, fields{"reason": nil}, "invalid_payload", "reason"},
		{"a reason in prose", citycard.MethodFinancialLose, fields{"reason": "lost by Mr Wang"}, "invalid_payload", "reason"},
		{"an unknown visit", citycard.MethodSocialActivate, fields{"event": "discharge"}, "invalid_payload", "event"},
		{"no institution", citycard.MethodPurchase, fields{"institution_code": nil}, "invalid_payload", "institution_code"},
		{"no terminal", citycard.MethodNewInsert, fields{"terminal_id": nil}, "invalid_payload", "terminal_id"},
		{"an unknown password event", citycard.MethodPasswordReport, fields{"event": "guessed"}, "invalid_payload", "event"},
		{"no day of receipt", citycard.MethodCardCollect, fields{"received_on": nil}, "invalid_payload", "received_on"},
		{"a day of receipt that is none", citycard.MethodCardCollect, fields{"received_on": "2026-11-31"}, "invalid_payload", "received_on"},
		{"a day of receipt ahead", citycard.MethodCardCollect, fields{"received_on": "2026-11-23"}, "occurred_in_future", "received_on"},
		{"a day of receipt before collection", citycard.MethodCardReady, fields{"received_on": "2026-11-22"}, "invalid_payload", "received_on"},
		{"an agent before collection", citycard.MethodCardReady, fields{"agent": fields{"power_of_attorney_ref": "POA-1"}}, "invalid_payload", "agent"},
		{"a new number that is none", citycard.MethodCardProduced, fields{"new_card_number": "A1"}, "invalid_payload", "new_card_number"},
		{"a password", citycard.MethodPasswordReport, fields{"password": "000000"}, "password_in_body", ""},
		{"a password by another name", citycard.MethodPasswordReport, fields{"newPassWord": "000000"}, "password_in_body", ""},
		{"a password within an object", citycard.MethodFinancialActivate, fields{"agent": fields{"list": []any{1, fields{"card_pin": 1}}}}, "password_in_body", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			desk := newCounter(t, kindFor(c.method))
			if c.method == citycard.MethodCardCollect {
				desk.card().Fulfilment = citycard.FulfilmentReadyForPickup
			}
			_, err := desk.report(t, c.method, c.members)
			var refused *citycard.Error
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, c.code, refused.Code)
			assert.Equal(t, c.field, refused.Field)
			assert.Empty(t, desk.once)
			assert.Empty(t, desk.card().Fresh())
		})
	}
}

func kindFor(method citycard.Method) citycard.PartnerKind {
	for _, kind := range partnerKinds {
		if partnerOf(kind).Admit(citycard.ProfileMessage, method) == nil {
			return kind
		}
	}
	return ""
}

func TestWordsThatOnlyLookLikePasswords(t *testing.T) {
	t.Parallel()
	c := newCounter(t, citycard.PartnerBank)
	reply, err := c.report(t, citycard.MethodFinancialActivate, fields{
		"password_set": true, "out_request_no": "password_pin", "agent": fields{"document_type": "password", "document_number_last4": "001X", "power_of_attorney_ref": "pin"},
	})
	require.NoError(t, err)
	assert.True(t, reply.Changed)
	assert.Equal(t, "agent=password power_of_attorney=pin bank_password=set", c.card().Fresh()[0].Cause.Evidence)
}

func TestTheMessageProfileNamesMethodAndNumberTwice(t *testing.T) {
	t.Parallel()
	c := newCounter(t, citycard.PartnerBank)
	post := func(kind, key string) error {
		c.number++
		text, err := json.Marshal(c.event(citycard.MethodFinancialActivate, fields{"type": kind, "out_request_no": "EVENT-SAME"}))
		require.NoError(t, err)
		_, err = c.desk.Report(t.Context(), citycard.PartnerRequest{
			Partner: c.partner, Profile: citycard.ProfileMessage, Method: citycard.MethodFinancialActivate, Content: text, OnceKey: key,
		})
		return err
	}
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(post("", "EVENT-SAME")))
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(post("citycard.financial.close", "EVENT-SAME")))
	assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(post("citycard.financial.activate", "EVENT-OTHER")))
	require.NoError(t, post("citycard.financial.activate", "EVENT-SAME"))
}

func TestAnUnknownCardAndOneOutOfScopeAnswerTheSame(t *testing.T) {
	t.Parallel()
	elsewhere := citycard.Partner{Regions: []string{"330100"}}
	for _, c := range []struct {
		name    string
		kind    citycard.PartnerKind
		method  citycard.Method
		members fields
		change  func(*counter)
	}{
		{"no such card", "bank", citycard.MethodFinancialActivate, fields{"card_number": "B00000000"}, nil},
		{"the number in another region", "bank", citycard.MethodFinancialActivate, fields{"region": "330100"}, nil},
		{"another bank's card", "bank", citycard.MethodFinancialClose, nil, func(c *counter) { c.card().Bank = "103" }},
		{"another account", "bank", citycard.MethodFinancialActivate, fields{"account_last4": "0000"}, nil},
		{"a card of another city", "hospital", citycard.MethodSocialActivate, nil, func(c *counter) { c.partner.Regions = elsewhere.Regions }},
		{"a code with another region", "hospital", citycard.MethodSocialActivate, fields{"card_number": nil, "region": "330100", "card_identification_code": "32010000000000000000000000000001"}, nil},
		{"an original card of another city", "pharmacy", citycard.MethodOriginalInsert, nil, func(c *counter) { c.partner.Regions = elsewhere.Regions }},
		{"no replacement of that number", "card_maker", citycard.MethodCardProduced, fields{"new_card_number": "B00000000"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			desk := newCounter(t, c.kind)
			if c.change != nil {
				c.change(desk)
			}
			reply, err := desk.report(t, c.method, c.members)
			require.EqualError(t, err, "card_not_matched: no card matches")
			assert.Equal(t, citycard.PartnerReply{AppID: "2026000000000001", OutRequestNo: "EVENT-000001", ServerTime: desk.now}, reply)
			assert.Equal(t, 1, desk.updates, "both cost the same work")
			assert.Empty(t, desk.sessions)
		})
	}
}

func TestACardNamedByItsCode(t *testing.T) {
	t.Parallel()
	c := newCounter(t, citycard.PartnerHospital)
	reply, err := c.report(t, citycard.MethodSocialActivate, fields{
		"region": nil, "card_number": nil, "card_identification_code": "32010000000000000000000000000001",
	})
	require.NoError(t, err)
	assert.True(t, reply.Changed)
	assert.Equal(t, citycard.ActorHospital, c.card().Fresh()[0].Cause.Actor.Kind)
	assert.Equal(t, "institution=H001", c.card().Fresh()[0].Cause.Evidence)
}

func TestANewCardNumberMeansTheReplacement(t *testing.T) {
	t.Parallel()
	c := newCounter(t, citycard.PartnerCardMaker)
	c.card().Ref = "old"
	made := heldCard(citycard.Date{})
	made.Ref, made.Number, made.PersonID, made.ReplacementFor = "new", "B12345678", "p1", "old"
	made.Fulfilment = citycard.FulfilmentAwaitingFee
	c.cards = append(c.cards, made)
	reply, err := c.report(t, citycard.MethodCardProduced, fields{"new_card_number": "b12345678", "batch": "2026-11/3"})
	require.NoError(t, err)
	assert.True(t, reply.Changed)
	assert.Equal(t, citycard.FulfilmentInProduction, c.cards[1].Fulfilment)
	assert.Equal(t, "batch=2026-11/3", c.cards[1].Fresh()[0].Cause.Evidence)
	assert.Equal(t, citycard.FulfilmentCollected, c.cards[0].Fulfilment)
}

func TestAnEventTakesEffectOnce(t *testing.T) {
	t.Parallel()
	c := newCounter(t, citycard.PartnerBank)
	event := c.event(citycard.MethodFinancialActivate, nil)
	first, err := c.post(t, citycard.MethodFinancialActivate, event)
	require.NoError(t, err)
	assert.Equal(t, citycard.PartnerReply{
		AppID: "2026000000000001", OutRequestNo: "EVENT-000000", Result: citycard.ResultApplied, Changed: true, ServerTime: c.now.In(citycard.Shanghai),
	}, first)
	c.now = c.now.Add(time.Hour)
	second, err := c.post(t, citycard.MethodFinancialActivate, event)
	require.NoError(t, err)
	assert.True(t, second.Repeated)
	second.Repeated = false
	assert.Equal(t, first, second)
	assert.Len(t, c.card().Fresh(), 1)
	event["account_last4"] = "0000"
	reply, err := c.post(t, citycard.MethodFinancialActivate, event)
	assert.Equal(t, citycard.CodeEventIDReused, citycard.CodeOf(err))
	assert.Equal(t, "EVENT-000000", reply.OutRequestNo)
	again, err := c.report(t, citycard.MethodFinancialActivate, nil)
	require.NoError(t, err, "a new number for what is so already")
	assert.False(t, again.Changed)
	assert.Equal(t, citycard.ResultApplied, again.Result)
}

func TestAReportThatWaitsTooLongIsInProgress(t *testing.T) {
	t.Parallel()
	c := newCounter(t, citycard.PartnerBank)
	c.desk.Patience, c.failing = time.Minute, fmt.Errorf("commit: %w", context.DeadlineExceeded)
	_, err := c.report(t, citycard.MethodFinancialActivate, nil)
	var waits *citycard.Error
	require.ErrorAs(t, err, &waits)
	assert.Equal(t, citycard.CodeRequestInProgress, waits.Code)
	assert.Equal(t, time.Second, waits.RetryAfter)
	c.failing = errDown
	_, err = c.report(t, citycard.MethodFinancialActivate, nil)
	require.ErrorIs(t, err, errDown)
}

func TestEventsThatComeLate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		kind    citycard.PartnerKind
		method  citycard.Method
		machine citycard.Machine
		state   string
	}{
		{"a restoration from before the loss", "bank", citycard.MethodFinancialRestore, citycard.MachineFinancial, "temp_lost"},
		{"an activation from before the closing", "bank", citycard.MethodFinancialActivate, citycard.MachineFinancial, "closed"},
		{"a visit from before the formal loss", "hospital", citycard.MethodSocialActivate, citycard.MachineSocial, "formal_lost"},
		{"a purchase from before the cancelation", "pharmacy", citycard.MethodPurchase, citycard.MachineSocial, "canceled"},
		{"a verified password from before the loss", "pharmacy", citycard.MethodPasswordVerified, citycard.MachineSocial, "temp_lost"},
		{"an unlocking from before the lock", "centre", citycard.MethodPasswordReport, citycard.MachinePassword, "locked"},
		{"a return from before the collection", "card_maker", citycard.MethodCardReturned, citycard.MachineFulfilment, "collected"},
		{"a collection from before the readiness", "card_maker", citycard.MethodCardCollect, citycard.MachineFulfilment, "ready_for_pickup"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			desk := newCounter(t, c.kind)
			desk.put(c.machine, c.state)
			desk.card().Since[c.machine] = desk.now.Add(-time.Second)
			members := fields{}
			if c.method == citycard.MethodPasswordReport {
				members["event"] = "unlocked"
			}
			reply, err := desk.report(t, c.method, members)
			require.NoError(t, err)
			assert.Equal(t, citycard.ResultStale, reply.Result)
			assert.False(t, reply.Changed)
			assert.Equal(t, c.state, stateOf(desk.card(), c.machine))
			assert.Equal(t, citycard.PasswordState(stateOf(desk.card(), citycard.MachinePassword)), desk.card().Password)
			assert.Empty(t, desk.card().Fresh())
			assert.Equal(t, citycard.CallbackStale, citycard.OutcomeOf(reply, err))
			again, err := desk.post(t, c.method, desk.event(c.method, members))
			require.NoError(t, err)
			assert.True(t, again.Repeated)
			assert.Equal(t, citycard.ResultStale, again.Result)
		})
	}
}

func TestALateActivationCorrectsTheDeadline(t *testing.T) {
	t.Parallel()
	c := newCounter(t, citycard.PartnerBank)
	c.card().ReceivedOn = day(t, "2026-01-01") // the 300 days ended with 28 October
	reply, err := c.report(t, citycard.MethodFinancialActivate, fields{"occurred_at": "2026-10-28T23:59:59+08:00"})
	require.NoError(t, err)
	assert.True(t, reply.Changed)
	assert.Equal(t, citycard.FinancialActive, c.card().Financial)
	assert.Equal(t, citycard.SocialSealed, c.card().Social)
	var reasons []citycard.Reason
	for _, made := range c.card().Fresh() {
		reasons = append(reasons, made.Cause.Reason)
	}
	assert.Equal(t, []citycard.Reason{"deadline_300", "deadline_corrected", "act_bank"}, reasons)
}

func TestBothApplicationsOrNone(t *testing.T) {
	t.Parallel()
	for social, code := range map[citycard.SocialState]citycard.Code{
		"sealed": "", "active": "", "temp_lost": "card_temp_lost", "frozen": "card_frozen", "auto_lost": "card_auto_lost",
	} {
		c := newCounter(t, citycard.PartnerBank)
		c.card().Social, c.card().SocialBefore, c.card().SocialHeld = social, "sealed", "sealed"
		if social == citycard.SocialAutoLost {
			c.card().ReceivedOn = day(t, "2026-01-01") // lost rightly, with nothing to correct
		}
		_, err := c.report(t, citycard.MethodFinancialActivate, fields{"with_social": true})
		assert.Equal(t, code, citycard.CodeOf(err), social)
		if code != "" {
			assert.Equal(t, citycard.FinancialInactive, c.card().Financial, social)
			assert.Equal(t, social, c.card().Social)
			continue
		}
		assert.Equal(t, citycard.FinancialActive, c.card().Financial)
		assert.Equal(t, citycard.SocialActive, c.card().Social)
	}
}
