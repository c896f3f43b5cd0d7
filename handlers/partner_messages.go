package handlers

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// signatureChallenge tells a caller without a valid signature what is asked for.
const signatureChallenge = `Signature realm="citycard"`

// outcome is what became of a signed message: a body of status 200, or an error.
type outcome struct {
	body  any
	reply citycard.PartnerReply // of an event
	err   error
}

// receive answers a request of the message-signature profile: do is asked once rows 1 to 16 hold. Until its
// sender is known a refusal is a plain problem document, and from then on everything is signed.
func (p PartnerPlane) receive(c echo.Context, do func(callback *Callback, method citycard.Method) outcome) error {
	callback, err := p.prove(c)
	if err != nil {
		p.countUnproven(err)
		c.Response().Header().Set(echo.HeaderWWWAuthenticate, signatureChallenge)
		return err
	}
	method := methodOf(callback.Content)
	done := outcome{err: p.admit(c.Request().Context(), callback, method)}
	switch {
	case done.err != nil:
	case method == "":
		done.err = invalidPayload("type", "the body must be one JSON object whose type is the method")
	default:
		done = do(callback, method)
	}
	done.err = messageError(done.err)
	p.Count(citycard.CallbackKind{
		AppID: callback.Partner.AppID, Profile: p.Profile,
		Outcome: citycard.OutcomeOf(done.reply, done.err), Code: string(citycard.CodeOf(done.err)),
	})
	return errors.Join(done.err, sendMessage(c, callback, done))
}

// methodOf peeks at the method that a content names; empty where it names none. The strict decoder judges the
// rest behind it.
func methodOf(content []byte) citycard.Method {
	var head struct {
		Type citycard.Method `json:"type"`
	}
	if err := json.Unmarshal(content, &head); err != nil {
		return ""
	}
	return head.Type
}

// messageError gives an error the code that the contract's table has for this profile.
func messageError(err error) error {
	var coded *citycard.Error
	switch {
	case citycard.CodeOf(err) == citycard.CodeMalformedRequest && errors.As(err, &coded):
		return &citycard.Error{Code: citycard.CodeInvalidPayload, Field: coded.Field, Message: coded.Message, Cause: err}
	case citycard.CodeOf(err) == citycard.CodePartnerSuspended:
		return &citycard.Error{Code: citycard.CodeSignatureInvalid, Cause: err}
	}
	return unknownOutcome(err)
}

// sendMessage signs and sends an answer to a proven sender.
func sendMessage(c echo.Context, callback *Callback, done outcome) error {
	status, contentType := http.StatusOK, echo.MIMEApplicationJSON
	header := c.Response().Header()
	body, err := json.Marshal(done.body)
	if done.err != nil {
		p := describe(done.err, c)
		setRetryAfter(c, p.wait)
		status, contentType = p.Status, problemType
		body, err = p.encode()
	}
	if err != nil {
		return fmt.Errorf("write reply: %w", err)
	}
	if done.reply.Repeated {
		header.Set(onceHit, "true")
	}
	header.Set(echo.HeaderContentType, contentType)
	if body, err = callback.Seal(status, header, body); err != nil {
		return fmt.Errorf("sign reply: %w", err)
	}
	return c.Blob(status, contentType, body)
}
