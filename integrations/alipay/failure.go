package alipay

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"

	sdk "github.com/smartwalle/alipay/v3"
	"github.com/sony/gobreaker/v2"

	"citycard"
)

// The platform's answer codes that the client tells apart.
const (
	codeSuccess      = "10000"
	codeInProgress   = "10003"
	codeUnknown      = "20000"
	codeTokenInvalid = "20001"
	codeBusiness     = "40004"
	codeLimited      = "40005"

	subSystemError    = "ACQ.SYSTEM_ERROR"
	subCodeInvalid    = "isv.code-invalid"
	subUserPermission = "isv.insufficient-user-permissions"
	subRefreshInvalid = "isv.refresh-token-invalid"
	subRefreshLapsed  = "isv.refresh-token-time-out"
)

// refusal is a signed answer that is no success, in the platform's own codes. Its texts stay behind: they may
// repeat what was sent.
type refusal struct{ code, sub string }

func (r refusal) Error() string { return "refused: " + r.code + " " + r.sub }

var (
	codeForm = regexp.MustCompile(`^[0-9]{5}$`)
	subForm  = regexp.MustCompile(`^[A-Za-z][A-Za-z._-]{0,63}$`)
)

// refusalOf keeps the platform's code words; what does not look like one could be data, and is left out.
func refusalOf(body sdk.Error) refusal {
	kept := refusal{"(no code)", "(no sub_code)"}
	if codeForm.MatchString(string(body.Code)) {
		kept.code = string(body.Code)
	}
	if subForm.MatchString(body.SubCode) {
		kept.sub = body.SubCode
	}
	return kept
}

// unsignedRefusal is an error body without a signature. It proves nothing, so it is answered like silence; but
// the gateway may send one for a request it cannot attribute, so it does not open the breaker.
type unsignedRefusal struct{ refusal }

func (u unsignedRefusal) Error() string { return "unsigned reply: " + u.refusal.Error() }

func unsignedError(inner json.RawMessage) error {
	var body sdk.Error
	if json.Unmarshal(inner, &body) == nil && body.SubCode != "" {
		return unsignedRefusal{refusalOf(body)}
	}
	return errors.New("unsigned reply")
}

// failure is a call without a credible answer: late, lost, malformed, unsigned or wrongly signed.
type failure struct{ cause error }

func (f failure) Error() string { return "no credible answer: " + f.cause.Error() }
func (f failure) Unwrap() error { return f.cause }

// abandoned is a call whose caller went away or ran out of time.
type abandoned struct{ cause error }

func (a abandoned) Error() string { return "abandoned by the caller: " + a.cause.Error() }
func (a abandoned) Unwrap() error { return a.cause }

// saysNothing tells what counts neither for nor against the platform.
func saysNothing(err error) bool {
	var gone abandoned
	var unsigned unsignedRefusal
	return errors.As(err, &gone) || errors.As(err, &unsigned)
}

// isPlatformFailure tells what counts towards the breaker.
func isPlatformFailure(err error) bool {
	var failed failure
	var refused refusal
	return errors.As(err, &failed) || errors.As(err, &refused) && refused.overloaded()
}

// overloaded tells that the platform itself could not do it, now.
func (r refusal) overloaded() bool {
	return r.code == codeUnknown || r.code == codeLimited || r.sub == subSystemError
}

// classify turns what the SDK returned into a refusal or a failure. The SDK's own errors may hold parts of the
// reply, and net/url's the address, so only what is known to be clean is kept.
func classify(err error) error {
	var refused *sdk.Error
	if errors.As(err, &refused) && refused != nil {
		return refusalOf(*refused)
	}
	var transport *url.Error
	if errors.As(err, &transport) {
		return failure{transport.Err}
	}
	return failure{errors.New("malformed reply")}
}

// explain gives a call's error the root's code: login_code_invalid where logging in or consenting again helps,
// identity_mismatch where the platform refuses the check itself, platform_unavailable where waiting helps, and
// internal_error where our configuration or program is at fault.
func (c *Client) explain(method string, err error) error {
	if err == nil {
		return nil
	}
	cause := fmt.Errorf("call %s: %w", method, err)
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return unavailable(c.breakerPause, cause)
	}
	var refused refusal
	if !errors.As(err, &refused) || refused.overloaded() || refused.code == codeInProgress {
		return unavailable(retryAfter, cause)
	}
	switch {
	case refused.sub == subCodeInvalid:
		return &citycard.Error{Code: citycard.CodeLoginCodeInvalid, Cause: cause,
			Message: "the authorization code is used, expired or not for this service; log in again"}
	case refused.code == codeTokenInvalid, refused.sub == subUserPermission,
		refused.sub == subRefreshInvalid, refused.sub == subRefreshLapsed:
		return &citycard.Error{Code: citycard.CodeLoginCodeInvalid, Cause: cause,
			Message: "the permission given to this service is missing or has lapsed; agree again"}
	case refused.code == codeBusiness:
		return &citycard.Error{Code: citycard.CodeIdentityMismatch, Cause: cause,
			Message: "the platform refused this identity check; start again"}
	}
	return &citycard.Error{Code: citycard.CodeInternal, Cause: cause, Message: "the platform refused the request"}
}

func unavailable(after time.Duration, cause error) error {
	return &citycard.Error{Code: citycard.CodePlatformUnavailable, RetryAfter: after, Cause: cause,
		Message: "the super-app platform does not answer; nothing was changed, try again later"}
}
