package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"citycard"
)

// StaffHotline identifies callers.
type StaffHotline struct{ Callers StaffCallers }

// Identify answers POST /admin/v1/cards/{ref}/identifications: 201 with the identification that the hotline's actions
// name, or caller_not_identified, which does not say what was wrong.
func (h StaffHotline) Identify(c echo.Context) error {
	session, ref, err := staffOn(c)
	if err != nil {
		return err
	}
	var body struct {
		Name          string `json:"name"`
		BirthDate     string `json:"birth_date"`
		DocumentLast4 string `json:"document_last4"`
		BankCode      string `json:"bank_code"`
		ReceivedMonth string `json:"received_month"`
		PhoneLast4    string `json:"phone_last4"`
	}
	if err := bind(c, &body); err != nil {
		return err
	}
	made, err := h.Callers.Identify(c.Request().Context(), session, ref, citycard.Answers{
		citycard.AskName: body.Name, citycard.AskBirthDate: body.BirthDate, citycard.AskDocumentLast4: body.DocumentLast4,
		citycard.AskBank: body.BankCode, citycard.AskReceivedMonth: body.ReceivedMonth, citycard.AskPhoneLast4: body.PhoneLast4,
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, struct {
		ID        string `json:"id"`
		ExpiresAt string `json:"expires_at"`
	}{made.ID, moment(made.ExpiresAt())})
}

// Questions answers GET /admin/v1/cards/{ref}/questions: what the record can answer, without the answers.
func (h StaffHotline) Questions(c echo.Context) error {
	session, ref, err := staffOn(c)
	if err != nil {
		return err
	}
	questions, err := h.Callers.Questions(c.Request().Context(), session, ref)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list[citycard.CallerQuestion]{Items: questions})
}
