package sql

import (
	stdsql "database/sql"
	"time"

	"citycard"
)

// cardRow is a row of card together with its person.
type cardRow struct {
	PersonName string `db:"person_name"`

	Ref                string            `db:"ref"`
	PersonID           string            `db:"person_id"`
	Region             string            `db:"region"`
	CardNumber         string            `db:"card_number"`
	IdentificationCode stdsql.NullString `db:"identification_code"`
	BankCode           string            `db:"bank_code"`
	AccountIndex       string            `db:"account_index"`
	AccountLast4       string            `db:"account_last4"`
	Fulfilment         string            `db:"fulfilment"`
	Social             string            `db:"social"`
	Financial          string            `db:"financial"`
	Password           string            `db:"password"`
	SocialBefore       string            `db:"social_before"`
	SocialHeld         string            `db:"social_held"`
	FinancialBefore    string            `db:"financial_before"`
	ReceivedOn         string            `db:"received_on"`
	ValidTo            string            `db:"valid_to"`
	ReplacementFor     string            `db:"replacement_for"`
	ReplacedBy         string            `db:"replaced_by"`
	FulfilmentSince    int64             `db:"fulfilment_since"`
	SocialSince        int64             `db:"social_since"`
	FinancialSince     int64             `db:"financial_since"`
	PasswordSince      int64             `db:"password_since"`
	PasswordUnlocks    int64             `db:"password_unlocks"`
	Head               string            `db:"head"`
	HeadAt             int64             `db:"head_at"`
	Version            int64             `db:"version"`
}

const cardColumns = `c.ref, c.person_id, c.region, c.card_number, c.identification_code, c.bank_code,
 c.account_index, c.account_last4, c.fulfilment, c.social, c.financial, c.password, c.social_before, c.social_held,
 c.financial_before, c.received_on, c.valid_to, c.replacement_for, c.replaced_by, c.fulfilment_since, c.social_since,
 c.financial_since, c.password_since, c.password_unlocks, c.head, c.head_at, c.version`

// fields are the places of cardColumns.
func (r *cardRow) fields() []any {
	return []any{
		&r.Ref, &r.PersonID, &r.Region, &r.CardNumber, &r.IdentificationCode, &r.BankCode,
		&r.AccountIndex, &r.AccountLast4, &r.Fulfilment, &r.Social, &r.Financial, &r.Password, &r.SocialBefore, &r.SocialHeld,
		&r.FinancialBefore, &r.ReceivedOn, &r.ValidTo, &r.ReplacementFor, &r.ReplacedBy, &r.FulfilmentSince, &r.SocialSince,
		&r.FinancialSince, &r.PasswordSince, &r.PasswordUnlocks, &r.Head, &r.HeadAt, &r.Version,
	}
}

func (r *cardRow) card() (*citycard.Card, error) {
	received, err := citycard.ParseDate(r.ReceivedOn)
	if err != nil {
		return nil, err
	}
	validTo, err := citycard.ParseDate(r.ValidTo)
	if err != nil {
		return nil, err
	}
	return &citycard.Card{
		Ref: r.Ref, PersonID: r.PersonID, Region: r.Region, Number: citycard.CardNumber(r.CardNumber),
		IdentificationCode: r.IdentificationCode.String, Bank: citycard.Bank(r.BankCode),
		Account:    citycard.Account{Index: r.AccountIndex, Last4: r.AccountLast4},
		Fulfilment: citycard.FulfilmentState(r.Fulfilment), Social: citycard.SocialState(r.Social),
		Financial: citycard.FinancialState(r.Financial), Password: citycard.PasswordState(r.Password),
		SocialBefore: citycard.SocialState(r.SocialBefore), SocialHeld: citycard.SocialState(r.SocialHeld),
		FinancialBefore: citycard.FinancialState(r.FinancialBefore),
		ReceivedOn:      received, ValidTo: validTo, ReplacementFor: r.ReplacementFor, ReplacedBy: r.ReplacedBy,
		Since: map[citycard.Machine]time.Time{
			citycard.MachineFulfilment: instant(r.FulfilmentSince), citycard.MachineSocial: instant(r.SocialSince),
			citycard.MachineFinancial: instant(r.FinancialSince), citycard.MachinePassword: instant(r.PasswordSince),
		},
		PasswordUnlocks: int(r.PasswordUnlocks), Head: r.Head, HeadAt: instant(r.HeadAt), Version: r.Version,
	}, nil
}

func rowOf(c *citycard.Card) cardRow {
	return cardRow{
		Ref: c.Ref, PersonID: c.PersonID, Region: c.Region, CardNumber: string(c.Number),
		IdentificationCode: stdsql.NullString{String: c.IdentificationCode, Valid: c.IdentificationCode != ""},
		BankCode:           string(c.Bank), AccountIndex: c.Account.Index, AccountLast4: c.Account.Last4,
		Fulfilment: string(c.Fulfilment), Social: string(c.Social), Financial: string(c.Financial), Password: string(c.Password),
		SocialBefore: string(c.SocialBefore), SocialHeld: string(c.SocialHeld), FinancialBefore: string(c.FinancialBefore),
		ReceivedOn: c.ReceivedOn.String(), ValidTo: c.ValidTo.String(), ReplacementFor: c.ReplacementFor, ReplacedBy: c.ReplacedBy,
		FulfilmentSince: millis(c.Since[citycard.MachineFulfilment]), SocialSince: millis(c.Since[citycard.MachineSocial]),
		FinancialSince: millis(c.Since[citycard.MachineFinancial]), PasswordSince: millis(c.Since[citycard.MachinePassword]),
		PasswordUnlocks: int64(c.PasswordUnlocks), Head: c.Head, HeadAt: millis(c.HeadAt), Version: c.Version,
	}
}

// transitionRow is a row of transition.
type transitionRow struct {
	CardRef    string `db:"card_ref"`
	Seq        int64  `db:"seq"`
	Machine    string `db:"machine"`
	From       string `db:"from_state"`
	To         string `db:"to_state"`
	ActorKind  string `db:"actor_kind"`
	ActorID    string `db:"actor_id"`
	Channel    string `db:"channel"`
	Reason     string `db:"reason"`
	Evidence   string `db:"evidence_ref"`
	OccurredAt int64  `db:"occurred_at"`
	RecordedAt int64  `db:"recorded_at"`
	EventID    string `db:"event_id"`
	PrevAt     int64  `db:"prev_at"`
	PrevHash   string `db:"prev_hash"`
	Hash       string `db:"hash"`
}

const transitionColumns = `card_ref, seq, machine, from_state, to_state, actor_kind, actor_id, channel, reason,
 evidence_ref, occurred_at, recorded_at, event_id, prev_at, prev_hash, hash`

func (r transitionRow) transition() citycard.Transition {
	return citycard.Transition{
		CardRef: r.CardRef, Seq: r.Seq, Machine: citycard.Machine(r.Machine), From: r.From, To: r.To,
		Cause: citycard.Cause{
			Actor:   citycard.Actor{Kind: citycard.ActorKind(r.ActorKind), ID: r.ActorID},
			Channel: citycard.Channel(r.Channel), Reason: citycard.Reason(r.Reason), Evidence: r.Evidence,
			Occurred: instant(r.OccurredAt), EventID: r.EventID,
		},
		RecordedAt: instant(r.RecordedAt), PrevAt: instant(r.PrevAt), PrevHash: r.PrevHash, Hash: r.Hash,
	}
}

// instant and millis keep times as milliseconds UTC; zero stands for no time.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
