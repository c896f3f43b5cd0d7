package signing

import (
	"fmt"
	"net/http"
)

// Row numbers the table "Checks, in this order; the first that fails answers" of the callback contract.
// The other rows belong to the caller.
type Row int

// The rows that this package answers.
const (
	RowSize        Row = 2  // size of body, query or parameter list
	RowMediaType   Row = 3  // Content-Type or Content-Encoding
	RowEncoding    Row = 4  // escapes, `;`, UTF-8, control characters; field syntax
	RowDuplicate   Row = 5  // a name twice
	RowUnknownName Row = 6  // a name that is not on the list
	RowMissing     Row = 7  // a needed value missing or empty
	RowPattern     Row = 8  // format, charset, version, patterns
	RowApp         Row = 9  // app unknown or disabled
	RowSignType    Row = 10 // sign_type not registered
	RowTime        Row = 11 // timestamp, created, expires
	RowCoverage    Row = 12 // coverage, tag, digest
	RowSignature   Row = 13 // signature or key
	RowStorage     Row = 22 // storage down, outcome unknown
)

// Problem codes of the message-signature profile (RFC 9457 documents) that this package answers with.
const (
	ProblemBodyTooLarge           = "body_too_large"
	ProblemUnsupportedMediaType   = "unsupported_media_type"
	ProblemMalformedRequest       = "malformed_request"
	ProblemSignatureRequired      = "signature_required"
	ProblemIdempotencyKeyRequired = "idempotency_key_required"
	ProblemSignatureInvalid       = "signature_invalid"
	ProblemTimestampSkew          = "timestamp_skew"
	ProblemInsufficientCoverage   = "insufficient_coverage"
	ProblemContentDigestInvalid   = "content_digest_invalid"
	ProblemStorageUnavailable     = "storage_unavailable"
)

// Refusal is why a message was not accepted. Every error that parsing or verifying a received request
// returns is a *Refusal. It holds fixed words of this package only, never a received value, so it may be
// logged, counted and shown.
type Refusal struct {
	Row     Row
	Status  int    // HTTP status of the answer
	Code    string // gateway code, such as "40002"; empty where the answer is an HTTP status alone
	SubCode string // gateway sub_code, such as "isv.invalid-encoding"; for a notification, for the log only
	Problem string // problem code of the message-signature profile
	Subject string // the parameter, field or rule at fault, where one can be named

	// Envelope is how a gateway reply to this request is wrapped, as far as the request was readable.
	Envelope Envelope
}

// Error says the row, the code and what it is about.
func (r *Refusal) Error() string {
	code := r.SubCode
	if code == "" {
		code = r.Problem
	}
	if code == "" {
		code = http.StatusText(r.Status)
	}
	if r.Subject == "" {
		return fmt.Sprintf("check row %d: %s", r.Row, code)
	}
	return fmt.Sprintf("check row %d: %s: %s", r.Row, code, r.Subject)
}

// Codes and sub_codes of the gateway convention. The platform misspells `unknow`; SDKs know it so.
const (
	codeMissing     = "40001"
	codeInvalid     = "40002"
	codeUnavailable = "20000"

	subInvalidEncoding      = "isv.invalid-encoding"
	subDuplicateParameter   = "isv.duplicate-parameter"
	subUnknownParameter     = "isv.unknown-parameter"
	subInvalidFormat        = "isv.invalid-format"
	subInvalidCharset       = "isv.invalid-charset"
	subInvalidVersion       = "isv.invalid-version"
	subInvalidParameter     = "isv.invalid-parameter"
	subInvalidAppID         = "isv.invalid-app-id"
	subInvalidSignatureType = "isv.invalid-signature-type"
	subInvalidTimestamp     = "isv.invalid-timestamp"
	subInvalidSignature     = "isv.invalid-signature"
	subUnavailable          = "isp.unknow-error"
)

// missingSubCodes gives the sub_code for each parameter that may be missing; `sign` and `sign_type` go by
// longer names there.
var missingSubCodes = map[string]string{
	nameAppID:      "isv.missing-app-id",
	nameMethod:     "isv.missing-method",
	nameSign:       "isv.missing-signature",
	nameSignType:   "isv.missing-signature-type",
	nameTimestamp:  "isv.missing-timestamp",
	nameVersion:    "isv.missing-version",
	nameCharset:    "isv.missing-charset",
	nameBizContent: "isv.missing-biz-content",
	nameNotifyID:   "isv.missing-notify-id",
	nameNotifyType: "isv.missing-notify-type",
	nameNotifyTime: "isv.missing-notify-time",
}

// refuseForm builds the refusal of a row that the gateway answers with code and sub_code.
func refuseForm(row Row, subCode, subject string) *Refusal {
	code := codeInvalid
	if row == RowMissing {
		code = codeMissing
	}
	return &Refusal{Row: row, Status: http.StatusOK, Code: code, SubCode: subCode, Subject: subject}
}

// refuseStatus builds the refusal of a row that is answered with an HTTP status and a problem code.
func refuseStatus(row Row, status int, problem, subject string) *Refusal {
	return &Refusal{Row: row, Status: status, Problem: problem, Subject: subject}
}

// Unavailable is the refusal for a registry or a store that cannot be asked: HTTP 503, and for the
// gateway 20000 isp.unknow-error. The caller makes it; it is here so that its reply, too, is signed once.
func Unavailable(envelope Envelope) *Refusal {
	return &Refusal{
		Row: RowStorage, Status: http.StatusServiceUnavailable, Code: codeUnavailable, SubCode: subUnavailable,
		Problem: ProblemStorageUnavailable, Envelope: envelope,
	}
}
