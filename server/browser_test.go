package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// walk is what testdata/browser/walk.mjs is given.
type walk struct {
	SuperApp    string `json:"superApp"`
	Number      string `json:"number"`
	Name        string `json:"name"`
	IDNumber    string `json:"idNumber"`
	Lang        string `json:"lang"`
	JavaScript  bool   `json:"javaScript"`
	Tries       int    `json:"tries"`
	Screenshots string `json:"screenshots,omitempty"`
}

// walked is what it saw.
type walked struct {
	Steps     []string `json:"steps"`
	Problems  []string `json:"problems"`
	Outcome   string   `json:"outcome"`
	Receipt   string   `json:"receipt"`
	Financial string   `json:"financial"`
	Again     string   `json:"again"`
}

// browsers bounds how many browsers run at once.
var browsers = make(chan struct{}, 2)

const browserFolder = "testdata/browser"

// installBrowser installs what the lock file names, where it is missing; npm writes the file looked for last.
var installBrowser = sync.OnceValue(func() error {
	if _, err := os.Stat(filepath.Join(browserFolder, "node_modules", ".package-lock.json")); err == nil {
		return nil
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = browserFolder
	return install.Run()
})

// inChromium walks the path as a made-up person.
func inChromium(t *testing.T, w walk) walked {
	t.Helper()
	require.NoError(t, installBrowser())
	browsers <- struct{}{}
	defer func() { <-browsers }()
	if folder := os.Getenv("SCREENSHOTS"); folder != "" {
		w.Screenshots = filepath.Join(folder, filepath.Base(t.Name()))
		require.NoError(t, os.MkdirAll(w.Screenshots, 0o700))
	}
	given, err := json.Marshal(w)
	require.NoError(t, err)
	node := exec.CommandContext(t.Context(), "node", "walk.mjs")
	var output, complaints bytes.Buffer
	node.Dir, node.Stdin, node.Stdout, node.Stderr = browserFolder, bytes.NewReader(given), &output, &complaints
	require.NoError(t, node.Run(), "%s", &complaints)
	var seen walked
	require.NoError(t, json.Unmarshal(output.Bytes(), &seen))
	return seen
}

func TestTheWholePathInABrowser(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		story, lang string
		javaScript  bool
		tries       int
		outcome     string
		financial   string
		transitions string
	}{
		"a new card, Chinese, without scripts": {"new", "zh", false, 1, "已激活", "active", "1"},
		"a city that asks for the face":        {"online_face", "en", true, 2, "Activated", "active", "1"},
		"a city where the bank confirms":       {"bank_confirm", "zh", false, 1, "已提交，等待银行确认", "pending_bank", "1"},
		"a card lost for the time being":       {"temp_lost", "zh", false, 1, "这次没有办成", "inactive", "0"},
	}
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address := fresh(t)
			running := startProcess(t, environment(address, t.TempDir()))
			people, db := running.people(t), database(t, address)
			for name, c := range cases {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					who := people[c.story]
					seen := inChromium(t, walk{
						SuperApp: running.superApp, Number: who.IDNumber, Name: who.Name, IDNumber: who.IDNumber,
						Lang: c.lang, JavaScript: c.javaScript, Tries: c.tries,
					})
					require.Empty(t, seen.Problems, seen.Steps)
					assert.Equal(t, c.outcome, seen.Outcome)

					var financial, transitions string
					require.NoError(t, db.Get(&financial, db.Rebind("SELECT financial FROM card WHERE card_number = ?"), who.CardNumber))
					assert.Equal(t, c.financial, financial)
					require.NoError(t, db.Get(&transitions, db.Rebind(`SELECT count(*) FROM transition t JOIN card c ON c.ref = t.card_ref
 WHERE c.card_number = ? AND t.machine = 'financial'`), who.CardNumber))
					assert.Equal(t, c.transitions, transitions)
					if c.transitions == "1" {
						assert.Regexp(t, `^[A-Z0-9-]{8,}$`, seen.Receipt)
						assert.Equal(t, "state state-"+c.financial, seen.Financial)
						assert.NotEmpty(t, seen.Again)
					}
				})
			}
		})
	}
}
