package citycard

import "slices"

// CardAction is what staff may do with a card.
type CardAction string

// The actions. Those from freeze on need a second person.
const (
	ActionLoss             CardAction = "loss"
	ActionFound            CardAction = "found"
	ActionFormalLoss       CardAction = "formal_loss"
	ActionRevokeFormalLoss CardAction = "revoke_formal_loss"
	ActionCure             CardAction = "cure"
	ActionActivation       CardAction = "activation"
	ActionFulfilment       CardAction = "fulfilment"
	ActionCancelReissue    CardAction = "cancel_reissue"
	ActionFreeze           CardAction = "freeze"
	ActionReleaseHold      CardAction = "release_hold"
	ActionManualActivation CardAction = "manual_activation"
	ActionCancel           CardAction = "cancel"
)

// CardActions lists the actions in the order in which they are offered.
func CardActions() []CardAction {
	return []CardAction{
		ActionActivation, ActionLoss, ActionFound, ActionFormalLoss, ActionRevokeFormalLoss, ActionCure, ActionFulfilment,
		ActionCancelReissue, ActionFreeze, ActionReleaseHold, ActionManualActivation, ActionCancel,
	}
}

// deskAction is what an action asks for and does. The first reason holds where none is given.
type deskAction struct {
	reasons []Reason
	// roles may do it or, where second is set, ask for it.
	roles []StaffRole
	// second is the kind under which a second person approves it, empty where none does.
	second ApprovalKind
	// evidence and place must be given; paper must tell what the bank wrote.
	evidence, place, paper bool
	// agent may come for the cardholder, caller may ask by telephone.
	agent, caller bool
	apply         func(*deskTurn) (changed bool, err error)
}

var (
	serving  = []StaffRole{RoleClerk, RoleSupervisor}
	deciding = []StaffRole{RoleSupervisor}
)

var deskActions = map[CardAction]deskAction{
	ActionLoss: {
		roles: serving, reasons: []Reason{ReasonLost, ReasonStolen, ReasonSuspectedMisuse}, agent: true, caller: true,
		apply: func(t *deskTurn) (bool, error) { return t.change.Card.LoseTemporarily(t.policy, t.cause, t.now) },
	},
	ActionFound: {
		roles: serving, reasons: []Reason{ReasonFound}, caller: true,
		apply: func(t *deskTurn) (bool, error) { return done(t.change.Card.Restore(t.policy, t.cause, t.now)) },
	},
	ActionFormalLoss: {
		roles: serving, reasons: []Reason{ReasonLost, ReasonStolen}, evidence: true, agent: true,
		apply: func(t *deskTurn) (bool, error) { return t.change.Card.LoseFormally(t.policy, t.cause, t.now) },
	},
	ActionRevokeFormalLoss: {
		roles: deciding, reasons: []Reason{ReasonFound}, evidence: true,
		apply: func(t *deskTurn) (bool, error) {
			open := t.change.OpenReissueOf(t.change.Card) != nil
			return done(t.change.Card.RevokeFormalLoss(t.policy, open, t.cause, t.now))
		},
	},
	ActionCure: {
		roles: serving, reasons: []Reason{ReasonDeadlineCured}, place: true, agent: true,
		apply: func(t *deskTurn) (bool, error) {
			return done(t.change.Card.CureDeadline(t.policy, t.request.Place, t.cause, t.now))
		},
	},
	ActionActivation: {
		roles: serving, reasons: []Reason{ReasonActCentre}, evidence: true, place: true, agent: true,
		apply: func(t *deskTurn) (bool, error) { return t.change.Card.ActivateSocial(t.policy, t.cause, t.now) },
	},
	ActionFulfilment: {
		roles: serving, reasons: []Reason{ReasonStaffDecision}, agent: true, apply: (*deskTurn).fulfil,
	},
	ActionCancelReissue: {
		roles: serving, reasons: []Reason{ReasonVoluntary, ReasonIssuedInError},
		apply: func(t *deskTurn) (bool, error) { return t.change.CancelReissue(t.cause, t.now) },
	},
	ActionFreeze: {
		roles: deciding, second: ApproveFreeze, reasons: []Reason{ReasonFraudHold, ReasonCourtOrder, ReasonDataError},
		apply: func(t *deskTurn) (bool, error) { return t.change.Card.hold(t.policy, t.cause, t.now) },
	},
	ActionReleaseHold: {
		roles: deciding, second: ApproveReleaseHold, reasons: []Reason{ReasonHoldReleased},
		apply: func(t *deskTurn) (bool, error) { return done(t.change.Card.Release(t.cause, t.now)) },
	},
	ActionManualActivation: {
		roles: serving, second: ApproveManualActivation, reasons: []Reason{ReasonActBank}, evidence: true, paper: true,
		apply: (*deskTurn).activateByPaper,
	},
	ActionCancel: {
		roles: serving, second: ApproveCancelCard, evidence: true,
		reasons: []Reason{
			ReasonDeceased, ReasonEmigrated, ReasonDuplicate, ReasonVoluntary, ReasonIssuedInError, ReasonReplaced,
		},
		apply: func(t *deskTurn) (bool, error) { return t.change.Card.Cancel(t.cause, t.now) },
	},
}

// NeedsSecond tells whether an action goes through Ask.
func NeedsSecond(action CardAction) bool { return deskActions[action].second != "" }

// LossReasons lists why a temporary loss is recorded, the usual one first.
func LossReasons() []Reason { return deskActions[ActionLoss].reasons }

// actionOf is the action that a second person approves under a kind.
func actionOf(kind ApprovalKind) (CardAction, bool) {
	for action, how := range deskActions {
		if kind != "" && how.second == kind {
			return action, true
		}
	}
	return "", false
}

func done(err error) (bool, error) { return err == nil, err }

// deskSteps are the steps of a card's making that staff takes by hand.
var deskSteps = []Step{
	StepReview, StepReject, StepAccept, StepProduce, StepFail, StepReady, StepCollect, StepReturn, StepDestroy,
}

func (t *deskTurn) fulfil() (bool, error) {
	card := t.change.Card
	if t.request.Step != StepCollect {
		return done(card.Fulfil(t.request.Step, t.cause, t.now))
	}
	day, err := ParseDate(t.request.ReceivedOn)
	if err != nil {
		return false, refuseField(CodeInvalidPayload, "received_on", "the day of receipt is no day written YYYY-MM-DD")
	}
	return card.Collect(day, t.cause, t.now)
}

// activateByPaper records what the issuing bank confirmed on paper, under the rules of its own report: the account's
// last four digits must be the card's, and what happened before the deadline corrects a loss by deadline.
func (t *deskTurn) activateByPaper() (bool, error) {
	day, err := ParseDate(t.request.ActivatedOn)
	switch {
	case err != nil, day.IsZero():
		return false, refuseField(CodeInvalidPayload, "activated_on", "the day of activation is no day written YYYY-MM-DD")
	case DateOf(t.now).Before(day):
		return false, refuseField(CodeOccurredInFuture, "activated_on", "the day of activation lies in the future")
	}
	cause := t.cause
	if day != DateOf(t.now) {
		cause.Occurred = day.Start()
	}
	report := BankReport{Bank: t.change.Card.Bank, Last4: t.request.AccountLast4}
	return t.change.Card.ActivateByBank(t.policy, report, cause, t.now)
}

// mayAct tells whether the role may do, or ask for, the action.
func (how deskAction) mayAct(role StaffRole) bool { return slices.Contains(how.roles, role) }
