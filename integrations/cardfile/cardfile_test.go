package cardfile_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/unicode/norm"

	"citycard"
	"citycard/integrations/cardfile"
)

type read struct {
	line   int64
	fields []string
	reason string
}

func readAll(tb testing.TB, path string) []read {
	tb.Helper()
	file, err := cardfile.Open(path)
	require.NoError(tb, err)
	defer file.Close()
	var rows []read
	for {
		row, err := file.Next()
		var broken *cardfile.RowError
		switch {
		case errors.Is(err, io.EOF):
			assert.InDelta(tb, 1, file.Done(), 0)
			return rows
		case errors.As(err, &broken):
			rows = append(rows, read{line: broken.Line, reason: broken.Reason})
		default:
			require.NoError(tb, err)
			rows = append(rows, read{line: row.Line, fields: append([]string(nil), row.Fields...)})
		}
	}
}

func write(tb testing.TB, name, text string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	require.NoError(tb, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestCSVIsReadRowByRow(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text string
		rows []read
	}{
		"nothing":            {"", nil},
		"no last line break": {"a,b\nc,d", []read{{line: 1, fields: []string{"a", "b"}}, {line: 2, fields: []string{"c", "d"}}}},
		"Windows line breaks and blank lines": {"a,b\r\n\r\n , \r\nc,d\r\n", []read{
			{line: 1, fields: []string{"a", "b"}}, {line: 4, fields: []string{"c", "d"}},
		}},
		"quoted fields": {`"a","b,c","d ""e"""` + "\n" + `"",x`, []read{
			{line: 1, fields: []string{"a", "b,c", `d "e"`}}, {line: 2, fields: []string{"", "x"}},
		}},
		"empty fields":        {"a,,\n", []read{{line: 1, fields: []string{"a", "", ""}}}},
		"an empty last quote": {`a,""`, []read{{line: 1, fields: []string{"a", ""}}}},
		"a quote not closed spoils one row": {"a,b\n\"c,d\ne,f\n", []read{
			{line: 1, fields: []string{"a", "b"}}, {line: 2, reason: "a quote is not closed on its line"}, {line: 3, fields: []string{"e", "f"}},
		}},
		"a quote inside": {`a"b,c`, []read{{line: 1, reason: "a quote stands inside a field that does not begin with one"}}},
		"behind a quote": {`"a"b,c`, []read{{line: 1, reason: "something follows a closing quote"}}},
		"a line too long": {strings.Repeat("x", 200_000) + "\na,b\n", []read{
			{line: 1, reason: "the line is too long"}, {line: 2, fields: []string{"a", "b"}},
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, c.rows, readAll(t, write(t, "cards.CSV", c.text)))
		})
	}
}

func TestEncodingsAreTold(t *testing.T) {
	t.Parallel()
	text := "name,note\n" + strings.Repeat("买买提·艾力,㐂𠮷〇 done\n", 5000)
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	require.NoError(t, err)
	require.NotEqual(t, text, gb)
	for name, encoded := range map[string]string{"UTF-8": text, "UTF-8 with a mark": "\ufeff" + text, "GB18030": gb} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows := readAll(t, write(t, "cards.csv", encoded))
			require.Len(t, rows, 5001)
			for _, row := range rows[1:] {
				require.Equal(t, []string{"买买提·艾力", "㐂𠮷〇 done"}, row.fields)
			}
		})
	}
}

func TestADamagedCharacterStaysVisible(t *testing.T) {
	t.Parallel()
	rows := readAll(t, write(t, "cards.csv", "name\n\xff\xff张\n"))
	require.Len(t, rows, 2)
	assert.Contains(t, rows[1].fields[0], "\ufffd")
}

func TestOtherFilesAreRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ name, text, want string }{
		"UTF-16":                    {"cards.csv", "\xff\xfea\x00", "UTF-16"},
		"a spreadsheet named CSV":   {"cards.csv", "PK\x03\x04rest", "must end in .xlsx"},
		"another ending":            {"cards.txt", "a,b", "must be .csv or .xlsx"},
		"CSV named as spreadsheet":  {"cards.xlsx", "a,b", "read spreadsheet"},
		"a spreadsheet cut in half": {"cards.xlsx", "PK\x03\x04rest", "read spreadsheet"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := cardfile.Open(write(t, c.name, c.text))
			assert.ErrorContains(t, err, c.want)
		})
	}
	_, err := cardfile.Open(filepath.Join(t.TempDir(), "none.csv"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestTheDigestIsOfTheBytes(t *testing.T) {
	t.Parallel()
	file, err := cardfile.Open(write(t, "cards.csv", "a,b\n"))
	require.NoError(t, err)
	defer file.Close()
	sum := sha256.Sum256([]byte("a,b\n"))
	assert.Equal(t, hex.EncodeToString(sum[:]), file.Digest)
}

func TestSpreadsheetsAreReadAsStored(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cards.xlsx")
	book := excelize.NewFile()
	set := func(cell string, value any) { require.NoError(t, book.SetCellValue("Sheet1", cell, value)) }
	set("A1", "id_number")
	set("B1", "Received_On")
	set("C1", "name")
	set("A2", "320100199003070022")
	set("B2", time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC))
	set("C2", "陆晓棠")
	set("A4", "320100199003070022")
	set("B4", "2026-11-02")
	require.NoError(t, book.SaveAs(path))
	require.NoError(t, book.Close())

	assert.Equal(t, []read{
		{line: 1, fields: []string{"id_number", "Received_On", "name"}},
		{line: 2, fields: []string{"320100199003070022", "2026-11-02", "陆晓棠"}},
		{line: 4, fields: []string{"320100199003070022", "2026-11-02"}},
	}, readAll(t, path))
}

func TestRejectsHoldLineColumnAndReason(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cards.rejects.csv")
	first := citycard.RowProblem{Line: 3, Column: "name", Reason: "the name is empty"}
	same := citycard.RowProblem{Line: 3, Column: "region", Reason: "no region"}
	later := citycard.RowProblem{Line: 9, Column: "", Reason: `said "no", twice`}

	rejects, err := cardfile.OpenRejects(path, 0)
	require.NoError(t, err)
	assert.NoFileExists(t, path, "without an entry there is no file")
	require.NoError(t, rejects.Add([]citycard.RowProblem{first, same}))
	require.NoError(t, rejects.Add([]citycard.RowProblem{later}))
	assert.Equal(t, 2, rejects.Count, "rows are counted, not what is wrong with them")
	require.NoError(t, rejects.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "line,column,reason\n3,name,the name is empty\n3,region,no region\n9,,\"said \"\"no\"\", twice\"\n", string(text))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	resumed, err := cardfile.OpenRejects(path, 5)
	require.NoError(t, err)
	assert.Equal(t, 1, resumed.Count)
	require.NoError(t, resumed.Close())
	text, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "line,column,reason\n3,name,the name is empty\n3,region,no region\n", string(text))

	fresh, err := cardfile.OpenRejects(path, 0)
	require.NoError(t, err)
	require.NoError(t, fresh.Close())
	assert.NoFileExists(t, path)
}

