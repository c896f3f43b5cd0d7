package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
	"citycard/integrations/signing"
)

// register makes a key for a partner of a kind and registers both, with everything that the kind can be granted.
func (town *partnerTown) register(t *testing.T, kind citycard.PartnerKind, appID string) (keyFile, keyID string) {
	t.Helper()
	key, err := signing.GenerateKey(signing.KeyRSA2)
	require.NoError(t, err)
	private, err := key.PEM()
	require.NoError(t, err)
	keyID = strings.ReplaceAll(string(kind), "_", "-") + "-2026"
	keyFile, publicFile := filepath.Join(town.folder, keyID+".pem"), filepath.Join(town.folder, keyID+".pub")
	require.NoError(t, os.WriteFile(keyFile, private, 0o600))
	require.NoError(t, os.WriteFile(publicFile, key.Public().PEM(), 0o600))
	args := []string{"partner", "add", "--app-id", appID, "--kind", string(kind), "--name", string(kind), "--region", townRegion}
	if kind == citycard.PartnerBank {
		args = append(args, "--bank-code", townBank)
	}
	var methods []string
	for _, method := range citycard.MethodsOf(kind) {
		methods = append(methods, string(method))
	}
	runCommand(t, town.environment, append(args, "--methods", strings.Join(methods, ","))...)
	runCommand(t, town.environment, "partner", "key", "add", "--app-id", appID, "--type", "RSA2", "--file", publicFile, "--key-id", keyID)
	return keyFile, keyID
}

// TestPartnerSendPostsEveryKindOfEvent: what it makes up is well formed, so that only the card's state can refuse it.
func TestPartnerSendPostsEveryKindOfEvent(t *testing.T) {
	t.Parallel()
	address := "sqlite:" + filepath.Join(t.TempDir(), "citycard.db")
	town := newPartnerTown(t, address, 1)
	kinds := map[citycard.PartnerKind]string{
		citycard.PartnerBank: "2026000000000011", citycard.PartnerHospital: "2026000000000012", citycard.PartnerPharmacy: "2026000000000013",
		citycard.PartnerCardMaker: "2026000000000014",
	}
	files, ids := map[citycard.PartnerKind]string{}, map[citycard.PartnerKind]string{}
	for kind, appID := range kinds {
		files[kind], ids[kind] = town.register(t, kind, appID)
	}
	running := startProcess(t, town.environment)
	card := town.cards[0]
	for kind, appID := range kinds {
		for _, method := range citycard.MethodsOf(kind) {
			for _, profile := range []string{"gateway", "message"} {
				if method == citycard.MethodCardQuery && profile == "gateway" {
					continue
				}
				command := exec.CommandContext(t.Context(), os.Args[0], "partner", "send", "--url", running.service, "--app-id", appID,
					"--key", files[kind], "--key-id", ids[kind], "--profile", profile, "--method", string(method),
					"--region", card["region"], "--card-number", card["card_number"])
				if method == citycard.MethodFinancialActivate {
					command.Args = append(command.Args, "--set", "bank_code="+townBank, "--set", "account_last4="+card.last4())
				}
				command.Env = town.environment
				printed, err := command.CombinedOutput()
				text := string(printed)
				if err == nil {
					assert.Contains(t, text, "the reply's signature verifies", "%s %s", profile, method)
					continue
				}
				assert.Contains(t, text, "the event was refused", "%s %s", profile, method)
				assert.NotContains(t, text, "isv.", "%s %s", profile, method)
				assert.NotContains(t, text, `"invalid_payload"`, "%s %s", profile, method)
			}
		}
	}
}

func TestPartnerSendSaysWhyAReplyIsNotSigned(t *testing.T) {
	t.Parallel()
	town := newPartnerTown(t, "sqlite:"+filepath.Join(t.TempDir(), "citycard.db"), 1, "CITYCARD_NOW="+vectorClock)
	running := town.startAtVectors(t)
	send := func(more ...string) (string, error) {
		command := exec.CommandContext(t.Context(), os.Args[0], append([]string{
			"partner", "send", "--url", running.service, "--app-id", bankApp, "--key", filepath.Join(signingData, "keys", "partner_ed25519.pem"),
			"--key-id", bankEd25519, "--profile", "message", "--method", "citycard.card.query", "--region", townRegion, "--card-number", "A12345678",
		}, more...)...)
		command.Env = town.environment
		printed, err := command.CombinedOutput()
		return string(printed), err
	}
	text, err := send()
	require.Error(t, err)
	assert.Contains(t, text, "the reply is not signed")
	text, err = send("--host", vectorHost)
	require.NoError(t, err, text)
	assert.Contains(t, text, "the reply's signature verifies")
}

func TestTheClinicExplainsWhatTheServiceRefused(t *testing.T) {
	t.Parallel()
	town := newPartnerTown(t, "sqlite:"+filepath.Join(t.TempDir(), "citycard.db"), 1)
	running := startProcess(t, town.environment)
	c := newClient("")
	draft := town.event(t, town.cards[0], "CLINIC-0001")
	draft.sign(t, town.keys[bankRSA], draft.canonical("sign_type"))
	refused := draft.send(t, c, running.service)
	assert.Contains(t, refused.body, `"sub_code":"isv.invalid-signature"`)
	draft.path = "/clinic/gateway.do"
	told := draft.send(t, c, running.superApp)
	assert.Contains(t, told.body, `"what": "coverage"`)
	assert.Contains(t, told.body, "sign_type was left out")
	assert.Contains(t, told.body, `"key_id": "`+bankRSA+`"`)

	draft.sign(t, town.keys[bankRSA], draft.canonical())
	assert.Contains(t, draft.send(t, c, running.superApp).body, `"ok": true`)
	draft.path = "/gateway.do"
	assert.Contains(t, draft.send(t, c, running.service).body, `"code":"10000"`)
}
