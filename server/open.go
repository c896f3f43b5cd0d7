package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"time"

	"github.com/google/uuid"

	"citycard/integrations/alipay"
	"citycard/integrations/keyfile"
	"citycard/sql"
)

// openStore opens the database as it is: without migrating it.
func (c *config) openStore(ctx context.Context, keys sql.KeyRing) (*sql.Store, error) {
	return c.openServing(ctx, keys, nil)
}

// openServing opens the database for as long as a service runs; checkpointFailed is told when SQLite's log begins to grow.
func (c *config) openServing(ctx context.Context, keys sql.KeyRing, checkpointFailed func(error)) (*sql.Store, error) {
	store, err := sql.Open(ctx, c.Database.Reveal(), sql.Options{Keys: keys, Clock: c.clock, NewID: newID, CheckpointFailed: checkpointFailed})
	if err != nil {
		return nil, fmt.Errorf("CITYCARD_DATABASE_URL: %w", err)
	}
	return store, nil
}

// openKeys reads our key ring and the platform's keys, and refuses those that the environment must not have.
func (c *config) openKeys() (*keyfile.Ring, platformKeys, error) {
	ring, err := c.openRing()
	if err != nil {
		return nil, platformKeys{}, err
	}
	platform, err := c.readPlatformKeys(ring)
	if err != nil {
		return nil, platformKeys{}, err
	}
	return ring, platform, c.refuseTestKeys(ring, platform)
}

// platformClient is the client of the super-app platform behind a gateway.
func (c *config) platformClient(gateway *url.URL, keys platformKeys) (*alipay.Client, error) {
	client, err := alipay.New(alipay.Config{
		Gateway:           gateway.String(),
		Authorize:         authorizeAddress(gateway),
		AppID:             c.AppID,
		PrivateKey:        keys.private,
		PlatformPublicKey: keys.public,
		Certificates:      keys.certificates,
		Now:               c.clock,
	})
	if err != nil {
		return nil, usage("CITYCARD_ALIPAY_…: %w", err)
	}
	return client, nil
}

// consentHosts are the consent page's hosts beside the gateways of the platform.
var consentHosts = map[string]string{
	"openapi.alipay.com":               "openauth.alipay.com",
	"openapi-sandbox.dl.alipaydev.com": "openauth-sandbox.dl.alipaydev.com",
	"openapi.alipaydev.com":            "openauth.alipaydev.com",
}

// authorizeAddress is the consent page that belongs to a gateway: on a host of its own at the platform, beside
// the gateway at a stand-in.
func authorizeAddress(gateway *url.URL) string {
	if host, known := consentHosts[gateway.Host]; known {
		return "https://" + host + "/oauth2/publicAppAuthorize.htm"
	}
	page := url.URL{Scheme: gateway.Scheme, Host: gateway.Host, Path: "/authorize"}
	return page.String()
}

// newID gives an identifier of 32 letters and digits: a UUID of version 7 (RFC 9562), so that identifiers made
// one after the other lie side by side in an index.
func newID() string {
	id := uuid.Must(uuid.NewV7())
	return hex.EncodeToString(id[:])
}

// newSecret gives a text that cannot be guessed.
func newSecret() string { return rand.Text() }

// pause waits, or returns the context's error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
