package citycard_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"citycard"
)

// counter is a partner desk with everything around it in memory: one person and their cards.
type counter struct {
	desk     *citycard.PartnerDesk
	partner  citycard.Partner
	now      time.Time
	cards    []*citycard.Card
	once     map[citycard.OnceKey]*citycard.Once
	sessions map[citycard.Terminal]citycard.TwoCards
	updates  int
	failing  error
	number   int
}

// newCounter holds one card in its holder's hand since three weeks, and a partner of a kind with all its methods.
func newCounter(t *testing.T, kind citycard.PartnerKind) *counter {
	t.Helper()
	card := heldCard(day(t, "2026-11-01"))
	card.PersonID, card.Number = "p1", "A12345678"
	card.IdentificationCode = "32010000000000000000000000000001"
	card.Account = citycard.Account{Last4: "7893"}
	c := &counter{
		now: noon(day(t, "2026-11-22")), cards: []*citycard.Card{card},
		once: map[citycard.OnceKey]*citycard.Once{}, sessions: map[citycard.Terminal]citycard.TwoCards{},
	}
	c.partner = partnerOf(kind)
	c.desk = &citycard.PartnerDesk{
		Cards: c, Sessions: c, Policies: readPolicies(), Decode: strictly, Clock: func() time.Time { return c.now },
	}
	return c
}

// readPolicies reads the built-in policies once for all counters.
var readPolicies = sync.OnceValue(func() *citycard.Policies {
	file, err := os.Open("static/policy.json")
	if err != nil {
		panic(err)
	}
	defer file.Close()
	policies, err := citycard.ParsePolicies(file)
	if err != nil {
		panic(err)
	}
	return policies
})

func partnerOf(kind citycard.PartnerKind) citycard.Partner {
	p := citycard.Partner{
		AppID: "2026000000000001", Kind: kind, Name: "示范机构", Regions: []string{"320100"},
		Methods: citycard.MethodsOf(kind), State: citycard.PartnerActive,
	}
	if kind == citycard.PartnerBank {
		p.Bank = "102"
	}
	return p
}

// strictly stands in for the strict decoder of the adapters.
func strictly(data []byte, into any) error {
	reader := json.NewDecoder(bytes.NewReader(data))
	reader.DisallowUnknownFields()
	if err := reader.Decode(into); err != nil {
		return &citycard.Error{Code: citycard.CodeInvalidPayload, Cause: err}
	}
	return nil
}

func (c *counter) card() *citycard.Card { return c.cards[0] }

// report posts an event about the first card; members replace or, being nil, remove the usual ones.
func (c *counter) report(t *testing.T, method citycard.Method, members fields) (citycard.PartnerReply, error) {
	t.Helper()
	c.number++
	return c.post(t, method, c.event(method, members))
}

func (c *counter) post(t *testing.T, method citycard.Method, content fields) (citycard.PartnerReply, error) {
	t.Helper()
	text, err := json.Marshal(content)
	require.NoError(t, err)
	return c.desk.Report(t.Context(), citycard.PartnerRequest{
		Partner: c.partner, Profile: citycard.ProfileGateway, Method: method, Content: text,
	})
}

// usualMembers are what a method needs beside the event's head.
var usualMembers = map[citycard.Method]fields{
	citycard.MethodFinancialActivate: {"bank_code": "102", "account_last4": "7893"},
	citycard.MethodFinancialLose:     {"reason": "lost"},
	citycard.MethodFinancialRestore:  {"reason": "found"},
	citycard.MethodFinancialFreeze:   {"reason": "court_order"},
	citycard.MethodFinancialUnfreeze: {"reason": "hold_released"},
	citycard.MethodFinancialClose:    {"reason": "voluntary"},
	citycard.MethodSocialActivate:    {"event": "registration", "institution_code": "H001"},
	citycard.MethodOriginalInsert:    {"terminal_id": "T1", "institution_code": "P001"},
	citycard.MethodNewInsert:         {"terminal_id": "T1", "institution_code": "P001"},
	citycard.MethodPasswordVerified:  {"institution_code": "P001"},
	citycard.MethodPurchase:          {"institution_code": "P001"},
	citycard.MethodPasswordReport:    {"event": "first_changed"},
	citycard.MethodCardCollect:       {"received_on": "2026-11-22", "outlet": "O-17"},
}

func (c *counter) event(method citycard.Method, members fields) fields {
	content := fields{
		"out_request_no": fmt.Sprintf("EVENT-%06d", c.number), "occurred_at": c.now.Add(-time.Minute).Format(time.RFC3339),
		"region": "320100", "card_number": "A12345678",
	}
	maps.Copy(content, usualMembers[method])
	for name, value := range members {
		if value == nil {
			delete(content, name)
			continue
		}
		content[name] = value
	}
	return content
}

var errDown = errors.New("the database is down")

// Update works on copies, as the store does.
func (c *counter) Update(ctx context.Context, s citycard.Subject, judge func(*citycard.Change) error) error {
	c.updates++
	if c.failing != nil {
		return c.failing
	}
	ch, err := c.Holding(ctx, s)
	if err != nil {
		return err
	}
	if err := judge(ch); err != nil {
		return err
	}
	if ch.Card != nil {
		c.cards = ch.Cards
	}
	if ch.Once != nil {
		c.once[ch.Once.OnceKey] = ch.Once
	}
	return nil
}

func (c *counter) Holding(_ context.Context, s citycard.Subject) (*citycard.Change, error) {
	ch := &citycard.Change{Earlier: c.once[s.Once]}
	for _, card := range c.cards {
		copied := card.Clone()
		ch.Cards = append(ch.Cards, copied)
		if card.Region == s.Region && card.Number == s.CardNumber || s.IdentificationCode != "" && card.IdentificationCode == s.IdentificationCode {
			ch.Card = copied
		}
	}
	if ch.Card == nil {
		ch.Cards = nil
		return ch, nil
	}
	ch.Person = citycard.Person{ID: ch.Card.PersonID, Name: citycard.RestoreName("王小明")}
	return ch, nil
}

func (c *counter) History(context.Context, string, int64, int) ([]citycard.Transition, error) {
	return c.card().Fresh(), nil
}

func (c *counter) OpenTwoCards(_ context.Context, s citycard.TwoCards, _ time.Time) error {
	c.sessions[s.Terminal] = s
	return nil
}

func (c *counter) TwoCards(_ context.Context, at citycard.Terminal) (citycard.TwoCards, error) {
	return c.sessions[at], nil
}
