package main

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"fmt"
	"log/slog"
	"time"

	"citycard"
	"citycard/handlers"
	"citycard/integrations/keyfile"
	"citycard/integrations/ledger"
)

const (
	// sequenceEvery is how often what was committed enters the audit ledger.
	sequenceEvery = 200 * time.Millisecond
	// sequenceWithin is how long the last time may take.
	sequenceWithin = 5 * time.Second
)

// ledgerLog signs the ledger with the ring's active key, and knows what the keys before it signed.
func ledgerLog(ring *keyfile.Ring) (*ledger.Log, error) {
	var keys []ed25519.PrivateKey
	for _, kept := range ring.Secrets(keyfile.KindLedger) {
		parsed, err := x509.ParsePKCS8PrivateKey(kept.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read key %s: %w", kept.ID, err)
		}
		key, ok := parsed.(ed25519.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("read key %s: it is no Ed25519 key", kept.ID)
		}
		keys = append(keys, key)
	}
	return ledger.New(keys...)
}

// trail is the staff plane's record of what staff did.
func (p *parts) trail(plane *staffPlane, queue *citycard.ApprovalQueue) {
	trail := &citycard.AuditTrail{
		Records: p.store, Ledger: p.store, Log: p.ledger, Approvals: queue, NewID: newID, Clock: p.config.clock,
	}
	plane.audit = handlers.StaffAudit{Trail: trail}
	plane.auditPages = &handlers.StaffAuditPages{Pages: plane.pages, Trail: trail}
}

// sequencing lets committed rows enter the ledger until ctx ends.
func (s *service) sequencing(ctx context.Context) {
	ticker := time.NewTicker(sequenceEvery)
	defer ticker.Stop()
	sequencer := citycard.Sequencer{Ledger: s.store, Log: s.ledger}
	sequencer.Run(ctx, ticker.C, s.notSequenced)
}

// sequenceLast lets in what the last requests stored.
func (s *service) sequenceLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, sequenceWithin)
	defer cancel()
	sequencer := citycard.Sequencer{Ledger: s.store, Log: s.ledger}
	if _, err := sequencer.Drain(ctx); err != nil {
		s.notSequenced(err)
	}
}

func (s *service) notSequenced(err error) {
	s.log.Error("extend audit ledger", slog.String("error", err.Error()))
}
