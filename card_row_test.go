package citycard_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"citycard"
)

// usualRow is a good row in the usual order of columns, of a made-up person.
var usualRow = map[string]string{
	"region": "320100", "id_number": "320100199003070022", "name": "陆晓棠", "card_number": "A12345678",
	"card_identification_code": "320100" + strings.Repeat("0A", 13), "bank_code": "102",
	"account_number": "6222020000000000018", "fulfilment": "collected", "received_on": "2026-11-02", "valid_to": "2036-11-01",
	"social": "active", "financial": "inactive", "phone": "19900000001",
}

func rowWith(changes map[string]string) []string {
	fields := make([]string, 0, len(usualRow))
	for _, column := range citycard.CardColumns() {
		value, changed := changes[column]
		if !changed {
			value = usualRow[column]
		}
		fields = append(fields, value)
	}
	return fields
}

func cardRules(tb testing.TB) citycard.CardRules {
	tb.Helper()
	return citycard.CardRules{Policies: defaultPolicies(tb), NFKC: norm.NFKC.String, Today: day(tb, "2026-11-22")}
}

func cardParser(tb testing.TB, rules citycard.CardRules) *citycard.CardRowParser {
	tb.Helper()
	parser, problems := rules.Header(citycard.CardColumns())
	require.Empty(tb, problems)
	return parser
}

func TestAGoodRowBecomesACard(t *testing.T) {
	t.Parallel()
	row, problems := cardParser(t, cardRules(t)).Parse(7, rowWith(nil))
	require.Empty(t, problems)
	assert.Equal(t, int64(7), row.Line)
	assert.Equal(t, "320100199003070022", row.Number.Reveal())
	assert.Equal(t, "陆晓棠", row.Name.Reveal())
	assert.Equal(t, "19900000001", row.Phone.Reveal())
	assert.Equal(t, "6222020000000000018", row.Account.Reveal())
	received := day(t, "2026-11-02")
	assert.Equal(t, citycard.Card{
		Region: "320100", Number: "A12345678", IdentificationCode: "320100" + strings.Repeat("0A", 13), Bank: "102",
		Fulfilment: citycard.FulfilmentCollected, Social: citycard.SocialActive, Financial: citycard.FinancialInactive,
		Password: citycard.PasswordInitial, ReceivedOn: received, ValidTo: day(t, "2036-11-01"),
		Since: map[citycard.Machine]time.Time{citycard.MachineFulfilment: received.Start()},
	}, row.Card)
}

func TestRowsAreReadGenerously(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		changes map[string]string
		check   func(t *testing.T, row citycard.CardRow)
	}{
		"an old number of 15 digits": {map[string]string{"id_number": "320100900307002"}, func(t *testing.T, row citycard.CardRow) {
			assert.Equal(t, "320100199003070022", row.Number.Reveal())
		}},
		"full-width digits, lower case and spaces": {map[string]string{
			"region": "３２０１００", "card_number": " a12345678 ", "received_on": "２０２６-11-02", "social": "Active",
		}, func(t *testing.T, row citycard.CardRow) {
			assert.Equal(t, "320100", row.Card.Region)
			assert.Equal(t, citycard.CardNumber("A12345678"), row.Card.Number)
			assert.Equal(t, day(t, "2026-11-02"), row.Card.ReceivedOn)
			assert.Equal(t, citycard.SocialActive, row.Card.Social)
		}},
		"nothing in the last four columns": {
			map[string]string{"valid_to": "", "social": "", "financial": "", "phone": ""},
			func(t *testing.T, row citycard.CardRow) {
				assert.True(t, row.Card.ValidTo.IsZero())
				assert.Equal(t, citycard.SocialSealed, row.Card.Social)
				assert.Equal(t, citycard.FinancialInactive, row.Card.Financial)
				assert.Empty(t, row.Phone.Reveal())
			},
		},
		"a card that waits to be picked up": {
			map[string]string{"fulfilment": "ready_for_pickup", "received_on": "", "social": "sealed"},
			func(t *testing.T, row citycard.CardRow) {
				assert.Equal(t, citycard.FulfilmentReadyForPickup, row.Card.Fulfilment)
				assert.True(t, row.Card.ReceivedOn.IsZero())
				assert.Empty(t, row.Card.Since)
			},
		},
		"a loss remembers nothing enabled": {map[string]string{"social": "temp_lost"}, func(t *testing.T, row citycard.CardRow) {
			assert.Equal(t, citycard.SocialSealed, row.Card.SocialBefore)
		}},
		"a hold remembers nothing enabled": {map[string]string{"social": "frozen"}, func(t *testing.T, row citycard.CardRow) {
			assert.Equal(t, citycard.SocialSealed, row.Card.SocialHeld)
		}},
		"a frozen account was open": {map[string]string{"financial": "frozen"}, func(t *testing.T, row citycard.CardRow) {
			assert.Equal(t, citycard.FinancialActive, row.Card.FinancialBefore)
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row, problems := cardParser(t, cardRules(t)).Parse(2, rowWith(c.changes))
			require.Empty(t, problems)
			c.check(t, row)
		})
	}
}

