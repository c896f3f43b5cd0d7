package citycard

import (
	"cmp"
	"fmt"
	"time"
)

// Shanghai is the time zone of every calendar date here: UTC+8 without daylight saving since 1991.
var Shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// Date is a calendar date in Asia/Shanghai. The zero Date means "not set".
type Date struct {
	year  int
	month time.Month
	day   int
}

// DateOf is the date on which t falls in Asia/Shanghai.
func DateOf(t time.Time) Date {
	if t.IsZero() {
		return Date{}
	}
	year, month, day := t.In(Shanghai).Date()
	return Date{year, month, day}
}

// ParseDate reads YYYY-MM-DD; the empty text is the zero Date. A day that does not exist is an error.
func ParseDate(text string) (Date, error) {
	if text == "" {
		return Date{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, Shanghai)
	if err != nil {
		return Date{}, fmt.Errorf("date %q is not a real day written YYYY-MM-DD", text)
	}
	return DateOf(t), nil
}

// IsZero tells whether the date is not set.
func (d Date) IsZero() bool { return d == Date{} }

// Start is the first moment of the day.
func (d Date) Start() time.Time { return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, Shanghai) }

// End is the first moment after the day: a period that lapses "at the end of the day" has lapsed from End on.
func (d Date) End() time.Time { return d.AddDays(1).Start() }

// AddDays is the date n days later; n may be negative.
func (d Date) AddDays(n int) Date {
	return DateOf(time.Date(d.year, d.month, d.day+n, 0, 0, 0, 0, Shanghai))
}

// AddMonths is the date n months later. Where that month is too short its last day is meant: 31 August plus
// six months is 28 or 29 February.
func (d Date) AddMonths(n int) Date {
	first := time.Date(d.year, d.month+time.Month(n), 1, 0, 0, 0, 0, Shanghai)
	last := first.AddDate(0, 1, -1).Day()
	return Date{first.Year(), first.Month(), min(d.day, last)}
}

// Before tells whether d is an earlier day than other.
func (d Date) Before(other Date) bool {
	return cmp.Or(cmp.Compare(d.year, other.year), cmp.Compare(d.month, other.month), cmp.Compare(d.day, other.day)) < 0
}

// DaysUntil counts the days from d to other; negative where other is earlier.
func (d Date) DaysUntil(other Date) int {
	return int(other.Start().Sub(d.Start()) / (24 * time.Hour))
}

// String is YYYY-MM-DD, or the empty text for the zero Date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Start().Format(time.DateOnly)
}

// MarshalJSON writes "YYYY-MM-DD", or null for the zero Date.
func (d Date) MarshalJSON() ([]byte, error) {
	if d.IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + d.String() + `"`), nil
}

// UnmarshalText reads what String writes.
func (d *Date) UnmarshalText(text []byte) error {
	parsed, err := ParseDate(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
