package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

const cardJSON = `{"ref":"card-1","region":"330100","card_number_masked":"A12****89","holder_masked":"张*三",` +
	`"issuing_bank":{"code":"102","name":"示范银行"},"fulfilment":"collected","social":"sealed","financial":"inactive","password":"initial",` +
	`"received_on":"2026-11-01","valid_to":"2036-10-31","medical_restricted_on":"2027-04-30","financial_due_on":"2027-08-28",` +
	`"blockers":[{"code":"social_not_active","message":"社保功能还没有激活，您的缴费不受影响。",` +
	`"next_step":{"action":"请在手机上激活；也可以带卡到定点医院挂号、定点药店购药，或到窗口激活。",` +
	`"where":"在支付宝“城市服务”中的社保卡页面","bring":["本人身份证件原件","社保卡"]}}],` +
	`"replacement_for":null,"replaced_by":null,"version":3}`

func post(target, body string, headers ...string) *http.Request {
	return newRequest(http.MethodPost, target, body, append(headers, "Content-Type", "application/json")...)
}

func TestSessions(t *testing.T) {
	t.Parallel()
	w := &world{}
	got := send(t, w, post("/v1/sessions", `{"auth_code":"code-1"}`))
	assertJSON(t, got, http.StatusCreated, `{"token":"token-of-session-1","expires_at":"2026-11-22T10:00:00+08:00"}`)
	assert.Equal(t, []string{"by code code-1 mini_program"}, w.asked)
	send(t, w, post("/v1/sessions", `{"auth_code":"code-1"}`, "Idempotency-Key", "key-1234"))
	assert.Equal(t, "by code code-1 mini_program key-1234", w.asked[1])

	w = &world{loggedInAs: &session, view: activated()}
	send(t, w, post("/v1/activations/activation-1/confirm", `{"auth_code":"code-2"}`, "Idempotency-Key", "key-1234"))
	assert.Equal(t, []string{"confirm session-1 activation-1 code-2 key-1234"}, w.asked)

	w = &world{loggedInAs: &session}
	got = send(t, w, newRequest(http.MethodDelete, "/v1/sessions/current", ""))
	assert.Equal(t, http.StatusNoContent, got.Code)
	assert.Empty(t, got.Body.String())
	assert.Equal(t, []string{"end session-1"}, w.asked)
}

func TestSessionIsRefused(t *testing.T) {
	t.Parallel()
	invalid := &citycard.Error{Code: citycard.CodeLoginCodeInvalid}
	cases := map[string]struct {
		world   *world
		request *http.Request
		code    citycard.Code
		field   string
	}{
		"used code":             {&world{loginErr: invalid}, post("/v1/sessions", `{"auth_code":"code-1"}`), citycard.CodeLoginCodeInvalid, ""},
		"no code":               {&world{}, post("/v1/sessions", `{}`), citycard.CodeInvalidPayload, "auth_code"},
		"code with a space":     {&world{}, post("/v1/sessions", `{"auth_code":"a b"}`), citycard.CodeInvalidPayload, "auth_code"},
		"code too long":         {&world{}, post("/v1/sessions", `{"auth_code":"`+strings.Repeat("a", 257)+`"}`), citycard.CodeInvalidPayload, "auth_code"},
		"no body":               {&world{}, post("/v1/sessions", ""), citycard.CodeMalformedRequest, ""},
		"unknown member":        {&world{}, post("/v1/sessions", `{"auth_code":"a","x":1}`), citycard.CodeInvalidPayload, "x"},
		"a password":            {&world{}, post("/v1/sessions", `{"auth_code":"a","password":"1"}`), citycard.CodePasswordInBody, "password"},
		"no content type":       {&world{}, newRequest("POST", "/v1/sessions", `{"auth_code":"a"}`), citycard.CodeUnsupportedMediaType, ""},
		"form":                  {&world{}, newRequest("POST", "/v1/sessions", "auth_code=a", "Content-Type", "application/x-www-form-urlencoded"), citycard.CodeUnsupportedMediaType, ""},
		"another character set": {&world{}, newRequest("POST", "/v1/sessions", `{"auth_code":"a"}`, "Content-Type", "application/json; charset=gbk"), citycard.CodeUnsupportedMediaType, ""},
		"compressed":            {&world{}, post("/v1/sessions", `{"auth_code":"a"}`, "Content-Encoding", "gzip"), citycard.CodeUnsupportedMediaType, ""},
		"too large":             {&world{}, post("/v1/sessions", `{"auth_code":"`+strings.Repeat("a", 64<<10)+`"}`), citycard.CodeBodyTooLarge, ""},
		"malformed key":         {&world{}, post("/v1/sessions", `{"auth_code":"a"}`, "Idempotency-Key", "short"), citycard.CodeMalformedRequest, "Idempotency-Key"},
		"nobody to log out":     {&world{}, newRequest("DELETE", "/v1/sessions/current", ""), citycard.CodeSessionRequired, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertProblem(t, c.world, c.request, c.code, c.field)
			assert.Equal(t, c.world.loginErr != nil, len(c.world.asked) > 0, "nothing is asked of the platform for a bad request")
		})
	}
}

