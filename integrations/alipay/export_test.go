package alipay

import "crypto/rsa"

// VerifyReply is the check every reply passes, for the fuzz target.
func VerifyReply(platform *rsa.PublicKey, body []byte) error {
	return keys{platform: platform}.verify(body)
}
