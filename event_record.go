package citycard

import (
	"encoding/json"
	"fmt"
	"time"
)

// eventRecord is what stays of an event, as the result of its once-record: the reply for repetitions, and the
// row for the daily reconciliation. Times are milliseconds UTC.
type eventRecord struct {
	Method           Method      `json:"method"`
	Result           EventResult `json:"result"`
	Changed          bool        `json:"changed"`
	Hint             Text        `json:"hint,omitzero"`
	Region           string      `json:"region"`
	CardNumberMasked string      `json:"card_number_masked"`
	CardRef          string      `json:"card_ref,omitempty"`
	OccurredAt       int64       `json:"occurred_at"`
	ServerTime       int64       `json:"server_time"`
}

func (r eventRecord) encode() (string, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("write event record: %w", err)
	}
	return string(text), nil
}

func readEventRecord(text string) (eventRecord, error) {
	var r eventRecord
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return r, fmt.Errorf("read event record: %w", err)
	}
	return r, nil
}

func (r eventRecord) reply(number OnceKey, appID string) PartnerReply {
	return PartnerReply{
		AppID: appID, OutRequestNo: number.Key, Result: r.Result, Changed: r.Changed, Hint: r.Hint,
		ServerTime: time.UnixMilli(r.ServerTime).In(Shanghai),
	}
}

// storedReply is the reply to a repetition.
func (e *event) storedReply(text string) (PartnerReply, error) {
	record, err := readEventRecord(text)
	if err != nil {
		return PartnerReply{}, err
	}
	reply := record.reply(e.subject.Once, e.request.Partner.AppID)
	reply.Repeated = true
	return reply, nil
}