// assertJSON holds an answer to its status and its whole body, which ends with one line feed.
func assertJSON(t *testing.T, got *httptest.ResponseRecorder, status int, want string) {
	t.Helper()
	assert.Equal(t, status, got.Code)
	assert.Equal(t, want+"\n", got.Body.String())
}

// assertProblem sends a request and holds its answer to be that problem.
func assertProblem(t *testing.T, w *world, r *http.Request, code citycard.Code, field string) {
	t.Helper()
	got := send(t, w, r)
	assert.Equal(t, citycard.EntryOf(code).Status, got.Code, got.Body.String())
	assert.Contains(t, got.Body.String(), `"code":"`+string(code)+`"`)
	if field == "" {
		assert.NotContains(t, got.Body.String(), `"field"`)
	} else {
		assert.Contains(t, got.Body.String(), `"field":"`+field+`"`)
	}
}

func TestBodyInUTF8MaySaySo(t *testing.T) {
	t.Parallel()
	r := newRequest(http.MethodPost, "/v1/sessions", `{"auth_code":"a"}`, "Content-Type", "Application/JSON; Charset=UTF-8", "Idempotency-Key", "abcdefgh")
	assert.Equal(t, http.StatusCreated, send(t, &world{}, r).Code)
}

func TestMe(t *testing.T) {
	t.Parallel()
	got := send(t, &world{loggedInAs: &session, cards: []citycard.CardView{card()}}, newRequest(http.MethodGet, "/v1/me", ""))
	assertJSON(t, got, http.StatusOK, `{"citizen":"citizen-1","confirmed":true,"holder_masked":"张*三","cards":1,"channel":"mini_program","expires_at":"2026-11-22T10:00:00+08:00"}`)

	fresh := session
	fresh.PersonID = ""
	got = send(t, &world{loggedInAs: &fresh}, newRequest(http.MethodGet, "/v1/me", ""))
	assertJSON(t, got, http.StatusOK, `{"citizen":"citizen-1","confirmed":false,"holder_masked":null,"cards":0,"channel":"mini_program","expires_at":"2026-11-22T10:00:00+08:00"}`)

	assertProblem(t, &world{loggedInAs: &session, cardsErr: &citycard.Error{Code: citycard.CodeStorageUnavailable}},
		newRequest(http.MethodGet, "/v1/me", ""), citycard.CodeStorageUnavailable, "")
}

const (
	awaitingJSON = `{"id":"activation-1","status":"awaiting_identity","authorize_url":"https://platform.example/authorize?scope=id_verify",` +
		`"identity_method":"certdoc","expires_at":"2026-11-22T11:30:00+08:00"}`
	failureJSON = `{"id":"activation-1","status":"failed","changed":false,"card":null,"receipt":null,"failure":{"code":"card_not_matched",` +
		`"message":{"zh":"没有查到与所填姓名和证件号码一致的社保卡。","en":"No card was found for this name and ID number."},` +
		`"next_step":{"action":"请检查姓名和号码是否与身份证一致；确认无误仍查不到的，请来电或到窗口查询。","where":"拨打 12333 社保服务热线","bring":["本人身份证件原件"]}}}`
)

