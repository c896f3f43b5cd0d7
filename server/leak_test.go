package main_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"citycard"
	"citycard/integrations/sandbox"
	"citycard/sql/sqltest"
)

// needles are what must not be found, by their first four bytes.
type needles map[uint32][]needle

type needle struct {
	text []byte
	// what names the needle without being one.
	what string
}

// hide adds a value in every form it might be written in.
func (n needles) hide(t *testing.T, what, value string) {
	t.Helper()
	if value == "" {
		return
	}
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(value)
	require.NoError(t, err)
	for encoding, text := range map[string]string{"UTF-8": value, "GB18030": gb} {
		n.add(what+" in "+encoding, text)
		n.add(what+" in hex of "+encoding, hex.EncodeToString([]byte(text)))
		n.add(what+" in HEX of "+encoding, strings.ToUpper(hex.EncodeToString([]byte(text))))
		n.add(what+" percent-encoded", url.QueryEscape(text))
		for offset := range 3 {
			n.add(what+" in base64 of "+encoding, inside(base64.RawStdEncoding, text, offset))
			n.add(what+" in base64url of "+encoding, inside(base64.RawURLEncoding, text, offset))
		}
	}
	escaped, err := json.Marshal(value)
	require.NoError(t, err)
	n.add(what+" in JSON", strings.Trim(string(escaped), `"`))
	n.add(what+" in ASCII JSON", strings.Trim(fmt.Sprintf("%+q", value), `"`))
}

func (n needles) add(what, text string) {
	start := binary.LittleEndian.Uint32([]byte(text))
	for _, known := range n[start] {
		if string(known.text) == text {
			return
		}
	}
	n[start] = append(n[start], needle{[]byte(text), what})
}

// inside is the part of a base64 text that a value determines when it begins offset bytes after a group of three.
func inside(encoding *base64.Encoding, value string, offset int) string {
	text := encoding.EncodeToString([]byte(strings.Repeat("\x00", offset) + value))
	begin := (offset*8 + 5) / 6
	end := (offset + len(value)) * 8 / 6
	return text[begin:end]
}

// found lists what a text holds.
func (n needles) found(text []byte) []string {
	var all []string
	for i := 0; i+4 <= len(text); i++ {
		for _, wanted := range n[binary.LittleEndian.Uint32(text[i:])] {
			if bytes.HasPrefix(text[i:], wanted.text) {
				all = append(all, wanted.what)
			}
		}
	}
	return all
}

// personalData is everything about the made-up people that must stay sealed.
func personalData(t *testing.T) needles {
	t.Helper()
	hidden := needles{}
	for _, person := range sandbox.People(citycard.DateOf(time.Now())) {
		hidden.hide(t, "name of "+person.User, person.Name)
		for i, number := range append([]string{person.IDNumber}, person.OtherNumbers...) {
			hidden.hide(t, fmt.Sprintf("ID number %d of %s", i, person.User), number)
		}
		for _, card := range person.Cards {
			hidden.hide(t, "name on the card of "+person.User, card.Name)
			hidden.hide(t, "account of "+person.User, card.AccountNumber)
			hidden.hide(t, "phone of "+person.User, card.Phone)
		}
	}
	return hidden
}

func TestNoPersonalDataInDatabasesAndLogs(t *testing.T) {
	t.Parallel()
	engines := map[string]func(t *testing.T) (address string, dump func() map[string][]byte){
		"sqlite": func(t *testing.T) (string, func() map[string][]byte) {
			t.Helper()
			folder := t.TempDir()
			return "sqlite:" + filepath.Join(folder, "citycard.db"), func() map[string][]byte { return filesIn(t, folder) }
		},
		"postgres": func(t *testing.T) (string, func() map[string][]byte) {
			t.Helper()
			server := sqltest.Start(t, "log_statement=all", "log_parameter_max_length_on_error=-1", "full_page_writes=on")
			address := server.Database(t)
			return address, func() map[string][]byte {
				files := filesIn(t, filepath.Dir(server.LogFile()))
				dump, err := exec.CommandContext(t.Context(), "pg_dump", "--dbname="+address).Output()
				require.NoError(t, err)
				require.Contains(t, string(dump), "COPY public.person ")
				require.Contains(t, string(files["log"]), "INSERT INTO person", "the server logs its statements")
				files["dump"] = dump
				return files
			}
		},
	}
	for engine, fresh := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			address, dump := fresh(t)
			hidden := personalData(t)
			running := startProcess(t, append(environment(address, t.TempDir()),
				"CITYCARD_LOG_LEVEL=debug", "CITYCARD_TRUSTED_PROXIES=127.0.0.0/8"))
			useEverything(t, running)
			metrics := scrape(t, running)
			require.NoError(t, running.command.Process.Signal(syscall.SIGTERM))
			require.NoError(t, running.command.Wait())

			files := dump()
			files["log of the service"] = []byte(running.log.String())
			files["metrics"] = metrics
			searched := 0
			for name, text := range files {
				searched += len(text)
				assert.Empty(t, hidden.found(text), name)
			}
			assert.Greater(t, searched, 100_000)
			assert.Contains(t, running.log.String(), `"code":"card_not_matched"`, "the log holds what went wrong")
			assert.NotContains(t, running.log.String(), "198.51.100.", "the log holds no addresses")
		})
	}
}

