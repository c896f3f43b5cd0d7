package citycard_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"citycard"
	"citycard/static"
)

// cityRecord is a record like the built-in one of a region, with members changed.
func cityRecord(t require.TestingT, changed map[string]any) []byte {
	var file struct {
		Policies []map[string]any `json:"policies"`
	}
	require.NoError(t, json.Unmarshal([]byte(static.Policy), &file))
	record := file.Policies[0]
	maps.Copy(record, changed)
	text, err := json.Marshal(record)
	require.NoError(t, err)
	return text
}

func builtIn(t require.TestingT) *citycard.Policies {
	policies, err := citycard.ParsePolicies(strings.NewReader(static.Policy))
	require.NoError(t, err)
	return policies
}

func dayOf(n int) citycard.Date { return citycard.DateOf(recently).AddDays(n) }

var recently = time.Date(2026, 11, 22, 9, 30, 0, 0, citycard.Shanghai)

// TestAVersionHoldsInItsPeriodAndNowhereElse lays versions over the policies of the file and asks, for each day, which
// of them holds: the last one whose period has the day, or else the file's.
func TestAVersionHoldsInItsPeriodAndNowhereElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		policies := builtIn(t)
		var versions []citycard.PolicyVersion
		type span struct{ from, to, fee int }
		var spans []span
		for i := range rapid.IntRange(0, 6).Draw(t, "versions") {
			from := rapid.IntRange(-40, 40).Draw(t, "from")
			s := span{from, from + rapid.IntRange(0, 40).Draw(t, "days"), 10_000 + i}
			changed := map[string]any{"valid_from": dayOf(s.from).String(), "valid_to": dayOf(s.to).String(), "reissue_fee_fen": s.fee}
			if rapid.IntRange(0, 3).Draw(t, "open") == 0 {
				s.to = 1000
				changed["valid_to"] = nil
			}
			spans = append(spans, s)
			versions = append(versions, citycard.PolicyVersion{Record: cityRecord(t, changed)})
		}
		require.NoError(t, policies.Apply(versions))
		for day := -60; day <= 120; day++ {
			want := 2000
			for _, s := range spans {
				if s.from <= day && day <= s.to {
					want = s.fee
				}
			}
			found, known := policies.For("320100", dayOf(day))
			require.True(t, known, "the home city has no gap")
			require.Equal(t, want, found.ReissueFeeFen, "day %d of %v", day, spans)
			require.Equal(t, found, policies.HomePolicy(dayOf(day)))
		}
	})
}

func TestABrokenVersionLeavesEverythingAsItIs(t *testing.T) {
	t.Parallel()
	policies := builtIn(t)
	broken := cityRecord(t, map[string]any{"valid_from": "2026-12-01", "temp_loss_days": 6, "banks": map[string]any{}, "mystery": 1})
	_, err := citycard.ParsePolicy(broken)
	var problems *citycard.PolicyError
	require.ErrorAs(t, err, &problems)
	fields := make([]string, len(problems.Problems))
	for i, problem := range problems.Problems {
		fields[i] = problem.Field
	}
	assert.Equal(t, []string{"mystery", "temp_loss_days", "banks"}, fields)
	require.Error(t, policies.Apply([]citycard.PolicyVersion{
		{Record: cityRecord(t, map[string]any{"valid_from": "2026-12-01", "reissue_fee_fen": 1})}, {Record: broken},
	}))
	found, _ := policies.For("320100", dayOf(30))
	assert.Equal(t, 2000, found.ReissueFeeFen)

	// A city that the file does not know may begin and end; the home city always has a policy.
	require.NoError(t, policies.Apply([]citycard.PolicyVersion{
		{Record: cityRecord(t, map[string]any{"region": "120100", "valid_from": "2026-12-01", "valid_to": "2026-12-31"})},
	}))
	_, known := policies.For("120100", dayOf(20))
	assert.True(t, known)
	_, known = policies.For("120100", dayOf(60))
	assert.False(t, known)
}

func TestAPolicyIsWrittenAsItIsRead(t *testing.T) {
	t.Parallel()
	policies := builtIn(t)
	for _, region := range policies.Regions() {
		for _, policy := range policies.Periods(region) {
			text, err := json.Marshal(policy)
			require.NoError(t, err)
			again, err := citycard.ParsePolicy(text)
			require.NoError(t, err, "%s", text)
			assert.Equal(t, policy, again)
		}
	}
	was, err := citycard.ParsePolicy(cityRecord(t, nil))
	require.NoError(t, err)
	will, err := citycard.ParsePolicy(cityRecord(t, map[string]any{"valid_from": "2026-12-01", "temp_loss_days": 15, "financial_deadline": map[string]int{"days": 200}}))
	require.NoError(t, err)
	changes, err := was.Changes(will)
	require.NoError(t, err)
	assert.Equal(t, []citycard.PolicyFieldChange{
		{Field: "financial_deadline", Was: `{"days":300}`, Will: `{"days":200}`}, {Field: "temp_loss_days", Was: "7", Will: "15"},
	}, changes)
}

func TestAPolicyReadWhileItChangesIsOneOrTheOther(t *testing.T) {
	t.Parallel()
	policies := builtIn(t)
	version := []citycard.PolicyVersion{{Record: cityRecord(t, map[string]any{"valid_from": "2026-11-22", "reissue_fee_fen": 1})}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 500 {
			assert.NoError(t, policies.Apply(version[:i%2]))
		}
	}()
	for going := true; going; {
		select {
		case <-done:
			going = false
		default:
		}
		assert.Contains(t, []int{1, 2000}, policies.HomePolicy(dayOf(0)).ReissueFeeFen)
	}
	assert.Equal(t, fmt.Sprint([]string{"320100"}), fmt.Sprint(policies.Regions()[:1]))
}
