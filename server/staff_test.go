package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const staffPassword = "correct horse battery"

// staffMember is somebody of staff with what they log in with.
type staffMember struct {
	account  string
	secret   string
	recovery []string
}

// staffCommand runs `citycard staff …` with the password on standard input.
func staffCommand(t *testing.T, environment []string, args ...string) (stdout, stderr string) {
	t.Helper()
	command := exec.Command(os.Args[0], append([]string{"staff"}, args...)...)
	var out, complaints bytes.Buffer
	command.Env, command.Stdin, command.Stdout, command.Stderr = environment, strings.NewReader(staffPassword+"\n"), &out, &complaints
	require.NoError(t, command.Run(), "%s", &complaints)
	return out.String(), complaints.String()
}

var recoveryLine = regexp.MustCompile(`(?m)^[A-Z2-7]{26}$`)

// addStaff adds Amy.
func addStaff(t *testing.T, environment []string, role string) *staffMember {
	t.Helper()
	return hireStaff(t, environment, "amy", role)
}

// hireStaff adds an account.
func hireStaff(t *testing.T, environment []string, account, role string) *staffMember {
	t.Helper()
	out, notes := staffCommand(t, environment, "add", "--account", account, "--name", "Amy Lu", "--role", role, "--password-stdin")
	key, err := otp.NewKeyFromURL(strings.TrimSpace(out))
	require.NoError(t, err)
	member := &staffMember{account: account, secret: key.Secret(), recovery: recoveryLine.FindAllString(notes, -1)}
	require.Len(t, member.recovery, 8)
	return member
}

func (m *staffMember) code(t *testing.T, step int64) string {
	t.Helper()
	code, err := hotp.GenerateCode(m.secret, uint64(step))
	require.NoError(t, err)
	return code
}

func (m *staffMember) credentials(code string) string {
	return fmt.Sprintf(`{"account":%q,"password":%q,"code":%q}`, m.account, staffPassword, code)
}

func step(now time.Time) int64 { return now.Unix() / 30 }

// enter logs a member in with a recovery code, so that no test waits for the next one-time code.
func (m *staffMember) enter(t *testing.T, address string) *client {
	t.Helper()
	code := m.recovery[0]
	m.recovery = m.recovery[1:]
	answer, err := newClient("").post(address+"/admin/v1/sessions", m.credentials(code))
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, answer.status, answer.body)
	return newClient(answer.field(t, "token"))
}

func (c *client) must(t *testing.T, status int, method, address, body string) map[string]any {
	t.Helper()
	var answer reply
	var err error
	if method == http.MethodGet {
		answer, err = c.get(address)
	} else {
		answer, err = c.post(address, body)
	}
	require.NoError(t, err)
	require.Equal(t, status, answer.status, answer.body)
	var members map[string]any
	require.NoError(t, json.Unmarshal([]byte(answer.body), &members))
	return members
}

// findCard gives the ref of a person's one card.
func (c *client) findCard(t *testing.T, address, number string) string {
	t.Helper()
	found := c.must(t, http.StatusOK, http.MethodPost, address+"/admin/v1/searches", fmt.Sprintf(`{"id_number":%q}`, number))
	items, _ := found["items"].([]any)
	require.Len(t, items, 1)
	card, _ := items[0].(map[string]any)
	ref, _ := card["ref"].(string)
	return ref
}

