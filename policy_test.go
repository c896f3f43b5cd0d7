package citycard_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

type fields = map[string]any

type policyFile struct {
	Home     string   `json:"home"`
	Policies []fields `json:"policies"`
}

// defaultPolicies reads static/policy.json, the policies built into the service.
func defaultPolicies(t require.TestingT) *citycard.Policies {
	file, err := os.ReadFile("static/policy.json")
	require.NoError(t, err)
	policies, err := citycard.ParsePolicies(strings.NewReader(string(file)))
	require.NoError(t, err)
	return policies
}

// changedPolicies is the default file after a change to the whole and to its first record, Nanjing's.
func changedPolicies(t *testing.T, change func(file *policyFile, nanjing fields)) string {
	t.Helper()
	text, err := os.ReadFile("static/policy.json")
	require.NoError(t, err)
	var file policyFile
	require.NoError(t, json.Unmarshal(text, &file))
	change(&file, file.Policies[0])
	changed, err := json.Marshal(file)
	require.NoError(t, err)
	return string(changed)
}

// anotherPeriod adds a copy of a record that holds from and to the given days.
func anotherPeriod(file *policyFile, record fields, from, to any) {
	twin := fields{}
	for name, value := range record {
		twin[name] = value
	}
	twin["valid_from"], twin["valid_to"] = from, to
	file.Policies = append(file.Policies, twin)
}

func problems(t *testing.T, text string) []string {
	t.Helper()
	policies, err := citycard.ParsePolicies(strings.NewReader(text))
	assert.Nil(t, policies)
	var broken *citycard.PolicyError
	require.ErrorAs(t, err, &broken)
	assert.NotContains(t, err.Error(), "\n")
	places := make([]string, 0, len(broken.Problems))
	for _, p := range broken.Problems {
		places = append(places, strings.TrimSpace(p.Region+" "+p.Field))
		assert.Contains(t, err.Error(), p.Problem)
	}
	return places
}

func TestTheDefaultPoliciesOfferEveryMode(t *testing.T) {
	t.Parallel()
	policies := defaultPolicies(t)
	today := day(t, "2026-11-22")
	assert.Equal(t, "320100", policies.Home)
	assert.Equal(t, []string{"320100", "330100", "440100"}, policies.Regions())
	for region, mode := range map[string]citycard.FinancialMode{
		"320100": citycard.OnlineFull, "440100": citycard.BankConfirm, "330100": citycard.OnlineFace,
	} {
		policy, found := policies.For(region, today)
		require.True(t, found)
		assert.Equal(t, mode, policy.FinancialActivation)
		for _, bank := range []citycard.Bank{"102", "103", "104", "105", "301", "308", "403"} {
			assertBilingual(t, policy.BankName(bank), string(bank))
		}
	}
	home := policies.HomePolicy(today)
	assert.Equal(t, "南京市", home.Name.ZH)
	assert.Equal(t, 7, home.TempLossDays)
	assert.Equal(t, 2000, home.ReissueFeeFen)
	assert.Equal(t, citycard.MismatchLimit{PerCitizenDay: 5, PerNumberDay: 10, PerAddressHour: 30}, home.MismatchLimit)
	assert.Equal(t, citycard.Period{Days: 180}, home.MedicalRestriction)
	assert.Equal(t, citycard.Period{Days: 300}, home.FinancialDeadline)
	assert.Equal(t, citycard.Text{ZH: "发卡银行", EN: "the issuing bank"}, home.BankName("999"))
	assert.True(t, home.Designates("320100-01"))
	assert.False(t, home.Designates("440100-01"))
	assert.False(t, home.Designates(""))
	_, found := policies.For("110000", today)
	assert.False(t, found)
}

func TestThePolicyInForceOnADay(t *testing.T) {
	t.Parallel()
	text := changedPolicies(t, func(file *policyFile, nanjing fields) {
		anotherPeriod(file, nanjing, "2027-01-01", nil)
		nanjing["valid_to"] = "2026-12-31"
		nanjing["temp_loss_days"] = 5
	})
	policies, err := citycard.ParsePolicies(strings.NewReader(text))
	require.NoError(t, err)
	cases := []struct {
		name, on string
		found    bool
		days     int
	}{
		{"before the first one", "2019-12-31", false, 5},
		{"the first day", "2020-01-01", true, 5},
		{"the last day of the first one", "2026-12-31", true, 5},
		{"the first day of the next", "2027-01-01", true, 7},
		{"long after", "2099-01-01", true, 7},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			policy, found := policies.For("320100", day(t, c.on))
			assert.Equal(t, c.found, found)
			if found {
				assert.Equal(t, c.days, policy.TempLossDays)
			}
			assert.Equal(t, c.days, policies.HomePolicy(day(t, c.on)).TempLossDays, "home always has one")
		})
	}
}

