package citycard_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

var partnerKinds = []citycard.PartnerKind{"bank", "hospital", "pharmacy", "card_maker", "centre"}

// methodTable is who may use which method.
const methodTable = `
	citycard.financial.activate          bank
	citycard.financial.lose              bank
	citycard.financial.restore           bank
	citycard.financial.freeze            bank
	citycard.financial.unfreeze          bank
	citycard.financial.close             bank
	citycard.social.activate             hospital
	citycard.pharmacy.original.insert    pharmacy
	citycard.pharmacy.new.insert         pharmacy
	citycard.pharmacy.password.verified  pharmacy
	citycard.pharmacy.purchase           pharmacy
	citycard.password.report             pharmacy hospital centre
	citycard.card.produced               card_maker centre
	citycard.card.failed                 card_maker centre
	citycard.card.ready                  card_maker centre
	citycard.card.collect                card_maker centre
	citycard.card.returned               card_maker centre
	citycard.card.query                  bank hospital pharmacy card_maker centre`

func TestWhoMayUseWhichMethod(t *testing.T) {
	t.Parallel()
	for line := range strings.Lines(strings.TrimSpace(methodTable)) {
		words := strings.Fields(line)
		method := citycard.Method(words[0])
		for _, kind := range partnerKinds {
			partner := partnerOf(kind)
			granted := partner.Admit(citycard.ProfileMessage, method)
			partner.Methods = []citycard.Method{method}
			byRecordAlone := partner.Admit(citycard.ProfileMessage, method)
			if may := strings.Contains(strings.Join(words[1:], " "), string(kind)); may {
				require.NoError(t, granted, line)
				require.NoError(t, partner.Check(), line)
				partner.Methods = nil
				assert.Equal(t, citycard.CodePartnerScope, citycard.CodeOf(partner.Admit(citycard.ProfileMessage, method)), "not granted")
				continue
			}
			assert.Equal(t, citycard.CodePartnerScope, citycard.CodeOf(granted), line)
			assert.Equal(t, citycard.CodePartnerScope, citycard.CodeOf(byRecordAlone), "a grant beyond the kind is worth nothing")
			assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(partner.Check()), "and is not registered")
		}
	}
}

func TestWhatIsNoMethodHere(t *testing.T) {
	t.Parallel()
	bank := partnerOf(citycard.PartnerBank)
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(bank.Admit(citycard.ProfileGateway, "citycard.no.such")))
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(bank.Admit(citycard.ProfileGateway, citycard.MethodCardQuery)),
		"personal data does not travel through the gateway")
	bank.State = citycard.PartnerSuspended
	assert.Equal(t, citycard.CodePartnerSuspended, citycard.CodeOf(bank.Admit(citycard.ProfileGateway, citycard.MethodFinancialClose)))
	c := newCounter(t, citycard.PartnerBank)
	_, err := c.desk.Report(t.Context(), citycard.PartnerRequest{Partner: c.partner, Profile: citycard.ProfileMessage, Method: citycard.MethodCardQuery})
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
	_, err = c.desk.Query(t.Context(), citycard.PartnerRequest{Partner: c.partner, Profile: citycard.ProfileMessage, Method: citycard.MethodFinancialClose})
	assert.Equal(t, citycard.CodeNotFound, citycard.CodeOf(err))
}

// effectTables are what each event does in each state: a state, "=" for nothing, "-" for invalid_transition, or
// the code that refuses it.
var effectTables = []struct {
	kind    citycard.PartnerKind
	machine citycard.Machine
	states  string
	rows    string
}{
	{citycard.PartnerBank, citycard.MachineFinancial, "inactive pending_bank active temp_lost formal_lost frozen closed", `
	citycard.financial.activate            | active | active | = | - | - | - | -
	citycard.financial.lose                | - | - | temp_lost | = | - | - | -
	citycard.financial.lose:formal_loss    | formal_lost | formal_lost | formal_lost | formal_lost | = | formal_lost | -
	citycard.financial.restore             | - | - | = | active | - | - | -
	citycard.financial.freeze              | frozen | frozen | frozen | frozen | frozen | = | -
	citycard.financial.unfreeze            | - | - | - | - | - | active | -
	citycard.financial.close               | closed | closed | closed | closed | closed | closed | =`},
	{citycard.PartnerHospital, citycard.MachineSocial, "sealed active temp_lost formal_lost auto_lost frozen canceled", `
	citycard.social.activate:registration  | active | = | card_temp_lost | card_formal_lost | card_auto_lost | card_frozen | card_canceled
	citycard.social.activate:payment       | active | = | card_temp_lost | card_formal_lost | card_auto_lost | card_frozen | card_canceled`},
	{citycard.PartnerPharmacy, citycard.MachineSocial, "sealed active temp_lost formal_lost auto_lost frozen canceled", `
	citycard.pharmacy.original.insert      | = | = | = | = | = | = | =
	citycard.pharmacy.new.insert           | active | = | card_temp_lost | card_formal_lost | card_auto_lost | card_frozen | card_canceled
	citycard.pharmacy.password.verified    | active | + | card_temp_lost | card_formal_lost | card_auto_lost | card_frozen | card_canceled
	citycard.pharmacy.purchase             | active | = | card_temp_lost | card_formal_lost | card_auto_lost | card_frozen | card_canceled`},
	{citycard.PartnerCentre, citycard.MachinePassword, "initial set locked dead", `
	citycard.password.report:first_changed | set | = | - | -
	citycard.password.report:changed       | set | = | - | -
	citycard.password.report:locked        | - | locked | = | -
	citycard.password.report:unlocked      | - | = | set | -
	citycard.password.report:reset         | - | = | set | -`},
	{citycard.PartnerCardMaker, citycard.MachineFulfilment, "applied awaiting_fee in_production failed_making ready_for_pickup returned collected destroyed", `
	citycard.card.produced                 | - | in_production | = | in_production | - | - | - | -
	citycard.card.failed                   | - | - | failed_making | = | - | - | - | -
	citycard.card.ready                    | - | - | ready_for_pickup | - | = | ready_for_pickup | - | -
	citycard.card.collect                  | - | - | - | - | collected | - | = | -
	citycard.card.returned                 | - | - | - | - | returned | = | - | -`},
}

