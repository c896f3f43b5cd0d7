package keyfile

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// Rotate puts a new key of the kind into use. Data keys and the ledger's: what older ones sealed or signed stays
// good; a ring without a ledger key gets its first. Session and platform keys: the next one, which everybody
// already verifies with, becomes active and a new next one is made; the session key before it still verifies. The
// index key cannot be rotated: every blind index would have to be computed anew.
func Rotate(directory string, kind Kind, now time.Time) error {
	return change(directory, func(f *file, master *sealer) error {
		switch kind {
		case KindData, KindLedger:
			f.restate(kind, StateActive, StateRetired)
			return f.add(master, kind, StateActive, now)
		case KindSession:
			f.drop(kind, StateRetired)
			f.restate(kind, StateActive, StateRetired)
		case KindPlatformRSA2, KindPlatformSM2:
			f.drop(kind, StateActive)
		default:
			return fmt.Errorf("%w: %s", ErrKind, kind)
		}
		f.restate(kind, StateNext, StateActive)
		return f.add(master, kind, StateNext, now)
	})
}

// RotateMaster makes a new master key and wraps every key again with it. No sealed data changes.
func RotateMaster(directory string) error {
	var before string
	err := change(directory, func(f *file, master *sealer) error {
		before, f.Master = f.Master, newID()
		fresh, err := newMaster(directory, *f)
		if err != nil {
			return err
		}
		return f.wrapAgain(master, fresh)
	})
	if err != nil {
		return err
	}
	return os.Remove(masterPath(directory, before))
}

// change rewrites the key ring file; one process at a time.
func change(directory string, edit func(*file, *sealer) error) error {
	release, err := lock(directory)
	if err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	defer release()
	f, _, err := readFile(directory)
	if err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	master, err := readMaster(directory, f)
	if err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	if err := edit(&f, master); err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	return writeRing(directory, f)
}

func (f *file) wrapAgain(before, after *sealer) error {
	for i := range f.Keys {
		e := &f.Keys[i]
		_, body, err := split(e.Wrapped)
		if err != nil {
			return err
		}
		secret, err := before.open(e.Wrapped, body, e.aad())
		if err != nil {
			return fmt.Errorf("unwrap %s key %s: %w", e.Kind, e.ID, err)
		}
		if e.Wrapped, err = after.seal(secret, e.aad()); err != nil {
			return err
		}
	}
	return nil
}

func (f *file) restate(kind Kind, from, to State) {
	for i := range f.Keys {
		if f.Keys[i].Kind == kind && f.Keys[i].State == from {
			f.Keys[i].State = to
		}
	}
}

func (f *file) drop(kind Kind, state State) {
	f.Keys = slices.DeleteFunc(f.Keys, func(e entry) bool { return e.Kind == kind && e.State == state })
}
