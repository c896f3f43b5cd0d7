package signing

import (
	"errors"
	"strconv"
	"strings"
)

// The part of Structured Field Values (RFC 9651, which replaces RFC 8941) that message signatures need:
// dictionaries of inner lists and items; integers, strings, tokens, byte sequences and booleans. Decimals,
// dates and display strings are refused. Where the standard lets the last of two equal keys win, this
// refuses both.

var (
	errFieldSyntax    = errors.New("not a structured field")
	errFieldDuplicate = errors.New("key twice in a structured field")
)

type itemKind int

const (
	kindInteger itemKind = iota + 1
	kindString
	kindToken
	kindBytes
	kindBoolean
)

// maxMembers bounds the members of one dictionary, list or parameter list.
const maxMembers = 32

// maxIntegerDigits is the range of an Integer (RFC 9651 §3.3.1).
const maxIntegerDigits = 15

// item is one bare item. A byte sequence keeps its base64 text: who uses it judges its spelling.
type item struct {
	kind   itemKind
	text   string // string, token or base64, without delimiters and escapes
	number int64  // integer; a boolean as 0 or 1
}

type fieldParam struct {
	key   string
	value item
}

// listItem is one member of an inner list.
type listItem struct {
	value  item
	params []fieldParam
}

// member is one member of a dictionary: an inner list or an item.
type member struct {
	key    string
	isList bool
	list   []listItem
	value  item
	params []fieldParam
}

type fieldParser struct {
	text string
	at   int
}

// parseDictionary reads a whole field value (RFC 9651 §4.2.2).
func parseDictionary(text string) ([]member, error) {
	p := &fieldParser{text: strings.Trim(text, " ")}
	var members []member
	seen := map[string]bool{}
	for p.at < len(p.text) {
		m, err := p.member()
		if err != nil {
			return nil, err
		}
		if seen[m.key] {
			return nil, errFieldDuplicate
		}
		seen[m.key] = true
		if members = append(members, m); len(members) > maxMembers {
			return nil, errFieldSyntax
		}
		p.skip(" \t")
		if p.at == len(p.text) {
			return members, nil
		}
		if !p.take(',') {
			return nil, errFieldSyntax
		}
		p.skip(" \t")
		if p.at == len(p.text) {
			return nil, errFieldSyntax // a comma with nothing behind it
		}
	}
	return members, nil
}

// parseString reads a field value that is one String without parameters.
func parseString(text string) (string, error) {
	p := &fieldParser{text: strings.Trim(text, " ")}
	value, err := p.item()
	if err != nil || value.kind != kindString || p.at != len(p.text) {
		return "", errFieldSyntax
	}
	return value.text, nil
}

func (p *fieldParser) peek() byte {
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *fieldParser) take(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.at++
	return true
}

func (p *fieldParser) skip(chars string) {
	for p.at < len(p.text) && strings.IndexByte(chars, p.text[p.at]) >= 0 {
		p.at++
	}
}

// span takes the longest run of bytes that fit.
func (p *fieldParser) span(fits func(c byte) bool) string {
	start := p.at
	for p.at < len(p.text) && fits(p.text[p.at]) {
		p.at++
	}
	return p.text[start:p.at]
}

func (p *fieldParser) member() (m member, err error) {
	if m.key, err = p.key(); err != nil {
		return m, err
	}
	switch {
	case !p.take('='):
		m.value = item{kind: kindBoolean, number: 1}
	case p.peek() == '(':
		m.isList = true
		m.list, err = p.innerList()
	default:
		m.value, err = p.item()
	}
	if err != nil {
		return m, err
	}
	m.params, err = p.params()
	return m, err
}

func (p *fieldParser) key() (string, error) {
	if c := p.peek(); !isLower(c) && c != '*' {
		return "", errFieldSyntax
	}
	return p.span(func(c byte) bool {
		return isLower(c) || isDigit(c) || strings.IndexByte("_-.*", c) >= 0
	}), nil
}

func (p *fieldParser) innerList() ([]listItem, error) {
	p.at++ // the parenthesis that the caller saw
	var list []listItem
	for len(list) <= maxMembers {
		p.skip(" ")
		if p.take(')') {
			return list, nil
		}
		value, err := p.item()
		if err != nil {
			return nil, err
		}
		params, err := p.params()
		if err != nil {
			return nil, err
		}
		list = append(list, listItem{value: value, params: params})
		if c := p.peek(); c != ' ' && c != ')' {
			return nil, errFieldSyntax
		}
	}
	return nil, errFieldSyntax
}

