package main_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"citycard"
)

// formulaNumber is an event number that a spreadsheet program would take for a formula.
const formulaNumber = "-1-2-3-4"

// busyTown is a town whose bank reported three events today; their numbers are in the order of the list.
func busyTown(t *testing.T, database string) (town *partnerTown, running *process, numbers []string) {
	t.Helper()
	town = newPartnerTown(t, database, 5)
	running = startProcess(t, town.environment)
	numbers = []string{"BANK-EVENT-0001", formulaNumber, "BANK-EVENT-0003"}
	for i, number := range numbers {
		answer, err := town.event(t, town.cards[i], number).post(newClient(""), running.service)
		require.NoError(t, err)
		require.Contains(t, answer.body, `"result":"APPLIED","changed":true`)
	}
	return town, running, numbers
}

// compare sends a partner's list of a day as text/csv.
func (c *client) compare(t *testing.T, status int, address string, list []byte) map[string]any {
	t.Helper()
	return c.compareAs(t, status, address, "text/csv", list)
}

func (c *client) compareAs(t *testing.T, status int, address, kind string, body []byte) map[string]any {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(body))
	require.NoError(t, err)
	request.Header = c.header.Clone()
	request.Header.Set("Content-Type", kind)
	answer, err := c.do(request)
	require.NoError(t, err)
	require.Equal(t, status, answer.status, answer.body)
	var members map[string]any
	require.NoError(t, json.Unmarshal([]byte(answer.body), &members))
	return members
}

// counted are the counts of a difference: the same, only ours, only theirs, different.
func counted(difference map[string]any) [4]float64 {
	same, _ := difference["same"].(float64)
	counts := [4]float64{same}
	for i, kind := range citycard.DifferenceKinds() {
		part, _ := difference[string(kind)].(map[string]any)
		counts[i+1], _ = part["count"].(float64)
	}
	return counts
}

// first is the first event of a kind.
func first(t *testing.T, difference map[string]any, kind citycard.DifferenceKind) map[string]any {
	t.Helper()
	part, _ := difference[string(kind)].(map[string]any)
	items, _ := part["items"].([]any)
	require.NotEmpty(t, items, kind)
	item, _ := items[0].(map[string]any)
	return item
}

