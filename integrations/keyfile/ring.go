package keyfile

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
	"sync/atomic"
)

// ErrSealed says that a sealed text cannot be opened: it was altered, belongs to another row or column, or its
// key is not in the ring. It never says more.
var ErrSealed = errors.New("the sealed text does not open")

const (
	format    = "v1"
	nonceSize = 12
	tagSize   = 16
)

var encoding = base64.RawURLEncoding.Strict()

// Ring encrypts fields, makes blind indexes and holds the signing keys. It is safe for concurrent use. A
// running ring notices keys that another process rotated when it first meets a text sealed with one.
type Ring struct {
	directory string
	now       atomic.Pointer[opened]
	reading   sync.Mutex
}

// opened is the key ring file as last read, with its keys ready for use.
type opened struct {
	file    file
	stamp   stamp
	master  *sealer
	active  *sealer
	data    map[string]*sealer
	secrets map[string][]byte
	macs    sync.Pool
}

// Seal encrypts and authenticates plain, and authenticates aad with it, under the active data key. The text is
// v1.<suite>.<key id>.<base64url of nonce and ciphertext>.
func (r *Ring) Seal(plain, aad []byte) (string, error) {
	return r.now.Load().active.seal(plain, aad)
}

// Open reverses Seal, under whichever data key the text names. Another aad, an altered text and an unknown key
// are ErrSealed.
func (r *Ring) Open(sealed string, aad []byte) ([]byte, error) {
	id, body, err := split(sealed)
	if err != nil {
		return nil, err
	}
	key, known := r.now.Load().data[id]
	if !known {
		if err := r.reload(); err != nil {
			return nil, err
		}
		if key, known = r.now.Load().data[id]; !known {
			return nil, ErrSealed
		}
	}
	return key.open(sealed, body, aad)
}

// Index is the keyed hash of a value for one purpose: equal values have equal indexes, and nobody without the
// index key can test a guess. It is 43 characters of base64url.
func (r *Ring) Index(purpose, value string) string {
	state := r.now.Load()
	mac, _ := state.macs.Get().(*indexer)
	defer state.macs.Put(mac)
	mac.hash.Reset()
	mac.text = append(append(append(mac.text[:0], purpose...), 0), value...)
	mac.hash.Write(mac.text)
	mac.sum = mac.hash.Sum(mac.sum[:0])
	clear(mac.text)
	return encoding.EncodeToString(mac.sum)
}

type indexer struct {
	hash      hash.Hash
	text, sum []byte
}

// sealer is one key's authenticated encryption with the prefix of what it seals.
type sealer struct {
	prefix string
	aead   aead
}

type aead interface {
	Seal(dst, nonce, plaintext, additionalData []byte) []byte
	Open(dst, nonce, ciphertext, additionalData []byte) ([]byte, error)
}

func newSealer(suite Suite, id string, key []byte) (*sealer, error) {
	made, err := suite.aead(key)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", id, err)
	}
	return &sealer{prefix: format + "." + string(suite) + "." + id + ".", aead: made}, nil
}

// scratch holds what is needed while a text is sealed or opened; nothing of it leaves.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

func (s *sealer) seal(plain, aad []byte) (string, error) {
	buffer, _ := scratch.Get().(*[]byte)
	defer scratch.Put(buffer)
	var nonce [nonceSize]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return "", fmt.Errorf("draw a nonce: %w", err)
	}
	text := s.aead.Seal(append((*buffer)[:0], nonce[:]...), nonce[:], plain, aad)
	box := len(text)
	text = append(text, s.prefix...)
	text = encoding.AppendEncode(text, text[:box])
	*buffer = text
	return string(text[box:]), nil
}

func (s *sealer) open(sealed, body string, aad []byte) ([]byte, error) {
	if !strings.HasPrefix(sealed, s.prefix) {
		return nil, ErrSealed
	}
	buffer, _ := scratch.Get().(*[]byte)
	defer scratch.Put(buffer)
	*buffer = append((*buffer)[:0], body...)
	text := *buffer
	box, err := encoding.AppendDecode(text, text)
	*buffer = box
	box = box[len(text):]
	if err != nil || len(box) < nonceSize+tagSize {
		return nil, ErrSealed
	}
	plain, err := s.aead.Open(make([]byte, 0, len(box)-nonceSize-tagSize), box[:nonceSize], box[nonceSize:], aad)
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// split reads the key's id and the body out of a sealed text.
func split(sealed string) (id, body string, err error) {
	rest, ok := strings.CutPrefix(sealed, format+".")
	if !ok {
		return "", "", ErrSealed
	}
	if _, rest, ok = strings.Cut(rest, "."); !ok {
		return "", "", ErrSealed
	}
	if id, body, ok = strings.Cut(rest, "."); !ok {
		return "", "", ErrSealed
	}
	return id, body, nil
}
