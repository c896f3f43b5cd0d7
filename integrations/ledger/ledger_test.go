package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"citycard"
	"citycard/integrations/ledger"
)

func key(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func signing(t *testing.T, seeds ...byte) *ledger.Log {
	t.Helper()
	keys := make([]ed25519.PrivateKey, len(seeds))
	for i, seed := range seeds {
		keys[i] = key(seed)
	}
	log, err := ledger.New(keys...)
	require.NoError(t, err)
	return log
}

func entry(n int64) citycard.LedgerEntry {
	return citycard.LedgerEntry{
		LedgerKey: citycard.LedgerKey{Source: citycard.LedgerTransitions, Object: fmt.Sprintf("card%d", n/3), Seq: n%3 + 1},
		Sum:       citycard.LedgerSum(fmt.Sprint("content ", n)),
	}
}

// shelf keeps what a ledger's store keeps.
type shelf struct {
	head  citycard.LedgerBatch
	tiles map[[2]int64][]byte
}

func newShelf() *shelf {
	s := &shelf{tiles: map[[2]int64][]byte{}}
	s.head.Tile = func(level int, number int64) ([]byte, error) { return s.tiles[[2]int64{int64(level), number}], nil }
	return s
}

// grow lets n more entries enter.
func (s *shelf) grow(log *ledger.Log, n int64) error {
	batch := s.head
	for i := range n {
		batch.Entries = append(batch.Entries, entry(batch.Size+i))
	}
	grown, err := log.Grow(batch)
	if err != nil {
		return err
	}
	for _, tile := range grown.Tiles {
		s.tiles[[2]int64{int64(tile.Level), tile.Number}] = tile.Hashes
	}
	s.head.Size += n
	s.head.Checkpoint = grown.Checkpoint
	return nil
}

// plain is the tree over the first n entries, by the library alone.
func plain(t require.TestingT, n int64) citycard.LedgerTree {
	stored := []tlog.Hash{}
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	for i := range n {
		hashes, err := tlog.StoredHashes(i, entry(i).Record(), reader)
		require.NoError(t, err)
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(n, reader)
	require.NoError(t, err)
	return citycard.LedgerTree{Size: n, Root: root.String()}
}

func TestBatchesOfAnySizeMakeTheTreeTheTilesAndTheFoldOfRFC6962(t *testing.T) {
	t.Parallel()
	log := signing(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		s := newShelf()
		for _, n := range rapid.SliceOfN(rapid.Int64Range(1, 300), 1, 5).Draw(t, "batches") {
			require.NoError(t, s.grow(log, n))
		}
		tree, err := log.Open(s.head.Checkpoint)
		require.NoError(t, err)
		assert.Equal(t, plain(t, s.head.Size), tree)

		fold, made := log.Fold(), map[[2]int64][]byte{}
		keep := func(tiles []citycard.LedgerTile) {
			for _, tile := range tiles {
				made[[2]int64{int64(tile.Level), tile.Number}] = tile.Hashes
			}
		}
		for i := range s.head.Size {
			keep(fold.Add(entry(i)))
		}
		keep(fold.Rest())
		assert.Equal(t, tree, fold.Tree())
		assert.Equal(t, s.tiles, made)
	})
}

func TestATreeOfManyTilesOfTwoLevelsIsRight(t *testing.T) {
	t.Parallel()
	const size = 70_000
	log, s := signing(t, 1), newShelf()
	for s.head.Size < size {
		require.NoError(t, s.grow(log, 10_000))
	}
	fold := log.Fold()
	tiles := 0
	for i := range int64(size) {
		tiles += len(fold.Add(entry(i)))
	}
	tree, err := log.Open(s.head.Checkpoint)
	require.NoError(t, err)
	assert.Equal(t, plain(t, size), tree)
	assert.Equal(t, tree, fold.Tree())
	assert.Len(t, s.tiles, tiles+len(fold.Rest()))
	assert.Len(t, fold.Rest(), 3, "three levels are begun")
}

func TestNothingEditedIsSigned(t *testing.T) {
	t.Parallel()
	log := signing(t, 1)
	edits := map[string]func(s *shelf){
		"a tile's bit":              func(s *shelf) { s.tiles[[2]int64{0, 1}][5] ^= 1 },
		"a tile that is gone":       func(s *shelf) { delete(s.tiles, [2]int64{0, 1}) },
		"a tile that is cut":        func(s *shelf) { s.tiles[[2]int64{0, 1}] = s.tiles[[2]int64{0, 1}][:32] },
		"another number of entries": func(s *shelf) { s.head.Size-- },
		"no checkpoint":             func(s *shelf) { s.head.Checkpoint = "" },
		"a checkpoint's root": func(s *shelf) {
			lines := strings.Split(s.head.Checkpoint, "\n")
			lines[2] = base64.StdEncoding.EncodeToString(make([]byte, 32))
			s.head.Checkpoint = strings.Join(lines, "\n")
		},
		"a checkpoint of another key": func(s *shelf) {
			other := newShelf()
			require.NoError(t, other.grow(signing(t, 9), s.head.Size))
			s.head.Checkpoint = other.head.Checkpoint
		},
	}
	for name, edit := range edits {
		s := newShelf()
		require.NoError(t, s.grow(log, 400))
		before := s.head.Checkpoint
		edit(s)
		require.Error(t, s.grow(log, 10), name)
		assert.NotEmpty(t, before)
	}
}

func TestACheckpointIsANoteThatOthersCanRead(t *testing.T) {
	t.Parallel()
	log, s := signing(t, 1), newShelf()
	require.NoError(t, s.grow(log, 3))
	verifier, err := note.NewVerifier(log.Public()[0])
	require.NoError(t, err)
	opened, err := note.Open([]byte(s.head.Checkpoint), note.VerifierList(verifier))
	require.NoError(t, err)
	assert.Equal(t, "citycard-ledger\n3\n"+plain(t, 3).Root+"\n", opened.Text)

	reading, err := ledger.Reading(log.Public()...)
	require.NoError(t, err)
	tree, err := reading.Open(s.head.Checkpoint)
	require.NoError(t, err)
	assert.Equal(t, plain(t, 3), tree)
	assert.ErrorIs(t, newShelf().grow(reading, 1), ledger.ErrNoKey)

	rotated := signing(t, 2, 1)
	_, err = rotated.Open(s.head.Checkpoint)
	require.NoError(t, err, "what an older key signed stays good")
	require.NoError(t, s.grow(rotated, 1))
	_, err = log.Open(s.head.Checkpoint)
	require.Error(t, err)

	for _, text := range []string{"", "nonsense", "citycard-ledger+00000000+AAAA", strings.Replace(log.Public()[0], "citycard", "other", 1)} {
		_, err := ledger.Reading(text)
		assert.Error(t, err, text)
	}
}

func TestEveryBitOfACheckpointCounts(t *testing.T) {
	t.Parallel()
	log, s := signing(t, 1), newShelf()
	require.NoError(t, s.grow(log, 300))
	for i := range s.head.Checkpoint {
		for bit := range 8 {
			text := []byte(s.head.Checkpoint)
			text[i] ^= 1 << bit
			tree, err := log.Open(string(text))
			if err == nil { // of base64's last letters not every bit says something
				assert.Equal(t, plain(t, 300), tree)
			}
		}
	}
}

func TestConsistencyIsProvenToWhoeverKeptAnOlderCheckpoint(t *testing.T) {
	t.Parallel()
	log, s := signing(t, 1), newShelf()
	require.NoError(t, s.grow(log, 700))
	tree, err := log.Open(s.head.Checkpoint)
	require.NoError(t, err)
	now := tlog.Tree{N: tree.Size}
	now.Hash, err = tlog.ParseHash(tree.Root)
	require.NoError(t, err)
	for _, older := range []int64{1, 255, 256, 257, 699, 700} {
		texts, err := log.Consistency(tree, older, s.head.Tile)
		require.NoError(t, err)
		var proof tlog.TreeProof
		for _, text := range texts {
			hash, err := tlog.ParseHash(text)
			require.NoError(t, err)
			proof = append(proof, hash)
		}
		then, err := tlog.ParseHash(plain(t, older).Root)
		require.NoError(t, err)
		require.NoError(t, tlog.CheckTree(proof, now.N, now.Hash, older, then))
		then[0] ^= 1
		assert.Error(t, tlog.CheckTree(proof, now.N, now.Hash, older, then))
	}
	for _, older := range []int64{-1, 0, 701} {
		_, err = log.Consistency(tree, older, s.head.Tile)
		assert.Error(t, err, "%d", older)
	}
	tiles := slices.Clone(s.tiles[[2]int64{0, 0}])
	tiles[0] ^= 1
	s.tiles[[2]int64{0, 0}] = tiles
	_, err = log.Consistency(tree, 255, s.head.Tile)
	assert.Error(t, err)
}
