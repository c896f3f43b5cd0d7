package keyfile

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Kind says what a key is for.
type Kind string

// The kinds of keys. The last two are for development: the stand-in super-app's own key, and the application
// key that signs our requests to it. Real ones are configured as files of their own.
const (
	KindData         Kind = "data"
	KindIndex        Kind = "index"
	KindSession      Kind = "session"
	KindPlatformRSA2 Kind = "platform_rsa2"
	KindPlatformSM2  Kind = "platform_sm2"
	KindLedger       Kind = "ledger"
	KindStandIn      Kind = "stand_in"
	KindApplication  Kind = "application"
)

// State says how a key is used now.
type State string

// The states: next keys are announced but sign nothing yet, active ones seal and sign, retired ones only open
// and verify what they sealed and signed before.
const (
	StateNext    State = "next"
	StateActive  State = "active"
	StateRetired State = "retired"
)

// Key describes one key of the ring without its secret.
type Key struct {
	ID        string    `json:"id"`
	Kind      Kind      `json:"kind"`
	State     State     `json:"state"`
	CreatedAt time.Time `json:"created_at"`
}

// file is keyring.json.
type file struct {
	Version     int     `json:"version"`
	Suite       Suite   `json:"suite"`
	Development bool    `json:"development"`
	Master      string  `json:"master"`
	Keys        []entry `json:"keys"`
}

type entry struct {
	Key
	// Wrapped is the key's secret sealed by the master key: raw bytes, or PKCS #8 DER of a signing key.
	Wrapped string `json:"wrapped"`
}

// aad binds a wrapped secret to the key it belongs to.
func (k Key) aad() []byte { return []byte("keyring\x00" + string(k.Kind) + "\x00" + k.ID) }

// stamp tells one version of the file from another.
type stamp struct {
	modified time.Time
	inode    uint64
}

const (
	ringName    = "keyring.json"
	fileVersion = 1
	privateFile = 0o600
	privateDir  = 0o700
	// tooOpen are the permissions that nobody but the owner and, to read, the group may have.
	tooOpen = 0o027
)

func ringPath(directory string) string { return filepath.Join(directory, ringName) }

func masterPath(directory, id string) string { return filepath.Join(directory, "master-"+id+".key") }

// readPrivate reads a file that others must not be able to read or replace.
func readPrivate(path string) ([]byte, stamp, error) {
	opened, err := os.Open(path) //nolint:gosec // the operator names the directory
	if err != nil {
		return nil, stamp{}, err
	}
	defer opened.Close()
	info, err := opened.Stat()
	if err != nil {
		return nil, stamp{}, err
	}
	if info.Mode().Perm()&tooOpen != 0 {
		return nil, stamp{}, fmt.Errorf("%s can be read by others (mode %#o): run chmod 600 %s", path, info.Mode().Perm(), path)
	}
	text := make([]byte, info.Size())
	if _, err := opened.ReadAt(text, 0); err != nil {
		return nil, stamp{}, fmt.Errorf("read %s: %w", path, err)
	}
	return text, stampOf(info), nil
}

func stampOf(info fs.FileInfo) stamp {
	made := stamp{modified: info.ModTime()}
	if system, ok := info.Sys().(*syscall.Stat_t); ok {
		made.inode = system.Ino
	}
	return made
}

func readFile(directory string) (file, stamp, error) {
	text, read, err := readPrivate(ringPath(directory))
	if err != nil {
		return file{}, stamp{}, err
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return file{}, stamp{}, fmt.Errorf("%s is not a key ring: %w", ringPath(directory), err)
	}
	if f.Version != fileVersion {
		return file{}, stamp{}, fmt.Errorf("%s has version %d; this program reads version %d", ringPath(directory), f.Version, fileVersion)
	}
	return f, read, f.Suite.check()
}

func readMaster(directory string, f file) (*sealer, error) {
	text, _, err := readPrivate(masterPath(directory, f.Master))
	if err != nil {
		return nil, err
	}
	secret := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(secret, text)
	if err != nil {
		return nil, fmt.Errorf("%s is not base64", masterPath(directory, f.Master))
	}
	return newSealer(f.Suite, f.Master, secret[:n])
}

func writeMaster(directory, id string, secret []byte) error {
	return writePrivate(masterPath(directory, id), []byte(base64.StdEncoding.EncodeToString(secret)+"\n"))
}

func writeRing(directory string, f file) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("write key ring: %w", err)
	}
	return writePrivate(ringPath(directory), append(text, '\n'))
}

// writePrivate replaces a file as a whole and durably: a crash leaves the old or the new one.
func writePrivate(path string, text []byte) error {
	part, err := os.CreateTemp(filepath.Dir(path), ".part-*") // made with mode 0600
	if err != nil {
		return err
	}
	_, err = part.Write(text)
	err = errors.Join(err, part.Chmod(privateFile), part.Sync(), part.Close())
	if err == nil {
		err = os.Rename(part.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(part.Name())))
	}
	return syncDirectory(filepath.Dir(path))
}

func syncDirectory(directory string) error {
	opened, err := os.Open(directory) //nolint:gosec // the operator names the directory
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}

// lock lets one process at a time change the directory; it ends with the process at the latest.
func lock(directory string) (release func(), err error) {
	opened, err := os.Open(directory) //nolint:gosec // the operator names the directory
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(opened.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", directory, err), opened.Close())
	}
	return func() { _ = opened.Close() }, nil
}
