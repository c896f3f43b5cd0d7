package signing_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

// pair is one parameter of a form as it travels, both halves already encoded.
type pair struct{ name, value string }

// draft is a signed form message that a test mangles before it is read.
type draft struct {
	query, body []pair
	header      http.Header
}

func encodePairs(pairs []pair) string {
	out := make([]string, len(pairs))
	for i, p := range pairs {
		out[i] = p.name + "=" + p.value
	}
	return strings.Join(out, "&")
}

func decodePairs(text string) []pair {
	var pairs []pair
	for part := range strings.SplitSeq(text, "&") {
		if part != "" {
			name, value, _ := strings.Cut(part, "=")
			pairs = append(pairs, pair{name, value})
		}
	}
	return pairs
}

func (d *draft) clone() *draft {
	return &draft{query: slices.Clone(d.query), body: slices.Clone(d.body), header: d.header.Clone()}
}

// part returns the half of the form that holds name, and where in it.
func (d *draft) part(name string) (*[]pair, int) {
	for _, half := range []*[]pair{&d.query, &d.body} {
		if i := slices.IndexFunc(*half, func(p pair) bool { return p.name == name }); i >= 0 {
			return half, i
		}
	}
	panic("no parameter " + name)
}

func (d *draft) value(name string) string {
	half, i := d.part(name)
	return (*half)[i].value
}

// decoded returns the value as it was signed.
func (d *draft) decoded(name string) string {
	value, err := url.QueryUnescape(d.value(name))
	if err != nil {
		panic(err)
	}
	return value
}

func (d *draft) set(name, encoded string) {
	half, i := d.part(name)
	(*half)[i].value = encoded
}

func (d *draft) setDecoded(name, value string) { d.set(name, url.QueryEscape(value)) }

func (d *draft) rename(name, to string) {
	half, i := d.part(name)
	(*half)[i].name = to
}

func (d *draft) remove(name string) {
	half, i := d.part(name)
	*half = slices.Delete(*half, i, i+1)
}

// move puts a parameter into the other half.
func (d *draft) move(name string) {
	half, i := d.part(name)
	p := (*half)[i]
	other := &d.body
	if half == &d.body {
		other = &d.query
	}
	d.remove(name)
	*other = append(*other, p)
}

// outcome is how a message is answered. The zero outcome is acceptance.
type outcome struct {
	row     signing.Row
	subCode string
}

// kind is one way to mangle a form.
type kind struct {
	name   string
	mangle func(d *draft)
	want   outcome
}

// sign puts the signature of key over text into the draft.
func (d *draft) sign(tb testing.TB, key *signing.PrivateKey, text string) {
	tb.Helper()
	signature, err := key.Sign([]byte(text))
	require.NoError(tb, err)
	d.setDecoded("sign", base64.StdEncoding.EncodeToString(signature))
}

// canonical is the canonical string of a draft, built the plain way as a second opinion.
func (d *draft) canonical(without ...string) string {
	var lines []string
	for _, p := range slices.Concat(d.query, d.body) {
		if !slices.Contains(without, p.name) {
			lines = append(lines, p.name+"="+d.decoded(p.name))
		}
	}
	slices.SortFunc(lines, func(a, b string) int {
		nameA, _, _ := strings.Cut(a, "=")
		nameB, _, _ := strings.Cut(b, "=")
		return strings.Compare(nameA, nameB)
	})
	return strings.Join(lines, "&")
}

// encodingKinds mangle the encoding of each parameter: always row 4, whatever the parameter.
func encodingKinds(names []string) []kind {
	broken := map[string]string{
		"a lone percent": "%", "half an escape": "%4", "an escape that is not hex": "%zz", "an escape half hex": "%4g", "an escape hex in its second half": "%g4", "an escape with a sign": "%+1",
		"a NUL": "%00", "a line feed": "%0A", "a raw tab": "\t", "a DEL": "%7F", "a C1 control": "%C2%85",
		"a stray byte": "%FF", "an overlong slash": "%C0%AF", "a surrogate": "%ED%A0%80", "a cut-off character": "%E4%BD",
		"a semicolon": ";", "a pair behind a semicolon": ";a=1", "a raw stray byte": "\xff",
	}
	var kinds []kind
	for _, name := range names {
		for what, suffix := range broken {
			kinds = append(kinds, kind{
				name + " with " + what, func(d *draft) { d.set(name, d.value(name)+suffix) },
				outcome{signing.RowEncoding, "isv.invalid-encoding"},
			})
		}
		kinds = append(kinds, kind{name + " with a stray byte in its name", func(d *draft) {
			d.rename(name, name+"%FF")
		}, outcome{signing.RowEncoding, "isv.invalid-encoding"}}, kind{name + " with a line feed in its name", func(d *draft) {
			d.rename(name, name+"%0A")
		}, outcome{signing.RowEncoding, "isv.invalid-encoding"}}, kind{name + " without =", func(d *draft) {
			half, i := d.part(name)
			(*half)[i] = pair{name + "%", "x"}
		}, outcome{signing.RowEncoding, "isv.invalid-encoding"}})
	}
	return kinds
}

// nameKinds mangle the names: rows 5 and 6.
func nameKinds(names []string) []kind {
	twice, unknown := outcome{signing.RowDuplicate, "isv.duplicate-parameter"}, outcome{signing.RowUnknownName, "isv.unknown-parameter"}
	var kinds []kind
	for _, name := range names {
		kinds = append(kinds,
			kind{name + " twice in its part", func(d *draft) {
				half, i := d.part(name)
				*half = append(*half, (*half)[i])
			}, twice},
			kind{name + " twice, the second empty", func(d *draft) {
				half, _ := d.part(name)
				*half = append(*half, pair{name, ""})
			}, twice},
			kind{name + " twice, once escaped", func(d *draft) {
				half, i := d.part(name)
				*half = append(*half, pair{"%" + hexOf(name[0]) + name[1:], (*half)[i].value})
			}, twice},
			kind{name + " in capitals", func(d *draft) { d.rename(name, strings.ToUpper(name)) }, unknown},
			kind{name + " with a space", func(d *draft) { d.rename(name, name+"+") }, unknown},
			kind{name + " as an array", func(d *draft) { d.rename(name, name+"[]") }, unknown},
		)
	}
	return kinds
}

// answers says how the removal of a parameter, an empty value, a letter more and a smuggled pair are answered.
type answers struct{ removed, emptied, longer, smuggled outcome }

// valueKinds mangle each value after signing.
func valueKinds(all map[string]answers) []kind {
	var kinds []kind
	for name, want := range all {
		kinds = append(kinds,
			kind{name + " removed", func(d *draft) { d.remove(name) }, want.removed},
			kind{name + " emptied", func(d *draft) { d.set(name, "") }, want.emptied},
			kind{name + " a letter longer", func(d *draft) { d.set(name, d.value(name)+"x") }, want.longer},
			kind{name + " with a smuggled pair", func(d *draft) { d.set(name, d.value(name)+"%26a%3D1") }, want.smuggled},
		)
	}
	return kinds
}

func hexOf(c byte) string {
	const digits = "0123456789ABCDEF"
	return string([]byte{digits[c>>4], digits[c&15]})
}
