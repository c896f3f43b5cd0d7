package main

import (
	"context"
	"net/http"
	"net/url"

	"citycard/integrations/sandbox"
)

type sandboxCommand struct{}

// Help is the example.
func (sandboxCommand) Help() string {
	return "Example:\n\n  citycard sandbox --sandbox-addr :8081 --public-url http://localhost:8080\n\n" +
		"It shares its keys with a service that runs on the same key ring; start that one with\n\n" +
		"  CITYCARD_ALIPAY_GATEWAY=http://localhost:8081/gateway.do citycard"
}

// Run serves the stand-in until the program is told to end.
func (sandboxCommand) Run(p *program) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	if c.production() {
		return usage("not in production: there is no stand-in super-app")
	}
	ring, err := c.openRing()
	if err != nil {
		return err
	}
	keys, err := standInKeys(ring)
	if err != nil {
		return err
	}
	s := &service{config: c, log: c.logger(p.stderr)}
	defer s.close()
	if s.public = c.publicURL; s.public == nil {
		s.public = &url.URL{Scheme: "http", Host: "localhost:8080"}
	}
	if _, err := s.openStandIn(p.ctx, keys); err != nil {
		return err
	}
	if err := p.say("%s\n", s.addresses()[1]); err != nil {
		return err
	}
	return s.serve(p.ctx)
}

// standInHandler is the stand-in super-app with our application registered in it.
func (s *service) standInHandler(keys platformKeys) (http.Handler, error) {
	application, err := publicOf(keys.private)
	if err != nil {
		return nil, err
	}
	standIn, err := sandbox.New(sandbox.Config{
		AppID: s.config.AppID, AppPublicKey: application, PlatformPrivateKey: keys.standIn,
		ServiceURL: s.public.String(), Now: s.config.clock, TestKeys: s.testKeys,
	})
	if err != nil {
		return nil, err
	}
	return standIn.Handler(), nil
}

// testKeys are the partners' keys of this database for the signature clinic. There is a stand-in in development
// only, so all of them are for trying.
func (s *service) testKeys(ctx context.Context) ([]sandbox.TestKey, error) {
	if s.store == nil {
		return nil, nil
	}
	records, err := s.store.Partners(ctx)
	if err != nil {
		return nil, err
	}
	var keys []sandbox.TestKey
	now := s.config.clock()
	for _, record := range records {
		for _, key := range record.VerifyingKeys(now) {
			keys = append(keys, sandbox.TestKey{AppID: key.AppID, KeyID: key.ID, PEM: key.PEM})
		}
	}
	return keys, nil
}
