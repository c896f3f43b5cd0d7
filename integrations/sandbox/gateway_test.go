package sandbox_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/sandbox"
)

const (
	tokenMethod = "alipay.system.oauth.token"
	preconsult  = "alipay.user.certdoc.certverify.preconsult"
	queryMethod = "alipay.user.certify.open.query"

	nobody = `{"certify_id":"00000000000000000000000000000000"}`
)

func TestRequestsAreVerifiedAsStrictlyAsOnThePlatform(t *testing.T) {
	t.Parallel()
	good := common(queryMethod, nobody)
	without := func(name string) map[string]string {
		changed := maps.Clone(good)
		delete(changed, name)
		return changed
	}
	at := func(moved time.Duration) map[string]string {
		return with(good, "timestamp", start.Add(moved).Format(time.DateTime))
	}
	for it, test := range map[string]struct {
		params    map[string]string
		code, sub string
	}{
		"accepted":                 {good, "40004", "CERTIFY_ID_EXPIRED"},
		"charset in capitals":      {with(good, "charset", "UTF-8"), "40004", "CERTIFY_ID_EXPIRED"},
		"no format":                {without("format"), "40004", "CERTIFY_ID_EXPIRED"},
		"a parameter of an SDK":    {with(good, "alipay_sdk", "x"), "40004", "CERTIFY_ID_EXPIRED"},
		"five minutes late":        {at(5 * time.Minute), "40004", "CERTIFY_ID_EXPIRED"},
		"later than five minutes":  {at(5*time.Minute + time.Second), "40002", "isv.invalid-timestamp"},
		"earlier":                  {at(-5*time.Minute - time.Second), "40002", "isv.invalid-timestamp"},
		"a time of another form":   {with(good, "timestamp", "2026-11-22T09:30:00+08:00"), "40002", "isv.invalid-timestamp"},
		"UTC for Shanghai time":    {with(good, "timestamp", "2026-11-22 01:30:00"), "40002", "isv.invalid-timestamp"},
		"no method":                {without("method"), "40001", "isv.missing-method"},
		"no application":           {without("app_id"), "40001", "isv.missing-app-id"},
		"no signature type":        {without("sign_type"), "40001", "isv.missing-signature-type"},
		"no time":                  {without("timestamp"), "40001", "isv.missing-timestamp"},
		"no version":               {without("version"), "40001", "isv.missing-version"},
		"no charset":               {without("charset"), "40001", "isv.missing-charset"},
		"another application":      {with(good, "app_id", "2021000000000002"), "40002", "isv.invalid-app-id"},
		"an unknown method":        {with(good, "method", "alipay.trade.pay"), "40002", "isv.invalid-method"},
		"a malformed method":       {with(good, "method", "Alipay Trade"), "40002", "isv.invalid-method"},
		"XML":                      {with(good, "format", "XML"), "40002", "isv.invalid-format"},
		"GBK":                      {with(good, "charset", "gbk"), "40002", "isv.invalid-charset"},
		"another version":          {with(good, "version", "2.0"), "40002", "isv.invalid-version"},
		"SHA-1":                    {with(good, "sign_type", "RSA"), "40002", "isv.invalid-signature-type"},
		"signature type in small":  {with(good, "sign_type", "rsa2"), "40002", "isv.invalid-signature-type"},
		"content that is no JSON":  {with(good, "biz_content", "{"), "40002", "isv.invalid-parameter"},
		"no content":               {without("biz_content"), "40002", "isv.invalid-parameter"},
		"content that is an array": {with(good, "biz_content", "[1]"), "40002", "isv.invalid-parameter"},
	} {
		t.Run(it, func(t *testing.T) {
			t.Parallel()
			answer := newStand(t).call(t, test.params)
			assert.Equal(t, test.code, answer.word("code"))
			assert.Equal(t, test.sub, answer.word("sub_code"))
			assert.NotEmpty(t, answer.word("msg"))
		})
	}
}

