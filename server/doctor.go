package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"citycard"
	"citycard/integrations/keyfile"
)

const (
	probeTimeout = 5 * time.Second
	// maxClockError is how far our clock may stand from the platform's, which refuses requests at five minutes.
	maxClockError = 2 * time.Minute
)

type doctorCommand struct{}

// Help is the example.
func (doctorCommand) Help() string {
	return "Example:\n\n  citycard doctor && systemctl restart citycard\n\nIt changes nothing and exits with 1 where any check fails."
}

var errUnwell = errors.New("doctor: not everything is well")

// Run makes every check and prints a line for each.
func (doctorCommand) Run(p *program) error {
	c, err := p.load()
	if err == nil {
		err = c.refuseInProduction()
	}
	if err != nil {
		return errors.Join(p.finding("configuration", "", err), errUnwell)
	}
	well := true
	for _, check := range []struct {
		name string
		run  func(context.Context) (string, error)
	}{
		{"configuration", func(context.Context) (string, error) { return c.Environment, nil }},
		{"policy", c.checkPolicy},
		{"keys", c.checkKeys},
		{"clock", c.checkClock},
		{"database", c.checkStore},
		{"platform", c.checkReach},
		{"single sign-on", c.checkSSOReach},
	} {
		ctx, cancel := context.WithTimeout(p.ctx, probeTimeout)
		note, err := check.run(ctx)
		cancel()
		well = well && err == nil
		if err := p.finding(check.name, note, err); err != nil {
			return err
		}
	}
	if !well {
		return errUnwell
	}
	return nil
}

func (p *program) finding(check, note string, err error) error {
	if err != nil {
		return p.say("FAIL  %s: %s\n", check, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return p.say("ok    %s: %s\n", check, note)
}

func (c *config) checkPolicy(context.Context) (string, error) {
	return fmt.Sprintf("%d regions, home %s", len(c.policies.Regions()), c.policies.Home), nil
}

func (c *config) checkKeys(context.Context) (string, error) {
	if !c.production() && !keyfile.Exists(c.KeysDir) {
		return "none in " + c.KeysDir + " yet; the service generates them", nil
	}
	ring, _, err := c.openKeys()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d of suite %s in %s", len(ring.Keys()), ring.Suite(), c.KeysDir), nil
}

func (c *config) checkStore(ctx context.Context) (string, error) {
	if file := c.sqliteFile(); file != "" {
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			return file + " is not there yet; the service makes it", nil
		}
	}
	store, err := c.openStore(ctx, keyless{})
	if err != nil {
		return "", err
	}
	note, err := func() (string, error) {
		if err := store.Ready(ctx); err != nil {
			return "", err
		}
		applied, known, err := store.Status(ctx)
		if err != nil {
			return "", err
		}
		records, err := store.Partners(ctx)
		if err != nil {
			return "", err
		}
		var note strings.Builder
		fmt.Fprintf(&note, "it answers; schema version %d of %d", applied, known)
		for _, w := range citycard.KeyWarnings(records, c.clock()) {
			fmt.Fprintf(&note, "; the last %s key of partner %s ends in %d days", w.Type, w.AppID, w.DaysLeft)
		}
		return note.String(), nil
	}()
	return note, errors.Join(err, store.Close())
}

// checkClock compares the clock with the platform's: it refuses requests whose time is far from its own.
func (c *config) checkClock(ctx context.Context) (string, error) {
	now := c.clock()
	note := now.In(citycard.Shanghai).Format(time.RFC3339)
	if c.Now != "" {
		return note + ", set by CITYCARD_NOW", nil
	}
	if c.gateway == nil {
		return note, nil
	}
	served, err := dateOf(ctx, c.gateway)
	if err != nil || served.IsZero() {
		return note + ", not compared: the platform does not say", nil //nolint:nilerr // the platform's own check tells
	}
	if apart := served.Sub(now).Round(time.Second).Abs(); apart > maxClockError {
		return "", fmt.Errorf("it is %s away from that of %s", apart, c.gateway.Host)
	}
	return note + ", as the platform's", nil
}

// checkReach asks the gateway for anything: whatever the answer, there is a way to it.
func (c *config) checkReach(ctx context.Context) (string, error) {
	if c.gateway == nil {
		return "the stand-in super-app, within the service", nil
	}
	_, err := dateOf(ctx, c.gateway)
	return c.gateway.Host + " answers", err
}

// dateOf is the time that a web server says it is; zero where it does not say.
func dateOf(ctx context.Context, address *url.URL) (time.Time, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, address.String(), nil)
	if err != nil {
		return time.Time{}, err
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return time.Time{}, err
	}
	if err := response.Body.Close(); err != nil {
		return time.Time{}, err
	}
	served, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return time.Time{}, nil //nolint:nilerr // a server need not say
	}
	return served, nil
}
