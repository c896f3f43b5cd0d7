package main

import (
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
	"citycard/handlers"
	"citycard/middleware"
)

// surroundings are what every request passes, whatever its route.
type surroundings struct {
	log     *slog.Logger
	clock   func() time.Time
	newID   func() string
	proxies middleware.Proxies
	headers middleware.HeadersConfig
	// timeout is how long a request may take.
	timeout time.Duration
	// draining tells whether the process is on its way out.
	draining func() bool
}

// surround adds what every request passes, inside of whatever e uses already and outside of all that its routes use.
// Nothing may be used after it.
func surround(e *echo.Echo, s surroundings, pages *handlers.Pages) {
	e.IPExtractor = s.proxies.Addresses()
	e.SchemeExtractor = s.proxies.Schemes()
	e.HTTPErrorHandler = handlers.Problems(pages)
	e.Use(wrapped(
		middleware.RequestID(s.proxies, s.newID),
		middleware.AccessLog(s.log, s.clock),
		middleware.Recover(),
		middleware.Headers(s.headers),
		middleware.Draining(s.draining),
		postOnly(),
		limitSizes(e),
		limitTime(s.timeout),
	))
}

// wrapped is several middlewares as one, the first of them outermost, which are wrapped around each other now and not
// again for every request. It must be the innermost that an Echo uses: its next handler is then the route's own.
func wrapped(each ...echo.MiddlewareFunc) echo.MiddlewareFunc {
	handle := echo.HandlerFunc(func(c echo.Context) error { return c.Handler()(c) })
	for _, one := range slices.Backward(each) {
		handle = one(handle)
	}
	return func(echo.HandlerFunc) echo.HandlerFunc { return handle }
}

// limitTime ends requests that take too long.
func limitTime(most time.Duration) echo.MiddlewareFunc {
	short := middleware.Timeout(most)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		limited := short(next)
		return func(c echo.Context) error {
			if room, more := roomy(c); more {
				return middleware.Timeout(room.time)(next)(c)
			}
			return limited(c)
		}
	}
}

// limitSizes refuses headers and bodies that are too large, once there is a route for the request: method and path are
// judged first. Notifications bound themselves: whatever is wrong with one, the platform reads nothing
// but `failure`.
func limitSizes(e *echo.Echo) echo.MiddlewareFunc {
	header, body := middleware.HeaderLimit(maxHeader), middleware.BodyLimit(handlers.MaxBody)
	routed := sync.OnceValue(func() map[string]bool {
		known := map[string]bool{}
		for _, route := range e.Routes() {
			known[route.Method+" "+route.Path] = route.Path != notifyPath
		}
		return known
	})
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		limited := header(body(next))
		return func(c echo.Context) error {
			if !routed()[c.Request().Method+" "+c.Path()] {
				return next(c)
			}
			if room, more := roomy(c); more {
				return header(middleware.BodyLimit(room.body)(next))(c)
			}
			return limited(c)
		}
	}
}

// citizenPlane is everything that citizens, developers and the operator's machinery reach.
type citizenPlane struct {
	gate        middleware.Gate
	sameOrigin  echo.MiddlewareFunc
	sessions    handlers.Sessions
	me          handlers.Me
	activations handlers.Activations
	cards       handlers.Cards
	oauth       handlers.OAuth
	pages       *handlers.Pages
	documents   *handlers.Documents
	health      handlers.Health
}

