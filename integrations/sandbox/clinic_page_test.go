package sandbox_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// pasted is the bank's event as a person copies it: as it travels, and as a curl command.
func pastedForms(signed string) []string {
	values, query := formValues(), url.Values{}
	for name, value := range values {
		if name != "biz_content" {
			query.Set(name, value)
		}
	}
	query.Set("sign", signRSA(signed))
	body := url.Values{"biz_content": {values["biz_content"]}}.Encode()
	target := "/gateway.do?" + query.Encode()
	return []string{
		"POST " + target + " HTTP/1.1\r\nHost: service.test:8080\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n" + body + "\r\n",
		"curl -sS -X POST \\\n  -H 'Content-Type: application/x-www-form-urlencoded' \\\n  --data-raw '" + body + "' \\\n  'http://service.test:8080" + target + "'",
		`curl "http://service.test:8080/clinic` + target + `" -d "` + body + `"`,
	}
}

func TestTheClinicsPageExaminesWhatIsPasted(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	right := joined(formValues(), "&")
	for i, request := range pastedForms(right) {
		page := c.post("/clinic", url.Values{"request": {request}})
		assert.Equal(t, http.StatusOK, page.Status)
		assert.Contains(t, page.Body, "签名正确", i)
		assert.Contains(t, page.Body, "<code>bank-rsa</code>", i)
		assert.Contains(t, html.UnescapeString(page.Body), "<pre>"+right+"</pre>", i)
		assert.NotContains(t, page.Body, "<mark>", i)
	}
	for i, request := range pastedForms(joined(formValues(), "&", "sign_type")) {
		page := c.post("/clinic", url.Values{"request": {request}})
		assert.Equal(t, http.StatusOK, page.Status)
		assert.Contains(t, page.Body, "<code>coverage</code>", i)
		assert.Contains(t, page.Body, "sign_type was left out", i)
		assert.Contains(t, html.UnescapeString(page.Body), "<mark>sign_type=RSA2&timestamp</mark>", i)
		assert.NotContains(t, page.Body, "<script", i)
	}
}

func TestTheClinicsPageSaysWhyItCannotRead(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	for request, why := range map[string]string{
		"":                                    "The first line must be the request line",
		"POST":                                "The first line must be the request line",
		"POST /v1/me HTTP/1.1":                "The address must be /gateway.do or /v1/partner/",
		"POST /gateway.do HTTP/1.1\nno colon": "Headers are written Name: value",
		"curl 'http://x/gateway.do":           "A quote of the command is not closed.",
		"curl -d <b>":                         "The address must be",
		"P\x00ST /gateway.do HTTP/1.1":        "The address must be",
	} {
		page := c.post("/clinic", url.Values{"request": {request}})
		assert.Equal(t, http.StatusBadRequest, page.Status, request)
		assert.Contains(t, page.Body, why, request)
		assert.NotContains(t, page.Body, "<b>", "what was pasted is text")
	}
	empty := c.get("/clinic").Body
	assert.Contains(t, empty, `<form class="note paste" method="post" action="/clinic">`)
	assert.NotContains(t, empty, "What differs")
	message := c.post("/clinic", url.Values{"request": {"POST /v1/partner/events HTTP/1.1\nHost: x\n\n{}"}})
	assert.Contains(t, message.Body, "Signature-Input is missing")
	large := c.post("/clinic", url.Values{"request": {strings.Repeat("a", 1<<20)}})
	assert.Equal(t, http.StatusBadRequest, large.Status)
}
