package handlers_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/handlers"
)

// partnerWorld stands in for everything behind the routes of partners.
type partnerWorld struct {
	proveErr  error
	method    citycard.Method
	content   string
	nonce     string
	replayErr error
	rateErr   error
	reply     citycard.PartnerReply
	deskErr   error
	view      citycard.CardView
	refused   error

	asked   []string
	replays []citycard.Replay
	request citycard.PartnerRequest
	counted []citycard.CallbackKind
	noted   []bool
}

var bank = citycard.Partner{
	AppID: "2026000000000001", Kind: citycard.PartnerBank, State: citycard.PartnerActive,
	Methods: []citycard.Method{citycard.MethodFinancialActivate, citycard.MethodCardQuery},
}

func (w *partnerWorld) Report(_ context.Context, r citycard.PartnerRequest) (citycard.PartnerReply, error) {
	w.asked, w.request = append(w.asked, "report"), r
	return w.reply, w.deskErr
}

func (w *partnerWorld) Query(_ context.Context, r citycard.PartnerRequest) (citycard.CardView, error) {
	w.asked, w.request = append(w.asked, "query"), r
	return w.view, w.deskErr
}

func (w *partnerWorld) ReserveReplay(_ context.Context, r citycard.Replay, _ time.Time) error {
	w.asked, w.replays = append(w.asked, "replay"), append(w.replays, r)
	return w.replayErr
}

func (w *partnerWorld) Forged(context.Context, string) error {
	w.noted = append(w.noted, false)
	return w.refused
}

func (w *partnerWorld) Proven(string) { w.noted = append(w.noted, true) }

// prove proves everything; it signs by a word, so that tests can read what was signed.
func (w *partnerWorld) prove(_ context.Context, _ *http.Request, _ []byte) (*handlers.Callback, error) {
	if w.proveErr != nil {
		return nil, w.proveErr
	}
	return &handlers.Callback{
		Partner: bank, Method: w.method, Content: []byte(w.content), OnceKey: "BANK-0001", Nonce: w.nonce, Digest: "digest",
		Seal: func(_ int, header http.Header, body []byte) ([]byte, error) {
			header.Set("Signature", "signed")
			return append([]byte("signed "), body...), nil
		},
	}, nil
}

// send posts to the routes of partners; what the world does is up to its fields.
func (w *partnerWorld) send(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	plane := handlers.PartnerPlane{
		Profile: citycard.ProfileGateway, Prove: w.prove, Desk: w, Replays: w, Flood: w,
		Rate: func(context.Context, string, citycard.Method) error {
			w.asked = append(w.asked, "rate")
			return w.rateErr
		},
		Count: func(k citycard.CallbackKind) { w.counted = append(w.counted, k) },
		Clock: func() time.Time { return now },
	}
	signed := plane
	signed.Profile = citycard.ProfileMessage
	e := echo.New()
	e.HTTPErrorHandler = handlers.Problems(nil)
	e.POST("/gateway.do", handlers.Gateway{PartnerPlane: plane, CodeMessage: func(code string) string { return "msg " + code }}.Receive)
	e.POST("/v1/partner/events", handlers.PartnerEvents{PartnerPlane: signed}.Receive)
	e.POST("/v1/partner/queries", handlers.PartnerQueries{PartnerPlane: signed}.Receive)
	recorder := httptest.NewRecorder()
	e.ServeHTTP(recorder, newRequest(http.MethodPost, path, "any"))
	return recorder
}

func applied() citycard.PartnerReply {
	return citycard.PartnerReply{
		AppID: bank.AppID, OutRequestNo: "BANK-0001", Result: citycard.ResultApplied, Changed: true, ServerTime: now,
	}
}

const eventContent = `{"type":"citycard.financial.activate","out_request_no":"BANK-0001"}`

