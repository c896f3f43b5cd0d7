package citycard

import (
	"strings"
	"time"
)

// turn is one event on its way to a card.
type turn struct {
	partner Partner
	change  *Change
	card    *Card
	policy  Policy
	// cause still lacks reason and evidence, which the event knows.
	cause Cause
	now   time.Time
	// opened is the two-card session at the event's terminal, zero where there is none.
	opened TwoCards
}

// effect is what an event did: whether the card changed, or the event was too old to count.
type effect struct {
	changed bool
	stale   bool
	hint    Text
}

// because completes the cause. Evidence is pairs of a word and a value; those without a value are left out.
func (t *turn) because(reason Reason, evidence ...string) Cause {
	var parts []string
	for i := 0; i+1 < len(evidence); i += 2 {
		if evidence[i+1] != "" {
			parts = append(parts, evidence[i]+"="+evidence[i+1])
		}
	}
	cause := t.cause
	cause.Reason, cause.Evidence = reason, strings.Join(parts, " ")
	return cause
}

// outcome is what a machine made of the event. What changed nothing because something newer moved the machine
// before is stale.
func (t *turn) outcome(m Machine, changed bool, err error) (effect, error) {
	return effect{changed: changed, stale: err == nil && !changed && t.card.Late(m, t.cause)}, err
}

func (b *bankActivation) apply(t *turn) (effect, error) {
	password := ""
	if b.PasswordSet {
		password = "set"
	}
	cause := t.because(ReasonActBank, append(b.Agent.evidence(), "bank_password", password)...)
	report := BankReport{Bank: t.partner.Bank, Last4: b.AccountLast4, WithSocial: b.WithSocial}
	changed, err := t.card.ActivateByBank(t.policy, report, cause, t.now)
	done, err := t.outcome(MachineFinancial, changed, err)
	if err == nil && b.WithSocial && !changed {
		done.stale = done.stale || t.card.Late(MachineSocial, t.cause)
	}
	return done, err
}

// reasonFormalLoss is the reason by which a bank tells a formal loss from one for a few days.
const reasonFormalLoss = "formal_loss"

func (b *bankReport) apply(t *turn) (effect, error) {
	step := b.step
	if step == StepTempLose && b.Reason == reasonFormalLoss {
		step = StepFormalLose
	}
	changed, err := t.card.ReportFinancial(t.policy, step, t.because(Reason(b.Reason)), t.now)
	return t.outcome(MachineFinancial, changed, err)
}

var visitReasons = map[string]Reason{
	"registration": ReasonActHospitalRegister,
	"payment":      ReasonActHospitalPayment,
}

func (v *hospitalVisit) apply(t *turn) (effect, error) {
	cause := t.because(visitReasons[v.Event], "institution", v.InstitutionCode)
	changed, err := t.card.ActivateSocial(t.policy, cause, t.now)
	return t.outcome(MachineSocial, changed, err)
}

// hintNewCard is what the till shows after the first of the two cards.
var hintNewCard = Text{ZH: "请在同一台机器上插入新社保卡", EN: "now insert the new card at the same terminal"}

// apply changes nothing: the session was opened before, and the new card's insertion completes it.
func (i *originalInsert) apply(t *turn) (effect, error) {
	return effect{hint: hintNewCard}, t.cause.CheckOccurred(t.now)
}

func (i *newInsert) apply(t *turn) (effect, error) {
	if err := t.cause.CheckOccurred(t.now); err != nil {
		return effect{}, err
	}
	if !t.opened.completedBy(t.card, t.cause.Occurred, time.Duration(t.policy.TwoCardWindowMinutes)*time.Minute) {
		return effect{}, refuse(CodeTwoCardOrder, "the original card of the same person must go in first, at the same terminal and within the city's minutes")
	}
	cause := t.because(ReasonActPharmacyTwoCard, "institution", i.InstitutionCode, "terminal", i.TerminalID, "original", t.opened.EventID)
	changed, err := t.card.ActivateSocial(t.policy, cause, t.now)
	return t.outcome(MachineSocial, changed, err)
}

// apply enables the social security application. A verified password of the original card is carried over: the
// new card's is set with it, both or none.
func (f *pharmacyProof) apply(t *turn) (effect, error) {
	before := t.card.Clone()
	cause := t.because(f.reason, "institution", f.InstitutionCode)
	changed, err := t.card.ActivateSocial(t.policy, cause, t.now)
	done, err := t.outcome(MachineSocial, changed, err)
	if err != nil || done.stale || f.reason != ReasonActPharmacyOriginalPassword || t.card.Password != PasswordInitial {
		return done, err
	}
	set, err := t.card.ReportPassword(t.policy, StepSet, cause, t.now)
	if err != nil {
		*t.card = *before
		return effect{}, err
	}
	done.changed = changed || set
	return done, nil
}

var passwordEvents = map[string]Step{
	"first_changed": StepSet, "changed": StepSet, "locked": StepLock, "unlocked": StepUnlock, "reset": StepReset,
}

func (r *passwordReport) apply(t *turn) (effect, error) {
	changed, err := t.card.ReportPassword(t.policy, passwordEvents[r.Event], t.because(ReasonPartnerReport, "event", r.Event), t.now)
	return t.outcome(MachinePassword, changed, err)
}

func (r *cardReport) apply(t *turn) (effect, error) {
	evidence := append(r.Agent.evidence(), "batch", r.Batch, "outlet", r.Outlet)
	cause := t.because(ReasonPartnerReport, evidence...)
	if err := cause.CheckOccurred(t.now); err != nil {
		return effect{}, err
	}
	if t.card.Fulfilment == r.to || t.card.Late(MachineFulfilment, cause) {
		return t.outcome(MachineFulfilment, false, nil)
	}
	if r.step != StepCollect {
		err := t.card.Fulfil(r.step, cause, t.now)
		return effect{changed: err == nil}, err
	}
	day, err := ParseDate(r.ReceivedOn)
	if err != nil {
		return effect{}, refuseField(CodeInvalidPayload, "received_on", "the day of receipt is no day written YYYY-MM-DD")
	}
	changed, err := t.card.Collect(day, cause, t.now)
	return effect{changed: changed}, err
}

// evidence names the paper on which an agent acted. The agent's own number stays out of the history.
func (a *agentContent) evidence() []string {
	if a == nil {
		return nil
	}
	return []string{"agent", a.DocumentType, "power_of_attorney", a.PowerOfAttorneyRef}
}
