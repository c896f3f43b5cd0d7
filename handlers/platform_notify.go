package handlers

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
)

// What the platform understands, to the byte; anything but success has it send the notification again.
const (
	notifySuccess = "success"
	notifyFailure = "failure"
)

// Notice is a notification of the super-app platform whose signature was proven over its own bytes.
type Notice struct {
	// ID is notify_id: the same on every repetition.
	ID    string
	Type  string
	AppID string
	// Digest is the SHA-256 in hex of everything that was signed.
	Digest string
	// Value is a parameter in UTF-8, empty where the notification does not carry it.
	Value func(name string) string
}

// PaymentOrder is an order of ours as we asked the platform to have it paid.
type PaymentOrder struct {
	Number    string
	SellerID  string
	AmountFen int64
}

// Payment is what the platform says of an order.
type Payment struct {
	Order string
	// Trade is the platform's own number of it.
	Trade string
	// Status is the platform's word, such as TRADE_SUCCESS.
	Status string
}

// PaymentOrders are our orders that citizens pay on the platform.
type PaymentOrders interface {
	// PaymentOrder finds one by its number; not_found where there is none.
	PaymentOrder(ctx context.Context, number string) (PaymentOrder, error)
	// TakePayment stores what became of an order together with the once-record of the notification, as one unit.
	// A notification taken before changes nothing and is no error; another one under its number is event_id_reused.
	TakePayment(ctx context.Context, p Payment, once citycard.Once) error
}

// PlatformNotify takes the asynchronous notifications of the super-app platform.
type PlatformNotify struct {
	// Prove judges rows 2 to 13; its error is *Unproven.
	Prove func(r *http.Request, body []byte) (Notice, error)
	Flood Flood
	// AppID is our application on the platform.
	AppID  string
	Orders PaymentOrders
	Count  func(citycard.CallbackKind)
	Clock  func() time.Time
}

// Receive answers POST /callbacks/alipay: `success` for what was taken, also before, and otherwise `failure`, so
// that the platform sends it again.
func (h PlatformNotify) Receive(c echo.Context) error {
	err := h.take(c)
	counted := citycard.CallbackKind{Profile: citycard.ProfileNotify, Outcome: citycard.CallbackAccepted}
	if err == nil {
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

func (h PlatformNotify) take(c echo.Context) error {
	r := c.Request()
	var notice Notice
	body, err := readBody(r)
	if err == nil {
		notice, err = h.Prove(r, body)
	}
	if err := noteProof(c, h.Flood, err); err != nil {
		return err
	}
	if notice.AppID != h.AppID {
		return invalidPayload("app_id", "the notification is for another application")
	}
	order, err := h.Orders.PaymentOrder(r.Context(), notice.Value("out_trade_no"))
	if err != nil {
		return err
	}
	if err := order.agree(notice); err != nil {
		return err
	}
	return h.Orders.TakePayment(r.Context(),
		Payment{Order: order.Number, Trade: notice.Value("trade_no"), Status: notice.Value("trade_status")},
		citycard.Once{
			OnceKey:     citycard.OnceKey{Scope: "platform:" + notice.AppID, Key: notice.ID},
			Fingerprint: notice.Digest, Result: notice.Value("trade_status"), RecordedAt: h.Clock(),
		})
}

// agree holds a proven notification against the order as we know it: the platform signs for every merchant.
func (o PaymentOrder) agree(notice Notice) error {
	amount, isAmount := fen(notice.Value("total_amount"))
	switch {
	case notice.Value("seller_id") != o.SellerID:
		return invalidPayload("seller_id", "the money went to another seller")
	case !isAmount, amount != o.AmountFen:
		return invalidPayload("total_amount", "the amount is not the order's")
	}
	return nil
}

// yuan is an amount as the platform writes it, at most 100,000,000 yuan.
var yuan = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})\.([0-9]{2})$`)

// fen reads an amount of yuan as integer fen.
func fen(text string) (amount int64, isAmount bool) {
	parts := yuan.FindStringSubmatch(text)
	if parts == nil {
		return 0, false
	}
	amount, err := strconv.ParseInt(parts[1]+parts[2], 10, 64)
	return amount, err == nil
}
