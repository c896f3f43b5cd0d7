package citycard

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// cardColumns are the columns of a card file. All must be in the header, in any order; the fields of the last
// four may be empty.
var cardColumns = [...]string{
	columnRegion, columnIDNumber, columnName, columnCardNumber, columnIdentificationCode, columnBank, columnAccount,
	columnFulfilment, columnReceivedOn, columnValidTo, columnSocial, columnFinancial, columnPhone,
}

const (
	columnRegion             = "region"
	columnIDNumber           = "id_number"
	columnName               = "name"
	columnCardNumber         = "card_number"
	columnIdentificationCode = "card_identification_code"
	columnBank               = "bank_code"
	columnAccount            = "account_number"
	columnFulfilment         = "fulfilment"
	columnReceivedOn         = "received_on"
	columnValidTo            = "valid_to"
	columnSocial             = "social"
	columnFinancial          = "financial"
	columnPhone              = "phone"
)

// CardColumns lists the columns of a card file in their usual order.
func CardColumns() []string { return slices.Clone(cardColumns[:]) }

// CardRules are what the rows of a card file are judged by. NFKC brings text into Unicode normalisation form KC.
type CardRules struct {
	Policies *Policies
	NFKC     func(string) string
	Today    Date
}

// CardRowParser reads the rows under one header. It is safe for concurrent use.
type CardRowParser struct {
	rules CardRules
	// policies are those in force today, by region.
	policies map[string]*Policy
	// places is where each of cardColumns stands in a row.
	places [len(cardColumns)]int
}

