package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"citycard"
)

// Person is a made-up person: a user of the super-app, and what the bureau's records hold of them.
type Person struct {
	// User names the person to the stand-in, and is the story's word at the same time: new, temp_lost, …
	User     string
	Name     string
	IDNumber string
	// OtherNumbers are further numbers of the same person, for the records' alias table.
	OtherNumbers []string
	// Story says what the person is an example of.
	Story  citycard.Text
	Region string
	Cards  []CardRecord
}

// CardRecord is one line of a card file; the fields are the import's columns, empty where a column is.
type CardRecord struct {
	Region                 string
	IDNumber               string
	Name                   string
	CardNumber             string
	CardIdentificationCode string
	BankCode               string
	AccountNumber          string
	Fulfilment             string
	ReceivedOn             string
	ValidTo                string
	Social                 string
	Financial              string
	Phone                  string
}

// Row is the record in the order of citycard.CardColumns.
func (r CardRecord) Row() []string {
	return []string{
		r.Region, r.IDNumber, r.Name, r.CardNumber, r.CardIdentificationCode, r.BankCode, r.AccountNumber,
		r.Fulfilment, r.ReceivedOn, r.ValidTo, r.Social, r.Financial, r.Phone,
	}
}

// People are the made-up people, always the same but for the dates on their cards, which are reckoned from today.
// Their numbers have valid check characters and name whole cities as regions, which no real number does.
func People(today citycard.Date) []Person {
	sketches := sketches()
	people := make([]Person, len(sketches))
	for i, sketch := range sketches {
		people[i] = sketch.person(i+1, today)
	}
	return people
}

// sketch is a person before the cards are worked out.
type sketch struct {
	user, name, number, region string
	zh, en                     string
	// bank is the issuing bank's code; empty for somebody without a card.
	bank string
	// other is a further number of the same person.
	other string
	// change turns the usual card (collected 20 days ago, social active, financial inactive) into the story's.
	change func(card *CardRecord, today citycard.Date)
	// second adds another live card.
	second bool
}

func (s sketch) person(serial int, today citycard.Date) Person {
	person := Person{
		User: s.user, Name: s.name, IDNumber: s.number, Region: s.region,
		Story: citycard.Text{ZH: s.zh, EN: s.en},
	}
	if s.other != "" {
		person.OtherNumbers = []string{s.other}
	}
	if s.bank == "" {
		return person
	}
	card := s.card(serial, today, person)
	if s.change != nil {
		s.change(&card, today)
	}
	person.Cards = append(person.Cards, card)
	if s.second {
		again := s.card(serial+500, today, person)
		person.Cards = append(person.Cards, again)
	}
	return person
}

func (s sketch) card(serial int, today citycard.Date, person Person) CardRecord {
	number := fmt.Sprintf("%c%08d", 'A'+rune(serial%26), 10_000_000+serial)
	sum := sha256.Sum256([]byte("made-up card " + number))
	return CardRecord{
		Region: s.region, IDNumber: person.IDNumber, Name: s.name,
		CardNumber:             number,
		CardIdentificationCode: s.region + strings.ToUpper(hex.EncodeToString(sum[:13])),
		BankCode:               s.bank,
		AccountNumber:          withLuhn(fmt.Sprintf("62%s%013d", s.bank, serial)),
		Fulfilment:             string(citycard.FulfilmentCollected),
		ReceivedOn:             today.AddDays(-20).String(),
		Social:                 string(citycard.SocialActive),
		Financial:              string(citycard.FinancialInactive),
		Phone:                  fmt.Sprintf("1990000%04d", serial),
	}
}

// withLuhn appends the Luhn check digit of ISO/IEC 7812-1.
func withLuhn(digits string) string {
	sum := 0
	for i := range len(digits) {
		value := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			if value *= 2; value > 9 {
				value -= 9
			}
		}
		sum += value
	}
	return fmt.Sprintf("%s%d", digits, (10-sum%10)%10)
}
