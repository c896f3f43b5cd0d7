package keyfile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"citycard/integrations/keyfile"
)

var now = time.Date(2026, 11, 22, 1, 30, 0, 0, time.UTC)

func generate(tb testing.TB, suite keyfile.Suite) (*keyfile.Ring, string) {
	tb.Helper()
	directory := filepath.Join(tb.TempDir(), "keys")
	ring, err := keyfile.Generate(directory, keyfile.Options{Suite: suite, Development: true, Now: now})
	require.NoError(tb, err)
	return ring, directory
}

var suites = []keyfile.Suite{keyfile.SuiteAES, keyfile.SuiteGM}

func TestWhatIsSealedOpensOnlyUnderItsOwnAAD(t *testing.T) {
	t.Parallel()
	for _, suite := range suites {
		t.Run(string(suite), func(t *testing.T) {
			t.Parallel()
			ring, _ := generate(t, suite)
			rapid.Check(t, func(t *rapid.T) {
				plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
				aad := rapid.SliceOf(rapid.Byte()).Draw(t, "aad")
				sealed, err := ring.Seal(plain, aad)
				require.NoError(t, err)
				require.Regexp(t, `^v1\.`+string(suite)+`\.[a-z0-9]{8}\.[A-Za-z0-9_-]+$`, sealed)

				opened, err := ring.Open(sealed, aad)
				require.NoError(t, err)
				require.Equal(t, string(plain), string(opened))

				other := rapid.SliceOf(rapid.Byte()).Filter(func(b []byte) bool { return string(b) != string(aad) }).Draw(t, "other")
				_, err = ring.Open(sealed, other)
				require.ErrorIs(t, err, keyfile.ErrSealed)
			})
		})
	}
}

