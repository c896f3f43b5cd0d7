package sandbox_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var liveTile = regexp.MustCompile(`<a class="tile live" href="([^"]+)">.*?<span class="words">([^<]+) <span lang="en">([^<]+)</span>`)

func TestThePathLeadsFromHomeToTheService(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	path, walked := "/", []string{}
	for strings.HasPrefix(path, "/") {
		response := s.get(path)
		require.Equal(t, http.StatusOK, response.Status)
		tile := liveTile.FindAllStringSubmatch(response.Body, -1)
		require.Len(t, tile, 1, "one way on from %s", path)
		walked = append(walked, tile[0][2]+" "+tile[0][3])
		path = tile[0][1]
	}
	assert.Equal(t, []string{
		"城市服务 City Service", "社会保障 Social Security", "智慧人社 Smart Society", "社会保障卡 Social Security Card",
		"社保卡激活 Card Activation",
	}, walked)
	assert.Equal(t, "http://service.test:8080/", path)
}

func TestTheFirstVisitChoosesTheFirstPerson(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	first := s.get("/")
	require.Len(t, first.Cookies, 1)
	cookie := first.Cookies[0] //nolint:gosec // altered for the test alone
	assert.Equal(t, "new", cookie.Value)
	assert.True(t, cookie.HttpOnly)
	assert.Empty(t, s.get("/", cookie).Cookies)
	cookie.Value = "elder"
	assert.Contains(t, s.get("/", cookie).Body, "吴桂兰")
	cookie.Value = "nobody"
	assert.Contains(t, s.get("/", cookie).Body, "陆晓棠")
}

func TestPagesNeedNoScriptAndNoOtherHost(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for _, path := range []string{
		"/", "/city-service", "/city-service/social-security", "/city-service/social-security/smart-society",
		"/choose?back=/", "/authorize?" + consent("user=new").Encode(), "/authorize", "/faces/0123", "/clinic",
	} {
		response := s.get(path)
		page := response.Body
		assert.Contains(t, response.Header.Get("Content-Security-Policy"), "default-src 'none'", path)
		assert.Equal(t, "no-store", response.Header.Get("Cache-Control"), path)
		assert.NotContains(t, page, "<script", path)
		assert.NotRegexp(t, `(src|href|action)="(https?:)?//`, strings.ReplaceAll(page, "http://service.test:8080/", ""), path)
		assert.Contains(t, page, `<html lang="zh-CN">`, path)
		assert.Equal(t, 1, strings.Count(page, "<h1>"), path)
	}
	sheet := s.get("/style.css")
	assert.Equal(t, http.StatusOK, sheet.Status)
	assert.NotContains(t, sheet.Body, "url(")
}

func TestEveryPersonCanBeChosen(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	page := s.get("/choose?back=/").Body
	for _, person := range people() {
		assert.Contains(t, page, `name="user" value="`+person.User+`"`)
		assert.Contains(t, page, person.Story.ZH)
		chosen := s.post("/choose", url.Values{"user": {person.User}, "back": {"/"}})
		assert.Equal(t, person.User, chosen.Cookies[0].Value)
	}
}