var activatedJSON = `{"id":"activation-1","status":"activated","changed":true,"card":` +
	strings.Replace(cardJSON, `"financial":"inactive"`, `"financial":"active"`, 1) + `,"receipt":"20261122-7KQ2-M9TX-04WB"}`

func TestActivations(t *testing.T) {
	t.Parallel()
	start := func() *http.Request {
		r := post("/v1/activations", `{"name":"张小三","id_number":"330106199003078515"}`, "Idempotency-Key", "key-1234")
		r.RemoteAddr = "203.0.113.9:4000"
		return r
	}
	pending := activated()
	pending.Activation.Status, pending.Activation.Changed = citycard.ActivationPendingBank, false
	cases := map[string]struct {
		view    citycard.ActivationView
		request *http.Request
		status  int
		body    string
	}{
		"started, the identity comes first": {awaiting(citycard.IdentityCertdoc), start(), 202, awaitingJSON},
		"started, by face":                  {awaiting(citycard.IdentityFace), start(), 202, strings.Replace(awaitingJSON, "certdoc", "face", 1)},
		"started, straight through":         {activated(), start(), 200, activatedJSON},
		"confirmed":                         {activated(), post("/v1/activations/activation-1/confirm", `{"auth_code":"code-2"}`), 200, activatedJSON},
		"confirmed by face":                 {activated(), post("/v1/activations/activation-1/confirm", `{}`), 200, activatedJSON},
		"confirmed, the bank follows":       {pending, post("/v1/activations/activation-1/confirm", `{}`), 200, strings.NewReplacer(`"activated"`, `"pending_bank"`, `"changed":true`, `"changed":false`).Replace(activatedJSON)},
		"confirmed, still waiting":          {awaiting(citycard.IdentityCertdoc), post("/v1/activations/activation-1/confirm", `{}`), 202, awaitingJSON},
		"looked at while waiting":           {awaiting(citycard.IdentityCertdoc), newRequest("GET", "/v1/activations/activation-1", ""), 200, awaitingJSON},
		"looked at once done":               {activated(), newRequest("GET", "/v1/activations/activation-1", ""), 200, activatedJSON},
		"looked at once failed":             {failed(citycard.CodeCardNotMatched), newRequest("GET", "/v1/activations/activation-1", ""), 200, failureJSON},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := send(t, &world{loggedInAs: &session, view: c.view}, c.request)
			assertJSON(t, got, c.status, c.body)
			assert.Equal(t, "application/json", got.Header().Get("Content-Type"))
		})
	}
	w := &world{loggedInAs: &session, view: awaiting(citycard.IdentityCertdoc)}
	send(t, w, start())
	assert.Equal(t, citycard.ActivationRequest{
		Session: session, Name: "张小三", IDNumber: "330106199003078515", Address: "203.0.113.9", OnceKey: "key-1234",
	}, w.request)
}

