package main_test

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	server "citycard/server"
)

// onBothEngines runs a test on a fresh SQLite file and on a fresh PostgreSQL database; environ names it and a
// folder for keys.
func onBothEngines(t *testing.T, test func(t *testing.T, environ []string)) {
	t.Helper()
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, []string{"CITYCARD_DATABASE_URL=" + database(t), "CITYCARD_KEYS_DIR=" + filepath.Join(t.TempDir(), "keys")})
		})
	}
}

// cards counts the cards in the service's database.
func cards(t *testing.T, environ []string) int {
	t.Helper()
	_, address, _ := strings.Cut(environ[0], "=")
	var count int
	require.NoError(t, database(t, address).Get(&count, "SELECT count(*) FROM card"))
	return count
}

// cardFile makes up cards and spoils some rows: line 4's name, line 5001's region, a quote in line 5102.
func cardFile(t *testing.T, count int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cards.csv")
	require.Equal(t, 0, command(t, nil, "demo", "cards", "--count", strconv.Itoa(count), "--out", path).code)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")
	spoil := func(line int, change func(fields []string)) {
		if line < len(lines) {
			fields := strings.Split(lines[line-1], ",")
			change(fields)
			lines[line-1] = strings.Join(fields, ",")
		}
	}
	spoil(4, func(fields []string) { fields[2] = "" })
	spoil(5001, func(fields []string) { fields[0] = "999999" })
	spoil(5102, func(fields []string) { fields[2] = `a"b` })
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
	return path
}

// rejectsOf is the list of what was not imported from a file.
func rejectsOf(path string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + ".rejects.csv"
}

const spoiled = "line,column,reason\n4,name,the field is empty\n5001,region,no city policy is in force for this region\n" +
	"5102,,a quote stands inside a field that does not begin with one\n"

func TestAFileIsImportedOnce(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, environ []string) {
		t.Helper()
		path := cardFile(t, 5_500)
		dry := command(t, environ, "import", "cards", path, "--dry-run")
		require.Equal(t, 0, dry.code, dry)
		assert.Contains(t, dry.stdout, "nothing stored: 5497 good, 3 rejected")
		assert.Zero(t, cards(t, environ))

		first := command(t, environ, "import", "cards", path)
		require.Equal(t, 0, first.code, first)
		assert.Contains(t, first.stdout, "5497 added, 0 there already, 3 rejected; see "+rejectsOf(path))
		assert.Contains(t, first.stderr, "100 %", "without a terminal progress is in lines")
		rejects, err := os.ReadFile(rejectsOf(path))
		require.NoError(t, err)
		assert.Equal(t, spoiled, string(rejects))
		assert.Equal(t, 5_497, cards(t, environ))

		again := command(t, environ, "import", "cards", path)
		require.Equal(t, 0, again.code, again)
		assert.Contains(t, again.stdout, "0 added, ")
		rejects, err = os.ReadFile(rejectsOf(path))
		require.NoError(t, err)
		assert.Equal(t, spoiled, string(rejects))

		renamed := filepath.Join(t.TempDir(), "other.csv")
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(renamed, append(text, '\n'), 0o600))
		other := command(t, environ, "import", "cards", renamed)
		require.Equal(t, 0, other.code, other)
		assert.Contains(t, other.stdout, "0 added, 5497 there already, 3 rejected", "the same rows in another file")
		assert.Equal(t, 5_497, cards(t, environ))
	})
}

// stopper ends a run when a word appears in its output.
type stopper struct {
	bytes.Buffer

	word string
	stop context.CancelFunc
}

func (s *stopper) Write(part []byte) (int, error) {
	n, err := s.Buffer.Write(part)
	if strings.Contains(s.String(), s.word) {
		s.stop()
	}
	return n, err
}

func TestAnInterruptedImportGoesOn(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, environ []string) {
		t.Helper()
		path := cardFile(t, 5_500)
		ctx, cancel := context.WithCancel(t.Context())
		progress := &stopper{word: "rows good", stop: cancel}
		var stdout bytes.Buffer
		require.Equal(t, 1, server.Run(ctx, []string{"import", "cards", path}, environ, &stdout, progress))
		stored := cards(t, environ)
		require.Positive(t, stored)
		require.Less(t, stored, 5_497)

		rest := command(t, environ, "import", "cards", path)
		require.Equal(t, 0, rest.code, rest)
		assert.Equal(t, 5_497, cards(t, environ))
		rejects, err := os.ReadFile(rejectsOf(path))
		require.NoError(t, err)
		assert.Equal(t, spoiled, string(rejects))
	})
}

// importedCards is everything that an import is asked for, as stored: identifiers that are drawn and texts that are sealed
// differ from run to run, and so do not count.
func importedCards(t *testing.T, environ []string) []string {
	t.Helper()
	_, address, _ := strings.Cut(environ[0], "=")
	var list []string
	require.NoError(t, database(t, address).Select(&list, `SELECT c.region || ' ' || c.card_number || ' ' ||
 coalesce(c.identification_code, '') || ' ' || c.bank_code || ' ' || c.account_index || ' ' || c.account_last4 || ' ' || c.fulfilment ||
 ' ' || c.social || ' ' || c.financial || ' ' || c.received_on || ' ' || c.valid_to || ' ' || n.number_index
 FROM card c JOIN person p ON p.id = c.person_id JOIN person_number n ON n.person_id = p.id ORDER BY c.region, c.card_number`))
	return list
}

func TestAKilledImportGoesOn(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, environ []string) {
		t.Helper()
		path := cardFile(t, 15_500)
		killed := exec.Command(os.Args[0], "import", "cards", path)
		killed.Env = append(append(os.Environ(), asProgram+"=1"), environ...)
		progress, err := killed.StderrPipe()
		require.NoError(t, err)
		require.NoError(t, killed.Start())
		for lines := bufio.NewScanner(progress); lines.Scan(); {
			if strings.Contains(lines.Text(), "rows good") { // the first batch is stored
				require.NoError(t, killed.Process.Kill())
				break
			}
		}
		require.Error(t, killed.Wait(), "it was killed, not done")
		stored := len(importedCards(t, environ))
		require.Positive(t, stored)
		require.Less(t, stored, 15_497)

		rest := command(t, environ, "import", "cards", path)
		require.Equal(t, 0, rest.code, rest)
		assert.NotContains(t, rest.stdout, ": 15497 added", "what was stored is not stored again")
		rejects, err := os.ReadFile(rejectsOf(path))
		require.NoError(t, err)
		assert.Equal(t, spoiled, string(rejects))

		whole := []string{"CITYCARD_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "whole.db"), environ[1]}
		require.Equal(t, 0, command(t, whole, "import", "cards", path).code)
		assert.Equal(t, importedCards(t, whole), importedCards(t, environ), "the same as of an import that nobody killed")
	})
}

func TestAFileInGB18030IsImported(t *testing.T) {
	t.Parallel()
	onBothEngines(t, func(t *testing.T, environ []string) {
		t.Helper()
		path := cardFile(t, 100)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		encoded, err := simplifiedchinese.GB18030.NewEncoder().Bytes(text)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, encoded, 0o600))
		done := command(t, environ, "import", "cards", path)
		require.Equal(t, 0, done.code, done)
		assert.Contains(t, done.stdout, "99 added, 0 there already, 1 rejected")
	})
}

func TestAWrongHeaderIsAFailure(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cards.csv")
	for text, names := range map[string]string{"": "the file is empty", "name,number\n": "the header is wrong"} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		failed := command(t, home(t), "import", "cards", path)
		assert.Equal(t, 1, failed.code)
		assert.Contains(t, failed.stderr, names)
	}
}
