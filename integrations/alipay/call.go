package alipay

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	sdk "github.com/smartwalle/alipay/v3"
)

// maxRetries is how often a call is repeated after a signed answer that allows it.
const maxRetries = 2

// request is one method call. Repeatable ones may be sent again although the platform may have carried out the
// first: exchanging a single-use code is not one of them.
type request struct {
	payload    *sdk.Payload
	repeatable bool
}

func (c *Client) newRequest(method string, fields map[string]any) request {
	payload := sdk.NewPayload(method)
	for name, value := range fields {
		payload.AddBizField(name, value)
	}
	return request{payload: payload, repeatable: true}
}

// call sends a request within the client's total time-out and reads the signed answer into reply. Its error has a
// code of the root; see explain.
func (c *Client) call(ctx context.Context, r request, reply any) error {
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	return c.explain(r.payload.APIName(), c.callWithin(ctx, limited, r, reply))
}

// callWithin is call with the deadline already set, for calls that share one; its errors are as they came.
func (c *Client) callWithin(caller, limited context.Context, r request, reply any) error {
	_, err := c.breaker.Execute(func() (struct{}, error) {
		err := c.tryRepeatedly(limited, r, reply)
		if err != nil && caller.Err() != nil {
			return struct{}{}, abandoned{caller.Err()}
		}
		return struct{}{}, err
	})
	return err
}

// tryRepeatedly follows the platform's table: 20000, ACQ.SYSTEM_ERROR and 40005 again after a growing pause, 10003
// asked again until the deadline, everything else is final. A call without a credible answer is not repeated.
func (c *Client) tryRepeatedly(ctx context.Context, r request, reply any) error {
	for retries := 0; ; {
		err := c.send(ctx, r.payload, reply)
		var refused refusal
		if !errors.As(err, &refused) {
			return err
		}
		pause := c.backoff
		switch {
		case refused.code == codeInProgress && r.repeatable:
			pause *= 2
		case refused.overloaded() && retries < maxRetries && (r.repeatable || refused.code == codeLimited):
			pause <<= retries
			retries++
		default:
			return err
		}
		pause += rand.N(pause/2 + 1) //nolint:gosec // jitter is no secret
		if !wait(ctx, pause) {
			return err
		}
	}
}

// wait pauses and tells whether there is time left to go on; it does not begin a pause that outlasts the deadline.
func wait(ctx context.Context, pause time.Duration) bool {
	if deadline, set := ctx.Deadline(); set && time.Until(deadline) <= pause {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// send makes one try. Only the token method answers success without a code.
func (c *Client) send(ctx context.Context, payload *sdk.Payload, reply any) error {
	var inner json.RawMessage
	if err := c.sdk.Request(ctx, payload, &inner); err != nil {
		return classify(err)
	}
	var head sdk.Error
	if err := json.Unmarshal(inner, &head); err != nil {
		return failure{errors.New("malformed reply")}
	}
	if head.Code != codeSuccess && !(head.Code == "" && payload.APIName() == methodToken) {
		return refusalOf(head)
	}
	if err := json.Unmarshal(inner, reply); err != nil {
		return failure{errors.New("malformed reply")}
	}
	return nil
}
