package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"citycard"
	"citycard/middleware"
	"citycard/static"
)

const (
	development = "development"
	production  = "production"

	// https is the scheme of every address that people or programs reach from outside.
	https = "https"

	defaultDatabase    = "sqlite:./data/citycard.db"
	defaultKeysDir     = "./data/keys"
	defaultSandboxAddr = ":8081"

	// standInAppID is our application on the stand-in super-app.
	standInAppID = "9021000123456789"
	// standInSellerID is the account that citizens would pay to there.
	standInSellerID = "2088000000000001"
)

// config is the configuration after every setting was read and found good by itself, with the defaults filled
// in. Given is the configuration without them.
type config struct {
	settings

	given     settings
	logLevel  slog.Level
	publicURL *url.URL // nil where not given: the listener's own address
	adminURL  *url.URL // nil where not given: the public one, or the staff plane's own listener's
	gateway   *url.URL // nil where not given: the stand-in
	proxies   middleware.Proxies
	policies  *citycard.Policies
	clock     func() time.Time
}

// production tells whether the service is for real people.
func (c *config) production() bool { return c.Environment == production }

// standIn tells whether this process runs the stand-in super-app.
func (c *config) standIn() bool { return !c.production() && c.gateway == nil }

// developmentKeys tells whether the key ring also holds the keys of the stand-in and our application there.
func (c *config) developmentKeys() bool {
	return !c.production() && c.PrivateKey == "" && c.PublicKey == "" && c.PlatformCert == ""
}

// readConfig checks every setting. Errors name the variable.
func readConfig(s settings, now func() time.Time) (*config, error) {
	c := &config{settings: s, given: s}
	if c.Environment != development && c.Environment != production {
		return nil, usage("CITYCARD_ENV: %q is not development or production", c.Environment)
	}
	var err error
	checks := []struct {
		variable string
		check    func() error
	}{
		{"ADDR", func() error { return checkAddress(c.Addr) }},
		{"ADMIN_ADDR", func() error { return checkAddress(c.AdminAddr) }},
		{"METRICS_ADDR", func() error { return checkAddress(c.MetricsAddr) }},
		{"SANDBOX_ADDR", func() error { return checkAddress(c.SandboxAddr) }},
		{"PUBLIC_URL", func() error { c.publicURL, err = readOrigin(c.PublicURL); return err }},
		{"ADMIN_URL", func() error { c.adminURL, err = readOrigin(c.AdminURL); return err }},
		{"OIDC_ISSUER", c.checkSSO},
		{"ALIPAY_GATEWAY", func() error { c.gateway, err = readAddress(c.Gateway); return err }},
		{"DATABASE_URL", c.checkDatabase},
		{"ALIPAY_PRIVATE_KEY_FILE", c.checkPlatform},
		{"TRUSTED_PROXIES", func() error { c.proxies, err = middleware.ParseProxies(c.TrustedProxies); return err }},
		{"LOG_LEVEL", c.checkLogLevel},
		{"LOG_FORMAT", c.checkLogFormat},
		{"NOW", func() error { c.clock, err = readClock(c.Now, now); return err }},
		{"POLICY_FILE", func() error { c.policies, err = readPolicies(c.PolicyFile); return err }},
	}
	for _, setting := range checks {
		if err := setting.check(); err != nil {
			return nil, usage("%s%s: %w", variablePrefix, setting.variable, err)
		}
	}
	c.fillIn()
	return c, nil
}

// fillIn puts the defaults where nothing is given.
func (c *config) fillIn() {
	if c.Database == "" {
		c.Database = defaultDatabase
	}
	c.KeysDir = c.keysDir()
	if c.SandboxAddr == "" {
		c.SandboxAddr = defaultSandboxAddr
	}
	if c.AppID == "" {
		c.AppID = standInAppID
	}
	if c.SellerID == "" && !c.production() {
		c.SellerID = standInSellerID
	}
}

// load reads the configuration.
func (p *program) load() (*config, error) { return readConfig(p.settings, time.Now) }

func (c *config) checkLogLevel() error {
	if err := c.logLevel.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return fmt.Errorf("%q is not debug, info, warn or error", c.LogLevel)
	}
	return nil
}

func checkAddress(address string) error {
	if address == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT", address)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q is not a port", port)
	}
	return nil
}

// readAddress reads an absolute web address; nil where none is given.
func readAddress(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // not given is no error
	}
	address, err := url.Parse(text)
	if err != nil || address.Host == "" || address.User != nil || (address.Scheme != "http" && address.Scheme != https) {
		return nil, errors.New("this is not an address that begins with https:// or http://")
	}
	return address, nil
}

// readOrigin reads a web address without a path.
func readOrigin(text string) (*url.URL, error) {
	address, err := readAddress(text)
	if address == nil || err != nil {
		return nil, err
	}
	if strings.Trim(address.Path, "/") != "" || address.RawQuery != "" || address.Fragment != "" {
		return nil, errors.New("the address must end after host and port")
	}
	address.Path = ""
	return address, nil
}

func (c *config) checkDatabase() error {
	address := c.Database.Reveal()
	for _, prefix := range []string{"sqlite:", "postgres://", "postgresql://"} {
		if address == "" || strings.HasPrefix(address, prefix) && len(address) > len(prefix) {
			return nil
		}
	}
	return errors.New("it must begin with sqlite: or postgres://")
}

// sqliteFile is the database's file; empty where it is no file.
func (c *config) sqliteFile() string {
	path, found := strings.CutPrefix(c.Database.Reveal(), "sqlite:")
	if !found {
		return ""
	}
	return filepath.Clean(path)
}

// checkPlatform holds that a platform's settings are given together.
func (c *config) checkPlatform() error {
	certificates := 0
	for _, file := range []string{c.AppCert, c.RootCert, c.PlatformCert} {
		if file != "" {
			certificates++
		}
	}
	switch {
	case certificates != 0 && certificates != 3:
		return errors.New("the three certificate files must be given together")
	case certificates == 3 && c.PublicKey != "":
		return errors.New("give CITYCARD_ALIPAY_PUBLIC_KEY_FILE or the three certificate files, not both")
	case (c.PrivateKey != "") != (certificates == 3 || c.PublicKey != ""):
		return errors.New("our private key and the platform's public key or certificates must be given together")
	case c.PrivateKey != "" && c.gateway == nil:
		return errors.New("the keys are of no use without CITYCARD_ALIPAY_GATEWAY")
	}
	return nil
}

func (c *config) checkLogFormat() error {
	switch c.LogFormat {
	case "", "text", "json":
		return nil
	}
	return fmt.Errorf("%q is not text or json", c.LogFormat)
}

func readPolicies(path string) (*citycard.Policies, error) {
	if path == "" {
		return citycard.ParsePolicies(strings.NewReader(static.Policy))
	}
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return citycard.ParsePolicies(file)
}
