package handlers

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// What the platform understands, to the byte; anything but success has it send the notification again.
const (
	notifySuccess = "success"
	notifyFailure = "failure"
)

// PlatformDesk is the use case of the platform's notifications, *citycard.PlatformDesk.
type PlatformDesk interface {
	Take(ctx context.Context, n citycard.PlatformNotice) (repeated bool, err error)
}

var _ PlatformDesk = (*citycard.PlatformDesk)(nil)

// PlatformNotify takes the asynchronous notifications of the super-app platform.
type PlatformNotify struct {
	// Prove judges rows 2 to 13; its error is *Unproven.
	Prove func(r *http.Request, body []byte) (citycard.PlatformNotice, error)
	Flood Flood
	Desk  PlatformDesk
	Count func(citycard.CallbackKind)
}

// Receive answers POST /callbacks/alipay: `success` for what was taken, also before, and otherwise `failure`, so
// that the platform sends it again.
func (h PlatformNotify) Receive(c echo.Context) error {
	repeated, err := h.take(c)
	counted := citycard.CallbackKind{Profile: citycard.ProfileNotify, Outcome: citycard.CallbackAccepted}
	if err == nil {
		if repeated {
			counted.Outcome = citycard.CallbackRepeated
		}
		h.Count(counted)
		return c.String(http.StatusOK, notifySuccess)
	}
	counted.Outcome, counted.Code = citycard.CallbackRefused, string(citycard.CodeOf(err))
	var unproven *Unproven
	if errors.As(err, &unproven) {
		counted.Code = unproven.Code
	}
	h.Count(counted)
	return errors.Join(err, c.String(notifyStatus(err), notifyFailure))
}

// notifyStatus is 503 where the same notification may be taken later, and 400 for everything else.
func notifyStatus(err error) int {
	var unproven *Unproven
	status := citycard.EntryOf(citycard.CodeOf(err)).Status
	if !errors.As(err, &unproven) && (status == http.StatusTooManyRequests || status >= http.StatusInternalServerError) {
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

func (h PlatformNotify) take(c echo.Context) (repeated bool, err error) {
	r := c.Request()
	var notice citycard.PlatformNotice
	body, err := readBody(r)
	if err == nil {
		notice, err = h.Prove(r, body)
	}
	if err := noteProof(c, h.Flood, err); err != nil {
		return false, err
	}
	return h.Desk.Take(r.Context(), notice)
}
