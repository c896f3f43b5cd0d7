package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"citycard/integrations/sandbox"
)

// FuzzGateway holds that no bytes from outside stop the gateway, and that nothing unsigned is carried out.
func FuzzGateway(f *testing.F) {
	made := config()
	s, err := sandbox.New(made)
	require.NoError(f, err)
	handler := s.Handler()
	f.Add("app_id="+appID, "method="+preconsult+"&sign_type=RSA2&sign=AAAA")
	f.Add("", strings.ReplaceAll(sign(common(preconsult, "{}")).Encode(), "sign=", "sign=A"))
	f.Add("a=1;b=2", "%zz=%ff&=&x")
	f.Fuzz(func(t *testing.T, query, body string) {
		r := httptest.NewRequest(http.MethodPost, "/gateway.do", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		var members map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &members))
		for name, inner := range members {
			if name != "sign" {
				var fields map[string]any
				require.NoError(t, json.Unmarshal(inner, &fields))
				require.NotEqual(t, "10000", fields["code"])
				require.NotContains(t, fields, "access_token")
			}
		}
	})
}