func TestGatewayAnswersAnAcceptedEvent(t *testing.T) {
	t.Parallel()
	w := &partnerWorld{method: citycard.MethodFinancialActivate, content: "{}", reply: applied()}
	got := w.send(t, "/gateway.do")
	assert.Equal(t, http.StatusOK, got.Code)
	assert.Equal(t, `signed {"code":"10000","msg":"msg 10000","app_id":"2026000000000001","out_request_no":"BANK-0001",`+
		`"result":"APPLIED","changed":true,"server_time":"2026-11-22 09:30:00"}`, got.Body.String())
	assert.Empty(t, got.Header().Get("Idempotency-Hit"))
	assert.Equal(t, []string{"rate", "report"}, w.asked, "without a nonce there is nothing to remember")
	assert.Equal(t, citycard.PartnerRequest{
		Partner: bank, Profile: citycard.ProfileGateway, Method: citycard.MethodFinancialActivate, Content: []byte("{}"), OnceKey: "BANK-0001",
	}, w.request)
	assert.Equal(t, []citycard.CallbackKind{{AppID: bank.AppID, Profile: citycard.ProfileGateway, Outcome: citycard.CallbackAccepted}}, w.counted)
	assert.Equal(t, []bool{true}, w.noted)
}

func TestRepeatedAndStaleEventsSayAndCountSo(t *testing.T) {
	t.Parallel()
	for path, content := range map[string]string{"/gateway.do": "{}", "/v1/partner/events": eventContent} {
		w := &partnerWorld{method: citycard.MethodFinancialActivate, content: content, reply: applied(), nonce: "nonce-of-16-chars"}
		w.reply.Repeated = true
		got := w.send(t, path)
		assert.Equal(t, "true", got.Header().Get("Idempotency-Hit"), path)
		assert.Equal(t, citycard.CallbackRepeated, w.counted[0].Outcome, path)
		assert.Equal(t, []citycard.Replay{{AppID: bank.AppID, Nonce: "nonce-of-16-chars"}}, w.replays, path)

		w = &partnerWorld{method: citycard.MethodFinancialActivate, content: content, reply: applied()}
		w.reply.Result, w.reply.Changed = citycard.ResultStale, false
		w.reply.Hint = citycard.Text{ZH: "请插入新卡", EN: "now insert the new card"}
		got = w.send(t, path)
		assert.Contains(t, got.Body.String(), `"result":"STALE","changed":false,"hint":{"zh":"请插入新卡","en":"now insert the new card"}`, path)
		assert.Equal(t, citycard.CallbackStale, w.counted[0].Outcome, path)
	}
}

