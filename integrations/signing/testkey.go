package signing

// testFingerprints are the keys whose private halves are published: those of this project's test data and
// those of the standards' examples.
var testFingerprints = map[string]bool{
	"d8a34e0f821e500cab01f9abcfdcac5c5dbcae9a75b769de022fc642e3532202": true, // partner_ed25519
	"5f0de39523575b279f04dd0d6fddd27249ad603fbab39314831804d7c08bee01": true, // partner_rsa
	"dc5acbf9e8e4de9b2e0466074013276ebb343cec7487481f93abd34cbe731a6f": true, // partner_sm2
	"0011261a000ee5709c9a9db209c03405e54d400bb160e8a14b7e60464ec1c2ee": true, // platform_rsa
	"d995dcbfef4067111494edee468278e823155c870ba04a0e1c6790e246135e17": true, // platform_sm2
	"c73eecd318bd3813f2402a660d8a90010ca35d609d19377d5ee7af200713229f": true, // RFC 9421 test-key-rsa
	"72859cbaf21a0b398b1f25712bbed148b1d85a0c6b824176eb306405caa6f0b2": true, // RFC 9421 test-key-rsa-pss
	"55f96361b78cbb84f1fc604b0718e82bd91abb46d8fc25ae871b35fbbf8b7974": true, // RFC 9421 test-key-ecc-p256
	"34571606cb7a0d71be377e671ddcccae2a169ed7733598214129231cd30c4a3c": true, // RFC 9421 test-key-ed25519
	"c97c174acc1b56be277862230f92b0f9fa9b83c2aa471ceabb67533a91536bea": true, // GB/T 32918.5 appendix A
}

// IsTestKey tells whether anybody can sign with this key because its private half is published. A service
// in production must not start with one, neither as its own key nor as a partner's.
func IsTestKey(key *PublicKey) bool {
	return testFingerprints[key.Fingerprint()]
}
