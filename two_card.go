package citycard

import (
	"context"
	"time"
)

// Terminal is one till of one pharmacy of one partner.
type Terminal struct {
	AppID           string
	InstitutionCode string
	TerminalID      string
}

// TwoCards is a two-card session whose first half was done: the original card went in at the terminal. Whose it
// was is known, so that nobody's card can complete another person's session.
type TwoCards struct {
	Terminal

	PersonID string
	// EventID is the pharmacy's number of the first insertion.
	EventID  string
	Occurred time.Time
}

// TwoCardSessions is the store of two-card sessions, shared by all replicas. It keeps the latest of each terminal.
type TwoCardSessions interface {
	// OpenTwoCards stores a session in place of an older one at its terminal; a newer one stays. What was opened
	// more than a day before now is forgotten.
	OpenTwoCards(ctx context.Context, s TwoCards, now time.Time) error
	// TwoCards is the session at a terminal; the zero TwoCards where there is none.
	TwoCards(ctx context.Context, at Terminal) (TwoCards, error)
}

// completedBy tells whether inserting the card completes the session: it is the same person's, went in after the
// original card, and within the window.
func (s TwoCards) completedBy(card *Card, occurred time.Time, window time.Duration) bool {
	return s.EventID != "" && s.PersonID == card.PersonID &&
		!occurred.Before(s.Occurred) && occurred.Sub(s.Occurred) <= window
}
