package handlers

import (
	"github.com/labstack/echo/v4"

	"citycard"
)

// PartnerEvents lets partners report by signed JSON messages.
type PartnerEvents struct{ PartnerPlane }

// eventBody is what became of an event. Hint is there only where the partner's staff has to do something next.
type eventBody struct {
	AppID        string               `json:"app_id"`
	OutRequestNo string               `json:"out_request_no"`
	Result       citycard.EventResult `json:"result"`
	Changed      bool                 `json:"changed"`
	Hint         *citycard.Text       `json:"hint,omitempty"`
	ServerTime   string               `json:"server_time"`
}

// Receive answers POST /v1/partner/events.
func (h PartnerEvents) Receive(c echo.Context) error {
	return h.receive(c, func(callback *Callback, method citycard.Method) outcome {
		reply, err := h.Desk.Report(c.Request().Context(), h.request(callback, method))
		return outcome{reply: reply, err: err, body: eventBody{
			AppID: reply.AppID, OutRequestNo: reply.OutRequestNo, Result: reply.Result, Changed: reply.Changed,
			Hint: hintOf(reply), ServerTime: moment(reply.ServerTime),
		}}
	})
}
