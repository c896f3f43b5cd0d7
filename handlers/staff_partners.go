package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffPartners is what staff sees of partners and does with their keys.
type StaffPartners struct{ Office StaffPartnerOffice }

type partnerKeyBody struct {
	ID          string            `json:"id"`
	Type        citycard.KeyType  `json:"type"`
	State       citycard.KeyState `json:"state"`
	Fingerprint string            `json:"fingerprint"`
	NotBefore   *string           `json:"not_before"`
	NotAfter    string            `json:"not_after"`
	AddedBy     string            `json:"added_by"`
	ApprovedBy  *string           `json:"approved_by"`
	RevokedBy   *string           `json:"revoked_by"`
}

type partnerBody struct {
	AppID   string                `json:"app_id"`
	Kind    citycard.PartnerKind  `json:"kind"`
	Name    string                `json:"name"`
	State   citycard.PartnerState `json:"state"`
	Regions []string              `json:"regions"`
	Bank    *string               `json:"bank_code"`
	Methods []citycard.Method     `json:"methods"`
	Keys    []partnerKeyBody      `json:"keys"`
}

func showPartner(r citycard.PartnerRecord) partnerBody {
	body := partnerBody{
		AppID: r.AppID, Kind: r.Kind, Name: r.Name, State: r.State, Regions: r.Regions, Bank: optional(string(r.Bank)),
		Methods: r.Methods, Keys: make([]partnerKeyBody, 0, len(r.Keys)),
	}
	for _, k := range r.Keys {
		key := partnerKeyBody{
			ID: k.ID, Type: k.Type, State: k.State, Fingerprint: k.Fingerprint, NotAfter: moment(k.NotAfter), AddedBy: k.AddedBy,
			ApprovedBy: optional(k.ApprovedBy), RevokedBy: optional(k.RevokedBy),
		}
		if begins := k.Begins(); !begins.IsZero() {
			at := moment(begins)
			key.NotBefore = &at
		}
		body.Keys = append(body.Keys, key)
	}
	return body
}

// List answers GET /admin/v1/partners.
func (h StaffPartners) List(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	records, _, err := h.Office.List(c.Request().Context(), session)
	if err != nil {
		return err
	}
	body := list[partnerBody]{Items: make([]partnerBody, 0, len(records))}
	for _, record := range records {
		body.Items = append(body.Items, showPartner(record))
	}
	return c.JSON(http.StatusOK, body)
}

// Show answers GET /admin/v1/partners/{ref}.
func (h StaffPartners) Show(c echo.Context) error {
	session, app, err := staffOn(c)
	if err != nil {
		return err
	}
	record, err := h.Office.Find(c.Request().Context(), session, app)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showPartner(record))
}

// AskKey answers POST /admin/v1/partners/{ref}/keys: 202 with the request that awaits a second person.
func (h StaffPartners) AskKey(c echo.Context) error {
	session, app, err := staffOn(c)
	if err != nil {
		return err
	}
	once, err := onceKey(c)
	if err != nil {
		return err
	}
	var body struct {
		KeyID     string           `json:"key_id"`
		Type      citycard.KeyType `json:"type"`
		PublicKey string           `json:"public_key"`
		Note      string           `json:"note"`
	}
	if err := bind(c, &body); err != nil {
		return err
	}
	asked, err := h.Office.AskKey(c.Request().Context(), session, citycard.KeyRequest{
		NewKey: citycard.NewKey{AppID: app, ID: body.KeyID, Type: body.Type, PEM: []byte(body.PublicKey)}, Note: body.Note, OnceKey: once,
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusAccepted, showApproval(asked))
}

// RevokeKey answers POST /admin/v1/partners/{ref}/keys/{key}/revoke with the partner as it is afterwards.
func (h StaffPartners) RevokeKey(c echo.Context) error {
	session, err := staffOf(c)
	if err != nil {
		return err
	}
	app, key, err := keyNamed(c)
	if err != nil {
		return err
	}
	var body struct {
		Note string `json:"note"`
	}
	if err := bind(c, &body); err != nil {
		return err
	}
	ctx := c.Request().Context()
	request := citycard.KeyRequest{NewKey: citycard.NewKey{AppID: app, ID: key}, Note: body.Note}
	if err := h.Office.RevokeKey(ctx, session, request); err != nil {
		return err
	}
	record, err := h.Office.Find(ctx, session, app)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showPartner(record))
}

// keyNamed are the partner and the key that the path names.
func keyNamed(c echo.Context) (app, key string, err error) {
	if app, err = reference(c, "ref"); err != nil {
		return "", "", err
	}
	key, err = reference(c, "key")
	return app, key, err
}
