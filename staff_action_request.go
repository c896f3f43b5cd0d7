package citycard

import (
	"regexp"
	"slices"
	"strings"
)

// ActionRequest is what staff submits. Evidence is the reference of the document seen, Place the code of the place.
// OnceKey is the caller's Idempotency-Key.
type ActionRequest struct {
	Ref      string     `json:"-"`
	Action   CardAction `json:"-"`
	Reason   Reason     `json:"reason"`
	Note     string     `json:"-"`
	Evidence string     `json:"evidence,omitempty"`
	Place    string     `json:"place,omitempty"`
	// Step and ReceivedOn belong to the card's making.
	Step       Step    `json:"-"`
	ReceivedOn string  `json:"-"`
	Channel    Channel `json:"-"`
	// Identification is that of the caller on the hotline.
	Identification string `json:"-"`
	// Agent came for the cardholder; zero where the cardholder came.
	Agent Agent `json:"-"`
	// AccountLast4 and ActivatedOn are what the issuing bank confirmed on paper.
	AccountLast4 string `json:"account_last4,omitempty"`
	ActivatedOn  string `json:"activated_on,omitempty"`
	OnceKey      string `json:"-"`
}

// Agent is somebody who acts for the cardholder, by the references of what was seen: the agent's own identity
// document, the cardholder's, and the power of attorney, with the last day on which that holds.
type Agent struct {
	Document   string
	Cardholder string
	Attorney   string
	Until      string
}

// evidenceForm keeps references free of names: a file's or a document's number.
var evidenceForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$`)

// check refuses an agent whose papers are not complete or hold no longer: agent_not_authorised.
func (a Agent) check(today Date) error {
	if a == (Agent{}) {
		return nil
	}
	for field, reference := range map[string]string{
		"agent.document": a.Document, "agent.cardholder_document": a.Cardholder, "agent.attorney": a.Attorney,
	} {
		switch {
		case reference == "":
			return refuseField(CodeAgentNotAuthorised, field, "an agent brings both identity documents and the power of attorney")
		case !evidenceForm.MatchString(reference):
			return refuseField(CodeInvalidPayload, field, "a document seen is named by a reference: letters, digits and _ . : / -")
		}
	}
	until, err := ParseDate(a.Until)
	switch {
	case err != nil:
		return refuseField(CodeAgentNotAuthorised, "agent.until", "the last day of the power of attorney is missing, or no day written YYYY-MM-DD")
	case until.Before(today):
		return refuseField(CodeAgentNotAuthorised, "agent.until", "the power of attorney holds no longer")
	}
	return nil
}

// evidence is what the history keeps of an agent.
func (a Agent) evidence() []string {
	if a == (Agent{}) {
		return nil
	}
	return []string{"agent=" + a.Document, "cardholder=" + a.Cardholder, "attorney=" + a.Attorney, "until=" + a.Until}
}

// check completes the request and refuses what the action does not take.
func (r *ActionRequest) check(how deskAction, today Date) error {
	if r.Reason == "" && how.second == "" {
		r.Reason = how.reasons[0]
	}
	switch {
	case !slices.Contains(how.reasons, r.Reason):
		return refuseField(CodeInvalidPayload, "reason", "this is no reason for the action")
	case r.Channel == ChannelHotline && !how.caller:
		return refuseField(CodeInvalidPayload, "channel", "this is not done by telephone")
	case r.Agent != (Agent{}) && !how.agent:
		return refuseField(CodeAgentNotAuthorised, "agent", "this is not done by an agent")
	}
	for _, step := range []func(deskAction) error{r.checkPapers, r.checkStep} {
		if err := step(how); err != nil {
			return err
		}
	}
	if err := r.Agent.check(today); err != nil || r.Note == "" {
		return err
	}
	return checkNote(r.Note)
}

func (r *ActionRequest) checkPapers(how deskAction) error {
	switch {
	case how.evidence && r.Evidence == "":
		return refuseField(CodeInvalidPayload, "evidence", "evidence is missing: the reference of the document seen")
	case r.Evidence != "" && !evidenceForm.MatchString(r.Evidence):
		return refuseField(CodeInvalidPayload, "evidence", "evidence is a reference: letters, digits and _ . : / -")
	case how.place && r.Place == "":
		return refuseField(CodeInvalidPayload, "place", "place is missing: the code of the place")
	case r.Place != "" && !evidenceForm.MatchString(r.Place):
		return refuseField(CodeInvalidPayload, "place", "place is the code of a place")
	case how.paper && !lastFour.MatchString(r.AccountLast4):
		return refuseField(CodeInvalidPayload, "account_last4", "the last four digits of the account are missing")
	case !how.paper && (r.AccountLast4 != "" || r.ActivatedOn != ""):
		return refuseField(CodeInvalidPayload, "account_last4", "a bank's paper belongs to the activation by hand")
	}
	return nil
}

var lastFour = regexp.MustCompile(`^[0-9]{4}$`)

func (r *ActionRequest) checkStep(deskAction) error {
	switch {
	case r.Action == ActionFulfilment && !slices.Contains(deskSteps, r.Step):
		return refuseField(CodeInvalidPayload, "step", "this is no step of a card's making")
	case r.Action != ActionFulfilment && r.Step != "":
		return refuseField(CodeInvalidPayload, "step", "steps belong to a card's making")
	case r.ReceivedOn != "" && r.Step != StepCollect:
		return refuseField(CodeInvalidPayload, "received_on", "the day of receipt belongs to the step collect")
	}
	return nil
}

// evidence is what the history keeps of the request.
func (r *ActionRequest) evidence() string {
	var parts []string
	for _, part := range []struct{ name, value string }{
		{"document", r.Evidence}, {"place", r.Place}, {"identification", r.Identification},
	} {
		if part.value != "" {
			parts = append(parts, part.name+"="+part.value)
		}
	}
	return strings.Join(append(parts, r.Agent.evidence()...), " ")
}
