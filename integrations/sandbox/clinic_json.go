package sandbox

import (
	"bytes"
	"encoding/json"
	"strings"
)

// compacted is JSON without white space; the text itself where it is no JSON.
func compacted(text string) string {
	var out bytes.Buffer
	if json.Compact(&out, []byte(text)) != nil {
		return text
	}
	return out.String()
}

// spaced is JSON as Python's json.dumps writes it: a space behind every comma and colon.
func spaced(text string) string {
	var out strings.Builder
	quoted, escaped := false, false
	for _, r := range compacted(text) {
		out.WriteRune(r)
		switch {
		case escaped:
			escaped = false
		case quoted && r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		case !quoted && (r == ',' || r == ':'):
			out.WriteByte(' ')
		}
	}
	return out.String()
}
