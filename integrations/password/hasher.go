package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"citycard"
)

var _ citycard.Passwords = (*Hasher)(nil)

// The cost of a hash: Argon2id (RFC 9106) over 19 MiB in two passes, as OWASP's password storage cheat sheet asks.
const (
	memoryKiB = 19 << 10
	passes    = 2
	lanes     = 1
	saltSize  = 16
	hashSize  = 32
)

// busyRetry is when to come back after all slots stayed taken.
const busyRetry = 5 * time.Second

// hashForm is the standard text of an Argon2 hash.
const hashForm = "$argon2id$v=%d$m=%d,t=%d,p=%d$"

// Hasher hashes passwords, so many at a time, so that a flood of log-ins cannot take the memory of the service. Who waits
// in vain until the request's time is over is rate_limited.
type Hasher struct {
	slots chan struct{}
	// decoy is a hash that no password has; comparing with it takes as long as with a real one.
	decoy string
}

// New makes a hasher that works on no more than most passwords at once.
func New(most int) *Hasher {
	h := &Hasher{slots: make(chan struct{}, most)}
	h.decoy = encode(make([]byte, saltSize), make([]byte, hashSize))
	return h
}

// Hash implements citycard.Passwords.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	sum, err := h.sum(ctx, password, salt)
	if err != nil {
		return "", err
	}
	return encode(salt, sum), nil
}

// Matches implements citycard.Passwords.
func (h *Hasher) Matches(ctx context.Context, password, hash string) (bool, error) {
	known := hash != ""
	if !known {
		hash = h.decoy
	}
	salt, want, err := decode(hash)
	if err != nil {
		return false, err
	}
	sum, err := h.sum(ctx, password, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(sum, want) == 1 && known, nil
}

func (h *Hasher) sum(ctx context.Context, password string, salt []byte) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, &citycard.Error{
			Code: citycard.CodeRateLimited, Message: "too many people log in at once; try again", RetryAfter: busyRetry, Cause: ctx.Err(),
		}
	}
	defer func() { <-h.slots }()
	return argon2.IDKey([]byte(password), salt, passes, memoryKiB, lanes, hashSize), nil
}

func encode(salt, sum []byte) string {
	text := base64.RawStdEncoding
	return fmt.Sprintf(hashForm, argon2.Version, memoryKiB, passes, lanes) + text.EncodeToString(salt) + "$" + text.EncodeToString(sum)
}

// decode reads a hash of this cost; another one is an error, which does not show it.
func decode(hash string) (salt, sum []byte, err error) {
	rest, found := strings.CutPrefix(hash, fmt.Sprintf(hashForm, argon2.Version, memoryKiB, passes, lanes))
	saltText, sumText, both := strings.Cut(rest, "$")
	if !found || !both {
		return nil, nil, errors.New("read password hash: it is of another kind")
	}
	if salt, err = base64.RawStdEncoding.DecodeString(saltText); err != nil {
		return nil, nil, fmt.Errorf("read password hash: salt: %w", err)
	}
	if sum, err = base64.RawStdEncoding.DecodeString(sumText); err != nil {
		return nil, nil, fmt.Errorf("read password hash: sum: %w", err)
	}
	return salt, sum, nil
}
