package handlers

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffReconciliations is what staff does with the daily lists of partners, *citycard.ReconciliationDesk.
type StaffReconciliations interface {
	Partner(ctx context.Context, appID string) (citycard.PartnerRecord, error)
	Today() citycard.Date
	Ours(ctx context.Context, s citycard.StaffSession, appID string, on citycard.Date, do func(citycard.ReconciliationRow) error) error
	Compare(ctx context.Context, s citycard.StaffSession, appID string, on citycard.Date, list io.Reader) (citycard.Difference, error)
	Difference(ctx context.Context, s citycard.StaffSession, appID string, on citycard.Date, most int) (citycard.Difference, error)
	EachDifference(
		ctx context.Context, s citycard.StaffSession, appID string, on citycard.Date, do func(citycard.DifferenceKind, citycard.DifferenceLine) error,
	) error
}

var _ StaffReconciliations = (*citycard.ReconciliationDesk)(nil)

// StaffReconciliation gives out our lists and compares partners'.
type StaffReconciliation struct{ Desk StaffReconciliations }

const (
	// MaxReconciliationBody is the most bytes a body with a partner's list may have: the list and what a form puts around it.
	MaxReconciliationBody = citycard.MaxReconciliation + uploadFields
	// ListTimeout is how long a list may take to be read or written.
	ListTimeout = 5 * time.Minute
)

// listAsked reads whose list of which day is asked for. That there is no such partner is told before the day is judged.
func (h StaffReconciliation) listAsked(c echo.Context, day string) (s citycard.StaffSession, p citycard.PartnerRecord, on citycard.Date, err error) {
	s, app, err := staffOn(c)
	if err != nil {
		return s, p, on, err
	}
	if p, err = h.Desk.Partner(c.Request().Context(), app); err != nil {
		return s, p, on, err
	}
	if on, err = citycard.ParseDate(day); err != nil || on.IsZero() {
		return s, p, on, malformed("day", "day must be a day written YYYY-MM-DD")
	}
	return s, p, on, unhurried(c, ListTimeout)
}

