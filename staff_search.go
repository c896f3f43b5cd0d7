package citycard

import (
	"context"
	"strings"
	"time"
)

// StaffSearch is what staff looks for: an ID number; a card number with, where known, its region; or a name with the
// day of birth.
type StaffSearch struct {
	IDNumber   string
	CardNumber string
	Region     string
	Name       string
	BirthDate  string
}

// Found is what a search shows: cards, masked. More tells that the name has more people than are shown.
type Found struct {
	Cards []CardView
	More  bool
}

const (
	// mostPeople is how many people of one name and day of birth a search shows at most.
	mostPeople = 20
	// searchesPerHour is how often one member of staff may search.
	searchesPerHour = 300
)

// Search finds the cards of the person that a number belongs to, or of the people of a name and day of birth, newest
// first; none where there is nobody. What was searched for is not recorded, but whose cards were shown is. One member of
// staff may search 300 times an hour, then it is attempts_locked.
func (d *StaffDesk) Search(ctx context.Context, s StaffSession, q StaffSearch) (Found, error) {
	subjects, more, err := d.subjects(ctx, s, q)
	if err != nil {
		return Found{}, err
	}
	shown := Found{More: more}
	var people []string
	for _, subject := range subjects {
		found, err := d.Cards.Holding(ctx, subject)
		if err != nil {
			return Found{}, err
		}
		seen := false
		for i := len(found.Cards) - 1; i >= 0; i-- {
			if subject.CardNumber == "" || found.Cards[i] == found.Card {
				shown.Cards, seen = append(shown.Cards, d.Policies.View(found.Person, found.Cards[i], d.Clock())), true
			}
		}
		if seen {
			people = append(people, found.Person.ID)
		}
	}
	if len(people) == 0 {
		people = []string{""}
	}
	for _, person := range people {
		if err := d.Records.RecordAction(ctx, d.action(ctx, s, "search", person)); err != nil {
			return Found{}, err
		}
	}
	return shown, nil
}

// subjects are whom a search names; more tells that there are others.
func (d *StaffDesk) subjects(ctx context.Context, s StaffSession, q StaffSearch) (subjects []Subject, more bool, err error) {
	asked := 0
	for _, given := range []string{q.IDNumber, q.CardNumber, q.Name + q.BirthDate} {
		if strings.TrimSpace(given) != "" {
			asked++
		}
	}
	if asked != 1 {
		return nil, false, refuseField(CodeInvalidPayload, idNumberField, "give an ID number, a card number, or a name with the day of birth")
	}
	var named []Subject
	switch {
	case q.IDNumber != "":
		var number IDNumber
		number, err = ParseIDNumber(q.IDNumber, DateOf(d.Clock()))
		named = []Subject{{Number: number}}
	case q.CardNumber != "":
		named, err = d.printed(q)
	}
	if err != nil {
		return nil, false, err
	}
	var name Name
	var born Date
	if named == nil {
		if name, born, err = d.nameAndDay(q); err != nil {
			return nil, false, err
		}
	}
	if err := d.Attempts.ReserveAttempt(ctx, d.hourly(AttemptByStaffSearch, s, searchesPerHour), d.Clock()); err != nil {
		return nil, false, err
	}
	if named != nil {
		return named, false, nil
	}
	return d.born(ctx, name, born)
}

func (d *StaffDesk) nameAndDay(q StaffSearch) (Name, Date, error) {
	name, err := ParseName(q.Name, d.NFKC)
	if err != nil {
		return Name{}, Date{}, err
	}
	born, err := ParseDate(q.BirthDate)
	if err != nil || born.IsZero() {
		return Name{}, Date{}, refuseField(CodeInvalidPayload, "birth_date", "the day of birth is no day written YYYY-MM-DD")
	}
	return name, born, nil
}

func (d *StaffDesk) born(ctx context.Context, name Name, born Date) (subjects []Subject, more bool, err error) {
	people, err := d.People.PeopleBorn(ctx, name, born, mostPeople+1)
	if err != nil {
		return nil, false, err
	}
	if more = len(people) > mostPeople; more {
		people = people[:mostPeople]
	}
	for _, id := range people {
		subjects = append(subjects, Subject{PersonID: id})
	}
	return subjects, more, nil
}

// printed are the cards that bear a number, one for each city that may have given it.
func (d *StaffDesk) printed(q StaffSearch) ([]Subject, error) {
	number, err := ParseCardNumber(q.CardNumber)
	if err != nil {
		return nil, err
	}
	regions := d.Policies.Regions()
	if q.Region != "" {
		regions = []string{q.Region}
	}
	subjects := make([]Subject, len(regions))
	for i, region := range regions {
		subjects[i] = Subject{Region: region, CardNumber: number}
	}
	return subjects, nil
}

// hourly limits one member of staff by the hour.
func (d *StaffDesk) hourly(kind AttemptKind, s StaffSession, most int) []AttemptLimit {
	hour := d.Clock().In(Shanghai).Truncate(time.Hour)
	return []AttemptLimit{{kind, s.Staff.ID, most, hour, hour.Add(time.Hour)}}
}

// daily limits a subject by the day in Shanghai.
func (d *StaffDesk) daily(kind AttemptKind, subject string, most int) AttemptLimit {
	today := DateOf(d.Clock())
	return AttemptLimit{kind, subject, most, today.Start(), today.End()}
}
