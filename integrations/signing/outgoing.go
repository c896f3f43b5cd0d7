package signing

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// signatureLabel is the label of every signature made here; a verifier goes by the tag.
const signatureLabel = "sig1"

// SignatureParams are the parameters of a signature to be made (RFC 9421 §2.3).
type SignatureParams struct {
	KeyID   string
	Tag     string
	Created time.Time
	Expires time.Time // requests only: at most 300 s after Created
	Nonce   string    // requests only: 16 to 128 printable characters, new for each request
}

// SignRequest signs a request that has its Content-Type and Idempotency-Key: it sets Content-Digest,
// Signature-Input and Signature. Authority must be the host as the receiver's public address spells it.
func SignRequest(m *Message, p SignatureParams, key *PrivateKey) error {
	if !keyIDPattern.MatchString(p.KeyID) || !messageNoncePattern.MatchString(p.Nonce) {
		return errors.New("sign request: keyid or nonce is malformed")
	}
	if lifetime := p.Expires.Sub(p.Created); lifetime < 0 || lifetime > maxLifetime {
		return fmt.Errorf("sign request: expires is not within %s of created", maxLifetime)
	}
	m.Header.Set(headerContentDigest, contentDigest(m.Body))
	if fieldValue(m.Header, fieldContentType) == "" || fieldValue(m.Header, fieldIdempotencyKey) == "" {
		return errors.New("sign request: no Content-Type or Idempotency-Key")
	}
	if !m.printable() {
		return errors.New("sign request: a covered component is not printable ASCII")
	}
	components := m.requestComponents(requestCoverage, authority("", m.Authority))
	return setSignature(m.Header, components, p, key)
}

// SignReply signs a reply that has its Content-Type and binds it to its request: it sets Content-Digest,
// Signature-Input and Signature. A request that lacks a covered field has no signed reply.
func SignReply(reply *Reply, request *Message, p SignatureParams, key *PrivateKey) error {
	reply.Header.Set(headerContentDigest, contentDigest(reply.Body))
	p.Tag, p.Expires, p.Nonce = TagPlatform, time.Time{}, ""
	components := replyComponents(replyCoverage, reply, request)
	if slices.ContainsFunc(components, func(c Component) bool { return c.Value == "" }) || !request.printable() {
		return errors.New("sign reply: a covered component is missing")
	}
	return setSignature(reply.Header, components, p, key)
}

// setSignature signs the components and writes the two fields.
func setSignature(header http.Header, components []Component, p SignatureParams, key *PrivateKey) error {
	params := []fieldParam{{paramCreated, item{kind: kindInteger, number: p.Created.Unix()}}}
	if !p.Expires.IsZero() {
		params = append(params, fieldParam{paramExpires, item{kind: kindInteger, number: p.Expires.Unix()}})
	}
	if p.Nonce != "" {
		params = append(params, fieldParam{paramNonce, item{kind: kindString, text: p.Nonce}})
	}
	params = append(params,
		fieldParam{paramKeyID, item{kind: kindString, text: p.KeyID}},
		fieldParam{paramTag, item{kind: kindString, text: p.Tag}})

	identifiers := make([]string, len(components))
	for i, c := range components {
		identifiers[i] = c.Identifier
	}
	input := "(" + strings.Join(identifiers, " ") + ")" + serializeParams(params)
	signature, err := key.Sign(SignatureBase(components, input))
	if err != nil {
		return fmt.Errorf("sign message: %w", err)
	}
	header.Set(headerSignatureInput, signatureLabel+"="+input)
	header.Set(headerSignature, signatureLabel+"=:"+base64.StdEncoding.EncodeToString(signature)+":")
	return nil
}

// VerifyReply is the sender's side of SignReply: it tells whether the reply is the platform's answer to
// this request, made about now.
func VerifyReply(reply *Reply, request *Message, keys []VerifyingKey, now time.Time) error {
	signatures, refusal := parseSignatures(reply.Header)
	if refusal != nil {
		return fmt.Errorf("verify reply: %w", refusal)
	}
	if len(reply.Header.Values(headerContentDigest)) != 1 || len(reply.Header.Values("Content-Type")) != 1 {
		return errors.New("verify reply: Content-Type or Content-Digest is not there once")
	}
	tagged := withTag(signatures, TagPlatform)
	if len(tagged) != 1 || !covers(tagged[0].identifiers, replyCoverage) {
		return errors.New("verify reply: no single signature with the platform's tag and coverage")
	}
	s := tagged[0]
	if created, ok := s.instant(paramCreated); !ok || !withinSkew(created, now) {
		return errors.New("verify reply: not created about now")
	}
	for _, p := range s.input.params {
		if p.key != paramCreated && p.key != paramKeyID && p.key != paramTag {
			return errors.New("verify reply: unknown signature parameter")
		}
	}
	if !digestFits(fieldValue(reply.Header, headerContentDigest), reply.Body) {
		return errors.New("verify reply: body does not fit its digest")
	}
	base := SignatureBase(replyComponents(s.identifiers, reply, request), s.input.serialize())
	if !s.fits(base, keys) {
		return errors.New("verify reply: signature does not fit")
	}
	return nil
}
