package handlers

import (
	"bytes"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"citycard"
)

const (
	maxDepth   = 8
	maxInteger = 1<<53 - 1
)

// document reads JSON text (RFC 8259) once, front to back, beside the Go type it is meant for.
type document struct {
	data []byte
	at   int
}

// checkDocument finds what Decode refuses and encoding/json would let pass.
func checkDocument(data []byte, into any) error {
	d := &document{data: data}
	if !utf8.Valid(data) {
		return malformed("", "the body is not valid UTF-8")
	}
	d.space()
	if d.peek() != '{' {
		return malformed("", "the body must be one JSON object")
	}
	if err := d.object(reflect.TypeOf(into).Elem(), "", 1); err != nil {
		return err
	}
	if d.space(); d.at != len(d.data) {
		return malformed("", "there is text after the JSON object")
	}
	return nil
}

func (d *document) space() {
	for d.at < len(d.data) && strings.IndexByte(" \t\r\n", d.data[d.at]) >= 0 {
		d.at++
	}
}

// peek is the next byte, or 0 at the end; a NUL byte in the text is no token anyway.
func (d *document) peek() byte {
	if d.at < len(d.data) {
		return d.data[d.at]
	}
	return 0
}

func (d *document) take(b byte) bool {
	if d.peek() != b || d.at == len(d.data) {
		return false
	}
	d.at++
	return true
}

func (d *document) object(t reflect.Type, path string, depth int) error {
	d.at++
	members := membersOf(t)
	seen := map[string]bool{}
	for first := true; ; first = false {
		d.space()
		if d.take('}') {
			if first {
				return nil
			}
			return malformed(path, "a comma stands before the end of an object")
		}
		text, err := d.text(path)
		if err != nil {
			return err
		}
		name := string(text)
		field, folded := join(path, name), fold(name)
		if seen[folded] {
			return malformed(field, "a member stands there twice")
		}
		seen[folded] = true
		member, known := members.find(name)
		if !known {
			return d.unknownMember(name, field)
		}
		if d.space(); !d.take(':') {
			return malformed(field, "a colon is missing")
		}
		if err := d.value(member, field, depth); err != nil {
			return err
		}
		if d.space(); d.take(',') {
			continue
		}
		if d.take('}') {
			return nil
		}
		return malformed(path, "an object does not end")
	}
}

func (d *document) array(t reflect.Type, path string, depth int) error {
	d.at++
	if d.space(); d.take(']') {
		return nil
	}
	for i := 0; ; i++ {
		if err := d.value(elementOf(t), path+"["+strconv.Itoa(i)+"]", depth); err != nil {
			return err
		}
		if d.space(); d.take(',') {
			continue
		}
		if d.take(']') {
			return nil
		}
		return malformed(path, "an array does not end")
	}
}

func (d *document) value(t reflect.Type, path string, depth int) error {
	d.space()
	switch b := d.peek(); {
	case (b == '{' || b == '[') && depth == maxDepth:
		return malformed(path, "the document is nested too deeply")
	case b == '{':
		return d.object(t, path, depth+1)
	case b == '[':
		return d.array(t, path, depth+1)
	case b == '"':
		_, err := d.text(path)
		return err
	case b == '-' || '0' <= b && b <= '9':
		return d.integer(path)
	}
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(d.data[d.at:], []byte(word)) {
			d.at += len(word)
			if word == "null" && !takesNull(t) {
				return invalidPayload(path, "the member must not be null")
			}
			return nil
		}
	}
	return malformed(path, "a value is missing or is no JSON value")
}

// integer accepts 0, 7, -7 and nothing that another reader could see differently: no fraction, exponent,
// leading zero, minus zero, or number a double cannot hold exactly.
func (d *document) integer(path string) error {
	start := d.at
	for d.at < len(d.data) && strings.IndexByte("+-.0123456789eE", d.data[d.at]) >= 0 {
		d.at++
	}
	text := string(d.data[start:d.at])
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != text || n > maxInteger || n < -maxInteger {
		return invalidPayload(path, "a number must be an integer between -(2^53-1) and 2^53-1")
	}
	return nil
}

// text reads a string and gives it unescaped: a part of the document itself where nothing in it was escaped.
func (d *document) text(path string) ([]byte, error) {
	if !d.take('"') {
		return nil, malformed(path, "a string is missing")
	}
	var unescaped []byte // up to start
	start := d.at
	for d.at < len(d.data) {
		b := d.data[d.at]
		d.at++
		switch {
		case b == '"' && unescaped == nil:
			return d.data[start : d.at-1], nil
		case b == '"':
			return append(unescaped, d.data[start:d.at-1]...), nil
		case b < ' ':
			return nil, malformed(path, "a string holds a raw control character")
		case b == '\\':
			unescaped = append(unescaped, d.data[start:d.at-1]...)
			r, ok := d.escape()
			if !ok {
				return nil, malformed(path, "a string holds an escape that stands for no character")
			}
			unescaped, start = utf8.AppendRune(unescaped, r), d.at
		}
	}
	return nil, malformed(path, "a string does not end")
}

func (d *document) escape() (rune, bool) {
	b := d.peek()
	d.at++
	if i := strings.IndexByte(`"\/bfnrt`, b); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), true
	}
	if b != 'u' {
		return 0, false
	}
	r, ok := d.hex4()
	switch {
	case !ok, r == 0:
		return 0, false
	case 0xD800 <= r && r <= 0xDBFF:
		if !d.take('\\') || !d.take('u') {
			return 0, false
		}
		low, ok := d.hex4()
		return 0x10000 + (r-0xD800)<<10 + (low - 0xDC00), ok && 0xDC00 <= low && low <= 0xDFFF
	case 0xDC00 <= r && r <= 0xDFFF:
		return 0, false
	}
	return r, true
}

func (d *document) hex4() (rune, bool) {
	if d.at+4 > len(d.data) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(d.data[d.at:d.at+4]), 16, 16)
	d.at += 4
	return rune(n), err == nil
}

// unknownMember singles out passwords, under the member's name and anywhere within it: no request of ours ever carries one
// where it is not asked for.
func (d *document) unknownMember(name, field string) error {
	if namesPassword(name) {
		return passwordInBody(field)
	}
	if d.space(); d.take(':') && citycard.RefusePassword(d.data[d.at:]) != nil {
		return passwordInBody(field)
	}
	return invalidPayload(field, "the member is not known here")
}

func passwordInBody(field string) error {
	return &citycard.Error{Code: citycard.CodePasswordInBody, Field: field, Message: "no password may be sent here"}
}

// namesPassword tells whether what stands under a name is meant as a password.
func namesPassword(name string) bool {
	for _, word := range []string{"password", "passwd", "passcode", "pin_code", "密码"} {
		if strings.Contains(fold(name), fold(word)) {
			return true
		}
	}
	return false
}

// fold maps a name to one that all names differing only in case share, as encoding/json compares them.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next
			}
			r = next
		}
	}, name)
}

// join extends the path of a member. A name that does not look like one is the sender's free text and is
// left out.
func join(path, name string) string {
	if !looksLikeName(name) {
		return path
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

func looksLikeName(name string) bool {
	letters := 0
	for _, r := range name {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', r == '_':
			letters++
		case '0' <= r && r <= '9' && letters > 0:
		default:
			return false
		}
	}
	return letters > 0 && len(name) <= 40
}
