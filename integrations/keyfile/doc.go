// Package keyfile keeps the service's keys in a directory and encrypts with them. A master key wraps every
// other key (envelope encryption), so rotating it rewrites one small file and no data. The directory holds
//
//	master-<id>.key   the master key, base64; the file to put under a vault's care
//	keyring.json      every other key, wrapped: data keys, the index key, session keys, the platform's signing keys
//
// Both are readable by their owner alone. A key ring stands behind a three-method interface of the store, so that a key
// management service or a hardware module can take its place.
package keyfile