func TestActivationIsRefused(t *testing.T) {
	t.Parallel()
	const good = `{"name":"张小三","id_number":"330106199003078515"}`
	notMatched := &citycard.Error{Code: citycard.CodeCardNotMatched}
	notFound := &citycard.Error{Code: citycard.CodeNotFound}
	checkDigit := &citycard.Error{Code: citycard.CodeIDCheckDigit, Field: "id_number"}
	in := func(w world) *world { w.loggedInAs = &session; return &w }
	cases := map[string]struct {
		world   *world
		request *http.Request
		code    citycard.Code
		field   string
	}{
		"not logged in":                  {&world{}, post("/v1/activations", good), citycard.CodeSessionRequired, ""},
		"not logged in, confirming":      {&world{}, post("/v1/activations/a/confirm", "{}"), citycard.CodeSessionRequired, ""},
		"not logged in, looking":         {&world{}, newRequest("GET", "/v1/activations/a", ""), citycard.CodeSessionRequired, ""},
		"wrong number":                   {in(world{startErr: checkDigit}), post("/v1/activations", good), citycard.CodeIDCheckDigit, "id_number"},
		"no such card":                   {in(world{startErr: notMatched}), post("/v1/activations", good), citycard.CodeCardNotMatched, ""},
		"key twice":                      {in(world{}), post("/v1/activations", good, "Idempotency-Key", "abcdefgh", "Idempotency-Key", "abcdefgh"), citycard.CodeMalformedRequest, "Idempotency-Key"},
		"empty key":                      {in(world{}), post("/v1/activations", good, "Idempotency-Key", ""), citycard.CodeMalformedRequest, "Idempotency-Key"},
		"number as a number":             {in(world{}), post("/v1/activations", `{"name":"a","id_number":330106}`), citycard.CodeInvalidPayload, "id_number"},
		"confirming, wrong name":         {in(world{confirmErr: notMatched}), post("/v1/activations/a/confirm", `{"auth_code":"c"}`), citycard.CodeCardNotMatched, ""},
		"confirming, malformed key":      {in(world{}), post("/v1/activations/a/confirm", "{}", "Idempotency-Key", "a b c d e f g"), citycard.CodeMalformedRequest, "Idempotency-Key"},
		"confirming, malformed code":     {in(world{}), post("/v1/activations/a/confirm", `{"auth_code":"\u4e00"}`), citycard.CodeInvalidPayload, "auth_code"},
		"confirming, no body":            {in(world{}), post("/v1/activations/a/confirm", ""), citycard.CodeMalformedRequest, ""},
		"confirming somebody else's":     {in(world{confirmErr: notFound}), post("/v1/activations/a/confirm", "{}"), citycard.CodeNotFound, ""},
		"looking at somebody else's":     {in(world{findErr: notFound}), newRequest("GET", "/v1/activations/a", ""), citycard.CodeNotFound, ""},
		"an id no activation can have":   {in(world{}), newRequest("GET", "/v1/activations/a%00b", ""), citycard.CodeNotFound, ""},
		"confirming an impossible id":    {in(world{}), post("/v1/activations/"+strings.Repeat("a", 65)+"/confirm", "{}"), citycard.CodeNotFound, ""},
		"a method that is not served":    {in(world{}), newRequest("PUT", "/v1/activations", good), citycard.CodeMethodNotAllowed, ""},
		"the same request still running": {in(world{startErr: &citycard.Error{Code: citycard.CodeRequestInProgress}}), post("/v1/activations", good), citycard.CodeRequestInProgress, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertProblem(t, c.world, c.request, c.code, c.field)
		})
	}
}

func TestAttemptsAreCountedByNetwork(t *testing.T) {
	t.Parallel()
	for peer, want := range map[string]string{
		"203.0.113.9:4000":                     "203.0.113.9",
		"[2001:db8:1:2:3:4:5:6]:4000":          "2001:db8:1:2::/64",
		"[2001:db8:1:2:ffff:ffff:ffff:1]:4000": "2001:db8:1:2::/64",
		"[::ffff:203.0.113.9]:4000":            "203.0.113.9",
		"[fe80::1%eth0]:4000":                  "fe80::/64",
		"unix":                                 "",
	} {
		w := &world{loggedInAs: &session, view: awaiting(citycard.IdentityCertdoc)}
		r := post("/v1/activations", `{"name":"a","id_number":"b"}`)
		r.RemoteAddr = peer
		send(t, w, r)
		assert.Equal(t, want, w.request.Address, peer)
	}
}

