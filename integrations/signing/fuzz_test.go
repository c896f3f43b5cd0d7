package signing_test

import (
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

// A gateway form that is accepted reads the same to net/url, stands for one canonical string whatever its
// split, and survives being written again. One that is refused has its body.
func FuzzParseGateway(f *testing.F) {
	v := loadVectors(f)
	for _, vector := range []formVector{v.GatewayRSA2, v.GatewaySM2} {
		f.Add(vector.Split.Query, vector.Split.Body)
		f.Add(vector.Single.Query, vector.Single.Body)
	}
	good := gatewayDraft(f, gatewayValues(), privateKey(f, "partner_rsa"))
	f.Add(encodePairs(good.query), encodePairs(good.body))
	f.Add("method=citycard.card.ready&a=%", "biz_content={}")
	f.Add("a=1;b=2", "a=%C0%AF&a=%ED%A0%80")
	f.Add("app_id=1&app%5fid=1", "=&&&")
	for _, kind := range slices.Concat(encodingKinds([]string{"nonce"}), nameKinds([]string{"nonce"}), gatewayValueKinds(), base64Kinds()) {
		mangled := good.clone()
		kind.mangle(mangled)
		f.Add(encodePairs(mangled.query), encodePairs(mangled.body))
	}
	replier := newReplier(f)
	sender := bank(f)
	f.Fuzz(func(t *testing.T, query, body string) {
		request, err := signing.ParseGateway(query, []byte(body), formHeader())
		if err != nil {
			refusal := requireRefusal(t, err)
			if refusal.Code != "" {
				_, err := replier.Refuse(refusal)
				require.NoError(t, err)
			}
			return
		}
		values, err := url.ParseQuery(strings.Trim(query+"&"+body, "&"))
		require.NoError(t, err)
		d := &draft{}
		for name, value := range values {
			require.Len(t, value, 1)
			d.body = append(d.body, pair{name, url.QueryEscape(value[0])})
		}
		assert.Equal(t, d.canonical("sign"), string(request.Canonical()))
		again, err := signing.ParseGateway("", []byte(encodePairs(d.body)), formHeader())
		require.NoError(t, err)
		assert.Equal(t, request.Canonical(), again.Canonical())
		_, err = request.Verify(sender, now)
		if err != nil {
			requireRefusal(t, err)
			return
		}
		signed := []string{v.GatewayRSA2.Canonical, v.GatewaySM2.Canonical, good.canonical("sign")}
		assert.Contains(t, signed, string(request.Canonical()), "accepted what nobody signed")
	})
}

// A notification that is accepted reads in UTF-8 whatever its charset, and only the signed bytes verify.
func FuzzParseNotify(f *testing.F) {
	v := loadVectors(f)
	signed := []string{v.PlatformNotify.Canonical}
	f.Add("", v.PlatformNotify.Body)
	for _, charset := range []string{"utf-8", "GBK"} {
		d := notifyDraft(f, notifyValues(charset), tradeStatusSync)
		signed = append(signed, d.canonical("sign", "sign_type"))
		f.Add("", encodePairs(d.body))
	}
	f.Add("a=1", "notify_type=trade_status_sync")
	f.Add("", "charset=gbk&subject=%81%30%81%30&subject=\xc9")
	good := notifyDraft(f, notifyValues("GBK"), tradeStatusSync)
	for _, kind := range slices.Concat(encodingKinds([]string{"subject"}), nameKinds([]string{"subject"}), valueKinds(notifyAnswers)) {
		mangled := good.clone()
		kind.mangle(mangled)
		f.Add("", encodePairs(mangled.body))
	}
	types := map[string]signing.NotifyType{"trade_status_sync": tradeStatusSync}
	keys := platformKeys(f)
	f.Fuzz(func(t *testing.T, query, body string) {
		notification, err := signing.ParseNotify(types, query, []byte(body), formHeader())
		if err != nil {
			assert.Equal(t, http.StatusBadRequest, requireRefusal(t, err).Status)
			return
		}
		assert.Empty(t, query)
		for _, name := range append(tradeStatusSync.Names, "notify_id", "charset") {
			value := notification.Value(name)
			assert.Equal(t, strings.ToValidUTF8(value, ""), value)
			if name != "biz_content" {
				assert.False(t, strings.ContainsAny(value, "&=\n\x00"))
			}
		}
		if notification.Verify(keys, now) == nil {
			assert.Contains(t, signed, string(notification.Canonical()), "accepted what nobody signed")
		}
	})
}

// FuzzSignatureInput changes Signature-Input and Signature of a good request together.
func FuzzSignatureInput(f *testing.F) {
	good := signedMessage(f, ed25519KeyID, privateKey(f, "partner_ed25519"))
	goodRequest, err := publicProfile(f).Parse(good)
	require.NoError(f, err)
	input, signature := good.Header.Get("Signature-Input"), good.Header.Get("Signature")
	f.Add(input, signature)
	f.Add(strings.Replace(input, ";created", ";  created", 1), signature)
	f.Add(`a=("@method";req "x";bs);alg="none", `+input, "a=:AA==:, "+signature)
	f.Add(`sig1=();tag="citycard-partner-v1"`, "sig1=::")
	f.Add("sig1=(", "sig1=:")
	profile, sender := publicProfile(f), bank(f)
	f.Fuzz(func(t *testing.T, input, signature string) {
		m := cloneMessage(good)
		m.Header.Set("Signature-Input", input)
		m.Header.Set("Signature", signature)
		request, err := profile.Parse(m)
		if err != nil {
			requireRefusal(t, err)
			return
		}
		base := string(request.Base())
		assert.Contains(t, base, `"@signature-params": (`)
		lines := strings.Split(base, "\n")
		for _, line := range lines {
			assert.True(t, strings.HasPrefix(line, `"`), "a line of its own in the base")
		}
		if request.Verify(sender, now) == nil {
			assert.Equal(t, string(goodRequest.Base()), base, "accepted what nobody signed")
		}
	})
}

var fifteenDigits = regexp.MustCompile(`[0-9]{15}`)

// FuzzDictionary holds what is common to Signature-Input, Signature and Content-Digest: what is accepted
// serialises to one form, which the peer reads alike.
func FuzzDictionary(f *testing.F) {
	for _, seed := range []string{
		`sig1=("@method" "@query";req);created=1795311000;keyid="k";tag="t"`, "sig1=:AAAA:, sig2=:AA==:",
		"sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", `a="b\"c\\d";e=?0`, "a=(1 2  3 );b", "a=-5, b=to/ken", "a,",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		members, err := signing.DictionaryOf(text)
		if err != nil {
			return
		}
		for key, member := range members {
			serialised := key + "=" + member
			again, err := signing.DictionaryOf(serialised)
			require.NoError(t, err, serialised)
			assert.Equal(t, map[string]string{key: member}, again)
		}
		// Byte sequences are kept as text here. The peer refuses integers of 15 digits, the most there may be (RFC 9651
		// §3.3.1), where anything stands behind them.
		if !strings.Contains(text, ":") && !fifteenDigits.MatchString(text) {
			requireAsPeer(t, text, members)
		}
	})
}