func TestAnAlteredTextDoesNotOpen(t *testing.T) {
	t.Parallel()
	for _, suite := range suites {
		t.Run(string(suite), func(t *testing.T) {
			t.Parallel()
			ring, _ := generate(t, suite)
			aad := []byte("person.name\x00p1")
			sealed, err := ring.Seal([]byte("made-up text"), aad)
			require.NoError(t, err)
			rapid.Check(t, func(t *rapid.T) {
				text := []byte(sealed)
				at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
				text[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
				_, err := ring.Open(string(text), aad)
				require.ErrorIs(t, err, keyfile.ErrSealed)
			})
			for cut := range len(sealed) {
				_, err := ring.Open(sealed[:cut], aad)
				require.ErrorIs(t, err, keyfile.ErrSealed, "cut at %d", cut)
			}
			_, err = ring.Open(sealed+"A", aad)
			require.ErrorIs(t, err, keyfile.ErrSealed)
		})
	}
}

func TestEqualTextsAreSealedDifferently(t *testing.T) {
	t.Parallel()
	ring, _ := generate(t, keyfile.SuiteAES)
	seen := map[string]bool{}
	for range 1000 {
		sealed, err := ring.Seal([]byte("the same"), nil)
		require.NoError(t, err)
		seen[sealed] = true
	}
	assert.Len(t, seen, 1000)
}

func TestAnotherRingOpensNothing(t *testing.T) {
	t.Parallel()
	ours, _ := generate(t, keyfile.SuiteAES)
	theirs, _ := generate(t, keyfile.SuiteAES)
	sealed, err := ours.Seal([]byte("text"), nil)
	require.NoError(t, err)
	_, err = theirs.Open(sealed, nil)
	require.ErrorIs(t, err, keyfile.ErrSealed)
}

func TestIndexesAgreeForEqualValuesOfOnePurposeOnly(t *testing.T) {
	t.Parallel()
	for _, suite := range suites {
		t.Run(string(suite), func(t *testing.T) {
			t.Parallel()
			ring, directory := generate(t, suite)
			again, err := keyfile.Load(directory)
			require.NoError(t, err)
			other, _ := generate(t, suite)
			index := ring.Index("number", "value")
			assert.Len(t, index, 43)
			assert.Equal(t, index, again.Index("number", "value"))
			assert.NotEqual(t, index, ring.Index("number", "valuf"))
			assert.NotEqual(t, index, ring.Index("numbe", "rvalue"))
			assert.NotEqual(t, index, other.Index("number", "value"))
		})
	}
}

func TestRotationKeepsWhatIsSealedReadable(t *testing.T) {
	t.Parallel()
	for _, suite := range suites {
		t.Run(string(suite), func(t *testing.T) {
			t.Parallel()
			running, directory := generate(t, suite)
			index := running.Index("number", "value")
			var sealed []string
			seal := func(ring *keyfile.Ring) {
				text, err := ring.Seal([]byte("kept"), []byte("aad"))
				require.NoError(t, err)
				sealed = append(sealed, text)
			}
			seal(running)
			for range 3 {
				require.NoError(t, keyfile.Rotate(directory, keyfile.KindData, now))
				require.NoError(t, keyfile.RotateMaster(directory))
				loaded, err := keyfile.Load(directory)
				require.NoError(t, err)
				assert.Equal(t, index, loaded.Index("number", "value"))
				seal(loaded)
			}
			for _, text := range sealed {
				opened, err := running.Open(text, []byte("aad"))
				require.NoError(t, err, "a running ring learns of keys rotated beside it")
				assert.Equal(t, "kept", string(opened))
			}
			masters, err := filepath.Glob(filepath.Join(directory, "master-*.key"))
			require.NoError(t, err)
			assert.Len(t, masters, 1)
		})
	}
}

func TestSigningKeysAreAnnouncedBeforeTheySign(t *testing.T) {
	t.Parallel()
	for _, kind := range []keyfile.Kind{keyfile.KindSession, keyfile.KindPlatformRSA2, keyfile.KindPlatformSM2} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			ring, directory := generate(t, keyfile.SuiteAES)
			before := ring.Secrets(kind)
			require.Len(t, before, 2)
			require.Equal(t, []keyfile.State{keyfile.StateActive, keyfile.StateNext}, []keyfile.State{before[0].State, before[1].State})

			require.NoError(t, keyfile.Rotate(directory, kind, now.Add(time.Hour)))
			ring, err := keyfile.Load(directory)
			require.NoError(t, err)
			after := ring.Secrets(kind)
			assert.Equal(t, before[1].ID, after[0].ID, "the announced key signs now")
			assert.Equal(t, before[1].Bytes, after[0].Bytes)
			assert.Equal(t, keyfile.StateNext, after[1].State)
			assert.Equal(t, now.Add(time.Hour), after[1].CreatedAt)
			if kind == keyfile.KindSession {
				require.Len(t, after, 3)
				assert.Equal(t, before[0].Bytes, after[2].Bytes, "tokens of the key before stay good")
			}
		})
	}
}

func TestWhatCannotBeRotatedSaysSo(t *testing.T) {
	t.Parallel()
	_, directory := generate(t, keyfile.SuiteAES)
	for _, kind := range []keyfile.Kind{keyfile.KindIndex, keyfile.KindApplication, "other"} {
		assert.ErrorIs(t, keyfile.Rotate(directory, kind, now), keyfile.ErrKind)
	}
}

