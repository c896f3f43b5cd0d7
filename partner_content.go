package citycard

import (
	"bytes"
	"cmp"
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// content is what one kind of event says: members that are read strictly, checked by themselves, and applied to
// the card.
type content interface {
	head() *eventHead
	// check refuses members that cannot be right whatever the card is.
	check(p Partner) error
	// apply takes the event's effect on the card, all or nothing.
	apply(t *turn) (effect, error)
}

// eventHead is what every event carries: its number, its time, and the card by number or identification code.
type eventHead struct {
	// Type is the method, in the message-signature profile only.
	Type               string `json:"type"`
	OutRequestNo       string `json:"out_request_no"`
	OccurredAt         string `json:"occurred_at"`
	Region             string `json:"region"`
	CardNumber         string `json:"card_number"`
	IdentificationCode string `json:"card_identification_code"`
}

func (h *eventHead) head() *eventHead { return h }

// agentContent is who acted for the cardholder, and on what paper.
type agentContent struct {
	DocumentType        string `json:"document_type"`
	DocumentNumberLast4 string `json:"document_number_last4"`
	PowerOfAttorneyRef  string `json:"power_of_attorney_ref"`
}

type bankActivation struct {
	eventHead

	BankCode     string        `json:"bank_code"`
	AccountLast4 string        `json:"account_last4"`
	PasswordSet  bool          `json:"password_set"`
	WithSocial   bool          `json:"with_social"`
	Agent        *agentContent `json:"agent"`
}

type bankReport struct {
	eventHead

	Reason string `json:"reason"`

	step Step
}

type hospitalVisit struct {
	eventHead

	Event           string `json:"event"`
	InstitutionCode string `json:"institution_code"`
}

// cardInsert is what both insertions of a two-card session carry.
type cardInsert struct {
	eventHead

	TerminalID      string `json:"terminal_id"`
	InstitutionCode string `json:"institution_code"`
}

type originalInsert struct{ cardInsert }

type newInsert struct{ cardInsert }

type pharmacyProof struct {
	eventHead

	InstitutionCode string `json:"institution_code"`

	reason Reason
}

type passwordReport struct {
	eventHead

	Event string `json:"event"`
}

type cardReport struct {
	eventHead

	NewCardNumber string        `json:"new_card_number"`
	Batch         string        `json:"batch"`
	Outlet        string        `json:"outlet"`
	ReceivedOn    string        `json:"received_on"`
	Agent         *agentContent `json:"agent"`

	step Step
	to   FulfilmentState
}

var (
	momentForm     = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$`)
	outRequestForm = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)
	placeForm      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$`)
	wordForm       = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	last4Form      = regexp.MustCompile(`^[0-9]{4}$`)
	document4Form  = regexp.MustCompile(`^[0-9A-Z]{4}$`)
)

// earliestEvent is before anything that can be reported.
var earliestEvent = time.Date(2000, time.January, 1, 0, 0, 0, 0, Shanghai)

func checkForm(field, value string, form *regexp.Regexp) error {
	if !form.MatchString(value) {
		return refuseField(CodeInvalidPayload, field, field+" is missing or not of the form "+form.String())
	}
	return nil
}

// checkOptional is checkForm for a member that may be left out.
func checkOptional(field, value string, form *regexp.Regexp) error {
	if value == "" {
		return nil
	}
	return checkForm(field, value, form)
}

// occurred reads the time of the event (RFC 3339 with offset). time.Parse alone would take hours of one digit and a
// comma before the fraction.
func (h *eventHead) occurred() (time.Time, error) {
	at, err := time.Parse(time.RFC3339, h.OccurredAt)
	if err != nil || !momentForm.MatchString(h.OccurredAt) || at.Before(earliestEvent) {
		return time.Time{}, refuseField(CodeInvalidPayload, "occurred_at", "occurred_at is missing or no time of RFC 3339 with offset")
	}
	return at, nil
}

// subject names the card: by its number within a region, or by its identification code.
func (h *eventHead) subject() (Subject, error) {
	if err := checkOptional("region", h.Region, regionForm); err != nil {
		return Subject{}, err
	}
	if h.IdentificationCode != "" {
		if h.CardNumber != "" {
			return Subject{}, refuseField(CodeInvalidPayload, "card_number", "name the card by its number or by its identification code, not by both")
		}
		code, err := ParseIdentificationCode(h.IdentificationCode)
		return Subject{IdentificationCode: code}, err
	}
	if h.Region == "" {
		return Subject{}, refuseField(CodeInvalidPayload, "region", "a card number needs its region")
	}
	number, err := ParseCardNumber(h.CardNumber)
	return Subject{Region: h.Region, CardNumber: number}, err
}

