package signing_test

import (
	"crypto/rand"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"slices"
	"testing"

	"github.com/emmansun/gmsm/sm2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

// derInteger and derSequence write DER by hand, so that tests can write it wrong.
func derInteger(value ...byte) []byte { return append([]byte{2, byte(len(value))}, value...) }

func derSequence(parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	return append([]byte{0x30, byte(len(body))}, body...)
}

func filled(size int, first, rest byte) []byte {
	b := slices.Repeat([]byte{rest}, size)
	b[0] = first
	return b
}

func TestDERSignature(t *testing.T) {
	t.Parallel()
	one := derInteger(1)
	tests := map[string]struct {
		der  []byte
		good bool
	}{
		"two small integers":            {derSequence(one, one), true},
		"a top bit behind its zero":     {derSequence(derInteger(0, 0x80), one), true},
		"256 bits each":                 {derSequence(derInteger(filled(33, 0, 0xff)...), derInteger(filled(33, 0, 0xff)...)), true},
		"255 bits each":                 {derSequence(derInteger(filled(32, 0x7f, 0xff)...), derInteger(filled(32, 0x7f, 0xff)...)), true},
		"nothing":                       {nil, false},
		"an empty sequence":             {derSequence(), false},
		"one integer":                   {derSequence(one), false},
		"three integers":                {derSequence(one, one, one), false},
		"a byte behind":                 {append(derSequence(one, one), 0), false},
		"a byte inside behind":          {derSequence(one, one, []byte{0}), false},
		"a zero":                        {derSequence(derInteger(0), one), false},
		"a second zero":                 {derSequence(one, derInteger(0)), false},
		"an empty integer":              {derSequence(derInteger(), one), false},
		"a negative integer":            {derSequence(derInteger(0x80), one), false},
		"a second negative integer":     {derSequence(one, derInteger(0xff)), false},
		"a padded integer":              {derSequence(derInteger(0, 1), one), false},
		"a second padded integer":       {derSequence(one, derInteger(0, 0x7f)), false},
		"257 bits":                      {derSequence(derInteger(filled(33, 1, 0)...), one), false},
		"34 bytes":                      {derSequence(derInteger(filled(34, 0, 0x80)...), one), false},
		"a long-form sequence length":   {append([]byte{0x30, 0x81, 6}, slices.Concat(one, one)...), false},
		"a long-form integer length":    {derSequence([]byte{2, 0x81, 1, 1}, one), false},
		"an indefinite length":          {append([]byte{0x30, 0x80}, append(slices.Concat(one, one), 0, 0)...), false},
		"a sequence length too short":   {append([]byte{0x30, 5}, slices.Concat(one, one)...), false},
		"a sequence length too long":    {append([]byte{0x30, 7}, slices.Concat(one, one)...), false},
		"an integer length too long":    {derSequence(one, []byte{2, 9, 1}), false},
		"a set":                         {append([]byte{0x31, 6}, slices.Concat(one, one)...), false},
		"bit strings":                   {derSequence([]byte{3, 1, 1}, []byte{3, 1, 1}), false},
		"a constructed integer":         {derSequence([]byte{0x22, 1, 1}, one), false},
		"64 raw bytes":                  {filled(64, 0x30, 0x11), false},
		"a header only":                 {[]byte{0x30}, false},
		"a header of a long form":       {[]byte{0x30, 0x84, 0, 0, 0, 0}, false},
		"a sequence within a sequence":  {derSequence(derSequence(one, one)), false},
		"integers cut after their type": {derSequence(one, []byte{2}), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.good, signing.IsDERSignature(test.der))
		})
	}
}

