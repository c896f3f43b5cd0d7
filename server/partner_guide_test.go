package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// guideExample is the first code block under a heading of the integration guide.
func guideExample(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "partners.md"))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "\n### "+heading+"\n")
	require.True(t, found, heading)
	_, rest, found = strings.Cut(rest, "\n```")
	require.True(t, found, heading)
	_, rest, _ = strings.Cut(rest, "\n")
	code, _, found := strings.Cut(rest, "\n```\n")
	require.True(t, found, heading)
	return code + "\n"
}

// guideDesk is a folder in which a reader of the guide has done its first step.
type guideDesk struct {
	folder      string
	environment []string
	running     *process
}

func newGuideDesk(t *testing.T) guideDesk {
	t.Helper()
	folder := t.TempDir()
	surroundings := environment("sqlite:"+filepath.Join(folder, "citycard.db"), folder)
	running := startProcess(t, surroundings)
	for _, args := range [][]string{
		{"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", filepath.Join(folder, "bank.pem")},
		{"pkey", "-in", filepath.Join(folder, "bank.pem"), "-pubout", "-out", filepath.Join(folder, "bank.pub.pem")},
	} {
		printed, err := exec.CommandContext(t.Context(), "openssl", args...).CombinedOutput()
		require.NoError(t, err, "%s", printed)
	}
	runCommand(t, surroundings, "partner", "add", "--app-id", "2026000000000009", "--kind", "bank", "--name", "My Bank", "--region", "320100",
		"--bank-code", "102", "--methods", "citycard.financial.activate,citycard.financial.lose,citycard.financial.restore,citycard.card.query")
	runCommand(t, surroundings, "partner", "key", "add", "--app-id", "2026000000000009", "--type", "RSA2",
		"--file", filepath.Join(folder, "bank.pub.pem"), "--key-id", "my-bank-2026")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "platform.pub.pem"), platformKey(t, running, "RSA2").PEM(), 0o600))
	modules, err := filepath.Abs(filepath.Join(npmPeer, "node_modules"))
	require.NoError(t, err)
	require.NoError(t, os.Symlink(modules, filepath.Join(folder, "node_modules")))
	return guideDesk{folder, surroundings, running}
}

// run runs a program in the folder and gives what it printed.
func (d guideDesk) run(t *testing.T, number, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir = d.folder
	command.Env = append(os.Environ(), "SERVICE="+d.running.service, "NUMBER="+number)
	var complaints strings.Builder
	command.Stderr = &complaints
	printed, err := command.Output()
	require.NoError(t, err, "%s: %s%s", name, printed, complaints.String())
	return string(printed)
}

func (d guideDesk) write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(d.folder, name), []byte(text), 0o600))
}

// sendAsTheGuideSays runs the guide's first command.
func (d guideDesk) sendAsTheGuideSays(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "partners.md"))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "\ngo run ./server partner send ")
	require.True(t, found)
	words, _, _ := strings.Cut(rest, "\n```")
	args := append([]string{"partner", "send", "--url", d.running.service}, strings.Fields(strings.ReplaceAll(words, "\\\n", " "))...)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "bank.pem", filepath.Join(d.folder, "bank.pem"))
	}
	runCommand(t, d.environment, args...)
}

// TestTheGuideLeadsToAnAcceptedCallback runs every example of docs/partners.md as it stands there, twice.
func TestTheGuideLeadsToAnAcceptedCallback(t *testing.T) {
	t.Parallel()
	d := newGuideDesk(t)
	d.sendAsTheGuideSays(t)
	d.write(t, "first.mjs", guideExample(t, "Node"))
	d.write(t, "FirstCallback.java", guideExample(t, "Java"))
	d.write(t, "first.py", guideExample(t, "Python"))
	d.write(t, "first.sh", guideExample(t, "curl and openssl"))
	d.write(t, "first.go", guideExample(t, "Go"))
	printed, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(d.folder, "first"), filepath.Join(d.folder, "first.go")).CombinedOutput()
	require.NoError(t, err, "%s", printed)
	accepted := regexp.MustCompile(`10000.*APPLIED`)
	for name, command := range map[string][]string{
		"NODE-000001": {"node", "first.mjs"}, "GO-0000001": {"./first"}, "JAVA-000001": {"java", "FirstCallback.java"},
		"PYTHON-000001": {"python3", "first.py"}, "CURL-000001": {"sh", "first.sh"},
	} {
		first := d.run(t, name, command[0], command[1:]...)
		assert.Regexp(t, accepted, first, name)
		if name != "NODE-000001" { // that SDK puts a number of its own into the result
			assert.Equal(t, first, d.run(t, name, command[0], command[1:]...), name)
		}
	}
}