func TestStaffFromTheFirstAccountToTheNewCard(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, folder := fresh(t), t.TempDir()
			running := startProcess(t, environment(address, folder))
			amy := addStaff(t, environment(address, folder), "clerk")
			people := running.people(t)

			base := running.service + "/admin/v1"
			desk := amy.enter(t, running.service)
			ref := desk.findCard(t, running.service, people["new"].IDNumber)
			byNumber := desk.must(t, http.StatusOK, http.MethodPost, base+"/searches", fmt.Sprintf(`{"card_number":%q}`, people["new"].CardNumber))
			assert.Len(t, byNumber["items"], 1)

			made, refused := reissueAtOnce(t, desk, base+"/cards/"+ref+"/reissue")
			require.Len(t, made, 1)
			require.Len(t, refused, 49)
			for _, answer := range refused {
				assert.Equal(t, http.StatusConflict, answer.status)
				assert.Equal(t, "reissue_open", answer.field(t, "code"))
				assert.Equal(t, made[0], answer.field(t, "reissue"))
			}
			card := desk.must(t, http.StatusOK, http.MethodGet, base+"/cards/"+ref, "")
			assert.Equal(t, "formal_lost", card["social"])
			for _, step := range []string{"review", "accept", "produce", "ready"} {
				desk.must(t, http.StatusOK, http.MethodPost, base+"/cards/"+made[0]+"/fulfilment", fmt.Sprintf(`{"step":%q}`, step))
			}
			today := time.Now().UTC().Add(8 * time.Hour).Format(time.DateOnly)
			done := desk.must(t, http.StatusOK, http.MethodPost, base+"/cards/"+made[0]+"/fulfilment", `{"step":"collect","received_on":"`+today+`"}`)
			assert.Equal(t, true, done["changed"])
			card = desk.must(t, http.StatusOK, http.MethodGet, base+"/cards/"+ref, "")
			assert.Equal(t, "canceled", card["social"])
			assert.Equal(t, "replaced", card["fulfilment"])
			assert.Equal(t, made[0], card["replaced_by"])

			db := database(t, address)
			var reissues, actions int
			require.NoError(t, db.Get(&reissues, "SELECT count(*) FROM reissue"))
			assert.Equal(t, 1, reissues)
			require.NoError(t, db.Get(&actions, "SELECT count(*) FROM staff_action WHERE action = 'reissue' AND reason = 'lost'"))
			assert.Equal(t, 1, actions)
			require.NoError(t, db.Get(&actions, "SELECT count(*) FROM staff_action WHERE action = 'fulfilment'"))
			assert.Equal(t, 5, actions)
		})
	}
}

// reissueAtOnce asks fifty times at once to replace a card, each time under another number.
func reissueAtOnce(t *testing.T, desk *client, address string) (made []string, refused []reply) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(`{"reason":"lost","waiver":"low_income","note":"left on the bus"}`))
			if !assert.NoError(t, err) {
				return
			}
			request.Header = desk.header.Clone()
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Idempotency-Key", fmt.Sprintf("reissue-%d", i))
			answer, err := desk.do(request)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case !assert.NoError(t, err):
			case answer.status == http.StatusCreated:
				var body struct {
					Reissue struct {
						ID     string `json:"id"`
						FeeFen int    `json:"fee_fen"`
					} `json:"reissue"`
				}
				assert.NoError(t, json.Unmarshal([]byte(answer.body), &body))
				made = append(made, body.Reissue.ID)
			default:
				refused = append(refused, answer)
			}
		})
	}
	all.Wait()
	return made, refused
}

func TestACodeOfStaffCountsOnce(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, folder := fresh(t), t.TempDir()
			// The clock stands still, so that no code runs out while the test runs.
			fixed := time.Date(2026, 11, 22, 1, 30, 0, 0, time.UTC)
			running := startProcess(t, append(environment(address, folder), "CITYCARD_NOW="+fixed.Format(time.RFC3339)))
			amy := addStaff(t, environment(address, folder), "auditor")
			try := func(code string) reply {
				answer, err := newClient("").post(running.service+"/admin/v1/sessions", amy.credentials(code))
				require.NoError(t, err)
				return answer
			}
			current := step(fixed)
			for _, attempt := range []struct {
				code   string
				status int
			}{
				{amy.code(t, current), http.StatusCreated},
				{amy.code(t, current), http.StatusUnauthorized},
				{amy.code(t, current-1), http.StatusUnauthorized},
				{amy.code(t, current+2), http.StatusUnauthorized},
				{amy.code(t, current+1), http.StatusCreated},
				{amy.recovery[0], http.StatusCreated},
				{amy.recovery[0], http.StatusUnauthorized},
				{"", http.StatusUnauthorized},
			} {
				answer := try(attempt.code)
				require.Equal(t, attempt.status, answer.status, answer.body)
				if attempt.status == http.StatusUnauthorized {
					assert.Equal(t, "credentials_invalid", answer.field(t, "code"))
				}
			}
			for range 5 {
				assert.Equal(t, http.StatusUnauthorized, try("000000").status)
			}
			locked := try(amy.recovery[1])
			assert.Equal(t, http.StatusTooManyRequests, locked.status, locked.body)
			assert.NotEmpty(t, locked.header.Get("Retry-After"))
		})
	}
}

