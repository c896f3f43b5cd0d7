package citycard

import (
	"context"
	"crypto/hmac"
	"slices"
	"time"
)

// CallerQuestion is one of those by which a caller on the hotline is identified.
type CallerQuestion string

// The questions. Birth day and document are of one piece of paper and count as one answer.
const (
	AskName          CallerQuestion = "name"
	AskBirthDate     CallerQuestion = "birth_date"
	AskDocumentLast4 CallerQuestion = "document_last4"
	AskBank          CallerQuestion = "bank_code"
	AskReceivedMonth CallerQuestion = "received_month"
	AskPhoneLast4    CallerQuestion = "phone_last4"
)

// CallerQuestions lists all of them, in the order in which they are asked.
func CallerQuestions() []CallerQuestion {
	return []CallerQuestion{AskName, AskBirthDate, AskDocumentLast4, AskBank, AskReceivedMonth, AskPhoneLast4}
}

const (
	// answersNeeded is how many answers identify a caller, with none wrong.
	answersNeeded = 3
	// identificationLasts is how long a caller stays identified.
	identificationLasts = 30 * time.Minute
	// Wrong identifications allowed, of a card in a day and by one member of staff in an hour.
	triesPerCardDay   = 5
	triesPerStaffHour = 30
)

// Answers are what a caller said, by question; what was not asked is left out.
type Answers map[CallerQuestion]string

// Identification is that a caller was, or was not, identified as the holder of a card.
type Identification struct {
	ID      string
	StaffID string
	CardRef string
	Passed  bool
	At      time.Time
}

// ExpiresAt is when the caller has to be identified again.
func (i Identification) ExpiresAt() time.Time { return i.At.Add(identificationLasts) }

// Callers is the store of identifications.
type Callers interface {
	// KeepIdentification stores one with the action that records it.
	KeepIdentification(ctx context.Context, i Identification, by StaffAction) error
	// Identification finds one by id; not_found where there is none.
	Identification(ctx context.Context, id string) (Identification, error)
}

// Questions are those that the record of a card's holder can answer, in the order in which they are asked. The answers
// do not leave the server.
func (d *StaffDesk) Questions(ctx context.Context, s StaffSession, ref string) ([]CallerQuestion, error) {
	card, record, err := d.holder(ctx, ref)
	if err != nil {
		return nil, err
	}
	questions := []CallerQuestion{AskName}
	if len(record.birthDates()) > 0 {
		questions = append(questions, AskBirthDate)
	}
	if len(record.Numbers) > 0 {
		questions = append(questions, AskDocumentLast4)
	}
	questions = append(questions, AskBank)
	if !card.ReceivedOn.IsZero() {
		questions = append(questions, AskReceivedMonth)
	}
	if !record.Phone.IsZero() {
		questions = append(questions, AskPhoneLast4)
	}
	return questions, d.Records.RecordAction(ctx, d.action(ctx, s, "ask_caller", ref))
}

func (d *StaffDesk) holder(ctx context.Context, ref string) (*Card, PersonRecord, error) {
	found, err := d.Cards.Holding(ctx, Subject{Ref: ref})
	if err != nil {
		return nil, PersonRecord{}, err
	}
	if found.Card == nil {
		return nil, PersonRecord{}, noSuchCard()
	}
	record, err := d.People.PersonRecord(ctx, found.Person.ID)
	return found.Card, record, err
}

// Identify compares what a caller said with the record. The caller is identified by three answers, of different things,
// with none wrong; otherwise it is caller_not_identified, which does not say what was wrong, and after too many tries
// attempts_locked. Either way it is recorded.
func (d *StaffDesk) Identify(ctx context.Context, s StaffSession, ref string, answers Answers) (Identification, error) {
	card, record, err := d.holder(ctx, ref)
	if err != nil {
		return Identification{}, err
	}
	limits := append(d.hourly(AttemptByCallerStaff, s, triesPerStaffHour), d.daily(AttemptByCaller, ref, triesPerCardDay))
	if err := d.Attempts.ReserveAttempt(ctx, limits, d.Clock()); err != nil {
		return Identification{}, err
	}
	made := Identification{
		ID: d.NewID(), StaffID: s.Staff.ID, CardRef: ref, Passed: d.identifies(card, record, answers), At: d.Clock(),
	}
	action := d.action(ctx, s, "identify_caller", ref)
	action.Reason = "failed"
	if made.Passed {
		action.Reason = "passed"
	}
	if err := d.Callers.KeepIdentification(ctx, made, action); err != nil {
		return Identification{}, err
	}
	if !made.Passed {
		return Identification{}, notIdentified("the answers do not identify the caller")
	}
	return made, d.Attempts.ReturnAttempt(ctx, limits)
}

func notIdentified(message string) error { return refuse(CodeCallerNotIdentified, message) }

// identifies tells whether the answers are enough, and all right. Every answer is compared, whatever came before.
func (d *StaffDesk) identifies(card *Card, record PersonRecord, answers Answers) bool {
	right, wrong := map[CallerQuestion]bool{}, false
	for question, answer := range answers {
		if answer == "" {
			continue
		}
		if !d.isRight(card, record, question, answer) {
			wrong = true
		}
		if question == AskBirthDate {
			question = AskDocumentLast4
		}
		right[question] = true
	}
	return !wrong && len(right) >= answersNeeded
}

func (d *StaffDesk) isRight(card *Card, record PersonRecord, question CallerQuestion, answer string) bool {
	var known []string
	switch question {
	case AskName:
		said, err := ParseName(answer, d.NFKC)
		_, same := record.Name.Matches(said)
		return err == nil && same
	case AskBirthDate:
		for _, day := range record.birthDates() {
			known = append(known, day.String())
		}
	case AskDocumentLast4:
		answer = narrow(answer)
		for _, number := range record.Numbers {
			known = append(known, ending(number.Reveal()))
		}
	case AskBank:
		known = []string{string(card.Bank)}
	case AskReceivedMonth:
		known = present(month(card.ReceivedOn))
	case AskPhoneLast4:
		known = present(ending(record.Phone.Reveal()))
	}
	return slices.ContainsFunc(known, func(value string) bool { return hmac.Equal([]byte(value), []byte(answer)) })
}

// ending is the last four characters.
func ending(text string) string { return text[max(0, len(text)-4):] }

// month is a day's month, written YYYY-MM; empty where there is no day.
func month(d Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()[:len("2006-01")]
}

// identified holds that a caller on the hotline was identified, by the same member of staff for the same card, less
// than half an hour ago: caller_not_identified otherwise. At the counter nothing is asked.
func (d *StaffDesk) identified(ctx context.Context, s StaffSession, channel Channel, ref, id string) error {
	if channel != ChannelHotline {
		if id != "" {
			return refuseField(CodeInvalidPayload, "identification", "callers are identified on the hotline")
		}
		return nil
	}
	if id == "" {
		return notIdentified("on the hotline the caller is identified first")
	}
	made, err := d.Callers.Identification(ctx, id)
	if CodeOf(err) == CodeNotFound {
		return notIdentified("there is no such identification")
	}
	if err != nil {
		return err
	}
	if !made.Passed || made.StaffID != s.Staff.ID || made.CardRef != ref || !d.Clock().Before(made.ExpiresAt()) {
		return notIdentified("the caller was not identified for this, or too long ago")
	}
	return nil
}
