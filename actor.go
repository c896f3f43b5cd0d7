package citycard

import "time"

// ActorKind says what kind of party made a change.
type ActorKind string

// The kinds of actors.
const (
	ActorCitizen    ActorKind = "citizen"
	ActorAgent      ActorKind = "agent"
	ActorBank       ActorKind = "bank"
	ActorHospital   ActorKind = "hospital"
	ActorPharmacy   ActorKind = "pharmacy"
	ActorCardMaker  ActorKind = "card_maker"
	ActorCardCentre ActorKind = "card_centre"
	ActorStaff      ActorKind = "staff"
	ActorSupervisor ActorKind = "supervisor"
	ActorSystem     ActorKind = "system"
)

// Actor is who made a change: a kind and the identifier of that citizen, partner or staff account here.
type Actor struct {
	Kind ActorKind
	ID   string
}

// Channel is the way by which a change reached us.
type Channel string

// The channels.
const (
	ChannelMiniProgram Channel = "mini_program"
	ChannelH5          Channel = "h5"
	ChannelCallback    Channel = "callback"
	ChannelCounter     Channel = "counter"
	ChannelHotline     Channel = "hotline"
	ChannelImport      Channel = "import"
	ChannelJob         Channel = "job"
)

// Reason says why a state changed.
type Reason string

// The reasons of the four machines.
const (
	ReasonActOnline                   Reason = "act_online"
	ReasonActOnlineAgent              Reason = "act_online_agent"
	ReasonActHospitalRegister         Reason = "act_hospital_register"
	ReasonActHospitalPayment          Reason = "act_hospital_payment"
	ReasonActPharmacyTwoCard          Reason = "act_pharmacy_two_card"
	ReasonActPharmacyOriginalPassword Reason = "act_pharmacy_original_password"
	ReasonActPharmacyPayment          Reason = "act_pharmacy_payment"
	ReasonActWithFinancial            Reason = "act_with_financial"
	ReasonActCentre                   Reason = "act_centre"
	ReasonActBank                     Reason = "act_bank"
	ReasonLost                        Reason = "lost"
	ReasonStolen                      Reason = "stolen"
	ReasonSuspectedMisuse             Reason = "suspected_misuse"
	ReasonFound                       Reason = "found"
	ReasonTempLossLapsed              Reason = "temp_loss_lapsed"
	ReasonDeadline300                 Reason = "deadline_300"
	ReasonDeadlineCured               Reason = "deadline_cured"
	ReasonDeadlineCorrected           Reason = "deadline_corrected"
	ReasonFraudHold                   Reason = "fraud_hold"
	ReasonCourtOrder                  Reason = "court_order"
	ReasonDataError                   Reason = "data_error"
	ReasonHoldReleased                Reason = "hold_released"
	ReasonReplaced                    Reason = "replaced"
	ReasonDeceased                    Reason = "deceased"
	ReasonEmigrated                   Reason = "emigrated"
	ReasonDuplicate                   Reason = "duplicate"
	ReasonVoluntary                   Reason = "voluntary"
	ReasonIssuedInError               Reason = "issued_in_error"
	ReasonPendingLapsed               Reason = "pending_lapsed"
	ReasonPartnerReport               Reason = "partner_report"
	ReasonStaffDecision               Reason = "staff_decision"
)

// Cause is who changed a card, how, why and when. Occurred is when it happened in the world (order is judged
// by it), which for late reports lies before the moment it reached us.
type Cause struct {
	Actor    Actor
	Channel  Channel
	Reason   Reason
	Evidence string
	Occurred time.Time
	// EventID is the reporting party's own number of the event, empty where there is none.
	EventID string
}
