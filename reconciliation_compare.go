package citycard

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// mostCompared bounds how many rows an uploaded list may have.
const mostCompared = 1_000_000

// ReconciliationDifference is what a partner's list of a day and ours do not share.
type ReconciliationDifference struct {
	// Same counts the events that both have and that agree.
	Same int
	// OnlyOurs took effect here on that day and are not on the partner's list.
	OnlyOurs []ReconciliationRow
	// OnlyTheirs are numbers on the partner's list that had no effect here: never received, or refused.
	OnlyTheirs []string
	// Different are events that both have and that do not agree.
	Different []ReconciliationConflict
}

// ReconciliationConflict is an event that the two lists tell differently, and in which columns.
type ReconciliationConflict struct {
	Ours    ReconciliationRow
	Columns []string
}

// Compare reads a partner's list for a day, a CSV with a header of which out_request_no is needed and the other
// columns of the daily list are compared where they are there; further columns are ignored. An event that one
// side puts on the day before or after is the same event. A list that cannot be read is invalid_payload.
func (r *Reconciliation) Compare(ctx context.Context, appID string, on Date, list io.Reader) (ReconciliationDifference, error) {
	var found ReconciliationDifference
	theirs, err := readReconciliation(list)
	if err != nil {
		return found, err
	}
	days := [2]Date{on.AddDays(-1), on.AddDays(1)}
	err = r.Each(ctx, appID, days, func(ours ReconciliationRow) error {
		row, listed := theirs.rows[ours.OutRequestNo]
		if !listed {
			if DateOf(ours.ServerTime) == on {
				found.OnlyOurs = append(found.OnlyOurs, ours)
			}
			return nil
		}
		delete(theirs.rows, ours.OutRequestNo)
		if columns := theirs.differences(row, ours); len(columns) > 0 {
			found.Different = append(found.Different, ReconciliationConflict{ours, columns})
		} else {
			found.Same++
		}
		return nil
	})
	if err != nil {
		return ReconciliationDifference{}, fmt.Errorf("compare reconciliation lists: %w", err)
	}
	found.OnlyTheirs = slices.Sorted(maps.Keys(theirs.rows))
	return found, nil
}

// partnerList is a partner's list: the names of its columns, and its rows by the event's number.
type partnerList struct {
	header []string
	rows   map[string][]string
}

func readReconciliation(list io.Reader) (*partnerList, error) {
	text := bufio.NewReader(list)
	if mark, err := text.Peek(len(byteOrderMark)); err == nil && string(mark) == byteOrderMark {
		_, _ = text.Discard(len(byteOrderMark))
	}
	reader := csv.NewReader(text)
	header, err := reader.Read()
	if err != nil {
		return nil, unreadableList(1, "the header cannot be read")
	}
	for i := range header {
		header[i] = strings.ToLower(strings.TrimSpace(header[i]))
	}
	numbers := slices.Index(header, reconciliationColumns[0])
	if numbers < 0 || repeats(header) {
		return nil, unreadableList(1, "the header needs out_request_no, and every name once")
	}
	read := &partnerList{header: header, rows: map[string][]string{}}
	for {
		fields, err := reader.Read()
		var broken *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return read, nil
		case errors.As(err, &broken):
			return nil, unreadableList(broken.Line, "the line is no CSV with as many columns as the header")
		case err != nil:
			return nil, fmt.Errorf("read reconciliation list: %w", err)
		}
		line, _ := reader.FieldPos(0)
		number := strings.TrimSpace(fields[numbers])
		switch {
		case number == "" || read.rows[number] != nil:
			return nil, unreadableList(line, "out_request_no is empty, or on the list twice")
		case len(read.rows) == mostCompared:
			return nil, unreadableList(line, "the list is too long")
		}
		read.rows[number] = fields
	}
}

// column is a row's value of a column, empty where the list has no such column.
func (l *partnerList) column(row []string, name string) string {
	at := slices.Index(l.header, name)
	if at < 0 {
		return ""
	}
	return strings.TrimSpace(row[at])
}

const byteOrderMark = "\ufeff"

func unreadableList(line int, why string) error {
	return refuseField(CodeInvalidPayload, "file", fmt.Sprintf("line %d: %s", line, why))
}

// differences are the columns in which a partner's row tells something else. What the partner left empty is not
// compared, times are compared to the second, and a card number may be given whole. Ours alone know whether a
// report changed anything, and when it arrived.
func (l *partnerList) differences(row []string, ours ReconciliationRow) []string {
	var columns []string
	for _, compared := range []struct{ column, ours string }{
		{"method", string(ours.Method)}, {"result", string(ours.Result)}, {"region", ours.Region},
	} {
		if their := l.column(row, compared.column); their != "" && their != compared.ours {
			columns = append(columns, compared.column)
		}
	}
	if their := l.column(row, "card_number_masked"); their != "" && their != ours.CardNumberMasked &&
		CardNumber(strings.ToUpper(their)).Mask() != ours.CardNumberMasked {
		columns = append(columns, "card_number_masked")
	}
	if their := l.column(row, "occurred_at"); their != "" {
		at, err := time.Parse(time.RFC3339, their)
		if err != nil || at.Unix() != ours.OccurredAt.Unix() {
			columns = append(columns, "occurred_at")
		}
	}
	return columns
}
