package handlers_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/handlers"
)

// now is the moment of every test here.
var now = time.Date(2026, 11, 22, 9, 30, 0, 0, citycard.Shanghai)

// session is a citizen who was confirmed to be a person.
var session = citycard.Session{
	ID: "session-1", Audience: citycard.AudienceCitizen, Channel: citycard.ChannelMiniProgram,
	CitizenID: "citizen-1", PersonID: "person-1", IssuedAt: now, ExpiresAt: now.Add(citycard.SessionLifetime),
}

// world stands in for the use cases: it answers what a test put into it and notes what it was asked.
type world struct {
	loginErr    error
	state       citycard.LoginState
	stateErr    error
	view        citycard.ActivationView
	startErr    error
	confirmErr  error
	findErr     error
	cards       []citycard.CardView
	cardsErr    error
	history     []citycard.Transition
	notReady    error
	asked       []string
	request     citycard.ActivationRequest
	loggedInAs  *citycard.Session
	entered     *citycard.Session
	left        bool
	renderedIDs int
}

func (w *world) note(what string) { w.asked = append(w.asked, what) }

func (w *world) Begin(_ context.Context, returnTo string) (citycard.Redirect, error) {
	w.note("begin " + returnTo)
	return citycard.Redirect{URL: "https://platform.example/authorize?state=secret", Browser: "browser-secret"}, w.loginErr
}

func (w *world) BeginIdentity(_ context.Context, a citycard.Activation) (citycard.Redirect, error) {
	w.note("begin identity " + a.ID + " " + a.CheckID)
	return citycard.Redirect{URL: "https://platform.example/verify?state=secret", Browser: "browser-secret"}, w.loginErr
}

func (w *world) Return(_ context.Context, state, browser string) (citycard.LoginState, error) {
	w.note("return " + state + " " + browser)
	return w.state, w.stateErr
}

func (w *world) ByCode(_ context.Context, code string, channel citycard.Channel, once string) (citycard.Session, error) {
	w.note(strings.TrimSpace("by code " + code + " " + string(channel) + " " + once))
	return session, w.loginErr
}

func (w *world) End(_ context.Context, s citycard.Session) error {
	w.note("end " + s.ID)
	return w.loginErr
}

// activator and reader are two more faces of the world, since both have a method Find.
type activator struct{ *world }

func (w activator) Start(_ context.Context, r citycard.ActivationRequest) (citycard.ActivationView, error) {
	w.request = r
	return w.view, w.startErr
}

func (w activator) Confirm(_ context.Context, s citycard.Session, id, code, once string) (citycard.ActivationView, error) {
	w.note(strings.TrimSpace("confirm " + s.ID + " " + id + " " + code + " " + once))
	return w.view, w.confirmErr
}

func (w activator) Find(_ context.Context, s citycard.Session, id string) (citycard.ActivationView, error) {
	w.note("find " + s.ID + " " + id)
	return w.view, w.findErr
}

type reader struct{ *world }

func (w reader) List(context.Context, citycard.Session) ([]citycard.CardView, error) {
	return w.cards, w.cardsErr
}

func (w reader) Find(_ context.Context, s citycard.Session, ref string) (citycard.CardView, error) {
	w.note("card " + s.ID + " " + ref)
	if w.cardsErr != nil {
		return citycard.CardView{}, w.cardsErr
	}
	return w.cards[0], nil
}

func (w reader) History(_ context.Context, _ citycard.Session, _ string, after int64, limit int) ([]citycard.Transition, error) {
	var found []citycard.Transition
	for _, t := range w.history {
		if t.Seq > after && len(found) < limit {
			found = append(found, t)
		}
	}
	return found, w.cardsErr
}