// routes is the whole route table. Beside each route stands who gets in: anybody; with a bearer token; with
// the browser's cookie, or first through the log-in.
func routes(e *echo.Echo, p citizenPlane) {
	bearer, cookie := p.gate.Bearer(), p.gate.Cookie()
	loggedIn := middleware.RequireSession("/oauth/alipay/start")

	e.POST("/v1/sessions", p.sessions.Create)
	e.DELETE("/v1/sessions/current", p.sessions.End, bearer)
	e.GET("/v1/me", p.me.Show, bearer)
	e.POST("/v1/activations", p.activations.Start, bearer)
	e.GET("/v1/activations/:id", p.activations.Show, bearer)
	e.POST("/v1/activations/:id/confirm", p.activations.Confirm, bearer)
	e.GET("/v1/cards", p.cards.List, bearer)
	e.GET("/v1/cards/:ref", p.cards.Show, bearer)
	e.GET("/v1/cards/:ref/history", p.cards.History, bearer)

	e.GET("/oauth/alipay/start", p.oauth.Start)
	e.GET("/oauth/alipay/callback", p.oauth.Callback, cookie)

	e.Match(reading, "/", p.pages.Home, cookie)
	e.GET("/h5/activate", p.pages.Form, cookie, loggedIn)
	e.POST("/h5/activate", p.pages.Submit, p.sameOrigin, cookie, loggedIn)
	e.GET("/h5/activations/:id", p.pages.Activation, cookie, loggedIn)
	e.GET("/h5/activations/:id/authorize", p.pages.Authorize, cookie, loggedIn)
	e.GET("/h5/faces/:id", p.pages.FaceReturn, cookie, loggedIn)
	e.GET("/h5/cards", p.pages.List, cookie, loggedIn)
	e.GET("/h5/cards/:ref", p.pages.Card, cookie, loggedIn)
	e.POST("/h5/logout", p.pages.LogOut, p.sameOrigin, cookie)

	e.Match(reading, "/livez", p.health.Live)
	e.Match(reading, "/readyz", p.health.Readiness)
	e.Match(reading, "/openapi.json", p.documents.OpenAPI)
	e.Match(reading, "/docs", p.documents.Reader)
	e.Match(reading, "/docs/*", p.documents.Reader)
	e.Match(reading, "/docs/errors", p.pages.Errors)
	e.Match(reading, "/static/:name", p.documents.Asset)
}

// partnerRoutes are the routes of partners and of the super-app platform. Nobody logs in here: each message is
// signed, and its handler proves by whom.
func partnerRoutes(e *echo.Echo, p partnerPlane) {
	e.POST(gatewayPath, p.gateway.Receive)
	e.POST(eventsPath, p.events.Receive)
	e.POST(queriesPath, p.queries.Receive)
	e.POST(notifyPath, p.notify.Receive)
	e.Match(reading, "/.well-known/citycard-keys.json", p.keys.Show)
}

// staffRoutes are the routes of staff, with the roles that each lets in. Whatever changes something comes from our
// own pages or carries a token.
func staffRoutes(e *echo.Echo, p staffPlane) {
	staffDoors(e, p)
	deskRoutes(e, p)
	deskPages(e, p)
	secondRoutes(e, p)
	auditRoutes(e, p)
	policyRoutes(e, p)
	figureRoutes(e, p)
	importRoutes(e, p)
	workRoutes(e, p)
}

