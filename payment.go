package citycard

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// PlatformNotice is a notification of the super-app platform whose signature was proven over its own bytes.
type PlatformNotice struct {
	// ID is notify_id: the same on every repetition.
	ID    string
	Type  string
	AppID string
	// Digest is the SHA-256 in hex of everything that was signed.
	Digest string
	// Value is a parameter in UTF-8, empty where the notification does not carry it.
	Value func(name string) string
}

// PaymentOrder is an order of ours that a citizen pays on the platform: the fee of a reissue, under the reissue's id.
type PaymentOrder struct {
	Number    string
	AmountFen int64
}

// Payment is what the platform says of an order.
type Payment struct {
	Order string
	// Trade is the platform's own number of it.
	Trade string
	// Status is the platform's word, such as TRADE_SUCCESS.
	Status    string
	AmountFen int64
}

// Payments is the store of what the platform told.
type Payments interface {
	// PaymentOrder finds an order by its number; not_found where there is none, or nothing is to be paid for it.
	PaymentOrder(ctx context.Context, number string) (PaymentOrder, error)
	// TakeNotice stores a notification's once-record, and with it, as one unit, what it says of an order; p is nil
	// where it is about none. One taken before changes nothing and is repeated; another one under its number is
	// event_id_reused.
	TakeNotice(ctx context.Context, once Once, p *Payment) (repeated bool, err error)
}

// PlatformDesk is the use case of the platform's notifications.
type PlatformDesk struct {
	Payments Payments
	// AppID is our application on the platform, SellerID the account that citizens pay to; an empty one agrees with none.
	AppID    string
	SellerID string
	Clock    func() time.Time
}

// NoticeTrade is the type of notifications about payments; those of every other type are about no order.
const NoticeTrade = "trade_status_sync"

// tradeStatuses are the platform's words for how far a payment is.
var tradeStatuses = []string{"WAIT_BUYER_PAY", "TRADE_SUCCESS", "TRADE_FINISHED", "TRADE_CLOSED"}

// Take takes a proven notification; repeated tells that it was taken before. It is invalid_payload where the application, the seller, the
// order's amount or the status do not agree with ours, since the platform signs for every merchant alike, and
// not_found where we have no such order.
func (d *PlatformDesk) Take(ctx context.Context, n PlatformNotice) (repeated bool, err error) {
	if n.AppID != d.AppID {
		return false, refuseField(CodeInvalidPayload, "app_id", "the notification is for another application")
	}
	once := Once{
		OnceKey:     OnceKey{Scope: "platform:" + n.AppID, Key: n.ID},
		Fingerprint: n.Digest, Result: n.Type, RecordedAt: d.Clock(),
	}
	if n.Type != NoticeTrade {
		return d.Payments.TakeNotice(ctx, once, nil)
	}
	order, err := d.Payments.PaymentOrder(ctx, n.Value("out_trade_no"))
	if err != nil {
		return false, err
	}
	if err := d.agree(order, n); err != nil {
		return false, err
	}
	return d.Payments.TakeNotice(ctx, once, &Payment{
		Order: order.Number, Trade: n.Value("trade_no"), Status: n.Value("trade_status"), AmountFen: order.AmountFen,
	})
}

// agree holds a payment against the order as we know it.
func (d *PlatformDesk) agree(order PaymentOrder, n PlatformNotice) error {
	amount, isAmount := fen(n.Value("total_amount"))
	switch {
	case d.SellerID == "", n.Value("seller_id") != d.SellerID:
		return refuseField(CodeInvalidPayload, "seller_id", "the money went to another seller")
	case !isAmount, amount != order.AmountFen:
		return refuseField(CodeInvalidPayload, "total_amount", "the amount is not the order's")
	case n.Value("trade_no") == "", !slices.Contains(tradeStatuses, n.Value("trade_status")):
		return refuseField(CodeInvalidPayload, "trade_status", "the payment has no number or no status that is known")
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