func TestStaffComparesAPartnersList(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address := fresh(t)
			town, running, numbers := busyTown(t, address)
			olga := hireStaff(t, town.environment, "olga", "operator").enter(t, running.service)
			ann := hireStaff(t, town.environment, "ann", "auditor").enter(t, running.service)
			kay := hireStaff(t, town.environment, "kay", "clerk").enter(t, running.service)
			today := citycard.DateOf(time.Now())
			lists := running.service + "/admin/v1/partners/" + bankApp + "/reconciliation"
			ofToday := lists + "?day=" + today.String()
			work := running.service + "/admin/v1/work/mismatches"

			ours := ann.file(t, ofToday, "reconciliation-"+bankApp+"-"+today.String()+".csv")
			require.Len(t, ours, 4)
			assert.Equal(t, citycard.ReconciliationColumns(), ours[0])
			assert.Equal(t, []string{numbers[0], "'" + formulaNumber, numbers[2]}, []string{ours[1][0], ours[2][0], ours[3][0]})
			assert.Equal(t, []string{activate, "APPLIED", "true", townRegion, masked(town.cards[0])}, ours[1][1:6])
			kay.must(t, http.StatusForbidden, http.MethodGet, ofToday, "")
			kay.compare(t, http.StatusForbidden, ofToday, []byte("out_request_no\n"))
			ann.compare(t, http.StatusForbidden, ofToday, []byte("out_request_no\n"))

			same := olga.compare(t, http.StatusOK, ofToday, []byte(listOf(t, ours)))
			assert.Equal(t, [4]float64{3, 0, 0, 0}, counted(same), "our own list, as it was fetched")
			assert.Empty(t, olga.must(t, http.StatusOK, http.MethodGet, work, "")["items"])
			olga.must(t, http.StatusNotFound, http.MethodGet, lists+"/difference?day="+today.AddDays(-1).String(), "")

			theirs := []byte("流水号,out_request_no,result,card_number_masked\r\n一," + numbers[0] + ",,\r\n二,'" + formulaNumber + ",STALE," +
				town.cards[1]["card_number"] + "\r\n三,BANK-EVENT-0777,APPLIED,B12****78\r\n")
			gbk, err := simplifiedchinese.GBK.NewEncoder().Bytes(theirs)
			require.NoError(t, err)
			for kind, list := range map[string][]byte{"UTF-8": theirs, "UTF-8 with a mark": append([]byte("\ufeff"), theirs...), "GBK": gbk} {
				assert.Equal(t, [4]float64{1, 1, 1, 1}, counted(olga.compare(t, http.StatusOK, ofToday, list)), kind)
			}
			form, formKind := uploadForm(t, theirs)
			found := olga.compareAs(t, http.StatusOK, ofToday, formKind, form)
			assert.Equal(t, [4]float64{1, 1, 1, 1}, counted(found))
			assert.Equal(t, numbers[2], first(t, found, citycard.DifferenceOurs)["out_request_no"])
			assert.Regexp(t, `^[0-9a-f-]{32,36}$`, first(t, found, citycard.DifferenceOurs)["card_ref"])
			assert.Equal(t, map[string]any{"result": "APPLIED", "card_number_masked": "B12****78"}, first(t, found, citycard.DifferenceTheirs)["theirs"])
			assert.Equal(t, map[string]any{"result": "STALE"}, first(t, found, citycard.DifferenceTold)["theirs"])

			open, _ := olga.must(t, http.StatusOK, http.MethodGet, work, "")["items"].([]any)
			require.Len(t, open, 1)
			item, _ := open[0].(map[string]any)
			assert.Equal(t, []any{"reconciliation", bankApp, today.String(), 3.0}, []any{item["kind"], item["app_id"], item["day"], item["count"]})

			file := ann.file(t, lists+"/difference?day="+today.String(), "difference-"+bankApp+"-"+today.String()+".csv")
			require.Len(t, file, 4)
			assert.Equal(t, []string{"only_ours", numbers[2]}, file[1][:2])
			assert.Equal(t, "only_theirs,BANK-EVENT-0777,,,,,,,,,APPLIED,,B12****78,", strings.Join(file[2], ","))
			assert.Equal(t, []string{"different", "'" + formulaNumber}, file[3][:2])
			assert.Equal(t, ",STALE,,,", strings.Join(file[3][9:], ","))

			pagesOfLists(t, running.service+"/admin/partners/"+bankApp+"/reconciliation", today, olga, ann)
			listsThatAreRefused(t, olga, lists, today)
			assert.Equal(t, open, olga.must(t, http.StatusOK, http.MethodGet, work, "")["items"], "what is refused changes nothing")

			olga.compare(t, http.StatusOK, ofToday, []byte(listOf(t, ours)))
			assert.Empty(t, olga.must(t, http.StatusOK, http.MethodGet, work, "")["items"], "done")
			recordsOfLists(t, address, today)
			for _, number := range append(numbers, "BANK-EVENT-0777", town.cards[1]["card_number"]) {
				assert.NotContains(t, running.log.String(), number)
			}
		})
	}
}

// listsThatAreRefused are lists that cannot be read, of a wrong day, or of a partner that is not there.
func listsThatAreRefused(t *testing.T, olga *client, lists string, today citycard.Date) {
	t.Helper()
	ofToday := lists + "?day=" + today.String()
	const header = "out_request_no,occurred_at\n"
	for name, c := range map[string]struct {
		list   string
		line   float64
		column string
	}{
		"no header":    {"BANK-EVENT-0001,APPLIED\n", 1, "out_request_no"},
		"a bad number": {header + "BANK-EVENT-0001,\n2.02611E+17,\n", 3, "out_request_no"},
		"a bad time":   {header + "BANK-EVENT-0001,25:00\n", 2, "occurred_at"},
		"a bad line":   {header + "BANK-EVENT-0001\n", 2, ""},
		"nothing":      {"", 1, ""},
	} {
		refused := olga.compare(t, http.StatusBadRequest, ofToday, []byte(c.list))
		assert.Equal(t, []any{"invalid_payload", "file", c.line, c.column},
			[]any{refused["code"], refused["field"], refused["line"], refused["column"]}, name)
		assert.NotContains(t, refused["detail"], "BANK-EVENT", name)
	}
	large := append([]byte(header), bytes.Repeat([]byte("BANK-EVENT-0001,\n"), citycard.MaxReconciliation/8)...)
	assert.Equal(t, "body_too_large", olga.compare(t, http.StatusRequestEntityTooLarge, ofToday, large)["code"])
	olga.compareAs(t, http.StatusUnsupportedMediaType, ofToday, "application/json", []byte("{}"))
	olga.compareAs(t, http.StatusBadRequest, ofToday, "multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--b--\r\n"))

	list := []byte("out_request_no\nBANK-EVENT-0001\n")
	for day, field := range map[string]string{"": "day", "22.11.2026": "day", today.AddDays(1).String(): "day"} {
		assert.Equal(t, field, olga.compare(t, http.StatusBadRequest, lists+"?day="+day, list)["field"], day)
	}
	long := olga.compare(t, http.StatusOK, lists+"?day="+today.AddDays(-5).String(), list)
	assert.Equal(t, [4]float64{0, 0, 1, 0}, counted(long), "the list of another day")
	olga.compare(t, http.StatusOK, lists+"?day="+today.AddDays(-5).String(), []byte("out_request_no\n"))
	unknown := strings.Replace(ofToday, bankApp, "2026000000000404", 1)
	assert.Equal(t, "not_found", olga.compare(t, http.StatusNotFound, unknown, list)["code"])
	olga.must(t, http.StatusNotFound, http.MethodGet, unknown, "")
}

