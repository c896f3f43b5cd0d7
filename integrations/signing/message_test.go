package signing_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

const messageNonce = "q1Zk3mY8tVw0RrXb2LpE7A"

// messageSender is a registered app with a key of every type.
func messageSender(tb testing.TB, p256 *signing.PrivateKey) signing.Sender {
	tb.Helper()
	sender := bank(tb)
	sender.Keys = append(sender.Keys, signing.VerifyingKey{ID: p256KeyID, Key: p256.Public()})
	return sender
}

// newMessage is an unsigned request with a query.
func newMessage() *signing.Message {
	return &signing.Message{
		Method: http.MethodPost, Authority: "api.citycard.example", Path: "/v1/partner/events", Query: "dry_run=1&a=%20",
		Header: http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {`"BANK-20261122-000004"`}},
		Body:   []byte(`{"type":"citycard.financial.activate","out_request_no":"BANK-20261122-000004"}`),
	}
}

func messageParams(keyID string) signing.SignatureParams {
	return signing.SignatureParams{
		KeyID: keyID, Tag: signing.TagPartner, Created: now, Expires: now.Add(300 * time.Second), Nonce: messageNonce,
	}
}

func signedMessage(tb testing.TB, keyID string, key *signing.PrivateKey) *signing.Message {
	tb.Helper()
	m := newMessage()
	require.NoError(tb, signing.SignRequest(m, messageParams(keyID), key))
	return m
}

// problem is how a message is answered. The zero problem is acceptance.
type problem struct {
	row    signing.Row
	status int
	code   string
}

func judgeMessage(tb testing.TB, m *signing.Message, sender signing.Sender, at time.Time) problem {
	tb.Helper()
	request, err := publicProfile(tb).Parse(m)
	if err == nil {
		err = request.Verify(sender, at)
	}
	if err == nil {
		return problem{}
	}
	refusal := requireRefusal(tb, err)
	return problem{refusal.Row, refusal.Status, refusal.Problem}
}

func TestMessageRoundTripOfEveryKeyType(t *testing.T) {
	t.Parallel()
	p256 := generateKey(t, signing.KeyP256)
	sender := messageSender(t, p256)
	for keyID, key := range map[string]*signing.PrivateKey{
		rsaKeyID: privateKey(t, "partner_rsa"), sm2KeyID: privateKey(t, "partner_sm2"),
		ed25519KeyID: privateKey(t, "partner_ed25519"), p256KeyID: p256,
	} {
		m := signedMessage(t, keyID, key)
		assert.Equal(t, problem{}, judgeMessage(t, m, sender, now), keyID)
		for otherID := range map[string]bool{rsaKeyID: true, sm2KeyID: true, ed25519KeyID: true, p256KeyID: true} {
			if otherID != keyID {
				m := signedMessage(t, otherID, key)
				assert.Equal(t, problem{signing.RowSignature, 401, "signature_invalid"}, judgeMessage(t, m, sender, now), "%s as %s", keyID, otherID)
			}
		}
	}
}

// r || s with a zero between them is the same two numbers, and no signature.
func TestP256SignatureHasOneLength(t *testing.T) {
	t.Parallel()
	key, message := generateKey(t, signing.KeyP256), []byte("message")
	signature, err := key.Sign(message)
	require.NoError(t, err)
	require.True(t, key.Public().Verify(message, signature))
	for name, other := range map[string][]byte{
		"a zero between": slices.Concat(signature[:32], []byte{0}, signature[32:]),
		"a zero before":  append([]byte{0}, signature...),
		"a zero behind":  append(slices.Clone(signature), 0),
		"one byte less":  signature[:63],
		"DER":            derSequence(derInteger(append([]byte{0}, signature[:32]...)...), derInteger(append([]byte{0}, signature[32:]...)...)),
		"zeros":          make([]byte, 64),
	} {
		assert.False(t, key.Public().Verify(message, other), name)
	}
}

