package signing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

// BenchmarkVerify is the bare verification of one signature.
func BenchmarkVerify(b *testing.B) {
	message := []byte(loadVectors(b).GatewayRSA2.Canonical)
	for name, key := range map[string]*signing.PrivateKey{
		"RSA2": privateKey(b, "partner_rsa"), "SM2": privateKey(b, "partner_sm2"), "Ed25519": privateKey(b, "partner_ed25519"),
		"P256": publishedPrivate(b, "rfc9421/test-key-ecc-p256.pem"),
	} {
		b.Run(name, func(b *testing.B) {
			signature, err := key.Sign(message)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if !key.Public().Verify(message, signature) {
					b.Fatal("refused")
				}
			}
		})
	}
}

// BenchmarkSign is what one reply costs.
func BenchmarkSign(b *testing.B) {
	message := []byte(loadVectors(b).Reply.Inner)
	for name, key := range map[string]*signing.PrivateKey{
		"RSA2": privateKey(b, "platform_rsa"), "SM2": privateKey(b, "platform_sm2"), "Ed25519": privateKey(b, "partner_ed25519"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := key.Sign(message); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGateway(b *testing.B) {
	vector, header, sender := loadVectors(b).GatewayRSA2.Split, formHeader(), bank(b)
	b.Run("parse and canonical string", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			request, err := signing.ParseGateway(vector.Query, []byte(vector.Body), header)
			if err != nil || len(request.Canonical()) == 0 {
				b.Fatal(err)
			}
		}
	})
	b.Run("parse and verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			request, err := signing.ParseGateway(vector.Query, []byte(vector.Body), header)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := request.Verify(sender, now); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("refuse", func(b *testing.B) {
		replier := newReplier(b)
		b.ReportAllocs()
		for b.Loop() {
			request, err := signing.ParseGateway(vector.Query, []byte(vector.Body), header)
			if err != nil {
				b.Fatal(err)
			}
			_, err = request.Verify(signing.Sender{}, now)
			if _, err := replier.Refuse(requireRefusal(b, err)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	v := loadVectors(b)
	message, profile, sender := vectorMessage(v, v.MessageSignature.Ed25519), publicProfile(b), bank(b)
	b.Run("parse and base", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			request, err := profile.Parse(message)
			if err != nil || len(request.Base()) == 0 {
				b.Fatal(err)
			}
		}
	})
	b.Run("parse and verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			request, err := profile.Parse(message)
			if err != nil {
				b.Fatal(err)
			}
			if err := request.Verify(sender, now); err != nil {
				b.Fatal(err)
			}
		}
	})
}
