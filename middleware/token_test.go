package middleware_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/middleware"
)

var (
	key      = []byte("a secret of 32 bytes for testing")
	otherKey = []byte("one more secret for the tests 32")
	tokens   = middleware.Tokens{Keys: [][]byte{key}, Clock: clock}
)

func session() citycard.Session {
	return citycard.Session{
		ID: "session-1", Audience: citycard.AudienceCitizen, Channel: citycard.ChannelH5, CitizenID: "citizen-1",
		IssuedAt: now, ExpiresAt: now.Add(citycard.SessionLifetime),
	}
}

func signed(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	require.NoError(t, err)
	return token
}

func claims(changes jwt.MapClaims) jwt.MapClaims {
	all := jwt.MapClaims{
		"jti": "session-1", "aud": "citycard-citizen", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	for name, value := range changes {
		if value == nil {
			delete(all, name)
			continue
		}
		all[name] = value
	}
	return all
}

func TestTokenCarriesOnlyTheSession(t *testing.T) {
	t.Parallel()
	token, err := tokens.Issue(session())
	require.NoError(t, err)
	id, err := tokens.Parse(token, citycard.AudienceCitizen)
	require.NoError(t, err)
	assert.Equal(t, "session-1", id)

	var content jwt.MapClaims
	_, _, err = jwt.NewParser().ParseUnverified(token, &content)
	require.NoError(t, err)
	assert.Equal(t, jwt.MapClaims{
		"jti": "session-1", "aud": []any{"citycard-citizen"},
		"iat": float64(now.Unix()), "exp": float64(now.Add(30 * time.Minute).Unix()),
	}, content)
}

func TestTokenIsRefused(t *testing.T) {
	t.Parallel()
	good := signed(t, jwt.SigningMethodHS256, key, claims(nil))
	cases := map[string]struct {
		token string
		want  citycard.Code
	}{
		"accepted as it is":               {good, ""},
		"signed with another key":         {signed(t, jwt.SigningMethodHS256, otherKey, claims(nil)), citycard.CodeSessionRequired},
		"signed by another method":        {signed(t, jwt.SigningMethodHS512, key, claims(nil)), citycard.CodeSessionRequired},
		"not signed":                      {signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(nil)), citycard.CodeSessionRequired},
		"for staff":                       {signed(t, jwt.SigningMethodHS256, key, claims(jwt.MapClaims{"aud": "citycard-staff"})), citycard.CodeSessionRequired},
		"for nobody in particular":        {signed(t, jwt.SigningMethodHS256, key, claims(jwt.MapClaims{"aud": nil})), citycard.CodeSessionRequired},
		"without an id":                   {signed(t, jwt.SigningMethodHS256, key, claims(jwt.MapClaims{"jti": nil})), citycard.CodeSessionRequired},
		"without an end":                  {signed(t, jwt.SigningMethodHS256, key, claims(jwt.MapClaims{"exp": nil})), citycard.CodeSessionRequired},
		"without a start":                 {signed(t, jwt.SigningMethodHS256, key, claims(jwt.MapClaims{"iat": nil})), citycard.CodeSessionRequired},
		"issued in the future":            {signed(t, jwt.SigningMethodHS256, key, claims(jwt.MapClaims{"iat": now.Unix() + 60})), citycard.CodeSessionRequired},
		"past its end":                    {signed(t, jwt.SigningMethodHS256, key, claims(jwt.MapClaims{"exp": now.Unix()})), citycard.CodeSessionExpired},
		"past its end, with a forged key": {signed(t, jwt.SigningMethodHS256, otherKey, claims(jwt.MapClaims{"exp": now.Unix()})), citycard.CodeSessionRequired},
		"cut short":                       {good[:len(good)-1], citycard.CodeSessionRequired},
		"with a bit of its end changed":   {flipLast(good), citycard.CodeSessionRequired},
		"empty":                           {"", citycard.CodeSessionRequired},
		"for a list of audiences":         {signed(t, jwt.SigningMethodHS256, key, claims(jwt.MapClaims{"aud": []string{"citycard-citizen", "x"}})), citycard.CodeSessionRequired},
		"with another header":             {resigned("{\"alg\":\"HS256\",\"kid\":\"1\",\"typ\":\"JWT\"}", good), citycard.CodeSessionRequired},
		"with a payload that is no JSON":  {resigned("{\"alg\":\"HS256\",\"typ\":\"JWT\"}", ".e30x."), citycard.CodeSessionRequired},
		"only a header":                   {good[:strings.IndexByte(good, '.')+1], citycard.CodeSessionRequired},
		"three dots":                      {"...", citycard.CodeSessionRequired},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tokens.Parse(c.token, citycard.AudienceCitizen)
			assert.Equal(t, c.want, citycard.CodeOf(err))
		})
	}
}

// resigned puts another header on a token's payload and signs both with our key.
func resigned(header, token string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + strings.Split(token, ".")[1]
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// BenchmarkTokenParse is what each request pays for its token.
func BenchmarkTokenParse(b *testing.B) {
	token, err := tokens.Issue(session())
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tokens.Parse(token, citycard.AudienceCitizen); err != nil {
			b.Fatal(err)
		}
	}
}

// flipLast changes the unused bits of the last base64 character, which a lax decoder ignores.
func flipLast(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last^1])
}

func TestReplacedKeyStillVerifies(t *testing.T) {
	t.Parallel()
	before, err := tokens.Issue(session())
	require.NoError(t, err)
	after := middleware.Tokens{Keys: [][]byte{otherKey, key}, Clock: clock}
	id, err := after.Parse(before, citycard.AudienceCitizen)
	require.NoError(t, err)
	assert.Equal(t, "session-1", id)

	fresh, err := after.Issue(session())
	require.NoError(t, err)
	_, err = tokens.Parse(fresh, citycard.AudienceCitizen)
	assert.Equal(t, citycard.CodeSessionRequired, citycard.CodeOf(err))
}

func TestTokenNeedsAKey(t *testing.T) {
	t.Parallel()
	_, err := middleware.Tokens{Clock: clock}.Issue(session())
	require.EqualError(t, err, "issue token: there is no signing key")
	_, err = middleware.Tokens{Clock: clock}.Parse("a.b.c", citycard.AudienceCitizen)
	assert.Equal(t, citycard.CodeSessionRequired, citycard.CodeOf(err))
}