func TestShortRowsEndInEmptyFields(t *testing.T) {
	t.Parallel()
	rules := cardParser(t, cardRules(t))
	_, problems := rules.Parse(2, rowWith(nil)[:9])
	assert.Empty(t, problems, "the last four columns may be missing")
	_, problems = rules.Parse(2, rowWith(nil)[:8])
	assert.Equal(t, []citycard.RowProblem{{2, "received_on", "a collected card needs the day of receipt"}}, problems)
	_, problems = rules.Parse(2, append(rowWith(nil), ""))
	assert.Equal(t, []citycard.RowProblem{{2, "", "the row has more fields than the header"}}, problems)
}

func TestBadFieldsAreNamedWithoutTheirValue(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		column, value, reason string
		more                  map[string]string
	}{
		"no region":                 {"region", "", "the field is empty", nil},
		"a region without policy":   {"region", "110100", "no city policy is in force for this region", nil},
		"no number":                 {"id_number", "", "the field is empty", nil},
		"a wrong check character":   {"id_number", "320100199003070024", "the check character, character 18, does not fit the others; one of them is mistyped", nil},
		"a document not served":     {"id_number", "USA1AB23456789XYZ0", "this city does not serve this kind of document", nil},
		"no name":                   {"name", " ", "the field is empty", nil},
		"a name of dots":            {"name", "··", "the name is empty", nil},
		"a card number too short":   {"card_number", "A1234567", "a card number has nine letters and digits", nil},
		"another region's code":     {"card_identification_code", "330100" + strings.Repeat("0A", 13), "the first six digits are not the card's region", nil},
		"an unknown bank":           {"bank_code", "999", "the city's policy names no such issuing bank", nil},
		"no bank":                   {"bank_code", "", "the field is empty", nil},
		"a mistyped account":        {"account_number", "6222020000000000019", "the check digit does not fit; one digit is mistyped", nil},
		"a state of the making":     {"fulfilment", "applied", "must be ready_for_pickup or collected", nil},
		"no day of receipt":         {"received_on", "", "a collected card needs the day of receipt", nil},
		"an unreal day of receipt":  {"received_on", "2026-02-30", "this is not a real day written YYYY-MM-DD", nil},
		"a receipt tomorrow":        {"received_on", "2026-11-23", "the day of receipt lies in the future", nil},
		"a receipt before birth":    {"received_on", "1990-03-06", "the day of receipt lies before the holder's birth", nil},
		"an unreal end":             {"valid_to", "20361101", "this is not a real day written YYYY-MM-DD", nil},
		"an end before the receipt": {"valid_to", "2026-11-01", "the validity ends before the day of receipt", nil},
		"an unknown social state":   {"social", "on", "is not a state of the social security application", nil},
		"an unknown account state":  {"financial", "on", "is not a state of the financial application that a file can give", nil},
		"a request to the bank":     {"financial", "pending_bank", "is not a state of the financial application that a file can give", nil},
		"a phone of letters":        {"phone", "nine", "a phone number has 7 to 15 digits", nil},
		"a receipt before pick-up": {
			"received_on", "2026-11-02", "a card that waits to be picked up has no day of receipt",
			map[string]string{"fulfilment": "ready_for_pickup", "social": "sealed"},
		},
		"enabled before pick-up": {
			"social", "active", "a card that waits to be picked up cannot be in this state",
			map[string]string{"fulfilment": "ready_for_pickup", "received_on": ""},
		},
		"lost before pick-up": {
			"social", "temp_lost", "a card that waits to be picked up cannot be in this state",
			map[string]string{"fulfilment": "ready_for_pickup", "received_on": ""},
		},
		"an account opened before pick-up": {
			"financial", "active", "a card that waits to be picked up cannot be in this state",
			map[string]string{"fulfilment": "ready_for_pickup", "received_on": "", "social": "sealed"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changes := map[string]string{c.column: c.value}
			for column, value := range c.more {
				changes[column] = value
			}
			_, problems := cardParser(t, cardRules(t)).Parse(3, rowWith(changes))
			assert.Equal(t, []citycard.RowProblem{{3, c.column, c.reason}}, problems)
		})
	}
}

