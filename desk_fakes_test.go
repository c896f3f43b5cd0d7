package citycard_test

import (
	"context"
	"slices"

	"citycard"
)

var (
	_ citycard.People      = (*town)(nil)
	_ citycard.Callers     = (*town)(nil)
	_ citycard.Corrections = (*town)(nil)
)

func (t *town) PersonRecord(_ context.Context, id string) (citycard.PersonRecord, error) {
	record := citycard.PersonRecord{Phone: citycard.RestorePhone(t.phones[id])}
	for number, person := range t.people {
		if person.ID == id {
			record.Person, record.Numbers = person, append(record.Numbers, citycard.RestoreIDNumber(number))
		}
	}
	if !record.Known() {
		return record, &citycard.Error{Code: citycard.CodeNotFound}
	}
	return record, nil
}

func (t *town) PeopleBorn(_ context.Context, name citycard.Name, born citycard.Date, limit int) ([]string, error) {
	var ids []string
	for number, person := range t.people {
		_, same := person.Name.Matches(name)
		if same && citycard.RestoreIDNumber(number).BirthDate() == born && len(ids) < limit {
			ids = append(ids, person.ID)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

func (t *town) KeepIdentification(ctx context.Context, i citycard.Identification, by citycard.StaffAction) error {
	t.callers = append(t.callers, i)
	return t.RecordAction(ctx, by)
}

func (t *town) Identification(_ context.Context, id string) (citycard.Identification, error) {
	for _, made := range t.callers {
		if made.ID == id {
			return made, nil
		}
	}
	return citycard.Identification{}, &citycard.Error{Code: citycard.CodeNotFound}
}

func (t *town) OpenCorrection(ctx context.Context, c citycard.Correction, by citycard.StaffAction) (citycard.Correction, error) {
	for _, there := range t.cases {
		if c.Once != "" && there.Once == c.Once {
			return there, nil
		}
	}
	t.cases = append(t.cases, c)
	return c, t.RecordAction(ctx, by)
}

func (t *town) Correction(_ context.Context, id string) (citycard.Correction, error) {
	for _, c := range t.cases {
		if c.ID == id {
			return c, nil
		}
	}
	return citycard.Correction{}, &citycard.Error{Code: citycard.CodeNotFound}
}

func (t *town) Corrections(_ context.Context, q citycard.CorrectionQuery) ([]citycard.Correction, error) {
	var found []citycard.Correction
	for _, c := range slices.Backward(t.cases) {
		if (q.State == "" || c.State == q.State) && (q.CardRef == "" || c.CardRef == q.CardRef) &&
			(q.Before == "" || c.ID < q.Before) && len(found) < q.Limit {
			found = append(found, c)
		}
	}
	return found, nil
}

func (t *town) ResolveCorrection(ctx context.Context, c citycard.Correction, by citycard.StaffAction) (bool, error) {
	for i, there := range t.cases {
		if there.ID == c.ID && there.State == citycard.CorrectionOpen {
			t.cases[i] = c
			return true, t.RecordAction(ctx, by)
		}
	}
	return false, nil
}
