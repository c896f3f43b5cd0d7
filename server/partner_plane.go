package main

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
	"citycard/handlers"
	"citycard/integrations/keyfile"
	"citycard/integrations/signing"
)

// partnerPatience is how long an event waits for its commit, or for that of the same one under way.
const partnerPatience = 2 * time.Second

// The routes of signed messages.
const (
	gatewayPath = "/gateway.do"
	eventsPath  = "/v1/partner/events"
	queriesPath = "/v1/partner/queries"
	// notifyPath is where the super-app platform sends its notifications.
	notifyPath = "/callbacks/alipay"
)

// partnerPlane is everything that partners and the super-app platform reach by signed callbacks.
type partnerPlane struct {
	gateway handlers.Gateway
	events  handlers.PartnerEvents
	queries handlers.PartnerQueries
	notify  handlers.PlatformNotify
	keys    handlers.PlatformKeys
}

// partnerStore is what the plane keeps in the shared database.
type partnerStore interface {
	citycard.Cards
	citycard.Partners
	citycard.TwoCardSessions
	citycard.Replays
	citycard.Attempts
	citycard.Payments
}

// partnerParts are what the plane is made of.
type partnerParts struct {
	store    partnerStore
	policies *citycard.Policies
	own      []ownKey
	platform platformKeys
	// appID is our application on the platform, sellerID the account that citizens pay to.
	appID    string
	public   *url.URL
	sellerID string
	count    func(citycard.CallbackKind)
	// clock is the time events and signatures are judged by; ticks measures rates and the age of the registry's copy.
	clock, ticks func() time.Time
	pause        func(ctx context.Context, d time.Duration) error
}

func (p partnerParts) plane() (partnerPlane, error) {
	directory := &citycard.PartnerDirectory{Partners: p.store, Clock: p.ticks}
	proof, err := newPartnerProof(directory, p.own, p.public.String(), p.clock)
	if err != nil {
		return partnerPlane{}, err
	}
	platform, err := newPlatformProof(p.platform, p.clock)
	if err != nil {
		return partnerPlane{}, err
	}
	rates := partnerRates{messages: newBuckets(partnerRate, partnerBurst, p.ticks), attempts: p.store, clock: p.ticks}
	held := newFlood(p.ticks, p.pause)
	common := handlers.PartnerPlane{
		Desk: &citycard.PartnerDesk{
			Cards: p.store, Sessions: p.store, Policies: p.policies, Decode: handlers.Decode,
			Clock: p.clock, Patience: partnerPatience,
		},
		Replays: p.store, Flood: held, Rate: rates.count, Count: p.count, Clock: p.clock,
	}
	gateway, messages := common, common
	gateway.Profile, gateway.Prove = citycard.ProfileGateway, proof.gateway
	messages.Profile, messages.Prove = citycard.ProfileMessage, proof.message
	return partnerPlane{
		gateway: handlers.Gateway{PartnerPlane: gateway, CodeMessage: signing.CodeMessage},
		events:  handlers.PartnerEvents{PartnerPlane: messages},
		queries: handlers.PartnerQueries{PartnerPlane: messages},
		notify: handlers.PlatformNotify{
			Prove: platform.notice, Flood: held, Count: p.count,
			Desk: &citycard.PlatformDesk{Payments: p.store, AppID: p.appID, SellerID: p.sellerID, Clock: p.clock},
		},
		keys: publishedKeys(p.own),
	}, nil
}

// postOnly refuses every method but POST on the routes of signed messages: the first row of the callback contract. OPTIONS
// (RFC 9110, 9.3.7) is one of them, which echo would answer by itself.
func postOnly() echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if c.Request().Method != http.MethodPost {
				switch c.Request().URL.Path {
				case gatewayPath, eventsPath, queriesPath, notifyPath:
					c.Response().Header().Set(echo.HeaderAllow, http.MethodPost)
					return echo.ErrMethodNotAllowed
				}
			}
			return next(c)
		}
	}
}

// publishedKeys are our keys towards partners as everybody may see them, current and next.
func publishedKeys(own []ownKey) handlers.PlatformKeys {
	var shown handlers.PlatformKeys
	for _, key := range own {
		if key.state == keyfile.StateRetired {
			continue
		}
		shown.Keys = append(shown.Keys, handlers.PlatformKey{
			KeyID: key.id, Type: string(key.private.Type()), PublicKey: string(key.private.Public().PEM()),
			NotBefore: key.created.In(citycard.Shanghai).Format(time.RFC3339),
		})
	}
	return shown
}
