package alipay

import (
	"context"
	"errors"

	"citycard"
)

const (
	methodPreconsult = "alipay.user.certdoc.certverify.preconsult"
	methodConsult    = "alipay.user.certdoc.certverify.consult"

	certCitizen = "IDENTITY_CARD"
)

// PrepareCheck registers name and citizen ID number with the platform; the check id lives two hours.
func (c *Client) PrepareCheck(ctx context.Context, name citycard.Name, number citycard.IDNumber) (string, error) {
	var reply struct {
		VerifyID string `json:"verify_id"`
	}
	err := c.call(ctx, c.newRequest(methodPreconsult, map[string]any{
		"user_name": name.Reveal(), "cert_type": certCitizen, "cert_no": number.Reveal(),
	}), &reply)
	if err != nil {
		return "", err
	}
	if reply.VerifyID == "" {
		return "", c.explain(methodPreconsult, failure{errors.New("reply without verify_id")})
	}
	return reply.VerifyID, nil
}

// ConsultCheck asks whether the user who gave the token is the person of the check. It only reads, so it may be
// asked again.
func (c *Client) ConsultCheck(ctx context.Context, checkID string, user citycard.PlatformUser) (citycard.Verdict, error) {
	var reply verdictReply
	err := c.callForUser(ctx, user, c.newRequest(methodConsult, map[string]any{"verify_id": checkID}), &reply)
	if err != nil {
		return citycard.Verdict{}, err
	}
	return c.verdict(methodConsult, reply)
}

// verdictReply is the platform's answer to both kinds of check. The face check gives no reason.
type verdictReply struct {
	Passed string `json:"passed"`
	Reason string `json:"fail_reason"`
}

// verdict believes "T" alone; what is neither T nor F is no answer.
func (c *Client) verdict(method string, reply verdictReply) (citycard.Verdict, error) {
	switch reply.Passed {
	case "T":
		return citycard.Verdict{Passed: true}, nil
	case "F":
		return citycard.Verdict{Reason: reply.Reason}, nil
	}
	return citycard.Verdict{}, c.explain(method, failure{errors.New("reply without verdict")})
}