// selected is the member that the word behind a method's colon goes into.
var selected = map[citycard.Method]string{
	citycard.MethodFinancialLose: "reason", citycard.MethodSocialActivate: "event", citycard.MethodPasswordReport: "event",
}

func TestEveryEventInEveryState(t *testing.T) {
	t.Parallel()
	for _, table := range effectTables {
		states := strings.Fields(table.states)
		for line := range strings.Lines(strings.TrimSpace(table.rows)) {
			cells := strings.Fields(strings.ReplaceAll(line, "|", ""))
			require.Len(t, cells, len(states)+1, line)
			for i, state := range states {
				t.Run(cells[0]+" while "+state, func(t *testing.T) {
					t.Parallel()
					c := newCounter(t, table.kind)
					c.put(table.machine, state)
					c.openSession()
					name, word, _ := strings.Cut(cells[0], ":")
					members := fields{}
					if word != "" {
						members[selected[citycard.Method(name)]] = word
					}
					reply, err := c.report(t, citycard.Method(name), members)
					c.hold(t, table.machine, [2]string{state, cells[i+1]}, reply, err)
				})
			}
		}
	}
}

// put brings the card into a state of one machine.
func (c *counter) put(m citycard.Machine, state string) {
	card := c.card()
	switch m {
	case citycard.MachineFulfilment:
		card.Fulfilment = citycard.FulfilmentState(state)
	case citycard.MachineSocial:
		card.Social, card.SocialHeld = citycard.SocialState(state), citycard.SocialSealed
	case citycard.MachineFinancial:
		card.Financial, card.FinancialBefore = citycard.FinancialState(state), citycard.FinancialActive
	case citycard.MachinePassword:
		card.Password = citycard.PasswordState(state)
	}
}

// openSession puts the original card into the usual terminal, five minutes ago.
func (c *counter) openSession() {
	at := citycard.Terminal{AppID: c.partner.AppID, InstitutionCode: "P001", TerminalID: "T1"}
	c.sessions[at] = citycard.TwoCards{Terminal: at, PersonID: "p1", EventID: "ORIGINAL-1", Occurred: c.now.Add(-5 * time.Minute)}
}

// hold compares an event's outcome with a cell of a table; change is the state before and the cell.
func (c *counter) hold(t *testing.T, m citycard.Machine, change [2]string, reply citycard.PartnerReply, err error) {
	t.Helper()
	before, cell := change[0], change[1]
	switch {
	case cell == "-":
		assert.Equal(t, citycard.CodeInvalidTransition, citycard.CodeOf(err))
	case strings.HasPrefix(cell, "card_"):
		assert.Equal(t, citycard.Code(cell), citycard.CodeOf(err))
	default:
		require.NoError(t, err)
		assert.Equal(t, citycard.ResultApplied, reply.Result)
		assert.Equal(t, cell != "=", reply.Changed)
	}
	after := before
	if !strings.ContainsAny(cell, "-=+") && !strings.HasPrefix(cell, "card_") {
		after = cell
	}
	assert.Equal(t, after, stateOf(c.card(), m))
	if err != nil {
		assert.Empty(t, c.card().Fresh())
		assert.Empty(t, c.once, "a refused event may come again")
		return
	}
	assert.Len(t, c.once, 1)
	for _, made := range c.card().Fresh() {
		assert.Equal(t, citycard.ChannelCallback, made.Cause.Channel)
		assert.Equal(t, c.partner.AppID, made.Cause.Actor.ID)
		assert.Equal(t, "EVENT-000001", made.Cause.EventID)
	}
}
