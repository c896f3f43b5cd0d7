package citycard

import "context"

// PersonRecord is everything on record of a person beside the cards.
type PersonRecord struct {
	Person

	// Numbers are the document numbers, in no particular order.
	Numbers []IDNumber
	Phone   Phone
}

// birthDates are the days of birth that the numbers tell of; several only where a record is wrong.
func (p PersonRecord) birthDates() []Date {
	var days []Date
	for _, number := range p.Numbers {
		if day := number.BirthDate(); !day.IsZero() {
			days = append(days, day)
		}
	}
	return days
}

// People is the store of people apart from their cards.
type People interface {
	// PersonRecord gives what is on record of a person; not_found where there is none.
	PersonRecord(ctx context.Context, id string) (PersonRecord, error)
	// PeopleBorn finds the people of a name, as Name.Matches compares it, whose number tells of that day of birth: their
	// ids, at most limit.
	PeopleBorn(ctx context.Context, name Name, born Date, limit int) ([]string, error)
}

// Folded is what all names that match one another share: without spaces, with one kind of middle dot.
func (n Name) Folded() Name { return RestoreName(foldDots(withoutSpaces(n.text))) }
