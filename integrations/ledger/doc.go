// Package ledger is the arithmetic of the audit ledger: a Merkle tree (RFC 6962) over entries, kept as tiles, and
// checkpoints, which are notes signed with Ed25519 in the form of https://c2sp.org/tlog-checkpoint. Tree and notes are
// those of golang.org/x/mod, which other programs can check as well.
package ledger
