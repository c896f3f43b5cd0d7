package signing_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

type rfcExample struct {
	Name       string
	Key        string
	Input      string
	Components []signing.Component
	Signature  string
}

// The examples of RFC 9421 that use an algorithm of the profile: appendices B.2.4, B.2.6, B.3, B.4 and
// sections 2.4 and 4.3. The others are RSA-PSS and HMAC, which the profile does not have.
func TestRFC9421Examples(t *testing.T) {
	t.Parallel()
	var examples []rfcExample
	readJSON(t, "rfc9421/examples.json", &examples)
	require.Len(t, examples, 7)
	for _, example := range examples {
		t.Run(example.Name, func(t *testing.T) {
			t.Parallel()
			label, params, _ := strings.Cut(example.Input, "=")
			parsed, err := signing.DictionaryOf(example.Input)
			require.NoError(t, err)
			assert.Equal(t, map[string]string{label: params}, parsed, "serialised as received")

			text := strings.TrimSuffix(strings.TrimPrefix(example.Signature, label+"=:"), ":")
			signature, ok := signing.DecodeBase64(text)
			require.True(t, ok)
			base := signing.SignatureBase(example.Components, params)
			key := publishedPublic(t, "rfc9421/"+example.Key+".pub")
			assert.True(t, key.Verify(base, signature))
			assert.False(t, key.Verify(append(base, '\n'), signature), "a line more")

			private := publishedPrivate(t, "rfc9421/"+example.Key+".pem")
			assert.Equal(t, key.Fingerprint(), private.Public().Fingerprint())
			made, err := private.Sign(base)
			require.NoError(t, err)
			assert.True(t, key.Verify(base, made))
			if key.Type() != signing.KeyP256 {
				assert.Equal(t, signature, made, "the same bytes as printed")
			}
		})
	}
}

// Content-Digest of the RFC 9421 test request and response, and the examples of RFC 9530 appendix B.
func TestContentDigestExamples(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body, field string
		fits        bool
	}{
		"request of RFC 9421 appendix B.2": {
			`{"hello": "world"}`,
			"sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:", true,
		},
		"response of RFC 9421 appendix B.2": {
			`{"message": "good dog"}`,
			"sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:", true,
		},
		"RFC 9530 with a line feed": {
			"{\"hello\": \"world\"}\n", "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:", true,
		},
		"both algorithms": {
			`{"hello": "world"}`,
			"sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:, " +
				"sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:", true,
		},
		"one of two wrong": {
			`{"hello": "world"}`,
			"sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:, " +
				"sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:", false,
		},
		"an unknown algorithm beside": {
			`{"hello": "world"}`, "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:, md5=:Sd/dVLAcvNLSq16eXua5uQ==:", false,
		},
		"with a parameter": {`{"hello": "world"}`, "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:;a=1", false},
		"not a dictionary": {`{"hello": "world"}`, "sha-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=", false},
		"empty":            {`{"hello": "world"}`, "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.fits, signing.DigestFits(test.field, []byte(test.body)))
		})
	}
}
