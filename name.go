package citycard

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	nameField   = "name"
	nameMaximum = 50
	middleDot   = '·'
)

// Name is a person's name in Unicode NFKC, with single inner spaces and one kind of middle dot. It prints
// masked everywhere; the plain name comes out through Reveal alone.
type Name struct{ private[nameMask] }

type nameMask struct{}

// RestoreName is the name a store kept; it was normalised when it first came in.
func RestoreName(plain string) Name { return Name{private[nameMask]{plain}} }

// ParseName reads a name as people type it. nfkc is Unicode normalisation form KC. It refuses a name without
// any character but spaces and dots (name_empty), of more than 50 characters (name_too_long), and one with
// invisible control or format characters or damaged text (invalid_payload); Field is name.
func ParseName(raw string, nfkc func(string) string) (Name, error) {
	if !utf8.ValidString(raw) {
		return Name{}, refuseField(CodeInvalidPayload, nameField, "the name is not valid UTF-8")
	}
	text := foldDots(nfkc(foldDots(strings.TrimSpace(raw))))
	if strings.ContainsFunc(text, unfitForName) {
		return Name{}, refuseField(CodeInvalidPayload, nameField, "the name holds an invisible control character or damaged text")
	}
	text = strings.Join(strings.Fields(text), " ")
	switch {
	case strings.Trim(text, string(middleDot)+" ") == "":
		return Name{}, refuseField(CodeNameEmpty, nameField, "the name is empty")
	case utf8.RuneCountInString(text) > nameMaximum:
		return Name{}, refuseField(CodeNameTooLong, nameField, "the name has more than 50 characters")
	}
	return RestoreName(text), nil
}

// NameRule says by which rule two names were found to be the same.
type NameRule string

// The rules, each including those before it: the same text; the same but for spaces; the same but for spaces
// and the kind of middle dot.
const (
	NameExact     NameRule = "exact"
	NameSpacing   NameRule = "spacing"
	NameMiddleDot NameRule = "middle_dot"
)

// Matches compares two names in NFKC without spaces and with every middle dot folded to one. Upper and lower
// case differ, different Han characters never match, and an empty name matches nothing.
func (n Name) Matches(other Name) (NameRule, bool) {
	mine := withoutSpaces(n.text)
	if n.text == other.text && mine != "" {
		return NameExact, true
	}
	theirs := withoutSpaces(other.text)
	switch {
	case mine == "" || theirs == "":
		return "", false
	case mine == theirs:
		return NameSpacing, true
	case foldDots(mine) == foldDots(theirs):
		return NameMiddleDot, true
	}
	return "", false
}

// mask shows the first and last character of a Han name (张*三, 张*), and of a name in several parts or
// another script the first character of each part (买**·艾*, J*** S****). A part of one character is hidden.
func (nameMask) mask(plain string) string {
	runes := []rune(plain)
	if len(runes) > 2 && !strings.ContainsFunc(plain, notHan) {
		return string(runes[0]) + strings.Repeat("*", len(runes)-2) + string(runes[len(runes)-1])
	}
	var shown strings.Builder
	starts := true
	for i, r := range runes {
		switch {
		case separatesParts(r):
			shown.WriteRune(r)
		case starts && i+1 < len(runes) && !separatesParts(runes[i+1]):
			shown.WriteRune(r)
		default:
			shown.WriteByte('*')
		}
		starts = separatesParts(r)
	}
	return shown.String()
}

func foldDots(text string) string { return strings.Map(foldDot, text) }

func foldDot(r rune) rune {
	switch r {
	case '•', '・', '‧', '･', '．':
		return middleDot
	}
	return r
}

func withoutSpaces(text string) string { return strings.Join(strings.Fields(text), "") }

func notHan(r rune) bool { return !unicode.Is(unicode.Han, r) }

func separatesParts(r rune) bool { return r == ' ' || r == middleDot }

func unfitForName(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) || r == utf8.RuneError }