// deskRoutes are what staff sees of people's cards and does with them.
func deskRoutes(e *echo.Echo, p staffPlane) {
	const clerk, supervisor, auditor = citycard.RoleClerk, citycard.RoleSupervisor, citycard.RoleAuditor
	serve, see := p.gate.Allow(clerk, supervisor), p.gate.Allow(clerk, supervisor, auditor)
	decide, own := p.gate.Allow(supervisor), p.sameOrigin

	e.POST("/admin/v1/searches", p.cards.Search, own, see)
	e.GET("/admin/v1/cards/:ref", p.cards.Show, see)
	e.POST("/admin/v1/cards/:ref/loss", p.cards.Act(citycard.ActionLoss), own, serve)
	e.POST("/admin/v1/cards/:ref/found", p.cards.Act(citycard.ActionFound), own, serve)
	e.POST("/admin/v1/cards/:ref/formal-loss", p.cards.Act(citycard.ActionFormalLoss), own, serve)
	e.POST("/admin/v1/cards/:ref/formal-loss/revoke", p.cards.Act(citycard.ActionRevokeFormalLoss), own, decide)
	e.POST("/admin/v1/cards/:ref/cure", p.cards.Act(citycard.ActionCure), own, serve)
	e.POST("/admin/v1/cards/:ref/activation", p.cards.Act(citycard.ActionActivation), own, serve)
	e.POST("/admin/v1/cards/:ref/fulfilment", p.cards.Act(citycard.ActionFulfilment), own, serve)

	e.POST("/admin/v1/cards/:ref/freeze", p.cards.Ask(citycard.ActionFreeze), own, decide)
	e.POST("/admin/v1/cards/:ref/release", p.cards.Ask(citycard.ActionReleaseHold), own, decide)
	e.POST("/admin/v1/cards/:ref/cancel", p.cards.Ask(citycard.ActionCancel), own, serve)
	e.POST("/admin/v1/cards/:ref/manual-activation", p.cards.Ask(citycard.ActionManualActivation), own, serve)

	e.POST("/admin/v1/cards/:ref/reveal", p.fields.Reveal, own, see)
	e.POST("/admin/v1/cards/:ref/reveal/approval", p.fields.Ask, own, see)
	e.GET("/admin/v1/cards/:ref/questions", p.hotline.Questions, serve)
	e.POST("/admin/v1/cards/:ref/identifications", p.hotline.Identify, own, serve)
	e.POST("/admin/v1/cards/:ref/corrections", p.corrections.Open, own, serve)
	e.GET("/admin/v1/corrections", p.corrections.List, see)
	e.GET("/admin/v1/corrections/:ref", p.corrections.Show, see)
	e.POST("/admin/v1/corrections/:ref/resolve", p.corrections.Resolve, own, serve)

	e.POST("/admin/v1/cards/:ref/reissue", p.cards.Reissue, own, serve)
	e.GET("/admin/v1/reissues/:ref", p.cards.ShowReissue, see)
	e.POST("/admin/v1/reissues/:ref/cancel", p.cards.Act(citycard.ActionCancelReissue), own, serve)
}

// deskPages are the same in a browser.
func deskPages(e *echo.Echo, p staffPlane) {
	const clerk, supervisor, auditor, operator = citycard.RoleClerk, citycard.RoleSupervisor, citycard.RoleAuditor, citycard.RoleOperator
	servePage := p.gate.AllowPage("/admin/login", clerk, supervisor)
	seePage := p.gate.AllowPage("/admin/login", clerk, supervisor, auditor)
	anybodyPage, own := p.gate.AllowPage("/admin/login", clerk, supervisor, auditor, operator), p.sameOrigin

	e.GET("/admin", p.pages.SearchForm, anybodyPage)
	e.POST("/admin/search", p.pages.Search, own, seePage)
	e.GET("/admin/cards/:ref", p.pages.Card, seePage)
	e.POST("/admin/cards/:ref/act", p.pages.Act, own, servePage)
	e.POST("/admin/cards/:ref/reveal", p.pages.Reveal, own, seePage)
	e.POST("/admin/cards/:ref/corrections", p.pages.OpenCorrection, own, servePage)
	e.POST("/admin/corrections/:ref", p.pages.ResolveCorrection, own, servePage)
	e.GET("/admin/hotline", p.pages.HotlineForm, servePage)
	e.POST("/admin/hotline", p.pages.HotlineFind, own, servePage)
	e.GET("/admin/hotline/:ref", p.pages.HotlineAsk, servePage)
	e.POST("/admin/hotline/:ref", p.pages.HotlineLoss, own, servePage)
	e.GET("/admin/cards/:ref/reissue", p.pages.ReissueForm, servePage)
	e.POST("/admin/cards/:ref/reissue", p.pages.Reissue, own, servePage)
	e.GET("/admin/reissues/:ref", p.pages.Slip, seePage)
}

