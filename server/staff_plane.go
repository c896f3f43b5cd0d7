package main

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
	"citycard/handlers"
	"citycard/integrations/keyfile"
	"citycard/middleware"
	"citycard/static"
)

// staffPlane is everything that staff reaches.
type staffPlane struct {
	gate       middleware.StaffGate
	sameOrigin echo.MiddlewareFunc
	sessions   handlers.StaffSessions
	cards      handlers.StaffCards
	audit      handlers.StaffAudit
	auditPages *handlers.StaffAuditPages

	policies    handlers.StaffPolicies
	policyPages *handlers.StaffPolicyPages
	queue       handlers.StaffQueue
	pages       *handlers.StaffPages
	statistics  handlers.StaffStatistics
	dashboard   *handlers.StaffDashboard
	logIn       *handlers.StaffLogInPages
	account     *handlers.StaffAccountPages
	directory   *handlers.StaffDirectoryPages

	fields      handlers.StaffFields
	hotline     handlers.StaffHotline
	corrections handlers.StaffCorrections
	imports     handlers.StaffImports

	importPages *handlers.StaffImportPages
	exports     handlers.StaffExports
	work        handlers.StaffWork
	workPages   *handlers.StaffWorkPages

	partners     handlers.StaffPartners
	partnerPages *handlers.StaffPartnerPages
	lists        handlers.StaffReconciliation
	listPages    *handlers.StaffReconciliationPages
}

func (p *parts) staffPlane() (staffPlane, error) {
	tokens := middleware.Tokens{Clock: p.config.clock}
	for _, key := range p.ring.Secrets(keyfile.KindSession) {
		tokens.Keys = append(tokens.Keys, key.Bytes)
	}
	login := p.staffLogin()
	queue := p.approvalQueue()
	desk := p.staffDesk(queue)
	gate := middleware.StaffGate{Tokens: tokens, Check: login.Check, Own: "/admin/account", Secure: p.secureStaff()}
	sameOrigin, err := middleware.SameOrigin(p.staff.String())
	if err != nil {
		return staffPlane{}, err
	}
	templates, err := handlers.NewStaffTemplates(static.FS)
	if err != nil {
		return staffPlane{}, err
	}
	made := staffPlane{
		gate: gate, sameOrigin: sameOrigin,
		sessions: handlers.StaffSessions{Login: login, Enter: gate.Enter, Leave: gate.Leave},
		cards:    handlers.StaffCards{Desk: desk},
		queue:    handlers.StaffQueue{Approvals: queue},
		fields:   handlers.StaffFields{Reveals: desk}, hotline: handlers.StaffHotline{Callers: desk},
		corrections: handlers.StaffCorrections{Cases: desk},
		pages: &handlers.StaffPages{
			Templates: templates, Desk: desk, NewID: newID, Secure: p.secureStaff(),
			Approvals: queue, Names: p.store.StaffNames, Counts: map[string]handlers.StaffCount{"approvals": queue.Waiting},
			Reveals: desk, Callers: desk, Cases: desk, Today: func() string { return citycard.DateOf(p.config.clock()).String() },
		},
	}
	p.partnerDesk(&made, queue)
	p.trail(&made, queue)
	p.cityPolicies(&made, queue)
	p.figures(&made, queue)
	p.imports(&made)
	return made, p.staffDoors(&made, login)
}

// staffEcho is the staff plane's own listener.
func (p *parts) staffEcho(measure echo.MiddlewareFunc) (*echo.Echo, error) {
	plane, err := p.staffPlane()
	if err != nil {
		return nil, fmt.Errorf("assemble staff plane: %w", err)
	}
	citizens, err := p.citizenPlane()
	if err != nil {
		return nil, fmt.Errorf("assemble staff plane: %w", err)
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Use(measure)
	surround(e, surroundings{
		log: p.log, clock: time.Now, newID: newID, proxies: p.config.proxies,
		headers: middleware.HeadersConfig{HTTPS: p.secureStaff()}, timeout: requestTimeout, draining: p.draining,
	}, citizens.pages)
	staffRoutes(e, plane)
	e.Match(reading, "/static/:name", citizens.documents.Asset)
	return e, nil
}

// newCardNumber gives a card number: the nine letters and digits are drawn, and the store tells where one is taken.
func newCardNumber() citycard.CardNumber {
	const letters, digits = "ABCDEFGHJKLMNPQRSTUVWXYZ", "0123456789"
	number := [9]byte{drawn(letters)}
	for i := range number[1:] {
		number[i+1] = drawn(digits)
	}
	return citycard.CardNumber(number[:])
}

func drawn(from string) byte {
	at, err := rand.Int(rand.Reader, big.NewInt(int64(len(from))))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return from[at.Int64()]
}
