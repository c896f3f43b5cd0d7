package main_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	server "citycard/server"
)

const (
	patience = 30 * time.Second
	moment   = 20 * time.Millisecond
)

// outcome is what one command left behind.
type outcome struct {
	code           int
	stdout, stderr string
}

// command runs the program in a folder of its own: environment first, as NAME=value, then arguments.
func command(t *testing.T, environ []string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := server.Run(t.Context(), args, environ, &stdout, &stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

// home is the environment of a service that keeps everything in a folder of the test's.
func home(t *testing.T) []string {
	t.Helper()
	folder := t.TempDir()
	return []string{
		"CITYCARD_DATABASE_URL=sqlite:" + filepath.Join(folder, "citycard.db"),
		"CITYCARD_KEYS_DIR=" + filepath.Join(folder, "keys"),
	}
}

// output is a buffer that one goroutine writes and another reads.
type output struct {
	lock sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(part []byte) (int, error) {
	o.lock.Lock()
	defer o.lock.Unlock()
	return o.text.Write(part)
}

func (o *output) String() string {
	o.lock.Lock()
	defer o.lock.Unlock()
	return o.text.String()
}

// service is a running service with the stand-in super-app beside it.
type service struct {
	url, superApp  string
	stdout, stderr *output
	stop           func() int
}

var listening = regexp.MustCompile(`"on":"([^"]+)","for":"service"`)

// start runs the service and the stand-in on free ports until the test ends, or stop is called, which gives the
// exit code.
func start(t *testing.T, environ []string) *service {
	t.Helper()
	s := launch(t, append([]string{
		"CITYCARD_ADDR=127.0.0.1:0", "CITYCARD_SANDBOX_ADDR=127.0.0.1:0", "CITYCARD_METRICS_ADDR=127.0.0.1:0",
	}, environ...))
	found := superAppLine.FindStringSubmatch(s.stdout.String())
	require.NotNil(t, found)
	s.superApp = found[1]
	return s
}

// launch runs the service and waits until it is ready at the address it listens on.
func launch(t *testing.T, environ []string) *service {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &service{stdout: &output{}, stderr: &output{}}
	code := make(chan int, 1)
	go func() { code <- server.Run(ctx, nil, environ, s.stdout, s.stderr) }()
	s.stop = sync.OnceValue(func() int {
		cancel()
		return <-code
	})
	t.Cleanup(func() { s.stop() })
	require.Eventually(t, func() bool {
		found := listening.FindStringSubmatch(s.stderr.String())
		if found != nil {
			s.url = "http://" + found[1]
		}
		return found != nil
	}, patience, moment, "the service did not start")
	require.Eventually(t, func() bool { return get(t, s.url+"/readyz") == http.StatusOK }, patience, moment)
	return s
}

func TestStandInRunsByItself(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var stdout, stderr output
	code := make(chan int, 1)
	environ := append(home(t), "CITYCARD_SANDBOX_ADDR=127.0.0.1:0")
	go func() { code <- server.Run(ctx, []string{"sandbox"}, environ, &stdout, &stderr) }()
	var superApp []string
	require.Eventually(t, func() bool {
		superApp = superAppLine.FindStringSubmatch(stdout.String())
		return superApp != nil && get(t, superApp[1]+"/people") == http.StatusOK
	}, patience, moment)
	cancel()
	assert.Zero(t, <-code, "what a service does beside answering is none of the stand-in's: %s", &stderr)
}

// get is the status that an address answers with; 0 where nobody does.
func get(t *testing.T, address string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return 0
	}
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

// commandLine is a command that a help names, in full.
var commandLine = regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z]+)*)(?:  +\S|$)`)

// TestEveryCommandHasHelpWithAnExample follows the help from the program down to its last command.
func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	t.Parallel()
	left, seen := []string{""}, []string{}
	for len(left) > 0 {
		words := left[0]
		left = left[1:]
		shown := command(t, nil, append(strings.Fields(words), "--help")...)
		assert.Equal(t, 0, shown.code, words)
		assert.Empty(t, shown.stderr, words)
		assert.Regexp(t, strings.TrimSpace(`Example:\n\n    (\S+=\S+ )*citycard `+words), shown.stdout, words)
		_, below, _ := strings.Cut(shown.stdout, "\nCommands:\n")
		for _, found := range commandLine.FindAllStringSubmatch(below, -1) {
			left = append(left, found[1])
		}
		seen = append(seen, words)
	}
	for _, words := range []string{
		"serve", "migrate", "migrate up", "migrate status", "import cards", "staff add", "staff reset", "staff disable", "partner add",
		"partner key add", "partner key revoke", "partner list", "keys generate", "keys show", "keys rotate", "audit verify",
		"doctor", "demo cards", "sandbox", "version",
	} {
		assert.Contains(t, seen, words)
	}
}

func TestWrongUsageIsOneLineAndExitCodeTwo(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		environ []string
		args    []string
		names   string
	}{
		"an unknown command":      {nil, []string{"fly"}, "fly"},
		"an unknown flag":         {nil, []string{"--adr", ":1"}, "--adr"},
		"a flag without value":    {nil, []string{"demo", "cards", "--count"}, "--count"},
		"a missing flag":          {nil, []string{"demo", "cards", "--count", "1"}, "--out"},
		"a missing file":          {nil, []string{"import", "cards"}, "<file>"},
		"an unknown key kind":     {nil, []string{"keys", "rotate", "index"}, "index"},
		"an unknown variable":     {[]string{"CITYCARD_DATABSE_URL=x"}, []string{"version"}, "CITYCARD_DATABSE_URL is not a setting; the closest is CITYCARD_DATABASE_URL"},
		"a bad address":           {[]string{"CITYCARD_ADDR=8080"}, nil, "CITYCARD_ADDR"},
		"a bad environment":       {[]string{"CITYCARD_ENV=test"}, []string{"serve"}, "CITYCARD_ENV"},
		"a bad database":          {nil, []string{"migrate", "--database-url", "mysql://x"}, "CITYCARD_DATABASE_URL"},
		"a bad public address":    {[]string{"CITYCARD_PUBLIC_URL=https://x/path"}, nil, "CITYCARD_PUBLIC_URL"},
		"a bad gateway":           {[]string{"CITYCARD_ALIPAY_GATEWAY=ftp://x"}, nil, "CITYCARD_ALIPAY_GATEWAY"},
		"half a platform":         {[]string{"CITYCARD_ALIPAY_PRIVATE_KEY_FILE=x"}, nil, "CITYCARD_ALIPAY_PRIVATE_KEY_FILE"},
		"one certificate":         {[]string{"CITYCARD_ALIPAY_APP_CERT_FILE=x"}, nil, "three certificate files"},
		"a bad proxy":             {[]string{"CITYCARD_TRUSTED_PROXIES=all"}, nil, "CITYCARD_TRUSTED_PROXIES"},
		"a bad level":             {[]string{"CITYCARD_LOG_LEVEL=loud"}, nil, "CITYCARD_LOG_LEVEL"},
		"a bad format":            {[]string{"CITYCARD_LOG_FORMAT=xml"}, nil, "CITYCARD_LOG_FORMAT"},
		"a bad clock":             {[]string{"CITYCARD_NOW=tomorrow"}, nil, "CITYCARD_NOW"},
		"a missing policy":        {[]string{"CITYCARD_POLICY_FILE=/none.json"}, nil, "/none.json"},
		"a database and its file": {[]string{"CITYCARD_DATABASE_URL=sqlite:x", "CITYCARD_DATABASE_URL_FILE=x"}, []string{"doctor"}, "remove one"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed := command(t, c.environ, c.args...)
			assert.Empty(t, failed.stdout)
			assert.Contains(t, failed.stderr, c.names)
			assert.Equal(t, 1, strings.Count(failed.stderr, "\n"), failed.stderr)
			assert.Equal(t, 2, failed.code)
		})
	}
}

func TestFailuresAreOneLineAndExitCodeOne(t *testing.T) {
	t.Parallel()
	environ := home(t)
	taken := start(t, environ)
	blocked := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	cases := map[string]struct {
		args  []string
		names string
	}{
		"a file that is not there": {[]string{"import", "cards", "/none.csv"}, "/none.csv"},
		"no keys":                  {[]string{"keys", "show", "--keys-dir", "/none"}, "/none"},
		"keys that are there":      {[]string{"keys", "generate"}, "there already is a key ring"},
		"an address in use":        {[]string{"serve", "--addr", strings.TrimPrefix(taken.url, "http://")}, "CITYCARD_ADDR"},
		"a database in no folder":  {[]string{"migrate", "--database-url", "sqlite:" + blocked + "/citycard.db"}, "CITYCARD_DATABASE_URL"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed := command(t, environ, c.args...)
			assert.Empty(t, failed.stdout)
			assert.Contains(t, failed.stderr, c.names)
			assert.Equal(t, 1, strings.Count(failed.stderr, "\n"), failed.stderr)
			assert.Equal(t, 1, failed.code)
		})
	}
}

func TestWithoutConfigurationEverythingIsThere(t *testing.T) {
	t.Parallel()
	environ := home(t)
	s := start(t, environ)
	assert.Equal(t, http.StatusOK, get(t, s.url+"/"))
	assert.Equal(t, http.StatusOK, get(t, s.url+"/livez"))
	assert.Equal(t, http.StatusOK, get(t, s.url+"/openapi.json"))
	assert.Equal(t, http.StatusOK, get(t, s.superApp+"/"))
	assert.Equal(t, http.StatusOK, get(t, s.superApp+"/people"))
	metrics := metricsLine.FindStringSubmatch(s.stderr.String())
	require.NotNil(t, metrics)
	assert.Equal(t, http.StatusOK, get(t, "http://"+metrics[1]+"/metrics"))
	assert.Equal(t, 0, s.stop(), s.stderr)
	assert.Equal(t, 0, get(t, s.url+"/livez"), "it is gone")

	again := start(t, environ)
	assert.Equal(t, http.StatusOK, get(t, again.url+"/readyz"), "it starts again on what it left")
}

func TestDoctorTellsWhatItFound(t *testing.T) {
	t.Parallel()
	environ := home(t)
	fresh := command(t, environ, "doctor")
	assert.Equal(t, 0, fresh.code, fresh)
	for _, line := range []string{"ok    configuration: ", "ok    policy: ", "ok    keys: ", "ok    clock: ", "ok    database: ", "ok    platform: "} {
		assert.Contains(t, fresh.stdout, line)
	}
	s := start(t, environ)
	gateway := "CITYCARD_ALIPAY_GATEWAY=" + s.superApp + "/gateway.do"
	running := command(t, append(environ, gateway), "doctor")
	assert.Equal(t, 0, running.code, running)
	assert.Contains(t, running.stdout, "as the platform's")
	s.stop()

	unwell := command(t, append(environ, gateway), "doctor")
	assert.Equal(t, 1, unwell.code)
	assert.Contains(t, unwell.stdout, "FAIL  platform: ")
	assert.Equal(t, "citycard: doctor: not everything is well\n", unwell.stderr)
}

func TestMigrateIsRepeatable(t *testing.T) {
	t.Parallel()
	environ := home(t)
	for range 2 {
		up := command(t, environ, "migrate")
		assert.Equal(t, 0, up.code, up)
		assert.Regexp(t, `^the schema has version [1-9][0-9]*\n$`, up.stdout)
	}
	status := command(t, environ, "migrate", "status")
	assert.Regexp(t, `^the schema has version ([0-9]+), this program knows version ([0-9]+)\n$`, status.stdout)
	for _, setting := range environ {
		if _, keys, found := strings.Cut(setting, "KEYS_DIR="); found {
			assert.NoDirExists(t, keys, "a schema needs no keys")
		}
	}
}

func TestKeysAreGeneratedShownAndRotated(t *testing.T) {
	t.Parallel()
	environ := home(t)
	made := command(t, environ, "keys", "generate", "--suite", "gm")
	require.Equal(t, 0, made.code, made)
	shown := command(t, environ, "keys", "show")
	require.Equal(t, 0, shown.code, shown)
	assert.Equal(t, 4, strings.Count(shown.stdout, "-----BEGIN PUBLIC KEY-----"))
	assert.NotContains(t, shown.stdout, "PRIVATE")
	for _, kind := range []string{"data", "session", "platform_rsa2", "platform_sm2", "master"} {
		rotated := command(t, environ, "keys", "rotate", kind)
		assert.Equal(t, outcome{0, "a new " + kind + " key is in use\n", ""}, rotated)
	}
	after := command(t, environ, "keys", "show")
	assert.Contains(t, after.stdout, "retired")
	assert.NotEqual(t, shown.stdout, after.stdout)
}

func TestVersionSaysWhatRuns(t *testing.T) {
	t.Parallel()
	assert.Regexp(t, `^citycard \S+, commit \S+, go1\.\d+`, command(t, nil, "version").stdout)
}
