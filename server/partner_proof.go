package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"sync"
	"time"

	"citycard"
	"citycard/handlers"
	"citycard/integrations/keyfile"
	"citycard/integrations/signing"
)

// partnerProof proves who sent a callback: the verifier of integrations/signing asked with what the registry knows.
type partnerProof struct {
	directory *citycard.PartnerDirectory
	replier   *signing.Replier
	profile   *signing.MessageProfile
	// replyKeys sign replies to signed messages, by type.
	replyKeys map[signing.KeyType]ownKey
	parsed    sync.Map // of *signing.PublicKey by PEM text
	clock     func() time.Time
}

func newPartnerProof(directory *citycard.PartnerDirectory, own []ownKey, publicURL string, clock func() time.Time) (*partnerProof, error) {
	profile, err := signing.NewMessageProfile(publicURL)
	if err != nil {
		return nil, err
	}
	p := &partnerProof{directory: directory, profile: profile, replyKeys: map[signing.KeyType]ownKey{}, clock: clock}
	var active []*signing.PrivateKey
	for _, key := range own {
		if key.state == keyfile.StateActive {
			active = append(active, key.private)
			p.replyKeys[key.private.Type()] = key
		}
	}
	p.replier, err = signing.NewReplier(active...)
	return p, err
}

// gateway judges rows 2 to 13 for a request of the gateway profile.
func (p *partnerProof) gateway(ctx context.Context, r *http.Request, body []byte) (*handlers.Callback, error) {
	request, err := signing.ParseGateway(r.URL.RawQuery, body, r.Header)
	if err != nil {
		return nil, p.refuse(err)
	}
	record, found, err := p.directory.ByApp(ctx, request.AppID)
	if err != nil {
		return nil, p.unavailable(request.Envelope, err)
	}
	now := p.clock()
	if !found {
		record = &citycard.PartnerRecord{}
	}
	sender, err := p.sender(record, now)
	if err != nil {
		return nil, p.unavailable(request.Envelope, err)
	}
	if _, err := request.Verify(sender, now); err != nil {
		return nil, p.refuse(err)
	}
	return &handlers.Callback{
		Partner: record.Partner, Method: citycard.Method(request.Method), Content: request.BizContent,
		Nonce: request.Nonce, Digest: digest(request.Canonical()),
		Seal: func(_ int, _ http.Header, inner []byte) ([]byte, error) {
			return p.replier.Reply(request.Envelope, inner)
		},
	}, nil
}

// message judges rows 2 to 13 for a request of the message-signature profile.
func (p *partnerProof) message(ctx context.Context, r *http.Request, body []byte) (*handlers.Callback, error) {
	message := signing.NewMessage(r, body)
	request, err := p.profile.Parse(message)
	if err != nil {
		return nil, problemOf(err)
	}
	record, found, err := p.directory.ByKey(ctx, request.KeyID)
	if err != nil {
		return nil, err
	}
	now := p.clock()
	if !found {
		record = &citycard.PartnerRecord{}
	}
	sender, err := p.sender(record, now)
	if err != nil {
		return nil, err
	}
	if err := request.Verify(sender, now); err != nil {
		return nil, problemOf(err)
	}
	key := p.replyKey(record, request.KeyID)
	return &handlers.Callback{
		Partner: record.Partner, Content: body, OnceKey: request.IdempotencyKey, Nonce: request.Nonce,
		Digest: digest(request.Base()),
		Seal: func(status int, header http.Header, body []byte) ([]byte, error) {
			params := signing.SignatureParams{KeyID: key.id, Tag: signing.TagPlatform, Created: p.clock()}
			return body, signing.SignReply(&signing.Reply{Status: status, Header: header, Body: body}, message, params, key.private)
		},
	}, nil
}

func digest(signed []byte) string {
	sum := sha256.Sum256(signed)
	return hex.EncodeToString(sum[:])
}

// sender is what the registry says of an app, as the verifier takes it.
func (p *partnerProof) sender(record *citycard.PartnerRecord, now time.Time) (signing.Sender, error) {
	sender := signing.Sender{Active: record.State == citycard.PartnerActive}
	for _, kind := range record.KeyTypes() {
		sender.Types = append(sender.Types, signing.KeyType(kind))
	}
	for _, key := range record.VerifyingKeys(now) {
		parsed, err := p.publicKey(key.PEM)
		if err != nil {
			return signing.Sender{}, &citycard.Error{Code: citycard.CodeStorageUnavailable, Message: "a registered key cannot be read", Cause: err}
		}
		sender.Keys = append(sender.Keys, signing.VerifyingKey{ID: key.ID, Key: parsed})
	}
	return sender, nil
}

// publicKey reads each registered key once: reading one costs more than verifying with it.
func (p *partnerProof) publicKey(text string) (*signing.PublicKey, error) {
	if known, _ := p.parsed.Load(text); known != nil {
		if key, ok := known.(*signing.PublicKey); ok {
			return key, nil
		}
	}
	key, err := signing.ParsePublicKey([]byte(text))
	if err == nil {
		p.parsed.Store(text, key)
	}
	return key, err
}

// replyKey answers a sender with SM2 in SM2, and everybody else in RSA2.
func (p *partnerProof) replyKey(record *citycard.PartnerRecord, keyID string) ownKey {
	for _, key := range record.Keys {
		if sm2, own := p.replyKeys[signing.KeySM2]; own && key.ID == keyID && key.Type == citycard.KeySM2 {
			return sm2
		}
	}
	return p.replyKeys[signing.KeyRSA2]
}

// refuse is a refusal of the gateway profile with its constant reply.
func (p *partnerProof) refuse(err error) error {
	var refusal *signing.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	unproven := &handlers.Unproven{Status: refusal.Status, Code: refusal.SubCode}
	if refusal.Code == "" {
		unproven.Code = refusal.Problem
		return unproven
	}
	body, err := p.replier.Refuse(refusal)
	if err != nil {
		return err
	}
	unproven.Body = body
	return unproven
}

// unavailable is row 22 where the registry cannot be asked.
func (p *partnerProof) unavailable(envelope signing.Envelope, cause error) error {
	err := p.refuse(signing.Unavailable(envelope))
	var unproven *handlers.Unproven
	if errors.As(err, &unproven) {
		unproven.Cause = cause
	}
	return err
}

// problemOf is a refusal of the message-signature profile as the problem document of its code.
func problemOf(err error) error {
	var refusal *signing.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	return &citycard.Error{Code: citycard.Code(refusal.Problem), Field: refusal.Subject, Cause: refusal}
}
