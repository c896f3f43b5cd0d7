package citycard_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// usableCard is an activated card with nothing in its way.
func usableCard(received citycard.Date) *citycard.Card {
	card := heldCard(received)
	card.Social, card.Financial, card.Password = citycard.SocialActive, citycard.FinancialActive, citycard.PasswordSet
	return card
}

func TestBlockersInOrder(t *testing.T) {
	t.Parallel()
	today := day(t, "2026-11-22")
	type card = citycard.Card
	cases := []struct {
		name   string
		card   *card
		change func(*card)
		codes  []string
	}{
		{"nothing in the way", usableCard(today), func(*card) {}, nil},
		{"a fresh card", heldCard(today), func(*card) {}, []string{"social_not_active", "financial_not_active", "password_initial"}},
		{"a fresh card after 181 days", heldCard(today.AddDays(-181)), func(*card) {},
			[]string{"social_not_active", "financial_not_active", "password_initial", "medical_restricted"}},
		{"a fresh card after 301 days", heldCard(today.AddDays(-301)), func(*card) {},
			[]string{"card_auto_lost", "financial_not_active", "password_initial", "medical_restricted"}},
		{"deadline cured at the bank only", usableCard(today.AddDays(-301)), func(c *card) { c.Social = citycard.SocialAutoLost }, []string{"card_auto_lost"}},
		{"expired and not activated", heldCard(today), func(c *card) { c.ValidTo = today.AddDays(-1) },
			[]string{"card_expired", "social_not_active", "financial_not_active", "password_initial"}},
		{"lost for the time being", usableCard(today), func(c *card) {
			c.Social, c.SocialBefore = citycard.SocialTempLost, citycard.SocialActive
			c.Since[citycard.MachineSocial] = noon(today)
		}, []string{"card_temp_lost"}},
		{"a temporary loss that ran out", usableCard(today.AddDays(-30)), func(c *card) {
			c.Social, c.SocialBefore = citycard.SocialTempLost, citycard.SocialActive
			c.Since[citycard.MachineSocial] = noon(today.AddDays(-20))
		}, nil},
		{"formally lost at both", usableCard(today), func(c *card) {
			c.Social, c.Financial = citycard.SocialFormalLost, citycard.FinancialFormalLost
		}, []string{"card_formal_lost", "financial_formal_lost"}},
		{"on hold", usableCard(today), func(c *card) { c.Social = citycard.SocialFrozen }, []string{"card_frozen"}},
		{"waiting for the bank", usableCard(today), func(c *card) { c.Financial = citycard.FinancialPendingBank }, []string{"financial_pending_bank"}},
		{"waited too long for the bank", usableCard(today), func(c *card) {
			c.Financial = citycard.FinancialPendingBank
			c.Since[citycard.MachineFinancial] = noon(today.AddDays(-30))
		}, []string{"financial_not_active"}},
		{"account lost for a time", usableCard(today), func(c *card) { c.Financial = citycard.FinancialTempLost }, []string{"financial_temp_lost"}},
		{"account on hold", usableCard(today), func(c *card) { c.Financial = citycard.FinancialFrozen }, []string{"financial_frozen"}},
		{"account closed", usableCard(today), func(c *card) { c.Financial = citycard.FinancialClosed }, []string{"financial_closed"}},
		{"password locked", usableCard(today), func(c *card) { c.Password = citycard.PasswordLocked }, []string{"password_locked"}},
		{"password dead", usableCard(today), func(c *card) { c.Password = citycard.PasswordDead }, []string{"password_dead"}},
		{"not approved", heldCard(today), func(c *card) { c.Fulfilment = citycard.FulfilmentRejected }, []string{"application_rejected"}},
		{"in production", heldCard(today), func(c *card) { c.Fulfilment = citycard.FulfilmentInProduction }, []string{"card_not_ready"}},
		{"ready for pick-up", heldCard(today), func(c *card) { c.Fulfilment = citycard.FulfilmentReadyForPickup }, []string{"card_not_collected"}},
		{"returned", heldCard(today), func(c *card) { c.Fulfilment = citycard.FulfilmentReturned }, []string{"card_not_collected"}},
		{"replaced", usableCard(today), func(c *card) { c.Fulfilment = citycard.FulfilmentReplaced }, []string{"card_canceled"}},
		{"canceled", usableCard(today), func(c *card) { c.Social = citycard.SocialCanceled }, []string{"card_canceled"}},
	}
	policy := defaultPolicies(t).HomePolicy(today)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.change(c.card)
			var codes []string
			for _, blocker := range citycard.Blockers(c.card, policy, noon(today)) {
				codes = append(codes, blocker.Code)
				assertBilingual(t, blocker.Reason, blocker.Code)
				assertBilingual(t, blocker.Next.Action, blocker.Code)
				assertBilingual(t, blocker.Next.Where, blocker.Code)
				for _, thing := range blocker.Next.Bring {
					assertBilingual(t, thing, blocker.Code)
				}
			}
			assert.Equal(t, c.codes, codes)
		})
	}
}

