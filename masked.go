package citycard

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// masker says how one kind of personal text is shown.
type masker interface{ mask(plain string) string }

// private is a personal text that prints as its mask in every way Go prints a value: fmt with any verb, JSON,
// text encodings and slog. Only Reveal gives the plain text. One gap is fmt's own: it calls no methods on
// unexported fields, so a struct that keeps such a value in one must never be printed whole.
type private[M masker] struct{ text string }

// Reveal is the plain text, for the encrypting store and the platform client only.
func (p private[M]) Reveal() string { return p.text }

// IsZero tells whether nothing is set.
func (p private[M]) IsZero() bool { return p.text == "" }

// Mask is what people other than the holder may see; empty where nothing is set.
func (p private[M]) Mask() string {
	if p.text == "" {
		return ""
	}
	var how M
	return how.mask(p.text)
}

// String is the mask.
func (p private[M]) String() string { return p.Mask() }

// GoString is the mask.
func (p private[M]) GoString() string { return p.Mask() }

// Format prints the mask for every verb, also those that would otherwise show the fields.
func (p private[M]) Format(state fmt.State, verb rune) {
	text := p.Mask()
	if verb == 'q' {
		text = fmt.Sprintf("%q", text)
	}
	_, _ = io.WriteString(state, text)
}

// MarshalJSON writes the mask.
func (p private[M]) MarshalJSON() ([]byte, error) { return json.Marshal(p.Mask()) }

// MarshalText writes the mask.
func (p private[M]) MarshalText() ([]byte, error) { return []byte(p.Mask()), nil }

// LogValue is the mask.
func (p private[M]) LogValue() slog.Value { return slog.StringValue(p.Mask()) }
