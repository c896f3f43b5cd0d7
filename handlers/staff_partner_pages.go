package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffPartnerPages are the pages of partners and their keys.
type StaffPartnerPages struct {
	Pages  *StaffPages
	Office StaffPartnerOffice
}

type staffPartnersPage struct {
	Partners []citycard.PartnerRecord
	Warnings []citycard.KeyWarning
	Names    map[string]string
	Types    []citycard.KeyType
	// MayAsk and MayRevoke tell what the role may do with keys.
	MayAsk    bool
	MayRevoke bool
	Once      string
}

// List answers GET /admin/partners.
func (h *StaffPartnerPages) List(c echo.Context) error { return h.list(c, nil) }

func (h *StaffPartnerPages) list(c echo.Context, refusal error) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	records, warnings, err := h.Office.List(c.Request().Context(), session)
	if err != nil {
		return err
	}
	var ids []string
	for _, record := range records {
		for _, key := range record.Keys {
			ids = append(ids, key.AddedBy, key.ApprovedBy, key.RevokedBy)
		}
	}
	names, err := h.Pages.Names(c.Request().Context(), ids)
	if err != nil {
		return err
	}
	role := session.Staff.Role
	return h.Pages.show(c, "partners", staffPartnersPage{
		Partners: records, Warnings: warnings, Names: names, Types: citycard.KeyTypes(),
		MayAsk:    citycard.MayAsk(role, citycard.ApprovePartnerKey),
		MayRevoke: role == citycard.RoleOperator || role == citycard.RoleSupervisor, Once: h.Pages.NewID(),
	}, refusal)
}

// AskKey answers POST /admin/partners/{ref}/keys and leads to the request that awaits a second person.
func (h *StaffPartnerPages) AskKey(c echo.Context) error {
	session, app, err := staffOn(c)
	if err != nil {
		return err
	}
	asked, err := h.Office.AskKey(c.Request().Context(), session, citycard.KeyRequest{
		NewKey: citycard.NewKey{
			AppID: app, ID: c.FormValue("key_id"), Type: citycard.KeyType(c.FormValue("type")), PEM: []byte(c.FormValue("public_key")),
		},
		Note: c.FormValue("note"), OnceKey: formOnce(c),
	})
	if citycard.CodeOf(err) == citycard.CodeNotFound {
		return err
	}
	if err != nil {
		return h.list(c, err)
	}
	return c.Redirect(http.StatusSeeOther, staffHome+"/approvals/"+asked.ID)
}

// RevokeKey answers POST /admin/partners/{ref}/keys/{key} and leads back to the partners.
func (h *StaffPartnerPages) RevokeKey(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	app, key, err := keyNamed(c)
	if err != nil {
		return err
	}
	request := citycard.KeyRequest{NewKey: citycard.NewKey{AppID: app, ID: key}, Note: c.FormValue("note")}
	err = h.Office.RevokeKey(c.Request().Context(), session, request)
	if citycard.CodeOf(err) == citycard.CodeNotFound {
		return err
	}
	if err != nil {
		return h.list(c, err)
	}
	return c.Redirect(http.StatusSeeOther, staffHome+"/partners")
}