// FuzzSignature reads Signature fields over a fixed input: no text but the signature's own may verify.
func FuzzSignature(f *testing.F) {
	good := signedMessage(f, ed25519KeyID, privateKey(f, "partner_ed25519"))
	own := good.Header.Get("Signature")
	for _, seed := range []string{own, own + " ", own + ", a=:AA==:", strings.ToLower(own), "sig1=::", "sig1=:AA:", `sig1="x"`} {
		f.Add(seed)
	}
	profile, sender := publicProfile(f), bank(f)
	f.Fuzz(func(t *testing.T, text string) {
		m := cloneMessage(good)
		m.Header.Set("Signature", text)
		request, err := profile.Parse(m)
		if err == nil {
			err = request.Verify(sender, now)
		}
		if err != nil {
			requireRefusal(t, err)
			return
		}
		assert.Contains(t, text, own)
	})
}

// A Content-Digest that fits names the right digest in its one spelling.
func FuzzContentDigest(f *testing.F) {
	good := signedMessage(f, ed25519KeyID, privateKey(f, "partner_ed25519"))
	own := good.Header.Get("Content-Digest")
	for _, seed := range []string{own, own + ", sha-512=:AAAA:", strings.ToUpper(own), "sha-256=:AA==:", "sha-256=?1", own + ";a"} {
		f.Add(seed, good.Body)
	}
	f.Fuzz(func(t *testing.T, field string, body []byte) {
		if !signing.DigestFits(field, body) {
			return
		}
		m := newMessage()
		m.Body = body
		require.NoError(t, signing.SignRequest(m, messageParams(ed25519KeyID), privateKey(t, "partner_ed25519")))
		if !strings.Contains(field, "sha-512") {
			assert.Equal(t, m.Header.Get("Content-Digest"), strings.Trim(field, " "))
		}
	})
}

