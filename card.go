package citycard

import "time"

// Bank names an issuing bank by its three-digit code.
type Bank string

// Account is what is kept of the bank account behind a card: the keyed hash that finds it and the last four
// digits. The number itself is never stored.
type Account struct {
	Index string
	Last4 string
}

// Card is one social security card: four independent machines, the dates its clocks run from, and a version
// that grows with every change. States change only through its methods, which do all or nothing.
type Card struct {
	// Ref is the card's opaque identifier, known outside.
	Ref                string
	PersonID           string
	Region             string
	Number             CardNumber
	IdentificationCode string
	Bank               Bank
	Account            Account

	Fulfilment FulfilmentState
	Social     SocialState
	Financial  FinancialState
	Password   PasswordState
	// SocialBefore is the state to return to when a loss ends, SocialHeld the one when a hold ends.
	SocialBefore SocialState
	SocialHeld   SocialState
	// FinancialBefore is the same for the bank's freeze.
	FinancialBefore FinancialState
	// PasswordUnlocks counts how often the password was unlocked since it was last reset.
	PasswordUnlocks int

	// ReceivedOn is the day the person got the card; both deadlines run from it.
	ReceivedOn Date
	// ValidTo is the last day of validity; zero where the card prints none.
	ValidTo Date

	ReplacementFor string
	ReplacedBy     string

	// Since holds for each machine when its current state occurred.
	Since map[Machine]time.Time

	Version int64
	// Head is the hash of the card's latest transition, HeadAt when that was recorded.
	Head   string
	HeadAt time.Time

	fresh []Transition
}
