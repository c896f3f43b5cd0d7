package sandbox_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"citycard"
	"citycard/integrations/sandbox"
)

func people() []sandbox.Person { return sandbox.People(citycard.DateOf(start)) }

func TestPeopleHaveRealNumbersAndOneStoryEach(t *testing.T) {
	t.Parallel()
	today := citycard.DateOf(start)
	seen := map[string]bool{}
	for _, person := range people() {
		for _, unique := range append([]string{person.User, person.Name, person.IDNumber}, person.OtherNumbers...) {
			assert.False(t, seen[unique], unique)
			seen[unique] = true
		}
		for _, number := range append([]string{person.IDNumber}, person.OtherNumbers...) {
			_, err := citycard.ParseIDNumber(number, today)
			assert.NoError(t, err, person.User)
		}
		assert.NotEmpty(t, person.Story.ZH, person.User)
		assert.NotEmpty(t, person.Story.EN, person.User)
		for _, card := range person.Cards {
			assert.False(t, seen[card.CardNumber])
			assert.False(t, seen[card.AccountNumber])
			seen[card.CardNumber], seen[card.AccountNumber] = true, true
		}
	}
}

func TestEveryStateOfTheDomainHasItsPerson(t *testing.T) {
	t.Parallel()
	var users []string
	for _, person := range people() {
		users = append(users, person.User)
	}
	assert.Equal(t, []string{
		"new", "already_active", "sealed", "temp_lost", "formal_lost", "frozen",
		"received_179_days", "received_181_days", "received_299_days", "received_301_days",
		"expired", "not_collected", "two_cards", "bank_confirm", "online_face",
		"two_numbers", "minority_name", "hmt_permit", "foreign_permanent", "wrong_name", "no_card",
		"elder", "agent", "child",
	}, users)
}

// TestCardRecordsPassTheImport gives every record to the parser that card files pass.
func TestCardRecordsPassTheImport(t *testing.T) {
	t.Parallel()
	policy, err := os.Open("../../static/policy.json")
	require.NoError(t, err)
	defer func() { _ = policy.Close() }()
	policies, err := citycard.ParsePolicies(policy)
	require.NoError(t, err)
	rules := citycard.CardRules{Policies: policies, NFKC: norm.NFKC.String, Today: citycard.DateOf(start)}
	parser, problems := rules.Header(citycard.CardColumns())
	require.Empty(t, problems)
	for _, person := range people() {
		for _, card := range person.Cards {
			row, problems := parser.Parse(2, card.Row())
			assert.Empty(t, problems, person.User)
			assert.Equal(t, person.Region, row.Card.Region, person.User)
		}
	}
}

func TestStoriesAreToldByTheCards(t *testing.T) {
	t.Parallel()
	byUser := map[string]sandbox.Person{}
	for _, person := range people() {
		byUser[person.User] = person
	}
	card := func(user string) sandbox.CardRecord { return byUser[user].Cards[0] }
	assert.Equal(t, "2026-05-27", card("received_179_days").ReceivedOn)
	assert.Equal(t, "2026-05-25", card("received_181_days").ReceivedOn)
	assert.Equal(t, "2026-01-27", card("received_299_days").ReceivedOn)
	assert.Equal(t, "2026-01-25", card("received_301_days").ReceivedOn)
	assert.Equal(t, "2026-11-21", card("expired").ValidTo)
	assert.Equal(t, "ready_for_pickup", card("not_collected").Fulfilment)
	assert.Empty(t, card("not_collected").ReceivedOn)
	assert.Len(t, byUser["two_cards"].Cards, 2)
	assert.Empty(t, byUser["no_card"].Cards)
	assert.Equal(t, byUser["two_numbers"].OtherNumbers[0], card("two_numbers").IDNumber)
	assert.NotEqual(t, byUser["minority_name"].Name, card("minority_name").Name)
	assert.NotEqual(t, byUser["wrong_name"].Name, card("wrong_name").Name)
	assert.Equal(t, "440100", byUser["bank_confirm"].Region)
	assert.Equal(t, "330100", byUser["online_face"].Region)
	assert.Equal(t, []string{"active", "inactive"}, []string{card("new").Social, card("new").Financial})
	assert.Equal(t, []string{"sealed", "inactive"}, []string{card("sealed").Social, card("sealed").Financial})
}

func TestPeopleStayTheSameFromDayToDay(t *testing.T) {
	t.Parallel()
	later := sandbox.People(citycard.DateOf(start.Add(500 * 24 * time.Hour)))
	for i, person := range people() {
		assert.Equal(t, person.IDNumber, later[i].IDNumber)
		for j, card := range person.Cards {
			card.ReceivedOn, card.ValidTo = later[i].Cards[j].ReceivedOn, later[i].Cards[j].ValidTo
			assert.Equal(t, card, later[i].Cards[j])
		}
	}
}

func TestPeopleAreListed(t *testing.T) {
	t.Parallel()
	var answer struct {
		Items []map[string]string `json:"items"`
	}
	require.NoError(t, json.Unmarshal([]byte(newStand(t).get("/people").Body), &answer))
	require.Len(t, answer.Items, len(people()))
	assert.Equal(t, map[string]string{
		"user": "new", "name": "陆晓棠", "id_number": "320100199003070022", "story": "new", "region": "320100",
		"card_number": people()[0].Cards[0].CardNumber, "bank_code": "102",
	}, answer.Items[0])
	for _, person := range answer.Items {
		if person["user"] == "no_card" {
			assert.Empty(t, person["card_number"])
			assert.Empty(t, person["bank_code"])
		}
	}
}
