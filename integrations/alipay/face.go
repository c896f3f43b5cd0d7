package alipay

import (
	"context"
	"errors"
	"fmt"

	sdk "github.com/smartwalle/alipay/v3"

	"citycard"
)

const (
	methodFaceInitialize = "alipay.user.certify.open.initialize"
	methodFaceCertify    = "alipay.user.certify.open.certify"
	methodFaceQuery      = "alipay.user.certify.open.query"
)

// InitializeFace registers a face check under our own order number.
func (c *Client) InitializeFace(ctx context.Context, check citycard.FaceCheck) (string, error) {
	var reply struct {
		CertifyID string `json:"certify_id"`
	}
	err := c.call(ctx, c.newRequest(methodFaceInitialize, map[string]any{
		"outer_order_no": check.Order,
		"biz_code":       sdk.CertifyBizCodeFace,
		"identity_param": sdk.IdentityParam{
			IdentityType: "CERT_INFO",
			CertType:     certType(check.Number),
			CertName:     check.Name.Reveal(),
			CertNo:       check.Number.Reveal(),
		},
		"merchant_config": sdk.MerchantConfig{ReturnURL: check.ReturnURL},
	}), &reply)
	if err != nil {
		return "", err
	}
	if reply.CertifyID == "" {
		return "", c.explain(methodFaceInitialize, failure{errors.New("reply without certify_id")})
	}
	return reply.CertifyID, nil
}

// FaceURL is the signed address of the platform's face page; it is good for a few minutes.
func (c *Client) FaceURL(checkID string) (string, error) {
	address, err := c.sdk.BuildURL(sdk.NewPayload(methodFaceCertify).AddBizField("certify_id", checkID))
	if err != nil {
		return "", fmt.Errorf("sign face page address: %w", err)
	}
	return address.String(), nil
}

// QueryFace asks for the result. A check not done yet has not passed.
func (c *Client) QueryFace(ctx context.Context, checkID string) (citycard.Verdict, error) {
	var reply verdictReply
	if err := c.call(ctx, c.newRequest(methodFaceQuery, map[string]any{"certify_id": checkID}), &reply); err != nil {
		return citycard.Verdict{}, err
	}
	return c.verdict(methodFaceQuery, reply)
}

// certType is the platform's name for the document a number was printed on.
func certType(number citycard.IDNumber) string {
	plain := number.Reveal()
	switch number.DocumentType() {
	case citycard.DocumentHMTResidencePermit:
		if plain[:2] == "83" {
			return "RESIDENCE_PERMIT_TAIWAN"
		}
		return "RESIDENCE_PERMIT_HK_MC"
	case citycard.DocumentForeignPermanentResident, citycard.DocumentForeignOther:
		return "PERMANENT_RESIDENCE_FOREIGNER"
	}
	return certCitizen
}
