package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"
	"golang.org/x/text/unicode/norm"

	"citycard"
	"citycard/handlers"
	"citycard/integrations/alipay"
	"citycard/integrations/keyfile"
	"citycard/integrations/ledger"
	"citycard/middleware"
	"citycard/sql"
	"citycard/static"
)

// requestTimeout is how long a request may take: a platform call and its repetitions, and a commit.
const requestTimeout = 15 * time.Second

// parts are what the service is made of, each opened and checked.
type parts struct {
	config *config
	log    *slog.Logger
	ring   *keyfile.Ring
	store  *sql.Store
	ledger *ledger.Log
	watch  *citycard.PolicyWatch
	// beside runs something beside the request that asked for it, until the process ends.
	beside   func(do func(context.Context))
	platform *alipay.Client
	// keys are those between us and the super-app platform.
	keys platformKeys
	// public is the address people reach the service at.
	public *url.URL
	// staff is the address staff reaches its plane at.
	staff    *url.URL
	draining func() bool
	count    func(citycard.CallbackKind)
	// woken is signaled when an uploaded file waits.
	woken chan<- struct{}
}

// useCases are the root's use cases over those parts.
type useCases struct {
	login     *citycard.Login
	activator *citycard.Activator
	reader    *citycard.CardReader
}

func (p *parts) useCases() useCases {
	callback := p.public.JoinPath("/oauth/alipay/callback").String()
	return useCases{
		login: &citycard.Login{
			Platform: p.platform, Citizens: p.store, States: p.store, CallbackURL: callback,
			NewID: newID, NewSecret: newSecret, Clock: p.config.clock,
		},
		activator: &citycard.Activator{
			Cards: p.store, Activations: p.store, Attempts: p.store, Citizens: p.store,
			Login: p.platform, Identity: p.platform, Face: p.platform, Policies: p.config.policies,
			CallbackURL: callback, FaceReturnURL: p.public.JoinPath("/h5/faces/").String(),
			NFKC: norm.NFKC.String, Blind: p.ring.Index, NewID: newID, Clock: p.config.clock, Pause: pause,
		},
		reader: &citycard.CardReader{Cards: p.store, Policies: p.config.policies, Clock: p.config.clock},
	}
}

// publicEcho is the listener of citizens, partners, developers and the operator's machinery, and of staff where
// that has none of its own.
func (p *parts) publicEcho(measure echo.MiddlewareFunc) (*echo.Echo, error) {
	e, err := p.citizenEcho(measure)
	if err != nil {
		return nil, err
	}
	partners, err := p.partnerPlane()
	if err != nil {
		return nil, fmt.Errorf("assemble partner plane: %w", err)
	}
	partnerRoutes(e, partners)
	if p.config.AdminAddr != "" {
		return e, nil
	}
	staff, err := p.staffPlane()
	if err != nil {
		return nil, fmt.Errorf("assemble staff plane: %w", err)
	}
	staffRoutes(e, staff)
	return e, nil
}

// citizenEcho serves what everybody reaches who is no partner.
func (p *parts) citizenEcho(measure echo.MiddlewareFunc) (*echo.Echo, error) {
	plane, err := p.citizenPlane()
	if err != nil {
		return nil, fmt.Errorf("assemble citizen plane: %w", err)
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Use(measure)
	surround(e, surroundings{
		log: p.log, clock: time.Now, newID: newID, proxies: p.config.proxies,
		headers:  middleware.HeadersConfig{HTTPS: p.secure(), FormTargets: []string{p.consentOrigin()}},
		timeout:  requestTimeout,
		draining: p.draining,
	}, plane.pages)
	routes(e, plane)
	return e, nil
}

func (p *parts) partnerPlane() (partnerPlane, error) {
	own, err := signingKeys(p.ring)
	if err != nil {
		return partnerPlane{}, err
	}
	made := partnerParts{
		store: p.store, policies: p.config.policies, own: own, platform: p.keys, appID: p.config.AppID,
		public: p.public, sellerID: p.config.SellerID, count: p.count, clock: p.config.clock, ticks: time.Now,
		pause: pause,
	}
	return made.plane()
}

func (p *parts) citizenPlane() (citizenPlane, error) {
	cases := p.useCases()
	tokens := middleware.Tokens{Clock: p.config.clock}
	for _, key := range p.ring.Secrets(keyfile.KindSession) {
		tokens.Keys = append(tokens.Keys, key.Bytes)
	}
	gate := middleware.Gate{Tokens: tokens, Audience: citycard.AudienceCitizen, Check: cases.login.Check, Secure: p.secure()}
	sameOrigin, err := middleware.SameOrigin(p.public.String())
	if err != nil {
		return citizenPlane{}, err
	}
	templates, err := handlers.NewTemplates(static.FS)
	if err != nil {
		return citizenPlane{}, err
	}
	reader := v5emb.NewHandlerWithConfig(swgui.Config{
		Title: "citycard", SwaggerJSON: "/openapi.json", BasePath: "/docs/", HideCurl: true,
	})
	documents, err := handlers.NewDocuments(static.FS, reader)
	if err != nil {
		return citizenPlane{}, err
	}
	return citizenPlane{
		gate: gate, sameOrigin: sameOrigin,
		sessions:    handlers.Sessions{Login: cases.login, Issue: tokens.Issue},
		me:          handlers.Me{Cards: cases.reader},
		activations: handlers.Activations{Activator: cases.activator},
		cards:       handlers.Cards{Cards: cases.reader},
		oauth:       handlers.OAuth{Login: cases.login, Activator: cases.activator, Enter: gate.Enter, Secure: p.secure()},
		pages: &handlers.Pages{
			Templates: templates, Login: cases.login, Activator: cases.activator, Cards: cases.reader,
			Leave: gate.Leave, NewID: newID, Secure: p.secure(),
			City: func() citycard.Text { return p.config.policies.HomePolicy(citycard.DateOf(p.config.clock())).Name },
		},
		documents: documents,
		health:    handlers.Health{Ready: p.ready},
	}, nil
}

func (p *parts) secure() bool { return p.public.Scheme == https }

// consentOrigin is where submitting a form may lead: the platform's consent page.
func (p *parts) consentOrigin() string {
	page, err := url.Parse(p.platform.AuthorizeURL(citycard.Authorization{}))
	if err != nil {
		return ""
	}
	return page.Scheme + "://" + page.Host
}

// ready says why no request should be sent here: the process is on its way out, the database does not answer,
// or its schema is not the one this program knows.
func (p *parts) ready(ctx context.Context) error {
	if p.draining() {
		return &citycard.Error{Code: citycard.CodeStorageUnavailable, Message: "the process is on its way out"}
	}
	return p.store.Ready(ctx)
}
