package signing

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

var (
	appIDPattern  = regexp.MustCompile(`^[0-9]{16,20}$`)
	methodPattern = regexp.MustCompile(`^[a-z][a-z0-9]*(\.[a-z0-9]+){1,7}$`)
	noncePattern  = regexp.MustCompile(`^[A-Za-z0-9_-]{16,64}$`)
	keyIDPattern  = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
)

const (
	formVersion   = "1.0"
	gatewayFormat = "JSON"
)

// gatewayNames are the parameters a gateway request may carry.
var gatewayNames = map[string]bool{
	nameAppID: true, nameMethod: true, nameFormat: true, nameCharset: true, nameSignType: true,
	nameSign: true, nameTimestamp: true, nameVersion: true, nameBizContent: true, nameNonce: true,
	nameKeyID: true, nameAppCertSN: true, nameAlipayRootCertSN: true, nameAlipaySDK: true,
}

// gatewayNeeded are the parameters a gateway request must carry, in the order in which a missing one is
// named. biz_content must stand in the body.
var gatewayNeeded = []string{
	nameAppID, nameMethod, nameSign, nameSignType, nameTimestamp, nameVersion, nameCharset, nameBizContent,
}

// GatewayRequest is a well-formed request of the gateway profile. Nothing in it may be believed until
// Verify has accepted it.
type GatewayRequest struct {
	AppID      string
	Method     string
	BizContent []byte // the JSON text as signed; whether it is JSON is row 17, after the signature
	Nonce      string // empty where the sender sent none
	KeyID      string // empty where the sender left the choice to the registry
	Envelope   Envelope

	form      form
	signType  string
	sign      string
	timestamp string
}

// ParseGateway reads a request of the gateway profile from the raw query of its URL, its whole body and
// its header. It judges rows 2 to 8 of the check table; the error is a *Refusal whose Envelope says how to
// answer. Common parameters may stand in the query, in the body or in both parts, each once.
func ParseGateway(query string, body []byte, header http.Header) (*GatewayRequest, error) {
	if refusal := checkFormSize(query, body); refusal != nil {
		return nil, refusal
	}
	if mediaType, ok := singleMediaType(header); !ok || mediaType != formMediaType || encoded(header) {
		return nil, refuseStatus(RowMediaType, http.StatusUnsupportedMediaType, ProblemUnsupportedMediaType, "")
	}
	f, wellFormed := parseForm(query, string(body))
	f.sort()
	envelope := envelopeOf(f)
	refusal := checkGatewayForm(f, wellFormed)
	if refusal != nil {
		refusal.Envelope = envelope
		return nil, refusal
	}
	return &GatewayRequest{
		AppID:      f.value(nameAppID),
		Method:     f.value(nameMethod),
		BizContent: []byte(f.value(nameBizContent)),
		Nonce:      f.value(nameNonce),
		KeyID:      f.value(nameKeyID),
		Envelope:   envelope,
		form:       f,
		signType:   f.value(nameSignType),
		sign:       f.value(nameSign),
		timestamp:  f.value(nameTimestamp),
	}, nil
}

// checkFormSize judges row 2. The query is part of the header section, which has its own limit.
func checkFormSize(query string, body []byte) *Refusal {
	if len(query) > maxQuery {
		return refuseStatus(RowSize, http.StatusRequestHeaderFieldsTooLarge, ProblemBodyTooLarge, "query")
	}
	if len(query)+len(body) > maxBody {
		return refuseStatus(RowSize, http.StatusRequestEntityTooLarge, ProblemBodyTooLarge, "body")
	}
	if countPairs(query)+countPairs(string(body)) > maxParameters {
		return refuseStatus(RowSize, http.StatusRequestEntityTooLarge, ProblemBodyTooLarge, "parameters")
	}
	return nil
}

// encoded tells whether a Content-Encoding was applied: the signature is over what the sender wrote, and
// nothing here inflates bytes of a stranger.
func encoded(header http.Header) bool {
	return len(header.Values("Content-Encoding")) > 0
}

// checkGatewayForm judges rows 4 to 8 over a sorted form.
func checkGatewayForm(f form, wellFormed bool) *Refusal {
	if !wellFormed || !f.isText() {
		return refuseForm(RowEncoding, subInvalidEncoding, "")
	}
	if f.duplicated() {
		return refuseForm(RowDuplicate, subDuplicateParameter, "")
	}
	for _, p := range f {
		if !gatewayNames[p.name] {
			return refuseForm(RowUnknownName, subUnknownParameter, "")
		}
	}
	if name, found := f.missing(gatewayNeeded); found {
		return refuseForm(RowMissing, missingSubCodes[name], name)
	}
	if p, _ := f.lookup(nameBizContent); !p.inBody {
		return refuseForm(RowMissing, missingSubCodes[nameBizContent], nameBizContent)
	}
	return checkGatewayValues(f)
}

