package sandbox

import "regexp"

var orderForm = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)

// faceCheck is a registered face check; passed is set by the face page alone.
type faceCheck struct {
	identity
	returnURL string
	passed    bool
}

func faceUnknown() *refusal {
	return businessFailed("CERTIFY_ID_EXPIRED", "certify_id 不存在或已过期")
}

type initializeAnswer struct {
	success
	CertifyID string `json:"certify_id"`
}

// initializeFace registers a face check. The same order again gives the same check; another person under a used
// order number is refused.
func (s *Sandbox) initializeFace(call gatewayCall) (any, *refusal) {
	var content struct {
		Order    string `json:"outer_order_no"`
		BizCode  string `json:"biz_code"`
		Identity struct {
			Kind   string `json:"identity_type"`
			Type   string `json:"cert_type"`
			Name   string `json:"cert_name"`
			Number string `json:"cert_no"`
		} `json:"identity_param"`
		Merchant struct {
			ReturnURL string `json:"return_url"`
		} `json:"merchant_config"`
	}
	if refused := call.content(&content); refused != nil {
		return nil, refused
	}
	if !orderForm.MatchString(content.Order) || content.BizCode != "FACE" || content.Identity.Kind != "CERT_INFO" ||
		content.Identity.Type == "" || content.Identity.Name == "" || content.Identity.Number == "" {
		return nil, invalid("isv.invalid-parameter", "参数无效")
	}
	if !s.leadsBack(content.Merchant.ReturnURL) {
		return nil, invalid("isv.invalid-parameter", "参数无效：return_url")
	}
	now := s.now()
	wanted := identity{content.Identity.Name, content.Identity.Number}
	if id, used := s.orders.get(content.Order, now); used {
		if check, found := s.faces.get(id, now); found && check.identity == wanted {
			return initializeAnswer{done, id}, nil
		}
		return nil, businessFailed("OUTER_ORDER_NO_REPEAT", "商户订单号重复")
	}
	id := newID()
	s.faces.put(id, faceCheck{identity: wanted, returnURL: content.Merchant.ReturnURL}, now, now.Add(faceLifetime))
	s.orders.put(content.Order, id, now, now.Add(faceLifetime))
	return initializeAnswer{done, id}, nil
}

// queryFace answers F for a check that failed and for one not done yet, as the platform does.
func (s *Sandbox) queryFace(call gatewayCall) (any, *refusal) {
	var content struct {
		CertifyID string `json:"certify_id"`
	}
	if refused := call.content(&content); refused != nil {
		return nil, refused
	}
	check, found := s.faces.get(content.CertifyID, s.now())
	switch {
	case !found:
		return nil, faceUnknown()
	case check.passed:
		return verdictAnswer{success: done, Passed: "T"}, nil
	}
	return verdictAnswer{success: done, Passed: "F"}, nil
}
