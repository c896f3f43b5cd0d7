// Package password hashes passwords of staff and makes their one-time codes.
package password
