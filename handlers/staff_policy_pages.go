package handlers

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffPolicyPages are the city policies as pages.
type StaffPolicyPages struct {
	Pages *StaffPages
	Desk  PolicyDesk
}

const policiesPath = "/admin/policies"

// List answers GET /admin/policies.
func (h *StaffPolicyPages) List(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	cities, err := h.Desk.List(c.Request().Context(), session)
	if err != nil {
		return err
	}
	return h.Pages.show(c, "policies", cities, nil)
}

// policyPage shows one city. Record is the form's, Problems what is wrong with it.
type policyPage struct {
	City      citycard.CityPolicies
	Names     map[string]string
	Record    string
	Problems  []citycard.PolicyProblem
	MayChange bool
}

// City answers GET /admin/policies/{ref}.
func (h *StaffPolicyPages) City(c echo.Context) error { return h.city(c, "", nil) }

// city shows a city's policies and, for those who may change it, the form with a record: the one given, or that of
// the current policy.
func (h *StaffPolicyPages) city(c echo.Context, record string, refusal error) error {
	session, region, err := staffOn(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	body := policyPage{Record: record, MayChange: citycard.MayAsk(session.Staff.Role, citycard.ApprovePolicy)}
	if body.City, err = h.Desk.Find(ctx, session, region); err != nil {
		return err
	}
	var ids []string
	for _, period := range body.City.Periods {
		if v := period.Version; v != nil {
			ids = append(ids, v.RequestedBy, v.ApprovedBy)
		}
		if record == "" && (period.Current || body.Record == "") {
			text, err := json.MarshalIndent(period.Policy, "", "  ")
			if err != nil {
				return fmt.Errorf("write policy: %w", err)
			}
			body.Record = string(text)
		}
	}
	if body.Names, err = h.Pages.Names(ctx, ids); err != nil {
		return err
	}
	var broken *citycard.PolicyError
	if errors.As(refusal, &broken) {
		body.Problems = broken.Problems
	}
	return h.Pages.show(c, "policy", body, refusal)
}

// Try answers POST /admin/policies/{ref}/dry-runs and leads to the dry run.
func (h *StaffPolicyPages) Try(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	record := c.FormValue("record")
	trial, err := h.Desk.Try(c.Request().Context(), session, []byte(record))
	if err != nil {
		return h.city(c, record, err)
	}
	return c.Redirect(http.StatusSeeOther, policiesPath+"/dry-runs/"+trial.ID)
}

// trialPage shows a dry run; while it goes on the page looks again by itself.
type trialPage struct {
	citycard.TrialView

	Kinds  []citycard.TrialKind
	Counts map[citycard.TrialKind]int64
	MayAsk bool
	Once   string
	Note   string
}

// Trial answers GET /admin/policies/dry-runs/{ref}?cursor=.
func (h *StaffPolicyPages) Trial(c echo.Context) error { return h.trial(c, nil) }

func (h *StaffPolicyPages) trial(c echo.Context, refusal error) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	view, err := trial(c, h.Desk)
	if err != nil {
		return err
	}
	if view.State == citycard.TrialRunning {
		c.Response().Header().Set("Refresh", "2")
	}
	return h.Pages.show(c, "policy_trial", trialPage{
		TrialView: view, Kinds: citycard.TrialKinds(), Counts: fullCounts(view.Counts), Once: h.Pages.NewID(), Note: c.FormValue("note"),
		MayAsk: view.State == citycard.TrialDone && citycard.MayAsk(session.Staff.Role, citycard.ApprovePolicy),
	}, refusal)
}

// Ask answers POST /admin/policies/dry-runs/{ref} and leads to the request that a second person decides.
func (h *StaffPolicyPages) Ask(c echo.Context) error {
	session, id, err := staffOn(c)
	if err != nil {
		return err
	}
	asked, err := h.Desk.Ask(c.Request().Context(), session, id, c.FormValue("note"), formOnce(c))
	if citycard.CodeOf(err) == citycard.CodeNotFound {
		return err
	}
	if err != nil {
		return h.trial(c, err)
	}
	return c.Redirect(http.StatusSeeOther, staffHome+"/approvals/"+asked.ID)
}
