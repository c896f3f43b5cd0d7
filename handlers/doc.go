// Package handlers is the HTTP of citycard: it binds requests, calls one use case of the root package, and
// renders the answer. One file per resource; nothing of the domain is decided here.
package handlers