func TestCards(t *testing.T) {
	t.Parallel()
	w := func() *world { return &world{loggedInAs: &session, cards: []citycard.CardView{card()}} }
	got := send(t, w(), newRequest(http.MethodGet, "/v1/cards", ""))
	assertJSON(t, got, http.StatusOK, `{"items":[`+cardJSON+`],"next_cursor":null}`)

	got = send(t, w(), newRequest(http.MethodGet, "/v1/cards/card-1", ""))
	assertJSON(t, got, http.StatusOK, cardJSON)

	got = send(t, w(), newRequest(http.MethodGet, "/v1/cards/card-1", "", "Accept-Language", "en"))
	assert.Contains(t, got.Body.String(), `"issuing_bank":{"code":"102","name":"Model Bank"}`)
	assert.Contains(t, got.Body.String(), `"message":"The social security function is not activated yet; your contributions are unaffected."`)

	got = send(t, &world{loggedInAs: &session}, newRequest(http.MethodGet, "/v1/cards", ""))
	assertJSON(t, got, http.StatusOK, `{"items":[],"next_cursor":null}`)

	bare := citycard.CardView{
		Ref: "card-2", Region: "330100", Fulfilment: "in_production", Social: "sealed", Financial: "inactive", Password: "initial",
		ReplacementFor: "card-1", ReplacedBy: "card-3",
	}
	got = send(t, &world{loggedInAs: &session, cards: []citycard.CardView{bare}}, newRequest(http.MethodGet, "/v1/cards/card-2", ""))
	assertJSON(t, got, http.StatusOK, `{"ref":"card-2","region":"330100","card_number_masked":"","holder_masked":"","issuing_bank":{"code":"","name":""},`+
		`"fulfilment":"in_production","social":"sealed","financial":"inactive","password":"initial","received_on":null,"valid_to":null,`+
		`"medical_restricted_on":null,"financial_due_on":null,"blockers":[],"replacement_for":"card-1","replaced_by":"card-3","version":0}`)
}

const (
	firstChange  = `{"seq":7,"machine":"fulfilment","from":"ready_for_pickup","to":"collected","reason":"partner_report","actor_kind":"system","channel":"import","occurred_at":"2026-11-21T09:30:00+08:00","recorded_at":"2026-11-21T10:30:00+08:00"}`
	secondChange = `{"seq":9,"machine":"financial","from":"inactive","to":"active","reason":"act_online","actor_kind":"citizen","channel":"h5","occurred_at":"2026-11-22T09:30:00+08:00","recorded_at":"2026-11-22T09:30:01+08:00"}`
)

