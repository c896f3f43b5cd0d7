package handlers

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
)

// Callback is a partner's message whose sender is proven: rows 2 to 13 of the callback contract's check table
// hold.
type Callback struct {
	Partner citycard.Partner
	// Method is what a gateway request asks for; a signed message names it in its content.
	Method citycard.Method
	// Content is the JSON text as it was signed.
	Content []byte
	// OnceKey is the Idempotency-Key of a signed message, empty on a gateway request.
	OnceKey string
	// Nonce is empty where the sender sent none.
	Nonce string
	// Digest is the SHA-256 in hex of everything that was signed.
	Digest string
	// Seal signs an answer: it gives the body to send and may add to the header, which has its Content-Type.
	Seal func(status int, header http.Header, body []byte) ([]byte, error)
}

// Unproven is why a message's sender is not known, with the whole answer to it. Body is constant and was signed
// long before, since forgeries must not buy private-key operations; empty, the status is the whole answer.
type Unproven struct {
	Status int
	// Code is what the refusal is counted by: a sub_code of the gateway, or a problem code.
	Code string
	Body []byte
	// Cause is what failed here; nil where the sender is at fault.
	Cause error
}

// Error says the code.
func (u *Unproven) Error() string { return "sender not proven: " + u.Code }

// RefusalCode is what the refusal is logged by.
func (u *Unproven) RefusalCode() string { return u.Code }

// Unwrap gives the cause.
func (u *Unproven) Unwrap() error { return u.Cause }

// PartnerDesk is the use case of partners' reports and queries, *citycard.PartnerDesk.
type PartnerDesk interface {
	Report(ctx context.Context, r citycard.PartnerRequest) (citycard.PartnerReply, error)
	Query(ctx context.Context, r citycard.PartnerRequest) (citycard.CardView, error)
}

var _ PartnerDesk = (*citycard.PartnerDesk)(nil)

// Flood holds strangers back who send what cannot be proven, by their network address. It is asked after the proof:
// partners share addresses with strangers, and what a partner signed always gets through.
type Flood interface {
	// Forged counts a message that could not be proven; rate_limited, after a moment, where the address sent too many.
	Forged(ctx context.Context, address string) error
	// Proven counts a message that was.
	Proven(address string)
}

// PartnerPlane is what every route of partners needs; the handlers of one profile share one.
type PartnerPlane struct {
	Profile citycard.Profile
	// Prove judges rows 2 to 13. Its error is *Unproven, or an error with a code of ours.
	Prove   func(ctx context.Context, r *http.Request, body []byte) (*Callback, error)
	Desk    PartnerDesk
	Replays citycard.Replays
	Flood   Flood
	// Rate counts a message of a proven partner; rate_limited where there were too many.
	Rate func(ctx context.Context, appID string, method citycard.Method) error
	// Count is told what became of every message.
	Count func(citycard.CallbackKind)
	Clock func() time.Time
}

// prove reads the body and finds out who sent it.
func (p PartnerPlane) prove(c echo.Context) (*Callback, error) {
	r := c.Request()
	var callback *Callback
	body, err := readBody(r)
	if err == nil {
		callback, err = p.Prove(r.Context(), r, body)
	}
	return callback, noteProof(c, p.Flood, err)
}

// noteProof counts whether the sender was proven, and gives the error to answer with.
func noteProof(c echo.Context, flood Flood, err error) error {
	if err == nil {
		flood.Proven(clientAddress(c))
		return nil
	}
	if failedHere(err) {
		return err
	}
	if held := flood.Forged(c.Request().Context(), clientAddress(c)); held != nil {
		return held
	}
	return err
}

// failedHere tells a failure of ours, which is no fault of the sender's, from a message that proves nothing.
func failedHere(err error) bool {
	var unproven *Unproven
	if errors.As(err, &unproven) {
		return unproven.Cause != nil
	}
	return citycard.EntryOf(citycard.CodeOf(err)).Status >= http.StatusInternalServerError
}

// admit judges rows 14 to 16: whether the message came before, the method is granted, and the partner keeps to
// its rate. A message whose content names no method passes row 15; row 17 refuses it.
func (p PartnerPlane) admit(ctx context.Context, callback *Callback, method citycard.Method) error {
	replay := citycard.Replay{AppID: callback.Partner.AppID, Nonce: callback.Nonce}
	if method == citycard.MethodCardQuery {
		replay.Digest = callback.Digest
	}
	if replay.Nonce != "" || replay.Digest != "" {
		if err := p.Replays.ReserveReplay(ctx, replay, p.Clock()); err != nil {
			return err
		}
	}
	if method != "" {
		if err := callback.Partner.Admit(p.Profile, method); err != nil {
			return err
		}
	}
	return p.Rate(ctx, callback.Partner.AppID, method)
}

func (p PartnerPlane) request(callback *Callback, method citycard.Method) citycard.PartnerRequest {
	return citycard.PartnerRequest{
		Partner: callback.Partner, Profile: p.Profile, Method: method,
		Content: callback.Content, OnceKey: callback.OnceKey,
	}
}

// countUnproven counts a message of nobody known: what it says of its sender is no label.
func (p PartnerPlane) countUnproven(err error) {
	code := string(citycard.CodeOf(err))
	var unproven *Unproven
	if errors.As(err, &unproven) {
		code = unproven.Code
	}
	p.Count(citycard.CallbackKind{Profile: p.Profile, Outcome: citycard.CallbackRefused, Code: code})
}

// unknownOutcome makes storage_unavailable of every failure that no rule names: nobody knows what came of the
// message, and sending it again under its number is safe.
func unknownOutcome(err error) error {
	if citycard.CodeOf(err) != citycard.CodeInternal {
		return err
	}
	return &citycard.Error{Code: citycard.CodeStorageUnavailable, Cause: err}
}
