package ledger

import (
	"golang.org/x/mod/sumdb/tlog"

	"citycard"
)

// fold is a tree built entry by entry: of each level it keeps the tile that is not complete, and for the root one
// hash for each power of two in its size.
type fold struct {
	size  int64
	tiles []citycard.LedgerTile
	peaks []peak
}

// peak is the root of a complete subtree of 2^level entries.
type peak struct {
	level int
	hash  tlog.Hash
}

// Fold implements citycard.LedgerLog.
func (l *Log) Fold() citycard.LedgerFold { return &fold{} }

// Add implements citycard.LedgerFold.
func (f *fold) Add(e citycard.LedgerEntry) []citycard.LedgerTile {
	hash := tlog.RecordHash(e.Record())
	f.size++
	top := peak{0, hash}
	for len(f.peaks) > 0 && f.peaks[len(f.peaks)-1].level == top.level {
		top = peak{top.level + 1, tlog.NodeHash(f.peaks[len(f.peaks)-1].hash, top.hash)}
		f.peaks = f.peaks[:len(f.peaks)-1]
	}
	f.peaks = append(f.peaks, top)
	return f.shelve(0, hash)
}

// shelve adds a hash to a level's tile and, where that is complete, the tile's root to the next level's.
func (f *fold) shelve(level int, hash tlog.Hash) []citycard.LedgerTile {
	if level == len(f.tiles) {
		f.tiles = append(f.tiles, citycard.LedgerTile{Level: level})
	}
	tile := &f.tiles[level]
	tile.Hashes = append(tile.Hashes, hash[:]...)
	if len(tile.Hashes) < tileWidth*tlog.HashSize {
		return nil
	}
	full := *tile
	*tile = citycard.LedgerTile{Level: level, Number: full.Number + 1}
	return append([]citycard.LedgerTile{full}, f.shelve(level+1, rootOf(full.Hashes))...)
}

// rootOf is the root of a complete tile.
func rootOf(hashes []byte) tlog.Hash {
	row := make([]tlog.Hash, len(hashes)/tlog.HashSize)
	for i := range row {
		row[i] = tlog.Hash(hashes[i*tlog.HashSize:])
	}
	for len(row) > 1 {
		for i := range len(row) / 2 {
			row[i] = tlog.NodeHash(row[2*i], row[2*i+1])
		}
		row = row[:len(row)/2]
	}
	return row[0]
}

// Rest implements citycard.LedgerFold.
func (f *fold) Rest() []citycard.LedgerTile {
	var rest []citycard.LedgerTile
	for _, tile := range f.tiles {
		if len(tile.Hashes) > 0 {
			rest = append(rest, tile)
		}
	}
	return rest
}

// Tree implements citycard.LedgerFold.
func (f *fold) Tree() citycard.LedgerTree {
	if f.size == 0 {
		none, _ := tlog.TreeHash(0, nil) // reads nothing
		return citycard.LedgerTree{Root: none.String()}
	}
	root := f.peaks[len(f.peaks)-1].hash
	for i := len(f.peaks) - 2; i >= 0; i-- {
		root = tlog.NodeHash(f.peaks[i].hash, root)
	}
	return citycard.LedgerTree{Size: f.size, Root: root.String()}
}