func TestBrokenPolicyFields(t *testing.T) {
	t.Parallel()
	text := func(zh, en string) fields { return fields{"zh": zh, "en": en} }
	place := func(change fields) []any {
		whole := fields{"code": "A", "name": text("甲", "A"), "address": text("乙", "B"), "phone": "12333"}
		for name, value := range change {
			whole[name] = value
		}
		return []any{whole}
	}
	cases := []struct {
		name, field string
		value       any
		problem     string
	}{
		{"region of five digits", "region", "32010", "32010 region"},
		{"region of no province", "region", "990100", "990100 region"},
		{"no beginning", "valid_from", "", "320100 valid_from"},
		{"a day that does not exist", "valid_from", "2026-02-30", "320100 valid_from"},
		{"end before beginning", "valid_to", "2019-12-31", "320100 valid_to"},
		{"name in one language", "name", text("南京市", " "), "320100 name"},
		{"unknown language", "name", fields{"zh": "南京市", "en": "Nanjing", "fr": "Nankin"}, "320100 name"},
		{"unknown mode", "financial_activation", "online", "320100 financial_activation"},
		{"negative face minutes", "face_minutes", -1, "320100 face_minutes"},
		{"a year for the bank to confirm", "bank_confirm_days", 365, "320100 bank_confirm_days"},
		{"a switch that is a text", "social_online_allowed", "true", "320100 social_online_allowed"},
		{"a switch that is null", "social_with_financial", nil, "320100 social_with_financial"},
		{"temporary loss of six days", "temp_loss_days", 6, "320100 temp_loss_days"},
		{"temporary loss of half a day", "temp_loss_days", 0.5, "320100 temp_loss_days"},
		{"negative medical period", "medical_restriction", fields{"days": -1}, "320100 medical_restriction.days"},
		{"medical period of days and months", "medical_restriction", fields{"days": 180, "months": 6}, "320100 medical_restriction"},
		{"medical period in weeks", "medical_restriction", fields{"weeks": 25}, "320100 medical_restriction"},
		{"financial deadline in months", "financial_deadline", fields{"months": 10}, "320100 financial_deadline"},
		{"notice given twice", "renewal_notice_days", []int{60, 30, 60}, "320100 renewal_notice_days[2]"},
		{"notice of no days", "renewal_notice_days", []int{0}, "320100 renewal_notice_days[0]"},
		{"deadline without a place to end the loss", "designated_places", []any{}, "320100 designated_places"},
		{"place without code", "designated_places", place(fields{"code": ""}), "320100 designated_places[0].code"},
		{"place named in one language", "designated_places", place(fields{"name": text("甲", "")}), "320100 designated_places[0].name"},
		{"place without address", "designated_places", place(fields{"address": text("", "")}), "320100 designated_places[0].address"},
		{"place without phone", "designated_places", place(fields{"phone": "call"}), "320100 designated_places[0].phone"},
		{"the same place twice", "designated_places", append(place(nil), place(nil)...), "320100 designated_places[1].code"},
		{"no banks", "banks", fields{}, "320100 banks"},
		{"bank code of four digits", "banks", fields{"1020": text("甲", "A")}, "320100 banks.1020"},
		{"bank named in one language", "banks", fields{"102": text("甲", "")}, "320100 banks.102"},
		{"negative fee", "reissue_fee_fen", -1, "320100 reissue_fee_fen"},
		{"fee in yuan with fraction", "reissue_fee_fen", 20.5, "320100 reissue_fee_fen"},
		{"unknown waiver", "waivers", []string{"expired", "friend"}, "320100 waivers[1]"},
		{"waiver given twice", "waivers", []string{"expired", "expired"}, "320100 waivers[1]"},
		{"no password retries", "password_retry", 0, "320100 password_retry"},
		{"guardian age of a hundred", "guardian_age", 100, "320100 guardian_age"},
		{"negative qualification", "qualification_months", -1, "320100 qualification_months"},
		{"no time for the two cards", "two_card_window_minutes", 0, "320100 two_card_window_minutes"},
		{"no attempts for a citizen", "mismatch_limit", fields{"per_number_day": 10, "per_address_hour": 30}, "320100 mismatch_limit.per_citizen_day"},
		{"no attempts for a number", "mismatch_limit", fields{"per_citizen_day": 5, "per_address_hour": 30}, "320100 mismatch_limit.per_number_day"},
		{"no attempts for an address", "mismatch_limit", fields{"per_citizen_day": 5, "per_number_day": 10}, "320100 mismatch_limit.per_address_hour"},
		{"text in one language", "texts", fields{"greeting": text("您好", "")}, "320100 texts.greeting"},
		{"unknown field", "temp_lost_days", 7, "320100 temp_lost_days"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			found := problems(t, changedPolicies(t, func(_ *policyFile, nanjing fields) { nanjing[c.field] = c.value }))
			assert.Contains(t, found, c.problem)
		})
	}
}

