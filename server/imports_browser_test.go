package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"citycard"
)

// importWalk is what imports.mjs is given.
type importWalk struct {
	visit

	Service string `json:"service"`
	Token   string `json:"token"`
	File    string `json:"file"`
	Wrong   string `json:"wrong"`
}

// importWalked is what it saw.
type importWalked struct {
	visited

	Preview        []string          `json:"preview"`
	ProblemsListed []string          `json:"problems_listed"`
	Counts         map[string]string `json:"counts"`
	List           string            `json:"list"`
	Refused        string            `json:"refused"`
}

func TestACardFileWithBadRowsInABrowser(t *testing.T) {
	t.Parallel()
	langs := map[string]string{"sqlite": "zh", "postgres": "en"}
	problems := map[string][]string{
		"zh": {"4 | name | 没有填写", "5001 | region | 该地区没有生效的城市政策", "5102 |  | 字段中间出现了引号"},
		"en": {
			"4 | name | the field is empty", "5001 | region | no city policy is in force for this region",
			"5102 |  | a quote stands inside a field that does not begin with one",
		},
	}
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, folder := fresh(t), t.TempDir()
			settings := environment(address, folder)
			running := startProcess(t, settings)
			supervisor := hireStaff(t, settings, "sue", "supervisor").enter(t, running.service)
			db := database(t, address)
			var before int
			require.NoError(t, db.Get(&before, "SELECT count(*) FROM card"))
			wrong := filepath.Join(folder, "wrong.csv")
			require.NoError(t, os.WriteFile(wrong, []byte("region,name\n320100,x\n"), 0o600))
			file := cardFile(t, 5200)
			name := strings.Split(strings.Split(string(must(os.ReadFile(file))), "\n")[1], ",")[2]

			var seen importWalked
			inChromium(t, "imports.mjs", importWalk{
				visit: visit{Lang: langs[engine]}, Service: running.service, Token: supervisor.token(), File: file, Wrong: wrong,
			}, &seen)
			require.Empty(t, seen.Problems, seen.Steps)
			assert.Len(t, seen.Preview, 20)
			assert.NotContains(t, seen.Preview[0], name, "masked")
			assert.Contains(t, seen.Preview[0], "*")
			assert.Equal(t, problems[langs[engine]], seen.ProblemsListed)
			assert.Equal(t, map[string]string{"good": "5197", "bad": "3", "added": "5197", "unchanged": "0", "rejected": "3"}, seen.Counts)
			assert.True(t, strings.HasPrefix(seen.List, "\ufeffline,column,reason\r\n4,name,"), seen.List)
			assert.Equal(t, 4, strings.Count(seen.List, "\r\n"))
			assert.Contains(t, seen.Refused, "the header is wrong")
			var after, pieces int
			require.NoError(t, db.Get(&after, "SELECT count(*) FROM card"))
			assert.Equal(t, before+5197, after)
			require.NoError(t, db.Get(&pieces, "SELECT count(*) FROM import_piece"))
			assert.Zero(t, pieces, "the file is gone")
			var actions []string
			require.NoError(t, db.Select(&actions, "SELECT action || ' ' || reason FROM staff_action WHERE action LIKE 'import%' ORDER BY at, id"))
			assert.Subset(t, actions, []string{
				"import_upload card_maker_file", "import_rejects card_maker_file", "import_confirm card_maker_file",
				"import_done card_maker_file", "import_failed card_maker_file",
			})
			assert.NotContains(t, running.log.String(), name)
		})
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// uploaded sends a card file by API and gives the upload's id.
func (c *client) uploaded(t *testing.T, status int, base string, file []byte) map[string]any {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	require.NoError(t, form.WriteField("reason", "bureau_file"))
	require.NoError(t, form.WriteField("note", "case 7"))
	part, err := form.CreateFormFile("file", "cards.csv")
	require.NoError(t, err)
	_, err = io.Copy(part, bytes.NewReader(file))
	require.NoError(t, err)
	require.NoError(t, form.Close())
	request, err := http.NewRequest(http.MethodPost, base+"/admin/v1/imports", &body)
	require.NoError(t, err)
	request.Header = c.header.Clone()
	request.Header.Set("Content-Type", form.FormDataContentType())
	answer, err := c.http.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	text := must(io.ReadAll(answer.Body))
	require.Equal(t, status, answer.StatusCode, "%s", text)
	var members map[string]any
	require.NoError(t, json.Unmarshal(text, &members))
	return members
}

