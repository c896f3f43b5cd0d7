package handlers

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"citycard"
)

// PolicyDesk is what staff does with city policies, *citycard.PolicyDesk.
type PolicyDesk interface {
	List(ctx context.Context, s citycard.StaffSession) ([]citycard.CityPolicies, error)
	Find(ctx context.Context, s citycard.StaffSession, region string) (citycard.CityPolicies, error)
	Try(ctx context.Context, s citycard.StaffSession, record []byte) (citycard.PolicyTrial, error)
	Trial(ctx context.Context, s citycard.StaffSession, id string, from, limit int) (citycard.TrialView, error)
	Ask(ctx context.Context, s citycard.StaffSession, id, note, once string) (citycard.Approval, error)
}

var _ PolicyDesk = (*citycard.PolicyDesk)(nil)

// StaffPolicies views, tries and changes city policies.
type StaffPolicies struct{ Desk PolicyDesk }

type policyVersionBody struct {
	ID          string `json:"id"`
	RequestedBy string `json:"requested_by"`
	ApprovedBy  string `json:"approved_by"`
	ApprovedAt  string `json:"approved_at"`
}

type policyPeriodBody struct {
	ValidFrom citycard.Date `json:"valid_from"`
	ValidTo   citycard.Date `json:"valid_to"`
	Current   bool          `json:"current"`
	// Version is what was approved, null where the period is of the policy file.
	Version *policyVersionBody `json:"version"`
	Policy  citycard.Policy    `json:"policy"`
}

type cityPoliciesBody struct {
	Region  string             `json:"region"`
	Home    bool               `json:"home"`
	Periods []policyPeriodBody `json:"periods"`
}

func showCity(city citycard.CityPolicies) cityPoliciesBody {
	body := cityPoliciesBody{Region: city.Region, Home: city.Home, Periods: make([]policyPeriodBody, len(city.Periods))}
	for i, period := range city.Periods {
		shown := policyPeriodBody{ValidFrom: period.ValidFrom, ValidTo: period.ValidTo, Current: period.Current, Policy: period.Policy}
		if v := period.Version; v != nil {
			shown.Version = &policyVersionBody{v.ID, v.RequestedBy, v.ApprovedBy, moment(v.ApprovedAt)}
		}
		body.Periods[i] = shown
	}
	return body
}

// List answers GET /admin/v1/policies.
func (h StaffPolicies) List(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	cities, err := h.Desk.List(c.Request().Context(), session)
	if err != nil {
		return err
	}
	body := list[cityPoliciesBody]{Items: make([]cityPoliciesBody, len(cities))}
	for i, city := range cities {
		body.Items[i] = showCity(city)
	}
	return c.JSON(http.StatusOK, body)
}

// Show answers GET /admin/v1/policies/{ref}, the ref being a region.
func (h StaffPolicies) Show(c echo.Context) error {
	session, region, err := staffOn(c)
	if err != nil {
		return err
	}
	city, err := h.Desk.Find(c.Request().Context(), session, region)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showCity(city))
}

type trialBody struct {
	ID        string                       `json:"id"`
	Region    string                       `json:"region"`
	ValidFrom citycard.Date                `json:"valid_from"`
	ValidTo   citycard.Date                `json:"valid_to"`
	On        citycard.Date                `json:"on"`
	State     citycard.TrialState          `json:"state"`
	Judged    int64                        `json:"judged"`
	Counts    map[citycard.TrialKind]int64 `json:"counts"`
	Changes   []changeBody                 `json:"changes"`
	Items     []trialCardBody              `json:"items"`
	Next      *string                      `json:"next_cursor"`
}

type changeBody struct {
	Field string          `json:"field"`
	Was   json.RawMessage `json:"was"`
	Will  json.RawMessage `json:"will"`
}

type trialCardBody struct {
	Kind citycard.TrialKind `json:"kind"`
	Card *cardBody          `json:"card"`
}

// fullCounts counts every kind, also those that were not found.
func fullCounts(counts map[citycard.TrialKind]int64) map[citycard.TrialKind]int64 {
	full := map[citycard.TrialKind]int64{}
	for _, kind := range citycard.TrialKinds() {
		full[kind] = counts[kind]
	}
	return full
}

func showTrial(c echo.Context, view citycard.TrialView) trialBody {
	body := trialBody{
		ID: view.ID, Region: view.Region, ValidFrom: view.ValidFrom, ValidTo: view.ValidTo, On: view.On, State: view.State,
		Judged: view.Judged, Counts: fullCounts(view.Counts), Changes: []changeBody{}, Items: []trialCardBody{},
	}
	for _, change := range view.Changes {
		shown := changeBody{change.Field, json.RawMessage("null"), json.RawMessage(change.Will)}
		if change.Was != "" {
			shown.Was = json.RawMessage(change.Was)
		}
		body.Changes = append(body.Changes, shown)
	}
	for _, card := range view.Cards {
		body.Items = append(body.Items, trialCardBody{card.Kind, showCard(card.CardView, languageOf(c))})
	}
	if view.Next > 0 {
		next := strconv.Itoa(view.Next)
		body.Next = &next
	}
	return body
}

// Try answers POST /admin/v1/policies/dry-runs, whose body is the record, with a dry run that goes on beside it.
func (h StaffPolicies) Try(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	record, err := jsonBody(c)
	if err != nil {
		return err
	}
	trial, err := h.Desk.Try(c.Request().Context(), session, record)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusAccepted, showTrial(c, citycard.TrialView{PolicyTrial: trial}))
}

// Trial answers GET /admin/v1/policies/dry-runs/{ref}?cursor=&limit=.
func (h StaffPolicies) Trial(c echo.Context) error {
	view, err := trial(c, h.Desk)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showTrial(c, view))
}

// trial shows the dry run that the path names, from the offset that the cursor names on.
func trial(c echo.Context, desk PolicyDesk) (citycard.TrialView, error) {
	session, err := staffOf(c)
	if err != nil {
		return citycard.TrialView{}, err
	}
	id, err := reference(c, "ref")
	if err != nil {
		return citycard.TrialView{}, err
	}
	limit, cursor, err := pageAsked(c)
	if err != nil {
		return citycard.TrialView{}, err
	}
	from := 0
	if cursor != "" {
		if from, err = strconv.Atoi(cursor); err != nil || from < 0 {
			return citycard.TrialView{}, malformed("cursor", "cursor must be the next_cursor of an earlier answer")
		}
	}
	return desk.Trial(c.Request().Context(), session, id, from, limit)
}

// Ask answers POST /admin/v1/policies/dry-runs/{ref}/approval with the request that a second person decides.
func (h StaffPolicies) Ask(c echo.Context) error {
	session, id, err := staffOn(c)
	if err != nil {
		return err
	}
	once, err := onceKey(c)
	if err != nil {
		return err
	}
	var body struct {
		Note string `json:"note"`
	}
	if err := bind(c, &body); err != nil {
		return err
	}
	asked, err := h.Desk.Ask(c.Request().Context(), session, id, body.Note, once)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, showApproval(asked))
}
