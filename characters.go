package citycard

import "strings"

// narrow turns full-width characters (U+FF01 to U+FF5E, as Chinese keyboards type them) and the ideographic
// space into their ASCII forms.
func narrow(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～':
			return r - '！' + '!'
		case r == '\u3000':
			return ' '
		}
		return r
	}, text)
}

// tidy is narrow text without the spaces around it and with the letters a to z in upper case. Other letters stay
// as they are: Unicode's upper case would turn some of them into ASCII.
func tidy(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, strings.TrimSpace(narrow(text)))
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'A' && c <= 'Z' }

// firstNonDigit counts the characters before the first that is no ASCII digit; -1 where all are digits.
func firstNonDigit(text string) int {
	place := 0
	for _, r := range text {
		if r < '0' || r > '9' {
			return place
		}
		place++
	}
	return -1
}

func startsWithLetters(text string, count int) bool {
	for i := range count {
		if i >= len(text) || !isLetter(text[i]) {
			return false
		}
	}
	return true
}

// maskMiddle keeps the first head and last tail characters; a text too short to hide at least as many as it
// shows is hidden whole.
func maskMiddle(text string, head, tail int) string {
	if hidden := len(text) - head - tail; hidden > 0 {
		return text[:head] + strings.Repeat("*", hidden) + text[len(text)-tail:]
	}
	return strings.Repeat("*", len(text))
}
