package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"citycard"
	"citycard/integrations/keyfile"
	"citycard/integrations/signing"
)

// PartnerListener is the partner plane with tests' own parts in it.
type PartnerListener struct {
	// Store may be one that fails.
	Store interface {
		citycard.Cards
		citycard.Partners
		citycard.TwoCardSessions
		citycard.Replays
		citycard.Attempts
		citycard.Payments
	}
	SellerID    string
	PlatformKey *signing.PublicKey
	AppID       string
	OwnKey      *signing.PrivateKey
	Count       func(citycard.CallbackKind)
	Clock       func() time.Time
	// Ticks measures rates; the system's clock where it is nil.
	Ticks func() time.Time
	// Pause holds the answers to a flood; nil answers at once.
	Pause func(time.Duration)
}

// Handler serves the plane behind what every request passes.
func (l PartnerListener) Handler() (http.Handler, error) {
	ticks := time.Now
	if l.Ticks != nil {
		ticks = l.Ticks
	}
	made := partnerParts{
		store: l.Store, own: []ownKey{{"own", keyfile.StateActive, time.Time{}, l.OwnKey}},
		platform: platformKeys{public: l.PlatformKey.PEM()}, appID: l.AppID,
		public:   &url.URL{Scheme: "https", Host: "api.citycard.example"},
		sellerID: l.SellerID, count: l.Count, clock: l.Clock, ticks: ticks,
		pause: func(_ context.Context, d time.Duration) error {
			if l.Pause != nil {
				l.Pause(d)
			}
			return nil
		},
	}
	plane, err := made.plane()
	if err != nil {
		return nil, err
	}
	e := echo.New()
	surround(e, surroundings{
		log: slog.New(slog.NewTextHandler(io.Discard, nil)), clock: time.Now, newID: newID, timeout: requestTimeout,
		draining: func() bool { return false },
	}, nil)
	partnerRoutes(e, plane)
	return e, nil
}