// unhurried gives a request more time than the listener's own limits, which are those of small ones.
func unhurried(c echo.Context, most time.Duration) error {
	control, until := http.NewResponseController(c.Response()), time.Now().Add(most)
	if err := errors.Join(control.SetReadDeadline(until), control.SetWriteDeadline(until)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// List answers GET /admin/v1/partners/{ref}/reconciliation?day= with our list of the day as CSV.
func (h StaffReconciliation) List(c echo.Context) error { return h.list(c, c.QueryParam("day")) }

func (h StaffReconciliation) list(c echo.Context, day string) error {
	session, partner, on, err := h.listAsked(c, day)
	if err != nil {
		return err
	}
	name := "reconciliation-" + partner.AppID + "-" + on.String() + ".csv"
	return streamSheet(c, name, citycard.ReconciliationColumns(), func(row func(fields ...string) error) error {
		return h.Desk.Ours(c.Request().Context(), session, partner.AppID, on, func(ours citycard.ReconciliationRow) error {
			return row(ours.Fields()...)
		})
	})
}

type differenceLineBody struct {
	OutRequestNo     string             `json:"out_request_no"`
	Method           *string            `json:"method"`
	Result           *string            `json:"result"`
	Region           *string            `json:"region"`
	CardNumberMasked *string            `json:"card_number_masked"`
	OccurredAt       *string            `json:"occurred_at"`
	ServerTime       *string            `json:"server_time"`
	CardRef          *string            `json:"card_ref"`
	Theirs           map[string]*string `json:"theirs"`
}

type differencesBody struct {
	Count int64                `json:"count"`
	Items []differenceLineBody `json:"items"`
	More  int64                `json:"more"`
}

type differenceBody struct {
	AppID      string          `json:"app_id"`
	Day        citycard.Date   `json:"day"`
	ComparedAt string          `json:"compared_at"`
	Same       int64           `json:"same"`
	OnlyOurs   differencesBody `json:"only_ours"`
	OnlyTheirs differencesBody `json:"only_theirs"`
	Different  differencesBody `json:"different"`
}

func showDifferences(d citycard.Difference, kind citycard.DifferenceKind) differencesBody {
	lines := d.First[kind]
	body := differencesBody{Count: d.Count(kind), Items: make([]differenceLineBody, len(lines)), More: d.More(kind)}
	for i, line := range lines {
		ours := line.Ours
		item := differenceLineBody{
			OutRequestNo: ours.OutRequestNo, Method: optional(string(ours.Method)), Result: optional(string(ours.Result)),
			Region: optional(ours.Region), CardNumberMasked: optional(ours.CardNumberMasked), CardRef: optional(ours.CardRef),
			OccurredAt: optionalMoment(ours.OccurredAt), ServerTime: optionalMoment(ours.ServerTime), Theirs: map[string]*string{},
		}
		for _, their := range line.Theirs {
			item.Theirs[their.Column] = theirText(their.Value)
		}
		body.Items[i] = item
	}
	return body
}

// theirText is what a partner's list says, nothing where it is a text that is not shown.
func theirText(value string) *string {
	if value == citycard.ToldOther {
		return nil
	}
	return &value
}

// Compare answers POST /admin/v1/partners/{ref}/reconciliation?day= with the difference between the partner's list, which
// is the body, and ours.
func (h StaffReconciliation) Compare(c echo.Context) error {
	found, err := h.compare(c, c.QueryParam("day"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, differenceBody{
		AppID: found.AppID, Day: found.Day, ComparedAt: moment(found.ComparedAt), Same: found.Same,
		OnlyOurs:   showDifferences(found, citycard.DifferenceOurs),
		OnlyTheirs: showDifferences(found, citycard.DifferenceTheirs),
		Different:  showDifferences(found, citycard.DifferenceTold),
	})
}

func (h StaffReconciliation) compare(c echo.Context, day string) (citycard.Difference, error) {
	session, partner, on, err := h.listAsked(c, day)
	if err != nil {
		return citycard.Difference{}, err
	}
	list, err := partnerList(c)
	if err != nil {
		return citycard.Difference{}, err
	}
	return h.Desk.Compare(c.Request().Context(), session, partner.AppID, on, list)
}

// partnerList is the list in the body: the body itself as text/csv, or the one field file of a form (RFC 7578). It is
// read as it arrives.
func partnerList(c echo.Context) (io.Reader, error) {
	r := c.Request()
	kind, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	if err != nil || r.Header.Get(echo.HeaderContentEncoding) != "" {
		kind = ""
	}
	switch kind {
	case "text/csv":
		return uploadReader{r.Body}, nil
	case echo.MIMEMultipartForm:
		form, err := r.MultipartReader()
		if err != nil {
			return nil, malformed("", "the body is no multipart form")
		}
		part, err := form.NextPart()
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			return nil, brokenUpload(err)
		case err != nil, part.FormName() != "file":
			return nil, invalidPayload("file", "the form has one field, the file")
		}
		return uploadReader{part}, nil
	}
	return nil, &citycard.Error{Code: citycard.CodeUnsupportedMediaType, Message: "the body must be text/csv, or multipart/form-data with the field file"}
}

// DifferenceFile answers GET /admin/v1/partners/{ref}/reconciliation/difference?day= with the whole difference that was
// found last, as CSV.
func (h StaffReconciliation) DifferenceFile(c echo.Context) error {
	return h.differenceFile(c, c.QueryParam("day"))
}

func (h StaffReconciliation) differenceFile(c echo.Context, day string) error {
	session, partner, on, err := h.listAsked(c, day)
	if err != nil {
		return err
	}
	header := append([]string{"difference"}, citycard.ReconciliationColumns()...)
	for _, column := range citycard.TheirColumns() {
		header = append(header, "their_"+column)
	}
	name := "difference-" + partner.AppID + "-" + on.String() + ".csv"
	return streamSheet(c, name, header, func(row func(fields ...string) error) error {
		return h.Desk.EachDifference(c.Request().Context(), session, partner.AppID, on, func(kind citycard.DifferenceKind, line citycard.DifferenceLine) error {
			return row(differenceFields(kind, line)...)
		})
	})
}

func differenceFields(kind citycard.DifferenceKind, line citycard.DifferenceLine) []string {
	ours := line.Ours.Fields()
	if kind == citycard.DifferenceTheirs {
		ours = make([]string, len(ours))
		ours[0] = line.Ours.OutRequestNo
	}
	fields := append([]string{string(kind)}, ours...)
	for _, column := range citycard.TheirColumns() {
		fields = append(fields, line.Their(column))
	}
	return fields
}
