package citycard

import "strings"

// Phone is a phone number: digits, with a leading + where it names a country other than China. It prints
// masked, as 138****5678; the plain number comes out through Reveal alone.
type Phone struct{ private[phoneMask] }

type phoneMask struct{}

func (phoneMask) mask(plain string) string {
	if len(plain) < 11 {
		return maskMiddle(plain, 0, 4)
	}
	return maskMiddle(plain, 3, 4)
}

// RestorePhone is the number a store kept.
func RestorePhone(plain string) Phone { return Phone{private[phoneMask]{plain}} }

var phoneMarks = strings.NewReplacer(" ", "", "-", "", "(", "", ")", "")

// ParsePhone reads a phone number as people write it: spaces, hyphens and brackets are dropped, full-width
// digits accepted, and the prefix of China (+86, 0086) removed. It must have 7 to 15 digits (E.164); otherwise
// invalid_payload with Field phone.
func ParsePhone(raw string) (Phone, error) {
	text := phoneMarks.Replace(narrow(raw))
	if rest, found := strings.CutPrefix(text, "00"); found {
		text = "+" + rest
	}
	text = strings.TrimPrefix(text, "+86")
	digits := strings.TrimPrefix(text, "+")
	if len(digits) < 7 || len(digits) > 15 || firstNonDigit(digits) >= 0 {
		return Phone{}, refuseField(CodeInvalidPayload, "phone", "a phone number has 7 to 15 digits")
	}
	return RestorePhone(text), nil
}
