package citycard

import (
	"context"
	"time"
)

// ReplayMemory is how long a message that must not come twice is remembered: longer than any signature lives.
const ReplayMemory = 15 * time.Minute

// Replay is what a message is recognised by. Nonce is the sender's own; Digest the SHA-256 in hex of the canonical
// string, for queries only: an event that comes again is answered by its number. Either may be empty. The text of
// the signature is never used, since SM2 signs the same differently each time.
type Replay struct {
	AppID  string
	Nonce  string
	Digest string
}

// Replays remembers messages, shared by all replicas and surviving restarts.
type Replays interface {
	// ReserveReplay remembers nonce and digest until now plus ReplayMemory, or neither, and returns nonce_reused
	// where the app used one of them before. Of any number of callers at once, one gets through.
	ReserveReplay(ctx context.Context, r Replay, now time.Time) error
}
