package signing

import (
	"errors"
	"net/http"
	"regexp"
	"slices"
	"time"
)

// Tags of the two signatures of the profile (RFC 9421 §2.3).
const (
	TagPartner  = "citycard-partner-v1"
	TagPlatform = "citycard-platform-v1"
)

const (
	paramCreated = "created"
	paramExpires = "expires"
	paramNonce   = "nonce"
	paramKeyID   = "keyid"
	paramTag     = "tag"

	jsonMediaType = "application/json"
	// maxLifetime is how long after created a signature may expire.
	maxLifetime = 300 * time.Second
)

// signatureParams are the parameters a signature may have; all but tag are needed on a request. `alg` is
// not among them: the registry decides.
var signatureParams = []string{paramCreated, paramExpires, paramNonce, paramKeyID, paramTag}

var (
	idempotencyKeyPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)
	// messageNoncePattern is wider than the gateway's: libraries for RFC 9421 make nonces in base64.
	messageNoncePattern = regexp.MustCompile(`^[!-~]{16,128}$`)
)

// MessageProfile verifies requests with HTTP message signatures (RFC 9421) for one public host. It is safe
// for concurrent use.
type MessageProfile struct {
	scheme, authority string
}

// NewMessageProfile makes the profile for the address under which partners reach the service, such as
// `https://api.citycard.example`.
func NewMessageProfile(publicURL string) (*MessageProfile, error) {
	scheme, host, err := publicHost(publicURL)
	if err != nil {
		return nil, err
	}
	return &MessageProfile{scheme: scheme, authority: host}, nil
}

// MessageRequest is a well-formed request of the message-signature profile. Nothing in it may be believed
// until Verify has accepted it.
type MessageRequest struct {
	KeyID          string
	Nonce          string
	IdempotencyKey string // equals out_request_no of the body, or the request is refused by the caller

	message   *Message
	authority string
	local     bool // the Host names our public host
	signature messageSignature
}

// messageSignature is one member of Signature-Input with its value of Signature.
type messageSignature struct {
	input       member
	identifiers []string // serialised covered components in the order received
	value       string   // base64 text of the signature
	given       bool     // Signature has a member of that label
}

// Parse reads a request. It judges rows 2 to 8 of the check table, and row 12 where no single signature
// carries the profile's tag, since then no sender can be looked up. The error is a *Refusal.
func (p *MessageProfile) Parse(m *Message) (*MessageRequest, error) {
	if len(m.Body) > maxBody {
		return nil, refuseStatus(RowSize, http.StatusRequestEntityTooLarge, ProblemBodyTooLarge, "body")
	}
	if mediaType, ok := singleMediaType(m.Header); !ok || mediaType != jsonMediaType || encoded(m.Header) {
		return nil, refuseStatus(RowMediaType, http.StatusUnsupportedMediaType, ProblemUnsupportedMediaType, "")
	}
	if !m.printable() {
		return nil, malformed(RowEncoding, "")
	}
	signatures, refusal := parseSignatures(m.Header)
	if refusal != nil {
		return nil, refusal
	}
	for _, name := range []string{headerContentDigest, headerIdempotencyKey} {
		if len(m.Header.Values(name)) > 1 {
			return nil, malformed(RowDuplicate, name)
		}
	}
	tagged := withTag(signatures, TagPartner)
	for _, s := range tagged {
		if refusal := s.checkParams(); refusal != nil {
			return nil, refusal
		}
	}
	idempotencyKey, refusal := checkNeeded(m.Header, signatures, tagged)
	if refusal != nil {
		return nil, refusal
	}
	if len(tagged) != 1 {
		return nil, refuseStatus(RowCoverage, http.StatusUnauthorized, ProblemInsufficientCoverage, paramTag)
	}
	r := &MessageRequest{
		IdempotencyKey: idempotencyKey,
		message:        m,
		authority:      p.authority,
		local:          authority(p.scheme, m.Authority) == p.authority,
		signature:      tagged[0],
	}
	r.KeyID, r.Nonce = r.signature.text(paramKeyID), r.signature.text(paramNonce)
	if !keyIDPattern.MatchString(r.KeyID) || !messageNoncePattern.MatchString(r.Nonce) {
		return nil, malformed(RowPattern, headerSignatureInput)
	}
	return r, nil
}

