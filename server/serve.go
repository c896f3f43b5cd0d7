package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"citycard"
	"citycard/integrations/ledger"
	"citycard/integrations/sandbox"
	"citycard/sql"
)

const (
	// drainFor is how long a production process goes on serving after it announced its end by /readyz, so that
	// load balancers notice first.
	drainFor = 5 * time.Second
	// closeWithin is how long requests under way may then still take.
	closeWithin = 20 * time.Second

	// maxHeader is how much a request line and its header fields may have together.
	maxHeader = 16 << 10
	// headerSlack is what net/http reads beyond the limit that it is given.
	headerSlack = 4 << 10
)

type serveCommand struct{}

// Help is the example.
func (serveCommand) Help() string {
	return "Example:\n\n  citycard serve --database-url postgres://citycard@db/citycard\n\n" +
		"Without any configuration: development, SQLite at ./data/citycard.db, made-up people, and the stand-in super-app beside it."
}

// Run serves until the program is told to end.
func (serveCommand) Run(p *program) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	if err := c.refuseInProduction(); err != nil {
		return err
	}
	defer c.limitMemory()()
	s := &service{config: c, log: c.logger(p.stderr), woken: make(chan struct{}, 1)}
	defer s.close()
	if err := s.open(p.ctx); err != nil {
		return err
	}
	if err := forgetStart(); err != nil {
		s.log.Warn("keep what starting took", slog.String("error", err.Error()))
	}
	for _, line := range s.addresses() {
		if err := p.say("%s\n", line); err != nil {
			return err
		}
	}
	return s.serve(p.ctx)
}

// service is the running process.
type service struct {
	config   *config
	log      *slog.Logger
	store    *sql.Store
	ledger   *ledger.Log
	watch    *citycard.PolicyWatch
	work     sync.WaitGroup
	tally    citycard.CallbackTally
	metrics  metrics
	woken    chan struct{} // an uploaded file waits
	sites    []*site
	ending   atomic.Bool
	public   *url.URL
	staff    *url.URL
	superApp *url.URL // nil where this process runs none
}

// site is one listener and what answers on it.
type site struct {
	name     string
	listener net.Listener
	server   *http.Server
}

// open makes every part, in the order in which one needs the other. Listeners come first: their ports may be
// chosen by the system, and other parts name their addresses.
func (s *service) open(ctx context.Context) error {
	ring, keys, err := s.config.openKeys()
	if err != nil {
		return err
	}
	public, err := s.listen(ctx, "service", "ADDR", s.config.Addr)
	if err != nil {
		return err
	}
	s.public = s.config.publicURL
	if s.public == nil {
		s.public = addressOf(public.listener)
	}
	gateway := s.config.gateway
	if s.config.standIn() {
		if gateway, err = s.openStandIn(ctx, keys); err != nil {
			return err
		}
	}
	client, err := s.config.platformClient(gateway, keys)
	if err != nil {
		return err
	}
	if s.ledger, err = ledgerLog(ring); err != nil {
		return err
	}
	if s.store, err = s.config.openServing(ctx, ring, s.notMoved); err != nil {
		return err
	}
	if err := s.prepareStore(ctx); err != nil {
		return err
	}
	if s.watch, err = s.config.withVersions(ctx, s.store); err != nil {
		return err
	}
	measured, err := s.listen(ctx, "metrics", "METRICS_ADDR", s.config.MetricsAddr)
	if err != nil {
		return err
	}
	s.metrics = newMetrics()
	measured.server.Handler = s.metrics.handler(!s.config.production())
	assembled := &parts{
		config: s.config, log: s.log, ring: ring, store: s.store, ledger: s.ledger, watch: s.watch, beside: s.lend(ctx), platform: client, keys: keys, public: s.public,
		staff: s.staffAddress(), draining: s.ending.Load, count: s.counting(s.metrics), woken: s.woken,
	}
	measure := s.metrics.middleware()
	if public.server.Handler, err = assembled.publicEcho(measure); err != nil {
		return err
	}
	return s.openStaff(ctx, assembled, measure)
}

// openStaff makes the staff plane's own listener, where one is asked for.
func (s *service) openStaff(ctx context.Context, assembled *parts, measure echo.MiddlewareFunc) error {
	if s.config.AdminAddr == "" {
		return nil
	}
	beside, err := s.listen(ctx, "staff", "ADMIN_ADDR", s.config.AdminAddr)
	if err != nil {
		return err
	}
	if s.config.adminURL == nil {
		s.staff = addressOf(beside.listener)
		assembled.staff = s.staff
	}
	beside.server.Handler, err = assembled.staffEcho(measure)
	return err
}