func TestSignaturesThatAreRefused(t *testing.T) {
	t.Parallel()
	for it, mangle := range map[string]func(url.Values){
		"altered content":          func(v url.Values) { v.Set("biz_content", nobody+" ") },
		"a parameter added":        func(v url.Values) { v.Set("notify_url", "http://evil.test/") },
		"a parameter taken away":   func(v url.Values) { v.Del("format") },
		"two parameters merged":    func(v url.Values) { v.Del("format"); v.Set("charset", "utf-8"); v.Set("extra", "a&format=JSON") },
		"no base64":                func(v url.Values) { v.Set("sign", "%%%") },
		"base64 with a line break": func(v url.Values) { v.Set("sign", v.Get("sign")[:76]+"\n"+v.Get("sign")[76:]) },
		"base64 without padding":   func(v url.Values) { v.Set("sign", strings.TrimRight(v.Get("sign"), "=")) },
		"another key": func(v url.Values) {
			v.Set("sign", strings.Repeat("A", 342)+"==")
		},
	} {
		t.Run(it, func(t *testing.T) {
			t.Parallel()
			values := sign(common(queryMethod, nobody))
			mangle(values)
			answer := readReply(t, newStand(t).post("/gateway.do", values))
			assert.Equal(t, "isv.invalid-signature", answer.word("sub_code"))
		})
	}
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		values := sign(common(queryMethod, nobody))
		values.Del("sign")
		assert.Equal(t, "isv.missing-signature", readReply(t, newStand(t).post("/gateway.do", values)).word("sub_code"))
	})
}

func TestParametersMayBeSplitBetweenQueryAndBody(t *testing.T) {
	t.Parallel()
	for it, test := range map[string]struct {
		inQuery []string
		want    string
	}{
		"all in the body":           {nil, "40004"},
		"common ones in the query":  {[]string{"app_id", "method", "format", "charset", "sign_type", "sign", "timestamp", "version"}, "40004"},
		"all in the query":          {[]string{"app_id", "method", "format", "charset", "sign_type", "sign", "timestamp", "version", "biz_content"}, "40004"},
		"one in both (app_id here)": {[]string{"app_id", "again"}, "40002"},
	} {
		t.Run(it, func(t *testing.T) {
			t.Parallel()
			body, query := sign(common(queryMethod, nobody)), url.Values{}
			for _, name := range test.inQuery {
				if name == "again" {
					body.Set("app_id", appID)
					continue
				}
				query.Set(name, body.Get(name))
				body.Del(name)
			}
			answer := readReply(t, newStand(t).post("/gateway.do?"+query.Encode(), body))
			assert.Equal(t, test.want, answer.word("code"))
		})
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	t.Parallel()
	good := sign(common(queryMethod, nobody)).Encode()
	for it, test := range map[string]struct{ kind, body string }{
		"JSON":              {"application/json", `{"method":"x"}`},
		"no type":           {"", good},
		"a name twice":      {"application/x-www-form-urlencoded", good + "&version=1.0"},
		"an empty value":    {"application/x-www-form-urlencoded", good + "&extra="},
		"a semicolon":       {"application/x-www-form-urlencoded", good + ";extra=1"},
		"a bad escape":      {"application/x-www-form-urlencoded", good + "&extra=%zz"},
		"no UTF-8":          {"application/x-www-form-urlencoded", good + "&extra=%ff"},
		"more than 64 KiB":  {"application/x-www-form-urlencoded", good + "&extra=" + strings.Repeat("a", 64<<10)},
		"form within parts": {"multipart/form-data; boundary=x", "--x--"},
	} {
		t.Run(it, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/gateway.do", strings.NewReader(test.body))
			r.Header.Set("Content-Type", test.kind)
			assert.Equal(t, "isv.invalid-parameter", readReply(t, newStand(t).do(r)).word("sub_code"))
		})
	}
}