func malformed(row Row, subject string) *Refusal {
	return refuseStatus(row, http.StatusBadRequest, ProblemMalformedRequest, subject)
}

func unsigned(subject string) *Refusal {
	return refuseStatus(RowMissing, http.StatusUnauthorized, ProblemSignatureRequired, subject)
}

// printable tells whether everything that can enter the signature base is printable ASCII, so that no
// value can hold a line of its own.
func (m *Message) printable() bool {
	fits := isPrintable(m.Method) && isPrintable(m.Authority) && isPrintable(m.Path) && isPrintable(m.Query)
	for _, name := range []string{"Content-Type", headerContentDigest, headerIdempotencyKey, headerSignatureInput, headerSignature} {
		for _, line := range m.Header.Values(name) {
			fits = fits && isPrintable(line)
		}
	}
	return fits
}

func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// parseSignatures reads Signature-Input and Signature, each on at most one line. Signatures under other
// tags are read and then left alone.
func parseSignatures(header http.Header) ([]messageSignature, *Refusal) {
	inputs, refusal := parseSignatureField(header, headerSignatureInput, func(m member) bool { return m.isList && isCoverage(m.list) })
	values, second := parseSignatureField(header, headerSignature, func(m member) bool {
		return !m.isList && m.value.kind == kindBytes && len(m.params) == 0
	})
	if refusal == nil || second != nil && second.Row < refusal.Row {
		refusal = second
	}
	if refusal != nil {
		return nil, refusal
	}
	signatures := make([]messageSignature, len(inputs))
	for i, input := range inputs {
		signatures[i].input = input
		for _, l := range input.list {
			signatures[i].identifiers = append(signatures[i].identifiers, l.serialize())
		}
		for _, v := range values {
			if v.key == input.key {
				signatures[i].value, signatures[i].given = v.value.text, true
			}
		}
	}
	return signatures, nil
}

func parseSignatureField(header http.Header, name string, fits func(member) bool) ([]member, *Refusal) {
	var members []member
	for _, line := range header.Values(name) {
		parsed, err := parseDictionary(line)
		if errors.Is(err, errFieldDuplicate) {
			return nil, malformed(RowDuplicate, name)
		}
		if err != nil || slices.ContainsFunc(parsed, func(m member) bool { return !fits(m) }) {
			return nil, malformed(RowEncoding, name)
		}
		members = append(members, parsed...)
	}
	if len(header.Values(name)) > 1 {
		return nil, malformed(RowDuplicate, name)
	}
	return members, nil
}

// isCoverage tells whether a list holds strings only, as covered components are.
func isCoverage(list []listItem) bool {
	return !slices.ContainsFunc(list, func(l listItem) bool { return l.value.kind != kindString })
}

func withTag(signatures []messageSignature, tag string) []messageSignature {
	var tagged []messageSignature
	for _, s := range signatures {
		if s.text(paramTag) == tag {
			tagged = append(tagged, s)
		}
	}
	return tagged
}

// param returns a signature parameter.
func (s messageSignature) param(key string) (item, bool) {
	for _, p := range s.input.params {
		if p.key == key {
			return p.value, true
		}
	}
	return item{}, false
}

// text returns a signature parameter that is a String, empty where it is not there or is none.
func (s messageSignature) text(key string) string {
	if value, _ := s.param(key); value.kind == kindString {
		return value.text
	}
	return ""
}

// instant returns a signature parameter that is a time, in whole seconds since 1970.
func (s messageSignature) instant(key string) (time.Time, bool) {
	value, ok := s.param(key)
	if !ok || value.kind != kindInteger {
		return time.Time{}, false
	}
	return time.Unix(value.number, 0), true
}

