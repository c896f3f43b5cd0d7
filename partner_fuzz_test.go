package citycard_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// FuzzPartnerContent holds that whatever a partner signs either takes effect and is recorded, or does neither.
func FuzzPartnerContent(f *testing.F) {
	f.Add("citycard.financial.activate", []byte(`{"out_request_no":"BANK-0001","occurred_at":"2026-11-22T09:29:58+08:00","region":"320100","card_number":"A12345678","bank_code":"102","account_last4":"7893","password_set":true}`))
	f.Add("citycard.card.collect", []byte(`{"out_request_no":"MAKER-0001","occurred_at":"2026-11-22T09:29:58Z","card_identification_code":"32010000000000000000000000000001","received_on":"2026-11-22"}`))
	f.Add("citycard.password.report", []byte(`{"a":[{"pin":{"x":"\u5bc6\u7801"}},null,1e9,"password"],"password":"1"}`))
	f.Add("citycard.pharmacy.new.insert", []byte(`{"out_request_no":"SHOP-00001","terminal_id":"T1"}{`))
	f.Fuzz(func(t *testing.T, method string, content []byte) {
		c := newCounter(t, kindFor(citycard.Method(method)))
		c.openSession()
		reply, err := c.desk.Report(t.Context(), citycard.PartnerRequest{
			Partner: c.partner, Profile: citycard.ProfileGateway, Method: citycard.Method(method), Content: content,
		})
		if err != nil {
			assert.Empty(t, c.once)
			assert.Empty(t, c.card().Fresh())
			return
		}
		require.Len(t, c.once, 1)
		assert.Equal(t, reply.Changed, len(c.card().Fresh()) > 0)
		again, err := c.desk.Report(t.Context(), citycard.PartnerRequest{
			Partner: c.partner, Profile: citycard.ProfileGateway, Method: citycard.Method(method), Content: content,
		})
		require.NoError(t, err)
		assert.True(t, again.Repeated)
		again.Repeated = false
		assert.Equal(t, reply, again)
	})
}

// FuzzReconciliationList holds that every event of ours is on one side of the comparison, whatever is uploaded.
func FuzzReconciliationList(f *testing.F) {
	f.Add([]byte(dailyList))
	f.Add([]byte("\ufeffout_request_no,method\r\nEVENT-000001,\r\n"))
	f.Add([]byte("out_request_no\n\"EVENT\n-000001\"\n"))
	f.Fuzz(func(t *testing.T, list []byte) {
		reconciliation, c := busyDay(t)
		found, err := reconciliation.Reconcile(t.Context(), c.partner.AppID, day(t, "2026-11-22"), bytes.NewReader(list), nil)
		if err != nil {
			assert.Equal(t, citycard.CodeInvalidPayload, citycard.CodeOf(err))
			return
		}
		ours := found.Same + found.Differs + found.OnlyOurs
		assert.GreaterOrEqual(t, ours, int64(3))
		assert.LessOrEqual(t, ours, int64(4))
		for _, kind := range citycard.DifferenceKinds() {
			lines, err := reconciliation.Differences(t.Context(), c.partner.AppID, found.Day, kind, 1_000_000)
			require.NoError(t, err)
			assert.Len(t, lines, int(found.Count(kind)), "what was kept is what was counted")
		}
	})
}