func (p *fieldParser) params() ([]fieldParam, error) {
	var params []fieldParam
	for p.take(';') {
		p.skip(" ")
		key, err := p.key()
		if err != nil {
			return nil, err
		}
		value := item{kind: kindBoolean, number: 1}
		if p.take('=') {
			if value, err = p.item(); err != nil {
				return nil, err
			}
		}
		for _, earlier := range params {
			if earlier.key == key {
				return nil, errFieldDuplicate
			}
		}
		if params = append(params, fieldParam{key: key, value: value}); len(params) > maxMembers {
			return nil, errFieldSyntax
		}
	}
	return params, nil
}

func (p *fieldParser) item() (item, error) {
	switch c := p.peek(); {
	case c == '"':
		return p.quoted()
	case c == ':':
		return p.bytes()
	case c == '?':
		return p.boolean()
	case c == '-' || isDigit(c):
		return p.integer()
	case c == '*' || isLower(c) || isUpper(c):
		return item{kind: kindToken, text: p.span(isTokenByte)}, nil
	}
	return item{}, errFieldSyntax
}

func (p *fieldParser) quoted() (item, error) {
	p.at++
	var out strings.Builder
	for p.at < len(p.text) {
		c := p.text[p.at]
		p.at++
		switch {
		case c == '"':
			return item{kind: kindString, text: out.String()}, nil
		case c == '\\':
			if c = p.peek(); c != '"' && c != '\\' {
				return item{}, errFieldSyntax
			}
			p.at++
		case c < ' ' || c > '~':
			return item{}, errFieldSyntax
		}
		out.WriteByte(c)
	}
	return item{}, errFieldSyntax
}

func (p *fieldParser) bytes() (item, error) {
	p.at++
	text := p.span(func(c byte) bool { return c > ' ' && c <= '~' && c != ':' })
	if !p.take(':') {
		return item{}, errFieldSyntax
	}
	return item{kind: kindBytes, text: text}, nil
}

func (p *fieldParser) boolean() (item, error) {
	p.at++
	switch {
	case p.take('0'):
		return item{kind: kindBoolean}, nil
	case p.take('1'):
		return item{kind: kindBoolean, number: 1}, nil
	}
	return item{}, errFieldSyntax
}

func (p *fieldParser) integer() (item, error) {
	negative := p.take('-')
	digits := p.span(isDigit)
	if len(digits) == 0 || len(digits) > maxIntegerDigits {
		return item{}, errFieldSyntax
	}
	number, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return item{}, errFieldSyntax
	}
	if negative {
		number = -number
	}
	return item{kind: kindInteger, number: number}, nil
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isTokenByte(c byte) bool {
	return isLower(c) || isUpper(c) || isDigit(c) || strings.IndexByte("!#$%&'*+-.^_`|~:/", c) >= 0
}

var stringEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// serialize writes the item in its one form (RFC 9651 §4.1.3.1).
func (i item) serialize() string {
	switch i.kind {
	case kindInteger:
		return strconv.FormatInt(i.number, 10)
	case kindString:
		return `"` + stringEscapes.Replace(i.text) + `"`
	case kindBytes:
		return ":" + i.text + ":"
	case kindBoolean:
		return "?" + strconv.FormatInt(i.number, 10)
	default:
		return i.text
	}
}

func serializeParams(params []fieldParam) string {
	var out strings.Builder
	for _, p := range params {
		out.WriteString(";" + p.key)
		if p.value != (item{kind: kindBoolean, number: 1}) {
			out.WriteString("=" + p.value.serialize())
		}
	}
	return out.String()
}

func (l listItem) serialize() string {
	return l.value.serialize() + serializeParams(l.params)
}

// serialize writes the member without its key.
func (m member) serialize() string {
	if !m.isList {
		return m.value.serialize() + serializeParams(m.params)
	}
	items := make([]string, len(m.list))
	for i, l := range m.list {
		items[i] = l.serialize()
	}
	return "(" + strings.Join(items, " ") + ")" + serializeParams(m.params)
}
