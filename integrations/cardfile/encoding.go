package cardfile

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// encodingWatch tells whether everything written to it is valid UTF-8, whatever the parts it comes in.
type encodingWatch struct {
	rest   []byte
	broken bool
}

func (w *encodingWatch) Write(part []byte) (int, error) {
	if w.broken {
		return len(part), nil
	}
	text := part
	if len(w.rest) > 0 {
		text = append(w.rest, part...) //nolint:gocritic // the rest is used up here
	}
	whole := wholeRunes(text)
	w.broken = !utf8.Valid(text[:whole])
	w.rest = append([]byte(nil), text[whole:]...)
	return len(part), nil
}

func (w *encodingWatch) isUTF8() bool { return !w.broken && len(w.rest) == 0 }

// wholeRunes is the length of text without a character cut off at its end.
func wholeRunes(text []byte) int {
	for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
		if at := len(text) - back; utf8.RuneStart(text[at]) {
			if utf8.FullRune(text[at:]) {
				return len(text)
			}
			return at
		}
	}
	return len(text)
}

// decode gives a file's text in UTF-8.
func decode(file io.Reader, seen sight) (io.Reader, error) {
	switch {
	case bytes.HasPrefix(seen.start, []byte{0xFF, 0xFE}), bytes.HasPrefix(seen.start, []byte{0xFE, 0xFF}):
		return nil, errors.New("the file is in UTF-16; save it as CSV in UTF-8 or GB18030")
	case bytes.HasPrefix(seen.start, []byte("PK\x03\x04")):
		return nil, errors.New("the file is a spreadsheet; its name must end in .xlsx")
	case seen.utf8:
		return file, nil
	}
	return simplifiedchinese.GB18030.NewDecoder().Reader(file), nil
}
