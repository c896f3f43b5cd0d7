package keyfile

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"
)

// ErrExists says that the directory already holds a key ring.
var ErrExists = errors.New("there already is a key ring")

// ErrKind says that keys of this kind cannot be rotated.
var ErrKind = errors.New("these keys cannot be rotated")

const (
	rsaBits     = 2048
	sessionSize = 32
)

// Options say what to generate.
type Options struct {
	Suite Suite
	// Development marks the ring as one that production refuses, and adds the stand-in's and our
	// application's keys.
	Development bool
	Now         time.Time
}

// Generate makes a new key ring in a directory, which it creates where needed. Where there already is a ring
// the error is ErrExists; of two processes that generate at once, one gets it.
func Generate(directory string, o Options) (*Ring, error) {
	ring, err := generate(directory, o)
	if err != nil {
		return nil, fmt.Errorf("generate key ring: %w", err)
	}
	return ring, nil
}

func generate(directory string, o Options) (*Ring, error) {
	if err := o.Suite.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(directory, privateDir); err != nil {
		return nil, err
	}
	release, err := lock(directory)
	if err != nil {
		return nil, err
	}
	defer release()
	if Exists(directory) {
		return nil, fmt.Errorf("%w in %s", ErrExists, directory)
	}
	f := file{Version: fileVersion, Suite: o.Suite, Development: o.Development, Master: newID()}
	master, err := newMaster(directory, f)
	if err != nil {
		return nil, err
	}
	for _, want := range wanted(o.Development) {
		if err := f.add(master, want.kind, want.state, o.Now); err != nil {
			return nil, err
		}
	}
	if err := writeRing(directory, f); err != nil {
		return nil, err
	}
	return Load(directory)
}

type want struct {
	kind  Kind
	state State
}

func wanted(development bool) []want {
	list := []want{
		{KindData, StateActive},
		{KindIndex, StateActive},
		{KindSession, StateActive}, {KindSession, StateNext},
		{KindPlatformRSA2, StateActive}, {KindPlatformRSA2, StateNext},
		{KindPlatformSM2, StateActive}, {KindPlatformSM2, StateNext},
		{KindLedger, StateActive},
	}
	if development {
		list = append(list, want{KindStandIn, StateActive}, want{KindApplication, StateActive})
	}
	return list
}

func newMaster(directory string, f file) (*sealer, error) {
	secret, err := randomBytes(f.Suite.keySize())
	if err != nil {
		return nil, err
	}
	if err := writeMaster(directory, f.Master, secret); err != nil {
		return nil, err
	}
	return newSealer(f.Suite, f.Master, secret)
}

// add makes a key and wraps it.
func (f *file) add(master *sealer, kind Kind, state State, now time.Time) error {
	secret, err := newSecret(kind, f.Suite)
	if err != nil {
		return fmt.Errorf("make a %s key: %w", kind, err)
	}
	key := Key{ID: newID(), Kind: kind, State: state, CreatedAt: now.UTC().Truncate(time.Second)}
	wrapped, err := master.seal(secret, key.aad())
	if err != nil {
		return err
	}
	f.Keys = append(f.Keys, entry{Key: key, Wrapped: wrapped})
	return nil
}

func newSecret(kind Kind, suite Suite) ([]byte, error) {
	switch kind {
	case KindData:
		return randomBytes(suite.keySize())
	case KindIndex:
		return randomBytes(indexKeySize)
	case KindSession:
		return randomBytes(sessionSize)
	case KindLedger:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		return x509.MarshalPKCS8PrivateKey(key)
	case KindPlatformSM2:
		key, err := sm2.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		return smx509.MarshalPKCS8PrivateKey(key)
	default:
		key, err := rsa.GenerateKey(rand.Reader, rsaBits)
		if err != nil {
			return nil, err
		}
		return x509.MarshalPKCS8PrivateKey(key)
	}
}

func randomBytes(size int) ([]byte, error) {
	made := make([]byte, size)
	_, err := rand.Read(made)
	return made, err
}

// newID is a key's name: eight lower-case letters and digits.
func newID() string { return strings.ToLower(rand.Text()[:8]) }
