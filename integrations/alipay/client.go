package alipay

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	sdk "github.com/smartwalle/alipay/v3"
	"github.com/sony/gobreaker/v2"

	"citycard"
)

// The defaults of Config, and how long a caller is told to wait after a platform failure.
const (
	defaultTimeout      = 5 * time.Second
	defaultBackoff      = 200 * time.Millisecond
	defaultBreakerPause = 10 * time.Second
	failuresToOpen      = 5
	retryAfter          = 5 * time.Second
)

var appIDForm = regexp.MustCompile(`^[0-9]{16,20}$`)

// Config says which platform to reach, and as which application. Exactly one of PlatformPublicKey (key mode) and
// Certificates (certificate mode) is set.
type Config struct {
	// Gateway is the open gateway's address, such as https://openapi.alipay.com/gateway.do; Authorize the
	// consent page's, such as https://openauth.alipay.com/oauth2/publicAppAuthorize.htm. Neither has a query.
	Gateway   string
	Authorize string
	// AppID is the application's number on the platform, 16 to 20 digits.
	AppID string
	// PrivateKey is the application's RSA key of 2048 to 4096 bits, PEM in PKCS #1 or PKCS #8.
	PrivateKey []byte
	// PlatformPublicKey is the platform's RSA key for this application, PEM.
	PlatformPublicKey []byte
	Certificates      Certificates
	// Timeout bounds one call as a whole, with every repetition; 5 s where it is zero.
	Timeout time.Duration
	// Backoff is the pause before the first repetition, doubled for the second; 200 ms where it is zero. A random
	// part of up to half of it is added.
	Backoff time.Duration
	// BreakerPause is how long calls are refused at once after five platform failures in a row; 10 s where it is
	// zero. Then one call tries whether the platform is back.
	BreakerPause time.Duration
	// Now is the clock of request timestamps and of the certificates' validity.
	Now func() time.Time
}

// Client calls the platform. It is safe for concurrent use.
type Client struct {
	sdk          *sdk.Client
	appID        string
	authorize    string
	timeout      time.Duration
	backoff      time.Duration
	breakerPause time.Duration
	breaker      *gobreaker.CircuitBreaker[struct{}]
}

var (
	_ citycard.LoginPlatform   = (*Client)(nil)
	_ citycard.IdentityChecker = (*Client)(nil)
	_ citycard.FaceChecker     = (*Client)(nil)
)

// New checks the configuration and builds the client; nothing is sent. Errors name the field and never hold key
// material.
func New(config Config) (*Client, error) {
	if err := checkConfig(config); err != nil {
		return nil, fmt.Errorf("configure platform client: %w", err)
	}
	keys, err := readKeys(config)
	if err != nil {
		return nil, fmt.Errorf("configure platform client: %w", err)
	}
	client := &Client{
		appID:        config.AppID,
		authorize:    config.Authorize,
		timeout:      orDefault(config.Timeout, defaultTimeout),
		backoff:      orDefault(config.Backoff, defaultBackoff),
		breakerPause: orDefault(config.BreakerPause, defaultBreakerPause),
	}
	client.breaker = newBreaker(client.breakerPause)
	if client.sdk, err = newSDK(config, keys); err != nil {
		return nil, fmt.Errorf("configure platform client: %w", err)
	}
	return client, nil
}

func checkConfig(config Config) error {
	for field, address := range map[string]string{"Gateway": config.Gateway, "Authorize": config.Authorize} {
		parsed, err := url.Parse(address)
		if err != nil || parsed.Host == "" || (parsed.Scheme != "https" && parsed.Scheme != "http") {
			return fmt.Errorf("%s must be an absolute http or https address", field)
		}
		if parsed.RawQuery != "" || parsed.Fragment != "" || parsed.User != nil {
			return fmt.Errorf("%s must have no query, fragment or user", field)
		}
	}
	switch {
	case !appIDForm.MatchString(config.AppID):
		return errors.New("AppID must have 16 to 20 digits")
	case config.Now == nil:
		return errors.New("no clock is given: Now is missing")
	case config.Timeout < 0 || config.Backoff < 0 || config.BreakerPause < 0:
		return errors.New("none of Timeout, Backoff and BreakerPause must be negative")
	}
	return nil
}

// newSDK sets the SDK up so that it never reaches for a default: not for http.DefaultClient, not for the
// machine's time zone or clock, and not for a certificate that a reply names (it downloads those in what it
// calls production, so the gateway is set as its sandbox, which is the same protocol).
func newSDK(config Config, keys keys) (*sdk.Client, error) {
	client := &http.Client{
		Transport: newTransport(keys),
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
		Timeout: orDefault(config.Timeout, defaultTimeout),
	}
	made, err := sdk.NewWithSigner(config.AppID, stampingSigner{keys.signer(), config.Now}, false,
		sdk.WithSandboxGateway(config.Gateway), sdk.WithHTTPClient(client), sdk.WithTimeLocation(citycard.Shanghai))
	if err != nil {
		return nil, err
	}
	return made, keys.load(made, config)
}

// newBreaker opens after platform failures in a row. A refusal is an answer, and a caller who went away says
// nothing about the platform.
func newBreaker(pause time.Duration) *gobreaker.CircuitBreaker[struct{}] {
	return gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         "platform",
		Timeout:      pause,
		ReadyToTrip:  func(counts gobreaker.Counts) bool { return counts.ConsecutiveFailures >= failuresToOpen },
		IsSuccessful: func(err error) bool { return !isPlatformFailure(err) },
		IsExcluded:   saysNothing,
	})
}

// Ready tells whether calls go out: false while the breaker is open. It sends nothing.
func (c *Client) Ready() bool { return c.breaker.State() != gobreaker.StateOpen }

func orDefault(given, otherwise time.Duration) time.Duration {
	if given == 0 {
		return otherwise
	}
	return given
}