func TestOfManyThatGenerateAtOnceOneMakesTheRing(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "keys")
	results := make([]error, 4)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() {
			_, results[i] = keyfile.Generate(directory, keyfile.Options{Suite: keyfile.SuiteAES, Now: now})
		})
	}
	all.Wait()
	made := 0
	for _, err := range results {
		if err == nil {
			made++
			continue
		}
		assert.ErrorIs(t, err, keyfile.ErrExists)
	}
	assert.Equal(t, 1, made)
	_, err := keyfile.Load(directory)
	assert.NoError(t, err)
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	t.Parallel()
	_, directory := generate(t, keyfile.SuiteAES)
	info, err := os.Stat(directory)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	entries, err := os.ReadDir(directory)
	require.NoError(t, err)
	require.Len(t, entries, 2)
	for _, entry := range entries {
		path := filepath.Join(directory, entry.Name())
		info, err := entry.Info()
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), path)

		for _, mode := range []os.FileMode{0o604, 0o644, 0o620, 0o602, 0o777} {
			require.NoError(t, os.Chmod(path, mode))
			_, err = keyfile.Load(directory)
			require.ErrorContains(t, err, "chmod 600 "+path)
		}
		require.NoError(t, os.Chmod(path, 0o440))
		_, err = keyfile.Load(directory)
		require.NoError(t, err, "a group may be let in to read")
		require.NoError(t, os.Chmod(path, 0o600))
	}
}

func TestABrokenRingIsRefused(t *testing.T) {
	t.Parallel()
	breaks := map[string]func(t *testing.T, directory string){
		"no ring":          func(t *testing.T, d string) { remove(t, d, "keyring.json") },
		"no master key":    func(t *testing.T, d string) { remove(t, d, "master-*.key") },
		"empty ring":       func(t *testing.T, d string) { rewrite(t, d, "keyring.json", func(string) string { return "" }) },
		"a later version":  replace(`"version": 1`, `"version": 2`),
		"an unknown suite": replace(`"suite": "aes"`, `"suite": "des"`),
		"another suite":    replace(`"suite": "aes"`, `"suite": "gm"`),
		"no data key":      replace(`"kind": "data"`, `"kind": "session"`),
		"another master key": func(t *testing.T, d string) {
			rewrite(t, d, "master-*.key", func(s string) string { return "AAAA" + s[4:] })
		},
		"a short master key":  func(t *testing.T, d string) { rewrite(t, d, "master-*.key", func(string) string { return "AAAA\n" }) },
		"a master not base64": func(t *testing.T, d string) { rewrite(t, d, "master-*.key", func(s string) string { return "!" + s }) },
	}
	for name, broken := range breaks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, directory := generate(t, keyfile.SuiteAES)
			broken(t, directory)
			_, err := keyfile.Load(directory)
			assert.ErrorContains(t, err, "load key ring: ")
		})
	}
}

func remove(t *testing.T, directory, pattern string) {
	t.Helper()
	require.NoError(t, os.Remove(only(t, directory, pattern)))
}

func only(t *testing.T, directory, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(directory, pattern))
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0]
}

func rewrite(t *testing.T, directory, pattern string, change func(string) string) {
	t.Helper()
	path := only(t, directory, pattern)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(change(string(text))), 0o600))
}

func replace(old, with string) func(*testing.T, string) {
	return func(t *testing.T, directory string) {
		t.Helper()
		rewrite(t, directory, "keyring.json", func(text string) string { return strings.Replace(text, old, with, 1) })
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	ring, directory := generate(t, keyfile.SuiteAES)
	for _, kind := range []keyfile.Kind{keyfile.KindSession, keyfile.KindApplication} {
		secret := ring.Secrets(kind)[0]
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
			assert.Equal(t, secret.String(), fmt.Sprintf(verb, secret), verb)
		}
	}
	text, err := os.ReadFile(filepath.Join(directory, "keyring.json"))
	require.NoError(t, err)
	assert.NotContains(t, string(text), "PRIVATE")
}

func BenchmarkRing(b *testing.B) {
	plain, aad := []byte("110101199003077758"), []byte("person_number.number\x000123456789abcdef")
	for _, suite := range suites {
		ring, _ := generate(b, suite)
		sealed, err := ring.Seal(plain, aad)
		require.NoError(b, err)
		b.Run(string(suite)+"/seal", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = ring.Seal(plain, aad)
			}
		})
		b.Run(string(suite)+"/open", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = ring.Open(sealed, aad)
			}
		})
		b.Run(string(suite)+"/index", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = ring.Index("person_number", "110101199003077758")
			}
		})
	}
}
