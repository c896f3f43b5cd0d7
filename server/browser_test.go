package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// browsers bounds how many browsers run at once.
var browsers = make(chan struct{}, 2)

const browserFolder = "testdata/browser"

// installBrowser installs what the lock file names, where that is missing or older; npm writes the file looked at last.
var installBrowser = sync.OnceValue(func() error {
	lock, err := os.Stat(filepath.Join(browserFolder, "package-lock.json"))
	if err != nil {
		return err
	}
	installed, err := os.Stat(filepath.Join(browserFolder, "node_modules", ".package-lock.json"))
	if err == nil && !lock.ModTime().After(installed.ModTime()) {
		return nil
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = browserFolder
	return install.Run()
})

// visit is what every script of testdata/browser is given, and visited what each tells.
type visit struct {
	Lang       string `json:"lang"`
	JavaScript bool   `json:"javaScript"`
}

type visited struct {
	Steps    []string `json:"steps"`
	Problems []string `json:"problems"`
}

// inChromium runs a script of testdata/browser: it is given one object, and what it saw is read into the other. The
// environment variable SCREENSHOTS names a folder for pictures of every step.
func inChromium(t *testing.T, script string, given, seen any) {
	t.Helper()
	require.NoError(t, installBrowser())
	browsers <- struct{}{}
	defer func() { <-browsers }()
	input, err := json.Marshal(given)
	require.NoError(t, err)
	if folder := os.Getenv("SCREENSHOTS"); folder != "" {
		folder = filepath.Join(folder, strings.ReplaceAll(t.Name(), "/", "-"))
		require.NoError(t, os.MkdirAll(folder, 0o700))
		var members map[string]any
		require.NoError(t, json.Unmarshal(input, &members))
		members["screenshots"] = folder
		input, err = json.Marshal(members)
		require.NoError(t, err)
	}
	node := exec.CommandContext(t.Context(), "node", script)
	var output, complaints bytes.Buffer
	node.Dir, node.Stdin, node.Stdout, node.Stderr = browserFolder, bytes.NewReader(input), &output, &complaints
	require.NoError(t, node.Run(), "%s", &complaints)
	require.NoError(t, json.Unmarshal(output.Bytes(), seen), "%s", &output)
}

// walk is what walk.mjs is given.
type walk struct {
	visit

	SuperApp string `json:"superApp"`
	Number   string `json:"number"`
	Name     string `json:"name"`
	IDNumber string `json:"idNumber"`
}

// walked is what it saw.
type walked struct {
	visited

	Outcome   string `json:"outcome"`
	Receipt   string `json:"receipt"`
	Financial string `json:"financial"`
	Again     string `json:"again"`
}

func TestTheWholePathInABrowser(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		story, lang string
		javaScript  bool
		outcome     string
		financial   string
		transitions string
	}{
		"a new card, Chinese, without scripts": {"new", "zh", false, "已激活", "active", "1"},
		"a city that asks for the face":        {"online_face", "en", true, "Activated", "active", "1"},
		"a city where the bank confirms":       {"bank_confirm", "zh", false, "已提交，等待银行确认", "pending_bank", "1"},
		"a card lost for the time being":       {"temp_lost", "zh", true, "这次没有办成", "inactive", "0"},
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
					var seen walked
					inChromium(t, "walk.mjs", walk{
						visit:    visit{Lang: c.lang, JavaScript: c.javaScript},
						SuperApp: running.superApp, Number: who.IDNumber, Name: who.Name, IDNumber: who.IDNumber,
					}, &seen)
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
