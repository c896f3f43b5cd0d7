package alipay_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"citycard/integrations/alipay"
)

// scripted is a gateway that gives prepared replies in turn, the last one again and again, and counts.
type scripted struct {
	client  *alipay.Client
	calls   *atomic.Int64
	methods chan string
}

// answer makes the reply to a method; it may look at the request.
type answer func(method string, r *http.Request) string

func script(t *testing.T, change func(*alipay.Config), answers ...answer) scripted {
	t.Helper()
	gateway := scripted{calls: &atomic.Int64{}, methods: make(chan string, 100)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		turn := min(int(gateway.calls.Add(1)), len(answers))
		method := r.FormValue("method")
		gateway.methods <- method
		_, _ = w.Write([]byte(answers[turn-1](method, r)))
	}))
	t.Cleanup(server.Close)
	config := clientConfig(server.URL)
	if change != nil {
		change(&config)
	}
	var err error
	gateway.client, err = alipay.New(config)
	require.NoError(t, err)
	return gateway
}

func sign(key *rsa.PrivateKey, inner string) string {
	sum := sha256.Sum256([]byte(inner))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

func member(method string) string { return strings.ReplaceAll(method, ".", "_") + "_response" }

// signed answers with an inner object under the method's name, signed by the platform.
func signed(inner string) answer {
	return func(method string, _ *http.Request) string {
		return `{"` + member(method) + `":` + inner + `,"sign":"` + sign(platformKey(), inner) + `"}`
	}
}

func signedError(inner string) answer {
	return func(string, *http.Request) string {
		return `{"error_response":` + inner + `,"sign":"` + sign(platformKey(), inner) + `"}`
	}
}

func refusing(code, sub string) string {
	return `{"code":"` + code + `","msg":"m","sub_code":"` + sub + `","sub_msg":"s"}`
}

const (
	passed = `{"code":"10000","msg":"Success","passed":"T"}`
	token  = `{"access_token":"authusrBnew","refresh_token":"authusrBrefresh","open_id":"0open","expires_in":3600}`
)
