package citycard_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	idvalidator "github.com/guanguans/id-validator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"citycard"
)

func day(t require.TestingT, text string) citycard.Date {
	date, err := citycard.ParseDate(text)
	require.NoError(t, err)
	return date
}

// withCheck appends the check character by the recursive form of ISO 7064 MOD 11-2.
func withCheck(body string) string {
	sum := 0
	for _, c := range body {
		sum = (sum + int(c-'0')) * 2 % 11
	}
	check := (12 - sum) % 11
	if check == 10 {
		return body + "X"
	}
	return body + strconv.Itoa(check)
}

func TestIDNumbersAccepted(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, raw, stored string
		document          citycard.DocumentType
		birth             string
		sex               citycard.Sex
	}{
		{"the example of GB 11643", "11010519491231002X", "11010519491231002X", citycard.DocumentCitizenID, "1949-12-31", citycard.SexFemale},
		{"the other example of GB 11643", "440524188001010014", "440524188001010014", citycard.DocumentCitizenID, "1880-01-01", citycard.SexMale},
		{"lower-case x", "11010519491231002x", "11010519491231002X", citycard.DocumentCitizenID, "1949-12-31", citycard.SexFemale},
		{"full-width digits and letter", "１１０１０５１９４９１２３１００２ｘ", "11010519491231002X", citycard.DocumentCitizenID, "1949-12-31", citycard.SexFemale},
		{"spaces at both ends", " \t　11010519491231002X\n", "11010519491231002X", citycard.DocumentCitizenID, "1949-12-31", citycard.SexFemale},
		{"born today", withCheck("32010020261122001"), withCheck("32010020261122001"), citycard.DocumentCitizenID, "2026-11-22", citycard.SexMale},
		{"leap day", withCheck("32010020240229002"), withCheck("32010020240229002"), citycard.DocumentCitizenID, "2024-02-29", citycard.SexFemale},
		{"a district that was renamed away", withCheck("32999919900101003"), withCheck("32999919900101003"), citycard.DocumentCitizenID, "1990-01-01", citycard.SexMale},
		{"a citizen number of the prefix 91", withCheck("91000019900101003"), withCheck("91000019900101003"), citycard.DocumentCitizenID, "1990-01-01", citycard.SexMale},
		{"Hong Kong permit", "810000199408230021", "810000199408230021", citycard.DocumentHMTResidencePermit, "1994-08-23", citycard.SexFemale},
		{"Macao permit", withCheck("82000019900115003"), withCheck("82000019900115003"), citycard.DocumentHMTResidencePermit, "1990-01-15", citycard.SexMale},
		{"Taiwan permit", "830000199201300022", "830000199201300022", citycard.DocumentHMTResidencePermit, "1992-01-30", citycard.SexFemale},
		{"foreign permanent resident since 2023", "911124198108030024", "911124198108030024", citycard.DocumentForeignPermanentResident, "1981-08-03", citycard.SexFemale},
		{"foreign permanent resident, older form", "usa110085010112", "USA110085010112", citycard.DocumentForeignPermanentResident, "", citycard.SexUnknown},
		{"another foreigner's number", "gbr0a1b2c3d4e5f6g7", "GBR0A1B2C3D4E5F6G7", citycard.DocumentForeignOther, "", citycard.SexUnknown},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			number, err := citycard.ParseIDNumber(c.raw, day(t, "2026-11-22"))
			require.NoError(t, err)
			assert.Equal(t, c.stored, number.Reveal())
			assert.Equal(t, c.document, number.DocumentType())
			assert.Equal(t, c.birth, number.BirthDate().String())
			assert.Equal(t, c.document == citycard.DocumentCitizenID, number.City() != "")
			assert.Equal(t, c.sex, number.Sex())
			assert.Equal(t, citycard.RestoreIDNumber(c.stored), number)
		})
	}
}

