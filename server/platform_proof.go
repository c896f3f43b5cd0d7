package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"time"

	"citycard"
	"citycard/handlers"
	"citycard/integrations/signing"
)

// notifyTypes are the notifications of the platform that may come, with the parameters each may carry.
var notifyTypes = map[string]signing.NotifyType{
	citycard.NoticeTrade: {Names: []string{
		"trade_no", "out_trade_no", "out_biz_no", "buyer_id", "buyer_open_id", "buyer_logon_id", "seller_id",
		"seller_email", "trade_status", "total_amount", "receipt_amount", "invoice_amount", "buyer_pay_amount",
		"point_amount", "refund_fee", "subject", "body", "gmt_create", "gmt_payment", "gmt_refund", "gmt_close",
		"fund_bill_list", "voucher_detail_list", "passback_params", "auth_app_id", "biz_content",
	}},
	"open_app_auth_notify": {SignTypeSigned: true, Names: []string{"status", "auth_app_id", "biz_content"}},
}

// platformProof proves that a notification is the super-app platform's.
type platformProof struct {
	keys  []signing.VerifyingKey
	clock func() time.Time
}

// newPlatformProof takes the platform's public key or its certificate.
func newPlatformProof(keys platformKeys, clock func() time.Time) (*platformProof, error) {
	file := keys.public
	if len(file) == 0 {
		file = keys.certificates.Platform
	}
	block, _ := pem.Decode(file)
	if block == nil {
		return nil, errors.New("the platform's public key is not PEM")
	}
	der, err := x509.MarshalPKIXPublicKey(publicHalf(block))
	if err != nil {
		return nil, fmt.Errorf("read the platform's public key: %w", err)
	}
	key, err := signing.ParsePublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err != nil {
		return nil, fmt.Errorf("read the platform's public key: %w", err)
	}
	return &platformProof{keys: []signing.VerifyingKey{{ID: "platform", Key: key}}, clock: clock}, nil
}

// notice judges rows 2 to 13 for a notification.
func (p *platformProof) notice(r *http.Request, body []byte) (citycard.PlatformNotice, error) {
	notification, err := signing.ParseNotify(notifyTypes, r.URL.RawQuery, body, r.Header)
	if err == nil {
		err = notification.Verify(p.keys, p.clock())
	}
	var refusal *signing.Refusal
	if errors.As(err, &refusal) {
		unproven := &handlers.Unproven{Status: refusal.Status, Code: refusal.SubCode}
		if unproven.Code == "" {
			unproven.Code = refusal.Problem
		}
		return citycard.PlatformNotice{}, unproven
	}
	if err != nil {
		return citycard.PlatformNotice{}, err
	}
	return citycard.PlatformNotice{
		ID: notification.ID, Type: notification.Type, AppID: notification.AppID,
		Digest: digest(notification.Canonical()), Value: notification.Value,
	}, nil
}