func TestEveryPolicyFieldMustBeThere(t *testing.T) {
	t.Parallel()
	changedPolicies(t, func(_ *policyFile, nanjing fields) {
		for name := range nanjing {
			text := changedPolicies(t, func(_ *policyFile, record fields) { delete(record, name) })
			if name == "valid_to" || name == "texts" {
				_, err := citycard.ParsePolicies(strings.NewReader(text))
				assert.NoError(t, err, name)
				continue
			}
			assert.Contains(t, strings.Join(problems(t, text), "\n"), name)
		}
	})
}

func TestModesNeedTheirTimes(t *testing.T) {
	t.Parallel()
	found := problems(t, changedPolicies(t, func(_ *policyFile, nanjing fields) {
		nanjing["financial_activation"], nanjing["face_minutes"] = "online_face", 0
	}))
	assert.Equal(t, []string{"320100 face_minutes"}, found)
	found = problems(t, changedPolicies(t, func(_ *policyFile, nanjing fields) {
		nanjing["financial_activation"], nanjing["bank_confirm_days"] = "bank_confirm", 0
	}))
	assert.Equal(t, []string{"320100 bank_confirm_days"}, found)
}

func TestClocksMayBeOff(t *testing.T) {
	t.Parallel()
	_, err := citycard.ParsePolicies(strings.NewReader(changedPolicies(t, func(_ *policyFile, nanjing fields) {
		nanjing["medical_restriction"], nanjing["financial_deadline"] = fields{}, fields{}
		nanjing["designated_places"], nanjing["renewal_notice_days"] = []any{}, []any{}
	})))
	assert.NoError(t, err)
}

func TestPeriodsOfARegion(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name     string
		to       any
		nextFrom string
		nextTo   any
		problems []string
	}{
		{"the first one has no end", nil, "2027-01-01", nil, []string{"320100 valid_from"}},
		{"one day in common", "2027-01-01", "2027-01-01", nil, []string{"320100 valid_from"}},
		{"a gap at home", "2026-12-30", "2027-01-01", nil, []string{"320100 valid_from"}},
		{"home ends", "2026-12-31", "2027-01-01", "2027-12-31", []string{"320100 valid_to"}},
		{"the later one stands first", "2026-12-31", "2019-01-01", "2019-12-31", []string{"320100 valid_to"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.problems, problems(t, changedPolicies(t, func(file *policyFile, nanjing fields) {
				anotherPeriod(file, nanjing, c.nextFrom, c.nextTo)
				nanjing["valid_to"] = c.to
			})))
		})
	}
}

func TestAllProblemsAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	text := changedPolicies(t, func(file *policyFile, nanjing fields) {
		nanjing["temp_loss_days"] = "seven"
		nanjing["reissue_fee_fen"] = -1
		nanjing["colour"] = "red"
		delete(nanjing, "guardian_age")
		file.Policies[1]["temp_loss_days"] = 8
		file.Home = "110000"
	})
	text = strings.Replace(text, `"policies":[`, `"policies":["no record",`, 1)
	assert.ElementsMatch(t, []string{
		"320100 temp_loss_days", "320100 reissue_fee_fen", "320100 colour", "320100 guardian_age", "440100 temp_loss_days",
		"", "home",
	}, problems(t, text))
	_, err := citycard.ParsePolicies(strings.NewReader(text))
	assert.ErrorContains(t, err, "policies[2] 440100 temp_loss_days: must be one of [5 7 10 15]")
	assert.ErrorContains(t, err, "policies[0]: is not a JSON object")
}

func TestFilesThatAreNoPolicies(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":                   "",
		"a list":                    "[]",
		"cut off":                   `{"home": "320100", "policies": [`,
		"cut off after a name":      `{"home"`,
		"without its last bracket":  `{"home": "320100", "policies": []`,
		"a member twice":            `{"home": "320100", "home": "440100", "policies": []}`,
		"something after it":        `{"home": "320100", "policies": []} {}`,
		"an unknown member":         `{"home": "320100", "policies": [], "version": 1}`,
		"no records":                `{"home": "320100", "policies": []}`,
		"records that are no list":  `{"home": "320100", "policies": {}}`,
		"a record that is a number": `{"home": "320100", "policies": [1]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.NotEmpty(t, problems(t, text))
		})
	}
}

func TestAFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk gone")
	_, err := citycard.ParsePolicies(iotest.ErrReader(broken))
	assert.ErrorIs(t, err, broken)
}

func FuzzPolicies(f *testing.F) {
	file, err := os.ReadFile("static/policy.json")
	require.NoError(f, err)
	f.Add(string(file))
	f.Add(`{"home": "320100", "policies": [{"region": "320100", "valid_from": "2026-01-01"}, null, {"region": 1}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		policies, err := citycard.ParsePolicies(strings.NewReader(text))
		if err == nil {
			require.NotEmpty(t, policies.HomePolicy(day(t, "2026-11-22")).Banks)
			return
		}
		var broken *citycard.PolicyError
		require.ErrorAs(t, err, &broken)
		require.NotEmpty(t, broken.Problems)
	})
}
