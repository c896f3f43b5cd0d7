package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var dayShift = regexp.MustCompile(`^[+-][0-9]{1,5}d$`)

// readClock makes the service's clock: the system's, one that stands still at an RFC 3339 time, or one shifted
// by days (+300d) or a duration (+2h30m).
func readClock(text string, system func() time.Time) (func() time.Time, error) {
	if text == "" {
		return system, nil
	}
	if fixed, err := time.Parse(time.RFC3339, text); err == nil {
		return func() time.Time { return fixed }, nil
	}
	shift, err := readShift(text)
	if err != nil {
		return nil, fmt.Errorf("%q is neither a time like 2026-11-22T09:30:00+08:00 nor a shift like +300d or -2h", text)
	}
	return func() time.Time { return system().Add(shift) }, nil
}

func readShift(text string) (time.Duration, error) {
	if dayShift.MatchString(text) {
		days, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
		return time.Duration(days) * 24 * time.Hour, err
	}
	if !strings.HasPrefix(text, "+") && !strings.HasPrefix(text, "-") {
		return 0, errors.New("a shift begins with + or -")
	}
	return time.ParseDuration(text)
}
