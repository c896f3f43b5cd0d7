package citycard

import (
	"crypto/sha256"
	"encoding/base32"
	"time"
)

// receiptAlphabet is Crockford's base 32: no letter that is mistaken for a digit when read over the telephone.
var receiptAlphabet = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// receiptNumber is the number a citizen keeps: the day, and sixty bits drawn from the activation's id.
func receiptNumber(activation string, now time.Time) string {
	sum := sha256.Sum256([]byte(activation))
	code := receiptAlphabet.EncodeToString(sum[:])
	return now.In(Shanghai).Format("20060102") + "-" + code[:4] + "-" + code[4:8] + "-" + code[8:12]
}
