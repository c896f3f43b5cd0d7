package handlers

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
)

// problemType is the media type of RFC 9457.
const problemType = "application/problem+json"

// retryAfter is what Retry-After says where the error itself does not.
var retryAfter = map[citycard.Code]time.Duration{
	citycard.CodeRequestInProgress:   time.Second,
	citycard.CodeRateLimited:         time.Second,
	citycard.CodePlatformUnavailable: 5 * time.Second,
	citycard.CodeBankUnavailable:     5 * time.Second,
	citycard.CodeStorageUnavailable:  2 * time.Second,
	citycard.CodeReadOnly:            time.Minute,
}

// problem is a problem document (RFC 9457) with the members every error of ours has. Title and NextStep are in
// the language asked for, Message is in both; Detail says precisely, in English, what is wrong.
type problem struct {
	Type      string             `json:"type"`
	Title     string             `json:"title"`
	Status    int                `json:"status"`
	Code      citycard.Code      `json:"code"`
	Detail    string             `json:"detail,omitempty"`
	Field     string             `json:"field,omitempty"`
	Message   citycard.Text      `json:"message"`
	NextStep  citycard.LocalStep `json:"next_step"`
	RequestID string             `json:"request_id"`

	members map[string]any
	wait    time.Duration
}

// Problems is the one place that turns an error into an answer: a problem document, or the same as a friendly
// page where a browser asked for one. An error without a code of ours says nothing about itself.
func Problems(pages *Pages) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if c.Response().Committed {
			return
		}
		p := describe(err, c)
		h := c.Response().Header()
		setRetryAfter(c, p.wait)
		if p.Status == http.StatusUnauthorized && h.Get(echo.HeaderWWWAuthenticate) == "" {
			h.Set(echo.HeaderWWWAuthenticate, `Bearer realm="citycard"`)
		}
		if wantsPage(c) && (pages.problem(c, p) == nil || c.Response().Committed) {
			return
		}
		body, err := p.encode()
		if err == nil {
			err = c.Blob(p.Status, problemType, body)
		}
		if err != nil && !c.Response().Committed {
			c.Response().WriteHeader(http.StatusInternalServerError)
		}
	}
}

// setRetryAfter says in whole seconds when to come back; nothing where that would not help.
func setRetryAfter(c echo.Context, wait time.Duration) {
	if wait > 0 {
		c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
}

func describe(err error, c echo.Context) problem {
	coded := &citycard.Error{Code: citycard.CodeInternal}
	var refused *echo.HTTPError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &coded):
	case errors.As(err, &tooLarge):
		coded = &citycard.Error{Code: citycard.CodeBodyTooLarge}
	case errors.As(err, &refused):
		coded = &citycard.Error{Code: citycard.CodeOfStatus(refused.Code)}
	}
	entry := citycard.EntryOf(coded.Code)
	lang := languageOf(c)
	p := problem{
		Type:  "/docs/errors#" + string(entry.Code),
		Title: entry.Message.In(lang), Status: entry.Status, Code: entry.Code,
		Message: entry.Message, NextStep: entry.Next.In(lang),
		RequestID: citycard.RequestIDOf(c.Request().Context()),
		wait:      coded.RetryAfter,
	}
	if entry.Code == citycard.CodeInternal {
		return p
	}
	p.Detail, p.Field, p.members = coded.Message, coded.Field, coded.Members
	if p.wait <= 0 {
		p.wait = retryAfter[entry.Code]
	}
	return p
}

// encode writes the document with the error's further members at its end. They never replace a standing one.
func (p problem) encode() ([]byte, error) {
	document, err := json.Marshal(p)
	if err != nil || len(p.members) == 0 {
		return document, err
	}
	var standing map[string]any
	if err := json.Unmarshal(document, &standing); err != nil {
		return nil, err
	}
	further := map[string]any{}
	for name, value := range p.members {
		if _, taken := standing[name]; !taken {
			further[name] = value
		}
	}
	tail, err := json.Marshal(further)
	if err != nil || len(further) == 0 {
		return document, err
	}
	return append(append(document[:len(document)-1], ','), tail[1:]...), nil
}

// wantsPage tells whether a person is looking: a browser asks for HTML and the address is none of an interface.
func wantsPage(c echo.Context) bool {
	r := c.Request()
	return strings.Contains(r.Header.Get(echo.HeaderAccept), echo.MIMETextHTML) && !strings.Contains(r.URL.Path, "/v1/")
}