// Header reads a file's first row. Every column must be there once and no other; upper case and spaces around a
// name are accepted.
func (r CardRules) Header(fields []string) (*CardRowParser, []RowProblem) {
	var problems []RowProblem
	parser := &CardRowParser{rules: r, policies: map[string]*Policy{}}
	for _, region := range r.Policies.Regions() {
		if policy, inForce := r.Policies.For(region, r.Today); inForce {
			parser.policies[region] = &policy
		}
	}
	seen := make([]string, len(fields))
	for i, field := range fields {
		name := strings.ToLower(tidy(strings.TrimPrefix(field, "\ufeff")))
		switch {
		case slices.Contains(seen[:i], name):
			problems = append(problems, RowProblem{1, "", "a column is there twice"})
		case !slices.Contains(cardColumns[:], name):
			problems = append(problems, RowProblem{1, "", "a column is not one of " + strings.Join(cardColumns[:], ",")})
		}
		seen[i] = name
	}
	for i, column := range cardColumns {
		place := slices.Index(seen, column)
		if place < 0 {
			problems = append(problems, RowProblem{1, column, "the column is missing"})
		}
		parser.places[i] = place
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return parser, nil
}

// Parse reads one row: either a record, or everything that is wrong with it. Fields missing at the end count as
// empty. Dates are YYYY-MM-DD; without a social or financial state the card is sealed and inactive.
func (p *CardRowParser) Parse(line int64, fields []string) (CardRow, []RowProblem) {
	row := &rowReading{CardRowParser: p, CardRow: CardRow{Line: line}}
	if len(fields) > len(cardColumns) {
		row.refuse("", "the row has more fields than the header")
		return CardRow{}, row.problems
	}
	for i, place := range p.places {
		if place < len(fields) {
			row.fields[i] = strings.TrimSpace(fields[place])
		}
	}
	row.readPerson()
	row.readCard()
	row.readPlace()
	row.readStates()
	row.checkHandOver()
	if len(row.problems) > 0 {
		return CardRow{}, row.problems
	}
	return row.CardRow, nil
}

// rowReading is one row while it is read.
type rowReading struct {
	*CardRowParser
	CardRow

	// early tells that the city activates cards before they are collected.
	early    bool
	fields   [len(cardColumns)]string
	problems []RowProblem
}

func (r *rowReading) field(column string) string {
	return r.fields[slices.Index(cardColumns[:], column)]
}

func (r *rowReading) refuse(column, reason string) {
	r.problems = append(r.problems, RowProblem{r.Line, column, reason})
}

// read gives one field to its parser; an empty one is refused where it is needed.
func (r *rowReading) read(column string, needed bool, parse func(string) error) {
	text := r.field(column)
	if text == "" {
		if needed {
			r.refuse(column, "the field is empty")
		}
		return
	}
	if err := parse(text); err != nil {
		r.refuse(column, messageOf(err))
	}
}

// messageOf is what an error says to people, without its code.
func messageOf(err error) string {
	var coded *Error
	if errors.As(err, &coded) {
		return coded.Message
	}
	return "the field cannot be read"
}

func (r *rowReading) readPerson() {
	r.read(columnIDNumber, true, func(text string) (err error) {
		r.Number, err = UpgradeIDNumber(text, r.rules.Today)
		return err
	})
	r.read(columnName, true, func(text string) (err error) {
		r.Name, err = ParseName(text, r.rules.NFKC)
		return err
	})
	r.read(columnPhone, false, func(text string) (err error) {
		r.Phone, err = ParsePhone(text)
		return err
	})
}

func (r *rowReading) readCard() {
	r.read(columnCardNumber, true, func(text string) (err error) {
		r.Card.Number, err = ParseCardNumber(text)
		return err
	})
	r.read(columnIdentificationCode, true, func(text string) (err error) {
		r.Card.IdentificationCode, err = ParseIdentificationCode(text)
		return err
	})
	r.read(columnAccount, true, func(text string) (err error) {
		r.Account, err = ParseAccountNumber(text)
		return err
	})
	r.readDate(columnReceivedOn, &r.Card.ReceivedOn)
	r.readDate(columnValidTo, &r.Card.ValidTo)
}

// readPlace reads region and bank, which the city's policy must know.
func (r *rowReading) readPlace() {
	r.read(columnRegion, true, func(text string) error {
		r.Card.Region = tidy(text)
		return nil
	})
	r.read(columnBank, true, func(text string) error {
		r.Card.Bank = Bank(tidy(text))
		return nil
	})
	policy, known := r.policies[r.Card.Region]
	if !known {
		if r.Card.Region != "" {
			r.refuse(columnRegion, "no city policy is in force for this region")
		}
		return
	}
	r.early = policy.ActivateBeforeCollected
	if _, known := policy.Banks[r.Card.Bank]; !known && r.Card.Bank != "" {
		r.refuse(columnBank, "the city's policy names no such issuing bank")
	}
	if code := r.Card.IdentificationCode; code != "" && !strings.HasPrefix(code, r.Card.Region) {
		r.refuse(columnIdentificationCode, "the first six digits are not the card's region")
	}
	if !r.Number.IsZero() && policy.Accepts(r.Number) != nil {
		r.refuse(columnIDNumber, "this city does not serve this kind of document")
	}
}

func (r *rowReading) readDate(column string, into *Date) {
	r.read(column, false, func(text string) error {
		day, err := ParseDate(narrow(text))
		if err != nil {
			return refuseField(CodeInvalidPayload, column, "this is not a real day written YYYY-MM-DD")
		}
		*into = day
		return nil
	})
}

func (r *rowReading) readStates() {
	card := &r.Card
	card.Fulfilment = FulfilmentState(strings.ToLower(r.field(columnFulfilment)))
	card.Social = SocialState(strings.ToLower(r.field(columnSocial)))
	card.Financial = FinancialState(strings.ToLower(r.field(columnFinancial)))
	card.Password = PasswordInitial
	if card.Fulfilment != FulfilmentReadyForPickup && card.Fulfilment != FulfilmentCollected {
		r.refuse(columnFulfilment, "must be ready_for_pickup or collected")
	}
	// A file tells no earlier state. A social application comes back from loss or hold as not yet enabled, so that
	// nothing is enabled that nobody enabled; an account that the bank froze was an open one.
	switch card.Social {
	case "":
		card.Social = SocialSealed
	case SocialSealed, SocialActive, SocialFormalLost, SocialCanceled:
	case SocialTempLost, SocialAutoLost:
		card.SocialBefore = SocialSealed
	case SocialFrozen:
		card.SocialHeld = SocialSealed
	default:
		r.refuse(columnSocial, "is not a state of the social security application")
	}
	switch card.Financial {
	case "":
		card.Financial = FinancialInactive
	case FinancialInactive, FinancialActive, FinancialTempLost, FinancialFormalLost, FinancialClosed:
	case FinancialFrozen:
		card.FinancialBefore = FinancialActive
	default:
		r.refuse(columnFinancial, "is not a state of the financial application that a file can give")
	}
}

// checkHandOver holds the day of receipt and the states against whether the person has the card.
func (r *rowReading) checkHandOver() {
	card := &r.Card
	received, filled := card.ReceivedOn, r.field(columnReceivedOn) != ""
	switch {
	case card.Fulfilment == FulfilmentCollected && !filled:
		r.refuse(columnReceivedOn, "a collected card needs the day of receipt")
	case card.Fulfilment == FulfilmentReadyForPickup && filled:
		r.refuse(columnReceivedOn, "a card that waits to be picked up has no day of receipt")
	case r.rules.Today.Before(received):
		r.refuse(columnReceivedOn, "the day of receipt lies in the future")
	case !received.IsZero() && received.Before(r.Number.BirthDate()):
		r.refuse(columnReceivedOn, "the day of receipt lies before the holder's birth")
	case !card.ValidTo.IsZero() && card.ValidTo.Before(received):
		r.refuse(columnValidTo, "the validity ends before the day of receipt")
	}
	if card.Fulfilment == FulfilmentCollected {
		card.Since = map[Machine]time.Time{MachineFulfilment: received.Start()}
	}
	if card.Fulfilment != FulfilmentReadyForPickup {
		return
	}
	switch social := card.Social; {
	case social == SocialTempLost, social == SocialAutoLost, social == SocialActive && !r.early:
		r.refuse(columnSocial, "a card that waits to be picked up cannot be in this state")
	}
	switch financial := card.Financial; {
	case financial == FinancialTempLost, financial == FinancialActive && !r.early:
		r.refuse(columnFinancial, "a card that waits to be picked up cannot be in this state")
	}
}