// TestRefusalsOfProvenSenders is rows 14 to 22 of the check table in both profiles.
func TestRefusalsOfProvenSenders(t *testing.T) {
	t.Parallel()
	for code, want := range map[citycard.Code]struct {
		gateway       string
		gatewayStatus int
		status        int
		problem       citycard.Code
		retry         string
	}{
		citycard.CodeNonceReused:        {`"code":"40002","msg":"msg 40002","sub_code":"isv.replayed-request"`, 200, 409, "", ""},
		citycard.CodeNotFound:           {`"code":"40002","msg":"msg 40002","sub_code":"isv.invalid-method"`, 200, 404, "", ""},
		citycard.CodePartnerScope:       {`"code":"40006","msg":"msg 40006","sub_code":"isv.insufficient-isv-permissions"`, 200, 403, "", ""},
		citycard.CodeRateLimited:        {`"code":"40005","msg":"msg 40005","sub_code":"isv.rate-limited"`, 200, 429, "", "1"},
		citycard.CodeMalformedRequest:   {`"code":"40002","msg":"msg 40002","sub_code":"isv.invalid-parameter"`, 200, 400, citycard.CodeInvalidPayload, ""},
		citycard.CodeInvalidPayload:     {`"code":"40002","msg":"msg 40002","sub_code":"isv.invalid-parameter"`, 200, 400, "", ""},
		citycard.CodePasswordInBody:     {`"code":"40002","msg":"msg 40002","sub_code":"isv.invalid-parameter"`, 200, 422, "", ""},
		citycard.CodeEventIDReused:      {`"code":"40004","msg":"msg 40004","sub_code":"isv.out-request-no-conflict"`, 200, 422, "", ""},
		citycard.CodeRequestInProgress:  {`"code":"20000","msg":"msg 20000","sub_code":"isp.request-in-progress"`, 200, 409, "", "1"},
		citycard.CodeCardNotMatched:     {`"code":"40004","msg":"msg 40004","sub_code":"citycard.card-not-found"`, 200, 404, "", ""},
		citycard.CodeCardFormalLost:     {`"code":"40004","msg":"msg 40004","sub_code":"citycard.card-formal-lost"`, 200, 409, "", ""},
		citycard.CodeBankNotIssuer:      {`"code":"40004","msg":"msg 40004","sub_code":"citycard.bank-not-issuer"`, 200, 403, "", ""},
		citycard.CodeStorageUnavailable: {`"code":"20000","msg":"msg 20000","sub_code":"isp.unknow-error"`, 503, 503, "", "2"},
		citycard.CodeInternal:           {`"code":"20000","msg":"msg 20000","sub_code":"isp.unknow-error"`, 503, 503, citycard.CodeStorageUnavailable, "2"},
	} {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			failing := error(&citycard.Error{Code: code})
			if code == citycard.CodeInternal {
				failing = errors.New("the disk is full")
			}
			w := &partnerWorld{method: citycard.MethodFinancialActivate, content: "{}", deskErr: failing, reply: applied()}
			got := w.send(t, "/gateway.do")
			assert.Equal(t, want.gatewayStatus, got.Code)
			assert.Contains(t, got.Body.String(), "signed {"+want.gateway)
			assert.Contains(t, got.Body.String(), `"out_request_no":"BANK-0001"`)
			assert.NotContains(t, got.Body.String(), "disk")
			assert.Equal(t, want.retry, got.Header().Get("Retry-After"))
			assert.Equal(t, citycard.CallbackRefused, w.counted[0].Outcome)

			problem := want.problem
			if problem == "" {
				problem = code
			}
			w = &partnerWorld{content: eventContent, deskErr: failing, reply: applied()}
			got = w.send(t, "/v1/partner/events")
			assert.Equal(t, want.status, got.Code)
			assert.Contains(t, got.Body.String(), `"code":"`+string(problem)+`"`)
			assert.NotContains(t, got.Body.String(), "disk")
			assert.Equal(t, want.retry, got.Header().Get("Retry-After"))
			assert.Equal(t, "signed", got.Header().Get("Signature"))
			assert.Equal(t, string(problem), w.counted[0].Code)
		})
	}
}

func TestChecksOfProvenSendersComeInOrder(t *testing.T) {
	t.Parallel()
	all := partnerWorld{
		method: "citycard.card.explode", content: `{"type":"citycard.card.explode"}`, nonce: "nonce-of-16-chars",
		replayErr: &citycard.Error{Code: citycard.CodeNonceReused}, rateErr: &citycard.Error{Code: citycard.CodeRateLimited},
		deskErr: &citycard.Error{Code: citycard.CodeInvalidPayload},
	}
	for _, path := range []string{"/gateway.do", "/v1/partner/events"} {
		w := all
		var codes []string
		for _, mend := range []func(){
			func() { w.replayErr = nil },
			func() {
				w.method, w.content = citycard.MethodFinancialActivate, eventContent
			},
			func() { w.rateErr = nil },
			func() { w.deskErr = nil },
		} {
			w.send(t, path)
			mend()
		}
		w.send(t, path)
		for _, counted := range w.counted {
			codes = append(codes, counted.Code)
		}
		want := []string{"isv.replayed-request", "isv.invalid-method", "isv.rate-limited", "isv.invalid-parameter", ""}
		if path != "/gateway.do" {
			want = []string{"nonce_reused", "not_found", "rate_limited", "invalid_payload", ""}
		}
		assert.Equal(t, want, codes, path)
	}
}

func TestAnEventRefusedUnreadIsAnsweredUnderItsNumber(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		eventContent: `"out_request_no":"BANK-0001",`, `{"out_request_no":"short"}`: "", "no JSON": "", `{"out_request_no":7}`: "",
	} {
		w := &partnerWorld{method: citycard.MethodFinancialActivate, content: content, rateErr: &citycard.Error{Code: citycard.CodeRateLimited}}
		got := w.send(t, "/gateway.do")
		assert.Contains(t, got.Body.String(), `"app_id":"2026000000000001",`+want+`"server_time"`, content)
	}
}

