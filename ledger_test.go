package citycard_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"citycard"
)

// fieldsOf reads canonical text back; false where it is none.
func fieldsOf(text string) ([]string, bool) {
	var fields []string
	for text != "" {
		length, rest, found := strings.Cut(text, ":")
		n := 0
		for _, digit := range length {
			n = n*10 + int(digit-'0')
		}
		if !found || n > len(rest) {
			return nil, false
		}
		fields, text = append(fields, rest[:n]), rest[n:]
	}
	return fields, true
}

func TestCanonicalTextIsReadBackAsTheFieldsItWasMadeOf(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.OneOf(rapid.String(), rapid.StringMatching(`[0-9:]{0,12}`), rapid.SampledFrom([]string{"", "0:", "1:a", "3:abc"}))
		fields := rapid.SliceOf(field).Draw(t, "fields")
		read, ok := fieldsOf(citycard.Canonical(fields...))
		require.True(t, ok)
		require.Len(t, read, len(fields))
		for i := range fields {
			require.Equal(t, fields[i], read[i])
		}
	})
}

func TestLedgerRecordsAreReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		entry := rapid.Custom(func(t *rapid.T) citycard.LedgerEntry {
			text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[0-9:]{0,12}`))
			key := citycard.LedgerKey{Source: citycard.LedgerSource(text.Draw(t, "source")), Object: text.Draw(t, "object"), Seq: rapid.Int64().Draw(t, "seq")}
			return citycard.LedgerEntry{LedgerKey: key, Sum: text.Draw(t, "sum")}
		})
		entries := rapid.SliceOfN(entry, 1, 5).Draw(t, "entries")
		read, err := citycard.ReadLedgerRecords(citycard.LedgerRecords(entries))
		require.NoError(t, err)
		require.Equal(t, entries, read)
	})
	for _, text := range []string{"x", "1:", "1:a", "-1:a", "1:a1:b1:c1:d", "1:a1:b1:1", "9999999999999999999:a", "1:a1:b1:15:d"} {
		_, err := citycard.ReadLedgerRecords(text)
		assert.Error(t, err, text)
	}
}

func FuzzReadLedgerRecords(f *testing.F) {
	f.Add(citycard.LedgerRecords([]citycard.LedgerEntry{{LedgerKey: citycard.LedgerKey{Source: citycard.LedgerTransitions, Object: "c1", Seq: 1}, Sum: "ab"}}))
	f.Add("1:a1:b1:15:d")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := citycard.ReadLedgerRecords(text)
		if err != nil {
			return
		}
		again, err := citycard.ReadLedgerRecords(citycard.LedgerRecords(entries))
		require.NoError(t, err)
		require.Equal(t, entries, again)
	})
}

func TestNoTwoEntriesHaveTheSameLeaf(t *testing.T) {
	t.Parallel()
	entry := func(source citycard.LedgerSource, object string, seq int64, sum string) citycard.LedgerEntry {
		return citycard.LedgerEntry{LedgerKey: citycard.LedgerKey{Source: source, Object: object, Seq: seq}, Sum: sum}
	}
	seen := map[string]citycard.LedgerEntry{}
	for _, source := range append(citycard.LedgerSources(), "", "transition1:a") {
		for _, object := range []string{"", "a", "a1:1", "1:a", "a-1", "1:11:1"} {
			for _, seq := range []int64{0, 1, 11, 111} {
				for _, sum := range []string{"", "1", "11", "1:1"} {
					e := entry(source, object, seq, sum)
					earlier, twice := seen[string(e.Record())]
					assert.False(t, twice, "%v and %v", earlier, e)
					seen[string(e.Record())] = e
				}
			}
		}
	}
	assert.Equal(t, "10:transition2:c11:21:s", string(entry(citycard.LedgerTransitions, "c1", 2, "s").Record()))
	assert.Equal(t, "transition c1-2", entry(citycard.LedgerTransitions, "c1", 2, "s").String())
	assert.Equal(t, "staff_action a1", entry(citycard.LedgerStaffActions, "a1", 0, "s").String())
}