func TestHistory(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ query, want string }{
		"whole":           {"", `{"items":[` + firstChange + `,` + secondChange + `],"next_cursor":null}`},
		"just all":        {"?limit=2", `{"items":[` + firstChange + `,` + secondChange + `],"next_cursor":null}`},
		"first part":      {"?limit=1", `{"items":[` + firstChange + `],"next_cursor":"Nw"}`},
		"second part":     {"?limit=1&cursor=Nw", `{"items":[` + secondChange + `],"next_cursor":null}`},
		"beyond the end ": {"?cursor=OQ", `{"items":[],"next_cursor":null}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := send(t, &world{loggedInAs: &session, history: transitions()}, newRequest(http.MethodGet, "/v1/cards/card-1/history"+c.query, ""))
			assertJSON(t, got, http.StatusOK, c.want)
		})
	}
}

func TestCardsComeInPages(t *testing.T) {
	t.Parallel()
	held := make([]citycard.CardView, 5)
	for i := range held {
		held[i] = card()
		held[i].Ref = fmt.Sprintf("card-%d", i)
	}
	var seen []string
	query := "?limit=2"
	for pages := 0; query != ""; pages++ {
		require.Less(t, pages, 3)
		got := send(t, &world{loggedInAs: &session, cards: held}, newRequest(http.MethodGet, "/v1/cards"+query, ""))
		require.Equal(t, http.StatusOK, got.Code)
		var body struct {
			Items []struct {
				Ref string `json:"ref"`
			} `json:"items"`
			NextCursor *string `json:"next_cursor"`
		}
		require.NoError(t, json.Unmarshal(got.Body.Bytes(), &body))
		for _, item := range body.Items {
			seen = append(seen, item.Ref)
		}
		query = ""
		if body.NextCursor != nil {
			query = "?limit=2&cursor=" + *body.NextCursor
		}
		newest := card()
		newest.Ref = "later"
		held = append([]citycard.CardView{newest}, held...)
	}
	assert.Equal(t, []string{"card-0", "card-1", "card-2", "card-3", "card-4"}, seen)
}

func TestCardsAreRefused(t *testing.T) {
	t.Parallel()
	in := func(w world) *world { w.loggedInAs = &session; return &w }
	notFound := world{cardsErr: &citycard.Error{Code: citycard.CodeNotFound}}
	cases := map[string]struct {
		world  *world
		target string
		code   citycard.Code
		field  string
	}{
		"not logged in":             {&world{}, "/v1/cards", citycard.CodeSessionRequired, ""},
		"not logged in, one":        {&world{}, "/v1/cards/a", citycard.CodeSessionRequired, ""},
		"not logged in, history":    {&world{}, "/v1/cards/a/history", citycard.CodeSessionRequired, ""},
		"absent":                    {in(notFound), "/v1/cards/a", citycard.CodeNotFound, ""},
		"absent, history":           {in(notFound), "/v1/cards/a/history", citycard.CodeNotFound, ""},
		"impossible ref":            {in(world{}), "/v1/cards/a%2Fb", citycard.CodeNotFound, ""},
		"impossible ref, history":   {in(world{}), "/v1/cards/%E4%B8%80/history", citycard.CodeNotFound, ""},
		"list fails":                {in(world{cardsErr: &citycard.Error{Code: citycard.CodeStorageUnavailable}}), "/v1/cards", citycard.CodeStorageUnavailable, ""},
		"list, limit of nothing":    {in(world{}), "/v1/cards?limit=0", citycard.CodeMalformedRequest, "limit"},
		"list, another's cursor":    {in(world{}), "/v1/cards?cursor=!", citycard.CodeMalformedRequest, "cursor"},
		"limit of nothing":          {in(world{}), "/v1/cards/a/history?limit=0", citycard.CodeMalformedRequest, "limit"},
		"limit too large":           {in(world{}), "/v1/cards/a/history?limit=101", citycard.CodeMalformedRequest, "limit"},
		"limit is no number":        {in(world{}), "/v1/cards/a/history?limit=ten", citycard.CodeMalformedRequest, "limit"},
		"cursor of another make":    {in(world{}), "/v1/cards/a/history?cursor=!", citycard.CodeMalformedRequest, "cursor"},
		"cursor holds no number":    {in(world{}), "/v1/cards/a/history?cursor=YQ", citycard.CodeMalformedRequest, "cursor"},
		"cursor before the start":   {in(world{}), "/v1/cards/a/history?cursor=LTE", citycard.CodeMalformedRequest, "cursor"},
		"cursor with spare bits":    {in(world{}), "/v1/cards/a/history?cursor=Nx", citycard.CodeMalformedRequest, "cursor"},
		"another citizen's history": {in(notFound), "/v1/cards/card-9/history", citycard.CodeNotFound, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assertProblem(t, c.world, newRequest(http.MethodGet, c.target, ""), c.code, c.field)
		})
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	got := send(t, &world{}, newRequest(http.MethodGet, "/livez", ""))
	assertJSON(t, got, http.StatusOK, `{"status":"up"}`)

	got = send(t, &world{}, newRequest(http.MethodGet, "/readyz", ""))
	assertJSON(t, got, http.StatusOK, `{"status":"ready"}`)

	got = send(t, &world{notReady: assert.AnError}, newRequest(http.MethodGet, "/readyz", ""))
	assert.Equal(t, http.StatusServiceUnavailable, got.Code)
	assert.Contains(t, got.Body.String(), `"code":"storage_unavailable"`)
	assert.NotContains(t, got.Body.String(), assert.AnError.Error())
	assert.Equal(t, "2", got.Header().Get("Retry-After"))

	assertProblem(t, &world{notReady: &citycard.Error{Code: citycard.CodeReadOnly}}, newRequest(http.MethodGet, "/readyz", ""), citycard.CodeReadOnly, "")
}
