package handlers

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffImportPages are the pages on which card files are uploaded, looked through and confirmed.
type StaffImportPages struct {
	Pages *StaffPages
	Desk  ImportDesk
	Clock func() time.Time
}

const (
	importsPath = "/admin/imports"
	// refreshSeconds is how often the page of a file at work renews itself.
	refreshSeconds = "3"
	// refreshFor is how long it does so at most: a page that asks by itself keeps its session from idling out.
	refreshFor = 30 * time.Minute
	// shownProblems is how many problems the page shows; the others are in the file to download.
	shownProblems = 50
	// problemsAtOnce is how many problems are read at a time for that file.
	problemsAtOnce = 2000
)

type staffImportsPage struct {
	Jobs    []citycard.ImportJob
	Names   map[string]string
	Reasons []citycard.ImportReason
	// MayUpload tells whether the role may upload.
	MayUpload bool
	Next      string
	// MostMegabytes and MostSheetMegabytes bound the file.
	MostMegabytes, MostSheetMegabytes int
}

// List answers GET /admin/imports.
func (h *StaffImportPages) List(c echo.Context) error { return h.list(c, nil) }

func (h *StaffImportPages) list(c echo.Context, refusal error) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	limit, before, err := pageAsked(c)
	if err != nil {
		return err
	}
	jobs, err := h.Desk.List(c.Request().Context(), before, limit+1)
	if err != nil {
		return err
	}
	body := staffImportsPage{
		Jobs: jobs, Reasons: citycard.ImportReasons(), MayUpload: session.Staff.Role == citycard.RoleSupervisor,
		MostMegabytes: citycard.MaxUpload >> 20, MostSheetMegabytes: citycard.MaxUploadedSheet >> 20,
	}
	if len(jobs) > limit {
		body.Jobs, body.Next = jobs[:limit], jobs[limit-1].ID
	}
	if body.Names, err = h.names(c, body.Jobs...); err != nil {
		return err
	}
	return h.Pages.show(c, "imports", body, refusal)
}

func (h *StaffImportPages) names(c echo.Context, jobs ...citycard.ImportJob) (map[string]string, error) {
	ids := make([]string, 0, 2*len(jobs))
	for _, job := range jobs {
		ids = append(ids, job.UploadedBy, job.ConfirmedBy)
	}
	return h.Pages.Names(c.Request().Context(), ids)
}

// Upload answers POST /admin/imports and leads to the file's page.
func (h *StaffImportPages) Upload(c echo.Context) error {
	job, err := receiveUpload(c, h.Desk)
	if err != nil {
		return h.list(c, err)
	}
	return c.Redirect(http.StatusSeeOther, importsPath+"/"+job.ID)
}

type staffImportPage struct {
	Job      citycard.ImportJob
	Names    map[string]string
	Problems []citycard.RowProblem
	// More tells whether there are further problems.
	More bool
	// MayDecide tells whether the role may confirm or cancel it; Working whether the page renews itself.
	MayDecide bool
	Working   bool
	Refresh   bool
	Percent   int
	Kilobytes int64
}

// Show answers GET /admin/imports/{ref}. While the file is at work the page renews itself without scripts, unless
// ?refresh=off asks it not to (WCAG 2.2.2).
func (h *StaffImportPages) Show(c echo.Context) error { return h.one(c, nil) }

func (h *StaffImportPages) one(c echo.Context, refusal error) error {
	session, id, err := staffOn(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	job, err := h.Desk.Find(ctx, id)
	if err != nil {
		return err
	}
	body := staffImportPage{
		Job: job, MayDecide: session.Staff.Role == citycard.RoleSupervisor,
		Working: !job.State.Final() && job.State != citycard.ImportChecked, Percent: percent(job.Done), Kilobytes: (job.Size + 1023) >> 10,
	}
	began := job.UploadedAt
	if job.ConfirmedAt.After(began) {
		began = job.ConfirmedAt
	}
	body.Refresh = body.Working && c.QueryParam("refresh") != "off" && h.Clock().Sub(began) < refreshFor
	if !body.Working {
		if body.Problems, err = h.Desk.Rejects(ctx, session, id, citycard.RowProblem{}, shownProblems+1); err != nil {
			return err
		}
		body.More = len(body.Problems) > shownProblems
		body.Problems = body.Problems[:min(len(body.Problems), shownProblems)]
	}
	if body.Names, err = h.names(c, job); err != nil {
		return err
	}
	if body.Refresh && refusal == nil {
		c.Response().Header().Set("Refresh", refreshSeconds)
	}
	return h.Pages.show(c, "import", body, refusal)
}

// Decide answers POST /admin/imports/{ref} with decision=confirm or cancel, and leads back to the file.
func (h *StaffImportPages) Decide(c echo.Context) error {
	session, id, err := staffOn(c)
	if err != nil {
		return err
	}
	switch c.FormValue("decision") {
	case "confirm":
		_, err = h.Desk.Confirm(c.Request().Context(), session, id)
	case "cancel":
		_, err = h.Desk.Cancel(c.Request().Context(), session, id)
	default:
		err = invalidPayload("decision", "the decision is confirm or cancel")
	}
	if citycard.CodeOf(err) == citycard.CodeNotFound {
		return err
	}
	if err != nil {
		return h.one(c, err)
	}
	return c.Redirect(http.StatusSeeOther, importsPath+"/"+id)
}

// Rejects answers GET /admin/imports/{ref}/rejects: every problem as a file, in the page's language.
func (h *StaffImportPages) Rejects(c echo.Context) error {
	session, id, err := staffOn(c)
	if err != nil {
		return err
	}
	lang := languageOf(c)
	return streamSheet(c, "rejects-"+id+".csv", []string{"line", "column", "reason"}, func(row func(fields ...string) error) error {
		var after citycard.RowProblem
		for {
			problems, err := h.Desk.Rejects(c.Request().Context(), session, id, after, problemsAtOnce)
			if err != nil {
				return err
			}
			for _, p := range problems {
				if err := row(strconv.FormatInt(p.Line, 10), p.Column, p.Text().In(lang)); err != nil {
					return err
				}
			}
			if len(problems) < problemsAtOnce {
				return nil
			}
			after = problems[len(problems)-1]
		}
	})
}
