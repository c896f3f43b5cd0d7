package signing

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
)

// contentDigest writes the Content-Digest field (RFC 9530) of a body.
func contentDigest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// digestFits tells whether a Content-Digest names only sha-256 and sha-512, at least one of them, and each
// is the digest of body. RFC 9530 lets a recipient ignore algorithms it does not know; here a field that
// says more than was checked is refused.
func digestFits(field string, body []byte) bool {
	members, err := parseDictionary(field)
	if err != nil || len(members) == 0 {
		return false
	}
	for _, m := range members {
		if m.isList || m.value.kind != kindBytes || len(m.params) != 0 {
			return false
		}
		got, ok := decodeBase64(m.value.text)
		if !ok {
			return false
		}
		var want []byte
		switch m.key {
		case "sha-256":
			sum := sha256.Sum256(body)
			want = sum[:]
		case "sha-512":
			sum := sha512.Sum512(body)
			want = sum[:]
		default:
			return false
		}
		if subtle.ConstantTimeCompare(got, want) != 1 {
			return false
		}
	}
	return true
}