// secondRoutes are partners' keys and the queue of what needs a second person.
func secondRoutes(e *echo.Echo, p staffPlane) {
	const clerk, supervisor, auditor, operator = citycard.RoleClerk, citycard.RoleSupervisor, citycard.RoleAuditor, citycard.RoleOperator
	anybody, own := p.gate.Allow(clerk, supervisor, auditor, operator), p.sameOrigin
	settle, watch := p.gate.Allow(supervisor, operator), p.gate.Allow(supervisor, auditor, operator)
	e.GET("/admin/v1/partners", p.partners.List, watch)
	e.GET("/admin/v1/partners/:ref", p.partners.Show, watch)
	e.POST("/admin/v1/partners/:ref/keys", p.partners.AskKey, own, p.gate.Allow(operator))
	e.POST("/admin/v1/partners/:ref/keys/:key/revoke", p.partners.RevokeKey, own, settle)
	e.GET("/admin/v1/approvals", p.queue.List, anybody)
	e.GET("/admin/v1/approvals/:ref", p.queue.Show, anybody)
	e.POST("/admin/v1/approvals/:ref/approve", p.queue.Approve, own, settle)
	e.POST("/admin/v1/approvals/:ref/refuse", p.queue.Refuse, own, settle)
	e.POST("/admin/v1/approvals/:ref/withdraw", p.queue.Withdraw, own, anybody)

	listRoutes(e, p)

	anybodyPage := p.gate.AllowPage("/admin/login", clerk, supervisor, auditor, operator)
	e.GET("/admin/partners", p.partnerPages.List, p.gate.AllowPage("/admin/login", supervisor, auditor, operator))
	e.POST("/admin/partners/:ref/keys", p.partnerPages.AskKey, own, p.gate.AllowPage("/admin/login", operator))
	e.POST("/admin/partners/:ref/keys/:key", p.partnerPages.RevokeKey, own, p.gate.AllowPage("/admin/login", supervisor, operator))
	e.GET("/admin/approvals", p.pages.ApprovalList, anybodyPage)
	e.GET("/admin/approvals/:ref", p.pages.Approval, anybodyPage)
	e.POST("/admin/approvals/:ref", p.pages.Decide, own, anybodyPage)
}

// listRoutes are the daily lists of partners.
func listRoutes(e *echo.Echo, p staffPlane) {
	const supervisor, auditor, operator = citycard.RoleSupervisor, citycard.RoleAuditor, citycard.RoleOperator
	watch, compare, own := p.gate.Allow(supervisor, auditor, operator), p.gate.Allow(supervisor, operator), p.sameOrigin
	e.GET(listPath, p.lists.List, watch)
	e.POST(listPath, p.lists.Compare, own, compare)
	e.GET(listPath+"/difference", p.lists.DifferenceFile, watch)

	watchPage := p.gate.AllowPage("/admin/login", supervisor, auditor, operator)
	e.GET("/admin/partners/:ref/reconciliation", p.listPages.Choose, watchPage)
	e.GET(listPagePath, p.listPages.Show, watchPage)
	e.POST(listPagePath, p.listPages.Upload, own, p.gate.AllowPage("/admin/login", supervisor, operator))
	e.GET(listPagePath+"/list", p.listPages.List, watchPage)
	e.GET(listPagePath+"/difference", p.listPages.DifferenceFile, watchPage)
}

