package citycard

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

const (
	idNumberField      = "id_number"
	idNumberLength     = 18
	olderForeignLength = 15
	firstCitizenLength = 15
)

// IDNumber is a person's document number: citizen ID, residence permit or foreign permanent resident card.
// It prints masked everywhere: the first three and the last four characters with stars between, at the
// number's own length. The plain number comes out through Reveal alone.
type IDNumber struct{ private[idNumberMask] }

type idNumberMask struct{}

func (idNumberMask) mask(plain string) string { return maskMiddle(plain, 3, 4) }

// RestoreIDNumber is the number a store kept; it was checked when it first came in.
func RestoreIDNumber(plain string) IDNumber { return IDNumber{private[idNumberMask]{plain}} }

// ParseIDNumber reads a document number as people type it: spaces around it, a lower-case x and full-width
// characters are accepted. Citizen numbers and those of the same form follow GB 11643. Errors have Field
// id_number and one of the codes id_length, id_charset, id_date, id_region, id_check_digit; they never repeat
// the number. Whether a city serves the document is Policy.Accepts.
func ParseIDNumber(raw string, today Date) (IDNumber, error) {
	text := tidy(raw)
	if err := checkIDForm(text); err != nil {
		return IDNumber{}, err
	}
	if isDigit(text[0]) {
		if err := checkIDParts(text, today); err != nil {
			return IDNumber{}, err
		}
	}
	return RestoreIDNumber(text), nil
}

// UpgradeIDNumber reads a number from an old card file: a citizen number of the first generation (15 digits)
// becomes one of 18 by inserting the century 19 and computing the check character; any other is read as by
// ParseIDNumber.
func UpgradeIDNumber(raw string, today Date) (IDNumber, error) {
	text := tidy(raw)
	if len(text) != firstCitizenLength || firstNonDigit(text) >= 0 {
		return ParseIDNumber(raw, today)
	}
	text = text[:6] + "19" + text[6:]
	number, err := ParseIDNumber(text+string(idCheckCharacter(text)), today)
	if err != nil {
		return IDNumber{}, err
	}
	if number.DocumentType() != DocumentCitizenID {
		return IDNumber{}, refuseID(CodeIDRegion, "numbers of 15 digits were given to citizens only")
	}
	return number, nil
}

// DocumentType says which document the number is of; empty for the zero number.
func (n IDNumber) DocumentType() DocumentType {
	if len(n.text) != idNumberLength && len(n.text) != olderForeignLength {
		return ""
	}
	return documentOf(n.text)
}

// City is the region code of the city in a citizen's number: its first four digits and 00. It is where the number
// was first given, which need not be where its holder lives now. Empty for other documents.
func (n IDNumber) City() string {
	if n.DocumentType() != DocumentCitizenID {
		return ""
	}
	return n.text[:4] + "00"
}

// BirthDate is the date of birth in the number; zero where the form carries none or not the century.
func (n IDNumber) BirthDate() Date {
	if !n.followsGB11643() {
		return Date{}
	}
	birth, _ := compactDate(n.text[6:14])
	return birth
}

// Sex is told by the 17th digit: odd is male. SexUnknown where the form carries none.
func (n IDNumber) Sex() Sex {
	switch {
	case !n.followsGB11643():
		return SexUnknown
	case (n.text[16]-'0')%2 == 1:
		return SexMale
	}
	return SexFemale
}

func (n IDNumber) followsGB11643() bool { return len(n.text) == idNumberLength && isDigit(n.text[0]) }

func refuseID(code Code, message string) error { return refuseField(code, idNumberField, message) }

// checkIDForm holds length and character set.
func checkIDForm(text string) error {
	length := utf8.RuneCountInString(text)
	switch {
	case length == firstCitizenLength && firstNonDigit(text) < 0:
		return refuseID(CodeIDLength, "this is a 15-digit number of the first generation; enter the 18 characters of the present card")
	case length != idNumberLength && length != olderForeignLength:
		return refuseID(CodeIDLength, fmt.Sprintf("the number must have 18 characters, not %d", length))
	case length == olderForeignLength && !olderForeignForm.MatchString(text):
		return refuseID(CodeIDCharset, "a number of 15 characters must be three letters and twelve digits")
	case length == olderForeignLength, otherForeignForm.MatchString(text):
		return nil
	case startsWithLetters(text, 3):
		return refuseID(CodeIDCharset, "after three letters there must be a digit and then letters and digits only")
	}
	switch at := firstNonDigit(text); {
	case at < 0, at == idNumberLength-1 && text[at] == 'X':
		return nil
	case at == idNumberLength-1:
		return refuseID(CodeIDCharset, "character 18 must be a digit or X")
	default:
		return refuseID(CodeIDCharset, fmt.Sprintf("character %d must be a digit", at+1))
	}
}

// checkIDParts holds date, region and check character of the GB 11643 form.
func checkIDParts(text string, today Date) error {
	birth, exists := compactDate(text[6:14])
	switch {
	case !exists:
		return refuseID(CodeIDDate, "characters 7 to 14 are not a real date of birth")
	case today.Before(birth):
		return refuseID(CodeIDDate, "the date of birth, characters 7 to 14, lies in the future")
	case documentOf(text) == "" && text[0] == '9':
		return refuseID(CodeIDRegion, "characters 2 and 3 name no province")
	case documentOf(text) == "":
		return refuseID(CodeIDRegion, "characters 1 and 2 name no province")
	case idCheckCharacter(text) != text[17]:
		return refuseID(CodeIDCheckDigit, "the check character, character 18, does not fit the others; one of them is mistyped")
	}
	return nil
}

// idCheckCharacter is the ISO 7064 MOD 11-2 check character of the first seventeen digits.
func idCheckCharacter(text string) byte {
	weights := [...]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, weight := range weights {
		sum += weight * int(text[i]-'0')
	}
	return "10X98765432"[sum%11]
}

// compactDate reads YYYYMMDD and tells whether that day exists.
func compactDate(text string) (Date, bool) {
	digits, err := strconv.Atoi(text)
	if err != nil {
		return Date{}, false
	}
	want := Date{digits / 10000, time.Month(digits / 100 % 100), digits % 100}
	return want, DateOf(want.Start()) == want
}
