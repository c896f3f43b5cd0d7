package main

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

const (
	variablePrefix = "CITYCARD_"
	// testVariable is read by this repository's tests alone; it may stand in the environment.
	testVariable = "CITYCARD_TEST_POSTGRES"
)

// settings are the configuration as given: an environment variable each, and a flag of the same name that goes
// before it. Empty means not given.
type settings struct {
	Environment    string `variable:"ENV" envDefault:"development" kong:"name='env',placeholder='NAME',help='development (default) or production.',group='Settings'"`
	Addr           string `variable:"ADDR" envDefault:":8080" kong:"name='addr',placeholder='HOST:PORT',help='Where the service listens; :8080 by default.',group='Settings'"`
	AdminAddr      string `variable:"ADMIN_ADDR" kong:"name='admin-addr',placeholder='HOST:PORT',help='A listener of its own for the staff plane; the same as the service by default.',group='Settings'"`
	AdminURL       string `variable:"ADMIN_URL" kong:"name='admin-url',placeholder='URL',help='The address staff reaches the staff plane at, without a path; the public address, or the listener of the staff plane, by default.',group='Settings'"`
	MetricsAddr    string `variable:"METRICS_ADDR" envDefault:"127.0.0.1:9090" kong:"name='metrics-addr',placeholder='HOST:PORT',help='Where Prometheus finds /metrics; 127.0.0.1:9090 by default.',group='Settings'"`
	PublicURL      string `variable:"PUBLIC_URL" kong:"name='public-url',placeholder='URL',help='The address people reach the service at, without a path.',group='Settings'"`
	Database       secret `variable:"DATABASE_URL" kong:"name='database-url',placeholder='URL',help='sqlite:PATH or postgres://…; sqlite:./data/citycard.db by default.',group='Settings'"`
	DatabaseFile   string `variable:"DATABASE_URL_FILE" kong:"name='database-url-file',placeholder='FILE',help='A file that holds the database URL.',group='Settings'"`
	PolicyFile     string `variable:"POLICY_FILE" kong:"name='policy-file',placeholder='FILE',help='City policies as JSON; built-in examples by default.',group='Settings'"`
	KeysDir        string `variable:"KEYS_DIR" kong:"name='keys-dir',placeholder='DIR',help='The directory of the key ring; ./data/keys by default.',group='Settings'"`
	Gateway        string `variable:"ALIPAY_GATEWAY" kong:"name='alipay-gateway',placeholder='URL',help='The open platform gateway; the stand-in super-app by default.',group='Settings'"`
	AppID          string `variable:"ALIPAY_APP_ID" kong:"name='alipay-app-id',placeholder='ID',help='Our application on the platform.',group='Settings'"`
	SellerID       string `variable:"ALIPAY_SELLER_ID" kong:"name='alipay-seller-id',placeholder='ID',help='The account on the platform that citizens pay to; no payment is taken without it.',group='Settings'"`
	PrivateKey     string `variable:"ALIPAY_PRIVATE_KEY_FILE" kong:"name='alipay-private-key-file',placeholder='FILE',help='Our application private key, RSA, PEM.',group='Settings'"`
	PublicKey      string `variable:"ALIPAY_PUBLIC_KEY_FILE" kong:"name='alipay-public-key-file',placeholder='FILE',help='The platform public key, PEM (key mode).',group='Settings'"`
	AppCert        string `variable:"ALIPAY_APP_CERT_FILE" kong:"name='alipay-app-cert-file',placeholder='FILE',help='Our application certificate (certificate mode).',group='Settings'"`
	RootCert       string `variable:"ALIPAY_ROOT_CERT_FILE" kong:"name='alipay-root-cert-file',placeholder='FILE',help='The platform root certificates (certificate mode).',group='Settings'"`
	PlatformCert   string `variable:"ALIPAY_PLATFORM_CERT_FILE" kong:"name='alipay-platform-cert-file',placeholder='FILE',help='The platform certificate (certificate mode).',group='Settings'"`
	SandboxAddr    string `variable:"SANDBOX_ADDR" kong:"name='sandbox-addr',placeholder='HOST:PORT',help='Where the stand-in super-app listens in development; :8081 by default.',group='Settings'"`
	TrustedProxies string `variable:"TRUSTED_PROXIES" kong:"name='trusted-proxies',placeholder='NET,…',help='Networks of the reverse proxies in front, such as 10.0.0.0/8.',group='Settings'"`
	OIDCIssuer     string `variable:"OIDC_ISSUER" kong:"name='oidc-issuer',placeholder='URL',help='The identity provider at which staff logs in (OpenID Connect); none by default.',group='Settings'"`
	OIDCClientID   string `variable:"OIDC_CLIENT_ID" kong:"name='oidc-client-id',placeholder='ID',help='Our client id there.',group='Settings'"`
	OIDCSecret     secret `variable:"OIDC_CLIENT_SECRET" kong:"name='oidc-client-secret',placeholder='SECRET',help='Our client secret there.',group='Settings'"`
	OIDCSecretFile string `variable:"OIDC_CLIENT_SECRET_FILE" kong:"name='oidc-client-secret-file',placeholder='FILE',help='A file that holds the client secret.',group='Settings'"`
	OIDCClaim      string `variable:"OIDC_CLAIM" kong:"name='oidc-claim',placeholder='NAME',help='The claim that names the account here; preferred_username by default.',group='Settings'"`
	OIDCAMR        string `variable:"OIDC_AMR" kong:"name='oidc-amr',placeholder='METHOD,…',help='Authentication methods of which the token must name one; mfa by default.',group='Settings'"`
	OIDCACR        string `variable:"OIDC_ACR" kong:"name='oidc-acr',placeholder='CLASS,…',help='Authentication classes of which the token must have one.',group='Settings'"`
	LogLevel       string `variable:"LOG_LEVEL" envDefault:"info" kong:"name='log-level',placeholder='LEVEL',help='debug, info (default), warn or error.',group='Settings'"`
	LogFormat      string `variable:"LOG_FORMAT" kong:"name='log-format',placeholder='FORMAT',help='text (default on a terminal) or json.',group='Settings'"`
	Now            string `variable:"NOW" kong:"name='now',placeholder='TIME',help='Development only: a fixed clock, 2026-11-22T09:30:00+08:00, or a shifted one, +300d.',group='Settings'"`
}

