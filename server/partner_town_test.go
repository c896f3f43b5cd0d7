package main_test

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"citycard/integrations/signing"
)

// The bank of these tests, and its keys: those of the verifier's vectors.
const (
	bankApp     = "2026000000000001"
	bankRSA     = "bank-demo-rsa-2026a"
	bankSM2     = "bank-demo-sm2-2026a"
	bankEd25519 = "bank-demo-ed25519-2026a"
	townRegion  = "320100"
)

var signingData = filepath.Join("..", "integrations", "signing", "testdata")

// record is a row of a card file.
type record map[string]string

// partnerTown is a database with cards and a registered bank.
type partnerTown struct {
	database    string
	folder      string
	environment []string
	// cards were issued by the bank and are collected, not yet active.
	cards []record
	keys  map[string]*signing.PrivateKey
}

const townBank = "102"

// newPartnerTown makes up cards of the bank, imports them, and registers the bank with an RSA, an SM2 and an
// Ed25519 key.
func newPartnerTown(tb testing.TB, database string, cards int, settings ...string) *partnerTown {
	tb.Helper()
	folder := tb.TempDir()
	town := &partnerTown{
		database: database, folder: folder, environment: append(environment(database, folder), settings...),
		keys: map[string]*signing.PrivateKey{},
	}
	file := filepath.Join(folder, "cards.csv")
	runCommand(tb, town.environment, "keys", "generate")
	runCommand(tb, town.environment, "demo", "cards", "--count", strconv.Itoa(cards), "--out", file)
	town.cards = bankOnly(tb, file)
	runCommand(tb, town.environment, "import", "cards", file)
	runCommand(tb, town.environment, "partner", "add", "--app-id", bankApp, "--kind", "bank", "--name", "Demo Bank",
		"--region", townRegion, "--bank-code", townBank, "--methods",
		"citycard.financial.activate,citycard.financial.lose,citycard.financial.restore,citycard.card.query")
	for id, kind := range map[string]struct{ keyType, file string }{
		bankRSA: {"RSA2", "partner_rsa"}, bankSM2: {"SM2", "partner_sm2"}, bankEd25519: {"ED25519", "partner_ed25519"},
	} {
		runCommand(tb, town.environment, "partner", "key", "add", "--app-id", bankApp, "--type", kind.keyType,
			"--file", filepath.Join(signingData, "keys", kind.file+".pub"), "--key-id", id)
		town.keys[id] = privateKey(tb, kind.file)
	}
	return town
}

// bankOnly makes every card of the file one of the bank's that awaits activation, adds that of the vectors, and
// lists them.
func bankOnly(tb testing.TB, file string) []record {
	tb.Helper()
	text, err := os.ReadFile(file)
	require.NoError(tb, err)
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	require.NoError(tb, err)
	cards := make([]record, 0, len(rows)-1)
	for i, row := range rows[1:] {
		card := record{}
		for j, name := range rows[0] {
			card[name] = row[j]
		}
		card["bank_code"] = townBank
		if i == 0 {
			card["card_number"], card["account_number"] = "A12345678", "6222020000005007893"
		}
		for j, name := range rows[0] {
			row[j] = card[name]
		}
		cards = append(cards, card)
	}
	out, err := os.Create(file)
	require.NoError(tb, err)
	require.NoError(tb, csv.NewWriter(out).WriteAll(rows))
	require.NoError(tb, out.Close())
	return cards
}

func (r record) last4() string { return r["account_number"][len(r["account_number"])-4:] }

// activation is the content of a bank's event that activates the card.
func (r record) activation(number string, occurred time.Time) map[string]any {
	return map[string]any{
		"out_request_no": number, "occurred_at": occurred.Format(time.RFC3339), "region": r["region"],
		"card_number": r["card_number"], "bank_code": townBank, "account_last4": r.last4(), "password_set": true,
	}
}

func jsonOf(tb testing.TB, value any) string {
	tb.Helper()
	text, err := json.Marshal(value)
	require.NoError(tb, err)
	return string(text)
}

func privateKey(tb testing.TB, name string) *signing.PrivateKey {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(signingData, "keys", name+".pem"))
	require.NoError(tb, err)
	key, err := signing.ParsePrivateKey(text)
	require.NoError(tb, err)
	return key
}

// publishedKey is one of the service's keys as it publishes it.
type publishedKey struct {
	id  string
	key *signing.PublicKey
}

func platformKeys(tb testing.TB, p *process) []publishedKey {
	tb.Helper()
	answer, err := newClient("").get(p.service + "/.well-known/citycard-keys.json")
	require.NoError(tb, err)
	var list struct {
		Keys []struct {
			KeyID     string `json:"key_id"`
			Type      string `json:"type"`
			PublicKey string `json:"public_key"`
		} `json:"keys"`
	}
	require.NoError(tb, json.Unmarshal([]byte(answer.body), &list))
	keys := make([]publishedKey, len(list.Keys))
	for i, published := range list.Keys {
		key, err := signing.ParsePublicKey([]byte(published.PublicKey))
		require.NoError(tb, err)
		require.Equal(tb, published.Type, string(key.Type()))
		keys[i] = publishedKey{published.KeyID, key}
	}
	return keys
}

// platformKey is the service's active key of a type.
func platformKey(tb testing.TB, p *process, kind string) *signing.PublicKey {
	tb.Helper()
	for _, published := range platformKeys(tb, p) {
		if string(published.key.Type()) == kind {
			return published.key
		}
	}
	require.Fail(tb, "no key of the type "+kind)
	return nil
}

// stripped is a PEM file as SDKs take it: the base64 text without its frame.
func stripped(file []byte) string {
	lines := strings.Split(strings.TrimSpace(string(file)), "\n")
	return strings.Join(lines[1:len(lines)-1], "")
}

// vectorClock is the moment of the verifier's vectors.
const (
	vectorClock = "2026-11-22T09:30:00+08:00"
	vectorHost  = "api.citycard.example"
)

func vectorNow(tb testing.TB) time.Time {
	tb.Helper()
	now, err := time.Parse(time.RFC3339, vectorClock)
	require.NoError(tb, err)
	return now
}

var listeningLine = regexp.MustCompile(`"on":"([^"]+)","for":"service"`)

// startAtVectors runs the service at the clock and under the public address of the verifier's vectors.
func (town *partnerTown) startAtVectors(t *testing.T) *process {
	t.Helper()
	p := &process{log: &output{}}
	p.command = exec.Command(os.Args[0], "serve")
	p.command.Env, p.command.Stdout, p.command.Stderr = slices.Concat(town.environment, []string{"CITYCARD_PUBLIC_URL=http://" + vectorHost}), p.log, p.log
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, p.command.Start())
	t.Cleanup(p.kill)
	require.Eventually(t, func() bool {
		line := listeningLine.FindStringSubmatch(p.log.String())
		if line == nil {
			return false
		}
		p.service = "http://" + line[1]
		answer, err := http.Get(p.service + "/readyz")
		return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
	}, 60*time.Second, 20*time.Millisecond, "the program did not get ready: %s", p.log)
	return p
}

// numbers are the partners' numbers of events that took effect.
func (town *partnerTown) numbers(t *testing.T) []string {
	t.Helper()
	var requests []string
	require.NoError(t, database(t, town.database).SelectContext(t.Context(), &requests,
		"SELECT request FROM idempotency WHERE request LIKE 'partner:%' ORDER BY request"))
	for i := range requests {
		_, requests[i], _ = strings.Cut(requests[i], "/")
	}
	return requests
}
