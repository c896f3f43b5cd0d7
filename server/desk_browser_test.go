package main_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// deskPerson is somebody of staff as desk.mjs is given them.
type deskPerson struct {
	Account string   `json:"account"`
	Codes   []string `json:"codes"`
}

// deskWalk is what desk.mjs is given.
type deskWalk struct {
	visit

	Service  string                `json:"service"`
	Password string                `json:"password"`
	People   map[string]deskPerson `json:"people"`
	Who      map[string]string     `json:"who"`
	Caller   map[string]string     `json:"caller"`
	Viewport map[string]int        `json:"viewport"`
}

// deskWalked is what it saw.
type deskWalked struct {
	visited

	Printed      bool     `json:"printed"`
	Revealed     string   `json:"revealed"`
	Afterwards   int      `json:"afterwards"`
	OwnButtons   int      `json:"ownButtons"`
	Waiting      string   `json:"waiting"`
	Decided      string   `json:"decided"`
	States       []string `json:"states"`
	Refused      string   `json:"refused"`
	ShownAnswers bool     `json:"shownAnswers"`
	Clicks       int      `json:"clicks"`
}

func TestADeskInABrowser(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		lang, decided, refused string
		width                  int
	}{
		"sqlite":   {"zh", "已办结", "来电人的身份没有核实", 1280},
		"postgres": {"en", "Done", "The caller was not identified", 390},
	}
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			c, address, folder := cases[engine], fresh(t), t.TempDir()
			settings := environment(address, folder)
			running := startProcess(t, settings)
			hire := func(account, role string) deskPerson {
				return deskPerson{account, hireStaff(t, settings, account, role).recovery}
			}
			people := running.people(t)
			who, caller := people["already_active"], people["sealed"]
			var card struct {
				Bank     string `db:"bank_code"`
				Received string `db:"received_on"`
			}
			db := database(t, address)
			require.NoError(t, db.Get(&card, db.Rebind("SELECT bank_code, received_on FROM card WHERE card_number = ?"), caller.CardNumber))
			var seen deskWalked
			inChromium(t, "desk.mjs", deskWalk{
				visit: visit{Lang: c.lang}, Service: running.service, Password: staffPassword,
				People: map[string]deskPerson{"clerk": hire("amy", "clerk"), "asks": hire("sun", "supervisor"), "decides": hire("zhou", "supervisor")},
				Who: map[string]string{
					"name": who.Name, "born": who.IDNumber[6:10] + "-" + who.IDNumber[10:12] + "-" + who.IDNumber[12:14],
				},
				Caller: map[string]string{
					"number": caller.IDNumber, "name": caller.Name, "bank": card.Bank, "month": card.Received[:len("2006-01")],
				},
				Viewport: map[string]int{"width": c.width, "height": 900},
			}, &seen)
			require.Empty(t, seen.Problems, seen.Steps)
			assert.Equal(t, who.Name, seen.Revealed)
			assert.Zero(t, seen.Afterwards, "shown once")
			assert.Zero(t, seen.OwnButtons, "nobody decides the own request")
			assert.Regexp(t, `^1\b`, seen.Waiting)
			assert.Equal(t, c.decided, seen.Decided)
			assert.True(t, seen.Printed, "the slip alone is printed")
			require.Len(t, seen.States, 5)
			for i, state := range []string{"temp_lost", "active", "canceled", "frozen", "temp_lost"} {
				assert.Contains(t, seen.States[i], "state-"+state, i)
			}
			assert.LessOrEqual(t, seen.Clicks, 4)
			assert.False(t, seen.ShownAnswers, "the right answers stay on the server")
			assert.Contains(t, seen.Refused, c.refused)
		})
	}
}

func TestAPartnersKeyInABrowser(t *testing.T) {
	t.Parallel()
	pem, err := os.ReadFile(filepath.Join(signingData, "keys", "partner_ed25519.pub"))
	require.NoError(t, err)
	cases := map[string]struct {
		lang, refused, decided, active, revoked string
		width                                   int
	}{
		"sqlite":   {"en", "One of the entries is not right.", "Done", "in use", "revoked", 1280},
		"postgres": {"zh", "有一项内容填写得不对。", "已办结", "使用中", "已吊销", 390},
	}
	for engine, fresh := range databases {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			c, address, folder := cases[engine], fresh(t), t.TempDir()
			settings := environment(address, folder)
			running := startProcess(t, settings)
			runCommand(t, settings, "partner", "add", "--app-id", bankApp, "--kind", "bank", "--name", "Demo Bank",
				"--region", townRegion, "--bank-code", townBank, "--methods", "citycard.financial.activate")
			people := map[string]deskPerson{
				"asks":    {"op", hireStaff(t, settings, "op", "operator").recovery},
				"decides": {"sun", hireStaff(t, settings, "sun", "supervisor").recovery},
			}
			var seen struct {
				visited

				Refused string `json:"refused"`
				Decided string `json:"decided"`
				Key     string `json:"key"`
				Revoked string `json:"revoked"`
			}
			inChromium(t, "partners.mjs", map[string]any{
				"lang": c.lang, "service": running.service, "password": staffPassword, "people": people, "app": bankApp,
				"pem": string(pem), "viewport": map[string]int{"width": c.width, "height": 900},
			}, &seen)
			require.Empty(t, seen.Problems, seen.Steps)
			assert.Contains(t, seen.Refused, c.refused)
			assert.Equal(t, c.decided, seen.Decided)
			assert.Contains(t, seen.Key, c.active)
			assert.Contains(t, seen.Revoked, c.revoked)
		})
	}
}
