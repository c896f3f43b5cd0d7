package citycard

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Comparison is a comparison as it is kept: what was counted, and the lines of each kind, packed. Kinds without lines
// are left out.
type Comparison struct {
	ReconciliationResult

	Lines map[DifferenceKind][]byte
}

// Reconciliations is the store of comparisons.
type Reconciliations interface {
	// KeepReconciliation keeps a comparison in place of an earlier one of that partner and day, and with it records who
	// made it, nil for nobody of staff.
	KeepReconciliation(ctx context.Context, c Comparison, by *StaffAction) error
	// FindReconciliation finds the result of a partner and day; not_found where nothing was compared.
	FindReconciliation(ctx context.Context, appID string, day Date) (ReconciliationResult, error)
	// ReconciliationLines gives the packed lines of a kind, nothing where there are none.
	ReconciliationLines(ctx context.Context, appID string, day Date, kind DifferenceKind) ([]byte, error)
}

// keptLine is a line as it is packed. Times are milliseconds UTC.
type keptLine struct {
	Number     string       `json:"n"`
	Method     Method       `json:"m,omitempty"`
	Result     EventResult  `json:"r,omitempty"`
	Changed    bool         `json:"c,omitempty"`
	Region     string       `json:"g,omitempty"`
	Card       string       `json:"k,omitempty"`
	Ref        string       `json:"f,omitempty"`
	OccurredAt int64        `json:"o,omitempty"`
	ServerTime int64        `json:"s,omitempty"`
	Theirs     []TheirValue `json:"t,omitempty"`
}

// packedLines are lines as JSON, one after the other, compressed (RFC 1952) as they come: differences may be as long as
// the lists.
type packedLines struct {
	text bytes.Buffer
	zip  *gzip.Writer
	out  *json.Encoder
}

func (p *packedLines) add(line DifferenceLine) error {
	if p.zip == nil {
		p.zip = gzip.NewWriter(&p.text)
		p.out = json.NewEncoder(p.zip)
	}
	ours := line.Ours
	kept := keptLine{
		Number: ours.OutRequestNo, Method: ours.Method, Result: ours.Result, Changed: ours.Changed, Region: ours.Region,
		Card: ours.CardNumberMasked, Ref: ours.CardRef, Theirs: line.Theirs,
	}
	if !ours.ServerTime.IsZero() {
		kept.OccurredAt, kept.ServerTime = ours.OccurredAt.UnixMilli(), ours.ServerTime.UnixMilli()
	}
	return p.out.Encode(kept)
}

// packed closes what was packed.
func packed(kinds map[DifferenceKind]*packedLines) (map[DifferenceKind][]byte, error) {
	lines := map[DifferenceKind][]byte{}
	for kind, packing := range kinds {
		if packing.zip == nil {
			continue
		}
		if err := packing.zip.Close(); err != nil {
			return nil, fmt.Errorf("pack lines: %w", err)
		}
		lines[kind] = packing.text.Bytes()
	}
	return lines, nil
}

// errEnough ends a walk through lines early.
var errEnough = errors.New("enough lines")

// unpack calls do for each line, until one of the calls fails.
func unpack(lines []byte, do func(DifferenceLine) error) error {
	if len(lines) == 0 {
		return nil
	}
	zip, err := gzip.NewReader(bytes.NewReader(lines))
	if err != nil {
		return fmt.Errorf("unpack lines: %w", err)
	}
	for in := json.NewDecoder(zip); ; {
		var kept keptLine
		if err := in.Decode(&kept); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("unpack lines: %w", err)
		}
		if err := do(kept.line()); err != nil {
			return err
		}
	}
}

func (k keptLine) line() DifferenceLine {
	line := DifferenceLine{Theirs: k.Theirs, Ours: ReconciliationRow{
		OutRequestNo: k.Number, Method: k.Method, Result: k.Result, Changed: k.Changed, Region: k.Region,
		CardNumberMasked: k.Card, CardRef: k.Ref,
	}}
	if k.ServerTime != 0 {
		line.Ours.OccurredAt, line.Ours.ServerTime = time.UnixMilli(k.OccurredAt).In(Shanghai), time.UnixMilli(k.ServerTime).In(Shanghai)
	}
	return line
}

// EachDifference calls do for every line kept of a kind.
func (r *Reconciliation) EachDifference(ctx context.Context, appID string, on Date, kind DifferenceKind, do func(DifferenceLine) error) error {
	lines, err := r.Kept.ReconciliationLines(ctx, appID, on, kind)
	if err != nil {
		return err
	}
	return unpack(lines, do)
}

// Differences are the first lines kept of a kind, at most the given number.
func (r *Reconciliation) Differences(ctx context.Context, appID string, on Date, kind DifferenceKind, most int) ([]DifferenceLine, error) {
	var first []DifferenceLine
	err := r.EachDifference(ctx, appID, on, kind, func(line DifferenceLine) error {
		if len(first) == most {
			return errEnough
		}
		first = append(first, line)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return first, err
}
