package handlers

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"citycard"
)

// MaxBody is the most bytes a JSON body may have.
const MaxBody = 64 << 10

// Decode reads exactly one JSON object into the struct that into points to, far more strictly than
// encoding/json: no byte order mark and nothing after the object, valid UTF-8 without lone surrogates and
// NUL, no member name twice at any depth (nor differing only in case), only members the struct names and
// spelled as it spells them, null only where the struct has a pointer, slice or map, at most eight levels,
// and only integers n with |n| < 2^53, so that every reader of the same bytes sees the same document.
//
// Text that is not such a document is malformed_request, one that does not fit the struct invalid_payload;
// Field names the member. No value appears in the error.
func Decode(data []byte, into any) error {
	if err := checkDocument(data, into); err != nil {
		return err
	}
	err := json.Unmarshal(data, into)
	var mismatch *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &mismatch):
		return invalidPayload(mismatch.Field, "the member has the wrong type")
	default:
		return invalidPayload("", "a member has a value of the wrong form")
	}
}

// bind reads the request's JSON body into a struct.
func bind(c echo.Context, into any) error {
	data, err := jsonBody(c)
	if err != nil {
		return err
	}
	return Decode(data, into)
}

// jsonBody is the body of a request that must be JSON, not looked into yet.
func jsonBody(c echo.Context) ([]byte, error) {
	r := c.Request()
	kind, parameters, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType))
	charset, declared := parameters["charset"]
	if err != nil || kind != echo.MIMEApplicationJSON || declared && !strings.EqualFold(charset, "utf-8") {
		return nil, &citycard.Error{Code: citycard.CodeUnsupportedMediaType, Message: "the body must be application/json in UTF-8"}
	}
	if r.Header.Get(echo.HeaderContentEncoding) != "" {
		return nil, &citycard.Error{Code: citycard.CodeUnsupportedMediaType, Message: "the body must not be compressed"}
	}
	return readBody(r)
}

func readBody(r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge), len(data) > MaxBody:
		return nil, &citycard.Error{Code: citycard.CodeBodyTooLarge}
	case err != nil:
		return nil, &citycard.Error{Code: citycard.CodeMalformedRequest, Message: "the body did not arrive whole", Cause: err}
	}
	return data, nil
}

func malformed(field, message string) error {
	return &citycard.Error{Code: citycard.CodeMalformedRequest, Field: field, Message: message}
}

func invalidPayload(field, message string) error {
	return &citycard.Error{Code: citycard.CodeInvalidPayload, Field: field, Message: message}
}
