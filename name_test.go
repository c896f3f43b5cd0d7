package citycard_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"citycard"
)

func TestNamesAreStoredInOneForm(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, raw, stored string }{
		{"plain", "张三", "张三"},
		{"spaces around", " \t张三　\n", "张三"},
		{"ideographic spaces inside", "张　　三", "张 三"},
		{"full-width letters", "ＪＯＨＮ　ＳＭＩＴＨ", "JOHN SMITH"},
		{"composed accent", "Jose\u0301", "José"},
		{"middle dot U+00B7", "买买提·艾力", "买买提·艾力"},
		{"bullet U+2022", "买买提•艾力", "买买提·艾力"},
		{"katakana middle dot U+30FB", "买买提・艾力", "买买提·艾力"},
		{"hyphenation point U+2027", "买买提‧艾力", "买买提·艾力"},
		{"half-width katakana middle dot U+FF65", "买买提･艾力", "买买提·艾力"},
		{"full-width full stop U+FF0E", "买买提．艾力", "买买提·艾力"},
		{"Greek ano teleia, which NFKC makes a middle dot", "买买提\u0387艾力", "买买提·艾力"},
		{"an ordinary full stop stays", "John Q. Public", "John Q. Public"},
		{"fifty characters", strings.Repeat("张", 50), strings.Repeat("张", 50)},
		{"a rare character beyond the basic plane", "𠮷田", "𠮷田"},
		{"a compatibility ideograph", "\uf9b4", "領"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			name, err := citycard.ParseName(c.raw, norm.NFKC.String)
			require.NoError(t, err)
			assert.Equal(t, c.stored, name.Reveal())
		})
	}
}

func TestNamesRefused(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, raw string
		code      citycard.Code
	}{
		{"nothing", "", citycard.CodeNameEmpty},
		{"only spaces", " 　\t", citycard.CodeNameEmpty},
		{"only dots", "·•", citycard.CodeNameEmpty},
		{"fifty-one characters", strings.Repeat("张", 51), citycard.CodeNameTooLong},
		{"a line break inside", "张\n三", citycard.CodeInvalidPayload},
		{"NUL", "张\x00三", citycard.CodeInvalidPayload},
		{"zero-width space", "张\u200b三", citycard.CodeInvalidPayload},
		{"right-to-left override", "\u202e三张", citycard.CodeInvalidPayload},
		{"invalid UTF-8", "张\xff", citycard.CodeInvalidPayload},
		{"a replacement character", "张\ufffd", citycard.CodeInvalidPayload},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			name, err := citycard.ParseName(c.raw, norm.NFKC.String)
			assert.True(t, name.IsZero())
			var refusal *citycard.Error
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, c.code, refusal.Code)
			assert.Equal(t, "name", refusal.Field)
			assert.NotContains(t, refusal.Message, "张")
		})
	}
}

func TestNamesCompared(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, one, other string
		rule             citycard.NameRule
	}{
		{"the same", "张三", "张三", citycard.NameExact},
		{"a space between", "张 三", "张三", citycard.NameSpacing},
		{"spaces around the dot", "买买提 · 艾力", "买买提·艾力", citycard.NameSpacing},
		{"an older record with another dot", "买买提・艾力", "买买提·艾力", citycard.NameMiddleDot},
		{"another dot and a space", "买买提• 艾力", "买买提·艾力", citycard.NameMiddleDot},
		{"dot left out", "买买提艾力", "买买提·艾力", ""},
		{"another Han character of the same sound", "张三", "章三", ""},
		{"simplified and traditional", "张三", "張三", ""},
		{"another case", "JOHN SMITH", "John Smith", ""},
		{"a part only", "张三", "张三丰", ""},
		{"names in another order", "SMITH JOHN", "JOHN SMITH", ""},
		{"two empty names", "", "", ""},
		{"an empty name", "", "张三", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			one, other := citycard.RestoreName(c.one), citycard.RestoreName(c.other)
			rule, same := one.Matches(other)
			assert.Equal(t, c.rule, rule)
			assert.Equal(t, c.rule != "", same)
			back, sameBack := other.Matches(one)
			assert.Equal(t, rule, back)
			assert.Equal(t, same, sameBack)
		})
	}
}

func TestNameMasks(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"":           "",
		"张":          "*",
		"张三":         "张*",
		"张小三":        "张*三",
		"欧阳小三":       "欧**三",
		"买买提·艾力":     "买**·艾*",
		"阿·买提":       "*·买*",
		"张 三":        "* *",
		"JOHN SMITH": "J*** S****",
		"Madonna":    "M******",
		"J":          "*",
	}
	for plain, masked := range cases {
		assert.Equal(t, masked, citycard.RestoreName(plain).Mask(), "mask %d characters", utf8.RuneCountInString(plain))
	}
}

func TestParsingANameTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { checkName(t, rapid.String().Draw(t, "raw")) })
}

func checkName(t require.TestingT, raw string) {
	name, err := citycard.ParseName(raw, norm.NFKC.String)
	if err != nil {
		var refusal *citycard.Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, "name", refusal.Field)
		return
	}
	again, err := citycard.ParseName(name.Reveal(), norm.NFKC.String)
	require.NoError(t, err)
	require.Equal(t, name.Reveal(), again.Reveal())
	rule, same := name.Matches(again)
	require.True(t, same)
	require.Equal(t, citycard.NameExact, rule)
	require.Equal(t, utf8.RuneCountInString(name.Reveal()), utf8.RuneCountInString(name.Mask()))
	require.Contains(t, name.Mask(), "*")
}

func FuzzName(f *testing.F) {
	for _, seed := range []string{
		"张三", "欧阳　锋", "买买提·艾力", "买买提．艾力", "买买提･艾力", "ＪＯＨＮ", "Jose\u0301", "", "·", "\xff", "张\u200b三", "ﷺ", "ŀ", "\u00b4a",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) { checkName(t, raw) })
}
