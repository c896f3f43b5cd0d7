package signing

import (
	"cmp"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// Parameter names of the two form profiles.
const (
	nameAppID            = "app_id"
	nameMethod           = "method"
	nameFormat           = "format"
	nameCharset          = "charset"
	nameSignType         = "sign_type"
	nameSign             = "sign"
	nameTimestamp        = "timestamp"
	nameVersion          = "version"
	nameBizContent       = "biz_content"
	nameNonce            = "nonce"
	nameKeyID            = "key_id"
	nameAppCertSN        = "app_cert_sn"
	nameAlipayRootCertSN = "alipay_root_cert_sn"
	nameAlipaySDK        = "alipay_sdk"
	nameNotifyID         = "notify_id"
	nameNotifyType       = "notify_type"
	nameNotifyTime       = "notify_time"
)

const (
	charsetUTF8 = "utf-8"
	charsetGBK  = "gbk"

	formMediaType = "application/x-www-form-urlencoded"
)

// parameter is one pair of a form after one percent-decoding. Its value is the bytes that were signed.
type parameter struct {
	name, value string
	inBody      bool
}

// form is the parameters of one message, sorted by name once sort was called.
type form []parameter

// parseForm splits and decodes query and body. It reads on after a pair it cannot decode, so that the
// caller can still tell which method the message was for, and then reports the form as not well formed.
func parseForm(query, body string) (f form, wellFormed bool) {
	f, wellFormed = make(form, 0, 16), true
	for i, part := range [...]string{query, body} {
		if part == "" {
			continue
		}
		for pair := range strings.SplitSeq(part, "&") {
			p, ok := parsePair(pair)
			if !ok {
				wellFormed = false
				continue
			}
			p.inBody = i == 1
			f = append(f, p)
		}
	}
	return f, wellFormed
}

// countPairs is how many parameters parseForm would meet.
func countPairs(part string) int {
	if part == "" {
		return 0
	}
	return strings.Count(part, "&") + 1
}

func parsePair(pair string) (parameter, bool) {
	name, value, found := strings.Cut(pair, "=")
	if !found || strings.Contains(pair, ";") {
		return parameter{}, false
	}
	name, nameOK := unescape(name)
	value, valueOK := unescape(value)
	return parameter{name: name, value: value}, nameOK && valueOK
}

// unescape undoes the form's percent-encoding once, with `+` as space.
func unescape(s string) (string, bool) {
	if !strings.ContainsAny(s, "%+") {
		return s, true
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '+':
			out = append(out, ' ')
		case '%':
			if i+2 >= len(s) {
				return "", false
			}
			high, highOK := hexDigit(s[i+1])
			low, lowOK := hexDigit(s[i+2])
			if !highOK || !lowOK {
				return "", false
			}
			out = append(out, high<<4|low)
			i += 2
		default:
			out = append(out, c)
		}
	}
	return string(out), true
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// isText tells whether s is UTF-8 without control characters, C0 and C1 alike.
func isText(s string) bool {
	for i, r := range s {
		if unicode.IsControl(r) {
			return false
		}
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			return false
		}
	}
	return true
}

// isText tells whether every name and value is text.
func (f form) isText() bool {
	for _, p := range f {
		if !isText(p.name) || !isText(p.value) {
			return false
		}
	}
	return true
}

// toUTF8 returns the form with its values read as GBK. It reports false where a value is not GBK: the
// decoder then puts U+FFFD, which GBK itself cannot spell.
func (f form) toUTF8() (form, bool) {
	out := slices.Clone(f)
	for i := range out {
		value, err := simplifiedchinese.GBK.NewDecoder().String(out[i].value)
		if err != nil || strings.ContainsRune(value, utf8.RuneError) {
			return nil, false
		}
		out[i].value = value
	}
	return out, true
}

// sort orders the parameters by the bytes of their names, the order in which they are signed.
func (f form) sort() {
	slices.SortStableFunc(f, func(a, b parameter) int { return cmp.Compare(a.name, b.name) })
}

// duplicated tells whether a sorted form has a name twice.
func (f form) duplicated() bool {
	for i := 1; i < len(f); i++ {
		if f[i].name == f[i-1].name {
			return true
		}
	}
	return false
}

// lookup returns the parameter of that name, and whether there is exactly one.
func (f form) lookup(name string) (p parameter, single bool) {
	count := 0
	for _, candidate := range f {
		if candidate.name == name {
			p = candidate
			count++
		}
	}
	return p, count == 1
}

// value returns the value of that name, empty where there is none.
func (f form) value(name string) string {
	p, _ := f.lookup(name)
	return p.value
}

// missing returns the first of names that has no value.
func (f form) missing(names []string) (name string, found bool) {
	for _, name := range names {
		if p, _ := f.lookup(name); p.value == "" {
			return name, true
		}
	}
	return "", false
}

// canonical joins a sorted form as `name=value` with `&`, leaving the given names out. The result can be
// split in one way only: no value but biz_content holds `&` or `=`, every message has charset once and
// behind it, and whatever else the two could trade would leave biz_content no JSON object.
func (f form) canonical(without ...string) []byte {
	size := 0
	for _, p := range f {
		size += len(p.name) + len(p.value) + 2
	}
	out := make([]byte, 0, size)
	for _, p := range f {
		if slices.Contains(without, p.name) {
			continue
		}
		if len(out) > 0 {
			out = append(out, '&')
		}
		out = append(out, p.name...)
		out = append(out, '=')
		out = append(out, p.value...)
	}
	return out
}

// formOf returns the parameters of a message to be sent, sorted.
func formOf(values map[string]string) form {
	f := make(form, 0, len(values)+2)
	for name, value := range values {
		f = append(f, parameter{name: name, value: value})
	}
	f.sort()
	return f
}

// partition splits off the parameters of that name.
func (f form) partition(name string) (named, rest form) {
	for _, p := range f {
		if p.name == name {
			named = append(named, p)
		} else {
			rest = append(rest, p)
		}
	}
	return named, rest
}

// encode writes the form as application/x-www-form-urlencoded, in the order it is in.
func (f form) encode() string {
	pairs := make([]string, len(f))
	for i, p := range f {
		pairs[i] = url.QueryEscape(p.name) + "=" + url.QueryEscape(p.value)
	}
	return strings.Join(pairs, "&")
}

// splits tells whether a value could be taken for more than one parameter.
func splits(value string) bool {
	return strings.ContainsAny(value, "&=")
}

// singleMediaType reads a Content-Type that stands on exactly one line. Its only parameter may be a
// charset, which must be UTF-8.
func singleMediaType(header http.Header) (string, bool) {
	lines := header.Values("Content-Type")
	if len(lines) != 1 {
		return "", false
	}
	mediaType, params, err := mime.ParseMediaType(lines[0])
	if err != nil {
		return "", false
	}
	charset, declared := params["charset"]
	delete(params, "charset")
	return mediaType, len(params) == 0 && (!declared || strings.EqualFold(charset, charsetUTF8))
}