func TestIDNumbersRefused(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, raw string
		code      citycard.Code
		message   string
	}{
		{"nothing", "  ", citycard.CodeIDLength, "18 characters, not 0"},
		{"one digit missing", "1101051949123100X", citycard.CodeIDLength, "18 characters, not 17"},
		{"one digit too many", "110105194912310021X", citycard.CodeIDLength, "18 characters, not 19"},
		{"a space inside", "110105 19491231002X", citycard.CodeIDLength, "18 characters, not 19"},
		{"fifteen digits of the first generation", "110105491231002", citycard.CodeIDLength, "first generation"},
		{"fifteen characters that are no older foreign number", "US1110085010112", citycard.CodeIDCharset, "three letters and twelve digits"},
		{"letter O for zero", "11O10519491231002X", citycard.CodeIDCharset, "character 3 must be a digit"},
		{"a Chinese digit", "11〇10519491231002X", citycard.CodeIDCharset, "character 3 must be a digit"},
		{"an Arabic-Indic digit", "11010519491231002٣", citycard.CodeIDCharset, "character 18 must be a digit or X"},
		{"another letter at the end", "11010519491231002Y", citycard.CodeIDCharset, "character 18 must be a digit or X"},
		{"X not at the end", "1101051949123100X2", citycard.CodeIDCharset, "character 17 must be a digit"},
		{"a long s, whose upper case is S", "uſa110085010112", citycard.CodeIDCharset, "three letters and twelve digits"},
		{"three letters and then another letter", "GBRXA1B2C3D4E5F6G7", citycard.CodeIDCharset, "after three letters"},
		{"three letters and a hyphen", "GBR0A1B2C3D4E5F6-7", citycard.CodeIDCharset, "after three letters"},
		{"30 February", withCheck("32010019900230001"), citycard.CodeIDDate, "not a real date"},
		{"29 February of a common year", withCheck("32010019000229001"), citycard.CodeIDDate, "not a real date"},
		{"month 13", withCheck("32010019901301001"), citycard.CodeIDDate, "not a real date"},
		{"day 00", withCheck("32010019900100001"), citycard.CodeIDDate, "not a real date"},
		{"born tomorrow", withCheck("32010020261123001"), citycard.CodeIDDate, "future"},
		{"province 16", withCheck("16010019900101001"), citycard.CodeIDRegion, "1 and 2"},
		{"province 00", withCheck("00010019900101001"), citycard.CodeIDRegion, "1 and 2"},
		{"province 84", withCheck("84000019900101001"), citycard.CodeIDRegion, "1 and 2"},
		{"foreigner in province 20", withCheck("92084019900101001"), citycard.CodeIDRegion, "2 and 3"},
		{"wrong check digit", "110105194912310021", citycard.CodeIDCheckDigit, "character 18"},
		{"two digits swapped", "11010519491213002X", citycard.CodeIDCheckDigit, "character 18"},
		{"permit with a wrong check digit", "810000199408230022", citycard.CodeIDCheckDigit, "character 18"},
		{"foreigner with a wrong check digit", "911124198108030025", citycard.CodeIDCheckDigit, "character 18"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			number, err := citycard.ParseIDNumber(c.raw, day(t, "2026-11-22"))
			assert.True(t, number.IsZero())
			var refusal *citycard.Error
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, c.code, refusal.Code)
			assert.Equal(t, "id_number", refusal.Field)
			assert.Contains(t, refusal.Message, c.message)
			if text := strings.TrimSpace(c.raw); text != "" {
				assert.NotContains(t, err.Error(), text)
			}
		})
	}
}

func TestEveryProvincePrefix(t *testing.T) {
	t.Parallel()
	provinces := " 11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 91 "
	for prefix := range 90 {
		text := fmt.Sprintf("%02d", prefix)
		_, err := citycard.ParseIDNumber(withCheck(text+"000019900101001"), day(t, "2026-11-22"))
		if strings.Contains(provinces, " "+text+" ") {
			assert.NoError(t, err, text)
		} else {
			assert.Equal(t, citycard.CodeIDRegion, citycard.CodeOf(err), text)
		}
	}
}

func TestOldNumbersAreUpgraded(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, raw, stored string
		code              citycard.Code
	}{
		{"fifteen digits", "110105491231002", "11010519491231002X", ""},
		{"fifteen full-width digits", "１１０１０５４９１２３１００２", "11010519491231002X", ""},
		{"eighteen characters stay", "11010519491231002x", "11010519491231002X", ""},
		{"the older foreign form stays", "USA110085010112", "USA110085010112", ""},
		{"no real date", "110105491331002", "", citycard.CodeIDDate},
		{"no province", "160105491231002", "", citycard.CodeIDRegion},
		{"not a citizen's", "810000491231002", "", citycard.CodeIDRegion},
		{"a letter among them", "1101054912310O2", "", citycard.CodeIDCharset},
		{"fourteen digits", "11010549123100", "", citycard.CodeIDLength},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			number, err := citycard.UpgradeIDNumber(c.raw, day(t, "2026-11-22"))
			assert.Equal(t, c.code, citycard.CodeOf(err))
			assert.Equal(t, c.stored, number.Reveal())
		})
	}
}

