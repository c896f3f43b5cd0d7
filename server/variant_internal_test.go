package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/handlers"
	"citycard/middleware"
	"citycard/sql"
)

// The variants of the service that the benchmark compares the service with.
const (
	// VariantUnbatched commits every change by itself.
	VariantUnbatched = "unbatched"
	// VariantMemory has no storage: every citizen has a fresh card. POST /v1/empty does nothing at all.
	VariantMemory = "memory"
)

// ServeVariant serves a variant until ctx ends, configured by the environment like the service itself.
func ServeVariant(ctx context.Context, variant string) error {
	merged, err := readSettings(os.Environ(), settings{})
	if err != nil {
		return err
	}
	c, err := readConfig(merged, time.Now)
	if err != nil {
		return err
	}
	defer c.limitMemory()()
	s := &service{config: c, log: c.logger(os.Stderr)}
	defer s.close()
	if err := s.openVariant(ctx, variant); err != nil {
		return err
	}
	fmt.Println(s.addresses()[0])
	return s.serve(ctx)
}

func (s *service) openVariant(ctx context.Context, variant string) error {
	ring, keys, err := s.config.openKeys()
	if err != nil {
		return err
	}
	site, err := s.listen(ctx, variant, "ADDR", s.config.Addr)
	if err != nil {
		return err
	}
	s.public = addressOf(site.listener)
	client, err := s.config.platformClient(s.config.gateway, keys)
	if err != nil {
		return err
	}
	p := &parts{config: s.config, log: s.log, ring: ring, platform: client, public: s.public, draining: s.ending.Load}
	if variant == VariantMemory {
		site.server.Handler, err = p.memoryEcho()
		return err
	}
	s.store, err = sql.Open(ctx, s.config.Database.Reveal(), sql.Options{Keys: ring, Clock: s.config.clock, NewID: newID, Unbatched: true})
	if err != nil {
		return err
	}
	p.store = s.store
	site.server.Handler, err = p.citizenEcho(newMetrics().middleware())
	return err
}

// memoryEcho is the citizens' listener with memory in the place of storage.
func (p *parts) memoryEcho() (*echo.Echo, error) {
	plane, err := p.citizenPlane()
	if err != nil {
		return nil, err
	}
	cases := p.useCases()
	cases.activator.Cards, cases.reader.Cards = memory{}, memory{}
	plane.activations = handlers.Activations{Activator: cases.activator}
	plane.cards = handlers.Cards{Cards: cases.reader}
	plane.health = handlers.Health{Ready: func(context.Context) error { return nil }}
	plane.gate.Check = memorySession
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Use(newMetrics().middleware())
	surround(e, surroundings{
		log: p.log, clock: time.Now, newID: newID, proxies: p.config.proxies,
		headers: middleware.HeadersConfig{}, timeout: requestTimeout, draining: p.draining,
	}, plane.pages)
	routes(e, plane)
	e.POST("/v1/empty", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }, plane.gate.Bearer())
	return e, nil
}

// memorySession finds every session, of a citizen who is bound to a person.
func memorySession(_ context.Context, id string, audience citycard.Audience) (citycard.Session, error) {
	return citycard.Session{
		ID: id, Audience: audience, Channel: citycard.ChannelMiniProgram, CitizenID: "citizen-of-" + id, PersonID: memoryPerson,
		ExpiresAt: time.Now().Add(time.Minute),
	}, nil
}

const (
	memoryPerson = "person"
	memoryName   = "张伟"
)

// memory stands for the store of cards: every subject has one card that was never activated.
type memory struct{}

func (memory) Update(ctx context.Context, s citycard.Subject, judge func(*citycard.Change) error) error {
	change, err := memory{}.Holding(ctx, s)
	if err != nil {
		return err
	}
	return judge(change)
}

func (memory) Holding(_ context.Context, s citycard.Subject) (*citycard.Change, error) {
	card := &citycard.Card{
		Ref: cmp.Or(s.Ref, "card"), PersonID: memoryPerson, Region: "320100", Number: "D20000000", Bank: "102",
		Fulfilment: citycard.FulfilmentCollected, Social: citycard.SocialActive, Financial: citycard.FinancialInactive,
		Password: citycard.PasswordInitial, ReceivedOn: citycard.DateOf(time.Now()).AddDays(-10), Since: map[citycard.Machine]time.Time{},
	}
	return &citycard.Change{
		Person: citycard.Person{ID: memoryPerson, Name: citycard.RestoreName(memoryName)},
		Cards:  []*citycard.Card{card}, Card: card,
	}, nil
}

func (memory) History(context.Context, string, int64, int) ([]citycard.Transition, error) {
	return nil, nil
}

// memoryUnderTest is the variant without storage, and a token that it lets in.
func memoryUnderTest(tb testing.TB) (*echo.Echo, string) {
	tb.Helper()
	c, err := readConfig(settings{
		Environment: development, KeysDir: tb.TempDir() + "/keys", LogLevel: "error", Gateway: "http://127.0.0.1:9/gateway.do",
	}, time.Now)
	require.NoError(tb, err)
	ring, keys, err := c.openKeys()
	require.NoError(tb, err)
	client, err := c.platformClient(c.gateway, keys)
	require.NoError(tb, err)
	p := &parts{
		config: c, log: c.logger(tb.Output()), ring: ring, platform: client,
		public: &url.URL{Scheme: "http", Host: "localhost"}, draining: func() bool { return false },
	}
	e, err := p.memoryEcho()
	require.NoError(tb, err)
	plane, err := p.citizenPlane()
	require.NoError(tb, err)
	now := time.Now()
	token, err := plane.gate.Tokens.Issue(citycard.Session{
		ID: "session", Audience: citycard.AudienceCitizen, IssuedAt: now, ExpiresAt: now.Add(time.Hour),
	})
	require.NoError(tb, err)
	return e, token
}

func memoryAnswer(e *echo.Echo, token, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, path,
		strings.NewReader(`{"name":"`+memoryName+`","id_number":"320100199001010034"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Idempotency-Key", "benchmark-1")
	recorder := httptest.NewRecorder()
	e.ServeHTTP(recorder, r)
	return recorder
}

func TestServiceWithoutStorageActivates(t *testing.T) {
	t.Parallel()
	e, token := memoryUnderTest(t)
	done := memoryAnswer(e, token, "/v1/activations")
	require.Equal(t, http.StatusOK, done.Code, done.Body.String())
	assert.Contains(t, done.Body.String(), `"changed":true`)
	assert.Equal(t, http.StatusNoContent, memoryAnswer(e, token, "/v1/empty").Code)
}

// BenchmarkWithoutStorage is what a request costs beside its storage and the network.
func BenchmarkWithoutStorage(b *testing.B) {
	e, token := memoryUnderTest(b)
	for _, path := range []string{"/v1/empty", "/v1/activations"} {
		b.Run(path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				memoryAnswer(e, token, path)
			}
		})
	}
}