// The static files are read once for all tests.
var (
	templates = sync.OnceValues(func() (*handlers.Templates, error) { return handlers.NewTemplates(os.DirFS("../static")) })
	documents = sync.OnceValues(func() (*handlers.Documents, error) {
		return handlers.NewDocuments(os.DirFS("../static"), http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "text/html")
			_, _ = rw.Write([]byte("<title>reader</title><script>one()</script><script src=\"x.js\"></script><script>two()</script>"))
		}))
	})
)

// app serves the handlers over the world, with the world's session in place of the middleware's.
func app(t *testing.T, w *world) *echo.Echo {
	t.Helper()
	templates, err := templates()
	require.NoError(t, err)
	documents, err := documents()
	require.NoError(t, err)
	pages := &handlers.Pages{
		Templates: templates, Login: w, Activator: activator{w}, Cards: reader{w},
		Leave: func(echo.Context) { w.left = true },
		NewID: func() string { w.renderedIDs++; return "form-number-1" },
		City:  func() citycard.Text { return citycard.Text{ZH: "滨江市", EN: "Binjiang"} }, Secure: true,
	}
	oauth := handlers.OAuth{
		Login: w, Activator: activator{w}, Secure: true,
		Enter: func(_ echo.Context, s citycard.Session) error { w.entered = &s; return nil },
	}
	sessions := handlers.Sessions{Login: w, Issue: func(s citycard.Session) (string, error) { return "token-of-" + s.ID, nil }}
	activations, cards := handlers.Activations{Activator: activator{w}}, handlers.Cards{Cards: reader{w}}
	health := handlers.Health{Ready: func(context.Context) error { return w.notReady }}

	e := echo.New()
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = handlers.Problems(pages)
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			ctx := citycard.WithRequestID(c.Request().Context(), "request-1")
			if w.loggedInAs != nil {
				ctx = citycard.WithSession(ctx, *w.loggedInAs)
			}
			c.SetRequest(c.Request().WithContext(ctx))
			return next(c)
		}
	})
	e.POST("/v1/sessions", sessions.Create)
	e.DELETE("/v1/sessions/current", sessions.End)
	e.GET("/v1/me", handlers.Me{Cards: reader{w}}.Show)
	e.POST("/v1/activations", activations.Start)
	e.GET("/v1/activations/:id", activations.Show)
	e.POST("/v1/activations/:id/confirm", activations.Confirm)
	e.GET("/v1/cards", cards.List)
	e.GET("/v1/cards/:ref", cards.Show)
	e.GET("/v1/cards/:ref/history", cards.History)
	e.GET("/oauth/alipay/start", oauth.Start)
	e.GET("/oauth/alipay/callback", oauth.Callback)
	e.GET("/", pages.Home)
	e.GET("/h5/activate", pages.Form)
	e.POST("/h5/activate", pages.Submit)
	e.GET("/h5/activations/:id", pages.Activation)
	e.GET("/h5/activations/:id/authorize", pages.Authorize)
	e.GET("/h5/faces/:id", pages.FaceReturn)
	e.GET("/h5/cards", pages.List)
	e.GET("/h5/cards/:ref", pages.Card)
	e.POST("/h5/logout", pages.LogOut)
	e.GET("/livez", health.Live)
	e.GET("/readyz", health.Readiness)
	e.GET("/openapi.json", documents.OpenAPI)
	e.GET("/docs", documents.Reader)
	e.GET("/docs/errors", pages.Errors)
	e.GET("/static/:name", documents.Asset)
	return e
}

func newRequest(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), method, target, strings.NewReader(body))
	if body == "" {
		r = httptest.NewRequestWithContext(context.Background(), method, target, nil)
	}
	for i := 1; i < len(headers); i += 2 {
		r.Header.Add(headers[i-1], headers[i])
	}
	return r
}

// send gives the answer to a request, held against the OpenAPI document.
func send(t *testing.T, w *world, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	e := app(t, w)
	route := ""
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			route = c.Path()
			return next(c)
		}
	})
	recorder := httptest.NewRecorder()
	e.ServeHTTP(recorder, r)
	assertContract(t, r, route, recorder)
	return recorder
}