// policyRoutes are the city policies. What a policy would do names people's cards, which operators do not see.
func policyRoutes(e *echo.Echo, p staffPlane) {
	const supervisor, auditor, operator = citycard.RoleSupervisor, citycard.RoleAuditor, citycard.RoleOperator
	view, review, change := p.gate.Allow(supervisor, auditor, operator), p.gate.Allow(supervisor, auditor), p.gate.Allow(supervisor)
	own := p.sameOrigin
	e.GET("/admin/v1/policies", p.policies.List, view)
	e.GET("/admin/v1/policies/:ref", p.policies.Show, view)
	e.POST("/admin/v1/policies/dry-runs", p.policies.Try, own, change)
	e.GET("/admin/v1/policies/dry-runs/:ref", p.policies.Trial, review)
	e.POST("/admin/v1/policies/dry-runs/:ref/approval", p.policies.Ask, own, change)

	viewPage := p.gate.AllowPage("/admin/login", supervisor, auditor, operator)
	changePage := p.gate.AllowPage("/admin/login", supervisor)
	e.GET("/admin/policies", p.policyPages.List, viewPage)
	e.GET("/admin/policies/:ref", p.policyPages.City, viewPage)
	e.POST("/admin/policies/:ref/dry-runs", p.policyPages.Try, own, changePage)
	e.GET("/admin/policies/dry-runs/:ref", p.policyPages.Trial, p.gate.AllowPage("/admin/login", supervisor, auditor))
	e.POST("/admin/policies/dry-runs/:ref", p.policyPages.Ask, own, changePage)
}

// auditRoutes are the record of what staff did, and the signed state of the ledger that covers it.
func auditRoutes(e *echo.Echo, p staffPlane) {
	const supervisor, auditor, operator = citycard.RoleSupervisor, citycard.RoleAuditor, citycard.RoleOperator
	review, keep := p.gate.Allow(supervisor, auditor), p.gate.Allow(supervisor, auditor, operator)
	e.GET("/admin/v1/audit", p.audit.List, review)
	e.POST("/admin/v1/audit/exports", p.audit.AskExport, p.sameOrigin, review)
	e.POST("/admin/v1/audit/exports/:ref", p.audit.Export, p.sameOrigin, review)
	e.GET("/admin/v1/audit/checkpoint", p.audit.Checkpoint, keep)

	reviewPage := p.gate.AllowPage("/admin/login", supervisor, auditor)
	e.GET("/admin/audit", p.auditPages.List, reviewPage)
	e.POST("/admin/audit/exports", p.auditPages.AskExport, p.sameOrigin, reviewPage)
	e.POST("/admin/audit/exports/:ref", p.auditPages.Export, p.sameOrigin, reviewPage)
	e.GET("/admin/audit/checkpoint", p.auditPages.Checkpoint, p.gate.AllowPage("/admin/login", supervisor, auditor, operator))
}

// figureRoutes are the dashboard's: its figures name no person.
func figureRoutes(e *echo.Echo, p staffPlane) {
	const supervisor, auditor, operator = citycard.RoleSupervisor, citycard.RoleAuditor, citycard.RoleOperator
	figures := p.gate.Allow(supervisor, auditor, operator)
	e.GET("/admin/v1/statistics/activations", p.statistics.Activations, figures)
	e.GET("/admin/v1/statistics/funnel", p.statistics.Funnel, figures)
	e.GET("/admin/v1/statistics/callbacks", p.statistics.Callbacks, figures)
	e.GET("/admin/v1/statistics/deadlines", p.statistics.Deadlines, figures)
	e.GET("/admin/dashboard", p.dashboard.Show, p.gate.AllowPage("/admin/login", supervisor, auditor, operator))

	review, own := p.gate.Allow(supervisor, auditor), p.sameOrigin
	reviewPage := p.gate.AllowPage("/admin/login", supervisor, auditor)
	e.POST("/admin/v1/exports", p.exports.Ask, own, review)
	e.POST("/admin/v1/exports/:ref", p.exports.Fetch, own, review)
	e.POST("/admin/dashboard/exports", p.dashboard.AskPage, own, reviewPage)
	e.POST("/admin/dashboard/exports/:ref", p.exports.Fetch, own, reviewPage)
}

// workRoutes are the lists of what somebody has to see to. Whose list is whose stands in the lists' own table.
func workRoutes(e *echo.Echo, p staffPlane) {
	anybody, anybodyPage := p.gate.Allow(citycard.StaffRoles()...), p.gate.AllowPage("/admin/login", citycard.StaffRoles()...)
	e.GET("/admin/v1/work", p.work.Counts, anybody)
	e.GET("/admin/v1/work/:list", p.work.List, anybody)
	e.GET("/admin/work", p.workPages.Home, anybodyPage)
	e.GET("/admin/work/:list", p.workPages.List, anybodyPage)
}

