package signing_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

type formVector struct {
	Canonical       string
	CanonicalSHA256 string `json:"canonical_sha256"`
	Sign            string
	Split, Single   struct{ Query, Body string }
}

type messageVector struct {
	KeyID          string
	SignatureInput string `json:"signature_input"`
	Base           string
	BaseSHA256     string `json:"base_sha256"`
	Signature      string
}

type vectors struct {
	Clock             string
	Unix              int64
	GatewayRSA2       formVector                             `json:"gateway_rsa2"`
	GatewaySM2        formVector                             `json:"gateway_sm2"`
	GatewaySM2EmptyID formVector                             `json:"gateway_sm2_empty_id_must_fail"`
	Reply             struct{ Inner, Sign, Body string }     `json:"gateway_reply"`
	PlatformNotify    struct{ Canonical, Sign, Body string } `json:"platform_notify"`
	MessageSignature  struct {
		Body           string
		ContentDigest  string `json:"content_digest"`
		Authority      string
		Path           string
		IdempotencyKey string `json:"idempotency_key"`
		Ed25519        messageVector
		RSA            messageVector
		SM2            messageVector
	} `json:"message_signature"`
	SM2Standard struct {
		PrivateKey         string `json:"private_key"`
		Message            string
		ID                 string
		SignatureDERBase64 string `json:"signature_der_base64"`
	} `json:"sm2_standard"`
}

func loadVectors(tb testing.TB) vectors {
	tb.Helper()
	var v vectors
	readJSON(tb, "vectors.json", &v)
	require.Equal(tb, now.Unix(), v.Unix)
	return v
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestVectorClock(t *testing.T) {
	t.Parallel()
	clock, err := time.Parse(time.RFC3339, loadVectors(t).Clock)
	require.NoError(t, err)
	assert.True(t, now.Equal(clock))
}

func TestGatewayVectors(t *testing.T) {
	t.Parallel()
	v := loadVectors(t)
	for name, vector := range map[string]formVector{"partner_rsa": v.GatewayRSA2, "partner_sm2": v.GatewaySM2} {
		for split, form := range map[string]struct{ Query, Body string }{"split": vector.Split, "single": vector.Single} {
			t.Run(name+" "+split, func(t *testing.T) {
				t.Parallel()
				request, err := signing.ParseGateway(form.Query, []byte(form.Body), formHeader())
				require.NoError(t, err)
				assert.Equal(t, vector.Canonical, string(request.Canonical()))
				assert.Equal(t, vector.CanonicalSHA256, hexSHA256(request.Canonical()))
				keyID, err := request.Verify(bank(t), now)
				require.NoError(t, err)
				assert.Equal(t, strings.ReplaceAll(name, "partner_", "bank-demo-")+"-2026a", keyID)
				assert.Equal(t, "2026000000000001", request.AppID)
				assert.Equal(t, "citycard.financial.activate", request.Method)
				assert.Contains(t, string(request.BizContent), `"account_last4":"7893"`)
			})
		}
		t.Run(name+" signed again", func(t *testing.T) {
			t.Parallel()
			values, err := url.ParseQuery(vector.Single.Body)
			require.NoError(t, err)
			again := map[string]string{}
			for name := range values {
				if name != "sign" && name != "sign_type" {
					again[name] = values.Get(name)
				}
			}
			query, body, err := signing.SignGateway(again, privateKey(t, name))
			require.NoError(t, err)
			assert.Equal(t, vector.Split.Body, body)
			request, err := signing.ParseGateway(query, []byte(body), formHeader())
			require.NoError(t, err)
			assert.Equal(t, vector.Canonical, string(request.Canonical()))
			_, err = request.Verify(bank(t), now)
			require.NoError(t, err)
			if name == "partner_rsa" {
				assert.Contains(t, query, url.QueryEscape(vector.Sign), "the vector's own signature")
			}
		})
	}
}

// A signature made with an empty user id instead of 1234567812345678.
func TestSM2EmptyUserIDVectorFails(t *testing.T) {
	t.Parallel()
	v := loadVectors(t)
	body := strings.Replace(v.GatewaySM2.Single.Body,
		url.QueryEscape(v.GatewaySM2.Sign), url.QueryEscape(v.GatewaySM2EmptyID.Sign), 1)
	request, err := signing.ParseGateway("", []byte(body), formHeader())
	require.NoError(t, err)
	require.Equal(t, v.GatewaySM2EmptyID.Canonical, string(request.Canonical()))
	_, err = request.Verify(bank(t), now)
	refusal := requireRefusal(t, err)
	assert.Equal(t, signing.RowSignature, refusal.Row)
	assert.Equal(t, "isv.invalid-signature", refusal.SubCode)
}

func TestGatewayReplyVector(t *testing.T) {
	t.Parallel()
	v := loadVectors(t)
	replier, err := signing.NewReplier(privateKey(t, "platform_rsa"))
	require.NoError(t, err)
	envelope := signing.Envelope{Method: "citycard.financial.activate", SignType: signing.KeyRSA2}
	body, err := replier.Reply(envelope, []byte(v.Reply.Inner))
	require.NoError(t, err)
	assert.Equal(t, v.Reply.Body, string(body))
	inner, err := signing.OpenReply(body, envelope, publicKey(t, "platform_rsa"))
	require.NoError(t, err)
	assert.Equal(t, v.Reply.Inner, string(inner))
}

func TestPlatformNotifyVector(t *testing.T) {
	t.Parallel()
	v := loadVectors(t)
	types := map[string]signing.NotifyType{"trade_status_sync": tradeStatusSync}
	notification, err := signing.ParseNotify(types, "", []byte(v.PlatformNotify.Body), formHeader())
	require.NoError(t, err)
	assert.Equal(t, v.PlatformNotify.Canonical, string(notification.Canonical()))
	require.NoError(t, notification.Verify(platformKeys(t), now))
	assert.Equal(t, "2026112200222093000000000000000001", notification.ID)
	assert.Equal(t, "20.00", notification.Value("total_amount"))

	values := map[string]string{}
	for pair := range strings.SplitSeq(v.PlatformNotify.Canonical, "&") {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	body, err := signing.SignNotify(values, tradeStatusSync, privateKey(t, "platform_rsa"))
	require.NoError(t, err)
	assert.Equal(t, v.PlatformNotify.Body, body)
}

// vectorMessage is the request of the message-signature vectors under one of their signatures.
func vectorMessage(v vectors, signature messageVector) *signing.Message {
	return &signing.Message{
		Method: http.MethodPost, Authority: v.MessageSignature.Authority, Path: v.MessageSignature.Path,
		Header: http.Header{
			"Content-Type":    {"application/json"},
			"Content-Digest":  {v.MessageSignature.ContentDigest},
			"Idempotency-Key": {v.MessageSignature.IdempotencyKey},
			"Signature-Input": {signature.SignatureInput},
			"Signature":       {signature.Signature},
		},
		Body: []byte(v.MessageSignature.Body),
	}
}

func TestMessageSignatureVectors(t *testing.T) {
	t.Parallel()
	v := loadVectors(t)
	profile := publicProfile(t)
	for name, vector := range map[string]messageVector{
		"partner_ed25519": v.MessageSignature.Ed25519, "partner_rsa": v.MessageSignature.RSA, "partner_sm2": v.MessageSignature.SM2,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := vectorMessage(v, vector)
			request, err := profile.Parse(message)
			require.NoError(t, err)
			assert.Equal(t, vector.Base, string(request.Base()))
			assert.Equal(t, vector.BaseSHA256, hexSHA256(request.Base()))
			require.NoError(t, request.Verify(bank(t), now))
			assert.Equal(t, vector.KeyID, request.KeyID)
			assert.Equal(t, "BANK-20261122-000002", request.IdempotencyKey)
			assert.Equal(t, "q1Zk3mY8tVw0RrXb2LpE7A", request.Nonce)

			again := vectorMessage(v, messageVector{})
			require.NoError(t, signing.SignRequest(again, signing.SignatureParams{
				KeyID: vector.KeyID, Tag: signing.TagPartner, Created: now, Expires: now.Add(300 * time.Second),
				Nonce: "q1Zk3mY8tVw0RrXb2LpE7A",
			}, privateKey(t, name)))
			assert.Equal(t, v.MessageSignature.ContentDigest, again.Header.Get("Content-Digest"))
			assert.Equal(t, vector.SignatureInput, again.Header.Get("Signature-Input"))
			if name == "partner_sm2" {
				again, err := profile.Parse(again)
				require.NoError(t, err)
				require.NoError(t, again.Verify(bank(t), now))
			} else {
				assert.Equal(t, vector.Signature, again.Header.Get("Signature"))
			}
		})
	}
}