// checkGatewayValues judges row 8. sign, sign_type and timestamp are judged with the registry and the
// clock, in their own rows.
func checkGatewayValues(f form) *Refusal {
	if p, has := f.lookup(nameFormat); has && p.value != gatewayFormat {
		return refuseForm(RowPattern, subInvalidFormat, nameFormat)
	}
	if !strings.EqualFold(f.value(nameCharset), charsetUTF8) {
		return refuseForm(RowPattern, subInvalidCharset, nameCharset)
	}
	if f.value(nameVersion) != formVersion {
		return refuseForm(RowPattern, subInvalidVersion, nameVersion)
	}
	for _, p := range f {
		valid := true
		switch p.name {
		case nameAppID:
			valid = appIDPattern.MatchString(p.value)
		case nameMethod:
			valid = methodPattern.MatchString(p.value)
		case nameBizContent:
			valid = len(p.value) <= maxBizContent
		case nameNonce:
			valid = noncePattern.MatchString(p.value)
		case nameKeyID:
			valid = keyIDPattern.MatchString(p.value)
		case nameAppCertSN, nameAlipayRootCertSN, nameAlipaySDK:
			valid = p.value != "" && !splits(p.value)
		}
		if !valid {
			return refuseForm(RowPattern, subInvalidParameter, p.name)
		}
	}
	return nil
}

// Canonical returns the bytes the sender signed: all parameters but sign, sorted by name, as received
// after one decoding. Their hash identifies a request; the signature's text does not, since SM2 is
// randomised.
func (r *GatewayRequest) Canonical() []byte {
	return r.form.canonical(nameSign)
}

// Verify judges rows 9 to 13 against what the registry knows of the app named by AppID, and the clock. It
// returns the id of the key that verified. The error is a *Refusal.
func (r *GatewayRequest) Verify(sender Sender, now time.Time) (keyID string, err error) {
	keyID, refusal := r.judge(sender, now)
	if refusal != nil {
		refusal.Envelope = r.Envelope
		return "", refusal
	}
	return keyID, nil
}

func (r *GatewayRequest) judge(sender Sender, now time.Time) (string, *Refusal) {
	if !sender.Active {
		return "", refuseForm(RowApp, subInvalidAppID, nameAppID)
	}
	keyType, ok := formKeyType(r.signType)
	if !ok || !sender.registered(keyType) {
		return "", refuseForm(RowSignType, subInvalidSignatureType, nameSignType)
	}
	if signed, ok := parseTimestamp(r.timestamp); !ok || !withinSkew(signed, now) {
		return "", refuseForm(RowTime, subInvalidTimestamp, nameTimestamp)
	}
	signature, ok := decodeBase64(r.sign)
	if !ok {
		return "", refuseForm(RowSignature, subInvalidSignature, nameSign)
	}
	canonical := r.Canonical()
	for _, k := range sender.candidates(keyType, r.KeyID) {
		if k.Key.Verify(canonical, signature) {
			return k.ID, nil
		}
	}
	return "", refuseForm(RowSignature, subInvalidSignature, nameSign)
}

// SignGateway makes a request of the gateway profile as a partner's SDK does: biz_content in the body,
// everything else in the query. values holds the parameters without sign_type, which the key decides, and
// sign. What it returns, ParseGateway accepts.
func SignGateway(values map[string]string, key *PrivateKey) (query, body string, err error) {
	f := append(formOf(values), parameter{name: nameSignType, value: string(key.Type())})
	f.sort()
	signature, err := key.Sign(f.canonical())
	if err != nil {
		return "", "", fmt.Errorf("sign gateway request: %w", err)
	}
	f = append(f, parameter{name: nameSign, value: base64.StdEncoding.EncodeToString(signature)})
	content, rest := f.partition(nameBizContent)
	query, body = rest.encode(), content.encode()
	if _, err := ParseGateway(query, []byte(body), http.Header{"Content-Type": {formMediaType}}); err != nil {
		return "", "", fmt.Errorf("sign gateway request: %w", err)
	}
	return query, body, nil
}
