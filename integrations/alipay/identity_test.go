package alipay_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

func TestNameAndNumberAreComparedWithTheConsentingUser(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	for _, test := range []struct {
		it, user     string
		name, number string
		want         citycard.Verdict
	}{
		{"the user's own", "new", "", "", citycard.Verdict{Passed: true}},
		{"another kind of middle dot", "minority_name", "古丽娜尔•买买提", "", citycard.Verdict{Passed: true}},
		{"spaces in the name", "new", "陆 晓 棠", "", citycard.Verdict{Passed: true}},
		{"another name", "new", "陆晓堂", "", citycard.Verdict{Reason: "姓名不一致"}},
		{"another number", "new", "", madeUp(t, "sealed").IDNumber, citycard.Verdict{Reason: "证件号不一致"}},
		{"another person altogether", "new", madeUp(t, "sealed").Name, madeUp(t, "sealed").IDNumber, citycard.Verdict{Reason: "姓名不一致"}},
	} {
		t.Run(test.it, func(t *testing.T) {
			t.Parallel()
			name, number := nameOf(madeUp(t, test.user)), numberOf(madeUp(t, test.user))
			if test.name != "" {
				name = citycard.RestoreName(test.name)
			}
			if test.number != "" {
				number = citycard.RestoreIDNumber(test.number)
			}
			checkID, err := p.client.PrepareCheck(t.Context(), name, number)
			require.NoError(t, err)
			verdict, err := p.client.ConsultCheck(t.Context(), checkID, p.user(t, test.user, checkID))
			require.NoError(t, err)
			assert.Equal(t, test.want, verdict)
		})
	}
}

func TestACheckCountsOnlyForTheConsentGivenToIt(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	person := madeUp(t, "new")
	first, err := p.client.PrepareCheck(t.Context(), nameOf(person), numberOf(person))
	require.NoError(t, err)
	second, err := p.client.PrepareCheck(t.Context(), nameOf(person), numberOf(person))
	require.NoError(t, err)

	for it, user := range map[string]citycard.PlatformUser{
		"consent to log in":       p.user(t, "new", ""),
		"consent to other check":  p.user(t, "new", second),
		"token nobody was given":  {AccessToken: "authusrB0000"},
		"no token":                {},
		"token and refresh false": {AccessToken: "authusrB0000", RefreshToken: "authusrB0001"},
	} {
		verdict, err := p.client.ConsultCheck(t.Context(), first, user)
		assert.Equal(t, citycard.CodeLoginCodeInvalid, citycard.CodeOf(err), it)
		assert.Zero(t, verdict, it)
	}
}

func TestChecksThePlatformRefuses(t *testing.T) {
	t.Parallel()
	t.Run("expired", func(t *testing.T) {
		t.Parallel()
		p, person := startPlatform(t), madeUp(t, "new")
		checkID, err := p.client.PrepareCheck(t.Context(), nameOf(person), numberOf(person))
		require.NoError(t, err)
		code := p.authCode(t, "new", citycard.ScopeIdentity, checkID)
		user, err := p.client.ExchangeCode(t.Context(), code)
		require.NoError(t, err)
		p.clock.advance(2 * time.Hour)
		verdict, err := p.client.ConsultCheck(t.Context(), checkID, user)
		assert.Equal(t, citycard.CodeIdentityMismatch, citycard.CodeOf(err), "after a refresh of the lapsed token")
		assert.Zero(t, verdict)
	})
	t.Run("a document that certdoc does not serve", func(t *testing.T) {
		t.Parallel()
		p := startPlatform(t)
		permit := madeUp(t, "hmt_permit")
		_, err := p.client.PrepareCheck(t.Context(), nameOf(permit), numberOf(permit))
		assert.Equal(t, citycard.CodeIdentityMismatch, citycard.CodeOf(err))
	})
}

func TestALapsedTokenIsRefreshedOnce(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	person := madeUp(t, "new")
	checkID, err := p.client.PrepareCheck(t.Context(), nameOf(person), numberOf(person))
	require.NoError(t, err)
	user := p.user(t, "new", checkID)
	p.clock.advance(61 * time.Minute)
	verdict, err := p.client.ConsultCheck(t.Context(), checkID, user)
	require.NoError(t, err)
	assert.True(t, verdict.Passed)

	user.RefreshToken = ""
	_, err = p.client.ConsultCheck(t.Context(), checkID, user)
	assert.Equal(t, citycard.CodeLoginCodeInvalid, citycard.CodeOf(err))
}

func TestFaceCheckCountsOnlyByQuery(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	for it, test := range map[string]struct {
		order, registered, atThePhone, result string
		want                                  bool
	}{
		"the person passes":             {"A1", "hmt_permit", "hmt_permit", "pass", true},
		"the person fails":              {"A2", "hmt_permit", "hmt_permit", "fail", false},
		"somebody else holds the phone": {"A3", "hmt_permit", "new", "pass", false},
		"a foreign resident":            {"A4", "two_numbers", "two_numbers", "pass", true},
		"not done yet":                  {"A5", "online_face", "", "", false},
	} {
		t.Run(it, func(t *testing.T) {
			t.Parallel()
			person := madeUp(t, test.registered)
			checkID, err := p.client.InitializeFace(t.Context(), citycard.FaceCheck{
				Order: test.order, Name: nameOf(person), Number: numberOf(person),
				ReturnURL: "http://localhost:8080/h5/activations/1",
			})
			require.NoError(t, err)
			if test.result != "" {
				address, err := p.client.FaceURL(checkID)
				require.NoError(t, err)
				status, page := follow(t, address)
				require.Equal(t, 302, status)
				status, target := follow(t, p.url+page.String()+"?user="+test.atThePhone+"&result="+test.result)
				require.Equal(t, 303, status)
				assert.Equal(t, "http://localhost:8080/h5/activations/1", target.String())
			}
			verdict, err := p.client.QueryFace(t.Context(), checkID)
			require.NoError(t, err)
			assert.Equal(t, citycard.Verdict{Passed: test.want}, verdict)
		})
	}
}

func TestFaceChecksThePlatformRefuses(t *testing.T) {
	t.Parallel()
	p := startPlatform(t)
	person := madeUp(t, "online_face")
	check := citycard.FaceCheck{Order: "order1", Name: nameOf(person), Number: numberOf(person), ReturnURL: callbackURL}
	first, err := p.client.InitializeFace(t.Context(), check)
	require.NoError(t, err)
	again, err := p.client.InitializeFace(t.Context(), check)
	require.NoError(t, err)
	assert.Equal(t, first, again, "the same order is the same check")

	check.Number = numberOf(madeUp(t, "new"))
	_, err = p.client.InitializeFace(t.Context(), check)
	assert.Equal(t, citycard.CodeIdentityMismatch, citycard.CodeOf(err), "another person under the same order")

	_, err = p.client.QueryFace(t.Context(), "0123456789abcdef0123456789abcdef")
	assert.Equal(t, citycard.CodeIdentityMismatch, citycard.CodeOf(err))
	p.clock.advance(24 * time.Hour)
	_, err = p.client.QueryFace(t.Context(), first)
	assert.Equal(t, citycard.CodeIdentityMismatch, citycard.CodeOf(err))
	address, err := p.client.FaceURL(first)
	require.NoError(t, err)
	status, _ := follow(t, address)
	assert.Equal(t, 400, status)
}
