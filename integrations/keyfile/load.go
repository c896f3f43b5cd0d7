package keyfile

import (
	"fmt"
	"os"
)

// Load reads the key ring of a directory. Files that others can read are refused, and so is a ring of which
// any key cannot be unwrapped.
func Load(directory string) (*Ring, error) {
	r := &Ring{directory: directory}
	if err := r.reload(); err != nil {
		return nil, fmt.Errorf("load key ring: %w", err)
	}
	return r, nil
}

// Exists tells whether a directory holds a key ring.
func Exists(directory string) bool {
	_, err := os.Stat(ringPath(directory))
	return err == nil
}

// reload reads the file if it is another one than the last.
func (r *Ring) reload() error {
	r.reading.Lock()
	defer r.reading.Unlock()
	info, err := os.Stat(ringPath(r.directory))
	if err != nil {
		return err
	}
	if before := r.now.Load(); before != nil && before.stamp == stampOf(info) {
		return nil
	}
	f, read, err := readFile(r.directory)
	if err != nil {
		return err
	}
	master, err := readMaster(r.directory, f)
	if err != nil {
		return err
	}
	state, err := open(f, master)
	if err != nil {
		return err
	}
	state.stamp = read
	r.now.Store(state)
	return nil
}

// open unwraps every key of a file.
func open(f file, master *sealer) (*opened, error) {
	state := &opened{file: f, master: master, data: map[string]*sealer{}, secrets: map[string][]byte{}}
	for _, e := range f.Keys {
		_, body, err := split(e.Wrapped)
		if err != nil {
			return nil, fmt.Errorf("unwrap %s key %s: %w", e.Kind, e.ID, err)
		}
		secret, err := master.open(e.Wrapped, body, e.aad())
		if err != nil {
			return nil, fmt.Errorf("unwrap %s key %s: %w", e.Kind, e.ID, err)
		}
		if err := state.take(e.Key, secret); err != nil {
			return nil, err
		}
	}
	if state.active == nil || state.macs.New == nil {
		return nil, fmt.Errorf("%s has no active %s or %s key", ringName, KindData, KindIndex)
	}
	return state, nil
}

func (o *opened) take(key Key, secret []byte) error {
	switch key.Kind {
	case KindData:
		made, err := newSealer(o.file.Suite, key.ID, secret)
		if err != nil {
			return err
		}
		o.data[key.ID] = made
		if key.State == StateActive {
			o.active = made
		}
	case KindIndex:
		o.macs.New = func() any { return &indexer{hash: o.file.Suite.mac(secret)} }
	default:
		o.secrets[key.ID] = secret
	}
	return nil
}

// Suite is what the ring encrypts with.
func (r *Ring) Suite() Suite { return r.now.Load().file.Suite }

// Development tells whether the ring was generated for development: production refuses it.
func (r *Ring) Development() bool { return r.now.Load().file.Development }

// Keys lists every key without its secret, in the order they were made.
func (r *Ring) Keys() []Key {
	f := r.now.Load().file
	keys := make([]Key, 0, len(f.Keys))
	for _, e := range f.Keys {
		keys = append(keys, e.Key)
	}
	return keys
}

// Secret is one key with what it is made of: raw bytes, or PKCS #8 DER of a signing key. It prints without it.
type Secret struct {
	Key

	Bytes []byte `json:"-"`
}

// String names the key only.
func (s Secret) String() string {
	return string(s.Kind) + " key " + s.ID + " (" + string(s.State) + ")"
}

// Format prints what String gives for every verb, so that no log line shows the secret.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = state.Write([]byte(s.String())) }

// Secrets gives the session, platform or application keys: the active one first, then the next, then retired
// ones.
func (r *Ring) Secrets(kind Kind) []Secret {
	state := r.now.Load()
	var found []Secret
	for _, wanted := range []State{StateActive, StateNext, StateRetired} {
		for _, e := range state.file.Keys {
			if secret, ok := state.secrets[e.ID]; ok && e.Kind == kind && e.State == wanted {
				found = append(found, Secret{Key: e.Key, Bytes: secret})
			}
		}
	}
	return found
}
