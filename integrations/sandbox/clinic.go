package sandbox

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"unicode/utf8"
)

// TestKey is a partner's public key for trying. Only requests signed with one of these are looked at, so that the
// clinic tells nobody anything about the signatures of real partners.
type TestKey struct {
	AppID string
	KeyID string
	// PEM is the public key: RSA, SM2, Ed25519 or P-256.
	PEM string
}

// diagnosis is what the clinic says of a request.
type diagnosis struct {
	OK       bool      `json:"ok"`
	Findings []finding `json:"findings"`
	// Expected is what should have been signed; null where the request could not be read so far.
	Expected *bytesShown `json:"expected"`
	// Signed is what was signed in truth, where that could be found out.
	Signed *bytesShown `json:"signed,omitempty"`
	// DiffersAt is the first byte in which the two differ.
	DiffersAt *difference `json:"differs_at,omitempty"`
	KeyID     string      `json:"key_id,omitempty"`
}

// What can be wrong.
const (
	wrongOrder    = "order"
	wrongEncoding = "encoding"
	wrongNewline  = "newline"
	wrongClock    = "clock"
	wrongKey      = "key"
	wrongBody     = "body"
	wrongHost     = "host"
	wrongCoverage = "coverage"
	wrongForm     = "form"
)

// finding is one thing that is wrong.
type finding struct {
	What string `json:"what"`
	ZH   string `json:"zh"`
	EN   string `json:"en"`
}

// bytesShown shows bytes as text, where they are that, and as hex.
type bytesShown struct {
	Text   string `json:"text,omitempty"`
	Hex    string `json:"hex"`
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

type difference struct {
	Offset   int    `json:"offset"`
	Expected string `json:"expected"`
	Signed   string `json:"signed"`
}

func show(text []byte) *bytesShown {
	shown := &bytesShown{Hex: hex.EncodeToString(text), Bytes: len(text), SHA256: hex.EncodeToString(sha256Of(text))}
	if utf8.Valid(text) {
		shown.Text = string(text)
	}
	return shown
}

// window is how many bytes behind the first difference are shown.
const window = 24

func differ(expected, signed []byte) *difference {
	at := 0
	for at < len(expected) && at < len(signed) && expected[at] == signed[at] {
		at++
	}
	if at == len(expected) && at == len(signed) {
		return nil
	}
	cut := func(text []byte) string { return hex.EncodeToString(text[at:min(len(text), at+window)]) }
	return &difference{at, cut(expected), cut(signed)}
}

func (d *diagnosis) find(what, zh, en string) {
	d.Findings = append(d.Findings, finding{what, zh, en})
}

// attempt is one way in which senders are known to build what they sign; the right way has no name.
type attempt struct {
	what, zh, en string
	text         []byte
}

// judge tries every attempt with every key, the right one first.
func (d *diagnosis) judge(attempts []attempt, signature []byte, keys []clinicKey) {
	d.Expected = show(attempts[0].text)
	for _, try := range attempts {
		for _, key := range keys {
			if !key.verifies(try.text, signature) {
				continue
			}
			d.KeyID = key.KeyID
			if try.what != "" {
				d.Signed, d.DiffersAt = show(try.text), differ(attempts[0].text, try.text)
				d.find(try.what, try.zh, try.en)
			}
			return
		}
	}
	d.unexplained(signature, keys)
}

// unexplained says what an RSA signature gives away by itself: whose it is, and the hash of what was signed.
func (d *diagnosis) unexplained(signature []byte, keys []clinicKey) {
	for _, key := range keys {
		hash, digest, ok := key.recover(signature)
		if !ok {
			continue
		}
		d.KeyID = key.KeyID
		if hash != "SHA-256" {
			d.find(wrongKey, "签名用的是 "+hash+"，应为 SHA-256。", "The signature was made with "+hash+"; it must be SHA-256.")
			return
		}
		d.find(wrongBody, "密钥正确，但签名的内容与收到的内容不同；被签内容的 SHA-256 是 "+hex.EncodeToString(digest)+"。签名之后请求被改动过，或被签的串是另外拼成的。",
			"The key is right, but something else was signed than what arrived: its SHA-256 is "+hex.EncodeToString(digest)+". The request was changed after signing, or signed over a string built differently.")
		return
	}
	d.find(wrongKey, "没有一把登记的测试公钥能验证这个签名，被签的内容也不是常见错误中的任何一种。请核对私钥与登记的公钥是否成对。",
		"None of the test keys verifies this signature, over any of the strings that senders build by mistake. Check that the private key belongs to the registered public key.")
}

// clinic answers POST /clinic/gateway.do and POST /clinic/v1/partner/…: the request that failed, sent here as it
// was, is told what differs. It answers 200 whatever it finds.
func (s *Sandbox) clinic(examine func(*Sandbox, *http.Request, []byte, []clinicKey) diagnosis) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit+1))
		if err != nil || len(body) > bodyLimit {
			http.Error(w, "the body is larger than 64 KiB or did not arrive whole", http.StatusRequestEntityTooLarge)
			return
		}
		keys, err := s.clinicKeys(r.Context())
		if err != nil {
			http.Error(w, "the test keys cannot be read", http.StatusServiceUnavailable)
			return
		}
		found := examine(s, r, body, keys)
		found.OK = len(found.Findings) == 0
		if found.OK {
			found.Findings = []finding{}
		}
		text, err := json.MarshalIndent(found, "", "  ")
		if err != nil {
			http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(append(text, '\n'))
	}
}

func (s *Sandbox) clinicKeys(ctx context.Context) ([]clinicKey, error) {
	if s.testKeys == nil {
		return nil, nil
	}
	given, err := s.testKeys(ctx)
	if err != nil {
		return nil, err
	}
	var keys []clinicKey
	for _, test := range given {
		if key, ok := readClinicKey(test); ok {
			keys = append(keys, key)
		}
	}
	return keys, nil
}