func TestOtherForeignersNeedTheCitysLeave(t *testing.T) {
	t.Parallel()
	other := citycard.RestoreIDNumber("GBR0A1B2C3D4E5F6G7")
	err := citycard.Policy{}.Accepts(other)
	require.Equal(t, citycard.CodeUnsupportedDocumentType, citycard.CodeOf(err))
	assert.NoError(t, citycard.Policy{OtherForeignersAllowed: true}.Accepts(other))
	assert.NoError(t, citycard.Policy{}.Accepts(citycard.RestoreIDNumber("11010519491231002X")))
	assert.NoError(t, citycard.Policy{}.Accepts(citycard.RestoreIDNumber("USA110085010112")))
	assert.Error(t, citycard.Policy{OtherForeignersAllowed: true}.Accepts(citycard.IDNumber{}))
}

func TestIDNumberMasks(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "110***********002X", citycard.RestoreIDNumber("11010519491231002X").Mask())
	assert.Equal(t, "USA********0112", citycard.RestoreIDNumber("USA110085010112").Mask())
	assert.Equal(t, "****", citycard.RestoreIDNumber("1234").Mask())
	assert.Empty(t, citycard.IDNumber{}.Mask())
	assert.Empty(t, citycard.RestoreIDNumber("9").DocumentType(), "a damaged stored number has no type")
}

func TestOneWrongCharacterIsAlwaysFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := drawCitizenNumber(t)
		at := rapid.IntRange(0, 16).Draw(t, "at")
		digit := rapid.SampledFrom([]byte("0123456789")).Draw(t, "digit")
		if number[at] == digit {
			return
		}
		_, err := citycard.ParseIDNumber(number[:at]+string(digit)+number[at+1:], day(t, "2026-11-22"))
		require.Error(t, err)
	})
}

// drawCitizenNumber draws a valid number of a district that always existed.
func drawCitizenNumber(t *rapid.T) string {
	region := rapid.SampledFrom([]string{"110101", "320102", "440104", "330102", "500101"}).Draw(t, "region")
	birth := day(t, "1900-01-01").AddDays(rapid.IntRange(0, 45000).Draw(t, "days"))
	sequence := rapid.IntRange(0, 999).Draw(t, "sequence")
	return withCheck(region + strings.ReplaceAll(birth.String(), "-", "") + fmt.Sprintf("%03d", sequence))
}

func TestDatesAndCheckDigitsAgreeWithAnotherValidator(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := fmt.Sprintf("110101%04d%02d%02d%03d%s",
			rapid.IntRange(1950, 2020).Draw(t, "year"), rapid.IntRange(0, 13).Draw(t, "month"),
			rapid.IntRange(0, 32).Draw(t, "day"), rapid.IntRange(0, 999).Draw(t, "sequence"),
			rapid.SampledFrom(strings.Split("0123456789X", "")).Draw(t, "check"))
		if rapid.Bool().Draw(t, "right check digit") {
			text = withCheck(text[:17])
		}
		_, err := citycard.ParseIDNumber(text, day(t, "2026-11-22"))
		require.Equal(t, idvalidator.IsValid(strings.ToLower(text), false) || idvalidator.IsValid(text, false), err == nil, text)
	})
}

func FuzzIDNumber(f *testing.F) {
	for _, seed := range []string{
		"11010519491231002X", "11010519491231002x", "１１０１０５１９４９１２３１００２Ｘ", "110105491231002", "810000199408230021",
		"911124198108030024", "USA110085010112", "GBR0A1B2C3D4E5F6G7", "", " ", "\xff", "11010519490230002X", "uſa110085010112",
	} {
		f.Add(seed)
	}
	today := day(f, "2026-11-22")
	f.Fuzz(func(t *testing.T, raw string) {
		number, err := citycard.UpgradeIDNumber(raw, today)
		if err != nil {
			var refusal *citycard.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, "id_number", refusal.Field)
			require.True(t, number.IsZero())
			return
		}
		again, err := citycard.ParseIDNumber(number.Reveal(), today)
		require.NoError(t, err)
		require.Equal(t, number, again)
		require.NotEmpty(t, number.DocumentType())
		require.Len(t, number.Mask(), len(number.Reveal()))
		require.False(t, today.Before(number.BirthDate()))
		for _, c := range number.Reveal() {
			require.Contains(t, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", string(c))
		}
	})
}

func TestErrorsAreFoundByCode(t *testing.T) {
	t.Parallel()
	_, err := citycard.ParseIDNumber("", citycard.Date{})
	assert.ErrorIs(t, fmt.Errorf("read form: %w", err), &citycard.Error{Code: citycard.CodeIDLength})
}

func BenchmarkParseIDNumber(b *testing.B) {
	today := day(b, "2026-11-22")
	for b.Loop() {
		if _, err := citycard.ParseIDNumber("11010519491231002X", today); err != nil {
			b.Fatal(err)
		}
	}
}
