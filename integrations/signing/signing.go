// Package signing decides whether a callback is what its sender signed, and signs what the platform
// answers. It holds three profiles on one core: the gateway form convention, the platform's notification
// form, and HTTP message signatures (RFC 9421).
//
// It reads bytes and keys and nothing else: no network, no clock, no registry. A caller parses a message,
// looks its sender up, and asks the parsed message to verify itself against what the registry said. Every
// refusal is a *Refusal that names the row of the check table which answered; the first row that fails
// answers, whatever else is wrong with the message.
//
// A key fixes its algorithm. Nothing in a message chooses one.
package signing

import (
	"encoding/base64"
	"slices"
	"time"
)

const (
	maxBody       = 64 << 10
	maxQuery      = 16 << 10
	maxParameters = 32
	maxBizContent = 32 << 10

	// maxSkew is how far a sender's clock may stand from ours, either way.
	maxSkew = 300 * time.Second
	// maxKeysTried is the number of verifying keys one app may have of one type: the current and the next.
	maxKeysTried = 2
)

// VerifyingKey is a public key of the registry with the id it is registered under.
type VerifyingKey struct {
	ID  string
	Key *PublicKey
}

// Sender is what the registry knows, at this moment, of the app that a message names. The zero Sender is
// an app that is not registered.
type Sender struct {
	Active bool           // registered and not disabled
	Types  []KeyType      // key types registered for the app, whatever the state of their keys
	Keys   []VerifyingKey // keys in force now: active or retiring, inside their validity
}

// registered tells whether the app has keys of that type in its record.
func (s Sender) registered(keyType KeyType) bool {
	return slices.Contains(s.Types, keyType)
}

// candidates returns the keys that may have made a signature: the one named by keyID, or, where the message
// names none, each key of the type.
func (s Sender) candidates(keyType KeyType, keyID string) []VerifyingKey {
	var found []VerifyingKey
	for _, k := range s.Keys {
		if k.Key.Type() != keyType || keyID != "" && keyID != k.ID {
			continue
		}
		if found = append(found, k); len(found) == maxKeysTried {
			break
		}
	}
	return found
}

// beijing is the zone of every timestamp of the form profiles. It has had no daylight saving since 1991,
// so a fixed offset needs no zone database.
var beijing = time.FixedZone("UTC+8", 8*60*60)

// parseTimestamp reads `yyyy-MM-dd HH:mm:ss` in UTC+8. The text must be the one spelling of its instant:
// time.Parse alone would take one-digit hours and fractions of a second.
func parseTimestamp(s string) (time.Time, bool) {
	t, err := time.ParseInLocation(time.DateTime, s, beijing)
	return t, err == nil && t.Format(time.DateTime) == s
}

// withinSkew tells whether t is at most maxSkew away from now.
func withinSkew(t, now time.Time) bool {
	return t.Sub(now).Abs() <= maxSkew
}

// decodeBase64 reads standard base64 with padding, in the only spelling that an encoder produces: no line
// breaks, no missing padding, no stray bits. Two spellings of one signature would be two messages to
// whoever compares texts.
func decodeBase64(s string) ([]byte, bool) {
	b, err := base64.StdEncoding.DecodeString(s)
	return b, err == nil && len(b) > 0 && base64.StdEncoding.EncodeToString(b) == s
}