func TestWhatIsHiddenWouldBeFound(t *testing.T) {
	t.Parallel()
	hidden := personalData(t)
	for _, person := range sandbox.People(citycard.DateOf(time.Now())) {
		for _, value := range []string{person.Name, person.IDNumber} {
			gb, err := simplifiedchinese.GB18030.NewEncoder().String(value)
			require.NoError(t, err)
			for offset := range 4 {
				filler := strings.Repeat("x", offset)
				for _, text := range []string{
					filler + value, filler + gb, hex.EncodeToString([]byte(filler + value)), hex.EncodeToString([]byte(filler + gb)),
					base64.StdEncoding.EncodeToString([]byte(filler + value + "yy")), base64.URLEncoding.EncodeToString([]byte(filler + gb)),
				} {
					require.NotEmpty(t, hidden.found([]byte(text)), "%q", text)
				}
			}
		}
	}
}

// useEverything does what citizens do, well and badly, for every made-up person.
func useEverything(t *testing.T, running *process) {
	t.Helper()
	address := 0 // of each citizen one, for attempts are limited by address
	for _, who := range running.people(t) {
		citizen := running.logIn(t, who.User)
		address++
		citizen.header.Set("X-Forwarded-For", "198.51.100."+strconv.Itoa(address))
		for _, name := range []string{who.Name, who.Name + "错"} {
			begun, err := citizen.post(running.service+"/v1/activations", activationBody(person{Name: name, IDNumber: who.IDNumber}))
			require.NoError(t, err)
			if begun.status == http.StatusAccepted && begun.field(t, "identity_method") == "certdoc" {
				running.confirm(t, citizen, who, begun)
			} else if begun.status == http.StatusAccepted {
				running.passFace(t, who, begun)
				_, err = citizen.post(running.service+"/v1/activations/"+begun.field(t, "id")+"/confirm", `{}`)
				require.NoError(t, err)
			}
		}
		// Personal data where it does not belong: broken bodies, unknown members, paths, queries, headers.
		for _, body := range []string{
			`{"name":"` + who.Name + `"`, `{"name":"` + who.Name + `","id_number":"` + who.IDNumber + `","` + who.Name + `":1}`,
			`{"name":"` + who.Name + `","id_number":"` + who.IDNumber + `x"}`, who.IDNumber,
		} {
			refused, err := citizen.post(running.service+"/v1/activations", body)
			require.NoError(t, err)
			require.GreaterOrEqual(t, refused.status, 400)
		}
		citizen.header.Set("User-Agent", who.IDNumber)
		for _, path := range []string{"/v1/cards", "/v1/me", "/none/" + who.IDNumber, "/" + url.PathEscape(who.Name), "/?q=" + url.QueryEscape(who.Name)} {
			_, err := citizen.get(running.service + path)
			require.NoError(t, err)
		}
	}
}

var metricsLine = regexp.MustCompile(`"on":"([^"]+)","for":"metrics"`)

// scrape reads the metrics.
func scrape(t *testing.T, running *process) []byte {
	t.Helper()
	at := metricsLine.FindStringSubmatch(running.log.String())
	require.NotNil(t, at)
	answer, err := newClient("").get("http://" + at[1] + "/metrics")
	require.NoError(t, err)
	require.Contains(t, answer.body, "citycard_http_requests_total")
	return []byte(answer.body)
}

// filesIn reads every file of a folder.
func filesIn(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) || entry.IsDir() {
			return nil // a running server removes files
		}
		name, nameErr := filepath.Rel(folder, path)
		require.NoError(t, nameErr)
		text, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		files[name] = text
		return err
	}))
	return files
}
