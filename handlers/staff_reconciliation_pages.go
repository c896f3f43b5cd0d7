package handlers

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffReconciliationPages are the pages of a partner's daily lists.
type StaffReconciliationPages struct {
	StaffReconciliation

	Pages *StaffPages
}

// shownDifferences is how many lines of each kind the page shows; the others are in the file to download.
const shownDifferences = 50

// toldValue is what ours and the partner's list say in one column, Ours only where the two differ.
type toldValue struct{ Column, Ours, Theirs string }

// Of is another value in the same column.
func (v toldValue) Of(value string) toldValue { return toldValue{Column: v.Column, Theirs: value} }

// differenceRow is a line as the page shows it.
type differenceRow struct{ citycard.DifferenceLine }

// Told is what the partner's list says in a column.
func (r differenceRow) Told(column string) toldValue {
	return toldValue{Column: column, Theirs: secondOf(r.Their(column))}
}

// Differing are the columns in which the two lists differ.
func (r differenceRow) Differing() []toldValue {
	values := make([]toldValue, len(r.Theirs))
	for i, their := range r.Theirs {
		values[i] = toldValue{their.Column, secondOf(r.Our(their.Column)), secondOf(their.Value)}
	}
	return values
}

// differenceTable is the lines of one kind, and how many there are beyond those.
type differenceTable struct {
	Kind  citycard.DifferenceKind
	Count int64
	Rows  []differenceRow
	More  int64
}

// differenceCount is how many events both lists have alike, or differ about in one way.
type differenceCount struct {
	Kind  string
	Count int64
}

type staffReconciliationPage struct {
	Partner citycard.PartnerRecord
	Day     citycard.Date
	Today   citycard.Date
	// Path is that of the page.
	Path string
	// MayCompare and MayOpen tell whether the role may upload a list, and see people's cards.
	MayCompare bool
	MayOpen    bool
	// Found is what was compared last, nil where nothing was; Tables are the kinds of which there are lines.
	Found  *citycard.Difference
	Counts []differenceCount
	Tables []differenceTable
	// Unreadable is what keeps the list just uploaded from being read.
	Unreadable    *citycard.RowProblem
	MostMegabytes int
}

// Choose answers GET /admin/partners/{ref}/reconciliation?day= and leads to the page of the day: yesterday, the last one
// that is over, where none is named.
func (h *StaffReconciliationPages) Choose(c echo.Context) error {
	day := c.QueryParam("day")
	if day == "" {
		day = h.Desk.Today().AddDays(-1).String()
	}
	_, partner, on, err := h.listAsked(c, day)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, reconciliationPath(partner.AppID, on))
}

func reconciliationPath(app string, on citycard.Date) string {
	return staffHome + "/partners/" + app + "/reconciliation/" + on.String()
}

// Show answers GET /admin/partners/{ref}/reconciliation/{day}.
func (h *StaffReconciliationPages) Show(c echo.Context) error { return h.show(c, nil) }

func (h *StaffReconciliationPages) show(c echo.Context, refusal error) error {
	session, partner, on, err := h.listAsked(c, c.Param("day"))
	if err != nil {
		return err
	}
	ctx, role := c.Request().Context(), session.Staff.Role
	body := staffReconciliationPage{
		Partner: partner, Day: on, Today: h.Desk.Today(), Path: reconciliationPath(partner.AppID, on), MostMegabytes: citycard.MaxReconciliation >> 20,
		MayCompare: role == citycard.RoleSupervisor || role == citycard.RoleOperator, MayOpen: role != citycard.RoleOperator,
	}
	var unreadable *citycard.ReconciliationProblem
	if errors.As(refusal, &unreadable) {
		// The page says it beside the file, in its own language.
		body.Unreadable = &unreadable.RowProblem
		refusal = &citycard.Error{Code: citycard.CodeOf(refusal)}
	}
	found, err := h.Desk.Difference(ctx, session, partner.AppID, on, shownDifferences)
	switch citycard.CodeOf(err) {
	case "":
		body.Found, body.Counts, body.Tables = &found, differenceCounts(found), differenceTables(found)
	case citycard.CodeNotFound:
	case citycard.CodeInvalidPayload: // a day that has not come
		refusal, body.MayCompare = err, false
	default:
		return err
	}
	return h.Pages.show(c, "reconciliation", body, refusal)
}

func differenceCounts(found citycard.Difference) []differenceCount {
	kinds := citycard.DifferenceKinds()
	counts := append(make([]differenceCount, 0, 1+len(kinds)), differenceCount{"same", found.Same})
	for _, kind := range kinds {
		counts = append(counts, differenceCount{string(kind), found.Count(kind)})
	}
	return counts
}

func differenceTables(found citycard.Difference) []differenceTable {
	var tables []differenceTable
	for _, kind := range citycard.DifferenceKinds() {
		table := differenceTable{Kind: kind, Count: found.Count(kind), More: found.More(kind)}
		for _, line := range found.First[kind] {
			table.Rows = append(table.Rows, differenceRow{line})
		}
		if table.Count > 0 {
			tables = append(tables, table)
		}
	}
	return tables
}

// secondOf is a time of a list as the page shows it, to the second; any other text stays as it is.
func secondOf(value string) string {
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return at.In(citycard.Shanghai).Format(time.DateTime)
	}
	return value
}

// Upload answers POST /admin/partners/{ref}/reconciliation/{day} and leads back to the page, which shows what was found.
func (h *StaffReconciliationPages) Upload(c echo.Context) error {
	found, err := h.compare(c, c.Param("day"))
	switch {
	case err == nil:
		return c.Redirect(http.StatusSeeOther, reconciliationPath(found.AppID, found.Day))
	case citycard.CodeOf(err) == citycard.CodeNotFound:
		return err
	}
	return h.show(c, err)
}

// List answers GET /admin/partners/{ref}/reconciliation/{day}/list with our list.
func (h *StaffReconciliationPages) List(c echo.Context) error { return h.list(c, c.Param("day")) }

// DifferenceFile answers GET /admin/partners/{ref}/reconciliation/{day}/difference with the whole difference.
func (h *StaffReconciliationPages) DifferenceFile(c echo.Context) error {
	return h.differenceFile(c, c.Param("day"))
}

// isReconciliationPage tells whether a route is the day's page, which a refused upload shows too.
func isReconciliationPage(path string) bool { return strings.HasSuffix(path, "/reconciliation/:day") }
