package sql

import "citycard"

// activationRow is a row of activation; name and number are sealed.
type activationRow struct {
	ID             string `db:"id"`
	CitizenID      string `db:"citizen_id"`
	Channel        string `db:"channel"`
	Name           string `db:"name"`
	Number         string `db:"number"`
	Method         string `db:"method"`
	CheckID        string `db:"check_id"`
	Status         string `db:"status"`
	Failure        string `db:"failure"`
	CardRef        string `db:"card_ref"`
	Changed        bool   `db:"changed"`
	Receipt        string `db:"receipt"`
	Dedup          string `db:"dedup"`
	AttemptCitizen string `db:"attempt_citizen"`
	AttemptNumber  string `db:"attempt_number"`
	AttemptAddress string `db:"attempt_address"`
	StartedAt      int64  `db:"started_at"`
	ExpiresAt      int64  `db:"expires_at"`
	FinishedAt     int64  `db:"finished_at"`
	ClaimedUntil   int64  `db:"claimed_until"`
}

const activationColumns = `id, citizen_id, channel, name, number, method, check_id, status, failure, card_ref, changed,
 receipt, dedup, attempt_citizen, attempt_number, attempt_address, started_at, expires_at, finished_at, claimed_until`

// fields are the places of activationColumns.
func (r *activationRow) fields() []any {
	return []any{
		&r.ID, &r.CitizenID, &r.Channel, &r.Name, &r.Number, &r.Method, &r.CheckID, &r.Status, &r.Failure, &r.CardRef, &r.Changed,
		&r.Receipt, &r.Dedup, &r.AttemptCitizen, &r.AttemptNumber, &r.AttemptAddress, &r.StartedAt, &r.ExpiresAt, &r.FinishedAt,
		&r.ClaimedUntil,
	}
}

func (s *Store) activation(r activationRow) (citycard.Activation, error) {
	name, err := s.open("activation.name", r.ID, r.Name)
	if err != nil {
		return citycard.Activation{}, err
	}
	number, err := s.open("activation.number", r.ID, r.Number)
	if err != nil {
		return citycard.Activation{}, err
	}
	return citycard.Activation{
		ID: r.ID, CitizenID: r.CitizenID, Channel: citycard.Channel(r.Channel),
		Name: citycard.RestoreName(name), Number: citycard.RestoreIDNumber(number),
		Method: citycard.IdentityMethod(r.Method), CheckID: r.CheckID,
		Status: citycard.ActivationStatus(r.Status), Failure: citycard.Code(r.Failure),
		CardRef: r.CardRef, Changed: r.Changed, Receipt: r.Receipt, Dedup: r.Dedup,
		Attempts: map[citycard.AttemptKind]string{
			citycard.AttemptByCitizen: r.AttemptCitizen, citycard.AttemptByNumber: r.AttemptNumber,
			citycard.AttemptByAddress: r.AttemptAddress,
		},
		StartedAt: instant(r.StartedAt), ExpiresAt: instant(r.ExpiresAt),
		FinishedAt: instant(r.FinishedAt), ClaimedUntil: instant(r.ClaimedUntil),
	}, nil
}

func (s *Store) activationRow(a citycard.Activation) (activationRow, error) {
	name, err := s.seal("activation.name", a.ID, a.Name.Reveal())
	if err != nil {
		return activationRow{}, err
	}
	number, err := s.seal("activation.number", a.ID, a.Number.Reveal())
	if err != nil {
		return activationRow{}, err
	}
	return activationRow{
		ID: a.ID, CitizenID: a.CitizenID, Channel: string(a.Channel), Name: name, Number: number,
		Method: string(a.Method), CheckID: a.CheckID, Status: string(a.Status), Failure: string(a.Failure),
		CardRef: a.CardRef, Changed: a.Changed, Receipt: a.Receipt, Dedup: a.Dedup,
		AttemptCitizen: a.Attempts[citycard.AttemptByCitizen], AttemptNumber: a.Attempts[citycard.AttemptByNumber],
		AttemptAddress: a.Attempts[citycard.AttemptByAddress],
		StartedAt:      millis(a.StartedAt), ExpiresAt: millis(a.ExpiresAt),
		FinishedAt: millis(a.FinishedAt), ClaimedUntil: millis(a.ClaimedUntil),
	}, nil
}
