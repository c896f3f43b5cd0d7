package main

import (
	"maps"
	"slices"
	"strings"
	"time"

	"citycard"
)

const (
	memberReason      = "reason"
	memberInstitution = "institution_code"
)

// samples are what each kind of event carries beyond its number, its time and the card.
var samples = map[citycard.Method]map[string]any{
	citycard.MethodFinancialActivate: {"bank_code": "102", "account_last4": "0000", "password_set": true},
	citycard.MethodFinancialLose:     {memberReason: "lost"},
	citycard.MethodFinancialRestore:  {memberReason: "found"},
	citycard.MethodFinancialFreeze:   {memberReason: "court_order"},
	citycard.MethodFinancialUnfreeze: {memberReason: "hold_released"},
	citycard.MethodFinancialClose:    {memberReason: "voluntary"},
	citycard.MethodSocialActivate:    {"event": "registration", memberInstitution: "H32010001"},
	citycard.MethodOriginalInsert:    {"terminal_id": "T-01", memberInstitution: "P32010001"},
	citycard.MethodNewInsert:         {"terminal_id": "T-01", memberInstitution: "P32010001"},
	citycard.MethodPasswordVerified:  {memberInstitution: "P32010001"},
	citycard.MethodPurchase:          {memberInstitution: "P32010001"},
	citycard.MethodPasswordReport:    {"event": "first_changed"},
	citycard.MethodCardProduced:      {"batch": "B-2026-001"},
	citycard.MethodCardFailed:        {"batch": "B-2026-001"},
	citycard.MethodCardReady:         {"outlet": "320100-01"},
	citycard.MethodCardCollect:       {"outlet": "320100-01"},
	citycard.MethodCardReturned:      {"outlet": "320100-01"},
	citycard.MethodCardQuery:         {},
}

// sampleContent is an event as a partner would send it. set are further members, `name=value`: true and false
// are themselves, everything else is text, and an empty value leaves the member out.
func sampleContent(method citycard.Method, number string, now time.Time, set []string) (map[string]any, error) {
	sample, known := samples[method]
	if !known {
		return nil, usage("--method: there is no %s; there are %s", method, methodList())
	}
	content := maps.Clone(sample)
	if method != citycard.MethodCardQuery {
		content["out_request_no"], content["occurred_at"] = number, now.In(citycard.Shanghai).Format(time.RFC3339)
	}
	if method == citycard.MethodCardCollect {
		content["received_on"] = citycard.DateOf(now).String()
	}
	for _, member := range set {
		name, value, found := strings.Cut(member, "=")
		switch {
		case !found || name == "":
			return nil, usage("--set: %q is not NAME=VALUE", member)
		case value == "":
			delete(content, name)
		case value == "true", value == "false":
			content[name] = value == "true"
		default:
			content[name] = value
		}
	}
	return content, nil
}

func methodList() string {
	list := make([]string, 0, len(samples))
	for method := range samples {
		list = append(list, string(method))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