// pagesOfLists holds that operators are led to no card, that a day that has not come says so, and that another site's form
// is refused.
func pagesOfLists(t *testing.T, pages string, today citycard.Date, olga, ann *client) {
	t.Helper()
	for _, c := range []struct {
		who   *client
		cards bool
		form  bool
	}{{olga, false, true}, {ann, true, false}} {
		page, err := c.who.get(pages + "/" + today.String())
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, page.status, page.body)
		assert.Equal(t, c.cards, strings.Contains(page.body, `href="/admin/cards/`))
		assert.Equal(t, c.form, strings.Contains(page.body, `id="compare"`))
	}
	chosen, err := olga.get(pages)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, chosen.status)
	assert.Contains(t, chosen.body, today.AddDays(-1).String(), "yesterday where no day is named")
	tomorrow, err := olga.get(pages + "/" + today.AddDays(1).String())
	require.NoError(t, err)
	assert.Equal(t, http.StatusBadRequest, tomorrow.status)
	assert.NotContains(t, tomorrow.body, `id="compare"`)

	form, kind := uploadForm(t, []byte("out_request_no\nBANK-EVENT-0001\n"))
	request, err := http.NewRequest(http.MethodPost, pages+"/"+today.String(), bytes.NewReader(form))
	require.NoError(t, err)
	request.Header = olga.header.Clone()
	request.Header.Set("Content-Type", kind)
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	foreign, err := olga.do(request)
	require.NoError(t, err)
	assert.Equal(t, http.StatusForbidden, foreign.status)
	assert.Equal(t, "cross_origin", foreign.field(t, "code"))
	long := pages + "/" + today.AddDays(-5).String()
	request, err = http.NewRequest(http.MethodPost, long, bytes.NewReader(form))
	require.NoError(t, err)
	request.Header = olga.header.Clone()
	request.Header.Set("Content-Type", kind)
	shown, err := olga.do(request)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, shown.status, "led to the page of the day")
	assert.Contains(t, shown.body, `id="strange"`, "the list of another day")
	olga.compare(t, http.StatusOK, strings.Replace(pages, "/admin/", "/admin/v1/", 1)+"?day="+today.AddDays(-5).String(), []byte("out_request_no\n"))
}

// recordsOfLists holds that whoever fetched or compared a list is on record with the partner and the day.
func recordsOfLists(t *testing.T, address string, today citycard.Date) {
	t.Helper()
	var lines []string
	db := database(t, address)
	require.NoError(t, db.Select(&lines, db.Rebind(`SELECT action || ' ' || role || ' ' || count(*) FROM staff_action
 WHERE action LIKE 'reconciliation%' AND object = ? AND reason = ? GROUP BY action, role ORDER BY action, role`), bankApp, today.String()))
	assert.Equal(t, []string{
		"reconciliation_compare operator 6", "reconciliation_difference auditor 1", "reconciliation_list auditor 1",
		"reconciliation_view auditor 1", "reconciliation_view operator 1",
	}, lines)
}

func masked(card record) string { return citycard.CardNumber(card["card_number"]).Mask() }

// file fetches a CSV file, which begins with the mark that spreadsheet programs know UTF-8 by.
func (c *client) file(t *testing.T, address, name string) [][]string {
	t.Helper()
	answer, err := c.get(address)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	assert.Equal(t, `attachment; filename="`+name+`"`, answer.header.Get("Content-Disposition"))
	text, marked := strings.CutPrefix(answer.body, "\ufeff")
	assert.True(t, marked)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	return rows
}

// listOf is rows as a CSV file.
func listOf(t *testing.T, rows [][]string) string {
	t.Helper()
	var text strings.Builder
	require.NoError(t, csv.NewWriter(&text).WriteAll(rows))
	return text.String()
}

func uploadForm(t *testing.T, list []byte) (body []byte, kind string) {
	t.Helper()
	var text bytes.Buffer
	form := multipart.NewWriter(&text)
	part, err := form.CreateFormFile("file", "theirs.csv")
	require.NoError(t, err)
	_, err = io.Copy(part, bytes.NewReader(list))
	require.NoError(t, err)
	require.NoError(t, form.Close())
	return text.Bytes(), form.FormDataContentType()
}
