package signing_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

// resign signs a mangled request anew, as a sender would that does it wrong on purpose. Empty params keep
// those of the request.
func resign(tb testing.TB, m *signing.Message, params string, key *signing.PrivateKey) {
	tb.Helper()
	if params == "" {
		params = strings.TrimPrefix(m.Header.Get("Signature-Input"), "sig1=")
	}
	list, _, _ := strings.Cut(strings.TrimPrefix(params, "("), ")")
	var components []signing.Component
	for identifier := range strings.FieldsSeq(list) {
		values := map[string]string{
			`"@method"`: m.Method, `"@authority"`: m.Authority, `"@path"`: m.Path, `"@query"`: "?" + m.Query,
		}
		value, derived := values[identifier]
		if !derived {
			value = m.Header.Get(strings.Trim(identifier, `"`))
		}
		components = append(components, signing.Component{Identifier: identifier, Value: value})
	}
	signature, err := key.Sign(signing.SignatureBase(components, params))
	require.NoError(tb, err)
	m.Header.Set("Signature-Input", "sig1="+params)
	m.Header.Set("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(signature)+":")
}

// messageKind is one way to mangle a message; resigned kinds are signed again by the right key.
type messageKind struct {
	name     string
	mangle   func(m *signing.Message)
	want     problem
	resigned bool
}

func cloneMessage(m *signing.Message) *signing.Message {
	c := *m
	c.Header, c.Body = m.Header.Clone(), slices.Clone(m.Body)
	return &c
}

var (
	isMalformed    = func(row signing.Row) problem { return problem{row, 400, "malformed_request"} }
	isUnsigned     = problem{signing.RowMissing, 401, "signature_required"}
	isSkewed       = problem{signing.RowTime, 401, "timestamp_skew"}
	isUncovered    = problem{signing.RowCoverage, 401, "insufficient_coverage"}
	isUndigested   = problem{signing.RowCoverage, 400, "content_digest_invalid"}
	isForged       = problem{signing.RowSignature, 401, "signature_invalid"}
	isWrongType    = problem{signing.RowMediaType, 415, "unsupported_media_type"}
	isWithoutKey   = problem{signing.RowMissing, 400, "idempotency_key_required"}
	coveredByRules = []string{`"@method"`, `"@authority"`, `"@path"`, `"@query"`, `"content-type"`, `"content-digest"`, `"idempotency-key"`}
)

// inField returns a mangling that replaces text in a header field.
func inField(header, old, text string) func(m *signing.Message) {
	return func(m *signing.Message) {
		value := m.Header.Get(header)
		if !strings.Contains(value, old) {
			panic(header + " lacks " + old)
		}
		m.Header.Set(header, strings.Replace(value, old, text, 1))
	}
}

func setField(header, value string) func(m *signing.Message) {
	return func(m *signing.Message) { m.Header.Set(header, value) }
}

// contentKinds change what was signed, without signing again.
func contentKinds() []messageKind {
	return []messageKind{
		{"another method", func(m *signing.Message) { m.Method = "PUT" }, isForged, false},
		{"the method in lower case", func(m *signing.Message) { m.Method = "post" }, isForged, false},
		{"another host", func(m *signing.Message) { m.Authority = "api.citycard.example.evil.example" }, isForged, false},
		{"another port", func(m *signing.Message) { m.Authority = "api.citycard.example:8443" }, isForged, false},
		{"the port of http", func(m *signing.Message) { m.Authority = "api.citycard.example:80" }, isForged, false},
		{"no host", func(m *signing.Message) { m.Authority = "" }, isForged, false},
		{"another path", func(m *signing.Message) { m.Path = "/v1/partner/queries" }, isForged, false},
		{"the path with a slash more", func(m *signing.Message) { m.Path += "/" }, isForged, false},
		{"the path escaped", func(m *signing.Message) { m.Path = "/v1/partner/%65vents" }, isForged, false},
		{"no path", func(m *signing.Message) { m.Path = "" }, isForged, false},
		{"another query", func(m *signing.Message) { m.Query = "dry_run=0&a=%20" }, isForged, false},
		{"the query re-encoded", func(m *signing.Message) { m.Query = "dry_run=1&a=+" }, isForged, false},
		{"no query", func(m *signing.Message) { m.Query = "" }, isForged, false},
		{"a raw byte in the path", func(m *signing.Message) { m.Path = "/v1/\xe4" }, isMalformed(signing.RowEncoding), false},
		{"a line in the query", func(m *signing.Message) { m.Query = "a\n\"@method\": GET" }, isMalformed(signing.RowEncoding), false},
		{"another body", func(m *signing.Message) { m.Body[10] ^= 1 }, isUndigested, false},
		{"no body", func(m *signing.Message) { m.Body = nil }, isUndigested, false},
		{"a body with a line feed more", func(m *signing.Message) { m.Body = append(m.Body, '\n') }, isUndigested, false},
		{"another body with its own digest", func(m *signing.Message) {
			m.Body = []byte("{}")
			setDigest(m, "sha-256")
		}, isForged, false},
		{"another idempotency key", setField("Idempotency-Key", `"BANK-20261122-000009"`), isForged, false},
		{"the idempotency key without quotes", setField("Idempotency-Key", `BANK-20261122-000004`), isForged, false},
		{"another Content-Type", setField("Content-Type", "application/json; charset=utf-8"), isForged, false},
	}
}

func setDigest(m *signing.Message, name string) {
	sum := sha256.Sum256(m.Body)
	m.Header.Set("Content-Digest", name+"=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
}

// fieldKinds mangle single fields.
func fieldKinds() []messageKind {
	kinds := []messageKind{
		{"no Content-Digest", func(m *signing.Message) { m.Header.Del("Content-Digest") }, isUndigested, false},
		{"an empty Content-Digest", setField("Content-Digest", ""), isUndigested, false},
		{"a digest of an unknown name", func(m *signing.Message) { setDigest(m, "sha-3") }, isUndigested, true},
		{"a digest called sha-512", func(m *signing.Message) { setDigest(m, "sha-512") }, isUndigested, true},
		{"a digest in capitals", func(m *signing.Message) { setDigest(m, "SHA-256") }, isUndigested, true},
		{"a digest in hex", func(m *signing.Message) {
			sum := sha256.Sum256(m.Body)
			m.Header.Set("Content-Digest", "sha-256=:"+hex.EncodeToString(sum[:])+":")
		}, isUndigested, true},
		{"the older Digest form", func(m *signing.Message) {
			sum := sha256.Sum256(m.Body)
			m.Header.Set("Content-Digest", "SHA-256="+base64.StdEncoding.EncodeToString(sum[:]))
		}, isUndigested, true},
		{"a digest without padding", inField("Content-Digest", "=:", ":"), isUndigested, false},
		{"an MD5 beside the digest", func(m *signing.Message) {
			m.Header.Set("Content-Digest", m.Header.Get("Content-Digest")+", md5=:AAAA:")
		}, isUndigested, true},
		{"no idempotency key", func(m *signing.Message) { m.Header.Del("Idempotency-Key") }, isWithoutKey, false},
		{"an empty idempotency key", setField("Idempotency-Key", `""`), isWithoutKey, false},
		{"a short idempotency key", setField("Idempotency-Key", `"BANK"`), isMalformed(signing.RowPattern), true},
		{"a long idempotency key", setField("Idempotency-Key", strings.Repeat("a", 65)), isMalformed(signing.RowPattern), true},
		{"an idempotency key half quoted", setField("Idempotency-Key", `"BANK-20261122-000004`), isMalformed(signing.RowPattern), true},
		{"an idempotency key with a parameter", setField("Idempotency-Key", `"BANK-20261122-000004";a`), isMalformed(signing.RowPattern), true},
		{"an idempotency key with a space", setField("Idempotency-Key", `"BANK-20261122 000004"`), isMalformed(signing.RowPattern), true},
		{"an idempotency key in Chinese", setField("Idempotency-Key", `社保卡社保卡社保卡`), isMalformed(signing.RowEncoding), true},
		{"no Content-Type", func(m *signing.Message) { m.Header.Del("Content-Type") }, isWrongType, false},
		{"Content-Type text", setField("Content-Type", "text/plain"), isWrongType, true},
		{"Content-Type problem+json", setField("Content-Type", "application/problem+json"), isWrongType, true},
		{"Content-Type with another charset", setField("Content-Type", "application/json; charset=gbk"), isWrongType, true},
		{"a Content-Encoding", setField("Content-Encoding", "gzip"), isWrongType, true},
		{"an empty Content-Encoding", setField("Content-Encoding", ""), isWrongType, true},
		{"a body over 64 KiB", func(m *signing.Message) { m.Body = make([]byte, 64<<10+1) }, problem{signing.RowSize, 413, "body_too_large"}, false},
	}
	for _, header := range []string{"Content-Digest", "Idempotency-Key", "Signature-Input", "Signature"} {
		kinds = append(kinds,
			messageKind{header + " on two lines", func(m *signing.Message) { m.Header.Add(header, m.Header.Get(header)) }, isMalformed(signing.RowDuplicate), false},
			messageKind{header + " with a raw byte", func(m *signing.Message) { m.Header.Set(header, m.Header.Get(header)+"\xff") }, isMalformed(signing.RowEncoding), false},
			messageKind{header + " with a tab", func(m *signing.Message) { m.Header.Set(header, "\t"+m.Header.Get(header)) }, isMalformed(signing.RowEncoding), false},
		)
	}
	return kinds
}

// signatureKinds mangle the signature itself.
func signatureKinds() []messageKind {
	kinds := []messageKind{
		{"no Signature", func(m *signing.Message) { m.Header.Del("Signature") }, isUnsigned, false},
		{"no Signature-Input", func(m *signing.Message) { m.Header.Del("Signature-Input") }, isUnsigned, false},
		{"neither", func(m *signing.Message) { m.Header.Del("Signature-Input"); m.Header.Del("Signature") }, isUnsigned, false},
		{"an empty Signature", setField("Signature", ""), isUnsigned, false},
		{"an empty Signature-Input", setField("Signature-Input", ""), isUnsigned, false},
		{"a Signature of another label", inField("Signature", "sig1", "sig2"), isUnsigned, false},
		{"a Signature-Input of another label", inField("Signature-Input", "sig1", "sig2"), isUnsigned, false},
		{"a Signature without colons", inField("Signature", ":", ""), isMalformed(signing.RowEncoding), false},
		{"a Signature as a string", setField("Signature", `sig1="AAAA"`), isMalformed(signing.RowEncoding), false},
		{"a Signature as a list", setField("Signature", `sig1=(:AAAA:)`), isMalformed(signing.RowEncoding), false},
		{"a Signature with a parameter", setField("Signature", `sig1=:AAAA:;a=1`), isMalformed(signing.RowEncoding), false},
		{"a Signature with a comma behind", func(m *signing.Message) { m.Header.Set("Signature", m.Header.Get("Signature")+",") }, isMalformed(signing.RowEncoding), false},
		{"two Signatures of one label", func(m *signing.Message) {
			m.Header.Set("Signature", m.Header.Get("Signature")+", "+m.Header.Get("Signature"))
		}, isMalformed(signing.RowDuplicate), false},
		{"an empty signature", setField("Signature", "sig1=::"), isForged, false},
		{"a short signature", setField("Signature", "sig1=:AAAA:"), isForged, false},
		{"64 zeros", setField("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(make([]byte, 64))+":"), isForged, false},
		{"no base64", setField("Signature", "sig1=:!!!!:"), isForged, false},
	}
	respell := func(name string, change func(text string) string) messageKind {
		return messageKind{name, func(m *signing.Message) {
			text := strings.TrimSuffix(strings.TrimPrefix(m.Header.Get("Signature"), "sig1=:"), ":")
			m.Header.Set("Signature", "sig1=:"+change(text)+":")
		}, isForged, false}
	}
	return append(kinds,
		respell("a signature without padding", func(s string) string { return strings.TrimRight(s, "=") }),
		respell("a signature with stray bits", strayBits),
		respell("a signature with a bit turned", func(s string) string {
			b, err := base64.StdEncoding.DecodeString(s)
			if err != nil {
				panic(err)
			}
			b[0] ^= 1
			return base64.StdEncoding.EncodeToString(b)
		}),
		respell("an Ed25519 signature with its scalar plus the order", func(s string) string {
			b, err := base64.StdEncoding.DecodeString(s)
			if err != nil {
				panic(err)
			}
			order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
			scalar := slices.Clone(b[32:])
			slices.Reverse(scalar)
			sum := new(big.Int).Add(new(big.Int).SetBytes(scalar), order).FillBytes(make([]byte, 32))
			slices.Reverse(sum)
			return base64.StdEncoding.EncodeToString(append(b[:32], sum...))
		}),
	)
}

// inputKinds mangle Signature-Input; each is tried as it stands and signed again.
func inputKinds() []messageKind {
	type change struct {
		name, old, text string
		want            problem
	}
	var kinds []messageKind
	add := func(c change) {
		kinds = append(kinds, messageKind{c.name, inField("Signature-Input", c.old, c.text), c.want, true})
	}
	for _, component := range coveredByRules {
		add(change{component + " not covered", component, "", isUncovered})
		add(change{component + " covered twice", component, component + " " + component, isMalformed(signing.RowDuplicate)})
		add(change{component + " as of the request", component, component + ";req", isUncovered})
		add(change{component + " with bs", component, component + ";bs", isUncovered})
	}
	for _, c := range []change{
		{"one component more", `"@query"`, `"@query" "date"`, isUncovered},
		{"the target URI instead", `"@path"`, `"@target-uri"`, isUncovered},
		{"a component in capitals", `"content-type"`, `"Content-Type"`, isUncovered},
		{"a component as a token", `"content-type"`, `content-type`, isMalformed(signing.RowEncoding)},
		{"a key of a component", `"content-type"`, `"content-type";key="a"`, isUncovered},
		{"a string not closed", `"content-type"`, `"content-type`, isMalformed(signing.RowEncoding)},
		{"an escape that is none", `"content-type"`, `"content\-type"`, isMalformed(signing.RowEncoding)},
		{"no space between", `"@path" "@query"`, `"@path""@query"`, isMalformed(signing.RowEncoding)},
		{"a list not closed", `)`, ``, isMalformed(signing.RowEncoding)},
		{"no list", `sig1=`, `sig1=?1;`, isMalformed(signing.RowEncoding)},
		{"alg", `;nonce`, `;alg="ed25519";nonce`, isMalformed(signing.RowUnknownName)},
		{"alg none", `;nonce`, `;alg="none";nonce`, isMalformed(signing.RowUnknownName)},
		{"an unknown parameter", `;nonce`, `;x=1;nonce`, isMalformed(signing.RowUnknownName)},
		{"a parameter twice", `;nonce`, `;created=1795311000;nonce`, isMalformed(signing.RowDuplicate)},
		{"a parameter in capitals", `;created`, `;Created`, isMalformed(signing.RowEncoding)},
		{"no created", `;created=1795311000`, ``, isUnsigned},
		{"no expires", `;expires=1795311300`, ``, isUnsigned},
		{"no nonce", `;nonce="` + messageNonce + `"`, ``, isUnsigned},
		{"no keyid", `;keyid="` + ed25519KeyID + `"`, ``, isUnsigned},
		{"an empty nonce", messageNonce, ``, isUnsigned},
		{"an empty keyid", ed25519KeyID, ``, isUnsigned},
		{"a short nonce", messageNonce, `q1Zk3mY8tVw0RrX`, isMalformed(signing.RowPattern)},
		{"a long nonce", messageNonce, strings.Repeat("a", 129), isMalformed(signing.RowPattern)},
		{"a nonce with a space", messageNonce, "q1Zk3mY8 tVw0RrXb2LpE7A", isMalformed(signing.RowPattern)},
		{"a nonce as bytes", `"` + messageNonce + `"`, `:` + messageNonce + `==:`, isMalformed(signing.RowPattern)},
		{"a keyid in capitals", ed25519KeyID, strings.ToUpper(ed25519KeyID), isMalformed(signing.RowPattern)},
		{"a keyid as a token", `"` + ed25519KeyID + `"`, ed25519KeyID, isMalformed(signing.RowPattern)},
		{"another key", ed25519KeyID, rsaKeyID, isForged},
		{"an unknown key", ed25519KeyID, "bank-demo-ed25519-2026b", isForged},
		{"another tag", "citycard-partner-v1", "citycard-partner-v2", isUncovered},
		{"the tag of replies", "citycard-partner-v1", "citycard-platform-v1", isUncovered},
		{"the tag in capitals", "citycard-partner-v1", "Citycard-Partner-v1", isUncovered},
		{"the tag as a token", `"citycard-partner-v1"`, "citycard-partner-v1", isUncovered},
		{"no tag", `;tag="citycard-partner-v1"`, "", isUncovered},
		{"created 301 s ago", "created=1795311000;expires=1795311300", "created=1795310699;expires=1795310999", isSkewed},
		{"created 301 s ahead", "created=1795311000;expires=1795311300", "created=1795311301;expires=1795311302", isSkewed},
		{"expired a second ago", "created=1795311000;expires=1795311300", "created=1795310990;expires=1795310999", isSkewed},
		{"living 301 s", "expires=1795311300", "expires=1795311301", isSkewed},
		{"created ahead, expired before", "created=1795311000;expires=1795311300", "created=1795311100;expires=1795311050", isSkewed},
		{"expired before created", "expires=1795311300", "expires=1795310999", isSkewed},
		{"created as a string", "created=1795311000", `created="1795311000"`, isSkewed},
		{"created as a flag", "created=1795311000", `created`, isSkewed},
		{"expires as a token", "expires=1795311300", `expires=never`, isSkewed},
		{"created negative", "created=1795311000", `created=-1795311000`, isSkewed},
		{"created in milliseconds", "created=1795311000", `created=1795311000000`, isSkewed},
		{"created with a fraction", "created=1795311000", `created=1795311000.0`, isMalformed(signing.RowEncoding)},
		{"created of 16 digits", "created=1795311000", `created=1795311000000000`, isMalformed(signing.RowEncoding)},
		{"expires far away", "expires=1795311300", `expires=999999999999999`, isSkewed},
	} {
		add(c)
	}
	return append(kinds,
		messageKind{"two signatures with the tag", func(m *signing.Message) {
			input, value := m.Header.Get("Signature-Input"), m.Header.Get("Signature")
			m.Header.Set("Signature-Input", input+", "+strings.Replace(input, "sig1", "sig2", 1))
			m.Header.Set("Signature", value+", "+strings.Replace(value, "sig1", "sig2", 1))
		}, isUncovered, false},
		messageKind{"two inputs of one label", func(m *signing.Message) {
			m.Header.Set("Signature-Input", m.Header.Get("Signature-Input")+", "+m.Header.Get("Signature-Input"))
		}, isMalformed(signing.RowDuplicate), false},
		messageKind{"33 inputs", func(m *signing.Message) {
			for i := range 32 {
				m.Header.Set("Signature-Input", m.Header.Get("Signature-Input")+fmt.Sprintf(", a%d=()", i))
			}
		}, isMalformed(signing.RowEncoding), false},
	)
}

func TestMessageRefusesMangledRequests(t *testing.T) {
	t.Parallel()
	key := privateKey(t, "partner_ed25519")
	good := signedMessage(t, ed25519KeyID, key)
	kinds := slices.Concat(contentKinds(), fieldKinds(), signatureKinds(), inputKinds())
	require.GreaterOrEqual(t, len(kinds), 60)
	for _, kind := range kinds {
		mangled := cloneMessage(good)
		kind.mangle(mangled)
		assert.Equal(t, kind.want, judgeMessage(t, mangled, bank(t), now), kind.name)
		if kind.resigned {
			resign(t, mangled, "", key)
			assert.Equal(t, kind.want, judgeMessage(t, mangled, bank(t), now), "%s, signed", kind.name)
		}
		require.Equal(t, problem{}, judgeMessage(t, good, bank(t), now), "a good one in between")
	}
	t.Logf("%d kinds", len(kinds))
}
