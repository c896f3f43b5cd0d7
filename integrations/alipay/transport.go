package alipay

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// replyLimit bounds a reply's body, in bytes.
	replyLimit     = 1 << 20
	connectTimeout = 3 * time.Second
)

// verifyingTransport lets a reply through only whole, with HTTP status 200, of bounded size and signed by the
// platform over the very bytes that will be read. The SDK would decrypt first, and would read an error that
// nobody signed. Its errors hold nothing of the body but the platform's own error codes.
type verifyingTransport struct {
	base http.RoundTripper
	keys keys
}

func newTransport(keys keys) http.RoundTripper {
	base := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connectTimeout}).DialContext,
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return verifyingTransport{base, keys}
}

// RoundTrip sends a request and checks the reply.
func (t verifyingTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.base.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, replyLimit+1))
	if err != nil {
		return nil, fmt.Errorf("read reply: %w", err)
	}
	if len(body) > replyLimit {
		return nil, fmt.Errorf("reply of more than %d bytes", replyLimit)
	}
	if err := t.keys.verify(body); err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// verify checks form and signature of a reply: one JSON object with one *_response (or error_response) member that
// is an object, a sign over exactly its bytes (RSASSA-PKCS1-v1_5 with SHA-256), at most an alipay_cert_sn that names
// the pinned certificate, and nothing else.
func (k keys) verify(body []byte) error {
	reply, err := parseEnvelope(body)
	if err != nil {
		return err
	}
	if reply.signature == nil {
		return unsignedError(reply.inner)
	}
	var text string
	if err := json.Unmarshal(reply.signature, &text); err != nil {
		return errors.New("malformed reply: sign is no string")
	}
	signature, err := base64.StdEncoding.DecodeString(text)
	if err != nil || base64.StdEncoding.EncodeToString(signature) != text {
		return errors.New("wrongly signed reply: sign is no base64")
	}
	if reply.serial != nil && (k.serial == "" || string(reply.serial) != `"`+k.serial+`"`) {
		return errors.New("wrongly signed reply: it names another certificate than the configured one")
	}
	sum := sha256.Sum256(reply.inner)
	if rsa.VerifyPKCS1v15(k.platform, crypto.SHA256, sum[:], signature) != nil {
		return errors.New("wrongly signed reply")
	}
	return nil
}

// envelope holds the raw members of a reply.
type envelope struct {
	inner     json.RawMessage
	signature json.RawMessage
	serial    json.RawMessage
}

func parseEnvelope(body []byte) (envelope, error) {
	malformed := errors.New("malformed reply")
	decoder := json.NewDecoder(bytes.NewReader(body))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return envelope{}, malformed
	}
	var reply envelope
	for decoder.More() {
		token, err := decoder.Token()
		name, isName := token.(string)
		member := reply.member(name)
		if err != nil || !isName || member == nil || *member != nil {
			return envelope{}, malformed
		}
		if err := decoder.Decode(member); err != nil {
			return envelope{}, malformed
		}
	}
	if _, err := decoder.Token(); err != nil {
		return envelope{}, malformed
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return envelope{}, malformed
	}
	if len(reply.inner) == 0 || reply.inner[0] != '{' {
		return envelope{}, malformed
	}
	return reply, nil
}

// member is where a member of that name goes; nil for a name that has no place in a reply.
func (e *envelope) member(name string) *json.RawMessage {
	switch {
	case name == "sign":
		return &e.signature
	case name == "alipay_cert_sn":
		return &e.serial
	case strings.HasSuffix(name, "_response"):
		return &e.inner
	}
	return nil
}