// A DER signature that is accepted is what encoding/asn1 writes for the same two numbers.
func FuzzDERSignature(f *testing.F) {
	for _, text := range []string{
		loadVectors(f).GatewaySM2.Sign, loadVectors(f).SM2Standard.SignatureDERBase64, "MAYCAQECAQE=", "MAcCAgABAgEB", "MIEGAgEBAgEB",
	} {
		der, err := base64.StdEncoding.DecodeString(text)
		require.NoError(f, err)
		f.Add(der)
	}
	key := publicKey(f, "partner_sm2")
	f.Fuzz(func(t *testing.T, der []byte) {
		assert.False(t, key.Verify([]byte("a message that was never signed"), der))
		if !signing.IsDERSignature(der) {
			return
		}
		var numbers struct{ R, S *big.Int }
		rest, err := asn1.Unmarshal(der, &numbers)
		require.NoError(t, err)
		assert.Empty(t, rest)
		again, err := asn1.Marshal(numbers)
		require.NoError(t, err)
		assert.Equal(t, again, der)
		assert.Positive(t, numbers.R.Sign())
		assert.LessOrEqual(t, numbers.S.BitLen(), 256)
	})
}

// A public key that is accepted has one spelling and one fingerprint, and verifies nothing unsigned.
func FuzzParsePublicKey(f *testing.F) {
	for _, name := range []string{"partner_rsa", "partner_sm2", "partner_ed25519", "platform_rsa", "platform_sm2"} {
		f.Add(readFile(f, "keys/"+name+".pub"))
	}
	f.Add(readFile(f, "rfc9421/test-key-ecc-p256.pub"))
	f.Add(readFile(f, "rfc9421/test-key-rsa.pub"))
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := signing.ParsePublicKey(text)
		if err != nil {
			return
		}
		again, err := signing.ParsePublicKey(key.PEM())
		require.NoError(t, err)
		assert.Equal(t, key.Fingerprint(), again.Fingerprint())
		assert.Equal(t, strings.Join(strings.Fields(string(text)), ""), strings.Join(strings.Fields(string(key.PEM())), ""))
		assert.False(t, key.Verify([]byte("message"), make([]byte, 64)))
		assert.False(t, key.Verify([]byte("message"), make([]byte, 256)))
	})
}

// A private key that is accepted signs what its public half verifies.
func FuzzParsePrivateKey(f *testing.F) {
	for _, name := range []string{"partner_rsa", "partner_sm2", "partner_ed25519"} {
		f.Add(readFile(f, "keys/"+name+".pem"))
	}
	text, err := publishedPrivate(f, "rfc9421/test-key-ecc-p256.pem").PEM()
	require.NoError(f, err)
	f.Add(text)
	f.Add(readFile(f, "rfc9421/test-key-rsa.pem"))
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := signing.ParsePrivateKey(text)
		if err != nil {
			return
		}
		signature, err := key.Sign([]byte("message"))
		require.NoError(t, err)
		assert.True(t, key.Public().Verify([]byte("message"), signature))
	})
}

// A timestamp that is accepted is the one spelling of an instant near the clock.
func FuzzTimestamp(f *testing.F) {
	for _, seed := range []string{"2026-11-22 09:30:00", "2026-11-22 9:30:00", "2026-11-22 09:30:00.5", "2026-11-22T09:30:00", ""} {
		f.Add(seed)
	}
	sender := bank(f)
	good := gatewayDraft(f, gatewayValues(), privateKey(f, "partner_rsa"))
	f.Fuzz(func(t *testing.T, timestamp string) {
		d := good.clone()
		d.setDecoded("timestamp", timestamp)
		got := judgeGateway(t, d, sender)
		at, err := time.Parse("2006-01-02 15:04:05 -0700", timestamp+" +0800")
		near := err == nil && at.Sub(now).Abs() <= 300*time.Second
		if got.row > signing.RowTime || got.row == 0 {
			assert.True(t, near, timestamp)
			assert.Len(t, timestamp, 19)
		}
	})
}