// card is a sealed card of the confirmed person, received lately.
func card() citycard.CardView {
	return citycard.CardView{
		Ref: "card-1", Region: "330100", CardNumberMasked: "A12****89", HolderMasked: "张*三",
		Bank: "102", BankName: citycard.Text{ZH: "示范银行", EN: "Model Bank"},
		Fulfilment: citycard.FulfilmentCollected, Social: citycard.SocialSealed,
		Financial: citycard.FinancialInactive, Password: citycard.PasswordInitial,
		ReceivedOn: date("2026-11-01"), ValidTo: date("2036-10-31"),
		MedicalRestrictedOn: date("2027-04-30"), FinancialDueOn: date("2027-08-28"),
		Blockers: []citycard.Blocker{{
			Code:   "social_not_active",
			Reason: citycard.EntryOf(citycard.CodeSocialNotActive).Message,
			Next:   citycard.EntryOf(citycard.CodeSocialNotActive).Next,
		}},
		Activatable: true, Version: 3,
	}
}

func date(text string) citycard.Date {
	d, err := citycard.ParseDate(text)
	if err != nil {
		panic(err)
	}
	return d
}

func awaiting(method citycard.IdentityMethod) citycard.ActivationView {
	return citycard.ActivationView{
		Activation: citycard.Activation{
			ID: "activation-1", CitizenID: "citizen-1", Channel: citycard.ChannelH5,
			Name: citycard.RestoreName("张小三"), Number: citycard.RestoreIDNumber("330106199003078515"),
			Method: method, CheckID: "check-1", Status: citycard.ActivationAwaitingIdentity,
			StartedAt: now, ExpiresAt: now.Add(2 * time.Hour),
		},
		AuthorizeURL: "https://platform.example/authorize?scope=id_verify",
	}
}

func activated() citycard.ActivationView {
	shown := card()
	shown.Financial, shown.Activatable = citycard.FinancialActive, false
	return citycard.ActivationView{
		Activation: citycard.Activation{
			ID: "activation-1", CitizenID: "citizen-1", Channel: citycard.ChannelH5, Method: citycard.IdentityCertdoc,
			Status: citycard.ActivationActivated, CardRef: "card-1", Changed: true, Receipt: "20261122-7KQ2-M9TX-04WB",
			StartedAt: now, FinishedAt: now.Add(time.Minute),
		},
		Card: &shown,
	}
}

func failed(code citycard.Code) citycard.ActivationView {
	return citycard.ActivationView{Activation: citycard.Activation{
		ID: "activation-1", CitizenID: "citizen-1", Channel: citycard.ChannelH5, Method: citycard.IdentityCertdoc,
		Status: citycard.ActivationFailed, Failure: code, StartedAt: now, FinishedAt: now.Add(time.Minute),
	}}
}

func transitions() []citycard.Transition {
	imported := citycard.Cause{
		Actor: citycard.Actor{Kind: citycard.ActorSystem, ID: "import-1"}, Channel: citycard.ChannelImport,
		Reason: citycard.ReasonPartnerReport, Evidence: "file-1", Occurred: now.Add(-24 * time.Hour),
	}
	online := citycard.Cause{
		Actor: citycard.Actor{Kind: citycard.ActorCitizen, ID: "citizen-1"}, Channel: citycard.ChannelH5,
		Reason: citycard.ReasonActOnline, Evidence: "activation-1", Occurred: now,
	}
	return []citycard.Transition{
		{Seq: 7, CardRef: "card-1", Machine: citycard.MachineFulfilment, From: "ready_for_pickup", To: "collected", Cause: imported, RecordedAt: now.Add(-23 * time.Hour)},
		{Seq: 9, CardRef: "card-1", Machine: citycard.MachineFinancial, From: "inactive", To: "active", Cause: online, RecordedAt: now.Add(time.Second)},
	}
}