// What RFC 9421 leaves to the sender is accepted in every spelling.
func TestMessageAcceptsOtherSpellings(t *testing.T) {
	t.Parallel()
	key := privateKey(t, "partner_ed25519")
	t.Run("components in another order, other spaces, another label", func(t *testing.T) {
		t.Parallel()
		m := signedMessage(t, ed25519KeyID, key)
		params := `("idempotency-key" "content-digest" "@query" "@path" "@authority" "@method" "content-type")` +
			`;tag="citycard-partner-v1";keyid="` + ed25519KeyID + `";nonce="` + messageNonce + `";expires=1795311300;created=1795311000`
		resign(t, m, params, key)
		m.Header.Set("Signature-Input", "pqr="+strings.NewReplacer(" ", "  ", ";", ";  ").Replace(params))
		m.Header.Set("Signature", strings.Replace(m.Header.Get("Signature"), "sig1=", "pqr=", 1))
		assert.Equal(t, problem{}, judgeMessage(t, m, bank(t), now))
	})
	t.Run("a bare idempotency key", func(t *testing.T) {
		t.Parallel()
		m := newMessage()
		m.Header.Set("Idempotency-Key", "BANK-20261122-000004")
		require.NoError(t, signing.SignRequest(m, messageParams(ed25519KeyID), key))
		request, err := publicProfile(t).Parse(m)
		require.NoError(t, err)
		assert.Equal(t, "BANK-20261122-000004", request.IdempotencyKey)
		assert.NoError(t, request.Verify(bank(t), now))
	})
	t.Run("a signature of somebody else beside", func(t *testing.T) {
		t.Parallel()
		m := signedMessage(t, ed25519KeyID, key)
		m.Header.Set("Signature-Input", `proxy=("@method";req "x");alg="hmac-sha256";tag="cdn", `+m.Header.Get("Signature-Input"))
		m.Header.Set("Signature", `proxy=:AAAA:, `+m.Header.Get("Signature"))
		assert.Equal(t, problem{}, judgeMessage(t, m, bank(t), now))
	})
	t.Run("SHA-512 of the body", func(t *testing.T) {
		t.Parallel()
		m := signedMessage(t, ed25519KeyID, key)
		m.Body = []byte(`{"hello": "world"}`)
		m.Header.Set("Content-Digest", "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:")
		resign(t, m, "", key)
		assert.Equal(t, problem{}, judgeMessage(t, m, bank(t), now))
	})
	for _, host := range []string{"API.citycard.example", "api.citycard.example:443"} {
		t.Run("host "+host, func(t *testing.T) {
			t.Parallel()
			m := signedMessage(t, ed25519KeyID, key)
			m.Authority = host
			assert.Equal(t, problem{}, judgeMessage(t, m, bank(t), now))
		})
	}
	t.Run("no path", func(t *testing.T) {
		t.Parallel()
		m := newMessage()
		m.Path = ""
		require.NoError(t, signing.SignRequest(m, messageParams(ed25519KeyID), key))
		m.Path = "/"
		assert.Equal(t, problem{}, judgeMessage(t, m, bank(t), now))
	})
	t.Run("Content-Type with its charset", func(t *testing.T) {
		t.Parallel()
		m := newMessage()
		m.Header.Set("Content-Type", "application/json; charset=UTF-8")
		require.NoError(t, signing.SignRequest(m, messageParams(ed25519KeyID), key))
		assert.Equal(t, problem{}, judgeMessage(t, m, bank(t), now))
	})
}

func TestMessageClock(t *testing.T) {
	t.Parallel()
	m := signedMessage(t, ed25519KeyID, privateKey(t, "partner_ed25519"))
	skewed := problem{signing.RowTime, 401, "timestamp_skew"}
	for offset, want := range map[time.Duration]problem{
		0: {}, 300 * time.Second: {}, -300 * time.Second: {},
		300*time.Second + 1: skewed, -300*time.Second - 1: skewed, 24 * time.Hour: skewed,
	} {
		assert.Equal(t, want, judgeMessage(t, m, bank(t), now.Add(offset)), offset)
	}
	short := newMessage()
	params := messageParams(ed25519KeyID)
	params.Expires = now.Add(5 * time.Second)
	require.NoError(t, signing.SignRequest(short, params, privateKey(t, "partner_ed25519")))
	assert.Equal(t, problem{}, judgeMessage(t, short, bank(t), now.Add(5*time.Second)))
	assert.Equal(t, skewed, judgeMessage(t, short, bank(t), now.Add(6*time.Second)))
}