func TestACityMayActivateBeforePickUp(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("static/policy.json")
	require.NoError(t, err)
	text := strings.ReplaceAll(string(file), `"activate_before_collected": false`, `"activate_before_collected": true`)
	policies, err := citycard.ParsePolicies(strings.NewReader(text))
	require.NoError(t, err)
	rules := cardRules(t)
	rules.Policies = policies
	_, problems := cardParser(t, rules).Parse(2, rowWith(map[string]string{
		"fulfilment": "ready_for_pickup", "received_on": "", "social": "active", "financial": "active",
	}))
	assert.Empty(t, problems)
}

func TestEveryProblemOfARowIsTold(t *testing.T) {
	t.Parallel()
	_, problems := cardParser(t, cardRules(t)).Parse(2, rowWith(map[string]string{"id_number": "1", "name": "", "phone": "1", "social": "x"}))
	columns := make([]string, 0, len(problems))
	for _, problem := range problems {
		columns = append(columns, problem.Column)
	}
	assert.Equal(t, []string{"id_number", "name", "phone", "social"}, columns)
}

func TestTheHeaderNamesEveryColumnOnceInAnyOrder(t *testing.T) {
	t.Parallel()
	rules := cardRules(t)
	columns := citycard.CardColumns()

	t.Run("any order, capitals, spaces and a byte order mark", func(t *testing.T) {
		t.Parallel()
		header := []string{"\ufeff" + strings.ToUpper(columns[12]) + " "}
		header = append(header, columns[:12]...)
		parser, problems := rules.Header(header)
		require.Empty(t, problems)
		fields := rowWith(nil)
		row, problems := parser.Parse(2, append([]string{fields[12]}, fields[:12]...))
		require.Empty(t, problems)
		assert.Equal(t, "19900000001", row.Phone.Reveal())
		assert.Equal(t, "320100199003070022", row.Number.Reveal())
	})
	t.Run("one missing", func(t *testing.T) {
		t.Parallel()
		_, problems := rules.Header(columns[1:])
		assert.Equal(t, []citycard.RowProblem{{1, "region", "the column is missing"}}, problems)
	})
	t.Run("one twice and one unknown", func(t *testing.T) {
		t.Parallel()
		header := append([]string{"region", "address"}, columns...)
		_, problems := rules.Header(header)
		require.Len(t, problems, 2)
		assert.Contains(t, problems[0].Reason, "a column is not one of region,")
		assert.Equal(t, citycard.RowProblem{Line: 1, Reason: "a column is there twice"}, problems[1])
	})
	t.Run("nothing", func(t *testing.T) {
		t.Parallel()
		_, problems := rules.Header(nil)
		assert.Len(t, problems, 13)
	})
}

func TestTheColumnsCannotBeChangedFromOutside(t *testing.T) {
	t.Parallel()
	citycard.CardColumns()[0] = "other"
	assert.Equal(t, "region", citycard.CardColumns()[0])
}

func FuzzCardRow(f *testing.F) {
	parser := cardParser(f, cardRules(f))
	f.Add(strings.Join(rowWith(nil), ","))
	f.Add(strings.Join(rowWith(map[string]string{"fulfilment": "ready_for_pickup", "received_on": "", "social": ""}), ","))
	f.Add(",,,,,,,,,,,,")
	f.Add("\x00\xff,１\u3000")
	f.Fuzz(func(t *testing.T, line string) {
		fields := strings.Split(line, ",")
		row, problems := parser.Parse(2, fields)
		if len(problems) == 0 {
			again, problems := parser.Parse(2, []string{
				row.Card.Region, row.Number.Reveal(), row.Name.Reveal(), string(row.Card.Number), row.Card.IdentificationCode,
				string(row.Card.Bank), row.Account.Reveal(), string(row.Card.Fulfilment), row.Card.ReceivedOn.String(),
				row.Card.ValidTo.String(), string(row.Card.Social), string(row.Card.Financial), row.Phone.Reveal(),
			})
			require.Empty(t, problems, "what was read can be written and read again")
			require.Equal(t, row, again)
			return
		}
		require.Equal(t, citycard.CardRow{}, row)
		for _, problem := range problems {
			require.Regexp(t, `^[a-z][A-Za-z0-9 ,;'_.-]*$`, problem.Reason, "a problem repeats no value")
			require.NotRegexp(t, `[0-9]{5}`, problem.Reason, "a problem repeats no value")
		}
	})
}

func BenchmarkCardRow(b *testing.B) {
	parser, fields := cardParser(b, cardRules(b)), rowWith(nil)
	b.ReportAllocs()
	for b.Loop() {
		_, problems := parser.Parse(2, fields)
		if len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}
