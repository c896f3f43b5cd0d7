package citycard

import "strings"

const (
	cardNumberLength         = 9
	identificationCodeLength = 32
	hexadecimals             = "0123456789ABCDEF"
	alphanumerics            = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// CardNumber is the number printed on a card: nine letters and digits, new at every reissue.
type CardNumber string

// ParseCardNumber reads a card number: nine letters and digits, stored in upper case; full-width characters
// and spaces around it are accepted. Otherwise invalid_payload with Field card_number.
func ParseCardNumber(raw string) (CardNumber, error) {
	text := tidy(raw)
	if len(text) != cardNumberLength || strings.Trim(text, alphanumerics) != "" {
		return "", refuseField(CodeInvalidPayload, "card_number", "a card number has nine letters and digits")
	}
	return CardNumber(text), nil
}

// Mask shows the first three and the last two characters: A12****78.
func (n CardNumber) Mask() string { return maskMiddle(string(n), 3, 2) }

// AccountNumber is a bank account number. It prints as stars and its last four digits; the plain number comes
// out through Reveal alone, for the store's keyed hash.
type AccountNumber struct{ private[accountMask] }

type accountMask struct{}

func (accountMask) mask(plain string) string { return maskMiddle(plain, 0, 4) }

// ParseAccountNumber reads an account number: 12 to 19 digits that satisfy Luhn's check (ISO/IEC 7812-1);
// spaces between them are dropped. Otherwise invalid_payload with Field account_number.
func ParseAccountNumber(raw string) (AccountNumber, error) {
	text := withoutSpaces(narrow(raw))
	switch {
	case len(text) < 12 || len(text) > 19 || firstNonDigit(text) >= 0:
		return AccountNumber{}, refuseField(CodeInvalidPayload, "account_number", "an account number has 12 to 19 digits")
	case !luhn(text):
		return AccountNumber{}, refuseField(CodeInvalidPayload, "account_number", "the check digit does not fit; one digit is mistyped")
	}
	return AccountNumber{private[accountMask]{text}}, nil
}

// Last4 is the last four digits, which may be stored and shown; empty where nothing is set.
func (a AccountNumber) Last4() string {
	if len(a.text) < 4 {
		return ""
	}
	return a.text[len(a.text)-4:]
}

// ParseIdentificationCode reads a card identification code: 32 hexadecimal digits of which the first six are
// the issuing region, returned in upper case. Otherwise invalid_payload with Field card_identification_code.
func ParseIdentificationCode(raw string) (string, error) {
	const field = "card_identification_code"
	text := tidy(raw)
	switch {
	case len(text) != identificationCodeLength || strings.Trim(text, hexadecimals) != "":
		return "", refuseField(CodeInvalidPayload, field, "a card identification code has 32 hexadecimal digits")
	case firstNonDigit(text[:6]) >= 0:
		return "", refuseField(CodeInvalidPayload, field, "a card identification code begins with the six digits of its region")
	}
	return text, nil
}

func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		digit := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			digit *= 2
		}
		sum += digit/10 + digit%10
	}
	return sum%10 == 0
}
