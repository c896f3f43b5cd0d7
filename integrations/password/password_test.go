package password_test

import (
	"bytes"
	"context"
	"encoding/base32"
	"image/png"
	"strings"
	"sync"
	"testing"

	"github.com/pquerna/otp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/integrations/password"
)

func TestAPasswordMatchesItsHashAlone(t *testing.T) {
	t.Parallel()
	h := password.New(2)
	hash, err := h.Hash(t.Context(), "correct horse battery")
	require.NoError(t, err)
	other, err := h.Hash(t.Context(), "correct horse battery")
	require.NoError(t, err)
	assert.NotEqual(t, hash, other, "salted")
	assert.Regexp(t, `^\$argon2id\$v=19\$m=19456,t=2,p=1\$`, hash)
	for guess, want := range map[string]bool{"correct horse battery": true, "correct horse batterz": false, "": false} {
		matches, err := h.Matches(t.Context(), guess, hash)
		require.NoError(t, err)
		assert.Equal(t, want, matches, guess)
	}
	matches, err := h.Matches(t.Context(), "", "")
	require.NoError(t, err)
	assert.False(t, matches, "nobody's hash")
	for _, broken := range []string{"x", "$argon2id$v=19$m=1,t=1,p=1$AA$AA", "$argon2id$v=19$m=19456,t=2,p=1$!$AA", "$argon2id$v=19$m=19456,t=2,p=1$AA$!"} {
		_, err := h.Matches(t.Context(), "x", broken)
		require.Error(t, err)
	}
}

func TestOnlySoManyPasswordsAreWorkedOnAtOnce(t *testing.T) {
	t.Parallel()
	h := password.New(1)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := h.Hash(t.Context(), "x")
			assert.NoError(t, err)
		})
	}
	all.Wait()
	refused := password.New(0)
	_, err := refused.Hash(ended, "x")
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, citycard.CodeRateLimited, citycard.CodeOf(err))
	_, err = refused.Matches(ended, "x", "")
	require.ErrorIs(t, err, context.Canceled)
}

// TestCodes goes by the vectors of RFC 6238, appendix B, of which six digits are shown.
func TestCodes(t *testing.T) {
	t.Parallel()
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"} {
		code, err := password.Code(secret, at/30)
		require.NoError(t, err)
		assert.Equal(t, want, code)
	}
	_, err := password.Code("not base32 !", 1)
	assert.Error(t, err)
}

func TestAuthenticatorAppsReadTheAddress(t *testing.T) {
	t.Parallel()
	secret := password.NewCodeSecret()
	assert.NotEqual(t, secret, password.NewCodeSecret())
	key, err := otp.NewKeyFromURL(password.CodeURI("amy", secret))
	require.NoError(t, err)
	assert.Equal(t, "totp", key.Type())
	assert.Equal(t, "citycard", key.Issuer())
	assert.Equal(t, "amy", key.AccountName())
	assert.Equal(t, secret, key.Secret())
}

func TestACodesPictureIsOne(t *testing.T) {
	t.Parallel()
	drawn, err := password.CodeImage(password.CodeURI("amy", password.NewCodeSecret()))
	require.NoError(t, err)
	picture, err := png.Decode(bytes.NewReader(drawn))
	require.NoError(t, err)
	assert.Equal(t, 320, picture.Bounds().Dx())
	_, err = password.CodeImage(strings.Repeat("x", 5000))
	assert.Error(t, err)
}
