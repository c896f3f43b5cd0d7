package ledger

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"citycard"
)

const (
	// height is that of the tiles: 256 hashes each.
	height    = 8
	tileWidth = 1 << height
)

// Grow implements citycard.LedgerLog.
func (l *Log) Grow(b citycard.LedgerBatch) (citycard.LedgerGrowth, error) {
	before, err := l.before(b)
	if err != nil {
		return citycard.LedgerGrowth{}, fmt.Errorf("extend ledger: %w", err)
	}
	grown := &growing{stored: tlog.TileHashReader(before, newShelf(b.Tile)), fresh: map[int64]tlog.Hash{}}
	size := before.N
	for _, entry := range b.Entries {
		hashes, err := tlog.StoredHashes(size, entry.Record(), grown)
		if err != nil {
			return citycard.LedgerGrowth{}, fmt.Errorf("extend ledger: %w", err)
		}
		first := tlog.StoredHashIndex(0, size)
		for i, hash := range hashes {
			grown.fresh[first+int64(i)] = hash
		}
		size++
	}
	after := tlog.Tree{N: size}
	if after.Hash, err = tlog.TreeHash(size, grown); err != nil {
		return citycard.LedgerGrowth{}, fmt.Errorf("extend ledger: %w", err)
	}
	var made citycard.LedgerGrowth
	for _, tile := range tlog.NewTiles(height, before.N, after.N) {
		hashes, err := tlog.ReadTileData(tile, grown)
		if err != nil {
			return citycard.LedgerGrowth{}, fmt.Errorf("extend ledger: %w", err)
		}
		made.Tiles = append(made.Tiles, citycard.LedgerTile{Level: tile.L, Number: tile.N, Hashes: hashes})
	}
	made.Checkpoint, err = l.sign(after)
	return made, err
}

// before is the tree that a batch enters: that of the last signed checkpoint.
func (l *Log) before(b citycard.LedgerBatch) (tlog.Tree, error) {
	if b.Size == 0 && b.Checkpoint == "" {
		return tlog.Tree{}, nil
	}
	opened, err := l.Open(b.Checkpoint)
	if err != nil {
		return tlog.Tree{}, err
	}
	if opened.Size != b.Size {
		return tlog.Tree{}, fmt.Errorf("the ledger has %d entries, its checkpoint speaks of %d", b.Size, opened.Size)
	}
	return treeOf(opened)
}

func treeOf(t citycard.LedgerTree) (tlog.Tree, error) {
	root, err := tlog.ParseHash(t.Root)
	return tlog.Tree{N: t.Size, Hash: root}, err
}

// Consistency implements citycard.LedgerLog (RFC 6962, 2.1.2).
func (l *Log) Consistency(tree citycard.LedgerTree, older int64, tile func(level int, number int64) ([]byte, error)) ([]string, error) {
	now, err := treeOf(tree)
	if err != nil {
		return nil, fmt.Errorf("prove consistency: %w", err)
	}
	proof, err := tlog.ProveTree(now.N, older, tlog.TileHashReader(now, newShelf(tile)))
	if err != nil {
		return nil, fmt.Errorf("prove consistency: %w", err)
	}
	hashes := make([]string, len(proof))
	for i, hash := range proof {
		hashes[i] = hash.String()
	}
	return hashes, nil
}

// growing reads hashes that are stored, each proven to be of the tree, and those made since.
type growing struct {
	stored tlog.HashReader
	fresh  map[int64]tlog.Hash
}

// ReadHashes is part of tlog.HashReader.
func (g *growing) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	var missing []int64
	var places []int
	for i, index := range indexes {
		hash, made := g.fresh[index]
		if !made {
			missing, places = append(missing, index), append(places, i)
		}
		hashes[i] = hash
	}
	if len(missing) == 0 {
		return hashes, nil
	}
	found, err := g.stored.ReadHashes(missing)
	if err != nil {
		return nil, err
	}
	for i, place := range places {
		hashes[place] = found[i]
		g.fresh[missing[i]] = found[i]
	}
	return hashes, nil
}

// shelf gives tlog the stored tiles, each read once.
type shelf struct {
	read func(level int, number int64) ([]byte, error)
	kept map[[2]int64][]byte
}

func newShelf(read func(level int, number int64) ([]byte, error)) *shelf {
	return &shelf{read, map[[2]int64][]byte{}}
}

// Height is part of tlog.TileReader.
func (s *shelf) Height() int { return height }

// SaveTiles is part of tlog.TileReader; there is nothing to do.
func (s *shelf) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles is part of tlog.TileReader. A stored tile may be wider than the one asked for.
func (s *shelf) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		key := [2]int64{int64(tile.L), tile.N}
		if s.kept[key] == nil {
			hashes, err := s.read(tile.L, tile.N)
			if err != nil {
				return nil, err
			}
			s.kept[key] = hashes
		}
		wanted := tile.W * tlog.HashSize
		if len(s.kept[key]) < wanted {
			return nil, errors.New("a tile of the ledger is missing or cut")
		}
		data[i] = s.kept[key][:wanted]
	}
	return data, nil
}