// until asks for an upload until it is in a state.
func (c *client) until(t *testing.T, address string, holds func(map[string]any) bool) map[string]any {
	t.Helper()
	var job map[string]any
	require.Eventually(t, func() bool {
		job = c.must(t, http.StatusOK, http.MethodGet, address, "")
		return holds(job)
	}, 5*time.Minute, 20*time.Millisecond, "%v", job)
	return job
}

func inState(state string) func(map[string]any) bool {
	return func(job map[string]any) bool { return job["state"] == state }
}

// TestAnImportSurvivesAPowerCut kills the process while it imports, starts another one, and counts.
func TestAnImportSurvivesAPowerCut(t *testing.T) {
	t.Parallel()
	const rows = 4 * citycard.BatchLines // killed behind the first batch, with enough left to do
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, folder := fresh(t), t.TempDir()
			settings := environment(address, folder)
			running := startProcess(t, settings)
			supervisor := hireStaff(t, settings, "sue", "supervisor").enter(t, running.service)
			var before int
			db := database(t, address)
			require.NoError(t, db.Get(&before, "SELECT count(*) FROM card"))
			file := must(os.ReadFile(cardFile(t, rows)))
			id, _ := supervisor.uploaded(t, http.StatusCreated, running.service, file)["id"].(string)
			again := supervisor.uploaded(t, http.StatusConflict, running.service, file)
			assert.Equal(t, id, again["import"], "a second upload of the same file names the first")
			path := "/admin/v1/imports/" + id
			checked := supervisor.until(t, running.service+path, inState("checked"))
			assert.InDelta(t, rows-3, checked["good"], 0)
			assert.InDelta(t, 3, checked["bad"], 0)
			supervisor.must(t, http.StatusOK, http.MethodPost, running.service+path+"/confirm", "")
			supervisor.until(t, running.service+path, func(job map[string]any) bool {
				added, _ := job["added"].(float64)
				return added > 0
			})
			running.kill()

			running = startProcess(t, settings)
			done := supervisor.until(t, running.service+path, inState("done"))
			assert.Equal(t, []any{float64(rows - 3), 0.0, 3.0}, []any{done["added"], done["unchanged"], done["rejected"]})
			var cards, rejects int
			require.NoError(t, db.Get(&cards, "SELECT count(*) FROM card"))
			assert.Equal(t, before+rows-3, cards)
			require.NoError(t, db.Get(&rejects, "SELECT count(*) FROM import_reject"))
			assert.Equal(t, 3, rejects)
			first := supervisor.must(t, http.StatusOK, http.MethodGet, running.service+path+"/rejects?limit=2", "")
			second := supervisor.must(t, http.StatusOK, http.MethodGet,
				fmt.Sprintf("%s%s/rejects?limit=2&cursor=%s", running.service, path, first["next_cursor"]), "")
			assert.Len(t, first["items"], 2)
			assert.Len(t, second["items"], 1)
			assert.Nil(t, second["next_cursor"])

			repeated, _ := supervisor.uploaded(t, http.StatusCreated, running.service, file)["id"].(string)
			path = "/admin/v1/imports/" + repeated
			supervisor.until(t, running.service+path, inState("checked"))
			canceled := supervisor.must(t, http.StatusOK, http.MethodPost, running.service+path+"/cancel", "")
			assert.Equal(t, "canceled", canceled["state"])
			supervisor.must(t, http.StatusConflict, http.MethodPost, running.service+path+"/confirm", "")
		})
	}
}
