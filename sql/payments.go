package sql

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"citycard"
)

var _ citycard.Payments = (*Store)(nil)

// paymentRow is a row of payment: what one notification said of an order.
type paymentRow struct {
	NotifyID   string `db:"notify_id"`
	OrderID    string `db:"order_id"`
	TradeNo    string `db:"trade_no"`
	Status     string `db:"status"`
	AmountFen  int64  `db:"amount_fen"`
	RecordedAt int64  `db:"recorded_at"`
}

const (
	findPaymentOrder = `SELECT fee_fen FROM reissue WHERE id = ? AND fee_fen > 0`
	keepOnce         = insertOnce + ` ON CONFLICT (request_key) DO NOTHING`
	findFingerprint  = `SELECT fingerprint FROM idempotency WHERE request_key = ?`
	insertPayment    = `INSERT INTO payment (notify_id, order_id, trade_no, status, amount_fen, recorded_at)
 VALUES (:notify_id, :order_id, :trade_no, :status, :amount_fen, :recorded_at)`
)

// PaymentOrder implements citycard.Payments.
func (s *Store) PaymentOrder(ctx context.Context, number string) (citycard.PaymentOrder, error) {
	order := citycard.PaymentOrder{Number: number}
	err := s.db.GetContext(ctx, &order.AmountFen, s.db.Rebind(findPaymentOrder), number)
	if notFound(err) {
		return citycard.PaymentOrder{}, &citycard.Error{Code: citycard.CodeNotFound, Message: "there is no such order"}
	}
	if err != nil {
		return citycard.PaymentOrder{}, s.fail("find payment order", err)
	}
	return order, nil
}

// TakeNotice implements citycard.Payments.
func (s *Store) TakeNotice(ctx context.Context, once citycard.Once, p *citycard.Payment) (repeated bool, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		row := onceRowOf(&once)
		result, err := tx.NamedExecContext(ctx, keepOnce, row)
		if err != nil {
			return fmt.Errorf("keep number: %w", err)
		}
		kept, err := result.RowsAffected()
		switch {
		case err != nil:
			return fmt.Errorf("keep number: %w", err)
		case kept == 0:
			repeated = true
			return takenBefore(ctx, tx, row)
		case p == nil:
			return nil
		}
		_, err = tx.NamedExecContext(ctx, insertPayment, paymentRow{
			once.Key, p.Order, p.Trade, p.Status, p.AmountFen, millis(once.RecordedAt),
		})
		return err
	})
	return repeated && err == nil, s.fail("take notification", err)
}

// takenBefore tells a repetition from another notification under its number.
func takenBefore(ctx context.Context, tx *sqlx.Tx, row onceRow) error {
	var fingerprint string
	if err := tx.GetContext(ctx, &fingerprint, tx.Rebind(findFingerprint), row.RequestKey); err != nil {
		return fmt.Errorf("find number: %w", err)
	}
	if fingerprint != row.Fingerprint {
		return &citycard.Error{Code: citycard.CodeEventIDReused, Message: "the number was used before for a different notification"}
	}
	return nil
}