// staffAddress is where staff reaches its plane, as far as it is known before there is a listener of its own.
func (s *service) staffAddress() *url.URL {
	s.staff = s.public
	if s.config.adminURL != nil {
		s.staff = s.config.adminURL
	}
	return s.staff
}

// openStandIn makes the stand-in super-app's listener and returns its gateway.
func (s *service) openStandIn(ctx context.Context, keys platformKeys) (*url.URL, error) {
	beside, err := s.listen(ctx, "stand-in super-app", "SANDBOX_ADDR", s.config.SandboxAddr)
	if err != nil {
		return nil, err
	}
	s.superApp = addressOf(beside.listener)
	beside.server.Handler, err = s.standInHandler(keys)
	return s.superApp.JoinPath("/gateway.do"), err
}

// notMoved reports that the log of SQLite grows.
func (s *service) notMoved(err error) {
	s.log.Error("move the database's log into the database", slog.String("error", err.Error()))
}

// prepareStore brings the schema up to date, and holds that made-up records are in databases for development
// only.
func (s *service) prepareStore(ctx context.Context) error {
	if err := s.store.Migrate(ctx); err != nil {
		return err
	}
	if s.config.production() {
		return errors.Join(refuseDemoData(ctx, s.store), refusePartnerTestKeys(ctx, s.store))
	}
	empty, err := s.store.Empty(ctx)
	if err != nil || !empty || !s.config.developmentKeys() {
		return err
	}
	people := sandbox.People(citycard.DateOf(s.config.clock()))
	return importPeople(ctx, s.config, s.store, people)
}

// listen opens a listener; its handler is set before it serves.
func (s *service) listen(ctx context.Context, name, variable, address string) (*site, error) {
	var settings net.ListenConfig
	listener, err := settings.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s%s: %w", variablePrefix, variable, err)
	}
	made := &site{name: name, listener: listener, server: &http.Server{
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      requestTimeout + 15*time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    maxHeader - headerSlack,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}}
	s.sites = append(s.sites, made)
	return made, nil
}

// addressOf is a listener's address for a browser on this machine.
func addressOf(listener net.Listener) *url.URL {
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if ip := net.ParseIP(host); err != nil || ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
}

// addresses tells a person what to open.
func (s *service) addresses() []string {
	lines := []string{"citycard: the service is at " + s.public.String()}
	if s.config.AdminAddr != "" {
		lines = append(lines, "citycard: the staff plane is at "+s.staff.JoinPath("/admin").String())
	}
	if s.superApp != nil {
		lines = append(lines, "citycard: open the stand-in super-app at "+s.superApp.String()+
			" and go to City Service, Social Security, Smart Society, Social Security Card, Card Activation")
	}
	return lines
}

// serve answers on every listener until ctx ends, then lets the requests under way finish.
func (s *service) serve(ctx context.Context) error {
	running, stop := errgroup.WithContext(ctx)
	for _, one := range s.sites {
		running.Go(func() error {
			if err := one.server.Serve(one.listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve %s: %w", one.name, err)
			}
			return nil
		})
		s.log.Info("listening", slog.String("on", one.listener.Addr().String()), slog.String("for", one.name))
	}
	for _, work := range s.beside() {
		running.Go(func() error {
			work(stop)
			return nil
		})
	}
	running.Go(func() error {
		<-stop.Done()
		return s.end(context.WithoutCancel(ctx))
	})
	err := running.Wait()
	if len(s.beside()) > 0 {
		s.tallyLast(context.WithoutCancel(ctx))
		s.sequenceLast(context.WithoutCancel(ctx))
	}
	s.log.Info("ended")
	return err
}

// beside is what goes on beside the requests; nothing where only the stand-in runs, which has no database, nor in the
// variants that are measured, which have no ledger.
func (s *service) beside() []func(context.Context) {
	if s.store == nil || s.ledger == nil {
		return nil
	}
	return []func(context.Context){s.tallying, s.watchingKeys, s.countingCards, s.sequencing, s.watching, s.importing}
}

// end announces the end, lets load balancers see it, and closes the listeners.
func (s *service) end(ctx context.Context) error {
	s.ending.Store(true)
	s.log.Info("ending")
	if s.config.production() {
		if err := pause(ctx, drainFor); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, closeWithin)
	defer cancel()
	var problems []error
	for _, one := range s.sites {
		if err := one.server.Shutdown(ctx); err != nil {
			problems = append(problems, fmt.Errorf("close %s: %w", one.name, err))
		}
	}
	return errors.Join(problems...)
}

// close lets go of what open took.
func (s *service) close() {
	for _, one := range s.sites {
		_ = one.listener.Close()
	}
	s.work.Wait()
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.log.Error("close database", slog.String("error", err.Error()))
		}
	}
}