// derKinds re-encode a good SM2 signature, or make one of its numbers, in ways that must not count.
func derKinds() []kind {
	order := sm2.P256().Params().N
	with := func(change func(r, s *big.Int) []byte) func(d *draft) {
		return func(d *draft) {
			b, err := base64.StdEncoding.DecodeString(d.decoded("sign"))
			if err != nil {
				panic(err)
			}
			var pair struct{ R, S *big.Int }
			if _, err := asn1.Unmarshal(b, &pair); err != nil {
				panic(err)
			}
			d.setDecoded("sign", base64.StdEncoding.EncodeToString(change(pair.R, pair.S)))
		}
	}
	der := func(r, s *big.Int) []byte {
		b, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
		if err != nil {
			panic(err)
		}
		return b
	}
	raw := func(n *big.Int) []byte { return n.FillBytes(make([]byte, 32)) }
	one := big.NewInt(1)
	return []kind{
		{"r and s as 64 bytes", with(func(r, s *big.Int) []byte { return append(raw(r), raw(s)...) }), badSignature},
		{"r padded", with(func(r, s *big.Int) []byte {
			return derSequence(derInteger(append([]byte{0, 0}, raw(r)...)...), derInteger(append([]byte{0}, raw(s)...)...))
		}), badSignature},
		{"r negative", with(func(r, s *big.Int) []byte { return der(new(big.Int).Neg(r), s) }), badSignature},
		{"s negated", with(func(r, s *big.Int) []byte { return der(r, new(big.Int).Sub(order, s)) }), badSignature},
		{"r negated", with(func(r, s *big.Int) []byte { return der(new(big.Int).Sub(order, r), s) }), badSignature},
		{"r and s swapped", with(func(r, s *big.Int) []byte { return der(s, r) }), badSignature},
		{"r plus the order", with(func(r, s *big.Int) []byte { return der(new(big.Int).Add(r, order), s) }), badSignature},
		{"s plus the order", with(func(r, s *big.Int) []byte { return der(r, new(big.Int).Add(s, order)) }), badSignature},
		{"r zero", with(func(_, s *big.Int) []byte { return der(new(big.Int), s) }), badSignature},
		{"s zero", with(func(r, _ *big.Int) []byte { return der(r, new(big.Int)) }), badSignature},
		{"r and s one", with(func(_, _ *big.Int) []byte { return der(one, one) }), badSignature},
		{"r the order", with(func(_, s *big.Int) []byte { return der(order, s) }), badSignature},
		{"s one less", with(func(r, s *big.Int) []byte { return der(r, new(big.Int).Sub(s, one)) }), badSignature},
		{"a byte behind", with(func(r, s *big.Int) []byte { return append(der(r, s), 0) }), badSignature},
		{"a number behind", with(func(r, s *big.Int) []byte {
			b, err := asn1.Marshal(struct{ R, S, V *big.Int }{r, s, one})
			if err != nil {
				panic(err)
			}
			return b
		}), badSignature},
		{"a long-form length", with(func(r, s *big.Int) []byte {
			b := der(r, s)
			return append([]byte{0x30, 0x81, b[1]}, b[2:]...)
		}), badSignature},
	}
}

func TestGatewayRefusesMangledSM2Requests(t *testing.T) {
	t.Parallel()
	values := gatewayValues()
	values["key_id"] = sm2KeyID
	good := gatewayDraft(t, values, privateKey(t, "partner_sm2"))
	foreign := func(sign func(text string) ([]byte, error)) func(d *draft) {
		return func(d *draft) {
			signature, err := sign(d.canonical("sign"))
			require.NoError(t, err)
			d.setDecoded("sign", base64.StdEncoding.EncodeToString(signature))
		}
	}
	scalar, err := sm2.GenerateKey(rand.Reader)
	require.NoError(t, err)
	kinds := append(derKinds(),
		kind{"another key", foreign(func(text string) ([]byte, error) {
			return scalar.Sign(rand.Reader, []byte(text), sm2.DefaultSM2SignerOpts)
		}), badSignature},
		kind{"sign_type RSA2", func(d *draft) { d.set("sign_type", "RSA2") }, badSignature},
		kind{"sign_type SM3", func(d *draft) { d.set("sign_type", "SM3") }, badType},
		kind{"signed with RSA under SM2", func(d *draft) { d.sign(t, privateKey(t, "partner_rsa"), d.canonical("sign")) }, badSignature},
	)
	kinds = append(kinds, valueKinds(gatewayAnswers)...)
	runKinds(t, good, kinds, func(d *draft) outcome { return judgeGateway(t, d, bank(t)) })
}