func (b *bankActivation) check(p Partner) error {
	if err := cmp.Or(
		checkForm("bank_code", b.BankCode, bankForm), checkForm("account_last4", b.AccountLast4, last4Form), b.Agent.check(),
	); err != nil {
		return err
	}
	if Bank(b.BankCode) != p.Bank {
		return refuseField(CodeBankNotIssuer, "bank_code", "a bank reports its own cards only")
	}
	return nil
}

func (b *bankReport) check(Partner) error { return checkForm("reason", b.Reason, wordForm) }

func (v *hospitalVisit) check(Partner) error {
	if _, known := visitReasons[v.Event]; !known {
		return refuseField(CodeInvalidPayload, "event", "event is registration or payment")
	}
	return checkForm("institution_code", v.InstitutionCode, placeForm)
}

func (i *cardInsert) check(Partner) error {
	return cmp.Or(
		checkForm("terminal_id", i.TerminalID, placeForm), checkForm("institution_code", i.InstitutionCode, placeForm))
}

func (f *pharmacyProof) check(Partner) error {
	return checkForm("institution_code", f.InstitutionCode, placeForm)
}

func (r *passwordReport) check(Partner) error {
	if _, known := passwordEvents[r.Event]; !known {
		return refuseField(CodeInvalidPayload, "event", "event is first_changed, changed, locked, unlocked or reset")
	}
	return nil
}

func (r *cardReport) check(Partner) error {
	if r.NewCardNumber != "" {
		number, err := ParseCardNumber(r.NewCardNumber)
		if err != nil {
			return refuseField(CodeInvalidPayload, "new_card_number", "a card number has nine letters and digits")
		}
		r.NewCardNumber = string(number)
	}
	day, err := ParseDate(r.ReceivedOn)
	switch {
	case err != nil, r.step == StepCollect && day.IsZero():
		return refuseField(CodeInvalidPayload, "received_on", "the day of receipt is missing or no day written YYYY-MM-DD")
	case r.step != StepCollect && r.ReceivedOn != "":
		return refuseField(CodeInvalidPayload, "received_on", "only a collected card has a day of receipt")
	case r.step != StepCollect && r.Agent != nil:
		return refuseField(CodeInvalidPayload, "agent", "only a card is collected by an agent")
	}
	return cmp.Or(checkOptional("batch", r.Batch, placeForm), checkOptional("outlet", r.Outlet, placeForm), r.Agent.check())
}

// check refuses an agent without a power of attorney: agent_not_authorised.
func (a *agentContent) check() error {
	switch {
	case a == nil:
		return nil
	case a.PowerOfAttorneyRef == "":
		return refuseField(CodeAgentNotAuthorised, "agent.power_of_attorney_ref", "an agent acts on a power of attorney")
	}
	return cmp.Or(
		checkForm("agent.document_type", a.DocumentType, wordForm),
		checkForm("agent.document_number_last4", a.DocumentNumberLast4, document4Form),
		checkForm("agent.power_of_attorney_ref", a.PowerOfAttorneyRef, placeForm))
}

// passwordNames are what gives a member away that holds a password; passwordSet is the one name that does not.
var passwordNames = []string{"password", "passwd", "pwd", "passcode", "pincode", "pinblock", "密码", "口令"}

const passwordSet = "password_set"

// RefusePassword looks for a member that would hold a password, at any depth of a JSON text: password_in_body.
// A text that is no JSON is left to the decoder.
func RefusePassword(text []byte) error {
	reader := json.NewDecoder(bytes.NewReader(text))
	var inObject []bool // of each level
	name := false       // whether an object's next token is a name
	for {
		token, err := reader.Token()
		if err != nil {
			return nil //nolint:nilerr // the end, or what the decoder will refuse
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			inObject = append(inObject, token == json.Delim('{'))
			name = token == json.Delim('{')
			continue
		case json.Delim('}'), json.Delim(']'):
			inObject = inObject[:len(inObject)-1]
			name = len(inObject) > 0 && inObject[len(inObject)-1]
			continue
		}
		if text, isText := token.(string); name && isText && namesPassword(text) {
			return refuse(CodePasswordInBody, "the content has a member for a password")
		}
		name = len(inObject) > 0 && inObject[len(inObject)-1] && !name
	}
}

func namesPassword(name string) bool {
	if name == passwordSet {
		return false
	}
	plain := strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
	for _, telling := range passwordNames {
		if strings.Contains(plain, telling) {
			return true
		}
	}
	return plain == "pin" || strings.HasSuffix(strings.ToLower(name), "_pin")
}