// The signature example of GB/T 32918.5 appendix A (also GM/T 0003.5): key pair, hash and signature.
func TestSM2StandardExample(t *testing.T) {
	t.Parallel()
	v := loadVectors(t).SM2Standard
	scalar, err := hex.DecodeString(v.PrivateKey)
	require.NoError(t, err)
	standard, err := sm2.NewPrivateKey(scalar)
	require.NoError(t, err)
	assert.Equal(t, "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020", padHex(standard.X.Text(16)))
	assert.Equal(t, "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13", padHex(standard.Y.Text(16)))
	hash, err := sm2.CalculateSM2Hash(&standard.PublicKey, []byte(v.Message), []byte(v.ID))
	require.NoError(t, err)
	assert.Equal(t, "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640", hex.EncodeToString(hash))

	key, err := signing.ParsePrivateKey(sm2PEM(t, scalar))
	require.NoError(t, err)
	signature, err := base64.StdEncoding.DecodeString(v.SignatureDERBase64)
	require.NoError(t, err)
	assert.True(t, signing.IsDERSignature(signature))
	assert.True(t, key.Public().Verify([]byte(v.Message), signature))
	assert.False(t, key.Public().Verify([]byte(v.Message+"."), signature))
	assert.True(t, signing.IsTestKey(key.Public()))

	made, err := key.Sign([]byte(v.Message))
	require.NoError(t, err)
	assert.True(t, sm2.VerifyASN1WithSM2(&standard.PublicKey, []byte(v.ID), []byte(v.Message), made))
}

func padHex(s string) string { return strings.Repeat("0", 64-len(s)) + s }
