package handlers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
)

// ImportDesk is what staff does with uploaded card files, *citycard.ImportDesk.
type ImportDesk interface {
	Receive(ctx context.Context, s citycard.StaffSession, u citycard.ImportUpload) (citycard.ImportJob, error)
	Find(ctx context.Context, id string) (citycard.ImportJob, error)
	List(ctx context.Context, before string, limit int) ([]citycard.ImportJob, error)
	Rejects(ctx context.Context, s citycard.StaffSession, id string, after citycard.RowProblem, limit int) ([]citycard.RowProblem, error)
	Confirm(ctx context.Context, s citycard.StaffSession, id string) (citycard.ImportJob, error)
	Cancel(ctx context.Context, s citycard.StaffSession, id string) (citycard.ImportJob, error)
}

var _ ImportDesk = (*citycard.ImportDesk)(nil)

// StaffImports takes card files in and tells how far they are.
type StaffImports struct{ Desk ImportDesk }

const (
	// UploadTimeout is how long an upload may take.
	UploadTimeout = 10 * time.Minute
	// uploadFields bounds what an upload has beside the file.
	uploadFields = 64 << 10
	// MaxUploadBody is the most bytes an upload may have.
	MaxUploadBody = citycard.MaxUpload + uploadFields
	// mostNote bounds the bytes of a field before the file.
	mostField = 4 << 10
)

// receiveUpload reads a multipart form (RFC 7578) with the fields reason and note and then the file, which goes on as
// it arrives: nothing of it is kept in memory or on disk.
func receiveUpload(c echo.Context, desk ImportDesk) (citycard.ImportJob, error) {
	session, err := staffOf(c)
	if err != nil {
		return citycard.ImportJob{}, err
	}
	kind, _, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	if err != nil || kind != echo.MIMEMultipartForm {
		return citycard.ImportJob{}, &citycard.Error{Code: citycard.CodeUnsupportedMediaType, Message: "the body must be multipart/form-data"}
	}
	if err := unhurried(c, UploadTimeout); err != nil {
		return citycard.ImportJob{}, err
	}
	form, err := c.Request().MultipartReader()
	if err != nil {
		return citycard.ImportJob{}, malformed("", "the body is no multipart form")
	}
	upload := citycard.ImportUpload{}
	for {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return citycard.ImportJob{}, invalidPayload("file", "the file is missing")
		case err != nil:
			return citycard.ImportJob{}, brokenUpload(err)
		case part.FormName() == "file":
			upload.File = uploadReader{part}
			return desk.Receive(c.Request().Context(), session, upload)
		}
		if err := readField(part, &upload); err != nil {
			return citycard.ImportJob{}, err
		}
	}
}

// readField reads a field that comes before the file.
func readField(part *multipart.Part, upload *citycard.ImportUpload) error {
	text, err := io.ReadAll(io.LimitReader(part, mostField+1))
	switch {
	case err != nil:
		return brokenUpload(err)
	case len(text) > mostField:
		return invalidPayload(part.FormName(), "the field is too long")
	}
	switch part.FormName() {
	case "reason":
		upload.Reason = citycard.ImportReason(text)
	case "note":
		upload.Note = strings.TrimSpace(string(text))
	default:
		return invalidPayload("", "the form has the fields reason and note and then the file")
	}
	return nil
}

// uploadReader gives the errors of an upload their codes.
type uploadReader struct{ io.Reader }

// Read implements io.Reader.
func (r uploadReader) Read(into []byte) (int, error) {
	n, err := r.Reader.Read(into)
	if err != nil && !errors.Is(err, io.EOF) {
		err = brokenUpload(err)
	}
	return n, err
}

func brokenUpload(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &citycard.Error{Code: citycard.CodeBodyTooLarge}
	}
	return &citycard.Error{Code: citycard.CodeMalformedRequest, Message: "the upload did not arrive whole", Cause: err}
}

type importBody struct {
	ID          string                   `json:"id"`
	State       citycard.ImportState     `json:"state"`
	Digest      string                   `json:"digest"`
	Size        int64                    `json:"size"`
	Reason      citycard.ImportReason    `json:"reason"`
	Note        string                   `json:"note"`
	UploadedBy  string                   `json:"uploaded_by"`
	UploadedAt  string                   `json:"uploaded_at"`
	ConfirmedBy *string                  `json:"confirmed_by"`
	ConfirmedAt *string                  `json:"confirmed_at"`
	FinishedAt  *string                  `json:"finished_at"`
	Percent     int                      `json:"percent"`
	Good        int64                    `json:"good"`
	Bad         int64                    `json:"bad"`
	Added       int64                    `json:"added"`
	Unchanged   int64                    `json:"unchanged"`
	Rejected    int64                    `json:"rejected"`
	Failure     *string                  `json:"failure"`
	Preview     []citycard.ImportPreview `json:"preview"`
}