func TestErrorsStandWhereThePlatformPutsThem(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	code := with(with(common(tokenMethod, ""), "grant_type", "authorization_code"), "code", "used")
	assert.Equal(t, reply{"error_response", map[string]any{
		"code": "40002", "msg": "Invalid Arguments", "sub_code": "isv.code-invalid", "sub_msg": "授权码code无效",
	}}, s.call(t, code))
	assert.Equal(t, "alipay_user_certify_open_query_response", s.call(t, common(queryMethod, nobody)).member)
	grant := with(common(tokenMethod, ""), "grant_type", "password")
	assert.Equal(t, "isv.grant-type-invalid", s.call(t, grant).word("sub_code"))
	missing := s.call(t, common(preconsult, `{"user_name":"","cert_type":"IDENTITY_CARD","cert_no":"1"}`))
	assert.Equal(t, "isv.missing-parameter", missing.word("sub_code"))
	passport := s.call(t, common(preconsult, `{"user_name":"a","cert_type":"PASSPORT","cert_no":"E1"}`))
	assert.Equal(t, "CERT_TYPE_NOT_SUPPORTED", passport.word("sub_code"))
}

func TestPageMethodsAreOpenedByABrowser(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	made := s.call(t, common("alipay.user.certify.open.initialize", initialize("A1", "http://service.test:8080/done")))
	require.Equal(t, "10000", made.word("code"))
	page := func(method, id string) answered {
		return s.get("/gateway.do?" + sign(common(method, `{"certify_id":"`+id+`"}`)).Encode())
	}
	found := page("alipay.user.certify.open.certify", made.word("certify_id"))
	assert.Equal(t, http.StatusFound, found.Status)
	assert.Equal(t, "/faces/"+made.word("certify_id"), found.Header.Get("Location"))

	for it, response := range map[string]answered{
		"an unknown check":    page("alipay.user.certify.open.certify", "nobody"),
		"not a page method":   page(queryMethod, made.word("certify_id")),
		"nothing signed":      s.get("/gateway.do"),
		"a parameter altered": s.get("/gateway.do?" + sign(common("alipay.user.certify.open.certify", nobody)).Encode() + "&extra=1"),
	} {
		assert.Equal(t, http.StatusBadRequest, response.Status, it)
	}
}

func initialize(order, returnURL string) string {
	return `{"outer_order_no":"` + order + `","biz_code":"FACE","identity_param":{"identity_type":"CERT_INFO",` +
		`"cert_type":"IDENTITY_CARD","cert_name":"陆晓棠","cert_no":"320100199003070022"},` +
		`"merchant_config":{"return_url":"` + returnURL + `"}}`
}

func TestFaceChecksThatAreNotRegistered(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for it, content := range map[string]string{
		"an order with other signs":  initialize("A-1", "http://service.test:8080/"),
		"an order too long":          initialize(strings.Repeat("A", 33), "http://service.test:8080/"),
		"a return to a stranger":     initialize("A1", "http://stranger.test/"),
		"a return to a script":       initialize("A1", "javascript:alert(1)"),
		"a stranger before the host": initialize("A1", "http://service.test:8080@stranger.test/"),
	} {
		assert.Equal(t, "isv.invalid-parameter", s.call(t, common("alipay.user.certify.open.initialize", content)).word("sub_code"), it)
	}
}

func TestCodesAreShortLivedAndCountOnce(t *testing.T) {
	t.Parallel()
	now := start
	s := newStand(t, func(c *sandbox.Config) { c.Now = func() time.Time { return now } })
	exchange := func(code string) string {
		params := with(with(common(tokenMethod, ""), "grant_type", "authorization_code"), "code", code)
		return s.call(t, with(params, "timestamp", now.Format(time.DateTime))).word("sub_code")
	}
	code := s.authCode(t)
	assert.Empty(t, exchange(code))
	assert.Equal(t, "isv.code-invalid", exchange(code))
	code = s.authCode(t)
	now = now.Add(10*time.Minute - time.Second)
	assert.Empty(t, exchange(code))
	code = s.authCode(t)
	now = now.Add(10 * time.Minute)
	assert.Equal(t, "isv.code-invalid", exchange(code))
}
