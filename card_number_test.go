package citycard_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

func TestCardNumbers(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, raw, stored string }{
		{"nine letters and digits", "A12345678", "A12345678"},
		{"lower case", "a1234567b", "A1234567B"},
		{"full-width with spaces around", " Ａ１２３４５６７８　", "A12345678"},
		{"eight characters", "A1234567", ""},
		{"ten characters", "A123456789", ""},
		{"a hyphen", "A1234-678", ""},
		{"a Han character", "张A12345", ""},
		{"a long s", "ſ1234567", ""},
		{"nothing", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			number, err := citycard.ParseCardNumber(c.raw)
			assert.Equal(t, citycard.CardNumber(c.stored), number)
			assertField(t, err, c.stored == "", "card_number")
		})
	}
	assert.Equal(t, "A12****78", citycard.CardNumber("A12345678").Mask())
	assert.Equal(t, "***", citycard.CardNumber("A12").Mask())
}

func TestAccountNumbers(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, raw, stored string }{
		{"nineteen digits", "6222021234567890128", "6222021234567890128"},
		{"in groups of four", "4111 1111 1111 1111", "4111111111111111"},
		{"full-width digits", "４１１１１１１１１１１１１１１１", "4111111111111111"},
		{"wrong check digit", "4111111111111112", ""},
		{"two neighbours swapped", "6222021234567890182", ""},
		{"eleven digits", "41111111111", ""},
		{"twenty digits", "41111111111111111110", ""},
		{"a letter", "411111111111111X", ""},
		{"nothing", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			account, err := citycard.ParseAccountNumber(c.raw)
			assert.Equal(t, c.stored, account.Reveal())
			assertField(t, err, c.stored == "", "account_number")
			if c.stored != "" {
				assert.Equal(t, c.stored[len(c.stored)-4:], account.Last4())
				assert.Equal(t, strings.Repeat("*", len(c.stored)-4)+account.Last4(), account.Mask())
			}
		})
	}
	assert.Empty(t, citycard.AccountNumber{}.Last4())
}

func TestIdentificationCodes(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, raw, stored string }{
		{"upper case", "320100D156000005AB12CD34EF56AB78", "320100D156000005AB12CD34EF56AB78"},
		{"lower case with spaces around", " 320100d156000005ab12cd34ef56ab78 ", "320100D156000005AB12CD34EF56AB78"},
		{"a region with a letter", "32010AD156000005AB12CD34EF56AB78", ""},
		{"a letter beyond F", "320100D156000005AB12CD34EF56AB7G", ""},
		{"a letter beyond F inside", "320100D156000005GB12CD34EF56AB78", ""},
		{"thirty-one digits", "320100D156000005AB12CD34EF56AB7", ""},
		{"nothing", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, err := citycard.ParseIdentificationCode(c.raw)
			assert.Equal(t, c.stored, code)
			assertField(t, err, c.stored == "", "card_identification_code")
		})
	}
}

func TestPhones(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, raw, stored, masked string }{
		{"a mobile number", "13812345678", "13812345678", "138****5678"},
		{"with the prefix of China", "+86 138-1234-5678", "13812345678", "138****5678"},
		{"with 0086", "0086 138 1234 5678", "13812345678", "138****5678"},
		{"full-width digits", "１３８１２３４５６７８", "13812345678", "138****5678"},
		{"a fixed line", "(025) 8312 3456", "02583123456", "025****3456"},
		{"a number of Hong Kong", "+852 9123 4567", "+85291234567", "+85*****4567"},
		{"a short number", "8312345", "8312345", "***2345"},
		{"the hotline is no person's phone", "12333", "", ""},
		{"sixteen digits", "1234567890123456", "", ""},
		{"letters", "1381234567a", "", ""},
		{"nothing", "", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			phone, err := citycard.ParsePhone(c.raw)
			assert.Equal(t, c.stored, phone.Reveal())
			assert.Equal(t, c.masked, phone.Mask())
			assertField(t, err, c.stored == "", "phone")
		})
	}
}

func assertField(t *testing.T, err error, refused bool, field string) {
	t.Helper()
	if !refused {
		require.NoError(t, err)
		return
	}
	var refusal *citycard.Error
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, citycard.CodeInvalidPayload, refusal.Code)
	assert.Equal(t, field, refusal.Field)
}
