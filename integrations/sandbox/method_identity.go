package sandbox

import (
	"slices"

	"citycard"
)

type preconsultAnswer struct {
	success
	VerifyID string `json:"verify_id"`
}

// preconsult registers a name and a citizen ID number; other documents are not served.
func (s *Sandbox) preconsult(call gatewayCall) (any, *refusal) {
	var content struct {
		Name   string `json:"user_name"`
		Type   string `json:"cert_type"`
		Number string `json:"cert_no"`
	}
	if refused := call.content(&content); refused != nil {
		return nil, refused
	}
	number, err := citycard.ParseIDNumber(content.Number, citycard.DateOf(s.now()))
	switch {
	case content.Name == "" || content.Number == "" || content.Type == "":
		return nil, &refusal{"40001", "Missing Required Arguments", "isv.missing-parameter", "缺少姓名、证件类型或证件号"}
	case content.Type != "IDENTITY_CARD" || err != nil || number.DocumentType() != citycard.DocumentCitizenID:
		return nil, businessFailed("CERT_TYPE_NOT_SUPPORTED", "仅支持居民身份证")
	}
	id, now := newID(), s.now()
	s.checks.put(id, identity{content.Name, content.Number}, now, now.Add(checkLifetime))
	return preconsultAnswer{done, id}, nil
}

type verdictAnswer struct {
	success
	Passed     string `json:"passed"`
	FailReason string `json:"fail_reason,omitempty"`
	FailParams string `json:"fail_params,omitempty"`
}

// consult compares the check with the real name and number of the person who agreed to this very check.
func (s *Sandbox) consult(call gatewayCall) (any, *refusal) {
	var content struct {
		VerifyID string `json:"verify_id"`
	}
	if refused := call.content(&content); refused != nil {
		return nil, refused
	}
	given, refused := s.granted(call, scopeIdentity)
	if refused != nil {
		return nil, refused
	}
	if given.checkID != content.VerifyID {
		return nil, permissionMissing()
	}
	wanted, found := s.checks.get(content.VerifyID, s.now())
	if !found {
		return nil, businessFailed("VERIFY_ID_INVALID", "verify_id 不存在或已过期")
	}
	person := s.byUser[given.user]
	answer := verdictAnswer{success: done, Passed: "T"}
	if !sameName(person.Name, wanted.name) {
		answer.Passed, answer.FailReason, answer.FailParams = "F", "姓名不一致", `["user_name"]`
	} else if !person.holds(wanted.number) {
		answer.Passed, answer.FailReason, answer.FailParams = "F", "证件号不一致", `["cert_no"]`
	}
	return answer, nil
}

func (p Person) holds(number string) bool {
	return p.IDNumber == number || slices.Contains(p.OtherNumbers, number)
}

// sameName compares as the bureau does, whatever the spaces and the kind of middle dot. Both names are in Unicode
// NFKC already: the service sends them so, and ours are written so.
func sameName(mine, theirs string) bool {
	asItIs := func(text string) string { return text }
	left, leftErr := citycard.ParseName(mine, asItIs)
	right, rightErr := citycard.ParseName(theirs, asItIs)
	_, same := left.Matches(right)
	return leftErr == nil && rightErr == nil && same
}
