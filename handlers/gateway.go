package handlers

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
)

// onceHit tells a sender that its event took effect before and this is the reply stored then.
const onceHit = "Idempotency-Hit"

// Gateway lets partners report with the SDK of the super-app's gateway: they change an address, an app id and
// two keys.
type Gateway struct {
	PartnerPlane

	// CodeMessage is the `msg` that goes with a code of the gateway.
	CodeMessage func(code string) string
}

// gatewayReply is the signed part of a reply. The members' order is the contract's.
type gatewayReply struct {
	Code         string               `json:"code"`
	Msg          string               `json:"msg"`
	SubCode      string               `json:"sub_code,omitempty"`
	SubMsg       string               `json:"sub_msg,omitempty"`
	AppID        string               `json:"app_id"`
	OutRequestNo string               `json:"out_request_no,omitempty"`
	Result       citycard.EventResult `json:"result,omitempty"`
	Changed      *bool                `json:"changed,omitempty"`
	Hint         *citycard.Text       `json:"hint,omitempty"`
	ServerTime   string               `json:"server_time"`
}

// Receive answers POST /gateway.do. Whatever became of the event, the answer is HTTP 200 with the gateway's code
// in it, except where the contract's table says otherwise.
func (h Gateway) Receive(c echo.Context) error {
	callback, err := h.prove(c)
	if err != nil {
		h.countUnproven(err)
		return refuseUnproven(c, err)
	}
	ctx := c.Request().Context()
	reply := citycard.PartnerReply{AppID: callback.Partner.AppID, ServerTime: h.Clock()}
	err = h.admit(ctx, callback, callback.Method)
	if err == nil {
		reply, err = h.Desk.Report(ctx, h.request(callback, callback.Method))
	}
	if reply.OutRequestNo == "" {
		reply.OutRequestNo = numberOf(callback.Content)
	}
	err = unknownOutcome(err)
	answer, status := h.reply(reply, err)
	h.Count(citycard.CallbackKind{
		AppID: callback.Partner.AppID, Profile: h.Profile, Outcome: citycard.OutcomeOf(reply, err), Code: answer.SubCode,
	})
	return errors.Join(err, sendGateway(c, callback, status, answer, reply.Repeated))
}

// numberOf peeks at the number of an event that was refused before it was read; empty where it has none of the
// right form.
func numberOf(content []byte) string {
	var head struct {
		OutRequestNo string `json:"out_request_no"`
	}
	if err := json.Unmarshal(content, &head); err != nil || !isOnceKey(head.OutRequestNo) {
		return ""
	}
	return head.OutRequestNo
}

// refuseUnproven answers a request before its sender is known. An error of our own is the problem document of
// its code.
func refuseUnproven(c echo.Context, err error) error {
	var unproven *Unproven
	if !errors.As(err, &unproven) {
		return err
	}
	if unproven.Status == http.StatusServiceUnavailable {
		setRetryAfter(c, retryAfter[citycard.CodeStorageUnavailable])
	}
	switch {
	case len(unproven.Body) == 0:
		err = c.NoContent(unproven.Status)
	default:
		err = c.Blob(unproven.Status, echo.MIMEApplicationJSON, unproven.Body)
	}
	return errors.Join(unproven, err)
}

// reply says what became of the event, and with which HTTP status.
func (h Gateway) reply(reply citycard.PartnerReply, err error) (gatewayReply, int) {
	answer := gatewayReply{
		Code: codeSuccess, AppID: reply.AppID, OutRequestNo: reply.OutRequestNo,
		ServerTime: reply.ServerTime.In(citycard.Shanghai).Format(time.DateTime),
	}
	status := http.StatusOK
	if err != nil {
		refusal := gatewayRefusalOf(citycard.CodeOf(err))
		answer.Code, answer.SubCode, answer.SubMsg, status = refusal.code, refusal.subCode, subMessage(err), refusal.status
	} else {
		answer.Result, answer.Changed, answer.Hint = reply.Result, &reply.Changed, hintOf(reply)
	}
	answer.Msg = h.CodeMessage(answer.Code)
	return answer, status
}

// hintOf is what the partner's staff is to do next, nil where that is nothing.
func hintOf(reply citycard.PartnerReply) *citycard.Text {
	if reply.Hint == (citycard.Text{}) {
		return nil
	}
	return &reply.Hint
}

// subMessage says in words what is wrong: for people in Chinese, and precisely for the partner's programmers.
func subMessage(err error) string {
	text := citycard.EntryOf(citycard.CodeOf(err)).Message.ZH
	var coded *citycard.Error
	if !errors.As(err, &coded) || coded.Message == "" {
		return text
	}
	detail := coded.Message
	if coded.Field != "" {
		detail = coded.Field + ": " + detail
	}
	return text + " (" + detail + ")"
}

func sendGateway(c echo.Context, callback *Callback, status int, answer gatewayReply, repeated bool) error {
	inner, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("write gateway reply: %w", err)
	}
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	if repeated {
		header.Set(onceHit, "true")
	}
	setRetryAfter(c, retryOf(answer))
	body, err := callback.Seal(status, header, inner)
	if err != nil {
		return fmt.Errorf("sign gateway reply: %w", err)
	}
	return c.Blob(status, echo.MIMEApplicationJSON, body)
}
