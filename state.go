package citycard

// FulfilmentState is where a card is between application and the person's hand.
type FulfilmentState string

// The fulfilment states.
const (
	FulfilmentApplied        FulfilmentState = "applied"
	FulfilmentInReview       FulfilmentState = "in_review"
	FulfilmentRejected       FulfilmentState = "rejected"
	FulfilmentAwaitingFee    FulfilmentState = "awaiting_fee"
	FulfilmentInProduction   FulfilmentState = "in_production"
	FulfilmentFailedMaking   FulfilmentState = "failed_making"
	FulfilmentReadyForPickup FulfilmentState = "ready_for_pickup"
	FulfilmentReturned       FulfilmentState = "returned"
	FulfilmentCollected      FulfilmentState = "collected"
	FulfilmentReplaced       FulfilmentState = "replaced"
	FulfilmentDestroyed      FulfilmentState = "destroyed"
)

// SocialState is the state of the card's social security application.
type SocialState string

// The social security application's states. Sealed means not yet enabled; it is no fault.
const (
	SocialSealed     SocialState = "sealed"
	SocialActive     SocialState = "active"
	SocialTempLost   SocialState = "temp_lost"
	SocialFormalLost SocialState = "formal_lost"
	SocialAutoLost   SocialState = "auto_lost"
	SocialFrozen     SocialState = "frozen"
	SocialCanceled   SocialState = "canceled"
)

// FinancialState mirrors the bank's account behind the card.
type FinancialState string

// The financial application's states.
const (
	FinancialInactive    FinancialState = "inactive"
	FinancialPendingBank FinancialState = "pending_bank"
	FinancialActive      FinancialState = "active"
	FinancialTempLost    FinancialState = "temp_lost"
	FinancialFormalLost  FinancialState = "formal_lost"
	FinancialFrozen      FinancialState = "frozen"
	FinancialClosed      FinancialState = "closed"
)

// PasswordState tells what is known of the social security password; its value is never known here.
type PasswordState string

// The password's states.
const (
	PasswordInitial PasswordState = "initial"
	PasswordSet     PasswordState = "set"
	PasswordLocked  PasswordState = "locked"
	PasswordDead    PasswordState = "dead"
)

// Machine names one of a card's four independent state machines.
type Machine string

// The machines.
const (
	MachineFulfilment Machine = "fulfilment"
	MachineSocial     Machine = "social"
	MachineFinancial  Machine = "financial"
	MachinePassword   Machine = "password"
)