func TestAHalfWrittenRejectIsDropped(t *testing.T) {
	t.Parallel()
	path := write(t, "r.csv", "line,column,reason\n3,name,the name is empty\n4,na")
	rejects, err := cardfile.OpenRejects(path, 10)
	require.NoError(t, err)
	assert.Equal(t, 1, rejects.Count)
	require.NoError(t, rejects.Close())
}

func demo(count int) cardfile.Demo {
	today, err := citycard.ParseDate("2026-11-22")
	if err != nil {
		panic(err)
	}
	return cardfile.Demo{Count: count, Seed: 1, Region: "320100", Banks: []citycard.Bank{"102", "103"}, Today: today}
}

func TestDemoCardsAreValidAndDistinct(t *testing.T) {
	t.Parallel()
	const count = 20_000
	var text bytes.Buffer
	require.NoError(t, demo(count).Write(&text))
	rows, err := csv.NewReader(&text).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, count+1)

	policy, err := os.Open("../../static/policy.json")
	require.NoError(t, err)
	defer policy.Close()
	policies, err := citycard.ParsePolicies(policy)
	require.NoError(t, err)
	parser, problems := citycard.CardRules{Policies: policies, NFKC: norm.NFKC.String, Today: demo(1).Today}.Header(rows[0])
	require.Empty(t, problems)
	seen := map[string]bool{}
	for i, fields := range rows[1:] {
		row, problems := parser.Parse(int64(i+2), fields)
		require.Empty(t, problems)
		require.Equal(t, citycard.FulfilmentCollected, row.Card.Fulfilment)
		for _, unique := range []string{row.Number.Reveal(), string(row.Card.Number), row.Card.IdentificationCode, row.Account.Reveal()} {
			require.False(t, seen[unique])
			seen[unique] = true
		}
	}
}

func TestTheSameDemoGivesTheSameFile(t *testing.T) {
	t.Parallel()
	var first, second, other bytes.Buffer
	require.NoError(t, demo(500).Write(&first))
	require.NoError(t, demo(500).Write(&second))
	changed := demo(500)
	changed.Seed = 2
	require.NoError(t, changed.Write(&other))
	assert.Equal(t, first.String(), second.String())
	assert.NotEqual(t, first.String(), other.String())
}

func TestImpossibleDemosAreRefused(t *testing.T) {
	t.Parallel()
	none := demo(1)
	none.Banks = nil
	for _, d := range []cardfile.Demo{demo(0), demo(cardfile.MaxDemo + 1), none} {
		assert.ErrorContains(t, d.Write(io.Discard), "make up cards: ")
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("region,name\n320100,\"张,三\"\n"))
	f.Add([]byte("\"a\"\"b\",c\r\n,,\n\"\n"))
	f.Add([]byte("\xb9\xfa\xb1\xea,\x95\x32\x82\x36\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "cards.csv")
		require.NoError(t, os.WriteFile(path, text, 0o600))
		file, err := cardfile.Open(path)
		if err != nil {
			return
		}
		defer file.Close()
		for line := int64(0); ; {
			row, err := file.Next()
			var broken *cardfile.RowError
			switch {
			case errors.As(err, &broken):
				row.Line = broken.Line
			case errors.Is(err, io.EOF):
				return
			default:
				require.NoError(t, err)
			}
			require.Greater(t, row.Line, line)
			line = row.Line
		}
	})
}

func BenchmarkCSV(b *testing.B) {
	var text bytes.Buffer
	require.NoError(b, demo(100_000).Write(&text))
	path := write(b, "cards.csv", text.String())
	b.ReportAllocs()
	for b.Loop() {
		require.Len(b, readAll(b, path), 100_001)
	}
}

func BenchmarkDemo(b *testing.B) {
	for b.Loop() {
		require.NoError(b, demo(100_000).Write(io.Discard))
	}
}