// Whatever else is wrong with a request, the lowest row answers. Each step adds a fault of a lower row.
func TestMessageFirstRowAnswers(t *testing.T) {
	t.Parallel()
	m := signedMessage(t, ed25519KeyID, privateKey(t, "partner_ed25519"))
	sender, at := bank(t), now
	replace := func(header, old, text string) {
		m.Header.Set(header, strings.Replace(m.Header.Get(header), old, text, 1))
	}
	steps := []struct {
		fault func()
		want  problem
	}{
		{func() { m.Authority = "evil.example" }, problem{signing.RowSignature, 401, "signature_invalid"}},
		{func() { m.Body = append(m.Body, ' ') }, problem{signing.RowCoverage, 400, "content_digest_invalid"}},
		{func() { replace("Signature-Input", `"@query" `, "") }, problem{signing.RowCoverage, 401, "insufficient_coverage"}},
		{func() { at = now.Add(time.Hour) }, problem{signing.RowTime, 401, "timestamp_skew"}},
		{func() { sender.Active = false }, problem{signing.RowApp, 401, "signature_invalid"}},
		{func() { replace("Signature-Input", messageNonce, "short") }, problem{signing.RowPattern, 400, "malformed_request"}},
		{func() { m.Header.Del("Idempotency-Key") }, problem{signing.RowMissing, 400, "idempotency_key_required"}},
		{func() { replace("Signature-Input", ";expires=1795311300", "") }, problem{signing.RowMissing, 401, "signature_required"}},
		{func() { replace("Signature-Input", ";nonce", `;alg="ed25519";nonce`) }, problem{signing.RowUnknownName, 400, "malformed_request"}},
		{func() { m.Header.Add("Content-Digest", "sha-256=:AAAA:") }, problem{signing.RowDuplicate, 400, "malformed_request"}},
		{func() { m.Header.Set("Signature", "sig1=:AAAA") }, problem{signing.RowEncoding, 400, "malformed_request"}},
		{func() { m.Header.Set("Content-Encoding", "br") }, problem{signing.RowMediaType, 415, "unsupported_media_type"}},
		{func() { m.Body = bytes.Repeat([]byte{' '}, 64<<10+1) }, problem{signing.RowSize, 413, "body_too_large"}},
	}
	for _, step := range steps {
		step.fault()
		require.Equal(t, step.want, judgeMessage(t, m, sender, at))
	}
}

func TestNewMessageTakesTheRequestAsReceived(t *testing.T) {
	t.Parallel()
	key := privateKey(t, "partner_sm2")
	var got problem
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := new(bytes.Buffer)
		_, err := body.ReadFrom(r.Body)
		assert.NoError(t, err)
		profile, err := signing.NewMessageProfile("http://" + r.Host)
		assert.NoError(t, err)
		request, err := profile.Parse(signing.NewMessage(r, body.Bytes()))
		if assert.NoError(t, err) {
			assert.NoError(t, request.Verify(bank(t), now))
			assert.Contains(t, string(request.Base()), `"@path": /v1/partner%2Fevents`+"\n"+`"@query": ?a=%E4&b`)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	body := `{"out_request_no":"BANK-20261122-000005"}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/partner%2Fevents?a=%E4&b", strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", `"BANK-20261122-000005"`)
	require.NoError(t, signing.SignRequest(signing.NewMessage(request, []byte(body)), messageParams(sm2KeyID), key))
	response, err := server.Client().Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusNoContent, response.StatusCode)
	assert.Equal(t, problem{}, got)
}

func TestNewMessageProfileRefusesWhatIsNoPublicURL(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "api.citycard.example", "ftp://a.example", "https://", "https://u:p@a.example", "https://a b"} {
		_, err := signing.NewMessageProfile(address)
		assert.Error(t, err, address)
	}
}

func TestSignRequestRefusals(t *testing.T) {
	t.Parallel()
	key := privateKey(t, "partner_ed25519")
	for name, change := range map[string]func(m *signing.Message, p *signing.SignatureParams){
		"no nonce":           func(_ *signing.Message, p *signing.SignatureParams) { p.Nonce = "" },
		"a key id with caps": func(_ *signing.Message, p *signing.SignatureParams) { p.KeyID = "Bank" },
		"301 s":              func(_ *signing.Message, p *signing.SignatureParams) { p.Expires = p.Created.Add(301 * time.Second) },
		"expired before":     func(_ *signing.Message, p *signing.SignatureParams) { p.Expires = p.Created.Add(-time.Second) },
		"no idempotency key": func(m *signing.Message, _ *signing.SignatureParams) { m.Header.Del("Idempotency-Key") },
		"no content type":    func(m *signing.Message, _ *signing.SignatureParams) { m.Header.Del("Content-Type") },
		"a line in a field":  func(m *signing.Message, _ *signing.SignatureParams) { m.Header.Set("Idempotency-Key", "a\nb") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, p := newMessage(), messageParams(ed25519KeyID)
			change(m, &p)
			assert.Error(t, signing.SignRequest(m, p, key))
		})
	}
}
