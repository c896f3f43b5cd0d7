package main_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

// vectors are the messages that partners check their own signing by.
type vectors struct {
	RSA2  gatewayVector `json:"gateway_rsa2"`
	SM2   gatewayVector `json:"gateway_sm2"`
	Empty struct {
		Sign string `json:"sign"`
	} `json:"gateway_sm2_empty_id_must_fail"`
	Reply struct {
		Inner string `json:"inner"`
	} `json:"gateway_reply"`
	Message struct {
		Body    string        `json:"body"`
		Digest  string        `json:"content_digest"`
		Path    string        `json:"path"`
		OnceKey string        `json:"idempotency_key"`
		Ed25519 messageVector `json:"ed25519"`
		RSA     messageVector `json:"rsa"`
	} `json:"message_signature"`
}

type gatewayVector struct {
	Sign  string `json:"sign"`
	Split struct {
		Query string `json:"query"`
		Body  string `json:"body"`
	} `json:"split"`
	Single struct {
		Body string `json:"body"`
	} `json:"single"`
}

type messageVector struct {
	Input     string `json:"signature_input"`
	Signature string `json:"signature"`
}

func (v vectors) message(address string, m messageVector) (*http.Request, error) {
	request, err := http.NewRequest(http.MethodPost, address+v.Message.Path, strings.NewReader(v.Message.Body))
	if err != nil {
		return nil, err
	}
	request.Host = vectorHost
	request.Header = http.Header{
		"Content-Type": {"application/json"}, "Content-Digest": {v.Message.Digest}, "Idempotency-Key": {v.Message.OnceKey},
		"Signature-Input": {m.Input}, "Signature": {m.Signature},
	}
	return request, nil
}

func TestVectorsAreAcceptedOverHTTPAndForgedOnesAreNot(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(signingData, "vectors.json"))
	require.NoError(t, err)
	var v vectors
	require.NoError(t, json.Unmarshal(text, &v))
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			town := newPartnerTown(t, fresh(t), 1, "CITYCARD_NOW="+vectorClock)
			running := town.startAtVectors(t)
			c := newClient("")
			post := func(query, body string) reply {
				answer, err := c.form(running.service+"/gateway.do?"+query, body)
				require.NoError(t, err)
				return answer
			}
			first := post(v.RSA2.Split.Query, v.RSA2.Split.Body)
			envelope := signing.Envelope{Method: "citycard.financial.activate", SignType: signing.KeyRSA2}
			inner, err := signing.OpenReply([]byte(first.body), envelope, platformKey(t, running, "RSA2"))
			require.NoError(t, err, first.body)
			assert.Equal(t, v.Reply.Inner, string(inner))
			again := post("", v.RSA2.Single.Body)
			assert.Equal(t, first.body, again.body)
			assert.Equal(t, "true", again.header.Get("Idempotency-Hit"))

			envelope.SignType = signing.KeySM2
			for _, answer := range []reply{post(v.SM2.Split.Query, v.SM2.Split.Body), post("", v.SM2.Single.Body)} {
				inner, err = signing.OpenReply([]byte(answer.body), envelope, platformKey(t, running, "SM2"))
				require.NoError(t, err, answer.body)
				assert.Equal(t, v.Reply.Inner, string(inner))
			}
			empty := strings.Replace(v.SM2.Single.Body, urlEscape(v.SM2.Sign), urlEscape(v.Empty.Sign), 1)
			assert.Contains(t, post("", empty).body, `"sub_code":"isv.invalid-signature"`)

			for i, m := range []messageVector{v.Message.Ed25519, v.Message.Ed25519, v.Message.RSA} {
				request, err := v.message(running.service, m)
				require.NoError(t, err)
				answer, err := c.do(request)
				require.NoError(t, err)
				if i == 0 {
					assert.Equal(t, http.StatusOK, answer.status, answer.body)
					assert.Contains(t, answer.body, `"result":"APPLIED","changed":false`, "the card is active already")
				} else {
					assert.Equal(t, http.StatusConflict, answer.status, "one nonce, whatever key signs it")
					assert.Contains(t, answer.body, `"code":"nonce_reused"`)
				}
			}
			assert.Equal(t, []string{"BANK-20261122-000001", "BANK-20261122-000002"}, town.numbers(t))
		})
	}
}