// secret is a setting that may hold a password. It prints as "redacted"; Reveal gives it.
type secret string

// Reveal is the plain setting.
func (s secret) Reveal() string { return string(s) }

// String hides the setting.
func (s secret) String() string {
	if s == "" {
		return ""
	}
	return "redacted"
}

// GoString hides the setting from %#v.
func (s secret) GoString() string { return s.String() }

// MarshalText hides the setting from JSON and structured logs.
func (s secret) MarshalText() ([]byte, error) { //nolint:unparam // encoding.TextMarshaler
	return []byte(s.String()), nil
}

// readSettings merges the environment with the flags given: a flag goes before its variable, a variable before
// the default.
func readSettings(environ []string, flags settings) (settings, error) {
	variables := map[string]string{}
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		if strings.HasPrefix(name, variablePrefix) && name != testVariable && value != "" {
			variables[name] = value
		}
	}
	if err := refuseUnknown(variables); err != nil {
		return settings{}, err
	}
	overlay(variables, flags)
	var merged settings
	if err := env.ParseWithOptions(&merged, env.Options{Environment: variables, Prefix: variablePrefix, TagName: "variable"}); err != nil {
		return settings{}, fmt.Errorf("read environment: %w", err)
	}
	var err error
	if merged.Database, err = fromFile("DATABASE_URL", merged.Database, merged.DatabaseFile); err != nil {
		return settings{}, err
	}
	merged.OIDCSecret, err = fromFile("OIDC_CLIENT_SECRET", merged.OIDCSecret, merged.OIDCSecretFile)
	return merged, err
}

// overlay puts the flags given over the variables of the same meaning. A value and its file are one setting.
func overlay(variables map[string]string, flags settings) {
	given := reflect.ValueOf(flags)
	for i, name := range variableNames() {
		text := given.Field(i).String()
		if text == "" {
			continue
		}
		delete(variables, strings.TrimSuffix(name, "_FILE"))
		if other := name + "_FILE"; slices.Contains(variableNames(), other) {
			delete(variables, other)
		}
		variables[name] = text
	}
}

// fromFile is a secret as given or out of its file.
func fromFile(variable string, given secret, file string) (secret, error) {
	if file == "" {
		return given, nil
	}
	variable = variablePrefix + variable
	if given != "" {
		return "", fmt.Errorf("%s and %s_FILE are both given; remove one", variable, variable)
	}
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if err != nil {
		return "", fmt.Errorf("%s_FILE: %w", variable, err)
	}
	return secret(strings.TrimSpace(string(text))), nil
}

// variableNames are the names of all variables in the order of the fields of settings.
func variableNames() []string {
	kind := reflect.TypeFor[settings]()
	names := make([]string, kind.NumField())
	for i := range names {
		names[i] = variablePrefix + kind.Field(i).Tag.Get("variable")
	}
	return names
}

func refuseUnknown(variables map[string]string) error {
	known := variableNames()
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if slices.Contains(known, name) {
			continue
		}
		closest := slices.MinFunc(known, func(a, b string) int { return distance(a, name) - distance(b, name) })
		return fmt.Errorf("%s is not a setting; the closest is %s", name, closest)
	}
	return nil
}

// distance is the number of characters to insert, remove or replace to get from one name to the other.
func distance(from, to string) int {
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(from) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(to) {
			replaced := diagonal
			if from[i] != to[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}