func TestBlockersNameTheBankAndThePlace(t *testing.T) {
	t.Parallel()
	today := day(t, "2026-11-22")
	policy := defaultPolicies(t).HomePolicy(today)
	card := heldCard(today.AddDays(-301))

	lost := citycard.Blockers(card, policy, noon(today))[0]
	assert.Equal(t, "中国工商银行的任一网点", lost.Next.Where.ZH)
	assert.Equal(t, "Any branch of Industrial and Commercial Bank of China", lost.Next.Where.EN)

	card.Social, card.Financial = citycard.SocialAutoLost, citycard.FinancialActive
	cured := citycard.Blockers(card, policy, noon(today))[0]
	assert.Equal(t, "card_auto_lost", cured.Code)
	assert.Equal(t, "南京市社会保障卡服务中心（南京市，具体地址请拨打 12333 查询，电话 12333）", cured.Next.Where.ZH)
	assert.NotEqual(t, lost.Next.Action, cured.Next.Action, "the bank's part is done")

	policy.DesignatedPlaces = append(policy.DesignatedPlaces, citycard.Place{
		Name: citycard.Text{ZH: "乙", EN: "B"}, Address: citycard.Text{ZH: "二路", EN: "Second Road"}, Phone: "025-12333",
	})
	two := citycard.Blockers(card, policy, noon(today))[0]
	assert.Contains(t, two.Next.Where.ZH, "；乙（二路，电话 025-12333）")
	assert.Contains(t, two.Next.Where.EN, "; B (Second Road, phone 025-12333)")

	card.Bank, card.Social, card.Financial = "999", citycard.SocialActive, citycard.FinancialTempLost
	unknown := citycard.Blockers(card, citycard.Policy{}, noon(today))
	require.NotEmpty(t, unknown)
	assert.Equal(t, "社保卡上所印银行的任一网点", unknown[0].Next.Where.ZH)
}

// What a blocker advises must be possible: where the phone is refused, none says to use it.
func TestNoBlockerAdvisesWhatWouldBeRefused(t *testing.T) {
	t.Parallel()
	today := day(t, "2026-11-22")
	home := defaultPolicies(t).HomePolicy(today)
	curable := home
	curable.OnlineCureAllowed = true
	type card = citycard.Card
	cases := []struct {
		name   string
		card   *card
		policy citycard.Policy
		change func(*card)
		online bool
	}{
		{"a fresh card", heldCard(today), home, func(*card) {}, true},
		{"181 days", heldCard(today.AddDays(-181)), home, func(*card) {}, true},
		{"301 days", heldCard(today.AddDays(-301)), home, func(*card) {}, false},
		{"301 days in a city that cures online", heldCard(today.AddDays(-301)), curable, func(*card) {}, true},
		{"expired", heldCard(today), home, func(c *card) { c.ValidTo = today.AddDays(-1) }, false},
		{"lost", heldCard(today), home, func(c *card) { c.Social = citycard.SocialFormalLost }, false},
		{"on hold after 181 days", heldCard(today.AddDays(-181)), home, func(c *card) { c.Social = citycard.SocialFrozen }, false},
		{"the bank was faster", heldCard(today), home, func(c *card) { c.Financial = citycard.FinancialActive }, false},
		{"not collected", heldCard(today), home, func(c *card) { c.Fulfilment = citycard.FulfilmentReadyForPickup }, false},
		{"the bank let the days pass", heldCard(today), home, func(c *card) {
			c.Financial = citycard.FinancialPendingBank
			c.Since[citycard.MachineFinancial] = noon(today.AddDays(-30))
		}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.change(c.card)
			before := c.card.Clone()
			assert.Equal(t, c.online, c.card.ActivatableOnline(c.policy, noon(today)))
			blockers := citycard.Blockers(c.card, c.policy, noon(today))
			assert.Equal(t, before, c.card, "looking changes nothing")
			require.NotEmpty(t, blockers)
			for _, blocker := range blockers {
				step := blocker.Next
				said := step.Action.ZH + step.Where.ZH
				onPhone := strings.Contains(said, "手机") || strings.Contains(said, "支付宝")
				if !c.online {
					assert.False(t, onPhone, "%s: %s", blocker.Code, said)
				}
				if blocker.Code == citycard.BlockerMedicalRestricted || blocker.Code == string(citycard.CodeFinancialNotActive) {
					assert.Equal(t, c.online, onPhone, blocker.Code)
				}
				assertBilingual(t, step.Action, blocker.Code)
				assertBilingual(t, step.Where, blocker.Code)
			}
		})
	}
}

func TestEveryStateThatBlocksHasItsTexts(t *testing.T) {
	t.Parallel()
	today := day(t, "2026-11-22")
	internal := citycard.EntryOf(citycard.CodeInternal).Message
	for _, social := range []citycard.SocialState{"sealed", "active", "temp_lost", "formal_lost", "auto_lost", "frozen", "canceled"} {
		for _, financial := range []citycard.FinancialState{"inactive", "pending_bank", "active", "temp_lost", "formal_lost", "frozen", "closed"} {
			for _, password := range []citycard.PasswordState{"initial", "set", "locked", "dead"} {
				card := heldCard(today)
				card.Social, card.Financial, card.Password = social, financial, password
				blockers := citycard.Blockers(card, citycard.Policy{}, noon(today))
				usable := social == "active" && financial == "active" && password == "set"
				assert.Equal(t, usable, len(blockers) == 0, "%s %s %s", social, financial, password)
				for _, blocker := range blockers {
					assert.NotEqual(t, internal, blocker.Reason, blocker.Code)
				}
			}
		}
	}
}

func BenchmarkBlockers(b *testing.B) {
	today := day(b, "2026-11-22")
	card, policy, now := heldCard(today.AddDays(-301)), defaultPolicies(b).HomePolicy(today), noon(today)
	for b.Loop() {
		if len(citycard.Blockers(card, policy, now)) == 0 {
			b.Fatal("no blockers")
		}
	}
}
