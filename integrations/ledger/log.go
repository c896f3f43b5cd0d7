package ledger

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"citycard"
)

// Name is the ledger's name: the first line of its checkpoints, and whose signature they carry.
const Name = "citycard-ledger"

var _ citycard.LedgerLog = (*Log)(nil)

// ErrNoKey says that a log without a signing key was asked to sign.
var ErrNoKey = errors.New("there is no key to sign the ledger with")

// Log signs and verifies. It is safe for concurrent use.
type Log struct {
	signer *signer
	known  note.Verifiers
	public []string
}

// signer signs notes with an Ed25519 key.
type signer struct {
	private ed25519.PrivateKey
	hash    uint32
}

// Name is part of note.Signer.
func (s *signer) Name() string { return Name }

// KeyHash is part of note.Signer.
func (s *signer) KeyHash() uint32 { return s.hash }

// Sign is part of note.Signer.
func (s *signer) Sign(message []byte) ([]byte, error) { return ed25519.Sign(s.private, message), nil }

// New makes a log that signs with the first key and knows the signatures of all.
func New(keys ...ed25519.PrivateKey) (*Log, error) {
	if len(keys) == 0 {
		return nil, ErrNoKey
	}
	public := make([]string, 0, len(keys))
	for _, key := range keys {
		half, ok := key.Public().(ed25519.PublicKey)
		if !ok {
			return nil, errors.New("open ledger: the key is no Ed25519 key")
		}
		text, err := note.NewEd25519VerifierKey(Name, half)
		if err != nil {
			return nil, fmt.Errorf("open ledger: %w", err)
		}
		public = append(public, text)
	}
	l, err := Reading(public...)
	if err != nil {
		return nil, err
	}
	first, err := note.NewVerifier(public[0])
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	l.signer = &signer{keys[0], first.KeyHash()}
	return l, nil
}

// Reading makes a log that knows the signatures of public keys as Public gives them, and signs nothing.
func Reading(public ...string) (*Log, error) {
	verifiers := make([]note.Verifier, 0, len(public))
	for _, text := range public {
		verifier, err := note.NewVerifier(text)
		if err != nil || verifier.Name() != Name {
			return nil, fmt.Errorf("%q is no public key of the ledger: it reads %s+hash+base64", text, Name)
		}
		verifiers = append(verifiers, verifier)
	}
	return &Log{known: note.VerifierList(verifiers...), public: public}, nil
}

// Public implements citycard.LedgerLog; each key is NAME+HASH+BASE64 of the key's type and bytes.
func (l *Log) Public() []string { return l.public }

// Open implements citycard.LedgerLog.
func (l *Log) Open(checkpoint string) (citycard.LedgerTree, error) {
	opened, err := note.Open([]byte(checkpoint), l.known)
	if err != nil {
		return citycard.LedgerTree{}, fmt.Errorf("the checkpoint is not signed with the ledger's key: %w", err)
	}
	lines := strings.Split(opened.Text, "\n")
	const least = 4 // name, size, root, and the empty text behind the last line's end
	if len(lines) < least || lines[0] != Name {
		return citycard.LedgerTree{}, errors.New("the checkpoint is not one of this ledger")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return citycard.LedgerTree{}, errors.New("the checkpoint's size is no number")
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return citycard.LedgerTree{}, errors.New("the checkpoint's root is no hash")
	}
	return citycard.LedgerTree{Size: size, Root: root.String()}, nil
}

// sign writes and signs the checkpoint of a tree.
func (l *Log) sign(tree tlog.Tree) (string, error) {
	if l.signer == nil {
		return "", ErrNoKey
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", Name, tree.N, tree.Hash)
	signed, err := note.Sign(&note.Note{Text: text}, l.signer)
	if err != nil {
		return "", fmt.Errorf("sign checkpoint: %w", err)
	}
	return string(signed), nil
}
