package alipay_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// TestErrorsHoldNoPersonalData has the gateway throw back everything it was sent, in every place of a reply.
func TestErrorsHoldNoPersonalData(t *testing.T) {
	t.Parallel()
	person := madeUp(t, "new")
	echo := func(_ string, r *http.Request) string {
		return strconv.Quote(r.FormValue("biz_content") + r.FormValue("code") + r.FormValue("auth_token"))
	}
	for it, reply := range map[string]answer{
		"in the texts": func(method string, r *http.Request) string {
			return signed(`{"code":"40004","msg":`+echo(method, r)+`,"sub_code":"REFUSED","sub_msg":`+echo(method, r)+`}`)(method, r)
		},
		"in the codes": func(method string, r *http.Request) string {
			return signed(`{"code":`+echo(method, r)+`,"sub_code":`+echo(method, r)+`}`)(method, r)
		},
		"in an unsigned refusal": func(method string, r *http.Request) string {
			return `{"error_response":{"code":` + echo(method, r) + `,"sub_code":` + echo(method, r) + `}}`
		},
		"as a value of the wrong type": func(method string, r *http.Request) string {
			return signed(`{"code":"10000","verify_id":{"a":`+echo(method, r)+`},"access_token":[`+echo(method, r)+`]}`)(method, r)
		},
		"as a number of the wrong type": signed(`{"code":"10000","verify_id":` + person.IDNumber + `,"access_token":` + person.IDNumber + `}`),
		"as the whole reply":            echo,
		"as the signature": func(method string, r *http.Request) string {
			return `{"` + member(method) + `":{},"sign":` + echo(method, r) + `}`
		},
	} {
		t.Run(it, func(t *testing.T) {
			t.Parallel()
			gateway := script(t, nil, reply)
			_, preparing := gateway.client.PrepareCheck(t.Context(), nameOf(person), numberOf(person))
			_, exchanging := gateway.client.ExchangeCode(t.Context(), person.IDNumber)
			_, consulting := gateway.client.ConsultCheck(t.Context(), "id", citycard.PlatformUser{AccessToken: person.IDNumber})
			_, initializing := gateway.client.InitializeFace(t.Context(), citycard.FaceCheck{Name: nameOf(person), Number: numberOf(person)})
			for _, err := range []error{preparing, exchanging, consulting, initializing} {
				require.Error(t, err)
				for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err)} {
					for _, private := range []string{
						person.Name, person.IDNumber, url.QueryEscape(person.Name), strconv.QuoteToASCII(person.Name),
						base64.StdEncoding.EncodeToString([]byte(person.Name)),
					} {
						assert.NotContains(t, text, private)
					}
				}
			}
		})
	}
}