func showImport(job citycard.ImportJob) importBody {
	body := importBody{
		ID: job.ID, State: job.State, Digest: job.Digest, Size: job.Size, Reason: job.Reason, Note: job.Note,
		UploadedBy: job.UploadedBy, UploadedAt: moment(job.UploadedAt), ConfirmedBy: optional(job.ConfirmedBy),
		ConfirmedAt: optionalMoment(job.ConfirmedAt), FinishedAt: optionalMoment(job.FinishedAt), Percent: percent(job.Done),
		Good: job.Good, Bad: job.Bad, Added: job.Added, Unchanged: job.Unchanged, Rejected: job.Rejected,
		Failure: optional(job.Failure), Preview: job.Preview,
	}
	if body.Preview == nil {
		body.Preview = []citycard.ImportPreview{}
	}
	return body
}

func percent(part float64) int { return int(part * 100) }

// Create answers POST /admin/v1/imports with the upload, which is then checked.
func (h StaffImports) Create(c echo.Context) error {
	job, err := receiveUpload(c, h.Desk)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, showImport(job))
}

// List answers GET /admin/v1/imports?cursor=&limit=, newest first.
func (h StaffImports) List(c echo.Context) error {
	limit, before, err := pageAsked(c)
	if err != nil {
		return err
	}
	jobs, err := h.Desk.List(c.Request().Context(), before, limit+1)
	if err != nil {
		return err
	}
	body := list[importBody]{Items: make([]importBody, 0, len(jobs))}
	for i, job := range jobs {
		if i == limit {
			body.NextCursor = &jobs[i-1].ID
			break
		}
		body.Items = append(body.Items, showImport(job))
	}
	return c.JSON(http.StatusOK, body)
}

// Show answers GET /admin/v1/imports/{ref}: how far it is.
func (h StaffImports) Show(c echo.Context) error {
	id, err := reference(c, "ref")
	if err != nil {
		return err
	}
	job, err := h.Desk.Find(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showImport(job))
}

// Confirm answers POST /admin/v1/imports/{ref}/confirm.
func (h StaffImports) Confirm(c echo.Context) error { return decideImport(c, h.Desk.Confirm) }

// Cancel answers POST /admin/v1/imports/{ref}/cancel.
func (h StaffImports) Cancel(c echo.Context) error { return decideImport(c, h.Desk.Cancel) }

func decideImport(
	c echo.Context, decide func(context.Context, citycard.StaffSession, string) (citycard.ImportJob, error),
) error {
	session, id, err := staffOn(c)
	if err != nil {
		return err
	}
	job, err := decide(c.Request().Context(), session, id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showImport(job))
}

type rejectBody struct {
	Line    int64         `json:"line"`
	Column  string        `json:"column"`
	Reason  string        `json:"reason"`
	Message citycard.Text `json:"message"`
}

// rejectCursor is a problem as cursors name it.
type rejectCursor struct {
	Line   int64  `json:"line"`
	Column string `json:"column"`
	Reason string `json:"reason"`
}

// Rejects answers GET /admin/v1/imports/{ref}/rejects?cursor=&limit=, by line.
func (h StaffImports) Rejects(c echo.Context) error {
	session, id, err := staffOn(c)
	if err != nil {
		return err
	}
	limit, err := limitAsked(c)
	if err != nil {
		return err
	}
	var after citycard.RowProblem
	if text := c.QueryParam("cursor"); text != "" {
		position, err := base64.RawURLEncoding.Strict().DecodeString(text)
		var at rejectCursor
		if err != nil || json.Unmarshal(position, &at) != nil || at.Line < 1 {
			return malformed("cursor", "cursor must be the next_cursor of an earlier answer")
		}
		after = citycard.RowProblem(at)
	}
	problems, err := h.Desk.Rejects(c.Request().Context(), session, id, after, limit+1)
	if err != nil {
		return err
	}
	body := list[rejectBody]{Items: make([]rejectBody, 0, len(problems))}
	for i, p := range problems {
		if i == limit {
			position, err := json.Marshal(rejectCursor(problems[i-1]))
			if err != nil {
				return err
			}
			cursor := base64.RawURLEncoding.EncodeToString(position)
			body.NextCursor = &cursor
			break
		}
		body.Items = append(body.Items, rejectBody{p.Line, p.Column, p.Reason, p.Text()})
	}
	return c.JSON(http.StatusOK, body)
}