// importRoutes are those of uploaded card files.
func importRoutes(e *echo.Echo, p staffPlane) {
	const supervisor, auditor = citycard.RoleSupervisor, citycard.RoleAuditor
	decide, review, own := p.gate.Allow(supervisor), p.gate.Allow(supervisor, auditor), p.sameOrigin
	e.POST(uploadPath, p.imports.Create, own, decide)
	e.GET(uploadPath, p.imports.List, review)
	e.GET("/admin/v1/imports/:ref", p.imports.Show, review)
	e.POST("/admin/v1/imports/:ref/confirm", p.imports.Confirm, own, decide)
	e.POST("/admin/v1/imports/:ref/cancel", p.imports.Cancel, own, decide)
	e.GET("/admin/v1/imports/:ref/rejects", p.imports.Rejects, review)

	decidePage, reviewPage := p.gate.AllowPage("/admin/login", supervisor), p.gate.AllowPage("/admin/login", supervisor, auditor)
	e.GET(uploadPagePath, p.importPages.List, reviewPage)
	e.POST(uploadPagePath, p.importPages.Upload, own, decidePage)
	e.GET("/admin/imports/:ref", p.importPages.Show, reviewPage)
	e.POST("/admin/imports/:ref", p.importPages.Decide, own, decidePage)
	e.GET("/admin/imports/:ref/rejects", p.importPages.Rejects, reviewPage)
}

// staffDoors are the ways in, the own account, and the accounts of all.
func staffDoors(e *echo.Echo, p staffPlane) {
	const clerk, supervisor, auditor, operator = citycard.RoleClerk, citycard.RoleSupervisor, citycard.RoleAuditor, citycard.RoleOperator
	own, anybody := p.sameOrigin, p.gate.AllowOwn()
	page := func(roles ...citycard.StaffRole) echo.MiddlewareFunc {
		return p.gate.AllowPage("/admin/login", roles...)
	}
	anybodysPage := page(clerk, supervisor, auditor, operator)

	e.POST("/admin/v1/sessions", p.sessions.Create, own)
	e.DELETE("/admin/v1/sessions/current", p.sessions.End, own, anybody)
	e.GET("/admin/v1/me", p.sessions.Show, anybody)

	e.GET("/admin/login", p.logIn.Form)
	e.POST("/admin/login", p.logIn.LogIn, own)
	e.POST("/admin/login/passkey", p.logIn.AskPasskey, own)
	e.POST("/admin/login/passkey/answer", p.logIn.ByPasskey, own)
	e.GET("/admin/sso/start", p.logIn.StartSSO)
	e.GET("/admin/sso/callback", p.logIn.ReturnSSO)
	e.POST("/admin/logout", p.logIn.LogOut, own, anybody)

	e.GET("/admin/account", p.account.Show, anybodysPage)
	e.POST("/admin/account/password", p.account.ChangePassword, own, anybody)
	e.POST("/admin/account/passkeys", p.account.AskPasskey, own, anybodysPage)
	e.POST("/admin/account/passkeys/answer", p.account.AddPasskey, own, anybodysPage)
	e.POST("/admin/account/passkeys/:ref/remove", p.account.RemovePasskey, own, anybodysPage)

	managePage, disablePage := page(operator), page(supervisor, operator)
	e.GET("/admin/staff", p.directory.List, page(supervisor, auditor, operator))
	e.POST("/admin/staff", p.directory.Add, own, managePage)
	e.POST("/admin/staff/:account/role", p.directory.ChangeRole, own, managePage)
	e.POST("/admin/staff/:account/reset", p.directory.Reset, own, managePage)
	e.POST("/admin/staff/:account/disable", p.directory.Disable, own, disablePage)
}

// reading are the methods of what anybody may look at.
var reading = []string{http.MethodGet, http.MethodHead}