// checkParams judges row 5 (a component covered twice) and row 6 for a signature of the profile.
func (s messageSignature) checkParams() *Refusal {
	if len(slices.Compact(slices.Sorted(slices.Values(s.identifiers)))) != len(s.identifiers) {
		return malformed(RowDuplicate, headerSignatureInput)
	}
	for _, p := range s.input.params {
		if !slices.Contains(signatureParams, p.key) {
			return malformed(RowUnknownName, headerSignatureInput)
		}
	}
	return nil
}

// checkNeeded judges row 7, and row 8 for the idempotency key, which it returns.
func checkNeeded(header http.Header, all, tagged []messageSignature) (string, *Refusal) {
	if len(all) == 0 || header.Get(headerSignature) == "" {
		return "", unsigned(headerSignature)
	}
	for _, s := range tagged {
		if !s.given {
			return "", unsigned(headerSignature)
		}
		for _, key := range signatureParams {
			if value, ok := s.param(key); !ok || value.kind == kindString && value.text == "" {
				return "", unsigned(key)
			}
		}
	}
	field := fieldValue(header, headerIdempotencyKey)
	if field == "" || field == `""` {
		return "", refuseStatus(RowMissing, http.StatusBadRequest, ProblemIdempotencyKeyRequired, headerIdempotencyKey)
	}
	key, err := parseString(field)
	if err != nil {
		key = field // the bare spelling, which most clients send, names the same key
	}
	if !idempotencyKeyPattern.MatchString(key) {
		return "", malformed(RowPattern, headerIdempotencyKey)
	}
	return key, nil
}

// Base returns the signature base the sender signed if it signed for our public host. Its hash identifies
// a request.
func (r *MessageRequest) Base() []byte {
	components := r.message.requestComponents(r.signature.identifiers, r.authority)
	return SignatureBase(components, r.signature.input.serialize())
}

// Verify judges rows 9 to 13 against what the registry knows of the app that KeyID belongs to, and the
// clock. The error is a *Refusal.
func (r *MessageRequest) Verify(sender Sender, now time.Time) error {
	if !sender.Active {
		return refuseStatus(RowApp, http.StatusUnauthorized, ProblemSignatureInvalid, paramKeyID)
	}
	if !r.timely(now) {
		return refuseStatus(RowTime, http.StatusUnauthorized, ProblemTimestampSkew, paramCreated)
	}
	if !covers(r.signature.identifiers, requestCoverage) {
		return refuseStatus(RowCoverage, http.StatusUnauthorized, ProblemInsufficientCoverage, "")
	}
	if !digestFits(fieldValue(r.message.Header, headerContentDigest), r.message.Body) {
		return refuseStatus(RowCoverage, http.StatusBadRequest, ProblemContentDigestInvalid, headerContentDigest)
	}
	if !r.local || !r.signature.fits(r.Base(), sender.Keys) {
		return refuseStatus(RowSignature, http.StatusUnauthorized, ProblemSignatureInvalid, headerSignature)
	}
	return nil
}

// timely tells whether created is near the clock and expires is not past, not before created, and at most
// maxLifetime behind it.
func (r *MessageRequest) timely(now time.Time) bool {
	created, createdOK := r.signature.instant(paramCreated)
	expires, expiresOK := r.signature.instant(paramExpires)
	return createdOK && expiresOK && withinSkew(created, now) &&
		!expires.Before(created) && expires.Sub(created) <= maxLifetime && !now.After(expires)
}

// fits tells whether the signature over base was made by the key that its keyid names.
func (s messageSignature) fits(base []byte, keys []VerifyingKey) bool {
	signature, ok := decodeBase64(s.value)
	if !ok {
		return false
	}
	keyID := s.text(paramKeyID)
	for _, k := range keys {
		if k.ID == keyID {
			return k.Key.Verify(base, signature)
		}
	}
	return false
}
