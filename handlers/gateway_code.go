package handlers

import (
	"net/http"
	"strings"
	"time"

	"citycard"
)

// Codes of the gateway convention for messages of proven senders.
const (
	codeSuccess     = "10000"
	codeUnavailable = "20000"
	codeInvalid     = "40002"
	codeBusiness    = "40004"
	codeLimited     = "40005"
	codePermission  = "40006"

	subInProgress  = "isp.request-in-progress"
	subUnavailable = "isp.unknow-error" // the platform's own spelling, which SDKs know
	subRateLimited = "isv.rate-limited"
)

// gatewayRefusal is how the gateway profile answers an error of ours.
type gatewayRefusal struct {
	code, subCode string
	status        int
}

// gatewayRefusals are rows 14 to 20 and 22 of the check table. Everything else is a card's state that forbids the event, row 21.
var gatewayRefusals = map[citycard.Code]gatewayRefusal{
	citycard.CodeNonceReused:        {codeInvalid, "isv.replayed-request", http.StatusOK},
	citycard.CodeNotFound:           {codeInvalid, "isv.invalid-method", http.StatusOK},
	citycard.CodePartnerScope:       {codePermission, "isv.insufficient-isv-permissions", http.StatusOK},
	citycard.CodePartnerSuspended:   {codeInvalid, "isv.invalid-app-id", http.StatusOK},
	citycard.CodeRateLimited:        {codeLimited, subRateLimited, http.StatusOK},
	citycard.CodeMalformedRequest:   {codeInvalid, "isv.invalid-parameter", http.StatusOK},
	citycard.CodeInvalidPayload:     {codeInvalid, "isv.invalid-parameter", http.StatusOK},
	citycard.CodePasswordInBody:     {codeInvalid, "isv.invalid-parameter", http.StatusOK},
	citycard.CodeOccurredInFuture:   {codeInvalid, "isv.invalid-parameter", http.StatusOK},
	citycard.CodeEventIDReused:      {codeBusiness, "isv.out-request-no-conflict", http.StatusOK},
	citycard.CodeRequestInProgress:  {codeUnavailable, subInProgress, http.StatusOK},
	citycard.CodeCardNotMatched:     {codeBusiness, "citycard.card-not-found", http.StatusOK},
	citycard.CodeStorageUnavailable: {codeUnavailable, subUnavailable, http.StatusServiceUnavailable},
	citycard.CodeReadOnly:           {codeUnavailable, subUnavailable, http.StatusServiceUnavailable},
}

// gatewayRefusalOf is the contract's answer to a code of ours; 40004 citycard.<code with - for _> where no other is named.
func gatewayRefusalOf(code citycard.Code) gatewayRefusal {
	if refusal, named := gatewayRefusals[code]; named {
		return refusal
	}
	return gatewayRefusal{codeBusiness, "citycard." + strings.ReplaceAll(string(code), "_", "-"), http.StatusOK}
}

// gatewayRetries is what Retry-After says to a refusal that does not last.
var gatewayRetries = map[string]time.Duration{
	subInProgress:  retryAfter[citycard.CodeRequestInProgress],
	subUnavailable: retryAfter[citycard.CodeStorageUnavailable],
	subRateLimited: retryAfter[citycard.CodeRateLimited],
}

// retryOf is when to send again; zero where that would not help.
func retryOf(answer gatewayReply) time.Duration { return gatewayRetries[answer.SubCode] }