func TestSessionsOfStaff(t *testing.T) {
	t.Parallel()
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, folder := fresh(t), t.TempDir()
			settings := environment(address, folder)
			running := startProcess(t, append(settings, "CITYCARD_ADMIN_ADDR=127.0.0.1:0"))
			found := regexp.MustCompile(`staff plane is at (http://\S+)/admin`).FindStringSubmatch(running.log.String())
			require.NotNil(t, found)
			staff := found[1]
			amy := addStaff(t, settings, "clerk")

			t.Run("the staff plane is on its own listener alone", func(t *testing.T) {
				answer, err := newClient("").get(running.service + "/admin/v1/me")
				require.NoError(t, err)
				assert.Equal(t, http.StatusNotFound, answer.status)
				answer, err = newClient("").get(staff + "/v1/me")
				require.NoError(t, err)
				assert.Equal(t, http.StatusNotFound, answer.status)
			})
			t.Run("a session brought along is not taken over", func(t *testing.T) {
				first := amy.enter(t, staff)
				old := strings.TrimPrefix(first.header.Get("Authorization"), "Bearer ")
				bringing := newClient("")
				bringing.header.Set("Cookie", "citycard_staff="+old)
				answer, err := bringing.post(staff+"/admin/v1/sessions", amy.credentials(amy.recovery[0]))
				amy.recovery = amy.recovery[1:]
				require.NoError(t, err)
				require.Equal(t, http.StatusCreated, answer.status, answer.body)
				assert.NotEqual(t, old, answer.field(t, "token"))
				cookie := answer.header.Get("Set-Cookie")
				assert.Contains(t, cookie, answer.field(t, "token"))
				assert.Regexp(t, `Path=/admin; Max-Age=28800; HttpOnly; SameSite=Strict$`, cookie)
			})
			t.Run("a new role counts at once, and a disabled account is out at once", func(t *testing.T) {
				desk := amy.enter(t, staff)
				desk.must(t, http.StatusForbidden, http.MethodGet, staff+"/admin/v1/audit", "")
				setRole(t, address, "auditor")
				desk.must(t, http.StatusOK, http.MethodGet, staff+"/admin/v1/audit", "")
				desk.must(t, http.StatusForbidden, http.MethodPost, staff+"/admin/v1/cards/x/loss", "{}")
				staffCommand(t, settings, "disable", "--account", "amy")
				gone := desk.must(t, http.StatusUnauthorized, http.MethodGet, staff+"/admin/v1/me", "")
				assert.Equal(t, "session_expired", gone["code"])
				answer, err := newClient("").post(staff+"/admin/v1/sessions", amy.credentials(amy.recovery[0]))
				require.NoError(t, err)
				assert.Equal(t, http.StatusUnauthorized, answer.status)
			})
			t.Run("a reset lets in again with new codes alone", func(t *testing.T) {
				_, notes := staffCommand(t, settings, "reset", "--account", "amy", "--password-stdin")
				answer, err := newClient("").post(staff+"/admin/v1/sessions", amy.credentials(amy.recovery[0]))
				require.NoError(t, err)
				assert.Equal(t, http.StatusUnauthorized, answer.status)
				amy.recovery = recoveryLine.FindAllString(notes, -1)
				desk := amy.enter(t, staff)
				request, err := http.NewRequest(http.MethodDelete, staff+"/admin/v1/sessions/current", nil)
				require.NoError(t, err)
				request.Header = desk.header.Clone()
				answer, err = desk.do(request)
				require.NoError(t, err)
				assert.Equal(t, http.StatusNoContent, answer.status)
				desk.must(t, http.StatusUnauthorized, http.MethodGet, staff+"/admin/v1/me", "")
			})
		})
	}
}

// setRole changes amy's role behind the service's back.
func setRole(t *testing.T, address, role string) {
	t.Helper()
	driver, name := "pgx", address
	if file, ok := strings.CutPrefix(address, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+file+"?_pragma=busy_timeout(5000)"
	}
	db, err := sqlx.Open(driver, name)
	require.NoError(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), db.Rebind("UPDATE staff SET role = ? WHERE account = 'amy'"), role)
	require.NoError(t, err)
}
