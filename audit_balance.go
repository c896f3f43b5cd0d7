package citycard

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"math/bits"
)

// balanceParts is into how many parts the objects of the ledger are divided: where a part does not balance, its rows are
// looked at one by one.
const balanceParts = 4096

// auditBalance adds up records that should be there and takes off those that are, in any order. A part is even where both
// are the same records as often; that others add up to the same has a chance of one in 2^128, as nobody could know the
// secret when the rows were written.
type auditBalance struct {
	mac   hash.Hash
	text  []byte
	sum   [sha256.Size]byte
	parts [balanceParts]balancePart
}

type balancePart struct {
	high, low uint64
	// records counts what was added and taken off.
	records int64
}

func newAuditBalance(secret [32]byte) *auditBalance {
	return &auditBalance{mac: hmac.New(sha256.New, secret[:])}
}

func partOf(object string) int { return int(crc32.ChecksumIEEE([]byte(object)) % balanceParts) }

// owe adds a record that is to be among the rows of an object.
func (b *auditBalance) owe(object string, record ...string) {
	part, high, low := b.value(object, record)
	var carry uint64
	part.low, carry = bits.Add64(part.low, low, 0)
	part.high, _ = bits.Add64(part.high, high, carry)
}

// pay takes off a record that is among the rows of an object.
func (b *auditBalance) pay(object string, record ...string) {
	part, high, low := b.value(object, record)
	var borrow uint64
	part.low, borrow = bits.Sub64(part.low, low, 0)
	part.high, _ = bits.Sub64(part.high, high, borrow)
}

func (b *auditBalance) value(object string, record []string) (part *balancePart, high, low uint64) {
	b.text = appendCanonical(b.text[:0], record...)
	b.mac.Reset()
	_, _ = b.mac.Write(b.text) // a hash never fails
	sum := b.mac.Sum(b.sum[:0])
	part = &b.parts[partOf(object)]
	part.records++
	return part, binary.BigEndian.Uint64(sum), binary.BigEndian.Uint64(sum[8:])
}

// uneven gives the parts that do not balance, in groups of so many records at most, or of one part.
func (b *auditBalance) uneven(most int64) []map[int]bool {
	var groups []map[int]bool
	held := int64(0)
	for i, part := range b.parts {
		if part.high == 0 && part.low == 0 {
			continue
		}
		if held += part.records; len(groups) == 0 || held > most {
			groups, held = append(groups, map[int]bool{}), part.records
		}
		groups[len(groups)-1][i] = true
	}
	return groups
}