func TestUnprovenSendersAreAnsweredWithoutSigning(t *testing.T) {
	t.Parallel()
	constant := &handlers.Unproven{Status: http.StatusOK, Code: "isv.invalid-signature", Body: []byte(`{"constant":true}`)}
	w := &partnerWorld{proveErr: constant}
	got := w.send(t, "/gateway.do")
	assert.Equal(t, `{"constant":true}`, got.Body.String())
	assert.Equal(t, []citycard.CallbackKind{{Profile: citycard.ProfileGateway, Outcome: citycard.CallbackRefused, Code: "isv.invalid-signature"}}, w.counted)
	assert.Equal(t, []bool{false}, w.noted)
	assert.Empty(t, w.asked)

	w = &partnerWorld{proveErr: &handlers.Unproven{Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type"}}
	got = w.send(t, "/gateway.do")
	assert.Equal(t, http.StatusUnsupportedMediaType, got.Code)
	assert.Empty(t, got.Body.String())

	w = &partnerWorld{proveErr: &citycard.Error{Code: citycard.CodeSignatureInvalid}}
	got = w.send(t, "/v1/partner/events")
	assert.Equal(t, http.StatusUnauthorized, got.Code)
	assert.Equal(t, `Signature realm="citycard"`, got.Header().Get("WWW-Authenticate"))
	assert.Empty(t, got.Header().Get("Signature"))

	for _, path := range []string{"/gateway.do", "/v1/partner/events", "/v1/partner/queries"} {
		flooding := &citycard.Error{Code: citycard.CodeRateLimited}
		w = &partnerWorld{refused: flooding, proveErr: &handlers.Unproven{Status: http.StatusOK, Code: "isv.invalid-signature", Body: []byte("{}")}}
		got = w.send(t, path)
		assert.Equal(t, http.StatusTooManyRequests, got.Code, path)
		assert.Equal(t, "rate_limited", w.counted[0].Code)

		w = &partnerWorld{refused: flooding, method: citycard.MethodFinancialActivate, content: "{}"}
		assert.NotEqual(t, http.StatusTooManyRequests, w.send(t, path).Code, "what is proven gets through a flood of its address")
		assert.Equal(t, []bool{true}, w.noted, path)

		w = &partnerWorld{proveErr: &handlers.Unproven{
			Status: http.StatusServiceUnavailable, Code: "isp.unknow-error", Body: []byte("{}"),
			Cause: &citycard.Error{Code: citycard.CodeStorageUnavailable},
		}}
		got = w.send(t, path)
		assert.Equal(t, http.StatusServiceUnavailable, got.Code, path)
		assert.Equal(t, "2", got.Header().Get("Retry-After"), path)
		assert.Empty(t, w.noted, "a failure of ours is not the sender's fault")
	}
}

func TestAMessageMustNameItsMethod(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "null", "[]", `{"type":1}`, `{"type":""}`, `{}`, "\xff", `{"type":"citycard.financial.activate"} x`} {
		w := &partnerWorld{content: content}
		got := w.send(t, "/v1/partner/events")
		assert.Equal(t, http.StatusBadRequest, got.Code, content)
		assert.Contains(t, got.Body.String(), `"code":"invalid_payload"`, content)
		assert.Equal(t, []string{"rate"}, w.asked, content)
	}
}

func TestQueriesAnswerTheMaskedCardAndAreRememberedWhole(t *testing.T) {
	t.Parallel()
	w := &partnerWorld{content: `{"type":"citycard.card.query"}`, nonce: "nonce-of-16-chars", view: card()}
	got := w.send(t, "/v1/partner/queries")
	require.Equal(t, http.StatusOK, got.Code, got.Body.String())
	assert.Equal(t, "signed "+cardJSON, got.Body.String())
	assert.Equal(t, []citycard.Replay{{AppID: bank.AppID, Nonce: "nonce-of-16-chars", Digest: "digest"}}, w.replays)
	assert.Equal(t, []string{"replay", "rate", "query"}, w.asked)
}
