package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	server "citycard/server"
	"citycard/sql/sqltest"
)

const (
	// asProgram makes the test binary be the program itself, so that tests can start it and kill it.
	asProgram = "TEST_BINARY_IS_CITYCARD"
	// asVariant makes the test binary be one of the variants that the benchmark compares the program with.
	asVariant = "TEST_BINARY_IS_VARIANT"
)

func TestMain(m *testing.M) {
	variant := os.Getenv(asVariant)
	if os.Getenv(asProgram) == "" && variant == "" {
		os.Exit(m.Run())
	}
	os.Exit(actAs(variant))
}

// actAs runs the program, or one of its variants, and gives the exit code.
func actAs(variant string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if variant == "" {
		return server.Run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	}
	if err := server.ServeVariant(ctx, variant); err != nil {
		panic(err)
	}
	return 0
}

// databases are fresh databases, by engine.
var databases = map[string]func(tb testing.TB) string{
	"sqlite": func(tb testing.TB) string {
		tb.Helper()
		return "sqlite:" + filepath.Join(tb.TempDir(), "citycard.db")
	},
	"postgres": sqltest.Postgres,
}

// process is a running citycard.
type process struct {
	command  *exec.Cmd
	service  string
	superApp string
	log      *output
}

// environment is a program's environment for a database and a folder for keys, on free ports.
func environment(database, folder string) []string {
	return append(os.Environ(), asProgram+"=1",
		"CITYCARD_DATABASE_URL="+database, "CITYCARD_KEYS_DIR="+filepath.Join(folder, "keys"),
		"CITYCARD_ADDR=127.0.0.1:0", "CITYCARD_SANDBOX_ADDR=127.0.0.1:0", "CITYCARD_METRICS_ADDR=127.0.0.1:0",
	)
}

var (
	serviceLine  = regexp.MustCompile(`the service is at (http://\S+)`)
	superAppLine = regexp.MustCompile(`super-app at (http://\S+)`)
)

// startProcess runs the program and waits until it is ready. It is killed when the test ends.
func startProcess(tb testing.TB, environment []string) *process {
	tb.Helper()
	p := &process{log: &output{}}
	p.command = exec.Command(os.Args[0], "serve")
	p.command.Env, p.command.Stdout, p.command.Stderr = environment, p.log, p.log
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(tb, p.command.Start())
	tb.Cleanup(p.kill)
	require.Eventually(tb, func() bool {
		printed := p.log.String()
		service, superApp := serviceLine.FindStringSubmatch(printed), superAppLine.FindStringSubmatch(printed)
		if service == nil || superApp == nil {
			return false
		}
		p.service, p.superApp = service[1], superApp[1]
		answer, err := http.Get(p.service + "/readyz")
		return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
	}, 60*time.Second, 20*time.Millisecond, "the program did not get ready: %s", p.log)
	return p
}

// kill ends the program as a power cut would.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	_ = p.command.Wait()
}

// runCommand runs a command of the program to its end.
func runCommand(tb testing.TB, environment []string, args ...string) {
	tb.Helper()
	command := exec.Command(os.Args[0], args...)
	command.Env = environment
	printed, err := command.CombinedOutput()
	require.NoError(tb, err, "%s", printed)
}

// reply is an HTTP answer.
type reply struct {
	status int
	header http.Header
	body   string
}

// field reads one member of a JSON object.
func (r reply) field(t *testing.T, name string) string {
	t.Helper()
	var members map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.body), &members), r.body)
	text, _ := members[name].(string)
	require.NotEmpty(t, text, "%s of %s", name, r.body)
	return text
}

// client is one caller; Header goes with every request.
type client struct {
	http   http.Client
	header http.Header
}

func newClient(token string) *client {
	c := &client{http: http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 600}}, header: http.Header{}}
	if token != "" {
		c.header.Set("Authorization", "Bearer "+token)
	}
	return c
}

// post sends a JSON body; an error means that no answer came.
func (c *client) post(address, body string) (reply, error) {
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	request.Header = c.header.Clone()
	request.Header.Set("Content-Type", "application/json")
	return c.do(request)
}

func (c *client) get(address string) (reply, error) {
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return reply{}, err
	}
	request.Header = c.header.Clone()
	return c.do(request)
}

func (c *client) do(request *http.Request) (reply, error) {
	answer, err := c.http.Do(request)
	if err != nil {
		return reply{}, err
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return reply{}, err
	}
	return reply{answer.StatusCode, answer.Header, string(body)}, answer.Body.Close()
}

// person is one of the stand-in's people.
type person struct {
	User       string `json:"user"`
	Name       string `json:"name"`
	IDNumber   string `json:"id_number"`
	Story      string `json:"story"`
	CardNumber string `json:"card_number"`
}

func (p *process) people(t *testing.T) map[string]person {
	t.Helper()
	answer, err := newClient("").get(p.superApp + "/people")
	require.NoError(t, err)
	var list struct {
		Items []person `json:"items"`
	}
	require.NoError(t, json.Unmarshal([]byte(answer.body), &list))
	found := map[string]person{}
	for _, one := range list.Items {
		found[one.Story] = one
	}
	return found
}

// code asks the stand-in for an authorization code, as the mini-program's runtime would.
func (p *process) code(t *testing.T, user, scope, check string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"user": user, "scopes": []string{scope}, "cert_verify_id": check})
	require.NoError(t, err)
	answer, err := newClient("").post(p.superApp+"/auth-codes", string(body))
	require.NoError(t, err)
	return answer.field(t, "auth_code")
}

// logIn opens a session by authorization code.
func (p *process) logIn(t *testing.T, user string) *client {
	t.Helper()
	answer, err := newClient("").post(p.service+"/v1/sessions", `{"auth_code":"`+p.code(t, user, "auth_base", "")+`"}`)
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, answer.status, answer.body)
	return newClient(answer.field(t, "token"))
}

func activationBody(who person) string {
	return fmt.Sprintf(`{"name":%q,"id_number":%q}`, who.Name, who.IDNumber)
}

// checkOf is the platform's check in an address of its consent page.
func checkOf(t *testing.T, authorizeURL string) string {
	t.Helper()
	page, err := url.Parse(authorizeURL)
	require.NoError(t, err)
	return page.Query().Get("cert_verify_id")
}
