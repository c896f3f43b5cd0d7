package sandbox_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/sandbox"
)

const returnTo = "http://service.test:8080/oauth/alipay/callback?from=h5"

// consent is a request for consent; changes are name=value.
func consent(changes ...string) url.Values {
	values := url.Values{"app_id": {appID}, "scope": {"auth_base"}, "redirect_uri": {returnTo}, "state": {"s1"}}
	for _, change := range changes {
		name, value, _ := strings.Cut(change, "=")
		values.Set(name, value)
	}
	return values
}

func TestConsentGivenWithTheRequestIsAnsweredAtOnce(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	response := s.get("/authorize?" + consent("user=new", "consent=yes").Encode())
	require.Equal(t, http.StatusFound, response.Status)
	target := response.location(t)
	query := target.Query()
	assert.Regexp(t, `^[0-9a-f]{32}$`, query.Get("auth_code"))
	query.Del("auth_code")
	assert.Equal(t, url.Values{
		"from": {"h5"}, "state": {"s1"}, "scope": {"auth_base"}, "app_id": {appID}, "source": {"alipay_wallet"},
	}, query)
	assert.Equal(t, "service.test:8080/oauth/alipay/callback", target.Host+target.Path)
}

func TestDecliningLeadsBackWithAnErrorAndNoCode(t *testing.T) {
	t.Parallel()
	response := newStand(t).get("/authorize?" + consent("user=new", "consent=no").Encode())
	require.Equal(t, http.StatusFound, response.Status)
	target := response.location(t)
	assert.Equal(t, "access_denied", target.Query().Get("error"))
	assert.Equal(t, "s1", target.Query().Get("state"))
	assert.False(t, target.Query().Has("auth_code"))
}

func TestConsentsThatAreNotAskedFor(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for it, values := range map[string]url.Values{
		"another application":          consent("app_id=2021000000000002"),
		"no application":               consent("app_id="),
		"an unknown scope":             consent("scope=everything"),
		"no scope":                     consent("scope="),
		"identity without a check":     consent("scope=id_verify"),
		"a check without its scope":    consent("cert_verify_id=0123"),
		"an unknown check":             consent("scope=id_verify", "cert_verify_id=0123"),
		"a return to a stranger":       consent("redirect_uri=http://stranger.test/"),
		"a return to another port":     consent("redirect_uri=http://service.test:9999/"),
		"a return to a script":         consent("redirect_uri=javascript:alert(1)"),
		"a return to nowhere":          consent("redirect_uri="),
		"a path to return to":          consent("redirect_uri=/oauth"),
		"a stranger dressed up":        consent("redirect_uri=http://service.test:8080@stranger.test/"),
		"a stranger called localhost.": consent("redirect_uri=http://localhost.stranger.test/"),
		"nobody":                       consent("user=nobody"),
	} {
		values.Set("consent", "yes")
		if !values.Has("user") {
			values.Set("user", "new")
		}
		response := s.get("/authorize?" + values.Encode())
		assert.Equal(t, http.StatusBadRequest, response.Status, it)
		assert.Empty(t, response.Header.Get("Location"), it)
	}
}

func TestReturningToThisMachineIsAllowed(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"localhost:3000", "127.0.0.1:8080", "[::1]:8080"} {
		response := newStand(t).get("/authorize?" + consent("redirect_uri=http://"+host+"/cb", "user=new", "consent=yes").Encode())
		assert.Equal(t, http.StatusFound, response.Status, host)
	}
}

func TestTheConsentPageAsksWhoeverUsesTheBrowser(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	asked := "/authorize?" + consent().Encode()
	response := s.get(asked)
	require.Equal(t, http.StatusSeeOther, response.Status)
	choosing := response.location(t)
	assert.Equal(t, asked, choosing.Query().Get("back"))

	chosen := s.post("/choose", url.Values{"user": {"sealed"}, "back": {asked}})
	require.Equal(t, http.StatusSeeOther, chosen.Status)
	assert.Equal(t, asked, chosen.Header.Get("Location"))
	require.Len(t, chosen.Cookies, 1)

	page := s.get(asked, chosen.Cookies[0]).Body
	assert.Contains(t, page, "顾*舟")
	assert.NotContains(t, page, "顾云舟", "the account is shown masked")
	agreed := s.post("/authorize", consent("consent=yes"), chosen.Cookies[0])
	assert.Equal(t, http.StatusFound, agreed.Status)
	assert.Equal(t, http.StatusBadRequest, s.post("/choose", url.Values{"user": {"nobody"}}).Status)
}

func TestChoosingLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	for _, back := range []string{"", "http://stranger.test/", "//stranger.test/", "/\\stranger.test", "javascript:alert(1)", "x"} {
		response := newStand(t).post("/choose", url.Values{"user": {"new"}, "back": {back}})
		assert.Equal(t, "/", response.Header.Get("Location"), back)
	}
}

func TestAuthCodes(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for it, test := range map[string]struct {
		body   string
		status int
	}{
		"given":                   {`{"user":"new","scopes":["auth_base","auth_user"]}`, 200},
		"log-in where none named": {`{"user":"new"}`, 200},
		"nobody":                  {`{"user":"nobody"}`, 404},
		"an unknown scope":        {`{"user":"new","scopes":["x"]}`, 400},
		"a check that is unknown": {`{"user":"new","scopes":["id_verify"],"cert_verify_id":"x"}`, 400},
		"an unknown member":       {`{"user":"new","scope":"auth_base"}`, 400},
		"no JSON":                 {`user=new`, 400},
		"two objects":             {`{"user":"new"}{}`, 400},
	} {
		status, answer := s.send(t, http.MethodPost, "/auth-codes", test.body)
		assert.Equal(t, test.status, status, it)
		if status == 200 {
			assert.Regexp(t, `^[0-9a-f]{32}$`, answer["auth_code"], it)
		} else {
			assert.NotEmpty(t, answer["error"], it)
		}
	}
}

func TestTheIdentityConsentShowsWhatWillBeCompared(t *testing.T) {
	t.Parallel()
	now := start
	s := newStand(t, func(c *sandbox.Config) { c.Now = func() time.Time { return now } })
	check := s.call(t, common(preconsult, `{"user_name":"陆晓棠","cert_type":"IDENTITY_CARD","cert_no":"320100199003070022"}`))
	require.Equal(t, "10000", check.word("code"))
	asked := "/authorize?" + consent("scope=id_verify", "cert_verify_id="+check.word("verify_id"), "user=new").Encode()
	page := s.get(asked).Body
	assert.Contains(t, page, "陆*棠")
	assert.Contains(t, page, "320***********0022")
	assert.NotContains(t, page, "陆晓棠")
	assert.NotContains(t, page, "320100199003070022")
	assert.Equal(t, http.StatusFound, s.get(asked+"&consent=yes").Status)
	now = now.Add(2 * time.Hour)
	assert.Equal(t, http.StatusBadRequest, s.get(asked+"&consent=yes").Status, "the check has expired")
}

func TestTheFacePage(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	made := s.call(t, common("alipay.user.certify.open.initialize", initialize("A1", "http://service.test:8080/done")))
	path := "/faces/" + made.word("certify_id")
	passed := func() string {
		return s.call(t, common(queryMethod, `{"certify_id":"`+made.word("certify_id")+`"}`)).word("passed")
	}
	assert.Equal(t, http.StatusSeeOther, s.get(path).Status, "somebody must be chosen first")
	assert.Contains(t, s.get(path+"?user=new").Body, "陆*棠")
	assert.Equal(t, "F", passed(), "looking at the page passes nobody")
	assert.Equal(t, http.StatusSeeOther, s.post(path, url.Values{"user": {"new"}, "result": {"fail"}}).Status)
	assert.Equal(t, "F", passed())
	assert.Equal(t, http.StatusSeeOther, s.post(path, url.Values{"user": {"sealed"}, "result": {"pass"}}).Status)
	assert.Equal(t, "F", passed(), "another face")
	done := s.post(path, url.Values{"user": {"new"}, "result": {"pass"}})
	assert.Equal(t, "http://service.test:8080/done", done.Header.Get("Location"))
	assert.Equal(t, "T", passed())
	assert.Equal(t, http.StatusBadRequest, s.get(path+"?user=nobody&result=pass").Status)
	assert.Equal(t, http.StatusNotFound, s.get("/faces/0123?user=new&result=pass").Status)
}
